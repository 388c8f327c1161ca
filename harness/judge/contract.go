package judge

import (
	"errors"
	"fmt"

	"github.com/firstgap/firstgap/faults"
)

// Contracted is what a run's clients saw of a contract that the harness knows nothing of: the workload that made the calls knows what
// they may be answered.
type Contracted struct {
	Guarantee string // in one sentence: what the workload promises its clients
	Calls     int    // that the clients made
	Answered  int    // of these, those that were carried out
	// Check holds the calls against the guarantee. It is a pure function of what the clients saw.
	Check func() []ContractError
}

// A ContractError is one rule of a contract that the calls of a run break.
type ContractError struct {
	Rule string // its name, always the same
	Says string // what was expected and what was found
	Keys []string
	Lead []string // the calls that show it, one line each, in the order of time
	// Event is the number of the event of the run by which it shows, such as the last answer among these calls; 0 where it shows at the end.
	Event uint64
	// Undecided: the rule could be neither shown nor refuted.
	Undecided bool
	guarantee string
}

func (e *ContractError) Error() string { return sentence(e) }

func (e *ContractError) describe(f *Finding) {
	f.Rule, f.Subject, f.Keys, f.Lead, f.Event = e.Rule, e.Rule+": "+e.Says, e.Keys, e.Lead, e.Event
	if e.guarantee != "" {
		f.Guarantee = e.guarantee
	}
}

// ErrNothingAnswered says that a contract was kept by a run in which no call was answered: that proves nothing.
var ErrNothingAnswered = errors.New("nothing was answered")

// contract holds what the clients of a stranger's nodes saw against their workload's guarantee.
func (j *Judgement) contract(e *Evidence) {
	c := e.Contract
	if c == nil {
		return
	}
	j.made(faults.Contract)
	for _, err := range c.Check() {
		err.guarantee = c.Guarantee
		if err.Undecided {
			j.Add(Untold(faults.Contract, &err))
			continue
		}
		j.object(faults.Contract, &err)
	}
	if c.Answered == 0 {
		j.Add(Untold(faults.Contract, fmt.Errorf("expected at least one call that was carried out, found none of %d: %w", c.Calls, ErrNothingAnswered)))
	}
}
