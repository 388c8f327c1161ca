//go:build unix

package check

import (
	"os"
	"syscall"
	"unsafe"
)

// Large tables are pages straight from the system. The collector lets a heap grow to twice of what is in use, so
// a table in it would cost its size once more; and a table that has grown is given back at once.
const mappedBuckets = 1 << 11

func newBuckets(n int) []bucket {
	if n < mappedBuckets {
		return make([]bucket, n)
	}
	pages, err := syscall.Mmap(-1, 0, n*bucketBytes, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		panic("check: no memory for the states found: " + err.Error()) // as the runtime does when it has none
	}
	return unsafe.Slice((*bucket)(unsafe.Pointer(unsafe.SliceData(pages))), n)
}

func freeBuckets(b []bucket) {
	if len(b) < mappedBuckets {
		return
	}
	pages := unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(b))), len(b)*bucketBytes)
	if err := syscall.Munmap(pages); err != nil {
		panic("check: " + err.Error()) // only pages that newBuckets has mapped come here
	}
}

// lockFile locks a file against other processes, until it is closed or the process ends.
func lockFile(f *os.File) error { return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) }
