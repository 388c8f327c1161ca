package fuzz

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/campaign/coverage"
	"github.com/firstgap/firstgap/harness/campaign/job"
	"github.com/firstgap/firstgap/harness/campaign/store"
	"github.com/firstgap/firstgap/harness/failure"
	"github.com/firstgap/firstgap/harness/judge"
)

// A Replayed is how a corpus and its failures went with this build.
type Replayed struct {
	Trend       store.Trend
	Before      *store.Trend // the one before it, nil where there is none
	Spaces      []store.Space
	Entries     []Failing // those that fail now
	Regressions []Regression
	Verdict     judge.Verdict
	Reasons     []string
}

// A Failing is an entry of the corpus that fails now, though it passed when it was kept.
type Failing struct {
	Name    string         `json:"name"` // of the entry
	Seed    uint64         `json:"seed"`
	Target  failure.Target `json:"target"`
	Finding string         `json:"finding"`
}

// A Regression is a failure that was kept, and whether it fails by the same now.
type Regression struct {
	Signature  string     `json:"signature"`
	File       string     `json:"file"` // in the folder failures
	Reproduced bool       `json:"reproduced"`
	Now        string     `json:"now"`                      // by what it fails now; "" where it passes
	Last       *store.Try `json:"lastReproduced,omitempty"` // before
	Broken     string     `json:"broken,omitempty"`         // why it could not be run
}

// OnceOptions say what Once does.
type OnceOptions struct {
	System     harness.System
	Generation harness.Generation
	Folder     string
	Workers    int // runs at a time; 0 is one on each core
	// Progress hears how many of how many runs are made, from one goroutine at a time; it may be nil.
	Progress func(made, of int)
	now      func() time.Time
}

// Once runs each configuration of a campaign's corpus and each of its failures once with this build, and keeps how that went as a trend. A
// failure that was mended is expected to pass: it is a violation where it fails by the same again, as is an entry that fails.
func Once(ctx context.Context, o OnceOptions) (*Replayed, error) {
	full := Options{System: o.System, Generation: o.Generation, Folder: o.Folder, Workers: o.Workers}
	full.complete()
	if o.now == nil {
		o.now = time.Now
	}
	s, err := store.Open(o.Folder)
	if err != nil {
		return nil, err
	}
	r, err := replay(ctx, &o, s, full.Workers)
	return r, errors.Join(err, s.Close())
}

func replay(ctx context.Context, o *OnceOptions, s *store.Store, workers int) (*Replayed, error) {
	start := o.now()
	h := s.Header()
	u, err := coverage.Enumerate(ctx, h.Worlds()...)
	if err != nil {
		return nil, err
	}
	build := failure.ThisBuild()
	r := &Replayed{Spaces: h.Spaces, Verdict: judge.Pass, Trend: store.Trend{Commit: build.Revision, Build: build.String(), At: start.UnixMilli()}}
	object := func(v judge.Verdict, format string, args ...any) {
		r.Verdict = r.Verdict.Worse(v)
		r.Reasons = append(r.Reasons, fmt.Sprintf(format, args...))
	}
	comparable := described(h.Spaces) == described(spaces(u))
	if !comparable {
		object(judge.CouldNotTell, "coverage: the model's worlds are others than those of the campaign: expected %s, found %s", described(h.Spaces), described(spaces(u)))
	}
	if trends, err := s.Trends(); err != nil {
		object(judge.CouldNotTell, "trends: %v", err)
	} else if n := len(trends); n > 0 {
		r.Before = &trends[n-1]
	}
	entries, err := s.Entries()
	if err != nil {
		object(judge.CouldNotTell, "corpus: %v", err)
	}
	failures, err := s.Failures()
	if err != nil {
		object(judge.CouldNotTell, "failures: %v", err)
	}
	of := len(entries) + len(failures)
	made := 0
	var mu sync.Mutex
	tell := func() {
		mu.Lock()
		defer mu.Unlock()
		if made++; o.Progress != nil {
			o.Progress(made, of)
		}
	}
	maker := NewMaker(o.System, o.Generation, u, workers)
	outcomes := make([]job.Outcome, len(entries))
	each(ctx, len(entries), workers, func(i int) {
		c := *entries[i].Configuration
		c.Bug = o.Generation.Bug
		outcomes[i] = maker.Do(ctx, job.Job{Number: uint64(i), Arm: job.Kept, Seed: c.Seed, Configuration: &c})
		tell()
	})
	seen := coverage.NewSeen(u.Spaces())
	for i := range outcomes {
		x := &outcomes[i]
		if ctx.Err() != nil {
			break
		}
		r.Trend.Entries++
		if _, _, err := seen.Add(x.Seen); err != nil {
			return r, err
		}
		switch {
		case x.Broken != "":
			object(judge.CouldNotTell, "an entry of seed %d cannot be run: %s", entries[i].Seed, x.Broken)
		case x.Verdict != judge.Pass:
			name, err := entries[i].Name()
			if err != nil {
				return r, err
			}
			r.Trend.Failures++
			r.Entries = append(r.Entries, Failing{Name: name, Seed: entries[i].Seed, Target: *x.Target, Finding: x.Finding})
			object(x.Verdict, "entry %s of the corpus fails now: %s", name, x.Target)
		}
	}
	if comparable {
		for i := range u.Spaces() {
			r.Trend.Reached = append(r.Trend.Reached, seen.Reached(i))
		}
	}
	regressions := make([]Regression, len(failures))
	each(ctx, len(failures), workers, func(i int) {
		regressions[i] = again(o.System, s, &failures[i])
		tell()
	})
	for i := range regressions {
		x := &regressions[i]
		if ctx.Err() != nil {
			break
		}
		r.Regressions = append(r.Regressions, *x)
		if x.Broken != "" {
			object(judge.CouldNotTell, "failure %s cannot be run: %s", x.File, x.Broken)
			continue
		}
		r.Trend.Regressions++
		if x.Reproduced {
			r.Trend.Reproduced++
			object(judge.Violation, "failure %s fails by the same again: %s", x.File, failures[i].Target)
		} else if x.Now != "" {
			object(judge.Violation, "failure %s fails now by something else: %s", x.File, x.Now)
		}
		if err := s.Tried(x.Signature, store.Try{Build: r.Trend.Build, Commit: r.Trend.Commit, At: start.UnixMilli()}, x.Reproduced); err != nil {
			return r, err
		}
	}
	if of == 0 {
		object(judge.CouldNotTell, "the corpus has no entry, and there is no failure: nothing was run")
	}
	if ctx.Err() != nil {
		object(judge.CouldNotTell, "interrupted after %d of %d runs", r.Trend.Entries+r.Trend.Regressions, of)
		return r, nil // a part of the corpus is no point of a trend
	}
	r.Trend.Seconds = o.now().Sub(start).Seconds()
	return r, s.AppendTrend(r.Trend)
}

// each calls do with every number below n, some at a time, until ctx ends.
func each(ctx context.Context, n, workers int, do func(int)) {
	next := make(chan int)
	var wait sync.WaitGroup
	for range min(workers, max(n, 1)) {
		wait.Go(func() {
			for i := range next {
				do(i)
			}
		})
	}
	for i := 0; i < n && ctx.Err() == nil; i++ {
		next <- i
	}
	close(next)
	wait.Wait()
}

// again runs a failure's smallest run again.
func again(system harness.System, s *store.Store, f *store.Failure) Regression {
	r := Regression{Signature: f.Signature, Last: f.LastReproduced}
	for _, x := range f.Files {
		if x.Role != "file" {
			continue
		}
		r.File = x.Name
		text, err := s.FailureFile(x)
		if err != nil {
			r.Broken = err.Error()
			return r
		}
		kept, err := failure.Decode(x.Name, text)
		if err == nil {
			_, err = kept.Needs.Met(system)
		}
		if err != nil {
			r.Broken = err.Error()
			return r
		}
		result := harness.Run(system, kept.Configuration)
		r.Reproduced = f.Target.In(&result) != nil
		if t, failed := failure.TargetOf(result.Findings); failed {
			r.Now = t.String()
		}
		return r
	}
	r.Broken = "its file is lost"
	return r
}
