package reader

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// A searched volume is the volume part of a state of the search, as a replay asks for it. Segments are numbered by member
// and then by group.
type searched struct {
	m *model
	s *State
}

func (v searched) log(e int) *Log { return &v.s.Epochs[e-1].Log }

func (v searched) Newest() int             { return int(v.s.Newest) }
func (v searched) End(e int) int           { return int(v.log(e).Len()) }
func (v searched) Base(e int) int          { return int(v.s.Epochs[e-1].Base) }
func (v searched) VDL(e int) int           { return int(v.s.Epochs[e-1].VDL) }
func (v searched) LastCPL(e, n int) int    { return int(v.log(e).lastCPL(int8(n))) }
func (v searched) Version(e, k, n int) int { return int(v.log(e).version(int8(k), int8(n))) }
func (v searched) LastIn(seg, e, n int) int {
	return int(v.m.lastIn(v.log(e), seg%v.m.Groups, int8(n)))
}

func (v searched) Common(d, e int) int {
	a, b := v.log(d), v.log(e)
	n := 0
	for n < maxLSN && a[n].Epoch != 0 && a[n] == b[n] {
		n++
	}
	return n
}

func (v searched) Complete(seg, e int) int {
	return min(int(v.s.Members[seg/v.m.Groups][seg%v.m.Groups].SCL), v.Common(e, v.Newest()))
}

// replays takes the step by which the search came from one state to the next.
func (v searched) replays(p *Replay, action string, args []int, next *State) Refusal {
	r := 0
	if len(args) > 0 {
		r = args[0]
	}
	var x *Reader
	if r > 0 && r <= v.m.Readers {
		x = &next.Readers[r-1]
	}
	switch action {
	case "Deliver":
		return p.Deliver(r, int(x.len()))
	case "Tell":
		return p.Tell(r, args[1])
	case "Begin":
		return p.Begin(r, 1, int(x.Snap))
	case "ReadCached":
		return p.ReadCached(r, 1, args[1], int(x.Pages[args[1]-1].Seen))
	case "ReadStored":
		k := args[1]
		return p.ReadStored(r, 1, k, (args[2]-1)*v.m.Groups+v.m.home(int8(k)), int(x.Pages[k-1].Seen))
	case "Finish":
		return p.Finish(r, 1)
	case "Report":
		return p.Report(v.Newest(), r, int(x.Low))
	case "Collect":
		return p.Collect(v.Newest(), int(next.Members[args[1]-1][args[0]-1].Floor))
	case "Follow":
		return p.Follow(r, v.Newest(), int(x.len()))
	case "Promote":
		snap := p.Snapshot(r, 1)
		p.Lose(r) // the model's goes on as a reader, with the log of its own that it has recovered and no page
		if g := p.Follow(r, v.Newest(), 0); g != "" {
			return g
		}
		if g := p.Anew(r, int(x.len()), int(x.Told)); g != "" {
			return g
		}
		if snap != None {
			p.readers[r].open = []query{{1, snap}} // and its query, too
		}
	}
	return ""
}

// Every step of the search a replay of it allows, and the other way round: told with another number, a step is refused.
func TestReplayIsTheSearch(t *testing.T) {
	worlds := []World{
		{Groups: 1, Members: 3, WriteQuorum: 2, ReadQuorum: 2, Pages: 2, Readers: 2, Txns: 3, MaxLSN: 5, MaxEpoch: 3, Mtr: true, Bug: noBug},
		{Groups: 2, Members: 3, WriteQuorum: 2, ReadQuorum: 2, Pages: 3, Readers: 2, Txns: 3, MaxLSN: 5, MaxEpoch: 2, Mtr: true, Bug: noBug},
	}
	took := map[string]int{}
	refused := map[Refusal]int{}
	for seed := range uint64(400) {
		m := &model{worlds[seed%2]}
		d := rand.New(rand.NewPCG(seed, 3))
		s := start()
		p := NewReplay(searched{m, &s}, []int{1, 2})
		for r := 1; r <= 2; r++ {
			require.Empty(t, p.Follow(r, 1, 0))
			require.Empty(t, p.Anew(r, 0, 0))
		}
		for range 60 {
			type step struct {
				action string
				args   []int
				next   State
			}
			var steps []step
			for _, mv := range m.moves() {
				before := len(steps)
				mv.Next(s, func(next State, args ...int) {
					if mv.Name == "Promote" && d.IntN(20) > 0 {
						return
					}
					steps = append(steps, step{mv.Name, append([]int(nil), args...), next})
				})
				if len(steps) > before+1 { // one of each action, so that no action drowns the others
					steps[before] = steps[before+d.IntN(len(steps)-before)]
					steps = steps[:before+1]
				}
			}
			if len(steps) == 0 {
				break
			}
			st := steps[d.IntN(len(steps))]
			wrong(t, p, searched{m, &s}, refused)
			s = st.next
			g := searched{m, &s}.replays(p, st.action, st.args, &st.next)
			require.Empty(t, g, "seed %d: %s %v in\n%s", seed, st.action, st.args, p.Describe(1))
			took[st.action]++
			for r := 1; r <= 2; r++ {
				x := &s.Readers[r-1]
				require.Equal(t, int(m.viewOf(&s, x)), p.View(r), "%s %v", st.action, st.args)
				require.Equal(t, int(x.Snap), p.Snapshot(r, 1))
			}
			if name, broken := p.Broken(); broken {
				t.Fatalf("seed %d: %s is broken after %s", seed, name, st.action)
			}
		}
	}
	for _, mv := range (&model{}).moves() {
		require.Positive(t, took[mv.Name], "%s was never replayed", mv.Name)
	}
	for _, g := range []Refusal{NothingMore, NotDurable, NotNewer, NoQuery, OtherPoint, NoHigher, AboveLowest, NotCounted, NoNewer, NotOff, NoReader} {
		require.Positive(t, refused[g], "%s never refused anything", g)
	}
}

// wrong tells steps that no state allows.
func wrong(t *testing.T, p *Replay, v searched, refused map[Refusal]int) {
	for r := 1; r <= 2; r++ {
		line := p.Line(r)
		for _, g := range []Refusal{
			p.Deliver(r, v.End(line)+1), p.Tell(r, v.VDL(line)+1), p.Tell(r, 0), p.Begin(r, 2, p.View(r)+1), p.Finish(r, 3),
			p.ReadCached(r, 3, 1, 0), p.Report(v.Newest(), r, 0), p.Report(v.Newest(), r, 100), p.Collect(v.Newest(), v.VDL(v.Newest())+1),
			p.Follow(r, line, 0), p.Anew(r, 0, 0), p.Deliver(9, 1),
		} {
			require.NotEmpty(t, g)
			refused[g]++
		}
		if low := p.known(v.Newest(), r).low; low < v.VDL(v.Newest()) {
			g := p.Collect(v.Newest(), low+1)
			require.Equal(t, NotCounted, g)
			refused[g]++
		}
	}
}

// What the guards rule out in a volume whose quorums overlap, a replay notices all the same.
func TestReplayNoticesBrokenInvariants(t *testing.T) {
	lost := func(v *fixed) string {
		p := NewReplay(v, []int{1})
		require.Empty(t, p.Follow(1, 1, 0))
		require.Empty(t, p.Anew(1, 4, 4))
		require.Empty(t, p.Begin(1, 1, 4))
		require.Empty(t, p.Finish(1, 1))
		v.newest, v.base = 2, 3
		name, _ := p.Broken()
		return name
	}
	require.Equal(t, "NeverBack", lost(&fixed{newest: 1}))

	v := &fixed{newest: 1}
	p := NewReplay(v, []int{1})
	require.Empty(t, p.Follow(1, 1, 0))
	require.Empty(t, p.Anew(1, 4, 4))
	require.Empty(t, p.Begin(1, 1, 4))
	require.Empty(t, p.GiveUp(1, 1))
	require.Empty(t, p.Collect(1, 5))
	_, broken := p.Broken()
	require.False(t, broken, "whom its writer has given up may find nothing")
	require.Empty(t, p.ReadStored(1, 1, 1, 0, 4))
	p.readers[1].held = true
	name, _ := p.Broken()
	require.Equal(t, "NeededIsKept", name)
	require.Equal(t, Collected, p.ReadStored(1, 1, 1, 0, 4))
}

// A reader is paused from before its writer's word where to begin comes until after the writer has given it up: that word is
// the first that it hears then, and what it was to begin with is collected. It may find nothing, or begin anew in time.
func TestAReaderThatBeginsAfterItWasGivenUp(t *testing.T) {
	for _, again := range []bool{false, true} {
		p := NewReplay(&fixed{newest: 1}, []int{1})
		require.Empty(t, p.Follow(1, 1, 0))
		require.Empty(t, p.GiveUp(1, 1))
		if again {
			require.Empty(t, p.Report(1, 1, 5)) // it is to begin at 5, too
		}
		require.Empty(t, p.Collect(1, 5))
		require.Empty(t, p.Anew(1, 3, 3))
		name, broken := p.Broken()
		require.False(t, broken, name)
		require.Empty(t, p.Lose(1))
		if !again {
			require.Empty(t, p.Report(1, 1, 5))
		}
		require.Empty(t, p.Anew(1, 5, 5))
		require.True(t, p.readers[1].held, "and counts again")
	}
}

// A fixed volume is all durable and has a record of page 1 at every LSN up to 5.
type fixed struct{ newest, base int }

func (v *fixed) Newest() int             { return v.newest }
func (v *fixed) End(int) int             { return 5 }
func (v *fixed) Base(int) int            { return v.base }
func (v *fixed) VDL(int) int             { return 5 }
func (v *fixed) LastCPL(_, n int) int    { return min(n, 5) }
func (v *fixed) Version(_, _, n int) int { return min(n, 5) }
func (v *fixed) Common(int, int) int     { return 3 }
func (v *fixed) Complete(int, int) int   { return 5 }
func (v *fixed) LastIn(_, _, n int) int  { return min(n, 5) }
