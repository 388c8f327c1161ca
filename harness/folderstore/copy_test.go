package folderstore

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/aurora"
	"github.com/firstgap/firstgap/harness/judge"
	"github.com/firstgap/firstgap/impl/backup"
	"github.com/firstgap/firstgap/impl/node"
)

// memory is a backup.Source that fails after so many objects.
type memory struct {
	objects map[string][]byte
	left    int // negative: it never fails
}

var errStops = errors.New("the store stops")

func (m *memory) Get(name string) ([]byte, error) {
	if m.left == 0 {
		return nil, errStops
	}
	m.left--
	return m.objects[name], nil
}

func (m *memory) List(string) ([]string, error) { return slices.Sorted(maps.Keys(m.objects)), nil }

// backedUp is what the first run that backs something up put into its object store.
func backedUp(t *testing.T) *memory {
	for seed := uint64(1); ; seed++ {
		c, err := aurora.System().Generate(seed, harness.Generation{})
		require.NoError(t, err)
		r := harness.Run(aurora.System(), c)
		if r.Backup == nil {
			continue
		}
		require.Equal(t, judge.Pass, r.Verdict)
		m := &memory{objects: map[string][]byte{}, left: -1}
		names, err := r.Backup.List("")
		require.NoError(t, err)
		for _, name := range names {
			m.objects[name], err = r.Backup.Get(name)
			require.NoError(t, err)
		}
		return m
	}
}

// named is objects with the names that those of a volume with so many groups have.
func named(groups node.Group) *memory {
	m := &memory{objects: map[string][]byte{}, left: -1}
	put := func(name string) { m.objects[name] = fmt.Appendf(nil, "%s of %d", name, groups) }
	put(backup.VolumeName)
	for g := range groups {
		put(backup.LogName(g, 1, 16))
		put(backup.LogName(g, 17, 32))
		put(backup.ImagesName(g, 16, 0))
	}
	return m
}

func copied(t *testing.T, folder string, from backup.Source) error {
	c, err := NewCopy(folder)
	if err != nil {
		return err
	}
	n, err := c.From(t.Context(), from)
	if err == nil {
		require.Equal(t, len(from.(*memory).objects), n)
	}
	return errors.Join(err, c.Close())
}

// files is every file of a folder, ours among them.
func files(t *testing.T, folder string) map[string][]byte {
	all := map[string][]byte{}
	require.NoError(t, filepath.WalkDir(folder, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			name, _ := filepath.Rel(folder, path)
			all[filepath.ToSlash(name)], err = os.ReadFile(path)
		}
		return err
	}))
	return all
}

// What a run backed up restores from a folder as it does from the run's own object store.
func TestABackupTravels(t *testing.T) {
	from := backedUp(t)
	want, err := backup.Restore(from, 0)
	require.NoError(t, err)
	folder := filepath.Join(t.TempDir(), "new", "er")
	require.NoError(t, copied(t, folder, from))
	s := open(t, folder)
	names, err := s.List("")
	require.NoError(t, err)
	require.Len(t, names, len(from.objects)+1)
	found, err := backup.Restore(s, 0)
	require.NoError(t, err)
	require.Equal(t, want.VDL, found.VDL)
	require.Equal(t, want.Rows("", ""), found.Rows("", ""))
	require.Empty(t, found.Lost)

	var whole *NotEmptyError
	require.ErrorAs(t, copied(t, folder, from), &whole)
	require.True(t, whole.Whole)
	require.NoFileExists(t, filepath.Join(folder, copyingFile))

	require.NoError(t, os.Remove(filepath.Join(folder, backup.VolumeName)))
	_, err = backup.Restore(s, 0)
	require.Equal(t, &backup.MissingError{Name: backup.VolumeName}, err)
}

// Wherever a copy stops, what it leaves is known to be half, and the next copy, of another volume, leaves its own objects
// and nothing else.
func TestACopyThatWasKilledIsCleaned(t *testing.T) {
	first, second := named(3), named(2)
	ended := t.TempDir()
	require.NoError(t, copied(t, ended, second))
	want := files(t, ended)
	for n := range len(first.objects) {
		folder := t.TempDir()
		first.left = n
		require.ErrorIs(t, copied(t, folder, first), errStops)
		require.FileExists(t, filepath.Join(folder, copyingFile))
		// A kill may leave what was being written, and does not say where.
		require.NoError(t, os.WriteFile(filepath.Join(folder, besideFile), []byte("half"), 0o644))
		if n > 1 {
			require.NoError(t, os.WriteFile(filepath.Join(folder, "log", "00000", besideFile), []byte("half"), 0o644))
		}
		s := open(t, folder)
		names, err := s.List("")
		require.NoError(t, err)
		require.Len(t, names, n)
		require.Equal(t, n > 0, slices.Contains(names, backup.VolumeName), "it comes first")
		_, err = backup.ReadManifest(s)
		require.Equal(t, &backup.MissingError{Name: backup.ManifestName}, err)
		require.NoError(t, copied(t, folder, second))
		require.Equal(t, want, files(t, folder))
	}
	require.Len(t, want, 8) // the manifest is the one more
}

// A copy removes what a copy makes, and nothing else.
func TestACopyKeepsWhatIsNotItsOwn(t *testing.T) {
	from := named(1)
	var found *NotEmptyError
	for _, interrupted := range []bool{false, true} {
		folder := t.TempDir()
		if interrupted {
			require.NoError(t, os.WriteFile(filepath.Join(folder, copyingFile), nil, 0o644))
		}
		require.NoError(t, os.WriteFile(filepath.Join(folder, backup.VolumeName), nil, 0o644))
		require.NoError(t, os.WriteFile(filepath.Join(folder, "thesis.tex"), []byte("years"), 0o644))
		before := files(t, folder)
		require.ErrorAs(t, copied(t, folder, from), &found)
		require.False(t, found.Whole)
		require.Equal(t, before, files(t, folder))
	}
	// Objects without the mark of a copy may be all that there is of a backup.
	folder := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(folder, backup.VolumeName), nil, 0o644))
	require.ErrorAs(t, copied(t, folder, from), &found)
	require.FileExists(t, filepath.Join(folder, backup.VolumeName))
	// Nor does it put what is no object of a backup.
	var refused *NameError
	require.ErrorAs(t, copied(t, t.TempDir(), &memory{objects: map[string][]byte{"thesis.tex": nil}, left: -1}), &refused)
	// A copy that was killed when all was there has left a whole backup.
	folder = t.TempDir()
	require.NoError(t, copied(t, folder, from))
	require.NoError(t, os.WriteFile(filepath.Join(folder, copyingFile), nil, 0o644))
	require.ErrorAs(t, copied(t, folder, from), &found)
	require.True(t, found.Whole)
	require.NoFileExists(t, filepath.Join(folder, copyingFile))
}

// Two copies into one folder never meet.
func TestACopyHoldsTheFolder(t *testing.T) {
	from := named(1)
	folder := t.TempDir()
	c, err := NewCopy(folder)
	require.NoError(t, err)
	var held *HeldError
	_, err = NewCopy(folder)
	require.ErrorAs(t, err, &held)
	_, err = c.From(t.Context(), from)
	require.NoError(t, err)
	_, err = NewCopy(folder)
	require.ErrorAs(t, err, &held)
	require.NoError(t, c.Close())

	// One that copies nothing leaves the folder as it was.
	folder = t.TempDir()
	c, err = NewCopy(folder)
	require.NoError(t, err)
	require.NoError(t, c.Close())
	require.Empty(t, files(t, folder))

	// One that is called off is half.
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	c, err = NewCopy(folder)
	require.NoError(t, err)
	_, err = c.From(ctx, from)
	require.ErrorIs(t, err, context.Canceled)
	require.True(t, strings.HasSuffix(err.Error(), "removes what this one has left there"))
	require.NoError(t, c.Close())
	require.NoError(t, copied(t, folder, from))
}
