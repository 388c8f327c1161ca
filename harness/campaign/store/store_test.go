package store

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/harness/campaign/coverage"
	"github.com/firstgap/firstgap/harness/campaign/job"
	"github.com/firstgap/firstgap/harness/counts"
	"github.com/firstgap/firstgap/harness/failure"
	"github.com/firstgap/firstgap/harness/judge"
)

// toy is the header of a campaign whose files of lines are short.
func toy() Header {
	return Header{Created: time.Unix(1_700_000_000, 0).UTC(), System: "aurora", Seed: 1, Batch: 4, Guided: true, Share: 0.5, Segment: 10,
		Spaces: []Space{{coverage.Space{World: "tiny", Kind: "states", Size: 500}, "d1"}, {coverage.Space{World: "tiny", Kind: "pairs", Size: 40}, "d2"}}}
}

// made are lines as a campaign makes them: what is new in one was in none before.
func made(h Header, number int, seed uint64) []job.Line {
	if err := h.complete(); err != nil {
		panic(err)
	}
	r := rand.New(rand.NewPCG(seed, 0))
	seen := coverage.NewSeen(h.Coverage())
	lines := make([]job.Line, number)
	for i := range lines {
		var run []coverage.Feature
		for range r.IntN(12) {
			run = append(run, coverage.At(0, r.Uint64N(500)), coverage.At(1, r.Uint64N(40)), coverage.At(coverage.Shapes, r.Uint64N(1000)))
		}
		features := coverage.Sorted(run)
		shapes := 0
		for _, f := range features {
			if f.Space() == coverage.Shapes {
				shapes++
			}
		}
		first, second, err := seen.Add(features)
		if err != nil {
			panic(err)
		}
		l := job.Line{Number: uint64(i), Arm: []job.Arm{job.Random, job.Guided}[r.IntN(2)], Seed: r.Uint64(), Hash: r.Uint64(), Verdict: judge.Pass,
			Work: r.Uint64N(1000), New: first, Second: second, Shapes: shapes, Kept: len(first) > 0, Seconds: r.Float64(), At: 1_700_000_000_000 + int64(i)}
		for range 1 + r.IntN(len(h.Counters)) {
			l.Counts = append(l.Counts, r.Uint64N(3))
		}
		l.Made = []int{0, r.IntN(len(h.Checks)-1) + 1}
		switch r.IntN(10) {
		case 0:
			l.Verdict, l.Finding = judge.Violation, fmt.Sprintf("commit %d is lost\n<&>", i)
			l.Target = &failure.Target{Check: h.Checks[r.IntN(3)], Rule: "Durable", Verdict: judge.Violation}
		case 1:
			l.Verdict, l.Broken = judge.CouldNotTell, "the system refuses it"
		case 2:
			l.Verdict, l.GivenUp, l.By = judge.CouldNotTell, 3, "worker-7"
		}
		lines[i] = l
	}
	return lines
}

func kept(t *testing.T, r *Reader) []job.Line {
	t.Helper()
	var all []job.Line
	require.NoError(t, r.Lines(0, func(l *job.Line) error { all = append(all, *l); return nil }))
	return all
}

func folded(t *testing.T, h *Header, lines []job.Line) *Fold {
	t.Helper()
	f := h.NewFold(0)
	for i := range lines {
		require.NoError(t, f.Add(&lines[i]))
	}
	return f
}

func TestWhatIsAppendedIsReadAgain(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "new", "campaign")
	s, err := Create(folder, toy())
	require.NoError(t, err)
	lines := made(toy(), 47, 1)
	for from, n := 0, 0; from < len(lines); from, n = from+n, (n+5)%17 { // over the ends of segments, too
		require.NoError(t, s.Append(lines[from:min(from+n, len(lines))]...))
	}
	require.Equal(t, uint64(47), s.Next())
	require.Equal(t, lines, kept(t, s.Reader))
	want := folded(t, s.Header(), lines)
	require.Equal(t, want, s.Fold())

	// Another process reads meanwhile.
	r, err := Read(folder)
	require.NoError(t, err)
	found, err := r.Fold()
	require.NoError(t, err)
	require.Equal(t, want, found)
	for _, from := range []uint64{0, 1, 9, 10, 11, 25, 46, 47, 1000} {
		var behind []job.Line
		require.NoError(t, r.Lines(from, func(l *job.Line) error { behind = append(behind, *l); return nil }))
		require.Equal(t, slices.Clip(lines[min(from, 47):]), append([]job.Line{}, behind...), from)
	}
	stop := errors.New("enough")
	require.ErrorIs(t, r.Lines(0, func(*job.Line) error { return stop }), stop)

	require.NoError(t, s.Close())
	require.ErrorIs(t, s.Append(job.Line{Number: 47}), ErrClosed)
	require.ErrorIs(t, s.Sync(), ErrClosed)
	require.ErrorIs(t, s.Close(), ErrClosed)
	s, err = Open(folder)
	require.NoError(t, err)
	require.Empty(t, s.Opened())
	require.Equal(t, want, s.Fold())
	require.Equal(t, lines, kept(t, s.Reader))
	require.NoError(t, s.Close())
}

func TestLinesComeInOrderAndAreOfTheHeader(t *testing.T) {
	s, err := Create(t.TempDir(), toy())
	require.NoError(t, err)
	defer s.Close()
	var order *OrderError
	require.ErrorAs(t, s.Append(job.Line{Number: 1}), &order)
	require.Equal(t, &OrderError{0, 1}, order)
	require.ErrorAs(t, s.Append(job.Line{Number: 0}, job.Line{Number: 0}), &order)
	var limit *LimitError
	for _, l := range []job.Line{
		{Counts: make([]uint64, len(s.Header().Counters)+1)},
		{Made: []int{len(s.Header().Checks)}},
		{Made: []int{-1}},
		{New: coverage.Features{coverage.At(0, 500)}},
		{Second: coverage.Features{coverage.At(2, 0)}},
		{Finding: strings.Repeat("x", maxLine)},
	} {
		require.ErrorAs(t, s.Append(l), &limit)
	}
	require.Zero(t, s.Next())
	require.Empty(t, kept(t, s.Reader))
}

func TestAFolderIsOfOneCampaign(t *testing.T) {
	folder := t.TempDir()
	_, err := Open(folder)
	require.ErrorIs(t, err, fs.ErrNotExist)
	_, err = Read(folder)
	var missing *MissingError
	require.ErrorAs(t, err, &missing)
	left, err := os.ReadDir(folder)
	require.NoError(t, err)
	require.Empty(t, left, "a folder that is no campaign's is left alone")

	s, err := Create(folder, toy())
	require.NoError(t, err)
	_, err = Open(folder)
	var locked *LockedError
	require.ErrorAs(t, err, &locked)
	host, err := os.Hostname()
	require.NoError(t, err)
	require.EqualError(t, locked, fmt.Sprintf("campaign %s: expected that nothing else works on it, found process %d on %s at work", folder, os.Getpid(), host))
	_, err = Create(folder, toy())
	var exists *ExistsError
	require.ErrorAs(t, err, &exists)
	require.Equal(t, headerFile, exists.Found)
	require.NoError(t, s.Close())
	_, err = Create(folder, toy())
	require.ErrorAs(t, err, &exists)
	s, err = Open(folder) // the lock file of a process that has ended is no obstacle
	require.NoError(t, err)
	require.NoError(t, s.Close())
}

func TestAFolderOfAnotherVersionIsRefused(t *testing.T) {
	for _, version := range []int{0, 2} {
		folder := t.TempDir()
		s, err := Create(folder, toy())
		require.NoError(t, err)
		require.NoError(t, s.Close())
		file := filepath.Join(folder, headerFile)
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(file, []byte(strings.Replace(string(text), `"version":1,`, fmt.Sprintf(`"version":%d,`, version), 1)), 0o644))
		for _, open := range []func() error{
			func() error { _, err := Open(folder); return err },
			func() error { _, err := Read(folder); return err },
		} {
			err := open()
			var other *VersionError
			require.ErrorAs(t, err, &other)
			require.EqualError(t, err, fmt.Sprintf("campaign %s: campaign.json: expected version 1, found version %d", folder, version))
		}
	}
}

// The sum of two numbers is not always what two runs come to: of some counters they have the most of any.
func TestColumns(t *testing.T) {
	h := toy()
	require.NoError(t, h.complete())
	require.Contains(t, h.Counters, "acknowledged")
	require.Contains(t, h.Counters, "trace.steps")
	require.Equal(t, []string{"world.mostBytes"}, h.Most)
	c := h.Columns()
	one, two := counts.Counts{Acknowledged: 3}, counts.Counts{Acknowledged: 4, Runs: 1}
	one.World.MostBytes, two.World.MostBytes = 50, 20
	f := folded(t, &h, []job.Line{{Number: 0, Counts: c.Counts(&one)}, {Number: 1, Counts: c.Counts(&two)}})
	one.Add(&two)
	require.Equal(t, one, c.Named(f.Counts))
	require.Empty(t, c.Counts(&counts.Counts{}))
	places, err := c.Made([]judge.Check{h.Checks[2], h.Checks[0]})
	require.NoError(t, err)
	require.Equal(t, []int{0, 2}, places)
	_, err = c.Made([]judge.Check{"frogs"})
	require.EqualError(t, err, "campaign's line: expected a check of the header, found frogs")
}

// A line that Append has returned for is synced within a second, whether or not others come.
func TestLinesAreSyncedWithinASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		folder := t.TempDir()
		d := &syncs{disk: real{folder}}
		s, err := create(folder, toy(), d)
		require.NoError(t, err)
		before := d.number.Load()
		require.NoError(t, s.Append(made(toy(), 1, 1)...))
		require.Equal(t, before, d.number.Load())
		time.Sleep(syncWithin)
		synctest.Wait()
		require.Equal(t, before+1, d.number.Load())
		time.Sleep(10 * syncWithin)
		synctest.Wait()
		require.Equal(t, before+1, d.number.Load())
		require.NoError(t, s.Close())
		require.Equal(t, before+1, d.number.Load())
	})
}

// syncs counts how often files of lines were synced.
type syncs struct {
	disk
	number atomic.Int64
}

type synced struct {
	file
	number *atomic.Int64
}

func (d *syncs) create(name string) (file, error) {
	f, err := d.disk.create(name)
	if filepath.Ext(name) == ".jsonl" {
		f = synced{f, &d.number}
	}
	return f, err
}

func (f synced) Sync() error {
	f.number.Add(1)
	return f.file.Sync()
}

// A reader sees whole lines in order at any moment of a campaign, and their fold.
func TestACampaignIsReadWhileItGoesOn(t *testing.T) {
	folder := t.TempDir()
	s, err := create(folder, crashing(), record(folder))
	require.NoError(t, err)
	lines := made(crashing(), 300, 9)
	done := make(chan error)
	go func() {
		for at := 0; at < len(lines); at += 3 {
			if err := s.Append(lines[at : at+3]...); err != nil {
				done <- err
				return
			}
		}
		done <- s.Close()
	}()
	r, err := Read(folder)
	require.NoError(t, err)
	for ended := false; !ended; {
		select {
		case err := <-done:
			require.NoError(t, err)
			ended = true
		default:
		}
		f, err := r.Fold()
		require.NoError(t, err)
		require.Equal(t, folded(t, r.Header(), lines[:f.Lines]), f)
		all := kept(t, r)
		require.GreaterOrEqual(t, len(all), int(f.Lines))
		require.Equal(t, lines[:len(all)], append([]job.Line{}, all...))
	}
	require.Len(t, kept(t, r), len(lines))
}

// A campaign that cannot be, or that no machine could hold, does not begin.
func TestAHeaderThatCannotBeIsRefused(t *testing.T) {
	for want, change := range map[string]func(*Header){
		"the name of a system, found none":                            func(h *Header) { h.System = "" },
		"at least one job in a batch, found 0":                        func(h *Header) { h.Batch = 0 },
		"1 to 16777216 lines in a file, found 16777217":               func(h *Header) { h.Segment = maxSegment + 1 },
		"a share from 0 to 1, found 1.5":                              func(h *Header) { h.Share = 1.5 },
		"a share from 0 to 1, found NaN":                              func(h *Header) { h.Share = math.NaN() },
		"at most 255 spaces, found 256":                               func(h *Header) { h.Spaces = make([]Space, 256) },
		"at most 4096 counters and as many checks, found 4097 and 11": func(h *Header) { h.Counters, h.Checks = make([]string, 4097), make([]judge.Check, 11) },
		"at most 4294967296 features in all spaces, found more":       func(h *Header) { h.Spaces[0].Size = math.MaxUint64 },
	} {
		folder := filepath.Join(t.TempDir(), "campaign")
		h := toy()
		change(&h)
		_, err := Create(folder, h)
		var limit *LimitError
		require.ErrorAs(t, err, &limit)
		require.EqualError(t, err, fmt.Sprintf("campaign %s: campaign's header: expected %s", folder, want))
		require.NoDirExists(t, folder)
	}
}
