package harness

import (
	"errors"
	"fmt"
	"math"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/impl/backup"
	"github.com/firstgap/firstgap/impl/node"
	"github.com/firstgap/firstgap/linearizability"
)

// restores is to how many points a run's volume is restored, from the oldest to the newest that there is a backup of.
const restores = 4

// judgeRestores restores the volume from its backup to some points of the log, and holds what comes of it against the log.
// The object store's disk is sound, whatever else went wrong, and by now it is alive again: of what it has, every point must
// come back, and it has the log from the beginning, for nothing is dropped that is not backed up.
func (r *runner) judgeRestores() {
	store, ok := r.world.Node(r.volume.Objects).(backup.Source)
	if !ok {
		return
	}
	fail := func(at node.LSN, expected, found string) {
		r.object(violated(faults.Restore, &RestoreError{At: at, Expected: expected, Found: found}))
	}
	var span *backup.NoSuchPointError
	if _, err := backup.Restore(store, math.MaxUint64); !errors.As(err, &span) {
		fail(math.MaxUint64, "no such point", fmt.Sprint(err))
		return
	}
	if span.Newest < span.Oldest || span.Newest == 0 {
		return // nothing is backed up yet
	}
	if span.Oldest > 0 {
		fail(span.Oldest, "every point from the beginning on, for the log of each is there", fmt.Sprintf("none before %d", span.Oldest))
		return
	}
	r.result.Backup = store
	r.evaluated(faults.Restore)
	var restored []Restored
	for i := range node.LSN(restores) {
		at := span.Oldest + (span.Newest-span.Oldest)*i/(restores-1)
		if at == 0 {
			continue // stands for the newest
		}
		v, err := backup.Restore(store, at)
		if errors.As(err, &span) && span.Newest < at && r.result.Counts.Trace.Grown > 0 {
			break // a group that came into use later has put nothing into the store yet
		}
		if err == nil {
			err = v.Check()
		}
		if err != nil {
			fail(at, "a volume", err.Error())
			return
		}
		if last := r.log.Consistency(at); v.VDL != last {
			fail(at, fmt.Sprintf("the volume as of LSN %d, where the last mini-transaction ends", last), fmt.Sprintf("it as of LSN %d", v.VDL))
			return
		}
		one := Restored{At: v.VDL}
		for _, row := range v.Rows("", "") {
			one.Rows = append(one.Rows, linearizability.Row{Key: row.Key, Value: row.Value.Bytes})
		}
		restored = append(restored, one)
		r.result.Counts.RestoredRows += uint64(len(one.Rows))
		r.result.Counts.RestoreUndos += uint64(v.Undone)
	}
	r.result.Counts.Restores += uint64(len(restored))
	for _, err := range Restores(r.log, restored) {
		r.object(violated(faults.Restore, err))
	}
}
