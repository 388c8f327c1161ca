// Package watch shows how a campaign goes while it does: as a panel on a terminal, as a line a minute in a log, and as metrics for
// Prometheus. All of them are made of one Status, which whoever runs the campaign hands over now and then.
//
// Use package serve instead when a campaign is to be looked at that is over, or that another process runs.
package watch

import (
	"time"

	"github.com/firstgap/firstgap/harness/campaign/coverage"
	"github.com/firstgap/firstgap/harness/campaign/job"
	"github.com/firstgap/firstgap/harness/judge"
)

// A Status is how a campaign stands.
type Status struct {
	Campaign string        // its name
	System   string        // that it runs
	Build    string        // of this process
	Elapsed  time.Duration // since the campaign began, without the time that no process worked for it
	Left     time.Duration // until it ends by itself; 0 where it does not

	Done       uint64 // jobs whose lines are kept
	InProgress uint64 // jobs that went to workers
	Asked      uint64 // jobs in all; 0 where there is no bound
	Rate       float64
	LastMinute float64 // Rate and LastMinute are jobs a second, over all of Elapsed and lately

	Arms     []Arm
	Spaces   []Space
	Shapes   Shapes
	Failures Failures

	GivenUp  uint64 // jobs that several workers began and no worker ended
	Workers  int    // that were heard of lately
	Queue    Queue
	Bytes    uint64 // of the store on disk
	SetAside uint64 // files and lines that were damaged and are kept apart
}

// An Arm is what the jobs of an arm came to.
type Arm struct {
	Arm        job.Arm
	Passed     uint64
	Violations uint64
	Untold     uint64 // could not tell
	Work       uint64
	New        uint64 // features that no job before reached
}

// Runs is how many jobs the arm had.
func (a *Arm) Runs() uint64 { return a.Passed + a.Violations + a.Untold }

// A Space is how much of a space was reached.
type Space struct {
	coverage.Space
	Reached  uint64
	LastHour uint64 // features of it that were reached for the first time in the last hour
}

// Shapes are the features that cannot be enumerated.
type Shapes struct {
	Had      uint64  // by at least one run
	LastHour uint64  // for the first time
	Unseen   float64 // Good and Turing's estimate of the share of a run's shapes that no run has had
}

// Failures are the jobs that did not pass.
type Failures struct {
	Distinct   uint64 // by rule and causal signature
	Total      uint64
	ByCheck    map[judge.Check]uint64 // Total by what they failed
	Latest     *Latest
	Shrinking  int // failures that are made smaller now
	Explaining int // failures that are explained now
	Waiting    int // for that
}

// A Latest is the failure that was found last.
type Latest struct {
	Check    judge.Check
	Sentence string
	Number   uint64 // of the job
}

// Queue is how the jobs' way to the workers stands.
type Queue struct {
	Waiting     uint64 // jobs that no worker has begun
	Out         uint64 // jobs that workers have begun
	Redelivered uint64 // times that a job was handed out once more
}

// Lately counts how much a total grew in the last while. Its memory is bounded: it keeps the total at so many moments of the while.
type Lately struct {
	over time.Duration
	kept []moment // oldest first
}

type moment struct {
	at    time.Time
	total uint64
}

// moments is how many parts of the while are told apart.
const moments = 60

// NewLately counts over such a while.
func NewLately(over time.Duration) *Lately { return &Lately{over: over} }

// Note says what the total is now. Times ascend.
func (l *Lately) Note(now time.Time, total uint64) {
	if n := len(l.kept); n < 2 || now.Sub(l.kept[n-2].at) >= l.over/moments {
		l.kept = append(l.kept, moment{now, total})
	} else {
		l.kept[n-1] = moment{now, total}
	}
	for len(l.kept) > 2 && now.Sub(l.kept[1].at) >= l.over {
		l.kept = append(l.kept[:0], l.kept[1:]...)
	}
}

// Gained is how much the total grew in the while before the last Note, or since the first where that was later.
func (l *Lately) Gained() uint64 {
	if len(l.kept) < 2 {
		return 0
	}
	first, last := l.kept[0], l.kept[len(l.kept)-1]
	return last.total - min(first.total, last.total)
}

// Rate is how much the total grew a second in that while.
func (l *Lately) Rate() float64 {
	if len(l.kept) < 2 {
		return 0
	}
	first, last := l.kept[0], l.kept[len(l.kept)-1]
	if !last.at.After(first.at) {
		return 0
	}
	return float64(l.Gained()) / last.at.Sub(first.at).Seconds()
}
