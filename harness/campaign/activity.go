package campaign

import (
	"fmt"
	"slices"
	"strings"

	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/counts"
	"github.com/firstgap/firstgap/harness/judge"
)

// VacuityError says that something that runs are meant to do has not happened in any of them, though they were so many that
// it is as good as certain to happen, so that what they passed proves less than it seems to.
type VacuityError struct {
	Runs    uint64
	Missing []string
}

func (e *VacuityError) Error() string {
	return fmt.Sprintf("expected each of these at least once, found none in %d runs: %s", e.Runs, strings.Join(e.Missing, ", "))
}

// Activity looks at what runs have done. What did not happen is a *VacuityError where the number of runs makes it as good as
// certain (see counts.Amount.By), and otherwise only listed. An amount that a system cannot have, because it does not give
// the evidence that it is counted from or says that it never does it, is neither.
func Activity(c *counts.Counts, about *harness.About) (unseen []string, err error) {
	unseen = []string{}
	e := VacuityError{Runs: c.Runs}
	for _, a := range c.Amounts() {
		if a.By == 0 || a.Value > 0 || a.Of != "" && !slices.Contains(about.Gives, judge.Kind(a.Of)) || slices.Contains(about.Never, a.Name) {
			continue
		}
		if c.Runs >= a.By || c.Runs == 0 {
			e.Missing = append(e.Missing, a.Text)
		} else {
			unseen = append(unseen, a.Text)
		}
	}
	if len(e.Missing) > 0 {
		return unseen, &e
	}
	return unseen, nil
}
