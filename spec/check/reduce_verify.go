package check

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// A ReductionError says which declaration of a reduction is wrong, and where.
type ReductionError struct {
	Model   string
	State   []Var    // in which it is declared
	Set     []string // the steps of the persistent set; nil when it is not about one
	Step    string   // the other step; "" when it is not about one
	Problem string   // what was expected and what was found
}

func (e *ReductionError) Error() string {
	var state []string
	for _, v := range e.State {
		state = append(state, v.Name+" = "+v.Value)
	}
	about := ""
	if len(e.Set) > 0 {
		about = fmt.Sprintf("persistent set {%s}", strings.Join(e.Set, ", "))
	}
	if e.Step != "" {
		about = strings.TrimPrefix(about+" beside "+e.Step, " beside ")
	}
	return fmt.Sprintf("check: the reduction of model %s is wrong in the state %s: %s: %s",
		e.Model, listOr(state, "in which all parts are left out"), about, e.Problem)
}

// A TooLargeError says that a model has more states than were to be looked at.
type TooLargeError struct {
	Model string
	Most  int
}

func (e *TooLargeError) Error() string {
	return fmt.Sprintf("check: model %s has more than %d states; expected a world that is small enough to be looked at whole", e.Model, e.Most)
}

// Verified counts what VerifyReduction has looked at.
type Verified struct {
	States int // in which every invariant holds
	Sets   int // persistent sets, over all states
	Pairs  int // of a step of a set and a step outside of it that were taken in both orders
	Broken int // states with a violation beside a set, for which it was looked whether the set finds one, too
	Twins  int // steps left out because another leads to the same state
}

// VerifyReduction looks by brute force whether the reduction of a small world is what it must be, in every state that can be reached
// through states in which every invariant holds. It returns a ReductionError for the first declaration that is not. The conditions
// are those of the package comment; that they hold in each state is all that its proof takes for granted.
func VerifyReduction(ctx context.Context, m Reducible, most int) (*Verified, error) {
	reduced, ok := m.Reduced()
	if !ok {
		return nil, &ReductionError{Model: m.Name(), Problem: "expected a reduction of this world, found none"}
	}
	machine, ok := reduced.NewMachine().(ReducedMachine)
	if !ok {
		return nil, &ReductionError{Model: m.Name(), Problem: "expected a ReducedMachine, found another"}
	}
	v := &verifier{name: m.Name(), machine: machine, whole: machine.Whole(), judge: m.NewMachine(), numbers: map[string]int{}, most: most}
	machine.Init()
	if _, err := v.number(machine.Encode(nil)); err != nil {
		return nil, err
	}
	for i := 0; i < len(v.codes); i++ {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if !v.broken[i] {
			if err := v.state(i); err != nil {
				return nil, err
			}
		}
	}
	return &v.seen, v.acyclic()
}

// A verifier looks at the states one after the other.
type verifier struct {
	name    string
	machine ReducedMachine
	whole   Machine // on the same state
	judge   Machine // on a state of its own
	numbers map[string]int
	codes   []string
	broken  []bool
	after   [][]int // the states after each
	most    int
	seen    Verified
}

// A taken is a step by name, and the number of the state that it leads to.
type taken struct {
	name string
	to   int
}

// number returns the number of a state, a new one when it is new.
func (v *verifier) number(code []byte) (int, error) {
	if n, known := v.numbers[string(code)]; known {
		return n, nil
	}
	n := len(v.codes)
	if n == v.most {
		return 0, &TooLargeError{v.name, v.most}
	}
	if err := v.judge.Load(code); err != nil {
		return 0, fmt.Errorf("check: %s: a state does not load again: %w", v.name, err)
	}
	v.numbers[string(code)] = n
	v.codes = append(v.codes, string(code))
	v.broken = append(v.broken, v.judge.Broken() >= 0)
	v.after = append(v.after, nil)
	return n, nil
}

// steps returns the steps that next takes.
func (v *verifier) steps(next func(visit func(action, times int) bool)) (all []taken, err error) {
	next(func(int, int) bool {
		to, failed := v.number(v.machine.Encode(nil))
		if failed != nil {
			err = failed
			return false
		}
		all = append(all, taken{v.whole.Step(), to})
		return true
	})
	return all, err
}

// sets returns the steps of each persistent set.
func (v *verifier) sets() (all [][]taken, err error) {
	v.machine.Sets(func(set, _, _ int) {
		for len(all) <= set {
			all = append(all, nil)
		}
		to, failed := v.number(v.machine.Encode(nil))
		if failed != nil {
			err = failed
		}
		all[set] = append(all[set], taken{v.whole.Step(), to})
	})
	return all, err
}

// at makes the machine the state with a number, or the one after a step from there, with the names that things have there.
func (v *verifier) at(state int, step string) error {
	if err := v.machine.Load([]byte(v.codes[state])); err != nil {
		return err
	}
	if step != "" {
		v.whole.Next(func(int, int) bool { return v.whole.Step() != step })
	}
	return nil
}

func stepNames(all []taken) []string {
	names := make([]string, len(all))
	for i, s := range all {
		names[i] = s.name
	}
	return names
}

func find(all []taken, name string) (taken, bool) {
	i := slices.IndexFunc(all, func(s taken) bool { return s.name == name })
	if i < 0 {
		return taken{}, false
	}
	return all[i], true
}

func leadsTo(all []taken, state int) bool {
	return slices.ContainsFunc(all, func(s taken) bool { return s.to == state })
}

func sameSteps(a, b []taken) bool {
	return len(a) == len(b) && !slices.ContainsFunc(a, func(s taken) bool { _, ok := find(b, s.name); return !ok })
}

// state looks at what is declared in one state.
func (v *verifier) state(n int) error {
	v.seen.States++
	if err := v.at(n, ""); err != nil {
		return err
	}
	wrong := func(set []taken, step, format string, args ...any) error {
		if err := v.at(n, ""); err != nil {
			return err
		}
		return &ReductionError{v.name, v.whole.Vars(), stepNames(set), step, fmt.Sprintf(format, args...)}
	}
	all, err := v.steps(v.whole.Next)
	if err != nil {
		return err
	}
	for i, s := range all {
		v.after[n] = append(v.after[n], s.to)
		if other, _ := find(all[:i], s.name); other.name != "" && other.to != s.to {
			return wrong(nil, s.name, "expected a step with a name of its own, found two that lead to different states")
		}
	}
	less, err := v.steps(v.machine.Next)
	if err != nil {
		return err
	}
	narrowed := v.machine.Narrowed()
	sets, err := v.sets()
	if err != nil {
		return err
	}
	for _, s := range less {
		if t, ok := find(all, s.name); !ok || t.to != s.to {
			return wrong(nil, s.name, "expected a step of the model, found one that it does not have")
		}
	}
	switch {
	case narrowed && !slices.ContainsFunc(sets, func(set []taken) bool { return sameSteps(set, less) }):
		return wrong(less, "", "expected Next to take the steps of a declared set, found others")
	case !narrowed:
		for _, s := range all {
			if _, ok := find(less, s.name); ok {
				continue
			}
			if !leadsTo(less, s.to) {
				return wrong(nil, s.name, "left out; expected another step that leads to the same state, found none")
			}
			v.seen.Twins++
		}
	}
	for _, set := range sets {
		v.seen.Sets++
		if len(set) == 0 {
			return wrong(set, "", "expected at least one step, found none")
		}
		if err := v.set(n, all, set, wrong); err != nil {
			return err
		}
	}
	return nil
}

// set looks at one persistent set.
func (v *verifier) set(n int, all, set []taken, wrong func([]taken, string, string, ...any) error) error {
	afterSet := make([][]taken, len(set)) // the steps that are possible after each of the set
	for i, t := range set {
		if s, ok := find(all, t.name); !ok || s.to != t.to {
			return wrong(set, t.name, "expected a step of the model, found one that it does not have")
		}
		if v.broken[t.to] {
			return nil // a search that takes the set finds a violation there
		}
		if err := v.at(n, t.name); err != nil {
			return err
		}
		var err error
		if afterSet[i], err = v.steps(v.whole.Next); err != nil {
			return err
		}
	}
	for _, a := range all {
		if _, in := find(set, a.name); in || leadsTo(set, a.to) {
			continue
		}
		if v.broken[a.to] {
			found := slices.ContainsFunc(afterSet, func(after []taken) bool {
				return slices.ContainsFunc(after, func(s taken) bool { return v.broken[s.to] })
			})
			if !found {
				return wrong(set, a.name, "it leads to a violation; expected a step to lead to one after a step of the set, too, found none")
			}
			v.seen.Broken++
			continue
		}
		if err := v.at(n, a.name); err != nil {
			return err
		}
		afterStep, err := v.steps(v.whole.Next)
		if err != nil {
			return err
		}
		still, err := v.sets()
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(still, func(other []taken) bool { return sameSteps(set, other) }) {
			return wrong(set, a.name, "expected the same persistent set after it, found it not declared there")
		}
		for i, t := range set {
			v.seen.Pairs++
			late, ok := find(afterStep, t.name)
			if !ok {
				return wrong(set, a.name, "expected %s to be possible after it, found it not possible", t.name)
			}
			if early, ok := find(afterSet[i], a.name); ok && v.broken[early.to] || leadsTo(afterSet[i], late.to) {
				continue
			} else if !ok {
				return wrong(set, a.name, "expected it to be possible after %s, or a step to the same state, found none", t.name)
			}
			return wrong(set, a.name, "expected both orders of it and %s to lead to the same state, found two states", t.name)
		}
	}
	return nil
}

// acyclic says whether no state is reached again from itself.
func (v *verifier) acyclic() error {
	before := make([]int, len(v.codes))
	for _, after := range v.after {
		for _, n := range after {
			before[n]++
		}
	}
	ready := []int{}
	for n, k := range before {
		if k == 0 {
			ready = append(ready, n)
		}
	}
	done := 0
	for ; len(ready) > 0; done++ {
		n := ready[len(ready)-1]
		ready = ready[:len(ready)-1]
		for _, m := range v.after[n] {
			if before[m]--; before[m] == 0 {
				ready = append(ready, m)
			}
		}
	}
	if done == len(v.codes) {
		return nil
	}
	n := slices.IndexFunc(before, func(k int) bool { return k > 0 })
	if err := v.at(n, ""); err != nil {
		return err
	}
	return &ReductionError{Model: v.name, State: v.whole.Vars(), Problem: "expected that no behaviour comes back to a state, found a cycle that leads here"}
}
