//go:build unix

package fleet

import (
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// processor returns how long this process has had processors.
func processor(b *testing.B) time.Duration {
	var u syscall.Rusage
	require.NoError(b, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
