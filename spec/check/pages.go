package check

import "unsafe"

// words returns n numbers that are 0, in pages that are the system's when they are many, for which freeWords is to be called.
func words[T uint32 | bucket](n int) []T {
	if n == 0 {
		return nil
	}
	var one T
	pages := newPages(n * int(unsafe.Sizeof(one)))
	return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(pages))), n)
}

func freeWords[T uint32 | bucket](w []T) {
	if len(w) == 0 {
		return
	}
	var one T
	freePages(unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(w))), len(w)*int(unsafe.Sizeof(one))))
}
