//go:build linux

package lines_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/harness/lines"
)

func BenchmarkQuiet(b *testing.B) {
	p, err := lines.Start(lines.Command{Args: []string{"sh", "-c", "while read x; do echo $x; done"}})
	require.NoError(b, err)
	defer p.Stop()
	g := lines.NewGroup(p.PID())
	for b.Loop() {
		require.NoError(b, p.Write([]byte("a\n")))
		require.NoError(b, g.Quiet(p))
		line, err := p.Line()
		require.NoError(b, err)
		require.Equal(b, "a", string(line))
	}
}
