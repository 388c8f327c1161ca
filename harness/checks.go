package harness

import (
	"fmt"

	"github.com/firstgap/firstgap/faults"
)

// Check is one of the checks that every run is held to.
type Check = faults.Check

// The checks beside those that faults knows, where a planted bug is expected to be found.
const (
	Wire        Check = "wire"        // the writer sends log records and never a page
	TreeCheck         = faults.Tree   // the log makes a tree that is whole and holds what was written
	Sanity            = faults.Sanity // no node panics, and a run stays within its limits
	Determinism Check = "determinism" // the same configuration gives the same run
)

// ConfigurationCheck stands for what was asked for: a run that cannot be made tells nothing.
const ConfigurationCheck Check = "configuration"

// ActivityCheck is the one check that is made of a whole campaign.
const ActivityCheck = faults.Activity

// Checks lists all checks in the order in which they are reported.
func Checks() []Check { return append(faults.Checks(), Wire, Determinism) }

// Guarantee is the promise that a check watches over.
func Guarantee(c Check) string {
	switch c {
	case faults.Trace:
		return "every step of the run is a step of the model, and the model's invariants hold"
	case faults.Serializability:
		return "what the clients saw is what one of them after the other would have seen, in an order that respects real time, and was durable when they saw it"
	case faults.Durability:
		return "after the last recovery everything acknowledged is there, and nothing uncommitted shows"
	case faults.Pages:
		return "segments that claim the same SCL on the same history hold the same bytes"
	case faults.Progress:
		return "once the faults have ended, the volume serves again within a bound"
	case faults.Replies:
		return "a request that cannot be carried out is refused for the one reason that fits it, and a proper one is not"
	case faults.Snapshots:
		return "a snapshot of a reader is the committed prefix of the log at its read point, and read points never go back"
	case faults.Restore:
		return "a volume restored to any VDL, from the beginning on, is the committed prefix of the log up to it, row by row"
	case faults.Activity:
		return "the runs did something: commits, take-overs, cuts, undos, crashes and losses really happened"
	case Wire:
		return "a writer sends log records and never a page"
	case TreeCheck:
		return "what the writers logged makes a tree that is whole after every structural change, and holds the rows that were written"
	case Sanity:
		return "no node ends itself, whatever it is told, and a run ends within its limits"
	case ConfigurationCheck:
		return "what is asked for can be run"
	case Determinism:
		return "the same configuration gives the same run, event by event, in any process"
	}
	return ""
}

// Verdict is how a run or a campaign ended.
type Verdict string

// The verdicts. The zero Verdict is none of them: nobody passes by leaving it out.
const (
	Pass         Verdict = "pass"
	Violation    Verdict = "violation"
	CouldNotTell Verdict = "could not tell"
)

// Worse returns the verdict of both together: a violation is one whatever else could not be told.
func (v Verdict) Worse(w Verdict) Verdict {
	switch {
	case v == Violation || w == Violation:
		return Violation
	case v == CouldNotTell || w == CouldNotTell:
		return CouldNotTell
	case v == Pass && w == Pass:
		return Pass
	}
	return CouldNotTell
}

// ExitCode returns what a command that ends with v exits with: 0 pass, 1 violation, 2 could not tell.
func (v Verdict) ExitCode() int {
	switch v {
	case Pass:
		return 0
	case Violation:
		return 1
	}
	return 2
}

// A Finding is one thing that one check found in one run.
type Finding struct {
	Check     Check   `json:"check"`
	Verdict   Verdict `json:"verdict"`   // Violation or CouldNotTell
	Guarantee string  `json:"guarantee"` // that is broken, or that could not be checked
	Detail    string  `json:"detail"`
	// Explanation says more, on several lines, where there is more to say.
	Explanation string `json:"explanation,omitempty"`
}

func (f Finding) String() string {
	return fmt.Sprintf("%s: %s: %s [guarantee: %s]", f.Verdict, f.Check, f.Detail, f.Guarantee)
}

// violated makes a finding of what a check objects to.
func violated(c Check, err error) Finding {
	return Finding{Check: c, Verdict: Violation, Guarantee: Guarantee(c), Detail: err.Error()}
}

// untold makes a finding of what a check could not decide.
func untold(c Check, err error) Finding {
	return Finding{Check: c, Verdict: CouldNotTell, Guarantee: Guarantee(c), Detail: err.Error()}
}
