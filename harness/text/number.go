package text

import (
	"fmt"
	"strconv"
	"time"
)

// Count renders 1234567 as 1,234,567.
func Count[N ~int | ~int64 | ~uint64](n N) string {
	s := fmt.Sprint(n)
	first := 0
	if s[0] == '-' {
		first = 1
	}
	for i := len(s) - 3; i > first; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// Seconds renders a duration in seconds, with so many digits behind the point and without the unit.
func Seconds(d time.Duration, digits int) string {
	return strconv.FormatFloat(d.Seconds(), 'f', digits, 64)
}

// Milliseconds renders a duration in milliseconds, with so many digits behind the point and without the unit.
func Milliseconds(d time.Duration, digits int) string {
	return strconv.FormatFloat(float64(d)/float64(time.Millisecond), 'f', digits, 64)
}

// Bytes renders a number of bytes in the largest decimal unit of which there is one, with four significant digits: 12.8 GB.
func Bytes(n float64) string {
	for _, unit := range []struct {
		size float64
		name string
	}{{1e15, "PB"}, {1e12, "TB"}, {1e9, "GB"}, {1e6, "MB"}, {1e3, "kB"}} {
		if n >= unit.size {
			return fmt.Sprintf("%.4g %s", n/unit.size, unit.name)
		}
	}
	return fmt.Sprintf("%.0f B", n)
}

// Figure renders a measured number in at most seven characters.
func Figure(x float64) string {
	switch {
	case x >= 100_000:
		return fmt.Sprintf("%.0fk", x/1000)
	case x >= 100:
		return fmt.Sprintf("%.0f", x)
	}
	return fmt.Sprintf("%.1f", x)
}
