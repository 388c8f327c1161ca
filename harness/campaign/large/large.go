// Package large searches worlds of the model that are too large for any search: many random walks and bounded searches, differently
// seeded and differently bounded, each a job of a campaign. A job's receipt says what it saw, and Joint folds receipts into what all
// saw together. A world that no search comes to the end of never passes: it is incomplete, or a violation with its counterexample.
//
// Use package check instead when the world can be searched to the end, and this package's jobs through package fuzz when they are to run
// beside the runs of a campaign.
package large

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/firstgap/firstgap/harness/campaign/job"
	"github.com/firstgap/firstgap/harness/failure"
	"github.com/firstgap/firstgap/harness/judge"
	"github.com/firstgap/firstgap/spec/check"
	"github.com/firstgap/firstgap/spec/subjects"
)

// Check is the name under which a broken invariant of a world is a failure of a campaign. Its rule is the invariant, and its kind the model.
const Check judge.Check = "model"

// The most that one job may ask for, so that a job that comes over a wire ends.
const (
	MaxWalks  = 1 << 20
	MaxDepth  = 1 << 16
	MaxStates = 1 << 24
)

// A Receipt says what one job searched and saw. It has all that Joint needs.
type Receipt struct {
	Subject   string          `json:"subject"` // the name of the model
	World     string          `json:"world"`   // "" where it has no name
	Constants json.RawMessage `json:"constants"`
	Bounds    Bounds          `json:"bounds"`

	Verdict check.Verdict `json:"verdict"` // Incomplete or Violation
	Reason  string        `json:"reason,omitempty"`

	Distinct  uint64             `json:"distinct"`  // states found, exactly; of walks, those on the walks
	Generated uint64             `json:"generated"` // steps taken or looked at: every invariant was evaluated in each state that they lead to
	Deepest   int                `json:"deepest"`   // states of the longest walk, or levels
	Actions   check.ActionCounts `json:"actions"`

	Invariants []string        `json:"invariants"` // that were evaluated
	Reductions []string        `json:"reductions"`
	Witnesses  []check.Witness `json:"witnesses,omitempty"`

	Invariant string       `json:"invariant,omitempty"` // the one that does not hold
	Guarantee string       `json:"guarantee,omitempty"`
	Trace     []check.Step `json:"trace,omitempty"`

	Digest string  `json:"digest"` // of check's own receipt
	Sketch *Sketch `json:"sketch"` // of the states found
}

// Bounds say how far a job goes and by which seed, so that it can be done again.
type Bounds struct {
	Walks  int    `json:"walks,omitempty"` // 0 for a search level by level
	Depth  int    `json:"depth,omitempty"`
	States int    `json:"states,omitempty"`
	Seed   uint64 `json:"seed"`
}

// A JobError says what is wrong with a job.
type JobError struct {
	Field    string
	Found    string
	Expected string
}

func (e *JobError) Error() string {
	return fmt.Sprintf("job: %s is %s; expected %s", e.Field, e.Found, e.Expected)
}

// Do does a job of arm Model. The same job has the same outcome in any process, but for Seconds. What could not be done says so in Broken,
// with the verdict that nothing could be told; so does a job that ctx ended, which is not to be kept: what it had seen by then depends on
// the machine.
func Do(ctx context.Context, j job.Job) job.Outcome {
	o := job.Outcome{Number: j.Number, Verdict: judge.CouldNotTell}
	begun := time.Now()
	r, err := search(ctx, &j)
	o.Seconds = time.Since(begun).Seconds()
	if err == nil {
		o.Receipt, err = json.Marshal(r)
	}
	if err == nil {
		o.Hash, err = strconv.ParseUint(r.Digest[:min(16, len(r.Digest))], 16, 64)
	}
	if err != nil {
		o.Broken, o.Receipt = err.Error(), nil
		return o
	}
	o.Work = r.Generated
	if r.Verdict == check.Violation {
		o.Verdict = judge.Violation
		o.Target = &failure.Target{Check: Check, Rule: r.Invariant, Kind: r.Subject, Verdict: judge.Violation}
		o.Finding = r.finding()
	}
	return o
}

func (r *Receipt) finding() string {
	at := fmt.Sprintf("does not hold after %d steps", len(r.Trace))
	if r.Reason == check.NotReachable {
		at = "is not reachable"
	}
	return fmt.Sprintf("%s: %s %s: %q; again: %s", r.named(), r.Invariant, at, r.Guarantee, r.Command())
}

func (r *Receipt) named() string {
	return r.Subject + " in world " + cmp.Or(r.World, string(r.Constants))
}

// Command is what does the search again.
func (r *Receipt) Command() string {
	world := r.World
	if world == "" {
		world = "./world.json" // a file with the constants
	}
	c := fmt.Sprintf("firstgap check %s --world %s", r.Subject, world)
	if r.Bounds.Walks > 0 {
		return fmt.Sprintf("%s --walks %d --depth %d --seed %d", c, r.Bounds.Walks, r.Bounds.Depth, r.Bounds.Seed)
	}
	return fmt.Sprintf("%s --depth %d", c, r.Deepest)
}

func search(ctx context.Context, j *job.Job) (*Receipt, error) {
	model, err := modelOf(j)
	if err != nil {
		return nil, err
	}
	w := j.Walks
	r := &Receipt{Subject: w.Subject, World: w.World, Constants: w.Constants, Bounds: Bounds{w.Walks, w.Depth, w.States, j.Seed}, Sketch: &Sketch{}}
	result, err := check.Run(ctx, model, check.Options{Workers: 1, Walks: w.Walks, Depth: w.Depth, States: w.States, Seed: j.Seed, Visit: r.Sketch.Add})
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return nil, err
	}
	r.Verdict, r.Reason = result.Verdict, result.Reason
	if r.Verdict == check.Pass {
		r.Verdict, r.Reason = check.Incomplete, "every state was found, so that this world is not large: firstgap check decides it"
	}
	r.Distinct, r.Generated, r.Deepest, r.Actions = result.Distinct, result.Generated, result.Depth, result.Actions
	for _, i := range model.Invariants() {
		r.Invariants = append(r.Invariants, i.Name)
	}
	r.Reductions, r.Witnesses, r.Digest = result.Reductions, result.Witnesses, result.Digest
	for i := range r.Witnesses {
		r.Witnesses[i].Guarantee = "" // the model has it
	}
	r.Invariant, r.Guarantee, r.Trace = result.Invariant, result.Guarantee, result.Trace
	return r, nil
}

// modelOf makes the model of a job.
func modelOf(j *job.Job) (check.Model, error) {
	w := j.Walks
	if w == nil {
		return nil, &JobError{"walks", "left out", "a world, and how far to go in it"}
	}
	for _, n := range []struct {
		field       string
		found, most int
	}{{"walks", w.Walks, MaxWalks}, {"depth", w.Depth, MaxDepth}, {"states", w.States, MaxStates}} {
		if n.found < 0 || n.found > n.most {
			return nil, &JobError{n.field, strconv.Itoa(n.found), fmt.Sprintf("0 to %d", n.most)}
		}
	}
	if w.Walks == 0 && w.States == 0 {
		return nil, &JobError{"walks and states", "0", "a number of walks, or of states for a search level by level"}
	}
	subject, err := subjects.Lookup(w.Subject)
	if err != nil {
		return nil, err
	}
	model, err := subject.Read(w.Constants)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", w.Subject, err)
	}
	return model, nil
}
