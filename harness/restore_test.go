package harness

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/impl/backup"
	"github.com/firstgap/firstgap/impl/node"
	"github.com/firstgap/firstgap/impl/objects"
)

// A badStore keeps everything, and gives it back otherwise.
type badStore struct {
	*objects.Store
	get func(name string, data []byte) ([]byte, error)
}

func (s badStore) Get(name string) ([]byte, error) {
	data, err := s.Store.Get(name)
	if err == nil {
		return s.get(name, slices.Clone(data))
	}
	return data, err
}

// A backup that is not what was put there is found out.
func TestABadBackupIsObjectedTo(t *testing.T) {
	with := func(get func(name string, data []byte) ([]byte, error)) Result {
		of := Ours()
		of.Objects = func(node.Hook) node.Node { return badStore{objects.New(), get} }
		c := quiet(t)
		c.Nodes.BackupEvery = faults.Duration(time.Millisecond)
		return RunOf(of, c, false)
	}
	sound := with(func(_ string, data []byte) ([]byte, error) { return data, nil })
	require.Equal(t, Pass, sound.Verdict, "%v", sound.Findings)
	require.Greater(t, sound.Counts.Restores, uint64(1))
	require.Positive(t, sound.Counts.RestoredRows)

	rotten := with(func(name string, data []byte) ([]byte, error) {
		if strings.HasPrefix(name, "log/") {
			data[len(data)/2] ^= 1
		}
		return data, nil
	})
	objected(t, rotten, faults.Restore, "expected a volume, found backup: object log/00000/", "its checksum does not fit")

	lost := with(func(name string, data []byte) ([]byte, error) {
		if strings.HasPrefix(name, "log/00001/") {
			return nil, &backup.MissingError{Name: name}
		}
		return data, nil
	})
	objected(t, lost, faults.Restore, "expected a volume, found backup: object log/00001/", "is missing")
}
