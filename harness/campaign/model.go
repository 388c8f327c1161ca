package campaign

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/firstgap/firstgap/harness/judge"
	"github.com/firstgap/firstgap/spec/check"
	"github.com/firstgap/firstgap/spec/volume"
)

// ModelOptions say what CheckModel does.
type ModelOptions struct {
	// For ends the searches; what is not searched to the end by then could not be told. 0 is no limit.
	For     time.Duration
	Workers int // of each search; 0 is one a core
	// Progress is called before each search, and when all are done. It may be nil.
	Progress func(ModelProgress)
}

// ModelProgress says how far CheckModel has come.
type ModelProgress struct {
	Name    string // of the world or variant that is next, "" when all are done
	Done    int
	Of      int
	Elapsed time.Duration
}

// A World is how the search of one world of the model ended.
type World struct {
	Name    string        `json:"name"`
	Verdict judge.Verdict `json:"verdict"`
	Detail  string        `json:"detail,omitempty"`

	Invariant            string  `json:"invariant,omitempty"` // that does not hold
	Distinct             uint64  `json:"distinct"`
	Generated            uint64  `json:"generated"`
	Depth                int     `json:"depth"`
	CollisionProbability float64 `json:"collisionProbability"`
	Seconds              float64 `json:"seconds"`
	Digest               string  `json:"digest"`
	// Never lists the actions that were never taken in this world.
	Never []string `json:"never"`
}

// A Variant is how the search of a broken variant of the model ended. To pass, it has to be found broken.
type Variant struct {
	Bug     string        `json:"bug"`
	Verdict judge.Verdict `json:"verdict"`
	Detail  string        `json:"detail,omitempty"`

	Invariant string       `json:"invariant"` // that does not hold
	Distinct  uint64       `json:"distinct"`
	Depth     int          `json:"depth"`
	Seconds   float64      `json:"seconds"`
	Trace     []check.Step `json:"trace"` // a shortest way there
}

// An Invariant is one of the model's, over all worlds and variants.
type Invariant struct {
	Name      string        `json:"name"`
	Guarantee string        `json:"guarantee"`
	Verdict   judge.Verdict `json:"verdict"`
	Detail    string        `json:"detail,omitempty"`
	Worlds    int           `json:"worlds"` // in which it holds
	States    uint64        `json:"states"` // in which it was evaluated there
	// Caught lists the broken variants that it caught, so that it shows that it can fail.
	Caught []string `json:"caught"`
}

// A Model is what CheckModel found.
type Model struct {
	Verdict    judge.Verdict `json:"verdict"`
	Reasons    []string      `json:"reasons"`
	Worlds     []World       `json:"worlds"`
	Variants   []Variant     `json:"variants"`
	Invariants []Invariant   `json:"invariants"`
	Seconds    float64       `json:"seconds"`
}

// CheckModel searches every named world of the model to its end, and expects all invariants to hold and TLC's number
// of states; and every broken variant, and expects a violation. The error is about tables that cannot be read.
func CheckModel(ctx context.Context, o ModelOptions) (*Model, error) {
	worlds, errWorlds := volume.Worlds()
	variants, errVariants := volume.BrokenVariants()
	if err := errors.Join(errWorlds, errVariants); err != nil {
		return nil, err
	}
	start := time.Now()
	if o.For > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, o.For)
		defer cancel()
	}
	m := &Model{Worlds: []World{}, Variants: []Variant{}}
	next := func(name string) {
		if o.Progress != nil {
			o.Progress(ModelProgress{Name: name, Done: len(m.Worlds) + len(m.Variants), Of: len(worlds) + len(variants), Elapsed: time.Since(start)})
		}
	}
	// The variants first: they are quick, and a model that cannot fail is not worth searching.
	for _, v := range variants {
		next(v.World.Bug)
		m.Variants = append(m.Variants, checkVariant(ctx, v, o))
	}
	for _, w := range worlds {
		next(w.Name)
		m.Worlds = append(m.Worlds, checkWorld(ctx, w, o))
	}
	next("")
	m.sum()
	m.Seconds = time.Since(start).Seconds()
	return m, nil
}

func checkWorld(ctx context.Context, w volume.NamedWorld, o ModelOptions) World {
	r, err := volume.Search(ctx, w.World, check.Options{Workers: o.Workers, NoReduction: true}) // TLC's figures are of all steps
	if err != nil {
		return World{Name: w.Name, Verdict: judge.CouldNotTell, Detail: err.Error()}
	}
	return judgeWorld(w, r)
}

// judgeWorld says what a search has to show for its world to pass.
func judgeWorld(w volume.NamedWorld, r *check.Result) World {
	x := World{Name: w.Name, Distinct: r.Distinct, Generated: r.Generated, Depth: r.Depth, Seconds: r.Seconds, Digest: r.Digest,
		CollisionProbability: r.CollisionProbability, Never: r.Actions.Never()}
	switch {
	case r.Verdict == check.Violation:
		x.Verdict, x.Invariant = judge.Violation, r.Invariant
		x.Detail = fmt.Sprintf("%s does not hold, after %d steps: %s", r.Invariant, len(r.Trace), r.Guarantee)
	case r.Verdict != check.Pass || r.Left > 0:
		x.Verdict = judge.CouldNotTell
		x.Detail = fmt.Sprintf("the search did not end: %s, %d states left", r.Reason, r.Left)
	case r.Distinct != w.Distinct || r.Generated != w.Generated:
		x.Verdict = judge.Violation
		x.Detail = fmt.Sprintf("expected TLC's %d distinct of %d generated states, found %d of %d", w.Distinct, w.Generated, r.Distinct, r.Generated)
	default:
		x.Verdict = judge.Pass
	}
	return x
}

func checkVariant(ctx context.Context, v volume.BrokenVariant, o ModelOptions) Variant {
	r, err := volume.Search(ctx, v.World, check.Options{Workers: o.Workers})
	if err != nil {
		return Variant{Bug: v.World.Bug, Verdict: judge.CouldNotTell, Detail: err.Error()}
	}
	return judgeVariant(v, r)
}

// judgeVariant says what a search has to show for its variant to count as caught.
func judgeVariant(v volume.BrokenVariant, r *check.Result) Variant {
	x := Variant{Bug: v.World.Bug, Invariant: r.Invariant, Distinct: r.Distinct, Depth: r.Depth, Seconds: r.Seconds, Trace: r.Trace}
	switch {
	case r.Verdict == check.Violation:
		x.Verdict = judge.Pass
	case r.Verdict == check.Pass:
		x.Verdict = judge.Violation
		x.Detail = fmt.Sprintf("expected a violation, as TLC finds one (%s), found none in %d states", v.Violates, r.Distinct)
	default:
		x.Verdict = judge.CouldNotTell
		x.Detail = "the search did not end: " + r.Reason
	}
	return x
}

// sum fills in the invariants and the verdict.
func (m *Model) sum() {
	for _, i := range volume.Invariants() {
		m.Invariants = append(m.Invariants, m.invariant(i.Name, i.Guarantee))
	}
	m.Verdict = judge.Pass
	object := func(v judge.Verdict, what, name, detail string) {
		m.Verdict = m.Verdict.Worse(v)
		if v != judge.Pass {
			m.Reasons = append(m.Reasons, fmt.Sprintf("%s %s: %s", what, name, detail))
		}
	}
	if len(m.Worlds) == 0 || len(m.Variants) == 0 {
		object(judge.CouldNotTell, "model", "", "no world, or no broken variant")
	}
	for _, w := range m.Worlds {
		object(w.Verdict, "world", w.Name, w.Detail)
	}
	for _, v := range m.Variants {
		object(v.Verdict, "broken variant", v.Bug, v.Detail)
	}
}

// invariant sums up one invariant. It holds where a world was searched to its end.
func (m *Model) invariant(name, guarantee string) Invariant {
	i := Invariant{Name: name, Guarantee: guarantee, Verdict: judge.Pass, Caught: []string{}}
	for _, w := range m.Worlds {
		switch w.Verdict {
		case judge.Pass:
			i.Worlds++
			i.States += w.Distinct
		default:
			// A search that ended at another invariant, or early, has not seen all states.
			v := judge.CouldNotTell
			if w.Invariant == name {
				v = judge.Violation
			}
			i.Verdict = i.Verdict.Worse(v)
			if i.Detail == "" || v == judge.Violation {
				i.Detail = fmt.Sprintf("world %s: %s", w.Name, w.Detail)
			}
		}
	}
	if i.States == 0 && i.Verdict == judge.Pass {
		i.Verdict, i.Detail = judge.CouldNotTell, "evaluated in no state"
	}
	for _, v := range m.Variants {
		if v.Invariant == name {
			i.Caught = append(i.Caught, v.Bug)
		}
	}
	return i
}
