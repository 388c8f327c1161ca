package sandbox_test

import (
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/harness/grade/sandbox"
)

// BenchmarkStart measures what a box adds to the start of a program: started in the box and plain, in turns, so that a loaded
// machine slows both.
func BenchmarkStart(b *testing.B) {
	for _, m := range []sandbox.Mechanism{sandbox.Bubblewrap} {
		b.Run(string(m), func(b *testing.B) {
			box, err := sandbox.Open(b.Context(), sandbox.Options{Temp: b.TempDir(), Mechanism: m})
			require.NoError(b, err)
			defer func() { require.NoError(b, box.Close()) }()
			command := box.Command([]string{"/usr/bin/true"}, "")
			var plain, boxed, cpu time.Duration
			for b.Loop() {
				begun := time.Now()
				require.NoError(b, exec.Command("/usr/bin/true").Run())
				plain += time.Since(begun)
				begun = time.Now()
				c := exec.Command(command.Args[0], command.Args[1:]...)
				c.Env, c.Dir = command.Env, command.Dir
				require.NoError(b, c.Run())
				boxed += time.Since(begun)
				cpu += c.ProcessState.SystemTime() + c.ProcessState.UserTime()
			}
			b.ReportMetric(float64((boxed-plain).Microseconds())/1000/float64(b.N), "ms-added/start")
			b.ReportMetric(float64(plain.Microseconds())/1000/float64(b.N), "ms-plain/start")
			b.ReportMetric(float64(cpu.Microseconds())/1000/float64(b.N), "ms-cpu/start")
		})
	}
}
