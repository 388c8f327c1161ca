//go:build linux && !amd64

package lines

import "time"

// waitsHere is waits of the system calls that only some architectures have.
func waitsHere(int, func(int) uint64, func(int) (time.Duration, bool)) (call string, wait time.Duration, has bool) {
	return "", 0, false
}
