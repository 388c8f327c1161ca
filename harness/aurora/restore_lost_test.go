package aurora

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/harness/judge"
	"github.com/firstgap/firstgap/impl/backup"
	"github.com/firstgap/firstgap/impl/node"
	"github.com/firstgap/firstgap/linearizability"
)

// objectsOf is what is in a store: a backup.Source that objects can be taken out of.
type objectsOf map[string][]byte

func (o objectsOf) Get(name string) ([]byte, error) {
	data, there := o[name]
	if !there {
		return nil, &backup.MissingError{Name: name}
	}
	return data, nil
}

func (o objectsOf) List(prefix string) ([]string, error) {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(o)), func(name string) bool { return !strings.HasPrefix(name, prefix) }), nil
}

// Of the backup of a run, copied with its manifest, each object in turn is removed, and cut in half. Every point that is
// asked for is the committed prefix of the writers' log, which the backup has no part in, or an error that names the object.
// Before, one log object that was missing made every point unrestorable; the newest one of a group made the newest point an
// older one, and its caller was not told; and page images that were halved were not made up for by older ones.
func TestABackupThatLostAnyOneObject(t *testing.T) {
	c := generated(t, 1)
	c.Volume.BackupWindow = 16
	r := run(c)
	require.Equal(t, judge.Pass, r.Verdict, "%v", r.Findings)

	whole := objectsOf{}
	names, err := r.Backup.List("")
	require.NoError(t, err)
	var manifest backup.Manifest
	for _, name := range names {
		whole[name], err = r.Backup.Get(name)
		require.NoError(t, err)
		manifest.Add(name, whole[name])
	}
	whole[backup.ManifestName] = manifest.Encode()
	require.Greater(t, len(names), 40)
	var span *backup.NoSuchPointError
	_, err = backup.Restore(whole, 1<<60)
	require.ErrorAs(t, err, &span)
	newest := span.Newest

	points := []node.LSN{0, 20, 40, newest} // 0 is the newest, too
	for l := node.LSN(16); l < newest; l += 48 {
		points = append(points, l, l+1)
	}
	// try restores all points, and returns the errors of those that cannot be.
	try := func(what string, from objectsOf) map[node.LSN]error {
		lost := map[node.LSN]error{}
		for _, asked := range points {
			at := asked
			if asked == 0 {
				at = newest
			}
			v, err := backup.Restore(from, asked)
			if err != nil {
				lost[asked] = err
				continue
			}
			require.Equal(t, r.Evidence.Log.Consistency(at), v.VDL, "%s, asked for %d", what, asked)
			one := judge.Restored{At: v.VDL}
			for _, row := range v.Rows("", "") {
				one.Rows = append(one.Rows, linearizability.Row{Key: row.Key, Value: row.Value.Bytes})
			}
			require.Empty(t, judge.Restores(r.Evidence.Log, []judge.Restored{one}), "%s, asked for %d", what, asked)
		}
		return lost
	}
	require.Empty(t, try("whole", whole))
	failed := 0
	for _, name := range slices.Sorted(maps.Keys(whole)) {
		removed, halved := maps.Clone(whole), maps.Clone(whole)
		delete(removed, name)
		halved[name] = halved[name][:len(halved[name])/2]
		lost := try("removed "+name, removed)
		for asked, err := range lost {
			require.ErrorContains(t, err, "object "+name+" is missing", "asked for %d", asked)
			var e *backup.LostError
			if errors.As(err, &e) {
				require.True(t, asked == 0 || asked >= e.Before, "%d: %v", asked, err)
			}
		}
		half := try("halved "+name, halved)
		require.Equal(t, slices.Sorted(maps.Keys(lost)), slices.Sorted(maps.Keys(half)), name)
		for asked, err := range half {
			require.ErrorContains(t, err, "object "+name+" of ", "asked for %d", asked)
		}
		switch {
		case name == backup.VolumeName:
			require.Len(t, lost, len(points), "every point needs it")
		case !strings.HasPrefix(name, "log/"):
			require.Empty(t, lost, "%s: older images and more of the log stand in", name)
		default:
			failed += len(lost)
		}
	}
	require.Greater(t, failed, len(points), "of log objects")
}
