package lines

import (
	"time"

	"golang.org/x/sys/unix"
)

// waitsHere is waits of the system calls that only this architecture has.
func waitsHere(number int, _ func(int) uint64, milliseconds func(int) (time.Duration, bool)) (call string, wait time.Duration, has bool) {
	switch number {
	case unix.SYS_EPOLL_WAIT:
		call = "epoll_wait"
		wait, has = milliseconds(3)
	case unix.SYS_POLL:
		call = "poll"
		wait, has = milliseconds(2)
	}
	return call, wait, has
}
