// Package fuzz leads a campaign that goes on for as long as it is left alone: it has jobs chosen (package guide), hands them to workers
// (package fleet), folds their outcomes in the order of the jobs' numbers, keeps a line of each (package store), and looks at what
// failed: makes it small, explains it, and tells failures of different causes apart.
//
// A campaign of so many jobs ends with the same lines at any number of workers and machines, however often it was killed and begun again:
// what jobs a batch has depends on the lines of the batches up to the last but one, and on nothing else.
//
// Use package campaign instead when an engineer wants a number of runs and one verdict, and keeps nothing.
package fuzz

import (
	"cmp"
	"context"
	"fmt"
	"runtime"
	"strings"
	"time"

	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/campaign/coverage"
	"github.com/firstgap/firstgap/harness/campaign/fleet"
	"github.com/firstgap/firstgap/harness/campaign/guide"
	"github.com/firstgap/firstgap/harness/campaign/store"
	"github.com/firstgap/firstgap/harness/campaign/watch"
	"github.com/firstgap/firstgap/harness/failure"
)

// Options say what a campaign does. Of a folder that has a campaign already, what its header says counts, and is held against what is
// said here.
type Options struct {
	System     harness.System
	Generation harness.Generation
	Needs      failure.Needs // what it takes to have the system in a program

	// Model searches worlds of the model that are too large to finish, in the place of runs of a system: those of Large, MODEL/WORLD each,
	// or all.
	Model bool
	Large []string

	Folder string
	Seed   uint64   // of the first random run
	Batch  uint64   // jobs; 0 is DefaultBatch
	Plain  bool     // no guidance: random runs alone
	Share  float64  // of the work that is the random arm's; 0 is guide.LeastShare
	Worlds []string // of the model that coverage is measured by; nil is coverage.All

	// Runs is how many lines the campaign has at its end; 0 is no bound.
	Runs uint64
	// For is how long this process works for the campaign; 0 is no bound.
	For time.Duration
	// Workers is how many jobs this process does at a time; 0 is one on each core, and a negative number is none: others do them.
	Workers int
	Queue   fleet.Options // but for Dir, Campaign and From
	Looking Looking

	// Status hears how the campaign stands, every now and then and at its end, from one goroutine. It may be nil.
	Status func(watch.Status)
	// Note hears of what an engineer should know of: what was mended, set aside, left out. It may be nil.
	Note func(string)

	// tests put others in their places
	clock func() time.Time
	look  looker
}

// DefaultBatch is how many jobs a batch has.
const DefaultBatch = 256

// Looking says how failures are looked at.
type Looking struct {
	// For is how much real time goes into one failure, shrinking and explaining; 0 is DefaultLooking, and less is no time at all: what
	// fails is counted, and not looked at.
	For time.Duration
}

// DefaultLooking is how long one failure is looked at.
const DefaultLooking = 30 * time.Second

// A HeaderError says that a folder has another campaign than the one that was asked for.
type HeaderError struct {
	Folder          string
	What            string // of the header
	Expected, Found string // what was asked for, and what the folder has
}

func (e *HeaderError) Error() string {
	return fmt.Sprintf("campaign %s: its %s is %s; expected %s, as was asked for (another folder begins another campaign)", e.Folder, e.What, e.Found, e.Expected)
}

// header is what the folder of the campaign says, when it begins.
func (o *Options) header(u *coverage.Universe) store.Header {
	return store.Header{System: o.name(), Needs: o.Needs, Seed: o.Seed, Bug: o.Generation.Bug, Build: failure.ThisBuild(), Batch: o.Batch,
		Guided: !o.Plain, Share: cmp.Or(o.Share, guide.LeastShare), Spaces: spaces(u), Large: o.Large}
}

// name is what the campaign says that it runs.
func (o *Options) name() string {
	if o.Model {
		return ModelSystem
	}
	return o.System.Name()
}

// spaces are those of a universe, as a store has them.
func spaces(u *coverage.Universe) []store.Space {
	var all []store.Space
	for i, s := range u.Spaces() {
		all = append(all, store.Space{Space: s, Digest: u.SpaceDigest(i)})
	}
	return all
}

// same refuses the header of another campaign.
func same(folder string, asked, found *store.Header) error {
	differ := func(what, expected, found string) error {
		if expected == found {
			return nil
		}
		return &HeaderError{folder, what, expected, found}
	}
	return cmp.Or(
		differ("system", asked.System, found.System),
		differ("planted bug", orNone(asked.Bug), orNone(found.Bug)),
		differ("seed", fmt.Sprint(asked.Seed), fmt.Sprint(found.Seed)),
		differ("number of jobs in a batch", fmt.Sprint(asked.Batch), fmt.Sprint(found.Batch)),
		differ("guidance", fmt.Sprint(asked.Guided), fmt.Sprint(found.Guided)),
		differ("random arm's share", fmt.Sprint(asked.Share), fmt.Sprint(found.Share)),
		differ("large worlds", orNone(strings.Join(asked.Large, ", ")), orNone(strings.Join(found.Large, ", "))),
		differ("coverage", described(asked.Spaces), described(found.Spaces)),
	)
}

func orNone(s string) string { return cmp.Or(s, "none") }

// described says what spaces coverage has.
func described(all []store.Space) string {
	text := ""
	for _, s := range all {
		if s.Kind == coverage.States {
			if text != "" {
				text += ", "
			}
			text += fmt.Sprintf("%s (%d states, %s)", s.World, s.Size, s.Digest)
		}
	}
	return cmp.Or(text, "of no world")
}

// complete fills in what has a default.
func (o *Options) complete() {
	o.Batch = cmp.Or(o.Batch, DefaultBatch)
	o.Looking.For = cmp.Or(o.Looking.For, DefaultLooking)
	if o.Workers == 0 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	switch {
	case o.Model:
		o.Worlds, o.Plain = []string{}, true
		o.Needs.System = ModelSystem
	case o.Worlds == nil:
		o.Worlds = coverage.All()
	}
	if o.clock == nil {
		o.clock = time.Now
	}
	if o.look == nil {
		o.look = explained
	}
	if o.Status == nil {
		o.Status = func(watch.Status) {}
	}
	if o.Note == nil {
		o.Note = func(string) {}
	}
}

// An OptionError says that a campaign cannot be as it was asked for.
type OptionError struct{ Option, Expected, Found string }

func (e *OptionError) Error() string {
	return fmt.Sprintf("campaign: %s: expected %s, found %s", e.Option, e.Expected, e.Found)
}

// check refuses what a campaign cannot be before its folder is made: what a header says never changes, and a folder that was begun wrong
// would be refused ever after.
func (o *Options) check() error {
	if o.Folder == "" {
		return &OptionError{"Folder", "the name of a folder", "none"}
	}
	if o.Model {
		if o.Batch > maxSearches {
			return &OptionError{"Batch", fmt.Sprintf("at most %d jobs", maxSearches), fmt.Sprint(o.Batch)}
		}
		_, err := largeWorlds(o.Large)
		return err
	}
	_, err := guide.New(guide.Options{System: o.System, Generation: o.Generation, Seed: o.Seed, Batch: o.Batch, Guided: !o.Plain, Share: o.Share})
	return err
}

// maxSearches is how many searches of the model a batch has at most.
const maxSearches = 1 << 16

// A looker looks at a failure, within a time.
type looker func(ctx context.Context, s harness.System, f *failure.Failure, within time.Duration) (*Looked, error)
