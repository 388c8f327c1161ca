package harnesstest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/aurora"
	"github.com/firstgap/firstgap/harness/campaign/guide"
	"github.com/firstgap/firstgap/harness/older"
	"github.com/firstgap/firstgap/harness/workload"
	"github.com/firstgap/firstgap/impl/node"
)

// FuzzAurora drives the project's own system by the bytes of `go test -fuzz FuzzAurora ./harness/harnesstest`.
func FuzzAurora(f *testing.F) {
	g, err := harness.WithPoints()
	require.NoError(f, err)
	Fuzz(f, aurora.System(), g)
}

// FuzzQuorum drives versioned registers.
func FuzzQuorum(f *testing.F) { Fuzz(f, older.Named("quorum"), harness.Generation{}) }

// An input whose run fails fails the test, and leaves the failure's file; one whose run passes does not.
func TestAnInputThatFailsFailsTheTest(t *testing.T) {
	of := func(n func() node.Node) string {
		s := harness.Replicas{Name: "register", Count: 1, Mix: workload.Registers(), New: func(harness.Place) node.Node { return n() }}.System()
		h := &heard{TB: t}
		done := make(chan struct{})
		go func() {
			defer close(done)
			fuzzed(h, &guide.Material{System: s}, []byte("\x02some bytes"))
		}()
		<-done
		return h.said.String()
	}
	text := of(func() node.Node { return &forgetful{rows: map[string]node.Value{}} })
	require.Contains(t, text, "linearizability: ")
	_, file, found := strings.Cut(text, "firstgap replay ")
	require.True(t, found, text)
	file, _, _ = strings.Cut(file, "\n")
	defer os.RemoveAll(filepath.Dir(file))
	require.FileExists(t, file)
	require.Empty(t, of(func() node.Node { return &mindful{forgetful{rows: map[string]node.Value{}}} }))
}

// mindful stores every write.
type mindful struct{ forgetful }

func (m *mindful) Step(now node.Time, ev node.Event, out *node.Effects) {
	m.writes = 0
	m.forgetful.Step(now, ev, out)
}
