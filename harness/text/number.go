package text

import (
	"fmt"
	"math"
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

// Brief renders a number of things in at most five characters: 9,999 as 9999, 12345 as 12.3k, 1234567 as 1.23M.
func Brief(n uint64) string {
	if n < 10_000 {
		return fmt.Sprint(n)
	}
	x := float64(n)
	for _, unit := range []string{"k", "M", "G", "T", "P", "E"} {
		if x /= 1000; x < 999.5 {
			digits := 0
			for most := 99.95; x < most && digits < 2; most /= 10 {
				digits++
			}
			return strconv.FormatFloat(x, 'f', digits, 64) + unit
		}
	}
	return fmt.Sprint(n)
}

// Share renders a part of a whole in percent, with a digit behind the point. It is 100% only of all, and 0% only of nothing: what is left,
// and what is there, is never rounded away.
func Share(part, whole uint64) string {
	switch {
	case part == 0 || whole == 0:
		return "0%"
	case part >= whole:
		return "100%"
	}
	percent := 100 * float64(part) / float64(whole)
	if percent < 0.1 {
		return "<0.1%"
	}
	return fmt.Sprintf("%.1f%%", math.Floor(percent*10)/10)
}

// Long renders a duration by its two largest units: 3d4h, 2h5m, 5m10s, 10s, and 5m where there are no seconds beside.
func Long(d time.Duration) string {
	d = d.Round(time.Second)
	units := []struct {
		size time.Duration
		name string
	}{{24 * time.Hour, "d"}, {time.Hour, "h"}, {time.Minute, "m"}, {time.Second, "s"}}
	for i, unit := range units[:len(units)-1] {
		if d < unit.size {
			continue
		}
		s := fmt.Sprintf("%d%s", d/unit.size, unit.name)
		if rest := d % unit.size / units[i+1].size; rest > 0 {
			s += fmt.Sprintf("%d%s", rest, units[i+1].name)
		}
		return s
	}
	return fmt.Sprintf("%ds", d/time.Second)
}
