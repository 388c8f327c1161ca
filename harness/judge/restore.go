package judge

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/impl/backup"
	"github.com/firstgap/firstgap/impl/node"
	"github.com/firstgap/firstgap/linearizability"
)

// restores is to how many points a run's volume is restored, from the oldest to the newest that there is a backup of.
const restores = 4

// restores makes the check of the backup, and where that objects, holds what is stored against the log: a point that does not come back
// says little of why.
func (j *Judgement) restores(e *Evidence) {
	from := len(j.Findings)
	j.restored(e)
	if len(j.Findings) == from {
		return
	}
	differ := stored(e.Store, e.Log)
	for i := range j.Findings[from:] {
		f := &j.Findings[from+i]
		f.Differences = append(f.Differences, differ...)
	}
}

// restored restores the volume from its backup to some points of the log, and holds what comes of it against the log.
// The object store is alive again by now: of what it has, every point must come back, and it has the log from the beginning, for
// nothing is dropped that is not backed up. Where the plan has flipped a bit of its disk, a point that needs the object which that has
// hit is refused, by its name; no other point is, and none comes back as anything else than it was.
func (j *Judgement) restored(e *Evidence) {
	if e.Conflicts > 0 {
		j.made(faults.Restore)
		j.object(faults.Restore, &ConflictError{Objects: e.Conflicts, Nodes: e.Conflicting})
	}
	if e.Store == nil || e.Log == nil {
		return
	}
	fail := func(at node.LSN, expected, found string) {
		j.object(faults.Restore, &RestoreError{At: at, Expected: expected, Found: found})
	}
	if len(e.Rotten) > e.Flips {
		j.made(faults.Restore)
		j.object(faults.Restore, &RottenError{Objects: e.Rotten, Flips: e.Flips})
		return
	}
	if slices.Contains(e.Rotten, backup.VolumeName) {
		j.refusesAll(e)
		return
	}
	var span *backup.NoSuchPointError
	if _, err := backup.Restore(e.Store, math.MaxUint64); !errors.As(err, &span) {
		fail(math.MaxUint64, "a refusal that names the points that there are, for none is that new", fmt.Sprint(err))
		var missing *backup.MissingError
		if errors.As(err, &missing) {
			j.Findings[len(j.Findings)-1].Differences = absent(e.Log, []string{missing.Name})
		}
		return
	}
	if len(span.Absent) > 0 {
		fail(span.Newest, "the log without a gap, for it is put window by window", fmt.Sprintf("none of %s", strings.Join(span.Absent, ", ")))
		j.Findings[len(j.Findings)-1].Differences = absent(e.Log, span.Absent)
		return
	}
	if span.Newest < span.Oldest || span.Newest == 0 {
		return // nothing is backed up yet
	}
	if span.Oldest > 0 {
		fail(span.Oldest, "every point from the beginning on, for the log of each is there", fmt.Sprintf("none before %d", span.Oldest))
		return
	}
	j.Restorable = true
	j.made(faults.Restore)
	var restored []Restored
	for i := range node.LSN(restores) {
		at := span.Oldest + (span.Newest-span.Oldest)*i/(restores-1)
		if at == 0 {
			continue // stands for the newest
		}
		v, err := backup.Restore(e.Store, at)
		if errors.As(err, &span) && span.Newest < at && e.late(span.Newest+1) {
			break
		}
		if err == nil {
			err = v.Check()
		}
		if e.refusal(err) {
			j.Counts.RestoresRefused++
			continue
		}
		if err != nil {
			fail(at, "a volume", err.Error())
			return
		}
		if last := e.Log.Consistency(at); v.VDL != last {
			fail(at, fmt.Sprintf("the volume as of LSN %d, where the last mini-transaction ends", last), fmt.Sprintf("it as of LSN %d", v.VDL))
			return
		}
		one := Restored{At: v.VDL}
		for _, row := range v.Rows("", "") {
			one.Rows = append(one.Rows, linearizability.Row{Key: row.Key, Value: row.Value.Bytes})
		}
		restored = append(restored, one)
		j.Counts.RestoredRows += uint64(len(one.Rows))
		j.Counts.RestoreUndos += uint64(v.Undone)
	}
	j.Counts.Restores += uint64(len(restored))
	j.object(faults.Restore, Restores(e.Log, restored)...)
}

// refusal tells whether a point is refused for the objects that the store cannot read and for nothing else.
func (e *Evidence) refusal(err error) bool {
	all := []error{err}
	var lost *backup.LostError
	if errors.As(err, &lost) {
		all = lost.Lost
	}
	if err == nil || len(all) == 0 {
		return false
	}
	for _, one := range all {
		var missing *backup.MissingError
		if !errors.As(one, &missing) || !slices.Contains(e.Rotten, missing.Name) {
			return false
		}
	}
	return true
}

// refusesAll demands that a backup of which the object is lost that every point needs is refused by its name.
func (j *Judgement) refusesAll(e *Evidence) {
	j.made(faults.Restore)
	_, err := backup.Restore(e.Store, 0)
	var missing *backup.MissingError
	if !errors.As(err, &missing) || missing.Name != backup.VolumeName {
		j.object(faults.Restore, &RestoreError{Expected: "a refusal that names the object " + backup.VolumeName, Found: fmt.Sprint(err)})
		return
	}
	j.Counts.RestoresRefused++
}

// A RottenError says that an object store cannot read more objects than its disk accounts for.
type RottenError struct {
	Objects []string
	Flips   int
}

func (e *RottenError) Error() string { return sentence(e) }

func (e *RottenError) describe(f *Finding) {
	f.Rule = "an object that was kept can be read, unless a bit of it was flipped"
	f.Expected, f.Found = fmt.Sprintf("at most %d objects that cannot be read", e.Flips), fmt.Sprintf("%d: %s", len(e.Objects), strings.Join(e.Objects, ", "))
}

// late tells whether the record at an LSN is of a group that came into use during the run and has put nothing into the store
// yet, so that nothing there could tell of it. What was in use from the start, or has put something, has no such excuse.
func (e *Evidence) late(at node.LSN) bool {
	r := e.Log.At(at)
	if r == nil {
		return false
	}
	put, err := e.Store.List(fmt.Sprintf("log/%05d/", r.Group))
	return err == nil && len(put) == 0 && slices.Contains(e.Late, r.Group)
}

// A ConflictError says that copies of a group would have put different bytes under one name of the backup.
type ConflictError struct {
	Objects uint64
	Nodes   []string // that would have put something else
}

func (e *ConflictError) Error() string { return sentence(e) }

func (e *ConflictError) describe(f *Finding) {
	f.Rule = "every copy of a group backs up the same bytes"
	f.Expected, f.Found = "no object of which two copies have different bytes", fmt.Sprintf("%d", e.Objects)
	f.Nodes = e.Nodes
}
