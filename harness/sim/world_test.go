package sim

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/harness/runtime"
	"github.com/firstgap/firstgap/harness/tally"
	"github.com/firstgap/firstgap/impl/node"

	_ "github.com/firstgap/firstgap/harness/internal/runflags"
)

// history runs the small system under every fault and returns its identity.
func history(t *testing.T, seed uint64) (uint64, []uint64, runtime.Counts) {
	o := typical()
	o.Seed = seed
	w, _ := gossip(t, o, 7)
	next := node.ID(50)
	start := func() {
		next++
		id := next
		require.NoError(t, w.Add(runtime.Process{ID: id, Name: fmt.Sprintf("writer %d", id), Role: "writer",
			New: func(h node.Hook) node.Node { return &gossips{id: id, peers: []node.ID{3, 4}, hook: h} }}))
		require.NoError(t, w.Start(id))
	}
	require.NoError(t, w.Install(everything(), succession(start)))
	r := w.Record(10)
	out := w.Run(after(500 * ms))
	require.Equal(t, runtime.TimeReached, out.End, out.String())
	return w.Hash(), r.Hashes(), w.Counts()
}

func TestSameSeedSameRun(t *testing.T) {
	seen := map[uint64]uint64{}
	for seed := uint64(1); seed <= 20; seed++ {
		first, chain, counts := history(t, seed)
		again, chain2, counts2 := history(t, seed)
		require.Equal(t, first, again, "seed %d", seed)
		require.Equal(t, -1, FirstDifference(chain, chain2))
		require.Equal(t, counts, counts2)
		require.Zero(t, seen[first], "seeds %d and %d gave the same run", seed, seen[first])
		seen[first] = seed
	}
}

// Were a kind of event or fault missing here, the test above would prove nothing about it.
func TestEveryKindOfFaultStrikes(t *testing.T) {
	var sum runtime.Counts
	for seed := uint64(1); seed <= 20; seed++ {
		_, _, c := history(t, seed)
		tally.Add(&sum, &c)
	}
	text, err := json.Marshal(sum)
	require.NoError(t, err)
	var fields map[string]any
	require.NoError(t, json.Unmarshal(text, &fields))
	require.Len(t, fields, 45)
	for name, value := range fields {
		if name != "types" && name != "lostByNobody" && name != "damaged" && name != "truncated" && name != "oldWire" { // pings carry no record and have no frame
			assert.NotZero(t, value, name)
		}
	}
	require.Len(t, sum.Types, 2)
	assert.Equal(t, sum.Messages, sum.Types[0].Messages+sum.Types[1].Messages)
	assert.EqualValues(t, 20, sum.TakeOvers)
}

func TestFirstDifference(t *testing.T) {
	_, a, _ := history(t, 1)
	_, b, _ := history(t, 2)
	at := FirstDifference(a, b)
	assert.Equal(t, 0, at, "the seed begins the chain")
	c := append([]uint64(nil), a...)
	c[17]++
	assert.Equal(t, 17, FirstDifference(a, c))
	assert.Equal(t, len(a)-1, FirstDifference(a, a[:len(a)-1]), "one of them stopped earlier")
}

func TestTimers(t *testing.T) {
	var fired []string
	tell := func(now node.Time, id node.Timer) {
		fired = append(fired, fmt.Sprintf("%d@%v", id, time.Duration(now)))
	}
	w := newWorld(t, Options{Seed: 1})
	add(t, w, 1, "a", func(now node.Time, ev node.Event, out *node.Effects) {
		switch ev.Kind {
		case node.Started:
			out.SetTimer(1, 10*ms)
			out.SetTimer(2, 10*ms)
			out.SetTimer(3, 10*ms)
			out.SetTimer(4, 10*ms)
			out.SetTimer(2, 20*ms) // moved back
			out.SetTimer(3, 5*ms)  // moved forward
			out.ClearTimer(4)
			out.SetTimer(5, 30*ms)
			out.ClearTimer(5)
			out.SetTimer(5, 12*ms) // cleared and set again
			out.SetTimer(6, -ms)   // at once
			out.SetTimer(8, 1<<63-1)
			out.SetTimer(9, ms)
			out.SetTimer(7, 3*ms)
			out.SetTimer(7, 9*ms)
			out.SetTimer(7, 6*ms) // there and back
		case node.Fired:
			tell(now, ev.Timer)
			if ev.Timer == 9 {
				out.SetTimer(8, 1<<63-1) // past the end of time, now that some has passed
			}
		}
	})
	require.Equal(t, runtime.TimeReached, w.Run(after(time.Second)).End)
	assert.Equal(t, []string{"6@0s", "9@1ms", "3@5ms", "7@6ms", "1@10ms", "5@12ms", "2@20ms"}, fired)
}

// A node that moves its timer at every step must not fill the heap.
func TestMovingATimerKeepsOneEntry(t *testing.T) {
	w := newWorld(t, Options{Seed: 1, Network: Network{Latency: dur(ms / 100)}})
	add(t, w, 1, "a", sender(ms/10, 2000, 2))
	add(t, w, 2, "b", func(_ node.Time, ev node.Event, out *node.Effects) { out.SetTimer(1, time.Second) })
	w.Run(after(190 * ms))
	assert.Less(t, len(w.heap), 10)
	assert.Greater(t, w.Events(), uint64(1000))
}

func TestTimersOfTheDeadNeverFire(t *testing.T) {
	var fired []uint32
	w := newWorld(t, Options{Seed: 1})
	require.NoError(t, w.Add(runtime.Process{ID: 1, Name: "a", New: func(node.Hook) node.Node {
		var incarnation uint32
		return toy(func(_ node.Time, ev node.Event, out *node.Effects) {
			if ev.Kind == node.Started {
				incarnation = ev.Incarnation
				out.SetTimer(1, 10*ms)
			}
			if ev.Kind == node.Fired {
				fired = append(fired, incarnation)
			}
		})
	}}))
	require.NoError(t, w.Start(1))
	w.Run(after(5 * ms))
	require.NoError(t, w.Crash(1))
	require.NoError(t, w.Start(1))
	require.Equal(t, runtime.Idle, w.Run(after(time.Second)).End)
	assert.Equal(t, []uint32{2}, fired)
	assert.EqualValues(t, 2, w.Started(1))
}

func TestNothingReachesTheDead(t *testing.T) {
	for _, late := range []bool{false, true} {
		t.Run(fmt.Sprintf("lateDelivery=%v", late), func(t *testing.T) {
			var got []received
			w := newWorld(t, Options{Seed: 1, Network: Network{Latency: dur(10 * ms), LateDelivery: late}})
			add(t, w, 1, "a", func(now node.Time, ev node.Event, out *node.Effects) {
				if ev.Kind == node.Started {
					out.SetTimer(1, 0)
					out.SetTimer(2, 15*ms)
					out.SetTimer(3, 35*ms)
				} else {
					out.Send(2, &ping{uint64(ev.Timer)})
				}
			})
			add(t, w, 2, "b", collector(&got))
			w.Run(after(5 * ms)) // 1 is on its way
			require.NoError(t, w.Crash(2))
			assert.Nil(t, w.Node(2))
			w.Run(after(20 * ms)) // 1 found it dead; 2 was sent while it was
			require.NoError(t, w.Start(2))
			w.Run(after(time.Second))
			if late {
				assert.Equal(t, []received{{after(25 * ms), 2}, {after(45 * ms), 3}}, got)
				assert.EqualValues(t, 1, w.Counts().LostByDown)
			} else {
				assert.Equal(t, []received{{after(45 * ms), 3}}, got)
				assert.EqualValues(t, 2, w.Counts().LostByDown)
			}
		})
	}
}

func TestMessagesOfTheDeadArrive(t *testing.T) {
	var got []received
	w := newWorld(t, Options{Seed: 1, Network: Network{Latency: dur(10 * ms)}})
	add(t, w, 1, "a", sender(ms, 1, 2))
	add(t, w, 2, "b", collector(&got))
	w.Run(after(5 * ms))
	require.NoError(t, w.Crash(1))
	w.Run(after(time.Second))
	assert.Equal(t, []received{{after(11 * ms), 1}}, got)
}

func TestPause(t *testing.T) {
	var got []string
	w := newWorld(t, Options{Seed: 1, Network: Network{Latency: dur(ms)}, Disk: Disk{Sync: dur(3 * ms)}})
	add(t, w, 1, "a", sender(4*ms, 5, 2))
	add(t, w, 2, "b", func(now node.Time, ev node.Event, out *node.Effects) {
		switch ev.Kind {
		case node.Started:
			out.Append("log", []byte("x"))
			out.Sync(7)
			out.SetTimer(1, 6*ms)
			out.SetTimer(2, 6*ms)
		case node.Received:
			got = append(got, fmt.Sprintf("ping %d@%v", ev.Message.(*ping).n, time.Duration(now)))
		case node.Fired:
			got = append(got, fmt.Sprintf("timer %d@%v", ev.Timer, time.Duration(now)))
			out.ClearTimer(2)
		case node.DiskDone:
			got = append(got, fmt.Sprintf("disk %d@%v", ev.Token, time.Duration(now)))
		}
	})
	w.Run(after(2 * ms))
	require.NoError(t, w.Pause(2, 5*ms))
	require.NoError(t, w.Pause(2, 10*ms))
	require.NoError(t, w.Pause(2, 7*ms)) // a shorter one does not end the longer one
	w.Run(after(11 * ms))
	assert.Empty(t, got)
	assert.Equal(t, []node.File{{Name: "log", Data: []byte("x")}}, w.Files(2), "the disk does not pause with the process")
	w.Run(after(time.Second))
	assert.Equal(t, []string{"disk 7@12ms", "ping 1@12ms", "timer 1@12ms", "ping 2@12ms", "ping 3@13ms", "ping 4@17ms", "ping 5@21ms"}, got)
}

// Requests of one connection keep their order when one of them arrives in the moment in which the pause ends.
func TestAPauseKeepsOrder(t *testing.T) {
	s := &stream{count: 20}
	var got []uint64
	w := newWorld(t, Options{Seed: 1})
	require.NoError(t, w.AddClient(runtime.Client{ID: 9, Name: "client 1", Actor: s}))
	add(t, w, 1, "a", func(_ node.Time, ev node.Event, _ *node.Effects) {
		if ev.Kind == node.Requested {
			got = append(got, ev.Request.ID)
		}
	})
	w.network.Latency = dur(3 * ms) // so that 12 arrives when the pause ends, behind its end on the heap
	w.Run(after(10 * ms))
	require.NoError(t, w.Pause(1, 5*ms))
	w.Run(after(time.Second))
	assert.Equal(t, []uint64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20}, got)
}

func TestACrashEndsAPause(t *testing.T) {
	var got []received
	w := newWorld(t, Options{Seed: 1, Network: Network{Latency: dur(ms)}})
	add(t, w, 1, "a", sender(4*ms, 5, 2))
	add(t, w, 2, "b", collector(&got))
	require.NoError(t, w.Pause(1, 0)) // of one that has not made its first step: nothing to pause
	w.Run(after(ms))
	require.NoError(t, w.Pause(2, 100*ms))
	w.Run(after(6 * ms))
	require.NoError(t, w.Crash(2))
	require.NoError(t, w.Start(2))
	w.Run(after(10 * ms))
	assert.Equal(t, []received{{after(9 * ms), 2}}, got)
	assert.EqualValues(t, 1, w.Counts().LostByDown, "what waited for the end of the pause is lost")
	require.NoError(t, w.Pause(2, 5*ms)) // until 15ms, and not until 101ms as the old one
	w.Run(after(14 * ms))
	assert.Len(t, got, 1)
	w.Run(after(50 * ms))
	assert.Equal(t, []received{{after(9 * ms), 2}, {after(15 * ms), 3}, {after(17 * ms), 4}, {after(21 * ms), 5}}, got)
	require.NoError(t, w.Pause(2, 100*ms))
	w.At(after(102*ms), "look", func() { assert.True(t, w.find(2).paused, "the end of the old pause does not wake who is paused anew") })
	w.Run(after(200 * ms))
	assert.False(t, w.find(2).paused)
}

func TestLimits(t *testing.T) {
	endless := func(_ node.Time, ev node.Event, out *node.Effects) { out.SetTimer(1, ms) }
	for _, c := range []struct {
		name   string
		limits Limits
		node   toy
		want   string
	}{
		{"events", Limits{Events: 100}, endless, runtime.LimitEvents},
		{"time", Limits{Time: dur(50 * ms)}, endless, runtime.LimitTime},
		{"disk", Limits{Bytes: 10_000}, func(_ node.Time, ev node.Event, out *node.Effects) {
			out.SetTimer(1, ms)
			out.Append("log", make([]byte, 1000))
		}, runtime.LimitBytes},
		{"replaced files", Limits{Bytes: 10_000}, func(_ node.Time, ev node.Event, out *node.Effects) {
			out.SetTimer(1, ms)
			out.Replace(fmt.Sprint(ev.Kind == node.Started), make([]byte, 6000), 1)
		}, runtime.LimitBytes},
		{"messages", Limits{Bytes: 10_000}, func(_ node.Time, ev node.Event, out *node.Effects) {
			if ev.Kind == node.Received {
				out.Send(1, ev.Message)
			}
			out.Send(1, &ping{1})
		}, runtime.LimitBytes},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, Options{Seed: 1, Limits: c.limits})
			add(t, w, 1, "a", c.node)
			out := w.Run(after(time.Minute))
			require.Equal(t, runtime.LimitExceeded, out.End)
			assert.Equal(t, c.want, out.Limit)
			assert.Contains(t, out.String(), "the limit on "+c.want+" was exceeded at ")
			events := w.Events()
			assert.Equal(t, out, w.Run(after(time.Hour)), "it does not go on")
			assert.Equal(t, events, w.Events())
		})
	}
}

// Memory is given back: a run that replaces and deletes as much as it writes goes on.
func TestBytesAreGivenBack(t *testing.T) {
	w := newWorld(t, Options{Seed: 1, Limits: Limits{Bytes: 20_000}, Disk: Disk{SurviveRate: 0.5, EffectRate: 0.5}})
	add(t, w, 1, "a", func(_ node.Time, ev node.Event, out *node.Effects) {
		if ev.Kind == node.DiskDone {
			return
		}
		out.SetTimer(1, ms)
		out.Replace("cell", make([]byte, 5000), 1)
	})
	for range 20 {
		require.Equal(t, runtime.TimeReached, w.Run(w.Now().Add(10*ms)).End)
		require.NoError(t, w.Crash(1))
		require.NoError(t, w.Start(1))
	}
	require.NoError(t, w.Stop(1))
	require.Equal(t, runtime.Idle, w.Run(w.Now().Add(time.Minute)).End)
	assert.EqualValues(t, 5000, w.bytes)
}

func TestAPanicIsAFinding(t *testing.T) {
	w := newWorld(t, Options{Seed: 1})
	add(t, w, 1, "segment 1/1", sender(ms, 5, 2))
	add(t, w, 2, "segment 1/2", func(_ node.Time, ev node.Event, _ *node.Effects) {
		if ev.Kind == node.Received && ev.Message.(*ping).n == 3 {
			var none []int
			_ = none[ev.Message.(*ping).n]
		}
	})
	out := w.Run(after(time.Second))
	require.Equal(t, runtime.Panicked, out.End)
	assert.Equal(t, node.ID(2), out.Process)
	assert.Equal(t, "segment 1/2", out.Name)
	assert.Equal(t, after(3*ms), out.At)
	assert.Contains(t, out.Value, "index out of range [3]")
	assert.Contains(t, out.Stack, "world_test.go")
	assert.Contains(t, out.Event, "segment 1/1: ping &{n:3}")
	assert.Contains(t, out.String(), "segment 1/2 panicked at 3ms: ")
	assert.Equal(t, runtime.Panicked, w.Run(after(time.Hour)).End, "it does not go on")
}

func TestPanicsOutsideOfStep(t *testing.T) {
	for name, p := range map[string]runtime.Process{
		"New":            {ID: 1, Name: "a", New: func(node.Hook) node.Node { panic("no node today") }},
		"no node":        {ID: 1, Name: "a", New: func(node.Hook) node.Node { return nil }},
		"no message":     {ID: 1, Name: "a", New: one(func(_ node.Time, _ node.Event, out *node.Effects) { out.Send(2, nil) })},
		"unknown effect": {ID: 1, Name: "a", New: one(func(_ node.Time, _ node.Event, out *node.Effects) { out.List = append(out.List, node.Effect{Kind: 99}) })},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, Options{Seed: 1})
			require.NoError(t, w.Add(p))
			require.NoError(t, w.Start(1))
			out := w.Run(after(time.Second))
			assert.Equal(t, runtime.Panicked, out.End)
			assert.Equal(t, "a", out.Name)
			assert.NotEmpty(t, out.Value)
			assert.Contains(t, out.Event, "start, incarnation 1")
		})
	}
}

type stopped struct {
	toy
	stops int
	stop  func()
}

func (s *stopped) Stop() {
	s.stops++
	if s.stop != nil {
		s.stop()
	}
}

// A node that holds coroutines is told when it dies, however it dies, so that they do not pile up over a campaign.
func TestStopper(t *testing.T) {
	var made []*stopped
	w := newWorld(t, Options{Seed: 1})
	require.NoError(t, w.Add(runtime.Process{ID: 1, Name: "a", New: func(h node.Hook) node.Node {
		s := &stopped{toy: silent, stop: func() { h.Hit("unwinding") }}
		made = append(made, s)
		return s
	}}))
	require.NoError(t, w.Start(1))
	w.Run(after(ms))
	require.NoError(t, w.Crash(1))
	require.NoError(t, w.Start(1))
	w.Run(after(ms))
	w.Close()
	w.Close()
	require.Len(t, made, 2)
	assert.Equal(t, 1, made[0].stops)
	assert.Equal(t, 1, made[1].stops)
	assert.Empty(t, w.Hits(), "what unwinds passes no points")
}

func TestAPanicOfStopIsAFinding(t *testing.T) {
	w := newWorld(t, Options{Seed: 1})
	require.NoError(t, w.Add(runtime.Process{ID: 1, Name: "a", New: func(node.Hook) node.Node {
		return &stopped{toy: silent, stop: func() { panic("leak") }}
	}}))
	require.NoError(t, w.Start(1))
	w.Run(after(ms))
	require.NoError(t, w.Crash(1))
	out := w.Run(after(time.Second))
	assert.Equal(t, runtime.Panicked, out.End)
	assert.Contains(t, out.Value, "while it was stopped: leak")
}

func TestRunUntil(t *testing.T) {
	w := newWorld(t, Options{Seed: 1})
	n := 0
	add(t, w, 1, "a", func(_ node.Time, ev node.Event, out *node.Effects) {
		n++
		out.SetTimer(1, ms)
	})
	out := w.RunUntil(after(time.Second), func() bool { return n == 10 })
	assert.Equal(t, runtime.Outcome{End: runtime.ConditionMet, At: after(9 * ms)}, out)
	out = w.Run(after(20*ms) + 5)
	assert.Equal(t, runtime.Outcome{End: runtime.TimeReached, At: after(20*ms) + 5}, out)
	assert.Equal(t, 21, n)
	assert.Equal(t, "time reached at 20.000005ms", out.String())
}

func TestActions(t *testing.T) {
	run := func(name string) (uint64, []string) {
		var did []string
		w := newWorld(t, Options{Seed: 1})
		w.At(after(10*ms), "second", func() {
			did = append(did, "second")
			w.At(0, "past", func() { did = append(did, fmt.Sprint("past at ", time.Duration(w.Now()))) })
		})
		w.At(after(5*ms), name, func() { did = append(did, name) })
		require.Equal(t, runtime.Idle, w.Run(after(time.Second)).End)
		return w.Hash(), did
	}
	a, did := run("first")
	assert.Equal(t, []string{"first", "second", "past at 10ms"}, did)
	b, _ := run("fist")
	assert.NotEqual(t, a, b, "the name of an action is part of the run's identity")
}

func TestRefusals(t *testing.T) {
	w := newWorld(t, Options{Seed: 1})
	add(t, w, 1, "a", silent)
	require.NoError(t, w.AddClient(runtime.Client{ID: 2, Name: "client 1", Actor: &asker{peers: []node.ID{1}}}))
	refused := func(err error, why string) {
		t.Helper()
		var p *ProcessError
		require.ErrorAs(t, err, &p)
		assert.Contains(t, p.Why, why)
	}
	refused(w.Add(runtime.Process{ID: 0, Name: "b", New: one(silent)}), "address 0")
	refused(w.Add(runtime.Process{ID: 1, Name: "b", New: one(silent)}), "the address is that of a")
	refused(w.Add(runtime.Process{ID: 3, Name: "a", New: one(silent)}), "the name is that of process 1")
	refused(w.Add(runtime.Process{ID: 3, New: one(silent)}), "no name")
	refused(w.Add(runtime.Process{ID: 3, Name: "b"}), "nothing makes its node")
	refused(w.AddClient(runtime.Client{ID: 3, Name: "c"}), "without an actor")
	refused(w.AddClient(runtime.Client{ID: 1, Name: "c", Actor: &asker{}}), "the address is that of a")
	refused(w.Start(1), "running")
	refused(w.Start(9), "no such process")
	refused(w.Start(2), "a client")
	refused(w.Crash(2), "a client")
	refused(w.Pause(9, ms), "no such process")
	require.NoError(t, w.Stop(1))
	require.NoError(t, w.Stop(1), "stopping what is down is fine: nobody knows when it died")
	refused(w.Crash(1), "down")
	_, err := w.Corrupt(2, 1)
	refused(err, "a client")

	_, err = New(Options{Network: Network{Loss: 1.5, Tail: -1}, Disk: Disk{Sync: dur(2 * time.Hour), TornRate: -0.1}, Limits: Limits{Bytes: -1, Time: -1}})
	require.Error(t, err)
	for _, text := range []string{
		"network.loss: expected a rate from 0 to 1, found 1.5", "network.tail: expected a duration from 0s to 1h0m0s, found -1ns",
		"disk.sync: expected a duration from 0s to 1h0m0s, found 2h0m0s", "disk.tornRate", "limits.bytes", "limits.time",
	} {
		assert.Contains(t, err.Error(), text)
	}
	var option *OptionError
	assert.ErrorAs(t, err, &option)
}

type witness struct{ lines []string }

func (o *witness) Traced(now node.Time, from node.ID, t *node.Trace) {
	o.lines = append(o.lines, fmt.Sprintf("%v %d tells %v", time.Duration(now), from, t.Action))
}
func (o *witness) Delivered(now node.Time, from, to node.ID, m node.Message) {
	o.lines = append(o.lines, fmt.Sprintf("%v %d→%d %s", time.Duration(now), from, to, m.Type()))
}

func TestObserver(t *testing.T) {
	o := &witness{}
	w := newWorld(t, Options{Seed: 1, Observer: o, Network: Network{Latency: dur(ms)}})
	add(t, w, 1, "a", sender(ms, 1, 2))
	add(t, w, 2, "b", func(_ node.Time, ev node.Event, out *node.Effects) {
		if ev.Kind == node.Received {
			out.Tell(node.Trace{Action: node.ActStore})
			out.Tell(node.Trace{Action: node.ActAck})
		}
	})
	w.Run(after(time.Second))
	assert.Equal(t, []string{"2ms 1→2 ping", "2ms 2 tells Store", "2ms 2 tells Ack"}, o.lines)
}

// What a node says is part of the run's identity, in every field.
func TestTracesAreHashed(t *testing.T) {
	seen := map[uint64]int{}
	r := &node.Record{LSN: 1}
	for i, trace := range []node.Trace{
		{}, {Action: 1}, {Epoch: 1}, {Detail: &node.HoldsStep{Promise: 1}}, {LSN: 1}, {Txn: 1}, {Position: 1}, {From: 1}, {Record: r}, {Detail: &node.DecideStep{Answers: []node.ID{1}}},
		{Detail: &node.JoinStep{History: node.FirstHistory()}}, {Detail: &node.HoldsStep{Held: []node.Held{{LSN: 1}}}}, {Detail: &node.HoldsStep{Held: []node.Held{{LSN: 1, Last: true}}}}, {Detail: &node.HoldsStep{Held: []node.Held{{LSN: 1, OldestActive: 2}}}},
		{Detail: &node.DiskStep{}}, {Detail: &node.DiskStep{View: node.View{Epoch: 1}}}, {Detail: &node.DiskStep{Start: 1}}, {Detail: &node.DiskStep{Lane: 1}},
		{Detail: &node.DiskStep{Write: node.WriteID{By: 1}}}, {Detail: &node.DiskStep{Write: node.WriteID{Start: 1}}}, {Detail: &node.DiskStep{Write: node.WriteID{Count: 1}}},
		{Detail: &node.DiskStep{What: &node.DiskWrite{Base: 1}}}, {Detail: &node.DiskStep{What: &node.DiskWrite{Log: []byte{1}}}}, {Detail: &node.DiskStep{Base: 1}},
		{Detail: &node.DiskStep{Log: []byte{1}}}, {Detail: &node.DiskStep{Blocks: []node.Block{{Number: 1}}}}, {Detail: &node.DiskStep{Blocks: []node.Block{{Data: []byte{1}}}}},
	} {
		w := newWorld(t, Options{Seed: 1})
		add(t, w, 1, "a", func(_ node.Time, _ node.Event, out *node.Effects) { out.Tell(trace) })
		w.Run(after(ms))
		_, twice := seen[w.Hash()]
		require.False(t, twice, "traces %d and %d", i, seen[w.Hash()])
		seen[w.Hash()] = i
	}
}

// So is what a node is told, in every field that its kind of event has: what a read found once was not.
func TestEventsAreHashed(t *testing.T) {
	seen := map[uint64]string{}
	try := func(what string, of func(w *World)) {
		w := newWorld(t, Options{Seed: 1})
		of(w)
		w.Run(after(time.Second))
		require.Empty(t, seen[w.Hash()], what)
		seen[w.Hash()] = what
	}
	disk := func(data string, size int, token node.Token) func(*World) {
		return func(w *World) {
			add(t, w, 1, "a", func(_ node.Time, ev node.Event, out *node.Effects) {
				if ev.Kind == node.Started {
					out.Append("log", []byte(data))
					out.Read("log", 0, size, token)
				}
			})
		}
	}
	try("a read", disk("ab", 2, 1))
	try("a read of other bytes", disk("ac", 2, 1))
	try("a read of fewer bytes", disk("ab", 1, 1))
	try("a read of nothing", disk("ab", 0, 1))
	try("a read with another token", disk("ab", 2, 2))
	sends := func(from, to node.ID, m node.Message) func(*World) {
		return func(w *World) {
			add(t, w, to, "to", silent)
			add(t, w, from, "from", func(_ node.Time, ev node.Event, out *node.Effects) {
				if ev.Kind == node.Started {
					out.Send(to, m)
				}
			})
		}
	}
	try("a message", sends(1, 2, &node.WriteDisk{}))
	try("a message from another", sends(3, 2, &node.WriteDisk{}))
	try("a message to another", sends(1, 3, &node.WriteDisk{}))
	try("a message of another type", sends(1, 2, &node.MirrorWrite{}))
	try("a message with a name that its digest leaves out", sends(1, 2, &node.WriteDisk{Write: node.DiskWrite{ID: node.WriteID{By: 1}}}))
	try("a message with a list that ends elsewhere", sends(1, 2, &node.GossipAsk{Above: []node.LSN{'/'}}))
	try("a message with a list that begins elsewhere", sends(1, 2, &node.GossipAsk{Lost: []node.LSN{'/'}}))
	try("a stranger's message", sends(1, 2, &node.Opaque{Kind: "a", Bytes: []byte("b")}))
	try("a stranger's message of another kind", sends(1, 2, &node.Opaque{Kind: "b", Bytes: []byte("b")}))
	try("a stranger's message with other bytes", sends(1, 2, &node.Opaque{Kind: "a", Bytes: []byte("c")}))
	timer := func(number node.Timer, after time.Duration) func(*World) {
		return func(w *World) {
			add(t, w, 1, "a", func(_ node.Time, ev node.Event, out *node.Effects) {
				if ev.Kind == node.Started {
					out.SetTimer(number, after)
				}
			})
		}
	}
	try("a timer", timer(1, ms))
	try("a later timer", timer(1, 2*ms))
	try("another timer", timer(2, ms))
}

// A message whose digest leaves something out fares as without it.
func TestWhatADigestLeavesOutChangesNoFate(t *testing.T) {
	arrives := func(id node.WriteID) (at node.Time) {
		w := newWorld(t, Options{Seed: 1, Network: Network{Latency: dur(ms), Jitter: dur(10 * ms)}})
		add(t, w, 2, "to", func(now node.Time, ev node.Event, _ *node.Effects) {
			if ev.Kind == node.Received {
				at = now
			}
		})
		add(t, w, 1, "from", func(_ node.Time, ev node.Event, out *node.Effects) {
			if ev.Kind == node.Started {
				out.Send(2, &node.WriteDisk{Seq: 1, Write: node.DiskWrite{ID: id}})
			}
		})
		w.Run(after(time.Second))
		return at
	}
	require.NotZero(t, arrives(node.WriteID{}))
	require.Equal(t, arrives(node.WriteID{}), arrives(node.WriteID{By: 7, Start: 8, Count: 9}))
}

func TestCountsAdd(t *testing.T) {
	a := runtime.Counts{Events: 1, Types: []runtime.TypeCount{{Type: "b", Messages: 1, Bytes: 10}}}
	b := a
	more := runtime.Counts{Events: 2, LostByLoss: 1, LostByDown: 2, Types: []runtime.TypeCount{{Type: "a", Messages: 2, Bytes: 20}, {Type: "b", Messages: 3, Bytes: 30}}}
	tally.Add(&a, &more)
	assert.Equal(t, runtime.Counts{Events: 3, LostByLoss: 1, LostByDown: 2, Types: []runtime.TypeCount{{Type: "a", Messages: 2, Bytes: 20}, {Type: "b", Messages: 4, Bytes: 40}}}, a)
	assert.EqualValues(t, 3, a.Lost())
	assert.Equal(t, runtime.Types{{Type: "b", Messages: 1, Bytes: 10}}, b.Types, "a copy is left alone")
}

func TestLostToNobody(t *testing.T) {
	w := newWorld(t, Options{Seed: 1})
	require.NoError(t, w.AddClient(runtime.Client{ID: 7, Name: "client 1", Actor: &asker{peers: []node.ID{99}}}))
	add(t, w, 1, "a", func(_ node.Time, ev node.Event, out *node.Effects) {
		out.Send(99, &ping{1})
		out.Send(7, &ping{1})                // a client takes replies only
		out.Respond(1, node.Reply{ID: 1})    // and a process none
		out.Respond(9999, node.Reply{ID: 1}) // beyond all addresses
	})
	w.Run(after(ms))
	assert.EqualValues(t, 5, w.Counts().LostByNobody)
}

// TestSameRunInAnotherProcess runs itself again as another process, whose maps are in another order and whose memory
// lies elsewhere.
func TestSameRunInAnotherProcess(t *testing.T) {
	var here strings.Builder
	for seed := uint64(1); seed <= 10; seed++ {
		hash, _, _ := history(t, seed)
		fmt.Fprintf(&here, "hash %016x\n", hash)
	}
	const child = "FIRSTGAP_SIM_HASHES"
	if os.Getenv(child) != "" {
		fmt.Print(here.String())
		return
	}
	program, err := os.Executable()
	require.NoError(t, err)
	for _, procs := range []string{"1", "4"} {
		cmd := exec.Command(program, "-test.run=^TestSameRunInAnotherProcess$")
		cmd.Env = append(os.Environ(), child+"=1", "GOMAXPROCS="+procs)
		text, err := cmd.Output()
		require.NoError(t, err)
		var there strings.Builder
		for line := range strings.Lines(string(text)) {
			if strings.HasPrefix(line, "hash ") {
				there.WriteString(line)
			}
		}
		assert.Equal(t, here.String(), there.String())
	}
}
