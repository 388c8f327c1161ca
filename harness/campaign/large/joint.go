package large

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/firstgap/firstgap/harness/judge"
	"github.com/firstgap/firstgap/harness/text"
	"github.com/firstgap/firstgap/spec/check"
)

// Joint is what many searches saw together, world by world: a fold over their receipts, which comes to the same in any order. The zero
// value has none.
type Joint struct{ worlds map[string]*Coverage }

// Coverage is what all searches of one world saw together.
type Coverage struct {
	Subject   string          `json:"subject"`
	World     string          `json:"world"`
	Constants json.RawMessage `json:"constants"`

	Walked   uint64 `json:"walked"`   // searches by random walks
	Walks    uint64 `json:"walks"`    // of all these
	Searched uint64 `json:"searched"` // searches level by level

	Most      uint64             `json:"most"` // states that one search found, exactly
	Sum       uint64             `json:"sum"`  // states found, counted once for every search that found them
	Generated uint64             `json:"generated"`
	Deepest   int                `json:"deepest"`
	Actions   check.ActionCounts `json:"actions"`

	Invariants []string        `json:"invariants"`
	Reductions []string        `json:"reductions"`
	Witnesses  []check.Witness `json:"witnesses,omitempty"`
	Violations []Violation     `json:"violations,omitempty"` // in the order of their jobs, one of each invariant

	Sketch Sketch `json:"sketch"`
}

// A Violation is the first receipt, by the number of its job, that found an invariant broken.
type Violation struct {
	Number  uint64   `json:"number"`
	Receipt *Receipt `json:"receipt"`
	Times   uint64   `json:"times"` // receipts that found this invariant broken
}

// maxReceipt is how long a receipt can be.
const maxReceipt = 1 << 20

// A ReceiptError says which receipt cannot be one, and why.
type ReceiptError struct {
	Number  uint64 // of the job
	Problem string
}

func (e *ReceiptError) Error() string {
	return fmt.Sprintf("receipt of job %d: %s", e.Number, e.Problem)
}

// Add adds the receipt of a job. Its error is a *ReceiptError, and then nothing was added. No receipt is to be added twice.
func (j *Joint) Add(number uint64, receipt json.RawMessage) error {
	refuse := func(format string, args ...any) error { return &ReceiptError{number, fmt.Sprintf(format, args...)} }
	if len(receipt) > maxReceipt {
		return refuse("expected at most %d bytes, found %d", maxReceipt, len(receipt))
	}
	var r Receipt
	if err := json.Unmarshal(receipt, &r); err != nil {
		return refuse("%v", err)
	}
	var constants bytes.Buffer
	switch {
	case r.Verdict != check.Incomplete && r.Verdict != check.Violation:
		return refuse("verdict is %q; expected %s or %s", r.Verdict, check.Incomplete, check.Violation)
	case (r.Verdict == check.Violation) != (r.Invariant != ""):
		return refuse("verdict is %s with invariant %q; expected an invariant of a violation alone", r.Verdict, r.Invariant)
	case r.Sketch == nil:
		return refuse("expected a sketch of the states, found none")
	case r.Distinct == 0 || r.Generated == 0:
		return refuse("%d distinct of %d generated states; expected the initial state at least", r.Distinct, r.Generated)
	case json.Compact(&constants, r.Constants) != nil || !bytes.HasPrefix(constants.Bytes(), []byte("{")):
		return refuse("expected constants, found %q", r.Constants)
	}
	key := r.Subject + "\x00" + r.World + "\x00" + constants.String()
	c := j.worlds[key]
	if c == nil {
		c = &Coverage{Subject: r.Subject, World: r.World, Constants: constants.Bytes()}
		if j.worlds == nil {
			j.worlds = map[string]*Coverage{}
		}
		j.worlds[key] = c
	}
	c.add(number, &r)
	return nil
}

func (c *Coverage) add(number uint64, r *Receipt) {
	if r.Bounds.Walks > 0 {
		c.Walked++
		c.Walks += uint64(r.Bounds.Walks)
	} else {
		c.Searched++
	}
	c.Most = max(c.Most, r.Distinct)
	c.Sum += r.Distinct
	c.Generated += r.Generated
	c.Deepest = max(c.Deepest, r.Deepest)
	c.Sketch.Merge(r.Sketch)
	for _, a := range r.Actions {
		i := slices.IndexFunc(c.Actions, func(b check.ActionCount) bool { return b.Action == a.Action })
		if i < 0 {
			c.Actions = append(c.Actions, a)
			continue
		}
		c.Actions[i].Times += a.Times
	}
	c.Invariants, c.Reductions = union(c.Invariants, r.Invariants), union(c.Reductions, r.Reductions)
	for _, w := range r.Witnesses {
		i := slices.IndexFunc(c.Witnesses, func(b check.Witness) bool { return b.Name == w.Name })
		switch {
		case i < 0:
			c.Witnesses = append(c.Witnesses, w)
		case w.Depth > 0 && (c.Witnesses[i].Depth == 0 || w.Depth < c.Witnesses[i].Depth):
			c.Witnesses[i].Depth = w.Depth
		}
	}
	if r.Verdict != check.Violation {
		return
	}
	i := slices.IndexFunc(c.Violations, func(v Violation) bool { return v.Receipt.Invariant == r.Invariant })
	switch {
	case i < 0:
		c.Violations = append(c.Violations, Violation{number, r, 1})
	case number < c.Violations[i].Number:
		c.Violations[i] = Violation{number, r, c.Violations[i].Times + 1}
	default:
		c.Violations[i].Times++
	}
	slices.SortFunc(c.Violations, func(a, b Violation) int { return cmp.Compare(a.Number, b.Number) })
}

// union appends to names those that are not among them.
func union(names, others []string) []string {
	for _, n := range others {
		if !slices.Contains(names, n) {
			names = append(names, n)
		}
	}
	return names
}

// Worlds returns the coverage of every world, in the order of the names.
func (j *Joint) Worlds() []*Coverage {
	var all []*Coverage
	for _, c := range j.worlds {
		all = append(all, c)
	}
	slices.SortFunc(all, func(a, b *Coverage) int {
		return cmp.Or(cmp.Compare(a.Subject, b.Subject), cmp.Compare(a.World, b.World), bytes.Compare(a.Constants, b.Constants))
	})
	return all
}

// Verdict is that of all worlds together: never a pass.
func (j *Joint) Verdict() judge.Verdict {
	for _, c := range j.worlds {
		if c.Verdict() == check.Violation {
			return judge.Violation
		}
	}
	return judge.CouldNotTell
}

// Verdict is Violation or Incomplete.
func (c *Coverage) Verdict() check.Verdict {
	if len(c.Violations) > 0 {
		return check.Violation
	}
	return check.Incomplete
}

// Distinct returns about how many states all searches found together, and whether the number is exact. It lies between what one search
// found at most and what all found, counted apart, which are exact.
func (c *Coverage) Distinct() (states uint64, exact bool) {
	if c.Most == c.Sum {
		return c.Sum, true
	}
	return min(max(c.Sketch.Estimate(), c.Most), c.Sum), false
}

// Digest sums up the coverage: the same jobs have the same digest, whoever did them and in whichever order.
func (c *Coverage) Digest() (string, error) {
	text, err := json.Marshal(c)
	if err != nil {
		return "", fmt.Errorf("large: the coverage does not marshal: %w", err)
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:16]), nil
}

// WriteText writes the receipt of every world, for people, each as check writes one.
func (j *Joint) WriteText(w io.Writer) error {
	for i, c := range j.Worlds() {
		if i > 0 {
			if _, err := io.WriteString(w, "\n"); err != nil {
				return err
			}
		}
		if err := c.WriteText(w); err != nil {
			return err
		}
	}
	return nil
}

// WriteText writes the counterexamples if there are any, and the receipt of all searches of the world together, for people.
func (c *Coverage) WriteText(w io.Writer) error {
	world, err := check.Describe(c.Constants)
	if err != nil {
		return err
	}
	digest, err := c.Digest()
	if err != nil {
		return err
	}
	var b strings.Builder
	line := func(name, format string, args ...any) {
		fmt.Fprintf(&b, "%-12s%s\n", name, fmt.Sprintf(format, args...))
	}
	for _, v := range c.Violations {
		r := v.Receipt
		if err := (&check.Result{Verdict: r.Verdict, Reason: r.Reason, Walks: r.Bounds.Walks, Trace: r.Trace}).WriteCounterexample(&b); err != nil {
			return err
		}
	}
	searches := c.Walked + c.Searched
	if len(c.Violations) == 0 {
		line("verdict", "incomplete: no search comes to the end of this world, and %s have not; no invariant failed in the states seen", text.Count(searches))
	}
	for _, v := range c.Violations {
		line("verdict", "violation: %s does not hold, found by %s of %s searches, first by job %d", v.Receipt.Invariant, text.Count(v.Times), text.Count(searches), v.Number)
		line("", "%s: %q", v.Receipt.Invariant, v.Receipt.Guarantee)
		line("again", "%s", v.Receipt.Command())
	}
	line("model", "%s", c.Subject)
	line("world", "%s", strings.TrimPrefix(c.World+": "+world, ": "))
	line("reductions", "%s", cmp.Or(strings.Join(c.Reductions, "; "), "none"))
	line("searches", "%s by random walks, %s walks in all; %s level by level", text.Count(c.Walked), text.Count(c.Walks), text.Count(c.Searched))
	states, exact := c.Distinct()
	if exact {
		line("states", "%s distinct, %s generated", text.Count(states), text.Count(c.Generated))
	} else {
		line("states", "about %s distinct together (19 of 20 such estimates are within %.1f %%), %s counted search by search; %s generated",
			text.Count(states), 200*StandardError, text.Count(c.Sum), text.Count(c.Generated))
	}
	line("depth", "%d", c.Deepest)
	line("missed", "all that no search came through")
	line("invariants", "%s; each evaluated in every state generated", strings.Join(c.Invariants, ", "))
	line("actions", "%s", c.Actions)
	if never := c.Actions.Never(); len(never) > 0 {
		line("NEVER TAKEN", "%s", strings.Join(never, ", "))
	}
	if len(c.Witnesses) > 0 {
		var met []string
		for _, w := range c.Witnesses {
			if w.Depth == 0 {
				met = append(met, w.Name+" NOT MET")
			} else {
				met = append(met, fmt.Sprintf("%s at depth %d", w.Name, w.Depth))
			}
		}
		line("witnesses", "%s", strings.Join(met, ", "))
	}
	line("digest", "%s", digest)
	_, err = io.WriteString(w, b.String())
	return err
}

// MarshalJSON implements json.Marshaler: the coverage of every world.
func (j *Joint) MarshalJSON() ([]byte, error) { return json.Marshal(j.Worlds()) }
