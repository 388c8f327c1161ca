package fuzz

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/bits"
	"slices"
	"strings"
	"time"

	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/campaign/job"
	"github.com/firstgap/firstgap/harness/campaign/store"
	"github.com/firstgap/firstgap/harness/configuration"
	"github.com/firstgap/firstgap/harness/failure"
	"github.com/firstgap/firstgap/harness/failure/page"
	"github.com/firstgap/firstgap/harness/failure/why"
)

// Looked is what was found out about a failure.
type Looked struct {
	Signature Signature
	Small     *failure.Failure // the smallest run that fails by the same
	Sentence  string
	Text      []byte // the explanation
	Page      []byte // the same with pictures
}

// explained makes a failure small and explains it.
func explained(ctx context.Context, s harness.System, f *failure.Failure, within time.Duration) (*Looked, error) {
	o := why.Options{For: within}
	o.Shrink.Workers, o.Where.Workers = 1, 1 // the rest of the machine is for runs
	e, err := why.Explain(ctx, s, f, o)
	if err != nil {
		return nil, err
	}
	x := Looked{Signature: SignatureOf(&e.What), Sentence: e.What.Headline, Small: failure.Made(s, e.Configuration, e.What.Target)}
	var text, drawn bytes.Buffer
	if err := e.WriteText(&text); err != nil {
		return nil, err
	}
	p, err := page.Of(s, e)
	if err == nil {
		err = p.Write(&drawn)
	}
	x.Text, x.Page = text.Bytes(), drawn.Bytes()
	return &x, err
}

// How many failures of one target are looked at.
const (
	lookAlways = 3  // the first ones
	lookQuiet  = 3  // after so many in a row that had a signature which was known, only at every doubling
	lookMost   = 64 // signatures of one target: then it is one cause that looks different each time
	waitMost   = 4  // that wait at a time
	maxWaiting = 64 // failures of any target that wait
)

// A target is what is known of the failures of one target.
type target struct {
	failed     int // lines
	waiting    int
	begun      int // that it was begun to look at
	quiet      int // that were looked at in a row, and had a signature that was known
	signatures int
}

// doubled tells whether the failure that came last is the fourth, the eighth, the sixteenth, and so on: those are looked at however alike
// the others were, so that a second cause behind a frequent one is found late and not never.
func (t *target) doubled() bool { return t.failed > lookAlways && bits.OnesCount(uint(t.failed)) == 1 }

// wants tells whether the failure that came last is to be looked at.
func (t *target) wants() bool {
	if t.signatures >= lookMost || t.waiting >= waitMost {
		return false
	}
	return t.failed <= lookAlways || t.quiet < lookQuiet || t.doubled()
}

// A suspect is a line that failed, to be looked at.
type suspect struct {
	line          job.Line
	configuration configuration.Configuration
	doubled       bool
}

// looking looks at failures one after the other, beside the runs.
type looking struct {
	o       *Options
	store   *store.Store
	targets map[failure.Target]*target
	waiting []suspect
	now     *suspect
	done    chan found
}

// found is what came of looking at a suspect.
type found struct {
	suspect suspect
	looked  *Looked
	err     error
}

func newLooking(o *Options, s *store.Store) *looking {
	return &looking{o: o, store: s, targets: map[failure.Target]*target{}, done: make(chan found, 1)}
}

// of returns what is known of a target.
func (l *looking) of(t failure.Target) *target {
	if l.targets[t] == nil {
		l.targets[t] = &target{}
	}
	return l.targets[t]
}

// wants counts a line that failed, and tells whether it is to be looked at.
func (l *looking) wants(line *job.Line) bool {
	if line.Target == nil {
		return false
	}
	t := l.of(*line.Target)
	t.failed++
	return l.o.Looking.For > 0 && line.Broken == "" && line.GivenUp == 0 && t.wants()
}

// add has a line looked at when its turn comes.
func (l *looking) add(line *job.Line, c configuration.Configuration) {
	if len(l.waiting) == maxWaiting {
		return
	}
	t := l.of(*line.Target)
	t.waiting++
	l.waiting = append(l.waiting, suspect{*line, c, t.doubled()})
}

// next begins to look at the one that waits longest, if none is looked at.
func (l *looking) next(ctx context.Context) {
	if l.now != nil || ctx.Err() != nil {
		return
	}
	var x suspect
	for {
		if len(l.waiting) == 0 {
			return
		}
		at := l.turn()
		x = l.waiting[at]
		l.waiting = slices.Delete(l.waiting, at, at+1)
		t := l.of(*x.line.Target)
		t.waiting--
		if t.quiet < lookQuiet || x.doubled {
			t.begun++
			break // else those before it were all alike meanwhile
		}
	}
	l.now = &x
	go func() {
		looked, err := look(ctx, l.o, &x)
		l.done <- found{x, looked, err}
	}()
}

// turn returns whose turn it is: of those of the target that was looked at least, the one that waits longest. A target that fails in every
// other run would keep the others waiting.
func (l *looking) turn() int {
	least := 0
	for i := range l.waiting {
		if l.of(*l.waiting[i].line.Target).begun < l.of(*l.waiting[least].line.Target).begun {
			least = i
		}
	}
	return least
}

func look(ctx context.Context, o *Options, x *suspect) (*Looked, error) {
	r, trail := failure.Record(o.System, x.configuration)
	f := failure.Of(&r, trail)
	f.Needs = merged(o.Needs, f.Needs)
	looked, err := o.look(ctx, o.System, f, o.Looking.For)
	if looked != nil && looked.Small != nil {
		looked.Small.Needs = merged(o.Needs, looked.Small.Needs)
	}
	if err != nil && looked == nil && ctx.Err() == nil {
		// It cannot be made small, and is kept as it is.
		t, _ := failure.TargetOf(f.Findings)
		return &Looked{Signature: Signature{Rule: t.String(), Causes: []string{"not explained"}}, Small: f, Sentence: x.line.Finding, Text: []byte(err.Error() + "\n")}, nil
	}
	return looked, err
}

// merged is what a run needs, with the program that the system's nodes are.
func merged(system, run failure.Needs) failure.Needs {
	run.Program, run.Flags = system.Program, system.Flags
	return run
}

// keep keeps what was found out.
func (l *looking) keep(x found) (isNew bool, err error) {
	l.now = nil
	if x.looked == nil {
		if x.err == nil || errors.Is(x.err, context.Canceled) || errors.Is(x.err, context.DeadlineExceeded) {
			return false, nil // it is looked at again when the campaign goes on
		}
		return false, fmt.Errorf("line %d: %w", x.suspect.line.Number, x.err)
	}
	text, err := x.looked.Small.Encode()
	if err != nil {
		return false, err
	}
	f := store.Failure{Signature: x.looked.Signature.Rule + "\n" + strings.Join(x.looked.Signature.Causes, "\n"), Target: *x.suspect.line.Target,
		Sentence: x.looked.Sentence, Number: x.suspect.line.Number, Faults: len(x.looked.Small.Configuration.Plan.Faults), Events: uint64(x.looked.Small.Trail.Events)}
	files := []store.Content{{Role: "file", End: ".fgt", Text: text}, {Role: "text", End: ".txt", Text: x.looked.Text}}
	if len(x.looked.Page) > 0 {
		files = append(files, store.Content{Role: "page", End: ".html", Text: x.looked.Page})
	}
	known, err := l.store.PutFailure(f, files...)
	if err != nil {
		return false, err
	}
	build := failure.ThisBuild()
	if err := l.store.Tried(f.Signature, store.Try{Build: build.String(), Commit: build.Revision, At: l.o.clock().UnixMilli()}, true); err != nil {
		return false, err
	}
	t := l.of(*x.suspect.line.Target)
	if known.Times == 1 {
		t.signatures++
		t.quiet = 0
		return true, nil
	}
	t.quiet++
	return false, nil
}
