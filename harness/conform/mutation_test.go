package conform

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/impl/node"
	"github.com/firstgap/firstgap/spec/volume"
)

// A mutation makes a legal trace illegal at one of its steps, wherever that step is.
type mutation struct {
	name string
	// at changes step i, or adds one after it, and returns the new trace and the step that has to be refused, counted
	// from 0. It returns nil when it does not apply to step i.
	at    func(v *node.Volume, trace []toldStep, i int) (changed []toldStep, refused int)
	rules []string // one of which has to be named
}

// again tells step i a second time, changed.
func again(action node.Action, change func(*node.Trace)) func(*node.Volume, []toldStep, int) ([]toldStep, int) {
	return func(_ *node.Volume, trace []toldStep, i int) ([]toldStep, int) {
		if trace[i].trace.Action != action {
			return nil, 0
		}
		s := trace[i]
		if change != nil {
			change(&s.trace)
		}
		return slices.Insert(slices.Clone(trace), i+1, s), i + 1
	}
}

// instead changes step i.
func instead(action node.Action, change func(*node.Trace) bool) func(*node.Volume, []toldStep, int) ([]toldStep, int) {
	return func(_ *node.Volume, trace []toldStep, i int) ([]toldStep, int) {
		s := trace[i]
		if s.trace.Action != action || !change(&s.trace) {
			return nil, 0
		}
		changed := slices.Clone(trace)
		changed[i] = s
		return changed, i
	}
}

func mutations() []mutation {
	unplaced := func(t *node.Trace) { t.Position = 0 }
	return []mutation{
		{"write twice", again(node.ActWrite, nil), []string{ruleRecord}},
		{"commit twice", again(node.ActCommit, nil), []string{string(volume.NotActive)}},
		{"undo twice", again(node.ActUndo, nil), []string{string(volume.NotActive), ruleRecord}},
		{"advance twice", again(node.ActAdvance, nil), []string{ruleGrowing}},
		{"ack twice", again(node.ActAck, nil), []string{string(volume.AlreadyAcked)}},
		{"decide twice", again(node.ActDecide, nil), []string{string(volume.NotFencing)}},
		{"open twice", again(node.ActOpen, nil), []string{string(volume.NotRepairing)}},
		{"store twice", again(node.ActStore, unplaced), []string{string(volume.AlreadyStored), string(volume.OtherLine)}},
		{"promise twice", again(node.ActFence, unplaced), []string{string(volume.FencedAlready)}},
		{"join twice", again(node.ActJoin, unplaced), []string{string(volume.JoinedAlready), string(volume.FencedByNewer)}},
		{"a position told again as something else", again(node.ActFence, func(t *node.Trace) { t.Epoch++ }), []string{ruleTold}},

		{"cut one higher", instead(node.ActDecide, func(t *node.Trace) bool { t.LSN++; return true }), []string{ruleCut}},
		{"cut one lower", instead(node.ActDecide, func(t *node.Trace) bool { t.LSN--; return t.LSN < 1<<60 }), []string{ruleCut}},
		{"a history without its first cut", instead(node.ActJoin, func(t *node.Trace) bool {
			if len(t.History()) < 3 {
				return false
			}
			t.Detail = &node.JoinStep{History: slices.Delete(slices.Clone(t.History()), 1, 2)}
			return true
		}), []string{ruleHistory, ruleTold}},
		{"a forged record", instead(node.ActStore, func(t *node.Trace) bool {
			t.Record = forged(t.Record, func(r *node.Record) { r.New = node.Some("forged") })
			return true
		}), []string{ruleIssued, ruleTold}},
		{"a record of an epoch that did not write it", instead(node.ActStore, func(t *node.Trace) bool {
			t.Record = forged(t.Record, func(r *node.Record) { r.Epoch++ })
			return true
		}), []string{ruleIssued, ruleTold}},
		{"an old value that is none", instead(node.ActWrite, func(t *node.Trace) bool {
			t.Record = forged(t.Record, func(r *node.Record) { r.Old = node.Some("never") })
			return true
		}), []string{ruleOld}},
		{"an undo to a value that is none", instead(node.ActUndo, func(t *node.Trace) bool {
			t.Record = forged(t.Record, func(r *node.Record) { r.New = node.Some("never") })
			return true
		}), []string{ruleUndo}},
		{"a record forgotten at a restart", instead(node.ActHolds, func(t *node.Trace) bool {
			step := node.DetailOf[node.HoldsStep](t)
			if len(step.Held) == 0 {
				return false
			}
			step.Held = slices.Delete(slices.Clone(step.Held), len(step.Held)/2, len(step.Held)/2+1)
			t.Detail = &step
			return true
		}), []string{ruleStore}},
		{"a promise forgotten at a restart", instead(node.ActHolds, func(t *node.Trace) bool {
			step := node.DetailOf[node.HoldsStep](t)
			step.Promise--
			t.Detail = &step
			return step.Promise > 0
		}), []string{rulePromise}},
		{"a line forgotten at a restart", instead(node.ActHolds, func(t *node.Trace) bool { t.Epoch--; return t.Epoch > 0 }), []string{ruleLine}},
		{"an epoch skipped", instead(node.ActStart, func(t *node.Trace) bool { t.Epoch++; t.Position++; return true }), []string{string(volume.EarlierUnborn)}},
		{"an advance with one store too few", fewerStores, []string{string(volume.TooFewComplete), string(volume.PeerLacks), ruleStore, ruleCut}},
	}
}

// fewerStores takes away so many stores of the record that the VCL moves to at step i that no write quorum has it.
func fewerStores(v *node.Volume, trace []toldStep, i int) ([]toldStep, int) {
	if trace[i].trace.Action != node.ActAdvance {
		return nil, 0
	}
	l := trace[i].trace.LSN
	holders := map[node.ID]bool{}
	var changed []toldStep
	for j, s := range trace {
		if j < i && s.trace.Action == node.ActStore && s.trace.Record.LSN == l {
			if !holders[s.from] && len(holders) == v.WriteQuorum-1 {
				continue
			}
			holders[s.from] = true
		}
		changed = append(changed, s)
	}
	return changed, -1
}

func TestMutatedTracesAreRefused(t *testing.T) {
	hits := map[string]int{}
	for seed := range uint64(60) {
		v := shapes[seed%uint64(len(shapes))]
		trace := wandered(v, seed, 900, 5)
		for _, m := range mutations() {
			// The first, the middle and the last place where it applies.
			var places []int
			for i := range trace {
				if changed, _ := m.at(v, trace, i); changed != nil {
					places = append(places, i)
				}
			}
			if len(places) == 0 {
				continue
			}
			for _, i := range []int{places[0], places[len(places)/2], places[len(places)-1]} {
				changed, refused := m.at(v, trace, i)
				_, err := validate(v, changed)
				what := fmt.Sprintf("seed %d, %s at step %d: %s", seed, m.name, i+1, describe(&trace[i].trace))
				var violation *Violation
				require.ErrorAs(t, err, &violation, what)
				if refused >= 0 {
					require.Equal(t, refused+1, violation.Step, "%s\n%s", what, violation.Explain())
				}
				require.Contains(t, m.rules, violation.Rule, "%s\n%s", what, violation.Explain())
				hits[m.name]++
			}
		}
	}
	for _, m := range mutations() {
		require.Greater(t, hits[m.name], 10, "%s was hardly tried", m.name)
	}
}
