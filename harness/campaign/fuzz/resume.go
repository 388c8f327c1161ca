package fuzz

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/campaign/coverage"
	"github.com/firstgap/firstgap/harness/campaign/guide"
	"github.com/firstgap/firstgap/harness/campaign/job"
	"github.com/firstgap/firstgap/harness/campaign/store"
	"github.com/firstgap/firstgap/harness/configuration"
	"github.com/firstgap/firstgap/harness/failure"
	"github.com/firstgap/firstgap/harness/judge"
)

// open opens the folder of the campaign, or begins one.
func (l *lead) open() error {
	asked := l.o.header(l.universe)
	s, err := store.Open(l.o.Folder)
	if errors.Is(err, fs.ErrNotExist) {
		s, err = store.Create(l.o.Folder, asked)
	}
	if err != nil {
		return err
	}
	if err := same(l.o.Folder, &asked, s.Header()); err != nil {
		return errors.Join(err, s.Close())
	}
	l.store, l.columns = s, s.Header().Columns()
	if began, now := s.Header().Build, failure.ThisBuild(); began != now {
		l.o.Note(fmt.Sprintf("the campaign was begun by another build, and its lines from here on are this one's: expected %s, found %s", began, now))
	}
	if torn := s.Opened().Torn; torn > 0 {
		l.o.Note(fmt.Sprintf("a last line was not written whole: %d bytes are cut off, and its job is done again", torn))
	}
	for _, a := range s.Opened().Aside {
		l.o.Note("set aside: " + a.String())
	}
	all, err := s.Aside()
	l.aside = uint64(len(all))
	return err
}

// resume folds the lines that the campaign has, chooses the jobs of the batches that are not at their end, and finds the failures that are
// still to be looked at.
func (l *lead) resume() error {
	h := l.store.Header()
	l.seen = coverage.NewSeen(h.Coverage())
	entries, err := l.store.Entries()
	var damage *store.DamageError
	if errors.As(err, &damage) {
		l.o.Note(err.Error())
	} else if err != nil {
		return err
	}
	if l.o.Model {
		worlds, err := largeWorlds(l.o.Large)
		if err != nil {
			return err
		}
		l.chooser = searches{worlds, h.Seed, h.Batch}
		return l.refold(nil)
	}
	own := map[uint64]*configuration.Configuration{}
	var imported []guide.Entry
	for i := range entries {
		e := &entries[i]
		if e.Campaign == h.ID() {
			own[e.Number] = e.Configuration
			continue
		}
		c := *e.Configuration
		c.Bug = l.o.Generation.Bug
		if err := harness.Validate(l.o.System, &c); err != nil {
			l.o.Note(fmt.Sprintf("an entry of another corpus is left out: %v", err))
			continue
		}
		imported = append(imported, guide.Entry{Configuration: c, Features: e.Seen, Work: e.Work})
	}
	g, err := guide.New(guide.Options{System: l.o.System, Generation: l.o.Generation, Seed: h.Seed, Batch: h.Batch, Guided: h.Guided, Share: h.Share,
		Counters: h.Counters, Imported: imported})
	if err != nil {
		return err
	}
	l.chooser = g
	return l.refold(own)
}

// refold folds the lines that there are. Of those that say so, it is given the configurations that are kept.
func (l *lead) refold(own map[uint64]*configuration.Configuration) error {
	h := l.store.Header()
	unseen, err := l.unlooked()
	if err != nil {
		return err
	}
	next := l.store.Next()
	// The jobs of the batches that are not at their end, and those of failures that nobody has looked at.
	wanted := func(batch uint64) bool { return batch+2 > next/h.Batch || unseen.batches[batch] }
	choose := func(batch uint64) error {
		if !wanted(batch) {
			return nil
		}
		return l.choose(batch)
	}
	if err := errors.Join(choose(0), choose(1)); err != nil {
		return err
	}
	lost := 0
	err = l.store.Lines(0, func(line *job.Line) error {
		if err := l.received(line); err != nil {
			return err
		}
		if err := l.seen.Restore(line.New, line.Second, line.Shapes); err != nil {
			return err
		}
		var kept *configuration.Configuration
		if line.Kept {
			if kept = own[line.Number]; kept == nil {
				lost++
				line.Kept = false // its file was damaged, and is set aside
			}
		}
		if err := l.chooser.Fold(line, kept); err != nil {
			return err
		}
		if line.Verdict != judge.Pass && line.Arm != job.Model {
			if wants := l.looking.wants(line); wants && unseen.lines[line.Number] {
				if err := l.suspect(line); err != nil {
					return err
				}
			}
		}
		if (line.Number+1)%h.Batch == 0 {
			batch := line.Number / h.Batch
			l.forget(batch)
			return choose(batch + 2)
		}
		return nil
	})
	if lost > 0 {
		l.o.Note(fmt.Sprintf("%d configurations of the corpus are lost: what is chosen from now on is another choice than without the damage", lost))
	}
	l.put, l.first = next, next
	if err == nil {
		l.watch() // what is new from here on is counted against this
	}
	return err
}

// unlooked are lines that failed and are among none of the failures that were looked at, and their batches.
type unlooked struct {
	lines   map[uint64]bool
	batches map[uint64]bool
}

func (l *lead) unlooked() (*unlooked, error) {
	u := &unlooked{map[uint64]bool{}, map[uint64]bool{}}
	known, err := l.store.Failures()
	if err != nil {
		l.o.Note(err.Error())
	}
	looked := map[uint64]bool{}
	l.board.distinct = uint64(len(known))
	for i := range known {
		for _, n := range known[i].Numbers {
			looked[n] = true
		}
		l.looking.of(known[i].Target).signatures++
	}
	if len(l.store.Fold().Failures) == 0 {
		return u, nil // and lines need not be read twice
	}
	batch := l.store.Header().Batch
	most := 0
	return u, l.store.Lines(0, func(line *job.Line) error {
		if line.Verdict != judge.Pass && line.Arm != job.Model && line.Target != nil && !looked[line.Number] && most < maxWaiting {
			u.lines[line.Number], u.batches[line.Number/batch] = true, true
			most++
		}
		return nil
	})
}

// suspect has a line that failed looked at.
func (l *lead) suspect(line *job.Line) error {
	j, there := l.jobs[line.Number]
	if !there {
		return nil
	}
	c, err := l.configuration(&j)
	if err != nil {
		return err
	}
	l.looking.add(line, c)
	return nil
}
