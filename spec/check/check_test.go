package check

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// jugs is the puzzle of the two jugs of 5 and 3 gallons. That the big one never holds 4 is wrong after 6 steps
// and not before.
type jugs struct {
	never4    bool // the invariant that the big one never holds 4
	broken    bool // the initial state breaks an invariant
	unloading bool // states do not load
}

func (m jugs) Name() string { return "jugs" }
func (m jugs) World() any   { return map[string]int{"big": 5, "small": 3} }
func (m jugs) Actions() []string {
	return []string{"FillSmall", "FillBig", "EmptySmall", "EmptyBig", "Pour", "Spill"}
}
func (m jugs) Reductions() []string { return nil }
func (m jugs) Invariants() []Invariant {
	return []Invariant{{"Fits", "No jug holds more than it can."}, {"Never4", "The big jug never holds 4 gallons."}}
}
func (m jugs) NewMachine() Machine { return &jugsMachine{model: m} }

type jugsMachine struct {
	model      jugs
	small, big int
	step       string
}

func (m *jugsMachine) Init() { m.small, m.big = 0, 0 }
func (m *jugsMachine) Load(code []byte) error {
	if m.model.unloading {
		return errors.New("these bytes are not mine")
	}
	m.small, m.big = int(code[0]), int(code[1])
	return nil
}
func (m *jugsMachine) Encode(dst []byte) []byte { return append(dst, byte(m.small), byte(m.big)) }
func (m *jugsMachine) Next(visit func(action, times int) bool) {
	small, big := m.small, m.big
	for action, name := range m.model.Actions() {
		m.small, m.big = small, big
		switch name {
		case "FillSmall":
			m.small = 3
		case "FillBig":
			m.big = 5
		case "EmptySmall":
			m.small = 0
		case "EmptyBig":
			m.big = 0
		case "Pour":
			poured := min(small, 5-big)
			m.small, m.big = small-poured, big+poured
		case "Spill":
			continue // never possible
		}
		m.step = name
		if !visit(action, 1) {
			return
		}
		if name == "Pour" { // and the other way, twice over
			poured := min(3-small, big)
			m.small, m.big, m.step = small+poured, big-poured, "Pour back"
			if !visit(action, 2) {
				return
			}
		}
	}
	m.small, m.big = small, big
}
func (m *jugsMachine) Broken() int {
	switch {
	case m.model.broken || m.small > 3 || m.big > 5:
		return 0
	case m.model.never4 && m.big == 4:
		return 1
	}
	return -1
}
func (m *jugsMachine) Step() string { return m.step }
func (m *jugsMachine) Vars() []Var {
	var vars []Var
	if m.big > 0 {
		vars = append(vars, Var{"big", fmt.Sprint(m.big)})
	}
	if m.small > 0 {
		vars = append(vars, Var{"small", fmt.Sprint(m.small)})
	}
	return vars
}

func TestShortestCounterexample(t *testing.T) {
	r, err := Run(t.Context(), jugs{never4: true}, Options{Workers: 2})
	require.NoError(t, err)
	require.Equal(t, Violation, r.Verdict)
	require.Equal(t, "Never4", r.Invariant)
	require.Equal(t, "The big jug never holds 4 gallons.", r.Guarantee)
	var actions []string
	for _, step := range r.Trace {
		actions = append(actions, step.Action)
	}
	require.Equal(t, []string{"FillBig", "Pour back", "EmptySmall", "Pour back", "FillBig", "Pour back"}, actions)
	require.Equal(t, []Change{{"big", "", "5"}}, r.Trace[0].Changes)
	require.Equal(t, []Change{{"big", "5", "2"}, {"small", "", "3"}}, r.Trace[1].Changes)
	require.Equal(t, []Change{{"small", "3", ""}}, r.Trace[2].Changes)
	require.Equal(t, 7, r.Depth, "levels found; the initial state is the first")
	require.NotZero(t, r.Left)
}

func TestPassIsEveryState(t *testing.T) {
	r, err := Run(t.Context(), jugs{}, Options{Workers: 3})
	require.NoError(t, err)
	require.Equal(t, Pass, r.Verdict)
	require.EqualValues(t, 16, r.Distinct)
	require.EqualValues(t, 1+16*7, r.Generated, "seven ways on from each state, and the initial one")
	require.Zero(t, r.Left)
	require.Equal(t, 3, r.Workers)
	require.Empty(t, r.Trace)
	require.Equal(t, ActionCounts{{"FillSmall", 16}, {"FillBig", 16}, {"EmptySmall", 16}, {"EmptyBig", 16}, {"Pour", 48}, {"Spill", 0}}, r.Actions)
	require.Equal(t, []string{"Spill"}, r.Actions.Never())
}

func TestInitialStateCanBreak(t *testing.T) {
	r, err := Run(t.Context(), jugs{broken: true}, Options{})
	require.NoError(t, err)
	require.Equal(t, Violation, r.Verdict)
	require.Equal(t, "Fits", r.Invariant)
	require.Empty(t, r.Trace)
	require.EqualValues(t, 1, r.Distinct)
	var b strings.Builder
	require.NoError(t, r.WriteText(&b))
	require.Contains(t, b.String(), "the initial state")
}

func TestStateThatDoesNotLoad(t *testing.T) {
	_, err := Run(t.Context(), jugs{unloading: true}, Options{})
	require.ErrorContains(t, err, "check: jugs: a state does not load again: these bytes are not mine")
}

// A grid has a state for each point of a cube; every step adds one to a coordinate. Points beyond the limit on
// the sum of the coordinates break the invariant, which many do in one level, by many ways to each.
type grid struct {
	size, limit int
	taken       *atomic.Int64 // calls of Next
	onNext      func(taken int64)
}

func (g grid) Name() string            { return "grid" }
func (g grid) World() any              { return g.size }
func (g grid) Actions() []string       { return []string{"X", "Y", "Z"} }
func (g grid) Reductions() []string    { return nil }
func (g grid) Invariants() []Invariant { return []Invariant{{"Near", "No point is far off."}} }
func (g grid) NewMachine() Machine     { return &gridMachine{grid: g} }

type gridMachine struct {
	grid grid
	at   [3]int
	axis int
}

func (m *gridMachine) Init() { m.at = [3]int{} }
func (m *gridMachine) Load(code []byte) error {
	for i := range m.at {
		m.at[i] = int(code[2*i]) | int(code[2*i+1])<<8
	}
	return nil
}
func (m *gridMachine) Encode(dst []byte) []byte {
	for _, v := range m.at {
		dst = append(dst, byte(v), byte(v>>8))
	}
	return dst
}
func (m *gridMachine) Next(visit func(action, times int) bool) {
	if m.grid.onNext != nil {
		m.grid.onNext(m.grid.taken.Add(1))
	}
	for i := range m.at {
		if m.at[i] == m.grid.size {
			continue
		}
		m.at[i]++
		m.axis = i
		if !visit(i, 1) {
			return
		}
		m.at[i]--
	}
}
func (m *gridMachine) Broken() int {
	if m.at[0]+m.at[1]+m.at[2] > m.grid.limit {
		return 0
	}
	return -1
}
func (m *gridMachine) Step() string { return m.grid.Actions()[m.axis] }
func (m *gridMachine) Vars() []Var  { return []Var{{"at", fmt.Sprint(m.at)}} }

// The set of states grows many times over, under all workers, and loses none.
func TestManyStates(t *testing.T) {
	var first *Result
	for _, workers := range []int{1, 2, 8} {
		r, err := Run(t.Context(), grid{size: 59, limit: 1000}, Options{Workers: workers})
		require.NoError(t, err)
		require.Equal(t, Pass, r.Verdict)
		require.EqualValues(t, 60*60*60, r.Distinct)
		require.EqualValues(t, 1+3*59*60*60, r.Generated)
		require.Equal(t, 3*59+1, r.Depth)
		if first == nil {
			first = r
		}
		require.Equal(t, first.Digest, r.Digest, "at %d workers", workers)
	}
}

// With a thousand violations in one level and many shortest ways to each, the same one way is shown.
func TestSameCounterexampleAtAnyNumberOfWorkers(t *testing.T) {
	var first *Result
	for _, workers := range []int{1, 2, 3, 8, 8, 8} {
		r, err := Run(t.Context(), grid{size: 59, limit: 50}, Options{Workers: workers})
		require.NoError(t, err)
		require.Equal(t, Violation, r.Verdict)
		require.Len(t, r.Trace, 51)
		if first == nil {
			first = r
		}
		require.Equal(t, first.Trace, r.Trace, "at %d workers", workers)
		require.Equal(t, first.Digest, r.Digest, "at %d workers", workers)
	}
	other, err := Run(t.Context(), grid{size: 59, limit: 49}, Options{})
	require.NoError(t, err)
	require.NotEqual(t, first.Digest, other.Digest)
}

// Nothing that was ended early is a pass.
func TestIncomplete(t *testing.T) {
	t.Run("interrupted before it began", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		r, err := Run(ctx, jugs{}, Options{})
		require.NoError(t, err)
		require.Equal(t, Incomplete, r.Verdict)
		require.EqualValues(t, 1, r.Left)
	})
	t.Run("interrupted", func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		begun, release := make(chan struct{}), make(chan struct{})
		g := grid{size: 500, limit: 2000, taken: new(atomic.Int64), onNext: func(taken int64) {
			if taken == 1000 {
				close(begun)
				<-release
			}
		}}
		go func() {
			<-begun
			cancel(errors.New("enough"))
			close(release)
		}()
		r, err := Run(ctx, g, Options{Workers: 1})
		require.NoError(t, err)
		requireIncomplete(t, r, "interrupted: enough")
	})
	t.Run("time", func(t *testing.T) {
		// So many states that the limit passes first, however fast the machine is.
		r, err := Run(t.Context(), grid{size: 500, limit: 2000}, Options{For: time.Millisecond})
		require.NoError(t, err)
		requireIncomplete(t, r, "the time limit of 1ms ran out")
	})
	t.Run("memory", func(t *testing.T) {
		r, err := Run(t.Context(), grid{size: 59, limit: 1000}, Options{Memory: 1 << 20})
		require.NoError(t, err)
		requireIncomplete(t, r, "the memory limit of 1 MB ran out")
		require.Greater(t, r.Distinct, uint64(10_000))
	})
	t.Run("a violation that was seen counts", func(t *testing.T) {
		g := grid{size: 59, limit: 20}
		ctx, cancel := context.WithCancel(t.Context())
		g.taken = new(atomic.Int64)
		g.onNext = func(taken int64) {
			if taken == 20*21*22/6+66+100 { // within the level from which the first ones are found; 66 states are asked twice
				cancel()
			}
		}
		r, err := Run(ctx, g, Options{Workers: 1})
		require.NoError(t, err)
		require.Equal(t, Violation, r.Verdict)
		require.Len(t, r.Trace, 21)
	})
}

func requireIncomplete(t *testing.T, r *Result, why string) {
	t.Helper()
	require.Equal(t, Incomplete, r.Verdict)
	require.Equal(t, why, r.Reason)
	require.NotZero(t, r.Left)
	require.GreaterOrEqual(t, r.Distinct, r.Left)
	require.Empty(t, r.Invariant)
	var b strings.Builder
	require.NoError(t, r.WriteText(&b))
	require.Contains(t, b.String(), "incomplete: "+why)
}

// What scripts read.
func TestJSON(t *testing.T) {
	r, err := Run(t.Context(), jugs{never4: true}, Options{})
	require.NoError(t, err)
	text, err := json.Marshal(r)
	require.NoError(t, err)
	var keys map[string]json.RawMessage
	require.NoError(t, json.Unmarshal(text, &keys))
	for _, key := range []string{"model", "world", "verdict", "distinct", "generated", "depth", "left", "seconds",
		"workers", "collisionProbability", "actions", "invariant", "trace"} {
		require.Contains(t, keys, key)
	}
	require.JSONEq(t, `"violation"`, string(keys["verdict"]))
	var actions map[string]uint64
	require.NoError(t, json.Unmarshal(keys["actions"], &actions))
	require.Len(t, actions, 6)
	require.Contains(t, actions, "Spill")
	require.Less(t, bytes.Index(keys["actions"], []byte("FillSmall")), bytes.Index(keys["actions"], []byte("EmptyBig")), "in the model's order")

	r, err = Run(t.Context(), jugs{}, Options{})
	require.NoError(t, err)
	text, err = json.Marshal(r)
	require.NoError(t, err)
	require.Contains(t, string(text), `"trace":[]`)
	require.Contains(t, string(text), `"reductions":[]`)
	require.Contains(t, string(text), `"invariant":""`)
}

func TestText(t *testing.T) {
	r, err := Run(t.Context(), jugs{never4: true}, Options{Workers: 1})
	require.NoError(t, err)
	var b strings.Builder
	require.NoError(t, r.WriteText(&b))
	for _, want := range []string{
		"  1  FillBig\n       big = 5\n", "       small: no longer 3\n", "big: 4, was 5",
		"violation: Never4 does not hold after 6 steps", `Never4: "The big jug never holds 4 gallons."`,
		"reductions  none", "NEVER TAKEN Spill", "depth       7", "world       big 5, small 3",
	} {
		require.Contains(t, b.String(), want)
	}
}

func TestProgress(t *testing.T) {
	seen := make(chan Progress, 1)
	release := make(chan struct{})
	g := grid{size: 30, limit: 1000, taken: new(atomic.Int64), onNext: func(taken int64) {
		if taken == 5000 {
			<-release // until progress was reported
		}
	}}
	r, err := Run(t.Context(), g, Options{Workers: 1, Every: time.Millisecond, Progress: func(p Progress) {
		if p.Distinct < 4000 {
			return
		}
		select {
		case seen <- p:
			close(release)
		default:
		}
	}})
	require.NoError(t, err)
	p := <-seen
	require.LessOrEqual(t, p.Distinct, r.Distinct)
	require.NotZero(t, p.Left)
	require.Contains(t, p.String(), "states/s")
}

func TestCollisionProbability(t *testing.T) {
	require.Zero(t, collisionProbability(1))
	require.InEpsilon(t, 1.0/(1<<63)/2, collisionProbability(2), 1e-9)
	require.InEpsilon(t, 0.3935, collisionProbability(1<<32), 1e-3)
	require.InDelta(t, 1, collisionProbability(1<<40), 1e-9)
}

func TestCount(t *testing.T) {
	for n, want := range map[uint64]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567"} {
		require.Equal(t, want, count(n))
	}
}
