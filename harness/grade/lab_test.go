package grade

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/configuration"
	"github.com/firstgap/firstgap/harness/grade/labs"
	"github.com/firstgap/firstgap/harness/judge"
	"github.com/firstgap/firstgap/harness/lines/protocol"
	"github.com/firstgap/firstgap/harness/workload"
	"github.com/firstgap/firstgap/impl/node"

	_ "github.com/firstgap/firstgap/harness/internal/runflags"
)

// The planted bugs of the tests' lab.
const (
	hasty  = "bugAnswerBeforeSync" // loses what it acknowledged when it crashes
	stale  = "bugReadOnce"         // reads what it has read before
	silent = "bugSilent"           // answers nothing
)

// keeper keeps what it is told in a file that it syncs before it answers, but for its bugs.
type keeper struct {
	hook  node.Hook
	draw  func() uint64 // of one that is another each time; nil for others
	rows  map[string]node.Value
	read  map[string]node.Value
	waits map[node.Token]answer
	next  node.Token
}

type answer struct {
	to    node.ID
	reply node.Reply
}

func (k *keeper) bug(name string) bool { return k.hook != nil && k.hook.Planted(name) }

func (k *keeper) Step(_ node.Time, ev node.Event, out *node.Effects) {
	switch ev.Kind {
	case node.Started:
		k.rows, k.read, k.waits = map[string]node.Value{}, map[string]node.Value{}, map[node.Token]answer{}
		for _, f := range ev.Files {
			for line := range strings.SplitSeq(string(f.Data), "\n") {
				if key, value, whole := strings.Cut(line, "="); whole && strings.HasSuffix(value, ";") {
					k.rows[key] = node.Some(strings.TrimSuffix(value, ";"))
				}
			}
		}
	case node.DiskDone:
		if a, waits := k.waits[ev.Token]; waits {
			delete(k.waits, ev.Token)
			out.Respond(a.to, a.reply)
		}
	case node.Requested:
		k.request(ev.From, ev.Request, out)
	}
}

func (k *keeper) request(from node.ID, q node.Request, out *node.Effects) {
	if k.bug(silent) {
		return
	}
	reply := node.Reply{ID: q.ID, Op: q.Op, Status: node.OK}
	key := q.Rows[0].Key
	if k.draw != nil {
		out.SetTimer(1, time.Duration(1+k.draw()%1000)*time.Microsecond)
	}
	if q.Op != node.OpWrite {
		reply.Value = k.rows[key]
		if old, has := k.read[key]; has && k.bug(stale) {
			reply.Value = old
		}
		k.read[key] = reply.Value
		out.Respond(from, reply)
		return
	}
	k.next++
	k.rows[key] = q.Rows[0].Value
	out.Append("log", []byte(key+"="+q.Rows[0].Value.Bytes+";\n"))
	out.Sync(k.next)
	if k.bug(hasty) {
		out.Respond(from, reply)
		return
	}
	k.waits[k.next] = answer{from, reply}
}

func keepers(p protocol.Place) node.Node { return &keeper{hook: p.Hook} }

// fake is a lab of one node with a disk.
func fake() *labs.Lab {
	bugs := []faults.PlantedBug{
		{Name: hasty, Rule: "an answer waits for the disk", Expect: []judge.Check{faults.Durability, faults.Linearizability}},
		{Name: stale, Rule: "a read returns the newest write", Expect: []judge.Check{faults.Linearizability}},
		{Name: silent, Rule: "a call is answered", Expect: []judge.Check{faults.Progress}},
	}
	system := func(m protocol.Maker) harness.System {
		return harness.Replicas{Name: "lab-0-keeper", What: "a keeper", Count: 1, Disk: true, Mix: workload.Registers(), Bugs: bugs,
			New: func(p harness.Place) node.Node {
				return m(protocol.Place{Role: protocol.Replica, ID: p.ID, Index: p.Index, Members: p.Members, Seed: p.Seed, Hook: p.Hook})
			}}.System()
	}
	crashes := func(s harness.System, seed uint64, most int, bug string) (configuration.Configuration, error) {
		c, err := s.Generate(seed, harness.Generation{Bug: bug})
		if err != nil {
			return c, err
		}
		c.Plan.BeyondBudget, c.Plan.Faults, c.Ending.Crash = false, nil, false
		for i := range most {
			c.Plan.Faults = append(c.Plan.Faults, faults.Fault{Kind: faults.Crash, At: faults.Duration(time.Duration(20+40*i+int(seed%13)) * time.Millisecond),
				For: faults.Duration(time.Millisecond), Nodes: []string{"replica 1"}})
		}
		c.Plan.Horizon = faults.Duration(300 * time.Millisecond)
		return c, harness.Validate(s, &c)
	}
	return &labs.Lab{Number: 7, Name: "keeper", Title: "A keeper", Section: "1 Keeping", Role: protocol.Replica, System: system, Reference: keepers,
		Mistakes: []labs.Mistake{{Bug: bugs[0], Test: "crash"}, {Bug: bugs[1], Test: "reads"}, {Bug: bugs[2], Test: "reads"}},
		Tests: []labs.Test{
			{Name: "reads", Rule: "a read returns the newest write", Section: "1.1", Public: true, Marks: 20, Runs: 6, Needs: []string{"operations"},
				Checks: []judge.Check{faults.Linearizability, faults.Progress},
				Generate: func(s harness.System, seed uint64, bug string) (configuration.Configuration, error) {
					return crashes(s, seed, 0, bug)
				}},
			{Name: "crash", Rule: "what was acknowledged is on the disk", Section: "1.2", Marks: 30, Runs: 40, Needs: []string{"operations", "world.crashes"},
				Generate: func(s harness.System, seed uint64, bug string) (configuration.Configuration, error) {
					return crashes(s, seed, 2, bug)
				}},
		},
		Break: labs.Break{Marks: 50, Steps: 3, Runs: 16,
			Generate: func(s harness.System, seed uint64, step int, bug string) (configuration.Configuration, error) {
				return crashes(s, seed, step, bug)
			}}}
}

// graded grades the fake lab's reference with a planted bug.
func graded(t *testing.T, o Options) *Result {
	t.Helper()
	r, err := Grade(t.Context(), fake(), Submission{Name: "anna", Maker: keepers}, o)
	require.NoError(t, err)
	return r
}
