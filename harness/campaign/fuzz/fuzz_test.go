package fuzz

import (
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/aurora"
	"github.com/firstgap/firstgap/harness/campaign/coverage"
	"github.com/firstgap/firstgap/harness/campaign/job"
	"github.com/firstgap/firstgap/harness/campaign/store"
	"github.com/firstgap/firstgap/harness/campaign/watch"
	"github.com/firstgap/firstgap/harness/failure"
	"github.com/firstgap/firstgap/harness/judge"
	"github.com/firstgap/firstgap/harness/older"
	"github.com/firstgap/firstgap/harness/workload"
	"github.com/firstgap/firstgap/impl/node"

	_ "github.com/firstgap/firstgap/harness/internal/runflags"
)

// alone answers from its own memory, and tells no other node of what it was told: two of it are no register, and one of it is.
type alone map[string]node.Value

func (m alone) Step(_ node.Time, ev node.Event, out *node.Effects) {
	if ev.Kind != node.Requested {
		return
	}
	q := ev.Request
	reply := node.Reply{ID: q.ID, Op: q.Op, Status: node.OK}
	switch q.Op {
	case node.OpRead:
		reply.Value = m[q.Rows[0].Key]
	case node.OpWrite:
		m[q.Rows[0].Key] = q.Rows[0].Value
	}
	out.Respond(ev.From, reply)
}

// mended refuses everything: it serves nothing, and so shows nothing wrong.
type mended struct{}

func (mended) Step(_ node.Time, ev node.Event, out *node.Effects) {
	if ev.Kind == node.Requested {
		out.Respond(ev.From, node.Reply{ID: ev.Request.ID, Op: ev.Request.Op, Status: node.Refused, Reason: node.ReasonFenced})
	}
}

func registers(n func(harness.Place) node.Node) harness.System {
	return harness.Replicas{Name: "alone", Count: 2, Mix: workload.Registers(), New: n}.System()
}

func broken() harness.System { return registers(func(harness.Place) node.Node { return alone{} }) }

// options are those of a campaign that is quick.
func options(t *testing.T, s harness.System, runs uint64) Options {
	return Options{System: s, Folder: filepath.Join(t.TempDir(), "campaign"), Seed: 7, Batch: 8, Worlds: coverage.Small(), Runs: runs, Workers: 2,
		Looking: Looking{For: -1}, Note: func(line string) { t.Log(line) }}
}

// run runs a campaign, and again in the same folder for each further number of runs.
func run(t *testing.T, o Options, further ...uint64) *Summary {
	s, err := Run(t.Context(), o)
	require.NoError(t, err)
	for _, runs := range further {
		o.Runs = runs
		s, err = Run(t.Context(), o)
		require.NoError(t, err)
	}
	return s
}

// linesOf reads the lines of a folder, without what differs from one making of a run to the next.
func linesOf(t *testing.T, folder string) []job.Line {
	r, err := store.Read(folder)
	require.NoError(t, err)
	var all []job.Line
	require.NoError(t, r.Lines(0, func(l *job.Line) error {
		x := *l
		x.By, x.Seconds, x.At = "", 0, 0
		all = append(all, x)
		return nil
	}))
	return all
}

// A campaign of so many runs has the same lines at any number of workers, however often it was interrupted, and after it was killed in the
// middle of a line. Otherwise nobody could tell what a machine that joins late, or a restart, changed.
func TestTheLinesAreTheSameHoweverTheyWereMade(t *testing.T) {
	ours, others := uint64(36), uint64(60)
	if testing.Short() { // under the race detector, which makes each take ten times as long
		ours, others = 20, 24
	}
	t.Run("ours", func(t *testing.T) {
		lines := alike(t, aurora.System(), ours)
		fresh := 0
		for _, l := range lines {
			for _, f := range l.New {
				if f.Space() != coverage.Shapes {
					fresh++
				}
			}
		}
		require.Greater(t, fresh, 100)
	})
	t.Run("an older one", func(t *testing.T) {
		at := slices.IndexFunc(older.Systems(), func(s harness.System) bool { return s.Name() == "quorum" })
		children := 0
		for _, l := range alike(t, older.Systems()[at], others) {
			if l.Parent != nil {
				children++
				require.Less(t, *l.Parent, l.Number)
				require.Equal(t, job.Guided, l.Arm)
			}
		}
		require.True(t, testing.Short() || children > 0)
	})
}

// alike makes a campaign of so many runs in several ways, and returns its lines.
func alike(t *testing.T, s harness.System, runs uint64) []job.Line {
	o := options(t, s, runs)
	if !s.About().Volume {
		o.Worlds = []string{}
	}
	whole := run(t, o)
	require.Equal(t, AllRun, whole.Stop)
	want := linesOf(t, o.Folder)
	require.Len(t, want, int(runs))
	for i, l := range want {
		require.Equal(t, uint64(i), l.Number)
		require.Equal(t, judge.Pass, l.Verdict)
	}

	one := o
	one.Folder, one.Workers = filepath.Join(t.TempDir(), "one"), 1
	run(t, one)
	require.Equal(t, want, linesOf(t, one.Folder), "one worker")

	parts := o
	parts.Folder, parts.Runs = filepath.Join(t.TempDir(), "parts"), 5
	last := run(t, parts, 19, runs)
	require.Equal(t, want, linesOf(t, parts.Folder), "in three parts, which end in the middle of batches")
	require.Equal(t, whole.Fold.Reached, last.Fold.Reached)
	require.Equal(t, whole.Counts, last.Counts)

	file := filepath.Join(parts.Folder, "lines", "000000.jsonl")
	info, err := os.Stat(file)
	require.NoError(t, err)
	require.NoError(t, os.Truncate(file, info.Size()/2))
	parts.Runs = runs
	run(t, parts)
	require.Equal(t, want, linesOf(t, parts.Folder), "after half of its bytes were lost")
	return want
}

// Without guidance a campaign is the plain loop over seeds.
func TestWithoutGuidanceEveryRunIsThatOfItsSeed(t *testing.T) {
	o := options(t, broken(), 12)
	o.Plain = true
	run(t, o)
	for i, l := range linesOf(t, o.Folder) {
		require.Equal(t, job.Random, l.Arm)
		require.Equal(t, o.Seed+uint64(i), l.Seed)
		c, err := o.System.Generate(l.Seed, o.Generation)
		require.NoError(t, err)
		require.Equal(t, harness.Run(o.System, c).Hash, l.Hash)
	}
}

// What fails for one cause is kept once, small and explained; it stays when it was mended, and is run again then.
func TestFailuresAreKeptByTheirCauseAndRunAgain(t *testing.T) {
	o := options(t, broken(), 24)
	o.Looking.For = 20 * time.Second
	s := run(t, o)
	require.Equal(t, judge.Violation, s.Verdict)
	require.NotEmpty(t, s.Failures)
	failed := uint64(0)
	for _, f := range s.Fold.Failures {
		failed += f.Count
	}
	require.Greater(t, failed, uint64(len(s.Failures)), "some have one cause")
	signatures := map[string]bool{}
	for _, f := range s.Failures {
		require.False(t, signatures[f.Signature])
		signatures[f.Signature] = true
		require.NotNil(t, f.LastReproduced)
		roles := map[string]bool{}
		for _, x := range f.Files {
			roles[x.Role] = true
			require.FileExists(t, filepath.Join(o.Folder, "failures", x.Name))
		}
		require.Equal(t, map[string]bool{"file": true, "text": true, "page": true}, roles)
	}
	again, err := Once(t.Context(), OnceOptions{System: o.System, Folder: o.Folder})
	require.NoError(t, err)
	require.Equal(t, judge.Violation, again.Verdict)
	require.Equal(t, uint64(len(s.Failures)), again.Trend.Reproduced)

	later := func() time.Time { return time.UnixMilli(s.Failures[0].LastReproduced.At).Add(time.Hour) }
	well, err := Once(t.Context(), OnceOptions{System: registers(func(harness.Place) node.Node { return mended{} }), Folder: o.Folder, now: later})
	require.NoError(t, err)
	require.Zero(t, well.Trend.Reproduced)
	require.Equal(t, uint64(len(s.Failures)), well.Trend.Regressions)
	require.Equal(t, again.Trend, *well.Before)
	r, err := store.Read(o.Folder)
	require.NoError(t, err)
	kept, err := r.Failures()
	require.NoError(t, err)
	require.Len(t, kept, len(s.Failures), "they stay")
	for _, f := range kept {
		require.Less(t, f.LastReproduced.At, f.LastTried.At)
	}
	trends, err := r.Trends()
	require.NoError(t, err)
	require.Len(t, trends, 2)
}

// A process that ends while it looks at a failure leaves it to the next one, which finds the failing run's configuration by choosing its
// batch once more.
func TestAFailureThatNobodyLookedAtIsLookedAtLater(t *testing.T) {
	o := options(t, broken(), 16)
	run(t, o)
	r, err := store.Read(o.Folder)
	require.NoError(t, err)
	kept, err := r.Failures()
	require.NoError(t, err)
	require.Empty(t, kept)
	var looked []uint64
	o.Looking.For = time.Second
	o.look = func(_ context.Context, _ harness.System, f *failure.Failure, _ time.Duration) (*Looked, error) {
		looked = append(looked, f.Configuration.Seed)
		return &Looked{Signature: Signature{Rule: "r", Causes: []string{"c"}}, Small: f, Sentence: "s"}, nil
	}
	s := run(t, o)
	require.NotEmpty(t, looked)
	require.Len(t, s.Failures, 1)
	for _, l := range linesOf(t, o.Folder) {
		if l.Number == s.Failures[0].First {
			require.Equal(t, l.Seed, looked[0])
		}
	}
	before := len(looked)
	run(t, o)
	require.Less(t, len(looked)-before, before+1)
}

// A frequent cause does not hide a rare one for good: those at every doubling are looked at.
func TestAQuietTargetIsLookedAtAtEveryDoubling(t *testing.T) {
	var x target
	var looked []int
	for x.failed = 1; x.failed <= 100; x.failed++ {
		if x.wants() {
			looked = append(looked, x.failed)
			x.quiet++
		}
	}
	require.Equal(t, []int{1, 2, 3, 4, 8, 16, 32, 64}, looked)
	x = target{failed: 1, signatures: lookMost}
	require.False(t, x.wants())
	x = target{failed: 1, waiting: waitMost}
	require.False(t, x.wants())
}

func TestAFolderOfAnotherCampaignIsRefused(t *testing.T) {
	o := options(t, broken(), 8)
	run(t, o)
	for what, change := range map[string]func(*Options){
		"seed":                      func(o *Options) { o.Seed++ },
		"number of jobs in a batch": func(o *Options) { o.Batch++ },
		"guidance":                  func(o *Options) { o.Plain = true },
		"random arm's share":        func(o *Options) { o.Share = 0.5 },
		"coverage":                  func(o *Options) { o.Worlds = []string{"undo"} },
		"system":                    func(o *Options) { o.System = aurora.System() },
	} {
		other := o
		change(&other)
		_, err := Run(t.Context(), other)
		var e *HeaderError
		require.ErrorAs(t, err, &e, what)
		require.Equal(t, what, e.What)
		require.ErrorContains(t, err, o.Folder)
	}
	_, err := Run(t.Context(), Options{})
	require.ErrorIs(t, err, ErrNoSystem)
	o.Worlds = []string{"atlantis"}
	_, err = Run(t.Context(), o)
	require.ErrorContains(t, err, "atlantis")
}

// What a header says never changes. A share that guidance refuses was once written into one: the folder was of no more use.
func TestWhatACampaignCannotBeLeavesNoFolder(t *testing.T) {
	for what, change := range map[string]func(*Options){
		"Share: expected a third":     func(o *Options) { o.Share = 0.1 },
		"Share: ":                     func(o *Options) { o.Share = math.NaN() },
		"Batch: expected 1 to":        func(o *Options) { o.Batch = 1 << 40 },
		"Batch: expected at most":     func(o *Options) { o.Batch, o.Model = 1<<40, true },
		"no large world \"atlantis\"": func(o *Options) { o.Model, o.Large = true, []string{"atlantis"} },
		"Folder: expected the name":   func(o *Options) { o.Folder = "" },
	} {
		o := options(t, broken(), 8)
		change(&o)
		s, err := Run(t.Context(), o)
		require.ErrorContains(t, err, what)
		require.Nil(t, s, "nothing was done that could be summed up")
		if o.Folder != "" {
			require.NoDirExists(t, o.Folder)
		}
	}
}

func TestASharePutInPercent(t *testing.T) {
	for share, want := range map[float64]string{0: "0", 1: "100", 0.999: "100", 0.994: "99", 0.15: "15", 0.0047: "0.47"} {
		require.Equal(t, want, percent(share))
	}
}

// Two campaigns on one folder would write over each other's lines.
func TestTwoCampaignsOnOneFolder(t *testing.T) {
	o := options(t, broken(), 8)
	run(t, o)
	s, err := store.Open(o.Folder)
	require.NoError(t, err)
	defer s.Close()
	o.Runs = 16
	_, err = Run(t.Context(), o)
	var locked *store.LockedError
	require.ErrorAs(t, err, &locked)
}

// A campaign that ran nothing, or ended before what was asked for, is no pass.
func TestNothingAndTooLittleAreNoPass(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	o := options(t, aurora.System(), 100_000)
	o.Status = func(s watch.Status) {
		if s.Done > 0 {
			cancel()
		}
	}
	s, err := Run(ctx, o)
	require.NoError(t, err)
	require.Equal(t, judge.CouldNotTell, s.Verdict)
	require.Equal(t, Interrupted, s.Stop)
	require.Contains(t, s.Reasons[0], "interrupted after")

	o = options(t, aurora.System(), 0)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	s, err = Run(ended, o)
	if err == nil {
		require.Equal(t, judge.CouldNotTell, s.Verdict)
		require.Contains(t, s.Reasons, "no run was made")
	} else {
		require.ErrorIs(t, err, context.Canceled)
	}
}

// Time that was up before the first run is no error: the campaign says that it ran nothing, and goes on when it is given more.
func TestTimeThatIsUpBeforeTheFirstRun(t *testing.T) {
	o := options(t, broken(), 8)
	o.For = time.Nanosecond
	s, err := Run(t.Context(), o)
	require.NoError(t, err)
	require.Equal(t, judge.CouldNotTell, s.Verdict)
	require.Equal(t, TimeIsUp, s.Stop)
	o.For = 0
	require.Equal(t, uint64(8), run(t, o).Fold.Lines)
}

// A configuration that the system refuses is no run, and no pass.
func TestAJobThatCannotBeDone(t *testing.T) {
	u, err := coverage.Enumerate(t.Context(), "undo")
	require.NoError(t, err)
	m := NewMaker(broken(), harness.Generation{}, u, 1)
	c, err := broken().Generate(1, harness.Generation{})
	require.NoError(t, err)
	c.System = "another"
	o := m.Do(t.Context(), job.Job{Number: 3, Configuration: &c})
	require.Equal(t, judge.CouldNotTell, o.Verdict)
	require.Equal(t, uint64(3), o.Number)
	require.Contains(t, o.Broken, "another")
}

// A run that is another one the second time says nothing of the system: it is a violation of determinism.
func TestARunThatDoesNotRepeatIsSeen(t *testing.T) {
	u, err := coverage.Enumerate(t.Context(), "undo")
	require.NoError(t, err)
	made := 0
	other := registers(func(harness.Place) node.Node {
		made++
		if made > 2 {
			return mended{}
		}
		return alone{}
	})
	o := NewMaker(other, harness.Generation{}, u, 1).Do(t.Context(), job.Job{Number: twice, Seed: 1})
	require.Equal(t, judge.Violation, o.Verdict)
	require.Contains(t, o.Made, judge.Determinism)
}

func TestAWorkerRefusesWhatItCannotRun(t *testing.T) {
	u, err := coverage.Enumerate(t.Context(), "undo")
	require.NoError(t, err)
	good := Campaign{System: "alone", Worlds: []string{"undo"}, Universe: u.Digest(), Build: failure.ThisBuild()}
	w := NewWorker([]harness.System{broken()}, 1)
	require.NoError(t, w.Accept(textOf(t, good)))
	require.Equal(t, judge.Violation, w.Do(t.Context(), job.Job{Seed: 1}).Verdict)

	other := good
	other.Build.Revision = "another"
	var refused *RefusedError
	require.ErrorAs(t, w.Accept(textOf(t, other)), &refused)
	require.Equal(t, "build", refused.What)
	other = good
	other.Universe = "another"
	require.ErrorAs(t, w.Accept(textOf(t, other)), &refused)
	require.Equal(t, "coverage", refused.What)
	other = good
	other.System = "another"
	var unknown *faults.UnknownError
	require.ErrorAs(t, w.Accept(textOf(t, other)), &unknown)
	require.Error(t, w.Accept([]byte(`{"system":"alone","further":1}`)))
	require.False(t, errors.Is(w.Accept([]byte(`{`)), context.Canceled))
}

// What the queue cannot keep on a full disk it asks for again and again: a campaign that finds no room ends.
func TestAFolderWithoutRoomIsSeen(t *testing.T) {
	folder := t.TempDir()
	require.NoError(t, hasRoom(folder))
	left, err := os.ReadDir(folder)
	require.NoError(t, err)
	require.Empty(t, left)
	err = hasRoom(filepath.Join(folder, "gone"))
	var e *RoomError
	require.ErrorAs(t, err, &e)
	require.ErrorIs(t, err, os.ErrNotExist)
	require.ErrorContains(t, err, "256 KiB")
}

// A rule that is broken in every other run does not keep those waiting that are broken once.
func TestWhatWasLookedAtLeastIsNext(t *testing.T) {
	often, once := failure.Target{Check: "often"}, failure.Target{Check: "once"}
	var looked []string
	o := &Options{System: broken(), Looking: Looking{For: time.Second}, look: func(_ context.Context, _ harness.System, f *failure.Failure, _ time.Duration) (*Looked, error) {
		return nil, context.Canceled
	}}
	o.complete()
	l := newLooking(o, nil)
	c, err := o.System.Generate(1, o.Generation)
	require.NoError(t, err)
	for _, x := range []*failure.Target{&often, &often, &often, &once} {
		line := &job.Line{Target: x, Verdict: judge.Violation}
		require.True(t, l.wants(line))
		l.add(line, c)
	}
	for l.next(t.Context()); l.now != nil; l.next(t.Context()) {
		looked = append(looked, string(l.now.line.Target.Check))
		<-l.done
		l.now = nil
	}
	require.Equal(t, []string{"often", "once", "often", "often"}, looked)
}
