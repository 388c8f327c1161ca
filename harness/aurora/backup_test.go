package aurora

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness/judge"
	"github.com/firstgap/firstgap/harness/sim"
	"github.com/firstgap/firstgap/impl/backup"
	"github.com/firstgap/firstgap/impl/node"
	objectstore "github.com/firstgap/firstgap/impl/objects"
)

// liarStore answers the segments as it should, and gives something else to who restores.
type liarStore struct {
	*objectstore.Store
	get  func(name string, data []byte) ([]byte, error)
	list func(names []string) []string // nil: the truth
}

func (l *liarStore) Step(now node.Time, ev node.Event, out *node.Effects) {
	before := len(out.List)
	l.Store.Step(now, ev, out)
	if ev.From != sim.Outside {
		return
	}
	for i := range out.List[before:] {
		switch m := out.List[before+i].Message.(type) {
		case *node.ObjectRead:
			if data, err := l.get(m.Name, slices.Clone(m.Data)); err != nil {
				m.Found = false
			} else {
				m.Data = data
			}
		case *node.ObjectList:
			if l.list != nil {
				m.Names = l.list(slices.Clone(m.Names))
			}
		}
	}
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
	r := run(backedUp(t))
	require.Equal(t, judge.Pass, r.Verdict, "%v", r.Findings)
	require.Contains(t, r.Made, faults.Restore)
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
	objected(t, runOf(of, backedUp(t)), faults.Restore, "at most 0 objects that cannot be read")
}

func TestABackupThatRotsIsFound(t *testing.T) {
	of := lyingStore(func(name string, data []byte) ([]byte, error) {
		if name != backup.VolumeName {
			data = bytes.Clone(data)
			data[len(data)/2] ^= 1
		}
		return data, nil
	})
	objected(t, runOf(of, backedUp(t)), faults.Restore, "checksum does not fit")
}

// A store that keeps another group's, or an older state's, bytes under a name says so to the segment that would have put its own.
func TestABackupWhoseCopiesDifferIsFound(t *testing.T) {
	of := Ours()
	of.Objects = func(hook node.Hook) node.Node { return &otherSums{objectstore.New(hook)} }
	objected(t, runOf(of, backedUp(t)), faults.Restore, "no object of which two copies have different bytes")
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
