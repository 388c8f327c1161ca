package sim

import (
	"bytes"
	"fmt"
	"math/bits"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness/runtime"
	"github.com/firstgap/firstgap/impl/node"
)

// afterCrash starts a process that performs what write says, crashes it at the given time, and returns what it finds
// when it starts again.
func afterCrash(t testing.TB, o Options, at time.Duration, write func(out *node.Effects)) (map[string]string, *World) {
	t.Helper()
	var found []node.File
	w := newWorld(t, o)
	add(t, w, 1, "a", func(_ node.Time, ev node.Event, out *node.Effects) {
		if ev.Kind == node.Started && ev.Incarnation == 1 {
			write(out)
		}
		if ev.Kind == node.Started && ev.Incarnation == 2 {
			found = ev.Files
		}
	})
	w.Run(after(at))
	require.NoError(t, w.Crash(1))
	require.NoError(t, w.Start(1))
	w.Run(after(at) + 1)
	files := map[string]string{}
	for _, f := range found {
		files[f.Name] = string(f.Data)
	}
	return files, w
}

func TestACrashLosesAnySubsetOfWhatWasNotSynced(t *testing.T) {
	const synced = "....."
	want := map[string]uint64{ // what survives, and the holes in it
		synced: 0, synced + "aa": 0, synced + "\x00\x00bbb": 1, synced + "aabbb": 0, synced + "\x00\x00\x00\x00\x00c": 1,
		synced + "aa\x00\x00\x00c": 1, synced + "\x00\x00bbbc": 1, synced + "aabbbc": 0,
	}
	seen := map[string]int{}
	for seed := uint64(1); seed <= 800; seed++ {
		files, w := afterCrash(t, Options{Seed: seed, Disk: Disk{Sync: dur(ms), SurviveRate: 0.5}}, 5*ms, func(out *node.Effects) {
			out.Append("log", []byte(synced))
			out.Sync(1)
			out.Append("log", []byte("aa"))
			out.Append("log", []byte("bbb"))
			out.Append("log", []byte("c"))
		})
		holes, legal := want[files["log"]]
		require.True(t, legal, "seed %d: %q", seed, files["log"])
		seen[files["log"]]++
		c := w.Counts()
		assert.EqualValues(t, 3, c.LostPieces+c.SurvivedPieces)
		assert.Equal(t, holes, c.Holes, "%q", files["log"])
		assert.Zero(t, c.TornWrites)
	}
	for content := range want {
		assert.InDelta(t, 100, seen[content], 40, "%q", content)
	}
}

// What a crash leaves of what was not synced is there to be read, and may be gone after the next crash, as what stood in a cache is
// when the power fails, unless it was synced in between. A node that counts on what it finds has to sync first.
func TestWhatSurvivesACrashIsNotDurableYet(t *testing.T) {
	for _, syncs := range []bool{false, true} {
		var found []string
		w := newWorld(t, Options{Seed: 1, Disk: Disk{Sync: dur(ms), SurviveRate: 1}})
		add(t, w, 1, "a", func(_ node.Time, ev node.Event, out *node.Effects) {
			if ev.Kind != node.Started {
				return
			}
			for _, f := range ev.Files {
				found = append(found, string(f.Data))
			}
			switch {
			case ev.Incarnation == 1:
				out.Append("log", []byte("synced"))
				out.Sync(1)
				out.Append("log", []byte("not"))
			case syncs:
				out.Sync(1)
			}
		})
		again := func() {
			w.Run(w.Now().Add(5 * ms))
			require.NoError(t, w.Crash(1))
			require.NoError(t, w.Start(1))
			w.Run(w.Now() + 1)
		}
		again()
		require.Equal(t, []string{"syncednot"}, found)
		w.disk.SurviveRate = 0
		again()
		if syncs {
			require.Equal(t, []string{"syncednot", "syncednot"}, found)
		} else {
			require.Equal(t, []string{"syncednot", "synced"}, found)
		}
	}
}

func TestSurviveRate(t *testing.T) {
	for rate, want := range map[float64]string{0: "", 1: "abc"} {
		files, _ := afterCrash(t, Options{Seed: 1, Disk: Disk{SurviveRate: rate}}, ms, func(out *node.Effects) {
			for _, s := range []string{"a", "b", "c"} {
				out.Append("log", []byte(s))
			}
		})
		content, exists := files["log"]
		assert.Equal(t, want, content)
		assert.Equal(t, rate == 1, exists, "a file of which nothing is durable does not exist")
	}
}

func TestTornWrite(t *testing.T) {
	seen := map[string]int{}
	for seed := uint64(1); seed <= 300; seed++ {
		files, w := afterCrash(t, Options{Seed: seed, Disk: Disk{Sync: dur(ms), SurviveRate: 1, TornRate: 0.5}}, 5*ms, func(out *node.Effects) {
			out.Append("log", []byte("synced"))
			out.Sync(1)
			out.Append("log", []byte("first"))
			out.Append("log", []byte("last!"))
		})
		content := files["log"]
		require.True(t, len(content) > len("syncedfirst") && bytes.HasPrefix([]byte("syncedfirstlast!"), []byte(content)), "%q", content)
		seen[content]++
		if content == "syncedfirstlast!" {
			assert.Zero(t, w.Counts().TornWrites)
		} else {
			assert.EqualValues(t, 1, w.Counts().TornWrites)
		}
	}
	assert.Len(t, seen, 5, "whole, or any prefix")
	assert.InDelta(t, 150, seen["syncedfirstlast!"], 40)
}

func TestASyncUnderWayMayHaveTakenEffect(t *testing.T) {
	seen := map[string]int{}
	for seed := uint64(1); seed <= 400; seed++ {
		files, w := afterCrash(t, Options{Seed: seed, Disk: Disk{Sync: dur(10 * ms), EffectRate: 0.5}}, 5*ms, func(out *node.Effects) {
			out.Append("log", []byte("a"))
			out.Sync(1)
			out.Append("log", []byte("b"))
			out.Sync(2)
			out.Append("log", []byte("c"))
		})
		seen[files["log"]]++
		assert.EqualValues(t, len(files["log"]), w.Counts().UntoldEffects)
	}
	// The second cannot take effect before the first, and c was never synced.
	assert.Len(t, seen, 3)
	assert.InDelta(t, 200, seen[""], 50)
	assert.InDelta(t, 100, seen["a"], 40)
	assert.InDelta(t, 100, seen["ab"], 40)
}

func TestAReplaceIsNeverHalfDone(t *testing.T) {
	seen := map[string]int{}
	for seed := uint64(1); seed <= 400; seed++ {
		o := Options{Seed: seed, Disk: Disk{Replace: dur(10 * ms), Sync: dur(10 * ms), EffectRate: 0.5, SurviveRate: 0.5, TornRate: 1}}
		files, _ := afterCrash(t, o, 25*ms, func(out *node.Effects) {
			out.Replace("cell", []byte("durable"), 1) // done at 10ms
			out.Replace("cell", []byte("as well"), 2) // at 20ms
			out.Append("cell", []byte("+"))
			out.Replace("cell", []byte("under way"), 3)
			out.Append("cell", []byte("-")) // behind the replace: it belongs to the new file
		})
		seen[files["cell"]]++
	}
	assert.Len(t, seen, 4, "%v", seen)
	for _, content := range []string{"as well", "as well+", "under way", "under way-"} {
		assert.InDelta(t, 100, seen[content], 45, content)
	}
}

// For every series of operations and every moment of the crash: what a completed sync or replace covered is there, and
// everything else is what was written, zeros, or torn at the end.
func TestRandomCrashes(t *testing.T) {
	for seed := uint64(1); seed <= 500; seed++ {
		o := typical()
		o.Seed = seed
		type written struct {
			fill byte
			size int
		}
		// What a start may find: for each file the content that is certain, then what may follow. Replaces make a new
		// alternative.
		type state struct {
			sure, maybe []written
		}
		alternatives := map[string][]state{"a": {{}}, "b": {{}}}
		type op struct {
			file string // of a replace
			upTo map[string]int
		}
		ops := map[node.Token]op{}
		var token node.Token
		var fill byte
		r := draw(mix(seed, 99))
		steps := question(0)
		random := func(n int64) int { steps++; return int(r.below(1000+steps, n)) }
		w := newWorld(t, o)
		var found []node.File
		add(t, w, 1, "a", func(_ node.Time, ev node.Event, out *node.Effects) {
			switch {
			case ev.Kind == node.Started && ev.Incarnation == 2:
				found = ev.Files
				return
			case ev.Incarnation > 2:
				return
			case ev.Kind == node.DiskDone:
				o := ops[ev.Token]
				if o.file != "" {
					alternatives[o.file] = alternatives[o.file][1:]
				} else {
					for _, name := range []string{"a", "b"} {
						first := &alternatives[name][0]
						// Only what was in the oldest alternative then is meant: replaces in front are done.
						n := min(o.upTo[name], len(first.maybe))
						first.sure = append(first.sure, first.maybe[:n]...)
						first.maybe = first.maybe[n:]
						for tk, other := range ops {
							if tk > ev.Token && other.file == "" {
								other.upTo[name] -= n
							}
						}
					}
				}
				return
			}
			for range 1 + random(3) {
				name := []string{"a", "b"}[random(2)]
				all := alternatives[name]
				fill = fill%250 + 1
				x := written{fill, 1 + random(6)}
				data := bytes.Repeat([]byte{x.fill}, x.size)
				switch random(6) {
				case 0:
					token++
					ops[token] = op{file: name}
					out.Replace(name, data, token)
					alternatives[name] = append(all, state{sure: []written{x}})
				case 1, 2:
					if len(alternatives["a"]) > 1 || len(alternatives["b"]) > 1 {
						break // which appends of a later alternative a sync covers is the test above's business
					}
					token++
					o := op{upTo: map[string]int{}}
					for _, f := range []string{"a", "b"} {
						o.upTo[f] = len(alternatives[f][0].maybe)
					}
					ops[token] = o
					out.Sync(token)
				default:
					out.Append(name, data)
					all[len(all)-1].maybe = append(all[len(all)-1].maybe, x)
				}
			}
			out.SetTimer(1, time.Duration(random(3))*ms)
		})
		w.Run(after(time.Duration(random(60)) * ms))
		require.NoError(t, w.Crash(1))
		require.NoError(t, w.Start(1))
		w.Run(w.Now() + 1)
		contents := map[string][]byte{}
		for _, f := range found {
			contents[f.Name] = f.Data
		}
		for _, name := range []string{"a", "b"} {
			legal := false
			for _, s := range alternatives[name] {
				rest, ok := contents[name], true
				for _, x := range s.sure {
					if ok = ok && bytes.HasPrefix(rest, bytes.Repeat([]byte{x.fill}, x.size)); ok {
						rest = rest[x.size:]
					}
				}
				for _, x := range s.maybe {
					part := rest[:min(x.size, len(rest))]
					ok = ok && (bytes.Count(part, []byte{x.fill}) == len(part) || bytes.Count(part, []byte{0}) == len(part))
					rest = rest[len(part):]
				}
				legal = legal || ok && len(rest) == 0
			}
			require.True(t, legal, "seed %d, file %s: %v is none of %v", seed, name, contents[name], alternatives[name])
		}
	}
}

func TestTheDiskDoesOneThingAfterTheOther(t *testing.T) {
	var done []string
	w := newWorld(t, Options{Seed: 1, Disk: Disk{Append: dur(ms), Sync: dur(10 * ms), Replace: dur(5 * ms)}})
	add(t, w, 1, "a", func(now node.Time, ev node.Event, out *node.Effects) {
		switch ev.Kind {
		case node.Started:
			out.Append("log", []byte("x"))
			out.Sync(1)
			out.Replace("cell", []byte("y"), 2)
			out.Append("log", []byte("x"))
			out.Sync(3)
		case node.DiskDone:
			done = append(done, fmt.Sprintf("%d@%v", ev.Token, time.Duration(now)))
		}
	})
	w.Run(after(time.Second))
	assert.Equal(t, []string{"1@11ms", "2@16ms", "3@27ms"}, done)
	// The next incarnation does not wait for what the one before it had begun.
	require.NoError(t, w.Crash(1))
	require.NoError(t, w.Start(1))
	w.Run(w.Now().Add(5 * ms)) // to 32ms
	require.NoError(t, w.Crash(1))
	require.NoError(t, w.Start(1))
	w.Run(after(2 * time.Second))
	assert.Equal(t, []string{"1@43ms", "2@48ms", "3@59ms"}, done[3:])
}

func TestDiskSlow(t *testing.T) {
	var done []node.Time
	w := newWorld(t, Options{Seed: 1, Disk: Disk{Sync: dur(ms)}})
	add(t, w, 1, "segment 1/1", func(now node.Time, ev node.Event, out *node.Effects) {
		if ev.Kind == node.DiskDone {
			done = append(done, now)
		}
		out.Sync(1)
	})
	require.NoError(t, w.Install(faults.Plan{Horizon: dur(time.Second), Faults: []faults.Fault{
		{Kind: faults.DiskSlow, At: dur(2*ms + ms/2), For: dur(15 * ms), Nodes: []string{"segment 1/1"}, Factor: 5, Extra: dur(ms)},
		{Kind: faults.DiskSlow, At: dur(3*ms + ms/2), For: dur(ms), Nodes: []string{"segment 1/1"}, Factor: 2},
	}}, runtime.Succession{}))
	w.Run(after(24 * ms))
	assert.Equal(t, []node.Time{after(ms), after(2 * ms), after(3 * ms), after(9 * ms), after(15 * ms), after(21 * ms), after(22 * ms),
		after(23 * ms), after(24 * ms)}, done)
}

func TestDiskCorrupt(t *testing.T) {
	synced := bytes.Repeat([]byte{0x55}, 16)
	places := map[int]bool{}
	for salt := uint32(1); salt <= 200; salt++ {
		var found []node.File
		w := newWorld(t, Options{Seed: 1, Disk: Disk{Sync: dur(ms), SurviveRate: 1}})
		add(t, w, 1, "segment 1/1", func(_ node.Time, ev node.Event, out *node.Effects) {
			if ev.Kind == node.Started {
				found = ev.Files
				if ev.Incarnation == 1 {
					out.Append("log", synced)
					out.Sync(1)
					out.Append("log", []byte("not synced"))
				}
			}
		})
		require.NoError(t, w.Install(faults.Plan{Horizon: dur(20 * ms), Faults: []faults.Fault{
			{Kind: faults.DiskCorrupt, At: dur(5 * ms), Nodes: []string{"segment 1/1"}, Salt: salt},
			{Kind: faults.Crash, At: dur(10 * ms), For: dur(ms), Nodes: []string{"segment 1/1"}},
		}}, runtime.Succession{}))
		w.Run(after(30 * ms))
		require.Len(t, found, 1)
		require.Len(t, found[0].Data, 26)
		assert.Equal(t, "not synced", string(found[0].Data[16:]))
		flipped := 0
		for i, b := range found[0].Data[:16] {
			if diff := b ^ 0x55; diff != 0 {
				flipped += bits.OnesCount8(diff)
				places[i*8+bits.TrailingZeros8(diff)] = true
			}
		}
		assert.Equal(t, 1, flipped)
		assert.EqualValues(t, 1, w.Counts().Corruptions)
	}
	assert.Greater(t, len(places), 80, "of 128 bits, 200 salts reach most")
}

func TestCorruptOfAnEmptyDisk(t *testing.T) {
	w := newWorld(t, Options{Seed: 1})
	add(t, w, 1, "a", func(_ node.Time, _ node.Event, out *node.Effects) { out.Append("log", []byte("unsynced")) })
	w.Run(after(ms))
	hit, err := w.Corrupt(1, 1)
	require.NoError(t, err)
	assert.False(t, hit)
	assert.Zero(t, w.Counts().Corruptions)
}

// The node may keep and change what a start hands it, and its own buffers; the disk keeps its own copy.
func TestTheDiskOwnsItsBytes(t *testing.T) {
	buffer := []byte("abc")
	w := newWorld(t, Options{Seed: 1})
	add(t, w, 1, "a", func(_ node.Time, ev node.Event, out *node.Effects) {
		for _, f := range ev.Files {
			f.Data[0] = '!'
		}
		if ev.Kind == node.Started && ev.Incarnation == 1 {
			out.Append("log", buffer)
			out.Sync(1)
			out.Replace("cell", buffer, 2)
		}
		if ev.Kind == node.DiskDone {
			buffer[1] = '!'
		}
	})
	for range 3 {
		w.Run(w.Now().Add(ms))
		assert.Equal(t, []node.File{{Name: "cell", Data: []byte("abc")}, {Name: "log", Data: []byte("abc")}}, w.Files(1))
		require.NoError(t, w.Crash(1))
		require.NoError(t, w.Start(1))
	}
}

// A disk that is lost is empty when its process starts again, and one that is lost with its segment never does.
func TestLostDisks(t *testing.T) {
	starts := map[node.ID][][]node.File{}
	w := newWorld(t, Options{Seed: 1, Disk: Disk{Sync: dur(ms)}})
	for id := node.ID(1); id <= 2; id++ {
		add(t, w, id, fmt.Sprintf("segment 1/%d", id), func(_ node.Time, ev node.Event, out *node.Effects) {
			if ev.Kind == node.Started {
				starts[id] = append(starts[id], ev.Files)
				out.Append("log", []byte("precious"))
				out.Sync(1)
				out.Replace("promise", []byte("kept"), 2)
			}
		})
	}
	require.NoError(t, w.Install(faults.Plan{Horizon: dur(60 * ms), Faults: []faults.Fault{
		{Kind: faults.DiskLost, At: dur(10 * ms), For: dur(ms), Nodes: []string{"segment 1/1"}},
		{Kind: faults.Crash, At: dur(20 * ms), For: dur(ms), Nodes: []string{"segment 1/1"}},
		{Kind: faults.NodeLost, At: dur(30 * ms), Nodes: []string{"segment 1/2"}},
		{Kind: faults.Crash, At: dur(40 * ms), For: dur(ms), Nodes: []string{"segment 1/1"}},
		{Kind: faults.DiskLost, At: dur(40*ms + ms/2), For: dur(ms), Nodes: []string{"segment 1/1"}},
	}}, runtime.Succession{}))
	w.Run(after(100 * ms))
	require.Len(t, starts[1], 4)
	assert.Empty(t, starts[1][0])
	assert.Empty(t, starts[1][1], "lost")
	assert.Len(t, starts[1][2], 2, "written anew, and there after a crash")
	assert.Empty(t, starts[1][3], "lost while the process was down")
	require.Len(t, starts[2], 1, "gone, even when all faults are mended")
	assert.EqualValues(t, 3, w.Counts().Wipes)
	assert.EqualValues(t, len("precious")+len("kept"), w.bytes)
}

// A read finds what was appended before it, durable or not, and nothing of a replace behind it.
func TestReads(t *testing.T) {
	var got []string
	w := newWorld(t, Options{Seed: 1, Disk: Disk{Append: 10_000, Sync: 100_000, Replace: 100_000}})
	n := &readsNode{got: &got}
	require.NoError(t, w.Add(runtime.Process{ID: 1, Name: "segment 1/1", Disk: []node.File{{Name: "log", Data: []byte("0123")}}, New: func(node.Hook) node.Node { return n }}))
	require.NoError(t, w.Start(1))
	w.RunUntil(node.Time(time.Second), nil)
	assert.Equal(t, []string{"1:2345", "2:", "3:", "4:new"}, got)
	assert.EqualValues(t, 3, w.Counts().Reads)
}

type readsNode struct{ got *[]string }

func (r *readsNode) Step(_ node.Time, ev node.Event, out *node.Effects) {
	switch ev.Kind {
	case node.Started:
		out.Append("log", []byte("456789"))
		out.Read("log", 2, 4, 1)
		out.Read("nothing", 0, 4, 2)
		out.Replace("log", []byte("new"), 3)
		out.Read("log", 0, 100, 4)
	case node.DiskDone:
		*r.got = append(*r.got, fmt.Sprintf("%d:%s", ev.Token, ev.Data))
	}
}

// failing runs a node whose disk fails from 5ms to 50ms, and returns what it was told and what its second start finds.
func failing(t *testing.T, o Options, rate float64, at5 func(out *node.Effects)) (told []string, found map[string]string, w *World) {
	return struck(t, o, at5, faults.Fault{Kind: faults.DiskFail, At: dur(5 * ms), For: dur(45 * ms), Nodes: []string{"a"}, Rate: rate, Salt: 3})
}

// struck runs a node that keeps "log", does something at 6ms, and is struck by faults, and returns what it was told and what its
// last start finds.
func struck(t *testing.T, o Options, at6 func(out *node.Effects), fs ...faults.Fault) (told []string, found map[string]string, w *World) {
	o.Disk.Sync, o.Disk.Replace = dur(ms), dur(ms)
	w = newWorld(t, o)
	found = map[string]string{}
	add(t, w, 1, "a", func(_ node.Time, ev node.Event, out *node.Effects) {
		switch ev.Kind {
		case node.Started:
			if ev.Incarnation == 1 {
				out.Append("log", []byte("kept"))
				out.Sync(1)
				out.SetTimer(1, 6*ms)
			}
			clear(found)
			for _, f := range ev.Files {
				found[f.Name] = string(f.Data)
			}
		case node.Fired:
			at6(out)
		default:
			told = append(told, fmt.Sprintf("%v %d", ev.Kind, ev.Token))
		}
	})
	require.NoError(t, w.Install(faults.Plan{Horizon: dur(100 * ms), Faults: fs}, runtime.Succession{}))
	w.Run(after(100 * ms))
	require.Zero(t, w.bytes-int64(w.parties[0].disk.size()), "what is on the disk is all that is counted")
	return told, found, w
}

func (d *disk) size() (n int) {
	for _, f := range d.files {
		for _, v := range f.versions {
			n += v.data.size
		}
	}
	return n
}

// What failed is told as failed, so is what comes after it, and the disk keeps what it had before. When the fault ends the process
// starts again.
func TestADiskThatFails(t *testing.T) {
	told, found, w := failing(t, Options{Seed: 1}, 1, func(out *node.Effects) {
		out.Append("log", []byte("lost"))
		out.Sync(2)
		out.Read("log", 0, 4, 3)
		out.Replace("cell", []byte("new"), 4)
		out.Append("cell", []byte("more"))
		out.Sync(5)
	})
	assert.Equal(t, []string{"disk-done 1", "disk-failed 2", "disk-failed 3", "disk-failed 4", "disk-failed 5"}, told)
	assert.Equal(t, map[string]string{"log": "kept"}, found)
	assert.EqualValues(t, 4, w.Counts().DiskFailures)
	assert.EqualValues(t, 2, w.Started(1))
}

// An operation that failed may have taken effect: the word of that was lost. A node that takes the failure for "it is not there"
// is as wrong as one that takes it for done.
func TestAFailureMayHaveTakenEffect(t *testing.T) {
	seen := map[string]int{}
	for seed := uint64(1); seed <= 200; seed++ {
		told, found, _ := failing(t, Options{Seed: seed, Disk: Disk{EffectRate: 0.5}}, 1, func(out *node.Effects) {
			out.Append("log", []byte("+"))
			out.Sync(2)
			out.Replace("cell", []byte("new"), 3)
		})
		require.Equal(t, []string{"disk-done 1", "disk-failed 2", "disk-failed 3"}, told)
		seen[found["log"]+" "+found["cell"]]++
	}
	assert.Len(t, seen, 4, "%v", seen)
	for content, n := range seen {
		assert.InDelta(t, 50, n, 30, content)
	}
}

// At a low rate most disks never fail, and then no process is started again for it.
func TestADiskThatMayFail(t *testing.T) {
	failed := 0
	for seed := uint64(1); seed <= 200; seed++ {
		told, _, w := failing(t, Options{Seed: seed}, 0.2, func(out *node.Effects) { out.Sync(2) })
		require.Len(t, told, 2)
		if told[1] == "disk-failed 2" {
			failed++
		}
		require.EqualValues(t, 1+w.Counts().DiskFailures, w.Started(1))
	}
	assert.InDelta(t, 40, failed, 20)
}
