package harnesstest

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/campaign"
	"github.com/firstgap/firstgap/harness/workload"
	"github.com/firstgap/firstgap/impl/node"

	_ "github.com/firstgap/firstgap/harness/internal/runflags"
)

// forgetful stores two writes of three.
type forgetful struct {
	rows   map[string]node.Value
	writes int
}

func (f *forgetful) Step(_ node.Time, ev node.Event, out *node.Effects) {
	if ev.Kind != node.Requested {
		return
	}
	q := ev.Request
	reply := node.Reply{ID: q.ID, Op: q.Op, Status: node.OK}
	if q.Op == node.OpWrite {
		if f.writes++; f.writes%3 != 0 {
			f.rows[q.Rows[0].Key] = q.Rows[0].Value
		}
	} else {
		reply.Value = f.rows[q.Rows[0].Key]
	}
	out.Respond(ev.From, reply)
}

// A heard is a test whose failures are heard and are none of this test.
type heard struct {
	testing.TB
	end  time.Time
	said strings.Builder
}

func (h *heard) Error(all ...any)               { fmt.Fprintln(&h.said, all...) }
func (h *heard) Logf(format string, all ...any) { fmt.Fprintf(&h.said, format+"\n", all...) }
func (h *heard) Deadline() (time.Time, bool)    { return h.end, !h.end.IsZero() }
func (h *heard) Fatalf(format string, all ...any) {
	fmt.Fprintf(&h.said, format+"\n", all...)
	runtime.Goexit()
}

// run runs a system in a test of its own and returns what that says.
func run(t *testing.T, h *heard, o campaign.Options) string {
	o.System = harness.Replicas{Name: "forgetful", Count: 1, Mix: workload.Registers(), New: func(harness.Place) node.Node { return &forgetful{rows: map[string]node.Value{}} }}.System()
	h.TB = t
	done := make(chan struct{})
	go func() {
		defer close(done)
		Run(h, o)
	}()
	<-done
	return h.said.String()
}

// A test that fails says why, and where the file and the page are; both are there when it has ended.
func TestAFailingTestSaysWhy(t *testing.T) {
	text := run(t, &heard{}, campaign.Options{Runs: 3, Workers: 1, Explain: campaign.Explaining{For: 2 * time.Second, Most: 1}})
	require.Contains(t, text, "\nwhy\n")
	require.Contains(t, text, "violation: ")
	for _, name := range []string{"firstgap replay ", "\npage: "} {
		_, file, found := strings.Cut(text, name)
		require.True(t, found, text)
		file, _, _ = strings.Cut(file, "\n")
		defer os.RemoveAll(filepath.Dir(file))
		require.FileExists(t, file)
	}
	require.Equal(t, 1, strings.Count(text, "\nwhy\n"))
	require.Contains(t, text, "not explained: ")
	// It can be left out.
	text = run(t, &heard{}, campaign.Options{Runs: 3, Workers: 1, Explain: campaign.Explaining{For: -1}})
	require.NotContains(t, text, "\nwhy\n")
	require.NotContains(t, text, "explained")
	require.Contains(t, text, "linearizability: ")
}

// A test that is soon to be ended explains for shorter, so that it ends by itself.
func TestATestThatIsSoonToBeEndedExplainsForShorter(t *testing.T) {
	require.Equal(t, explainFor, patience(&heard{TB: t}))
	require.Equal(t, explainFor, patience(&heard{TB: t, end: time.Now().Add(time.Hour)}))
	soon := patience(&heard{TB: t, end: time.Now().Add(24 * time.Second)})
	require.Positive(t, soon)
	require.LessOrEqual(t, soon, 2*time.Second)
	require.Negative(t, patience(&heard{TB: t, end: time.Now().Add(-time.Second)}))
}
