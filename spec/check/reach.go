package check

import "fmt"

// Witnessing is implemented by a Model that names witnesses: situations that must be reachable. An invariant that holds
// because nothing ever happens says nothing, so a completed search that has not met a witness is no pass: its verdict is
// Violation, the invariant that it names is the witness, and its reason is NotReachable.
type Witnessing interface {
	// Witnesses returns the situations, in the order that Witnessed counts them. With each comes what it would mean to
	// do without it. Under a symmetry a situation must not tell interchangeable states apart.
	Witnesses() []Invariant
}

// A WitnessingMachine is what NewMachine of a Witnessing model returns.
type WitnessingMachine interface {
	Machine
	// Witnessed says whether the state is one of the situation. It is called where Broken is.
	Witnessed(situation int) bool
}

// NotReachable is the reason of a result whose verdict is Violation because a witness was not met.
const NotReachable = "not reachable"

// A Witness says whether and how soon a search met a situation that must be reachable.
type Witness struct {
	Name      string `json:"name"`
	Guarantee string `json:"guarantee"`
	Depth     int    `json:"depth"` // the first level with such a state; the initial state is level 1; 0 when none was met
}

// witnessesOf returns the witnesses of a model, before any of them is met.
func witnessesOf(m Model) ([]Witness, error) {
	named, ok := m.(Witnessing)
	if !ok {
		return nil, nil
	}
	var all []Witness
	for _, w := range named.Witnesses() {
		all = append(all, Witness{Name: w.Name, Guarantee: w.Guarantee})
	}
	if len(all) == 0 {
		return nil, nil
	}
	if _, ok := m.NewMachine().(WitnessingMachine); !ok {
		return nil, fmt.Errorf("check: model %s names %d witnesses, but its machine is no WitnessingMachine", m.Name(), len(all))
	}
	return all, nil
}

// witness notes the situations of the state that the machine is in, found in the given level. All states of a level are
// found before any of the next, so who comes first makes no difference.
func (s *search) witness(machine Machine, level int64) {
	for i := range s.witnessed {
		if s.witnessed[i].Load() == 0 && machine.(WitnessingMachine).Witnessed(i) {
			s.witnessed[i].Store(level)
		}
	}
}

// vacuous makes a pass with a witness that was not met what it is.
func (r *Result) vacuous() {
	if r.Verdict != Pass {
		return
	}
	for _, w := range r.Witnesses {
		if w.Depth == 0 {
			r.Verdict, r.Reason, r.Invariant, r.Guarantee = Violation, NotReachable, w.Name, w.Guarantee
			return
		}
	}
}
