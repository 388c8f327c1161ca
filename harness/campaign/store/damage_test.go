package store

import (
	"bytes"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/harness/campaign/job"
)

// grown is a campaign of 25 lines in files of 4, with two entries, two failures and two trends, closed.
func grown(t *testing.T) (folder string, lines []job.Line) {
	t.Helper()
	folder = t.TempDir()
	lines = made(crashing(), 25, 11)
	s, err := create(folder, crashing(), record(folder))
	require.NoError(t, err)
	for _, n := range []uint64{2, 14} {
		require.NoError(t, s.PutEntry(anEntry(n, &lines[n])))
	}
	require.NoError(t, s.Append(lines...))
	for i, signature := range []string{"durability: a cut", "durability: an epoch"} {
		f, c := aFailure(signature, uint64(5+i), 1)
		_, err := s.PutFailure(f, c)
		require.NoError(t, err)
	}
	for i := range 2 {
		require.NoError(t, s.AppendTrend(Trend{Commit: fmt.Sprint(i)}))
	}
	require.NoError(t, s.Close())
	return folder, lines
}

// files lists the files below a folder with what is in them.
func files(t *testing.T, folder string) map[string][]byte {
	t.Helper()
	all := map[string][]byte{}
	require.NoError(t, fs.WalkDir(os.DirFS(folder), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || name == lockFile {
			return err
		}
		all[name], err = os.ReadFile(filepath.Join(folder, name))
		return err
	}))
	return all
}

// Each file is altered, cut short, emptied, lengthened and removed: the damage is named and set aside, what does not depend on it
// stays, lines from it on are run again, and opened once more all is well. A header that is damaged is refused.
func TestDamageIsSetAsideAndTheCampaignGoesOn(t *testing.T) {
	pristine, lines := grown(t)
	whole := files(t, pristine)
	require.Len(t, whole, 1+7+6+2+4+1)
	r := rand.New(rand.NewPCG(1, 1))
	damages := map[string]func([]byte) []byte{
		"a bit":       func(b []byte) []byte { b[r.IntN(len(b))] ^= 1 << r.IntN(8); return b },
		"a bit of it": func(b []byte) []byte { b[len(b)/2] ^= 1; return b },
		"cut short":   func(b []byte) []byte { return b[:len(b)*2/3] },
		"emptied":     func([]byte) []byte { return nil },
		"zeros":       func(b []byte) []byte { clear(b[len(b)/2:]); return b },
		"lengthened":  func(b []byte) []byte { return append(b, "{}\n"...) },
		"removed":     nil,
	}
	looked := 0
	for _, name := range slices.Sorted(maps.Keys(whole)) { // in order, so that each is damaged by the same draws each time
		text := whole[name]
		for _, how := range slices.Sorted(maps.Keys(damages)) {
			damage := damages[how]
			looked++
			t.Run(name+" "+how, func(t *testing.T) {
				folder := t.TempDir()
				for n, b := range whole {
					require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(folder, n)), 0o755))
					require.NoError(t, os.WriteFile(filepath.Join(folder, n), b, 0o644))
				}
				at := filepath.Join(folder, name)
				if damage == nil {
					require.NoError(t, os.Remove(at))
				} else {
					require.NoError(t, os.WriteFile(at, damage(slices.Clone(text)), 0o644))
				}
				damaged(t, folder, name, how, lines, text)
			})
		}
	}
	require.Equal(t, 21*7, looked)
}

func damaged(t *testing.T, folder, name, how string, lines []job.Line, text []byte) {
	before := files(t, folder)
	s, err := reopen(folder, record(folder))
	if name == headerFile {
		require.Error(t, err)
		require.Contains(t, err.Error(), headerFile)
		require.Equal(t, before, files(t, folder), "a campaign that is refused is left as it is")
		return
	}
	require.NoError(t, err)
	var segment uint64
	isLines := filepath.Ext(name) == ".jsonl" && name != trendsFile
	if isLines {
		_, err := fmt.Sscanf(name, "lines/%d.jsonl", &segment)
		require.NoError(t, err)
	}
	aside := s.Opened().Aside
	listed, err := s.Aside()
	require.NoError(t, err)
	require.Equal(t, aside, append([]Aside(nil), listed...))
	// The last file has one line, without whose end it is torn, and without which it is not there.
	silent := segment == 6 && slices.Contains([]string{"removed", "emptied", "cut short", "zeros"}, how) ||
		strings.HasSuffix(name, ".fold.json") && how == "removed" || name == trendsFile && slices.Contains([]string{"removed", "emptied"}, how) ||
		strings.HasPrefix(name, corpusFolder) && how == "removed" || strings.HasSuffix(name, failureEnd) && how == "removed"
	if silent {
		require.Empty(t, aside)
	} else {
		require.NotEmpty(t, aside)
		require.True(t, slices.ContainsFunc(aside, func(a Aside) bool { return a.File == name }), "%v", aside)
		for _, a := range aside {
			require.NotEmpty(t, a.Expected)
			require.NotEmpty(t, a.Found)
			require.Contains(t, a.String(), a.File)
		}
		if how != "removed" { // what was set aside is still there, byte for byte
			i := slices.IndexFunc(aside, func(a Aside) bool { return a.File == name })
			kept, err := os.ReadFile(filepath.Join(folder, asideFolder, aside[i].Name))
			require.NoError(t, err)
			require.Equal(t, before[name], kept)
		}
	}
	if isLines && how != "lengthened" {
		require.Less(t, s.Next(), 4*segment+4)
		require.GreaterOrEqual(t, s.Next(), 4*segment)
		for _, a := range aside {
			require.Equal(t, s.Next(), *a.From)
		}
		for n := range before {
			var later uint64
			if _, err := fmt.Sscanf(n, "lines/%d.jsonl", &later); err == nil && later > segment {
				require.True(t, slices.ContainsFunc(aside, func(a Aside) bool { return a.File == n }), "%s of %v", n, aside)
			}
		}
	} else {
		require.Equal(t, uint64(25), s.Next())
	}
	entries, err := s.Entries()
	require.NoError(t, err)
	want := 0
	for _, n := range []uint64{2, 14} {
		if n < s.Next() {
			want++
		}
	}
	if strings.HasPrefix(name, corpusFolder) {
		want--
	}
	require.Len(t, entries, want)
	failures, err := s.Failures()
	require.NoError(t, err)
	switch {
	case strings.HasSuffix(name, failureEnd):
		require.Len(t, failures, 1)
	case strings.HasPrefix(name, failuresFolder):
		require.Len(t, failures, 2)
		require.Equal(t, 1, len(failures[0].Files)+len(failures[1].Files), "the record stays without its file")
		i := slices.IndexFunc(failures, func(f Failure) bool { return len(f.Files) == 0 })
		f, c := aFailure(failures[i].Signature, 20, 3)
		again, err := s.PutFailure(f, c)
		require.NoError(t, err)
		require.Len(t, again.Files, 1)
		require.Equal(t, uint64(2), again.Times)
	default:
		require.Len(t, failures, 2)
	}
	trends, err := s.Trends()
	require.NoError(t, err)
	if name != trendsFile {
		require.Len(t, trends, 2)
	}
	require.NoError(t, s.AppendTrend(Trend{Commit: "2"}))

	require.NoError(t, s.Append(lines[s.Next():]...))
	require.Equal(t, folded(t, s.Header(), lines), s.Fold())
	require.NoError(t, s.Close())
	s, err = reopen(folder, record(folder))
	require.NoError(t, err)
	require.Empty(t, s.Opened())
	require.Equal(t, lines, kept(t, s.Reader))
	listed, err = s.Aside()
	require.NoError(t, err)
	require.Len(t, listed, len(aside))
	require.NoError(t, s.Close())
}

// A reader says damage and goes no further; it changes nothing.
func TestAReaderSaysDamageAndMendsNothing(t *testing.T) {
	folder, lines := grown(t)
	file := filepath.Join(folder, segmentFile(2))
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	at := bytes.IndexByte(text, '\n') + 100 // in the second line of the file, which is line 9
	text[at] ^= 4
	require.NoError(t, os.WriteFile(file, text, 0o644))
	before := files(t, folder)
	r, err := Read(folder)
	require.NoError(t, err)
	var damage *DamageError
	n := 0
	require.ErrorAs(t, r.Lines(0, func(*job.Line) error { n++; return nil }), &damage)
	require.Equal(t, []any{9, uint64(9), "lines/000002.jsonl"}, []any{n, damage.Line, damage.File})
	// The file's own fold still stands for it.
	f, err := r.Fold()
	require.NoError(t, err)
	require.Equal(t, folded(t, r.Header(), lines), f)
	// Where it does not, what comes before the damage is folded.
	require.NoError(t, os.Remove(filepath.Join(folder, foldFile(2))))
	delete(before, foldFile(2))
	f, err = r.Fold()
	require.ErrorAs(t, err, &damage)
	require.Equal(t, folded(t, r.Header(), lines[:9]), f)
	require.Equal(t, before, files(t, folder))
}

// Lines are of their campaign and their place: a whole line that was copied, moved or taken out is damage.
func TestLinesThatAreWholeButOutOfPlaceAreDamage(t *testing.T) {
	for name, change := range map[string]func(lines [][]byte) [][]byte{
		"twice":     func(l [][]byte) [][]byte { return slices.Insert(l, 2, l[1]) },
		"taken out": func(l [][]byte) [][]byte { return slices.Delete(l, 1, 2) },
		"swapped":   func(l [][]byte) [][]byte { l[1], l[2] = l[2], l[1]; return l },
	} {
		folder, _ := grown(t)
		file := filepath.Join(folder, segmentFile(1))
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		lines := bytes.SplitAfter(bytes.TrimSuffix(text, []byte("\n")), []byte("\n"))
		lines[len(lines)-1] = append(slices.Clip(lines[len(lines)-1]), '\n')
		require.NoError(t, os.WriteFile(file, bytes.Join(change(lines), nil), 0o644))
		s, err := reopen(folder, record(folder))
		require.NoError(t, err)
		require.Less(t, s.Next(), uint64(7), name)
		require.GreaterOrEqual(t, s.Next(), uint64(5), name)
		require.NotEmpty(t, s.Opened().Aside, name)
		require.NoError(t, s.Close())
	}
}

// A record of a failure that points out of its folder is damage, and what it points at is left alone.
func TestAFailuresFilesAreInItsFolder(t *testing.T) {
	folder, _ := grown(t)
	s, err := reopen(folder, record(folder))
	require.NoError(t, err)
	failures, err := s.Failures()
	require.NoError(t, err)
	f := failures[0]
	f.Files = []File{{"file", "../campaign.json", ""}}
	require.NoError(t, s.putFailure(&f))
	require.NoError(t, s.Close())
	_, err = os.Stat(filepath.Join(folder, headerFile))
	require.NoError(t, err)
	s, err = reopen(folder, record(folder))
	require.NoError(t, err)
	defer s.Close()
	require.Len(t, s.Opened().Aside, 2) // the record, and the file that it no longer names
	require.Contains(t, s.Opened().Aside[0].Found, "../campaign.json")
}

// Mending that is cut short after any step is ended by the next process, and nothing of what is set aside is lost on the way.
func TestMendingThatIsCutShortIsEndedByTheNext(t *testing.T) {
	pristine, lines := grown(t)
	whole := files(t, pristine)
	altered := slices.Clone(whole[segmentFile(2)])
	altered[bytes.IndexByte(altered, '\n')+100] ^= 4 // line 9
	whole[segmentFile(2)] = altered
	for n := range whole {
		if strings.HasPrefix(n, corpusFolder) || strings.HasSuffix(n, ".fgt") {
			whole[n] = append(whole[n], "{}"...)
		}
	}
	cut := 0
	for k := 0; ; k++ {
		folder := filepath.Join(t.TempDir(), "campaign")
		for n, b := range whole {
			require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(folder, n)), 0o755))
			require.NoError(t, os.WriteFile(filepath.Join(folder, n), b, 0o644))
		}
		d := record(folder)
		n := 0
		d.fail = func(step) error {
			if n++; n > k {
				return syscall.EIO
			}
			return nil
		}
		s, err := reopen(folder, d)
		if err == nil {
			require.NoError(t, s.Close())
			break
		}
		require.ErrorIs(t, err, syscall.EIO)
		var failed *WriteError
		require.ErrorAs(t, err, &failed)
		cut++
		s, err = reopen(folder, record(folder))
		require.NoError(t, err)
		require.Equal(t, uint64(9), s.Next(), k)
		require.Equal(t, lines[:9], kept(t, s.Reader))
		aside := map[string]int{}
		for n, b := range files(t, folder) {
			if strings.HasPrefix(n, asideFolder) {
				aside[string(b)]++
			}
		}
		for n, b := range whole {
			isLater := slices.Contains([]string{segmentFile(2), segmentFile(3), segmentFile(4), segmentFile(5), segmentFile(6)}, n)
			if isLater || strings.HasPrefix(n, corpusFolder) || strings.HasSuffix(n, ".fgt") {
				require.Positive(t, aside[string(b)], "%s after %d steps", n, k)
			}
		}
		listed, err := s.Aside()
		require.NoError(t, err)
		require.GreaterOrEqual(t, len(listed), 9)
		require.NoError(t, s.Close())
	}
	require.Greater(t, cut, 50)
}
