package lines

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// mostWait is the longest that a thread may wait for a moment without being said to have a clock: the runtimes of some languages look
// after themselves every minute or so.
const mostWait = 30 * time.Second

// Clock says of a group that sleeps which of its threads a clock will wake, and in how long at most, as in "a thread sleeps in epoll_pwait for
// 980ms at most"; "" where none is found. What cannot be read counts as none: it is a hint for people.
func (g *Group) Clock() string {
	for _, process := range g.members {
		folder := "/proc/" + strconv.Itoa(process) + "/task"
		tasks, err := names(folder)
		if err != nil {
			continue
		}
		for _, task := range tasks {
			text, err := g.read(folder + "/" + task + "/syscall")
			if err != nil {
				continue
			}
			if call, wait, has := waits(process, bytes.Fields(text)); has {
				return fmt.Sprintf("a thread sleeps in %s for %v at most", call, wait)
			}
		}
	}
	return ""
}

// waits reads for how long a system call waits, of its number and its arguments.
func waits(process int, fields [][]byte) (call string, wait time.Duration, has bool) {
	if len(fields) < 7 {
		return "", 0, false // it runs, or may not be looked at
	}
	number, err := strconv.Atoi(string(fields[0]))
	if err != nil {
		return "", 0, false
	}
	argument := func(i int) uint64 {
		n, err := strconv.ParseUint(string(bytes.TrimPrefix(fields[1+i], []byte("0x"))), 16, 64)
		if err != nil {
			return 0
		}
		return n
	}
	milliseconds := func(i int) (time.Duration, bool) {
		n := int32(argument(i))
		return time.Duration(n) * time.Millisecond, n > 0
	}
	switch number {
	case unix.SYS_EPOLL_PWAIT:
		call = "epoll_pwait"
		wait, has = milliseconds(3)
	case unix.SYS_PPOLL:
		call = "ppoll"
		wait, has = timespec(process, argument(2))
	case unix.SYS_PSELECT6:
		call = "pselect6"
		wait, has = timespec(process, argument(4))
	case unix.SYS_NANOSLEEP:
		call = "nanosleep"
		wait, has = timespec(process, argument(0))
	case unix.SYS_CLOCK_NANOSLEEP:
		call = "clock_nanosleep"
		if wait, has = timespec(process, argument(2)); has && argument(1)&timerAbsolute != 0 {
			var now unix.Timespec
			if unix.ClockGettime(int32(argument(0)), &now) != nil {
				return "", 0, false
			}
			wait -= time.Duration(now.Nano())
		}
	case unix.SYS_FUTEX:
		const private, realtime, wakesAt = 128, 256, 9
		if op := argument(1) &^ (private | realtime); op == wakesAt {
			return "", 0, false // until a moment of some clock: how far off it is does not show here
		}
		call = "futex"
		wait, has = timespec(process, argument(3))
	default:
		call, wait, has = waitsHere(number, argument, milliseconds)
	}
	return call, wait, has && wait <= mostWait
}

// timerAbsolute is TIMER_ABSTIME: the call waits until a moment. And farthest is how far off the moments are that are read, in seconds.
const (
	timerAbsolute = 1
	farthest      = 1 << 32
)

// timespec reads a duration from the memory of a process.
func timespec(process int, at uint64) (time.Duration, bool) {
	if at == 0 {
		return 0, false
	}
	memory, err := os.Open("/proc/" + strconv.Itoa(process) + "/mem")
	if err != nil {
		return 0, false
	}
	defer memory.Close()
	var t [16]byte
	if _, err := memory.ReadAt(t[:], int64(at)); err != nil {
		return 0, false
	}
	number := func(b []byte) (n int64) {
		for i := len(b) - 1; i >= 0; i-- {
			n = n<<8 | int64(b[i])
		}
		return n
	}
	seconds, nanoseconds := number(t[:8]), number(t[8:])
	if seconds < 0 || seconds > farthest || nanoseconds < 0 || nanoseconds >= int64(time.Second) {
		return 0, false
	}
	return time.Duration(seconds)*time.Second + time.Duration(nanoseconds), true
}
