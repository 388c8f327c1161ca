package command

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/aurora"
	"github.com/firstgap/firstgap/impl/node"
)

// forgetting is a segment of ours that does not write what it acknowledges.
type forgetting struct{ node.Node }

func (f forgetting) Step(now node.Time, ev node.Event, out *node.Effects) {
	f.Node.Step(now, ev, out)
	for i := range out.List {
		if out.List[i].Kind == node.DoAppend {
			out.List[i].Data = nil
		}
	}
}

func TestAScenarioEndsWithItsVerdict(t *testing.T) {
	of := aurora.Ours()
	ours := of.Segment
	of.Segment = func(id node.ID, v *node.Volume, n aurora.Nodes, h node.Hook) node.Node {
		return forgetting{ours(id, v, n, h)}
	}
	systems := append(Systems(), harness.System(aurora.Of("forgetting", of)))
	script := "volume replicas=3 write-quorum=2 read-quorum=2\n----\n\nstart\n----\n\nquiet\n----\n\ntxn t\nput X=1\ncommit\n----\n\ncrash A\n----\n\nrestart A\n----\n"
	file := filepath.Join(t.TempDir(), "a.txt")
	play := func(text, system string) (int, string, string) {
		require.NoError(t, os.WriteFile(file, []byte(text), 0o644))
		var out, err strings.Builder
		return run(t.Context(), systems, []string{"scenario", "--system", system, file}, &out, io.Writer(&err)), out.String(), err.String()
	}
	code, out, _ := play(script, aurora.Name)
	require.Zero(t, code, out)
	code, out, _ = play(script, "forgetting")
	require.Equal(t, 1, code, out)
	require.Contains(t, out, "violation: "+file+":18: restart: ")
	code, out, _ = play(strings.Replace(script, "quiet\n----\n\n", "", 1), aurora.Name)
	require.Equal(t, 1, code)
	require.Contains(t, out, "violation: 1 of 5 commands show something else")
	code, _, said := play("start\n----\n", aurora.Name)
	require.Equal(t, 2, code)
	require.Contains(t, said, "want volume")
}
