package shrink

import (
	"time"

	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/configuration"
	"github.com/firstgap/firstgap/harness/failure"
)

// A Result is the smallest run that was found.
type Result struct {
	Target        failure.Target
	Configuration configuration.Configuration // of the smallest run
	Before, After Size
	Runs          int           // that were made
	Took          time.Duration // of real time
	// Minimal tells that every single element was taken out of the smallest run by itself, and that it did not fail then.
	Minimal bool
	// Ended says why it is not minimal: the budget of runs or of time, or an interruption.
	Ended string
	// Differs says in what the run that was recorded is another one now, though it fails by the same; "" where it is the same.
	Differs string
	// Resumed tells that it went on from a smaller run that was given.
	Resumed bool
}

// A Size is how much there is in a run.
type Size struct {
	Events       uint64 `json:"events"`
	Faults       int    `json:"faults"`
	Transactions int    `json:"transactions"` // or single calls, that clients began
	Operations   int    `json:"operations"`   // requests of these, begin and commit left out
	Clients      int    `json:"clients"`
	Nodes        int    `json:"nodes"`
}

// A Row is one line of a table of sizes.
type Row struct {
	What          string
	Before, After uint64
}

// Rows compares two sizes by what is made small. Events are not among it: where less goes on, a run may wait longer for its end.
func Rows(before, after Size) []Row {
	return []Row{
		{"faults", uint64(before.Faults), uint64(after.Faults)}, {"transactions", uint64(before.Transactions), uint64(after.Transactions)},
		{"operations", uint64(before.Operations), uint64(after.Operations)}, {"clients", uint64(before.Clients), uint64(after.Clients)},
		{"nodes", uint64(before.Nodes), uint64(after.Nodes)},
	}
}

// SizeOf returns how much there is in a run of a system.
func SizeOf(system harness.System, r *harness.Result) Size {
	size := Size{Events: r.Counts.World.Events, Faults: len(r.Configuration.Plan.Faults)}
	if r.Evidence != nil {
		clients := map[int]bool{}
		for i := range r.Evidence.Begun {
			b := &r.Evidence.Begun[i]
			clients[b.Client] = true
			size.Transactions++
			size.Operations += b.Requests
		}
		size.Clients = len(clients)
	}
	if t, err := system.Topology(&r.Configuration); err == nil {
		size.Nodes = len(t.Nodes()) - t.Clients
	}
	return size
}
