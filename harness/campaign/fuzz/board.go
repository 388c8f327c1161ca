package fuzz

import (
	"io/fs"
	"path/filepath"
	"time"

	"github.com/firstgap/firstgap/harness/campaign/coverage"
	"github.com/firstgap/firstgap/harness/campaign/job"
	"github.com/firstgap/firstgap/harness/campaign/watch"
	"github.com/firstgap/firstgap/harness/failure"
	"github.com/firstgap/firstgap/harness/judge"
)

// board is what a status needs beside what the store has.
type board struct {
	lines    *watch.Lately
	spaces   []*watch.Lately
	shapes   *watch.Lately
	bytes    uint64
	measured time.Time
	distinct uint64
	latest   *watch.Latest
}

// measureEvery is how often the bytes of the folder are counted.
const measureEvery = 10 * time.Second

// watch says how the campaign stands, to whoever wants to hear it.
func (l *lead) watch() { l.o.Status(l.status()) }

// status says how the campaign stands.
func (l *lead) status() watch.Status {
	now, f, b := l.o.clock(), l.store.Fold(), &l.board
	if b.lines == nil {
		b.lines, b.shapes = watch.NewLately(time.Minute), watch.NewLately(time.Hour)
		for range l.universe.Spaces() {
			b.spaces = append(b.spaces, watch.NewLately(time.Hour))
		}
	}
	b.lines.Note(now, f.Lines)
	s := watch.Status{Campaign: filepath.Base(l.o.Folder), System: l.o.name(), Build: brief(failure.ThisBuild()), Elapsed: now.Sub(l.began),
		Done: f.Lines, Asked: l.o.Runs, LastMinute: b.lines.Rate(), GivenUp: f.GivenUp.Count, Workers: max(l.o.Workers, 0)}
	if l.o.For > 0 {
		s.Left = max(0, l.o.For-s.Elapsed)
	}
	if seconds := s.Elapsed.Seconds(); seconds > 0 {
		s.Rate = float64(f.Lines-min(f.Lines, l.first)) / seconds
	}
	for _, name := range []job.Arm{job.Random, job.Guided, job.Kept, job.Model} {
		if a := f.Arms[name]; a != nil {
			fresh := a.Shapes
			for _, n := range a.Reached {
				fresh += n
			}
			s.Arms = append(s.Arms, watch.Arm{Arm: name, Passed: a.Verdicts[judge.Pass], Violations: a.Verdicts[judge.Violation], Untold: a.Verdicts[judge.CouldNotTell],
				Work: a.Work, New: fresh})
		}
	}
	if l.seen != nil {
		for i, space := range l.seen.Spaces() {
			b.spaces[i].Note(now, l.seen.Reached(i))
			s.Spaces = append(s.Spaces, watch.Space{Space: space, Reached: l.seen.Reached(i), LastHour: b.spaces[i].Gained()})
		}
		b.shapes.Note(now, l.seen.Reached(coverage.Shapes))
		s.Shapes = watch.Shapes{Had: l.seen.Reached(coverage.Shapes), LastHour: b.shapes.Gained(), Unseen: l.seen.Unseen()}
	}
	s.Failures = watch.Failures{ByCheck: map[judge.Check]uint64{}, Distinct: b.distinct, Latest: b.latest}
	for _, x := range f.Failures {
		s.Failures.Total += x.Count
		s.Failures.ByCheck[x.Target.Check] += x.Count
	}
	if l.looking != nil {
		s.Failures.Waiting = len(l.looking.waiting)
		if l.looking.now != nil {
			s.Failures.Explaining = 1
		}
	}
	if l.queue != nil {
		q := l.queue.Stats()
		s.InProgress = uint64(q.Open)
		s.Queue = watch.Queue{Waiting: uint64(max(0, q.Open-s.Workers)), Out: uint64(min(q.Open, s.Workers)), Redelivered: q.Again}
		s.Workers += max(0, q.Active-min(1, s.Workers)) // those of this process are one of the queue's
	}
	if now.Sub(b.measured) >= measureEvery {
		b.measured, b.bytes = now, bytesOf(l.o.Folder)
	}
	s.Bytes = b.bytes
	s.SetAside = l.aside
	return s
}

// brief says which build it is in a few words.
func brief(b failure.Build) string {
	text := b.Version
	if b.Revision != "" {
		text = b.Revision[:min(12, len(b.Revision))]
	}
	if b.Modified {
		text += ", modified"
	}
	if b.Overlay {
		text += ", with failpoints"
	}
	return text
}

// bytesOf returns how much the files of a folder have. One that goes while it is counted counts for nothing.
func bytesOf(folder string) uint64 {
	var sum uint64
	_ = filepath.WalkDir(folder, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return nil
		}
		if info, err := d.Info(); err == nil {
			sum += uint64(info.Size())
		}
		return nil
	})
	return sum
}
