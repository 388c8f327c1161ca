package sim

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness/runtime"
	"github.com/firstgap/firstgap/impl/node"
)

// heard runs a world in which one node sends another a ping every 5 ms while a client asks the second one for as long, and returns the
// hashes after each event, and when pings, and requests of each client, arrived.
func heard(t *testing.T, r Redraw, do func(*World)) (hashes []uint64, pings []received, asked map[node.ID]int) {
	o := typical()
	o.Redraw = r
	w := newWorld(t, o)
	asked = map[node.ID]int{}
	take := collector(&pings)
	add(t, w, 1, "one", sender(5*ms, 40, 2))
	add(t, w, 2, "two", func(now node.Time, ev node.Event, out *node.Effects) {
		take(now, ev, out)
		if ev.Kind == node.Requested {
			asked[ev.From]++
		}
	})
	require.NoError(t, w.AddClient(runtime.Client{ID: 3, Name: "early", Actor: &caller{to: 2}}))
	if do != nil {
		do(w)
	}
	w.Listen(func(e *Event) { hashes = append(hashes, e.Hash) })
	w.Run(after(100 * ms))
	if w.find(4) == nil {
		require.NoError(t, w.AddClient(runtime.Client{ID: 4, Name: "late", Actor: &caller{to: 2}}))
	}
	w.Run(after(200 * ms))
	return hashes, pings, asked
}

// caller asks every 5 ms, and keeps the seed that it was last given.
type caller struct {
	to      node.ID
	n       uint64
	redrawn uint64
}

func (a *caller) Start(_ node.Time, out *runtime.Calls) { out.SetTimer(1, 5*time.Millisecond) }

func (a *caller) Reply(node.Time, node.ID, node.Reply, *runtime.Calls) {}

func (a *caller) Timer(_ node.Time, _ node.Timer, out *runtime.Calls) {
	a.n, a.redrawn = a.n+1, out.Redrawn
	out.Request(a.to, node.Request{ID: a.n, Op: node.OpRead, Rows: []node.Row{{Key: "x"}}})
	out.SetTimer(1, 5*time.Millisecond)
}

func TestWhatIsRedrawnBeginsAsItDidAndGoesOnOtherwise(t *testing.T) {
	as, _, _ := heard(t, Redraw{}, nil)
	for _, after := range []uint64{0, 1, 30, 60} {
		again, _, _ := heard(t, Redraw{After: after, Seed: 7}, nil)
		require.Equal(t, as[:after], again[:after])
		require.NotEqual(t, as, again)
		same, _, _ := heard(t, Redraw{After: after, Seed: 7}, nil)
		require.Equal(t, again, same)
	}
	last, _, _ := heard(t, Redraw{After: uint64(len(as)), Seed: 7}, nil)
	require.Equal(t, as, last, "nothing is left to be redrawn")
}

func TestClientsHearOfTheNewSeed(t *testing.T) {
	a := &caller{to: 2}
	join := func(w *World) { require.NoError(t, w.AddClient(runtime.Client{ID: 4, Name: "other", Actor: a})) }
	heard(t, Redraw{}, join)
	require.Zero(t, a.redrawn)
	heard(t, Redraw{After: 20, Seed: 7}, join)
	require.Equal(t, uint64(7), a.redrawn)
}

func TestAMendedRestHasNoFault(t *testing.T) {
	cut := func(w *World) {
		plan := faults.Plan{Horizon: faults.Duration(190 * ms), Faults: []faults.Fault{
			{Kind: faults.PartitionOneWay, At: faults.Duration(20 * ms), For: faults.Duration(60 * ms), Nodes: []string{"one"}},
			{Kind: faults.PartitionOneWay, At: faults.Duration(100 * ms), For: faults.Duration(80 * ms), Nodes: []string{"one"}},
		}}
		require.NoError(t, w.Install(plan, runtime.Succession{}))
	}
	_, before, _ := heard(t, Redraw{}, cut)
	_, mended, _ := heard(t, Redraw{After: 30, Seed: 7, Mend: true}, cut)
	_, kept, _ := heard(t, Redraw{After: 30, Seed: 7}, cut)
	require.Less(t, len(before), 20)
	require.Less(t, len(kept), 20, "what is only redrawn keeps its faults")
	require.Greater(t, len(mended), 25)
}

func TestInARestWithoutClientsNodesGoOn(t *testing.T) {
	_, _, asked := heard(t, Redraw{}, nil)
	require.Greater(t, asked[3], 30)
	_, pings, asked := heard(t, Redraw{After: 30, Seed: 7, Alone: true}, nil)
	require.Less(t, asked[3], 15)
	require.Greater(t, asked[4], 10, "a client that comes later is not cut off: it looks at what is left")
	require.Greater(t, len(pings), 25)
}

// Cut off with the clients, the harness's own could not tell any more how a run ends that had failed by then.
func TestWhoJoinsAfterTheFaultsIsNotCutOff(t *testing.T) {
	ends := func(w *World) {
		require.NoError(t, w.Install(faults.Plan{Horizon: faults.Duration(50 * ms)}, runtime.Succession{}))
	}
	all, _, base := heard(t, Redraw{}, ends)
	_, _, asked := heard(t, Redraw{After: uint64(len(all)) * 2 / 3, Seed: 7, Alone: true, Mend: true}, ends)
	require.Less(t, asked[3], base[3])
	require.Greater(t, asked[4], 10, "of %d", base[4])
}

func TestInARestThatIsCutNothingArrives(t *testing.T) {
	hashes, all, _ := heard(t, Redraw{}, nil)
	cut, pings, asked := heard(t, Redraw{After: 30, Seed: 7, Cut: true}, nil)
	require.Equal(t, hashes[:30], cut[:30])
	require.Less(t, len(pings), 10)
	require.Equal(t, all[:len(pings)], pings)
	require.Less(t, asked[3]+asked[4], 15)
}

// The planted line is heard of at the event whose step it is part of.
func TestWhereAPlantedLineRunsIsHeard(t *testing.T) {
	type place struct {
		process node.ID
		event   uint64
	}
	run := func(bug string) (heard, timers []place, hash uint64) {
		o := typical()
		o.Bug = bug
		o.Planted = func(p node.ID, event uint64) { heard = append(heard, place{p, event}) }
		w := newWorld(t, o)
		for id := node.ID(1); id <= 2; id++ {
			require.NoError(t, w.Add(runtime.Process{ID: id, Name: []string{"", "one", "two"}[id], New: func(h node.Hook) node.Node {
				return toy(func(_ node.Time, ev node.Event, out *node.Effects) {
					if ev.Kind == node.Fired {
						h.Planted("this one")
					}
					out.SetTimer(1, 5*ms)
				})
			}}))
			require.NoError(t, w.Start(id))
		}
		w.Listen(func(e *Event) {
			if e.Kind == EventTimer {
				timers = append(timers, place{e.Process, e.Seq})
			}
		})
		w.Run(after(50 * ms))
		return heard, timers, w.Hash()
	}
	heard, timers, hash := run("this one")
	require.NotEmpty(t, heard)
	require.Equal(t, timers, heard)
	heard, _, other := run("another")
	require.Empty(t, heard)
	require.Equal(t, hash, other, "to be heard of is no part of the run")
}
