package harness

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/impl/backup"
	"github.com/firstgap/firstgap/impl/node"
	objectstore "github.com/firstgap/firstgap/impl/objects"
)

// liarStore answers the segments as it should, and gives something else to who restores.
type liarStore struct {
	*objectstore.Store
	get func(name string, data []byte) ([]byte, error)
}

func (l *liarStore) Get(name string) ([]byte, error) {
	data, err := l.Store.Get(name)
	if err != nil {
		return nil, err
	}
	return l.get(name, data)
}

func lyingStore(get func(name string, data []byte) ([]byte, error)) Implementation {
	of := Ours()
	of.Objects = func(hook node.Hook) node.Node {
		return &liarStore{Store: objectstore.New(hook), get: get}
	}
	return of
}

// backedUp is a quiet run of a volume that is backed up.
func backedUp(t *testing.T) Configuration {
	c := quiet(t)
	c.Volume.BackupWindow, c.Nodes.BackupEvery = 16, faults.Duration(5*time.Millisecond)
	return c
}

func TestARunIsRestoredFromItsBackup(t *testing.T) {
	r := Run(backedUp(t))
	require.Equal(t, Pass, r.Verdict, "%v", r.Findings)
	require.Contains(t, r.Evaluated, faults.Restore)
	require.NotZero(t, r.Counts.Restores)
	require.NotZero(t, r.Counts.RestoredRows)
	v, err := backup.Restore(r.Backup, 0)
	require.NoError(t, err)
	require.NotZero(t, v.VDL)
}

func TestABackupThatLosesAnObjectIsFound(t *testing.T) {
	of := lyingStore(func(name string, data []byte) ([]byte, error) {
		if strings.HasPrefix(name, "log/") {
			return nil, &backup.MissingError{Name: name}
		}
		return data, nil
	})
	objected(t, RunOf(of, backedUp(t), false), faults.Restore, "is missing")
}

func TestABackupThatRotsIsFound(t *testing.T) {
	of := lyingStore(func(name string, data []byte) ([]byte, error) {
		if name != backup.VolumeName {
			data = bytes.Clone(data)
			data[len(data)/2] ^= 1
		}
		return data, nil
	})
	objected(t, RunOf(of, backedUp(t), false), faults.Restore, "checksum does not fit")
}

// A store that keeps another group's, or an older state's, bytes under a name says so to whoever would have put its own.
func TestABackupWhoseCopiesDifferIsFound(t *testing.T) {
	of := Ours()
	of.Objects = func(hook node.Hook) node.Node { return &otherSums{objectstore.New(hook)} }
	objected(t, RunOf(of, backedUp(t), false), faults.Restore, "of which another copy has others")
}

// otherSums is a store that says that something else is there than is.
type otherSums struct{ *objectstore.Store }

func (o *otherSums) Step(now node.Time, ev node.Event, out *node.Effects) {
	o.Store.Step(now, ev, out)
	for i := range out.List {
		if m, ok := out.List[i].Message.(*node.ObjectKept); ok {
			out.List[i].Message = &node.ObjectKept{Name: m.Name, Sum: m.Sum + 1}
		}
	}
}
