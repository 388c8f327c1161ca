package aurora

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/judge"
	"github.com/firstgap/firstgap/impl/backup"
	"github.com/firstgap/firstgap/impl/node"
	"github.com/firstgap/firstgap/impl/objects"
)

// While the object store is away nothing is dropped that is not backed up, and afterwards all of it is.
func TestTheBackupCatchesUp(t *testing.T) {
	for _, kind := range []faults.Kind{faults.Crash, faults.Partition} {
		c := quiet(t)
		c.Nodes.BackupEvery = faults.Duration(time.Millisecond)
		c.Plan.Faults = []faults.Fault{{Kind: kind, At: c.Plan.Horizon / 4, For: c.Plan.Horizon / 2, Nodes: []string{string(faults.Objects)}}}
		r := run(c)
		require.Equal(t, judge.Pass, r.Verdict, "%s: %v", kind, r.Findings)
		require.Equal(t, kind == faults.Crash, r.Counts.StoreStarts == 1, "%s", kind)
		_, err := backup.Restore(r.Backup, 0)
		require.NoError(t, err)
		var span *backup.NoSuchPointError
		_, err = backup.Restore(r.Backup, 1<<60)
		require.ErrorAs(t, err, &span)
		require.Zero(t, span.Oldest)
		require.Greater(t, span.Newest, node.LSN(100), "%s", kind)
	}
}

// A backup that is not what was put there is found out.
func TestABadBackupIsObjectedTo(t *testing.T) {
	with := func(get func(name string, data []byte) ([]byte, error)) harness.Result {
		of := Ours()
		of.Objects = func(hook node.Hook) node.Node { return &liarStore{Store: objects.New(hook), get: get} }
		c := quiet(t)
		c.Nodes.BackupEvery = faults.Duration(time.Millisecond)
		return runOf(of, c)
	}
	sound := with(truth)
	require.Equal(t, judge.Pass, sound.Verdict, "%v", sound.Findings)
	require.Greater(t, sound.Counts.Restores, uint64(1))
	require.Positive(t, sound.Counts.RestoredRows)

	rotten := with(func(name string, data []byte) ([]byte, error) {
		if strings.HasPrefix(name, "log/") {
			data[len(data)/2] ^= 1
		}
		return data, nil
	})
	objected(t, rotten, faults.Restore, "expected a volume, found backup: VDL ", "object log/00000/", "its checksum does not fit")

	lost := with(func(name string, data []byte) ([]byte, error) {
		if strings.HasPrefix(name, "log/00001/") {
			return nil, &backup.MissingError{Name: name}
		}
		return data, nil
	})
	objected(t, lost, faults.Restore, "expected a volume, found backup: VDL ", "object log/00001/", "is missing")

	// Restored from the images behind it, nobody would miss it.
	of := Ours()
	of.Objects = func(hook node.Hook) node.Node {
		return &liarStore{Store: objects.New(hook), get: truth, list: func(names []string) []string {
			return slices.DeleteFunc(names, func(name string) bool {
				return strings.HasPrefix(name, "log/") && strings.Contains(name, "/0000000000000001-")
			})
		}}
	}
	c := quiet(t)
	c.Nodes.BackupEvery = faults.Duration(time.Millisecond)
	objected(t, runOf(of, c), faults.Restore, "expected every point from the beginning on", "found none before")
	// Nor would the points that are restored all lie outside of a gap, or nothing be restored for it.
	of.Objects = func(hook node.Hook) node.Node {
		return &liarStore{Store: objects.New(hook), get: truth, list: func(names []string) []string {
			return slices.DeleteFunc(names, func(name string) bool { return strings.HasPrefix(name, "log/00000/0000000000000017-") })
		}}
	}
	objected(t, runOf(of, c), faults.Restore, "expected the log without a gap", "found none of log/00000/0000000000000017-0000000000000032")
}

// truth is what a store gives that does not lie.
func truth(_ string, data []byte) ([]byte, error) { return data, nil }
