package fuzz

import (
	"errors"
	"fmt"
	"time"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness/campaign"
	"github.com/firstgap/firstgap/harness/campaign/job"
	"github.com/firstgap/firstgap/harness/campaign/large"
	"github.com/firstgap/firstgap/harness/campaign/store"
	"github.com/firstgap/firstgap/harness/campaign/watch"
	"github.com/firstgap/firstgap/harness/counts"
	"github.com/firstgap/firstgap/harness/judge"
)

// A Stop says why a campaign's process ended.
type Stop string

// The reasons.
const (
	AllRun      Stop = "all runs made"
	TimeIsUp    Stop = "time is up"
	Interrupted Stop = "interrupted"
)

// A Summary is where a campaign stands when a process ends that worked for it.
type Summary struct {
	Header   *store.Header
	Fold     *store.Fold
	Counts   counts.Counts
	Failures []store.Failure // those that were looked at, by signature
	Verdict  judge.Verdict
	Reasons  []string // why it is not a pass
	Stop     Stop
	Seconds  float64 // of this process
	Unseen   []string
	// Idle is how many changed configurations could tell nothing. A change can leave a run in which hardly anything happens: that is work
	// spent in vain, and says nothing against a pass, unless it happens a lot.
	Idle   uint64
	Status watch.Status
	// Joint is what searches of the model saw together; nil of runs.
	Joint *large.Joint
}

// summary says where the campaign stands.
func (l *lead) summary() *Summary {
	s := &Summary{Header: l.store.Header(), Fold: l.store.Fold(), Verdict: judge.Pass, Stop: l.stop, Seconds: l.o.clock().Sub(l.began).Seconds(), Status: l.status()}
	s.Counts = l.columns.Named(s.Fold.Counts)
	object := func(v judge.Verdict, format string, args ...any) {
		s.Verdict = s.Verdict.Worse(v)
		s.Reasons = append(s.Reasons, fmt.Sprintf(format, args...))
	}
	failures, err := l.store.Failures()
	s.Failures = failures
	if err != nil {
		object(judge.CouldNotTell, "failures that cannot be read: %v", err)
	}
	if s.Stop == "" {
		s.Stop = Interrupted
		if l.o.For > 0 && s.Seconds >= l.o.For.Seconds() {
			s.Stop = TimeIsUp
		}
	}
	f := s.Fold
	var violations, untold uint64
	for arm, a := range f.Arms {
		violations += a.Verdicts[judge.Violation]
		switch arm {
		case job.Model: // whose searches are never finished
		case job.Guided:
			if s.Idle = a.Verdicts[judge.CouldNotTell]; s.Idle*mostIdle > a.Lines {
				untold += s.Idle
			}
		default:
			untold += a.Verdicts[judge.CouldNotTell]
		}
	}
	if n := f.Broken.Count; n > 0 {
		object(judge.CouldNotTell, "%d jobs could not be done, the first of them job %d", n, f.Broken.First[0])
	}
	if n := f.GivenUp.Count; n > 0 {
		object(judge.CouldNotTell, "%d jobs were given up, since no worker came to their end, the first of them job %d", n, f.GivenUp.First[0])
	}
	if violations > 0 {
		object(judge.Violation, "%d of %d runs found a violation", violations, f.Lines)
	}
	if untold > 0 {
		object(judge.CouldNotTell, "%d of %d runs could not tell", untold, f.Lines)
	}
	if f.Lines == 0 {
		object(judge.CouldNotTell, "no run was made")
		return s
	}
	if l.o.Runs > 0 && f.Lines < l.o.Runs {
		object(judge.CouldNotTell, "%s after %d of %d runs", s.Stop, f.Lines, l.o.Runs)
	} else if l.o.For > 0 && s.Stop == Interrupted {
		object(judge.CouldNotTell, "interrupted after %v of %v", time.Duration(s.Seconds*float64(time.Second)).Round(time.Second), l.o.For)
	}
	if l.o.Model {
		// Searches of a part of a world are never a pass.
		s.Joint = &l.joint
		object(l.joint.Verdict(), "%d searches of %d worlds that none of them comes to the end of", f.Lines, len(l.joint.Worlds()))
		return s
	}
	about := l.o.System.About()
	var vacuous *campaign.VacuityError
	if s.Unseen, err = campaign.Activity(&s.Counts, &about); errors.As(err, &vacuous) {
		object(judge.CouldNotTell, "activity: %v", vacuous)
	}
	made, _ := about.Checks()
	for _, c := range made {
		if c == faults.Activity { // it was made just now
			continue
		}
		if at, ok := l.columns.Place(c); ok && f.Checks[at] == 0 && f.Lines >= likely {
			object(judge.CouldNotTell, "%s: expected at least one run in which it was made, found none", c)
		}
	}
	return s
}

// mostIdle is of how many changed configurations one may tell nothing.
const mostIdle = 20

// likely is how many runs make it as good as certain that every check of a system was made in one of them.
const likely = 50
