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

// restores restores the volume from its backup to some points of the log, and holds what comes of it against the log.
// The object store's disk is sound in every run, and by now it is alive again: of what it has, every point must
// come back, and it has the log from the beginning, for nothing is dropped that is not backed up.
func (j *Judgement) restores(e *Evidence) {
	if e.Conflicts > 0 {
		j.made(faults.Restore)
		j.object(faults.Restore, &ConflictError{Objects: e.Conflicts})
	}
	if e.Store == nil || e.Log == nil {
		return
	}
	fail := func(at node.LSN, expected, found string) {
		j.object(faults.Restore, &RestoreError{At: at, Expected: expected, Found: found})
	}
	var span *backup.NoSuchPointError
	if _, err := backup.Restore(e.Store, math.MaxUint64); !errors.As(err, &span) {
		fail(math.MaxUint64, "no such point", fmt.Sprint(err))
		return
	}
	if len(span.Absent) > 0 {
		fail(span.Newest, "the log without a gap, for it is put window by window", fmt.Sprintf("none of %s", strings.Join(span.Absent, ", ")))
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
type ConflictError struct{ Objects uint64 }

func (e *ConflictError) Error() string { return sentence(e) }

func (e *ConflictError) describe(f *Finding) {
	f.Rule = "every copy of a group backs up the same bytes"
	f.Expected, f.Found = "no object of which two copies have different bytes", fmt.Sprintf("%d", e.Objects)
}
