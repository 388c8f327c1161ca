package why

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/aurora"
	"github.com/firstgap/firstgap/harness/failure"
	"github.com/firstgap/firstgap/harness/judge"
	"github.com/firstgap/firstgap/harness/workload"
	"github.com/firstgap/firstgap/impl/node"

	_ "github.com/firstgap/firstgap/harness/internal/runflags"
)

// A claim is said to be false when nothing that its node told supports it. In a run of a system that keeps to its model there is none: an
// explanation that blames a node for what it did rightly is worse than none.
func TestNoClaimOfASoundRunIsFalse(t *testing.T) {
	answered := 0
	for seed := range uint64(24) {
		c, err := aurora.System().Generate(seed, harness.Generation{})
		require.NoError(t, err)
		tape := newTape()
		r := harness.RunWith(aurora.System(), c, harness.Options{Listen: tape.hear})
		require.NotEqual(t, judge.Violation, r.Verdict)
		for _, x := range tape.claims.false(tape.end()) {
			t.Errorf("seed %d: node %d answered at event %d %s, and %s", seed, x.sender, x.step, x.what, x.of)
		}
		for n := range tape.facts {
			if f := &tape.facts[n]; f.what == "appended" || f.what == "fenced" || f.what == "joined" || f.what == "swapped" {
				answered++
			}
		}
	}
	require.Greater(t, answered, 1000, "claims were looked at")
}

func TestARunThatDoesNotFailSoIsNotExplained(t *testing.T) {
	c, err := aurora.System().Generate(1, harness.Generation{})
	require.NoError(t, err)
	_, err = Of(aurora.System(), c, failure.Target{Check: faults.Trace, Rule: "a rule", Verdict: judge.Violation})
	var other *OtherError
	require.ErrorAs(t, err, &other)
	require.Equal(t, "explaining a failure: expected a run that fails by trace (a rule), found one that passes", err.Error())
}

// keeper keeps what it is told, in a file that it syncs, or, where it is hasty, answers before the sync is done.
type keeper struct {
	rows  map[string]node.Value
	waits map[node.Token]answer
	next  node.Token
	hasty bool
}

type answer struct {
	to    node.ID
	reply node.Reply
}

func (k *keeper) Step(_ node.Time, ev node.Event, out *node.Effects) {
	switch ev.Kind {
	case node.Started:
		k.rows, k.waits = map[string]node.Value{}, map[node.Token]answer{}
		for _, f := range ev.Files {
			for _, line := range strings.Split(string(f.Data), "\n") {
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
		q := ev.Request
		reply := node.Reply{ID: q.ID, Op: q.Op, Status: node.OK}
		if q.Op != node.OpWrite {
			reply.Value = k.rows[q.Rows[0].Key]
			out.Respond(ev.From, reply)
			return
		}
		k.next++
		k.rows[q.Rows[0].Key] = q.Rows[0].Value
		out.Append("log", []byte(q.Rows[0].Key+"="+q.Rows[0].Value.Bytes+";\n"))
		out.Sync(k.next)
		if k.hasty {
			out.Respond(ev.From, reply)
			return
		}
		k.waits[k.next] = answer{ev.From, reply}
	}
}

func keepers(hasty bool) harness.System {
	return harness.Replicas{Name: "keeper", Count: 1, Disk: true, Mix: workload.Registers(),
		New: func(harness.Place) node.Node { return &keeper{hasty: hasty} }}.System()
}

// firstFailure returns the first failing run of a system, among some seeds.
func firstFailure(t *testing.T, s harness.System, g harness.Generation, from, seeds uint64, is func(failure.Target) bool) *What {
	for seed := from; seed < from+seeds; seed++ {
		c, err := s.Generate(seed, g)
		require.NoError(t, err)
		r := harness.Run(s, c)
		target, fails := failure.TargetOf(r.Findings)
		if !fails || !is(target) {
			continue
		}
		w, err := Of(s, c, target)
		require.NoError(t, err)
		require.Equal(t, target, w.Target)
		// The same finding, with the names of nodes in place of their numbers.
		found := target.In(&r)
		require.Equal(t, []any{found.Event, found.LSNs, found.Nodes}, []any{w.Finding.Event, w.Finding.LSNs, w.Finding.Nodes})
		sound(t, w)
		return w
	}
	require.Fail(t, "no run fails so")
	return nil
}

// sound holds an explanation against what every one keeps to.
func sound(t *testing.T, w *What) {
	require.NotEmpty(t, w.Headline)
	require.NotEmpty(t, w.Rule.Text)
	require.NotEmpty(t, w.Rule.Reason)
	require.NotEmpty(t, w.Rule.Source)
	require.LessOrEqual(t, len(w.Chain), MostChain)
	require.LessOrEqual(t, len(w.Beliefs), mostBeliefs)
	seen := map[uint64]bool{}
	for i, l := range w.Chain {
		require.NotEmpty(t, l.Words)
		require.NotEmpty(t, l.Node)
		require.True(t, i == 0 || l.Event > w.Chain[i-1].Event && l.At >= w.Chain[i-1].At, "oldest first")
		require.True(t, l.From == 0 || seen[l.From], "an effect of an event of the chain before it")
		seen[l.Event] = true
	}
	if w.Bad != nil {
		require.True(t, seen[w.Bad.Event], "the bad step is in the chain")
	}
	for _, c := range w.Causes {
		require.NotEmpty(t, c.Node)
		require.NotEmpty(t, c.Words)
	}
	for _, x := range w.Waits {
		require.NotEmpty(t, x.Node)
		require.NotEmpty(t, x.For)
		require.NotEmpty(t, x.Of)
		require.NotEmpty(t, x.Ends)
	}
	for _, width := range []int{60, 100} {
		var b bytes.Buffer
		require.NoError(t, w.writeText(&b, width))
		for _, line := range strings.Split(b.String(), "\n") {
			require.LessOrEqual(t, utf8.RuneCountInString(line), width, "%q", line)
		}
	}
}

// A stranger's node tells no trace: the bad step is the answer that shows it, and behind it are who acknowledged what is gone and the crash
// that took it.
func TestAStrangersNodeIsExplained(t *testing.T) {
	lost := false
	for from := uint64(0); from < 40 && !lost; from++ {
		w := firstFailure(t, keepers(true), harness.Generation{}, from, 300, func(failure.Target) bool { return true })
		require.NotNil(t, w.Bad)
		require.Contains(t, w.Headline, "replica 1 answered")
		lost = strings.Contains(w.Headline, "and lost what it had begun to write for that: bytes")
		if lost {
			require.Contains(t, text60(t, w), "of log (never synced)")
		}
	}
	require.True(t, lost, "of some run the crash that lost the acknowledged write is named")
}

func text60(t *testing.T, w *What) string {
	var b bytes.Buffer
	require.NoError(t, w.writeText(&b, 60))
	return b.String()
}

// What an explanation looks like on a narrow screen.
func TestTheTextOfAnExplanation(t *testing.T) {
	w := &What{Headline: "Segment 1/3 said at 1.000 ms that record 5 is on its disk while its write to log was not done; the crash at 2.000 ms lost that write.",
		Rule: Rule{Text: "what a segment told as durable is there after a restart", Reason: "The quorum counts a segment that answered for good.", Source: quorums},
		Bad:  &Link{Event: 9, At: 3e6, Node: "segment 1/3", Words: "restarts without record 5/1"}, Allowed: []string{"holds 1-5"},
		Causes:  []Link{{Event: 5, At: 1e6, Node: "segment 1/3", Words: "said that record 5 is on its disk"}},
		Chain:   []Link{{Event: 5, At: 1e6, Node: "segment 1/3", Words: "said that record 5/1 is on its disk"}, {Event: 9, At: 3e6, Node: "segment 1/3", Words: "restarts without record 5/1", From: 5}},
		Waits:   []Wait{{Node: "writer 1", For: "an answer to append (LSN 5)", Of: "segment 1/3", Since: 2e6, Ends: "segment 1/3 runs again: it is down"}},
		Beliefs: []Belief{{Node: "segment 1/3", Holds: "promise 1, line 1, SCL 4, serving", Model: "promise 1, line 1, SCL 5, holds 1-5"}},
	}
	require.Equal(t, `Segment 1/3 said at 1.000 ms that record 5 is on its disk
while its write to log was not done; the crash at 2.000 ms
lost that write.

rule    what a segment told as durable is there after a
        restart
why     The quorum counts a segment that answered for good.
source  SIGMOD 2017 §2.1; lecture §6, Quorum

what happened
  3.000 ms  segment 1/3 restarts without record 5/1

what was allowed
  holds 1-5

causes
  1.000 ms  segment 1/3 said that record 5 is on its disk

what led there
  1.000 ms  segment 1/3 said that record 5/1 is on its disk
  3.000 ms  segment 1/3 restarts without record 5/1

who waits
  writer 1  waits for an answer to append (LSN 5) of segment
            1/3 since 2.000 ms; it ends when segment 1/3
            runs again: it is down

what each held to be true then
  segment 1/3  promise 1, line 1, SCL 4, serving
    the model  promise 1, line 1, SCL 5, holds 1-5
`, text60(t, w))
}

// What is left of a history is found by the fields that a finding has, and by its words.
func TestWhatAFindingIsAbout(t *testing.T) {
	a := aboutFinding(&judge.Finding{Check: faults.Sanity, Subject: "reader 1 panicked on ← writer 1: stream &{Epoch:9 Records:[99/9]}: cache and stream differ: page 3 at LSN 12: record 14/2 of epoch 2, transaction 1.7",
		Nodes: []string{"reader 1"}}, func(string) (node.ID, bool) { return 7, true })
	require.Equal(t, map[node.LSN]bool{12: true, 14: true}, a.lsns, "not what the message had beside")
	require.Equal(t, map[node.PageID]bool{3: true}, a.pages)
	require.Equal(t, map[node.Epoch]bool{2: true}, a.epochs)
	require.Equal(t, map[node.Txn]bool{1<<32 | 7: true}, a.txns)
	require.Equal(t, map[node.ID]bool{7: true}, a.nodes)
	require.Positive(t, a.score(&fact{kind: 2, low: 10, high: 13}))
	require.Zero(t, a.score(&fact{kind: 2, low: 20, high: 30}))
	require.Equal(t, "1 to 3, 7", ranges([]node.LSN{1, 2, 3, 7}))
	require.Equal(t, "2nd 11th 21st 13th 103rd", fmt.Sprint(ordinal(2), " ", ordinal(11), " ", ordinal(21), " ", ordinal(13), " ", ordinal(103)))
}
