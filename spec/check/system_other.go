//go:build !unix

package check

import (
	"os"
	"unsafe"
)

// newPages returns n bytes that are 0 and at an address that is a multiple of 8.
func newPages(n int) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(make([]uint64, (n+7)/8)))), n)
}

func freePages([]byte) {}

// lockFile locks nothing here: what this system offers ends with the process only by chance.
func lockFile(*os.File) error { return nil }
