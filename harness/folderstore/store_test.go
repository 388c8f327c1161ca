package folderstore

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	_ "github.com/firstgap/firstgap/harness/internal/runflags"
	"github.com/firstgap/firstgap/impl/backup"
)

func open(t *testing.T, folder string) *Store {
	s, err := Open(folder)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

// A listing has every object, ascending by the whole name. gocloud.dev's fileblob left objects out where a folder had a
// thousand or more and a sibling's name began as the folder's does, and listed "a/b" before "a-b".
func TestAListingIsCompleteAndSorted(t *testing.T) {
	folder := t.TempDir()
	s := open(t, folder)
	var want []string
	for _, f := range []string{"log", "log-1", "log.2", "log0", "logs"} {
		many := 3
		if f == "log" {
			many = 1100
		}
		require.NoError(t, os.Mkdir(filepath.Join(folder, f), 0o755))
		for i := range many {
			name := fmt.Sprintf("%s/%04d", f, i)
			require.NoError(t, os.WriteFile(filepath.Join(folder, filepath.FromSlash(name)), nil, 0o644)) // 1100 syncs would take seconds
			want = append(want, name)
		}
	}
	for _, name := range []string{"log!", "lo"} {
		require.NoError(t, s.Put(name, nil))
		want = append(want, name)
	}
	slices.Sort(want)
	names, err := s.List("")
	require.NoError(t, err)
	require.Equal(t, want, names)
	for _, prefix := range []string{"log", "log/", "log/10", "log-", "none"} {
		names, err := s.List(prefix)
		require.NoError(t, err)
		var with []string
		for _, n := range want {
			if strings.HasPrefix(n, prefix) {
				with = append(with, n)
			}
		}
		require.Equal(t, with, names, prefix)
	}
}

// Of many who put an object under one name one succeeds, and what it put is what is read. fileblob's IfNotExist let several
// succeed.
func TestOneOfManyPutsAnObject(t *testing.T) {
	s := open(t, t.TempDir())
	for key := range 20 {
		name := fmt.Sprintf("log/%d", key)
		var won atomic.Int64
		var all sync.WaitGroup
		for i := range 8 {
			all.Go(func() {
				err := s.Put(name, fmt.Appendf(nil, "%d", i))
				var exists *ExistsError
				if err == nil {
					won.Add(int64(1 + i*100))
				} else if !errors.As(err, &exists) {
					t.Error(err)
				}
			})
		}
		all.Wait()
		require.EqualValues(t, 1, won.Load()%100, "one succeeds")
		data, err := s.Get(name)
		require.NoError(t, err)
		require.Equal(t, fmt.Sprint(won.Load()/100), string(data))
	}
}

// An object that is read while others are put is whole. Reading fileblob's failed while it was written.
func TestAnObjectIsWholeOrNotThere(t *testing.T) {
	s := open(t, t.TempDir())
	data := []byte(strings.Repeat("x", 1<<16))
	var all sync.WaitGroup
	for i := range 20 {
		name := fmt.Sprint("log/", i)
		var put atomic.Bool
		all.Go(func() {
			if err := s.Put(name, data); err != nil {
				t.Error(err)
			}
			put.Store(true)
		})
		all.Go(func() {
			for done := false; !done; {
				done = put.Load()
				found, err := s.Get(name)
				var missing *backup.MissingError
				if err != nil && (done || !errors.As(err, &missing)) || err == nil && len(found) != len(data) {
					t.Errorf("found %d bytes, %v", len(found), err)
				}
			}
		})
	}
	all.Wait()
}

// No name leaves the folder, whether by itself or over a link, and none is one of our own files.
func TestNamesStayInTheFolder(t *testing.T) {
	outside := t.TempDir()
	folder := filepath.Join(outside, "in")
	require.NoError(t, os.Mkdir(folder, 0o755))
	s := open(t, folder)
	require.NoError(t, os.WriteFile(filepath.Join(outside, "secret"), []byte("s"), 0o644))
	for _, name := range []string{"", ".", "..", "../secret", "/etc/passwd", "a/../../secret", "a//b", "a/", "./a", ".copying", "a/.incoming", `..\secret`, "c:x", "a\x00b"} {
		var refused *NameError
		require.ErrorAs(t, s.Put(name, []byte("x")), &refused, "%q", name)
		_, err := s.Get(name)
		require.ErrorAs(t, err, &refused, "%q", name)
	}
	var limit *LimitError
	require.ErrorAs(t, s.Put(strings.Repeat("a", MaxName+1), nil), &limit)

	require.NoError(t, os.Symlink(outside, filepath.Join(folder, "link")))
	var broken *FolderError
	_, err := s.Get("link/secret")
	require.ErrorAs(t, err, &broken)
	require.ErrorAs(t, s.Put("link/new", []byte("x")), &broken)
	require.NoFileExists(t, filepath.Join(outside, "new"))
	_, err = s.List("")
	require.ErrorAs(t, err, &broken, "what is no file is not passed over")
}

// A place for an object that cannot be had is an error that says which, and leaves nothing behind.
func TestAPutThatFailsLeavesNothing(t *testing.T) {
	folder := t.TempDir()
	s := open(t, folder)
	require.NoError(t, s.Put("log", []byte("x"))) // a file, where a folder is needed
	var broken *FolderError
	require.ErrorAs(t, s.Put("log/1", []byte("y")), &broken)
	require.Equal(t, "log/1", broken.Name)
	require.NoError(t, os.MkdirAll(filepath.Join(folder, "pages", besideFile), 0o755)) // nothing can be written beside
	require.ErrorAs(t, s.Put("pages/1", []byte("y")), &broken)
	names, err := s.List("")
	require.NoError(t, err)
	require.Equal(t, []string{"log"}, names)
	_, err = s.Get("pages/1")
	require.Equal(t, &backup.MissingError{Name: "pages/1"}, err)
	_, err = s.Get("pages")
	require.ErrorAs(t, err, &broken)
}

func TestOpenSaysWhatIsWrong(t *testing.T) {
	_, err := Open(filepath.Join(t.TempDir(), "nowhere"))
	require.ErrorIs(t, err, fs.ErrNotExist)
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o644))
	var broken *FolderError
	_, err = Open(file)
	require.ErrorAs(t, err, &broken)
	_, err = NewCopy(file)
	require.ErrorAs(t, err, &broken)
	_, err = NewCopy(filepath.Join(file, "in"))
	require.ErrorAs(t, err, &broken)
}

func TestPath(t *testing.T) {
	for location, want := range map[string]string{
		"backup":                 "backup",
		"../a/b c":               "../a/b c",
		"/a%20b":                 "/a%20b",
		"a/b://c":                "a/b://c",
		"file:///a/b%20c":        "/a/b c",
		"file:///nowhere/to/be/": "/nowhere/to/be/",
	} {
		found, err := Path(location)
		require.NoError(t, err)
		require.Equal(t, filepath.FromSlash(want), found, location)
	}
	refused := map[string]string{
		"":                       "found no name",
		"s3://x/y":               `of the kind "s3"`,
		"mem://backup":           `of the kind "mem"`,
		"file://relative/x":      "three slashes",
		"file:///a?create_dir=1": "three slashes",
		"file:///a#b":            "three slashes",
		"file://%":               "three slashes",
	}
	for _, location := range slices.Sorted(maps.Keys(refused)) {
		_, err := Path(location)
		require.ErrorContains(t, err, refused[location], location)
	}
}
