//go:build unix

package check

import (
	"os"
	"syscall"
	"unsafe"
)

// Large tables are pages straight from the system. The collector lets a heap grow to twice of what is in use, so
// a table in it would cost its size once more; and a table that has grown is given back at once.
const mappedBytes = 1 << 17

// newPages returns n bytes that are 0 and at an address that is a multiple of 8, for which freePages is to be called.
func newPages(n int) []byte {
	if n < mappedBytes {
		return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(make([]uint64, (n+7)/8)))), n)
	}
	pages, err := syscall.Mmap(-1, 0, n, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		panic("check: no memory for the states found: " + err.Error()) // as the runtime does when it has none
	}
	return pages
}

// freePages gives memory back. It must not be used any more.
func freePages(pages []byte) {
	if cap(pages) < mappedBytes {
		return
	}
	if err := syscall.Munmap(pages[:cap(pages)]); err != nil {
		panic("check: " + err.Error()) // only pages that newPages has mapped come here
	}
}

// lockFile locks a file against other processes, until it is closed or the process ends.
func lockFile(f *os.File) error { return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) }
