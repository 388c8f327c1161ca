package reader

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Every lag is counted in a range that it is in, and no range is wider than an eighth of what is in it.
func TestLagsAreAnEighthTooLongAtMost(t *testing.T) {
	last := time.Duration(-1)
	for us := time.Duration(0); us < 200_000_000; us = us + 1 + us/61 {
		var l Lags
		l.Note(us*time.Microsecond + 999)
		at := l.At(50) / time.Microsecond
		require.GreaterOrEqual(t, at, us)
		require.LessOrEqual(t, at, us+us/8)
		require.GreaterOrEqual(t, at, last)
		require.Equal(t, at, l.At(100)/time.Microsecond)
		last = at
	}
	var l, m Lags
	require.Zero(t, l.At(99))
	l.Note(-time.Second)
	require.Zero(t, l.At(99))
	for us := range time.Duration(100) {
		m.Note(us * time.Millisecond)
	}
	m.Note(time.Hour)
	l.Add(&m)
	require.InDelta(t, 50, float64(l.At(50)/time.Millisecond), 50./8)
	require.Less(t, l.At(99), 120*time.Millisecond)
	require.Greater(t, l.At(100), 3*time.Minute)
}
