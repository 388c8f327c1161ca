package harness

import (
	"fmt"

	"github.com/firstgap/firstgap/faults"
)

// A ConflictError says that copies of a group would have put different bytes under one name of the backup.
type ConflictError struct{ Objects uint64 }

func (e *ConflictError) Error() string {
	return fmt.Sprintf("expected every copy of a group to back up the same bytes, found %d objects of which another copy has others", e.Objects)
}

// judgeBackup objects when segments found something else under a name of the backup than they would have put there.
func (r *runner) judgeBackup() {
	if n := r.result.Counts.BackupConflicts; n > 0 {
		r.evaluated(faults.Restore)
		r.object(violated(faults.Restore, &ConflictError{Objects: n}))
	}
}
