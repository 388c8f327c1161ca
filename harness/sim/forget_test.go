package sim

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/impl/node"
)

// spoils has the disk of a do at that rate, from 5ms to 50ms, what the kind says.
func spoils(k faults.Kind, rate float64) faults.Fault {
	return faults.Fault{Kind: k, At: dur(5 * ms), For: dur(45 * ms), Nodes: []string{"a"}, Rate: rate, Salt: 3}
}

var done2 = []string{"disk-done 1", "disk-done 2"}

// What a disk lied about is there until a crash, which may lose it. The fault is why: without it nothing is lost.
func TestADiskThatLies(t *testing.T) {
	write := func(out *node.Effects) {
		out.Append("log", []byte("+one"))
		out.Sync(2)
	}
	lost := 0
	for seed := uint64(1); seed <= 50; seed++ {
		o := Options{Seed: seed, Disk: Disk{SurviveRate: 0.5}}
		told, found, w := struck(t, o, write, spoils(faults.DiskLies, 1), crashAt90)
		require.Equal(t, done2, told)
		require.EqualValues(t, 1, w.Counts().Lies)
		if found["log"] == "kept" {
			lost++
			require.EqualValues(t, 1, w.Counts().Forgotten)
		} else {
			require.Equal(t, "kept+one", found["log"])
			require.Zero(t, w.Counts().Forgotten)
		}
		_, found, w = struck(t, o, write, crashAt90)
		require.Equal(t, "kept+one", found["log"])
		require.Zero(t, w.Counts().Forgotten)
	}
	assert.InDelta(t, 25, lost, 12)
}

// A replace that lied may be undone by a crash; a sync that does not lie makes it good.
func TestAReplaceThatLies(t *testing.T) {
	old := 0
	for seed := uint64(1); seed <= 50; seed++ {
		told, found, w := struck(t, Options{Seed: seed}, func(out *node.Effects) { out.Replace("log", []byte("new"), 2) }, spoils(faults.DiskLies, 1), crashAt90)
		require.Equal(t, done2, told)
		require.EqualValues(t, w.parties[0].disk.size(), w.bytes)
		if found["log"] == "kept" {
			old++
		} else {
			require.Equal(t, "new", found["log"])
		}
		require.Equal(t, found["log"] == "kept", w.Counts().Forgotten == 1)
		once := spoils(faults.DiskLies, 1)
		once.For = dur(2 * ms)
		_, found, w = struck(t, Options{Seed: seed}, func(out *node.Effects) {
			out.Replace("log", []byte("new"), 2) // until 7ms, when the disk no longer lies
			out.Sync(3)
		}, once, crashAt90)
		require.Equal(t, "new", found["log"])
		require.Zero(t, w.Counts().Forgotten)
	}
	assert.InDelta(t, 25, old, 12)
}

// An append that is lost leaves zeros where it was to be, and one that is misplaced stands over what was there.
func TestWritesThatGoWrong(t *testing.T) {
	write := func(out *node.Effects) {
		out.Append("log", []byte("+1"))
		out.Append("log", []byte("+2"))
		out.Sync(2)
	}
	told, found, w := struck(t, Options{Seed: 1}, write, spoils(faults.WriteLost, 1), crashAt90)
	assert.Equal(t, done2, told)
	assert.Equal(t, "kept\x00\x00\x00\x00", found["log"])
	assert.EqualValues(t, 2, w.Counts().LostWrites)
	assert.EqualValues(t, 1, w.Counts().Forgotten)

	told, found, w = struck(t, Options{Seed: 1}, write, spoils(faults.WriteMisplaced, 1), crashAt90)
	assert.Equal(t, done2, told)
	assert.EqualValues(t, 2, w.Counts().MisplacedWrites)
	assert.EqualValues(t, 1, w.Counts().Forgotten)
	assert.Len(t, found["log"], 8)
	assert.Contains(t, found["log"][:6], "+2", "over what stood there")
	assert.Equal(t, "\x00\x00", found["log"][6:])

	_, found, w = struck(t, Options{Seed: 1}, write, crashAt90)
	assert.Equal(t, "kept+1+2", found["log"])
	assert.Zero(t, w.Counts().Forgotten)
}

// A file that is written anew is right again, so that nothing is forgotten.
func TestAWriteThatGoesWrongAndIsWrittenAnew(t *testing.T) {
	_, found, w := struck(t, Options{Seed: 1}, func(out *node.Effects) {
		out.Append("log", []byte("+1"))
		out.Sync(2)
		out.Replace("log", []byte("kept+1"), 3)
	}, spoils(faults.WriteLost, 1), crashAt90)
	assert.Equal(t, "kept+1", found["log"])
	assert.Zero(t, w.Counts().Forgotten)
}

// A misread finds what stands elsewhere in the file, and leaves the file as it is.
func TestAMisread(t *testing.T) {
	got := map[string]int{}
	for seed := uint64(1); seed <= 40; seed++ {
		w := newWorld(t, Options{Seed: seed})
		found := ""
		add(t, w, 1, "a", func(_ node.Time, ev node.Event, out *node.Effects) {
			switch ev.Kind {
			case node.Started:
				if ev.Incarnation == 1 {
					out.Append("log", []byte("0123"))
					out.Sync(1)
				} else {
					found = string(ev.Files[0].Data)
				}
				out.SetTimer(1, 10*ms)
			case node.Fired:
				out.Read("log", 0, 2, 2)
			case node.DiskDone:
				if ev.Token == 2 {
					got[string(ev.Data)]++
				}
			}
		})
		require.NoError(t, w.Install(faults.Plan{Horizon: dur(100 * ms), Faults: []faults.Fault{spoils(faults.DiskMisread, 1), crashAt90}}, succession(nil)))
		w.Run(after(95 * ms))
		require.Equal(t, "0123", found)
		require.EqualValues(t, 1, w.Counts().Misreads)
	}
	for _, part := range []string{"01", "12", "23", "3"} {
		assert.Positive(t, got[part], "%v", got)
	}
	assert.Len(t, got, 4)
}

// A disk that is put back is as it was when its state was kept: what was appended and not synced then is not on it.
func TestADiskThatIsPutBack(t *testing.T) {
	write := func(out *node.Effects) {
		out.Append("log", []byte("+one"))
		out.Sync(2)
	}
	stale := func(age int) faults.Fault {
		return faults.Fault{Kind: faults.DiskStale, At: dur(60 * ms), For: dur(ms), Nodes: []string{"a"}, Extra: dur(ms) * faults.Duration(age), Salt: 2}
	}
	for age, want := range map[int]string{10: "kept+one", 54: "kept", 55: "kept", 90: ""} {
		_, found, w := struck(t, Options{Seed: 1}, write, stale(age))
		assert.Equal(t, want, found["log"], "%d ms", age)
		assert.Equal(t, want != "kept+one", w.Counts().Forgotten == 1)
		assert.EqualValues(t, 2, w.Started(1))
		assert.EqualValues(t, w.parties[0].disk.size(), w.bytes)
	}
}

// A node whose disk is emptied is told that it never ran.
func TestADiskThatIsEmptied(t *testing.T) {
	w := newWorld(t, Options{Seed: 1})
	var starts []uint32
	add(t, w, 1, "a", func(_ node.Time, ev node.Event, out *node.Effects) {
		if ev.Kind == node.Started {
			starts = append(starts, ev.Incarnation)
			assert.Equal(t, len(starts) == 2 || len(starts) == 4, len(ev.Files) == 1)
			out.Append("log", []byte("x"))
			out.Sync(1)
		}
	})
	require.NoError(t, w.Install(faults.Plan{Horizon: dur(100 * ms), Faults: []faults.Fault{
		{Kind: faults.Crash, At: dur(20 * ms), For: dur(ms), Nodes: []string{"a"}},
		{Kind: faults.DiskEmptied, At: dur(40 * ms), For: dur(ms), Nodes: []string{"a"}},
		{Kind: faults.Crash, At: dur(60 * ms), For: dur(ms), Nodes: []string{"a"}},
	}}, succession(nil)))
	w.Run(after(100 * ms))
	assert.Equal(t, []uint32{1, 2, 1, 2}, starts)
	assert.EqualValues(t, 1, w.Counts().Forgotten)
	assert.EqualValues(t, 1, w.Counts().Wipes)
}

// A node that has lost its disk knows that it has lost something. Emptied, and told that it never ran, it knows no longer.
func TestADiskThatIsLostAndThenEmptied(t *testing.T) {
	lost := faults.Fault{Kind: faults.DiskLost, At: dur(40 * ms), For: dur(20 * ms), Nodes: []string{"a"}}
	emptied := faults.Fault{Kind: faults.DiskEmptied, At: dur(50 * ms), For: dur(ms), Nodes: []string{"a"}}
	_, _, w := struck(t, Options{Seed: 1}, func(*node.Effects) {}, lost)
	assert.Zero(t, w.Counts().Forgotten)
	_, _, w = struck(t, Options{Seed: 1}, func(*node.Effects) {}, lost, emptied)
	assert.EqualValues(t, 1, w.Counts().Forgotten)
}
