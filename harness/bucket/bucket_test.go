package bucket

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/aurora"
	_ "github.com/firstgap/firstgap/harness/internal/runflags"
	"github.com/firstgap/firstgap/harness/judge"
	"github.com/firstgap/firstgap/impl/backup"
)

func backedUp(t *testing.T) backup.Source {
	for seed := uint64(1); seed < 20; seed++ {
		c, err := aurora.System().Generate(seed, harness.Generation{})
		require.NoError(t, err)
		if r := harness.Run(aurora.System(), c); r.Backup != nil {
			require.Equal(t, judge.Pass, r.Verdict)
			return r.Backup
		}
	}
	t.Fatal("no run was backed up")
	return nil
}

// What a run backed up restores from a folder, and from memory, as it does from the run's own object store.
func TestABackupTravels(t *testing.T) {
	from := backedUp(t)
	want, err := backup.Restore(from, 0)
	require.NoError(t, err)
	folder := filepath.Join(t.TempDir(), "new")
	for _, url := range []string{"mem://backup", "file://" + folder} {
		b, err := Open(t.Context(), url, true)
		require.NoError(t, err)
		n, err := b.Copy(from)
		require.NoError(t, err)
		names, err := b.List("")
		require.NoError(t, err)
		require.Len(t, names, n)
		found, err := backup.Restore(b, 0)
		require.NoError(t, err)
		require.Equal(t, want.VDL, found.VDL)
		require.Equal(t, want.Rows("", ""), found.Rows("", ""))
		_, err = b.Copy(from)
		require.ErrorContains(t, err, "expected an empty one")
		_, err = b.Get("log/nothing")
		require.Equal(t, &backup.MissingError{Name: "log/nothing"}, err)
		require.NoError(t, b.Close())
	}
	require.NoError(t, os.Remove(filepath.Join(folder, backup.VolumeName)))
	b, err := Open(t.Context(), "file://"+folder, false)
	require.NoError(t, err)
	_, err = backup.Restore(b, 0)
	require.Equal(t, &backup.MissingError{Name: backup.VolumeName}, err)
	require.NoError(t, b.Close())
}

func TestBadURLs(t *testing.T) {
	for url, says := range map[string]string{
		"ftp://x":                   "expected file:///folder or mem://name",
		"file://relative/x":         "three slashes",
		"file:///nowhere/to/be/had": "nowhere",
		"%":                         "invalid URL",
		"":                          "expected file:///folder",
	} {
		_, err := Open(t.Context(), url, false)
		require.ErrorContains(t, err, says, url)
	}
}
