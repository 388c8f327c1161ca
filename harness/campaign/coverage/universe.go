package coverage

import (
	"context"
	"errors"
	"fmt"
	"math/bits"
	"slices"
	"sync"

	"github.com/zeebo/xxh3"

	"github.com/firstgap/firstgap/spec/check"
	"github.com/firstgap/firstgap/spec/volume"
)

// The kinds of spaces that a world of the model has.
const (
	States      = "states"
	Transitions = "transitions" // a state, an action, and the state that it leads to
	Pairs       = "pairs"       // two actions, one right after the other
)

// kinds are those of each world, in the order of their spaces' numbers.
var kinds = [...]string{States, Transitions, Pairs}

// Small are the worlds that are enumerated within a tenth of a second, all together.
func Small() []string { return []string{"tiny-sym", "undo", "six-short", "two-groups-small"} }

// All are the worlds that a campaign measures unless it is told others: all named ones of a size that is enumerated within seconds. Tiny is
// tiny-sym without the symmetry, which runs cannot tell from it.
func All() []string {
	return append(Small(), "two-txns", "mtr", "three-epochs", "two-groups", "six")
}

// A Universe is all that runs can reach in some worlds of the model: enumerated, so that coverage has a true denominator. It is read by
// many goroutines and changed by none.
type Universe struct {
	worlds []*world
}

// An edge is a transition to a state.
type edge struct {
	to     uint32
	action uint8
}

// A world is an enumerated world: a graph. States are numbered in the order of a breadth-first search.
type world struct {
	name    string
	world   volume.World
	actions []string
	codes   []uint64 // by state: the digest of its code, which no other has
	parent  []uint32 // by state: one from which a shortest behaviour comes
	first   []uint32 // by state: its first edge; one more at the end
	edges   []edge
	pairs   []pair
	pairAt  map[pair]uint32
	digest  uint64
}

// A pair is two actions, one right after the other.
type pair struct{ before, after uint8 }

// maxStates bounds the worlds that are enumerated.
const maxStates = 1 << 22

// A WorldError says why a world cannot be a denominator.
type WorldError struct {
	World           string
	Expected, Found string
}

func (e *WorldError) Error() string {
	return fmt.Sprintf("coverage: world %s: expected %s, found %s", e.World, e.Expected, e.Found)
}

// Enumerate enumerates named worlds of the model (see spec/tla/worlds.tsv), all at once, and holds the number of states of each against
// TLC's. Of no names it has no spaces, and runs have shapes alone.
func Enumerate(ctx context.Context, names ...string) (*Universe, error) {
	named, err := volume.Worlds()
	if err != nil {
		return nil, err
	}
	if len(names)*len(kinds) > Shapes {
		return nil, &WorldError{"", fmt.Sprintf("at most %d names", Shapes/len(kinds)), fmt.Sprint(len(names))}
	}
	u := &Universe{worlds: make([]*world, len(names))}
	failed := make([]error, len(names))
	var wait sync.WaitGroup
	for i, name := range names {
		at := slices.IndexFunc(named, func(w volume.NamedWorld) bool { return w.Name == name })
		if at < 0 {
			known := make([]string, len(named))
			for i := range named {
				known[i] = named[i].Name
			}
			failed[i] = &WorldError{name, fmt.Sprintf("one of %v", known), "none of that name"}
			continue
		}
		wait.Go(func() { u.worlds[i], failed[i] = enumerate(ctx, &named[at]) })
	}
	wait.Wait()
	if err := errors.Join(failed...); err != nil {
		return nil, err
	}
	return u, nil
}

// enumerate searches a world, breadth-first.
func enumerate(ctx context.Context, n *volume.NamedWorld) (*world, error) {
	model, err := volume.NewModel(n.World)
	if err != nil {
		return nil, err
	}
	w := &world{name: n.Name, world: n.World, actions: model.Actions(), pairAt: map[pair]uint32{}}
	m := model.NewMachine()
	m.Init()
	var codes [][]byte
	numbers := map[uint64]uint32{}
	h := xxh3.New()
	find := func(code []byte, parent uint32) (uint32, error) {
		d := xxh3.Hash(code)
		if i, ok := numbers[d]; ok {
			if string(codes[i]) != string(code) {
				return 0, &WorldError{n.Name, "a digest of its own for every state", fmt.Sprintf("one for states %d and %d", i, len(codes))}
			}
			return i, nil
		}
		i := uint32(len(codes))
		if i == maxStates {
			return 0, &WorldError{n.Name, fmt.Sprintf("at most %d states", maxStates), "more"}
		}
		numbers[d] = i
		w.codes = append(w.codes, d)
		codes = append(codes, slices.Clone(code))
		w.parent = append(w.parent, parent)
		return i, nil
	}
	buffer := m.Encode(nil)
	if _, err := find(buffer, 0); err != nil {
		return nil, err
	}
	var in, out []uint32 // by state: the actions that lead to it and from it, as bits
	in = append(in, 0)
	for at := 0; at < len(codes); at++ {
		if at%1024 == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err := m.Load(codes[at]); err != nil {
			return nil, err
		}
		w.first = append(w.first, uint32(len(w.edges)))
		outs := uint32(0)
		var broken error
		m.Next(func(action, _ int) bool {
			buffer = m.Encode(buffer[:0])
			var to uint32
			if to, broken = find(buffer, uint32(at)); broken != nil {
				return false
			}
			if int(to) == len(in) {
				in = append(in, 0)
			}
			in[to] |= 1 << action
			outs |= 1 << action
			if e := (edge{to, uint8(action)}); !slices.Contains(w.edges[w.first[at]:], e) {
				w.edges = append(w.edges, e)
			}
			return true
		})
		if broken != nil {
			return nil, broken
		}
		out = append(out, outs)
		h.Write(codes[at])
	}
	w.first = append(w.first, uint32(len(w.edges)))
	if uint64(len(codes)) != n.Distinct {
		return nil, &WorldError{n.Name, fmt.Sprintf("TLC's %d states", n.Distinct), fmt.Sprint(len(codes))}
	}
	w.digest = h.Sum64()
	followed := make([]uint32, len(w.actions)) // by action: those that come right after it in some state, as bits
	for s := range codes {
		for a := in[s]; a != 0; a &= a - 1 {
			followed[bits.TrailingZeros32(a)] |= out[s]
		}
	}
	for before := range w.actions {
		for after := range w.actions {
			if p := (pair{uint8(before), uint8(after)}); followed[before]>>after&1 == 1 {
				w.pairAt[p] = uint32(len(w.pairs))
				w.pairs = append(w.pairs, p)
			}
		}
	}
	return w, nil
}

// sizes returns how many features the world has of each kind.
func (w *world) sizes() [len(kinds)]uint64 {
	return [...]uint64{uint64(len(w.parent)), uint64(len(w.edges)), uint64(len(w.pairs))}
}

// edge returns the number of the transition by which an action leads from a state to the one of which the digest is, and that one's; false
// where the model has none such.
func (w *world) edge(from uint32, action uint8, digest uint64) (number, to uint32, ok bool) {
	for i, end := w.first[from], w.first[from+1]; i < end; i++ {
		if e := w.edges[i]; e.action == action && w.codes[e.to] == digest {
			return i, e.to, true
		}
	}
	return 0, 0, false
}

// Spaces lists the spaces, by number: of each world its states, transitions and pairs.
func (u *Universe) Spaces() []Space {
	var list []Space
	for _, w := range u.worlds {
		for i, size := range w.sizes() {
			list = append(list, Space{World: w.name, Kind: kinds[i], Size: size})
		}
	}
	return list
}

// Digest says of which model the features are: it changes when a state of a world does, and features of another one mean something else.
func (u *Universe) Digest() string {
	h := xxh3.New()
	for _, w := range u.worlds {
		fmt.Fprintf(h, "%s %d %d;", w.name, w.digest, len(w.edges))
	}
	return fmt.Sprintf("%016x", h.Sum64())
}

// SpaceDigest says what is in a space: two spaces of the same digest have the same features.
func (u *Universe) SpaceDigest(space int) string {
	w := u.worlds[space/len(kinds)]
	return fmt.Sprintf("%016x", xxh3.HashString(fmt.Sprintf("%s %s %d %d", w.name, kinds[space%len(kinds)], w.digest, len(w.edges))))
}

// Worlds returns the names of the worlds, in the order of their spaces.
func (u *Universe) Worlds() []string {
	var names []string
	for _, w := range u.worlds {
		names = append(names, w.name)
	}
	return names
}

// An Unvisited is something in a space that no run has reached.
type Unvisited struct {
	Space    string   `json:"space"`
	Index    uint64   `json:"index"`
	What     string   `json:"text"`
	Schedule []string `json:"schedule"` // a shortest one, from the initial state
}

// Unvisited lists what no run reached of a space, those with the shortest schedules first, as many as asked for at most. Which replica is
// which in a schedule is one of the ways that are alike.
func (u *Universe) Unvisited(seen *Seen, space, most int) []Unvisited {
	w, kind := u.worlds[space/len(kinds)], space%len(kinds)
	name := Space{World: w.name, Kind: kinds[kind]}.String()
	walk := w.newPath()
	list := []Unvisited{}
	add := func(index uint64, what func() (string, []string)) bool {
		if len(list) == most {
			return false
		}
		if seen.Count(At(space, index)) > 0 {
			return true
		}
		text, schedule := what()
		list = append(list, Unvisited{Space: name, Index: index, What: text, Schedule: schedule})
		return true
	}
	switch kinds[kind] {
	case States: // their numbers ascend by depth
		for s := range w.parent {
			if !add(uint64(s), func() (string, []string) {
				schedule := walk.to(uint32(s))
				return walk.describe(), schedule
			}) {
				return list
			}
		}
	case Transitions: // in the order of the states that they start from
		from := uint32(0)
		for i, e := range w.edges {
			for w.first[from+1] <= uint32(i) {
				from++
			}
			if !add(uint64(i), func() (string, []string) {
				schedule := walk.to(from)
				step := walk.step(e)
				return step, append(schedule, step)
			}) {
				return list
			}
		}
	case Pairs:
		for i, p := range w.pairs {
			if !add(uint64(i), func() (string, []string) {
				return w.actions[p.before] + ", " + w.actions[p.after], walk.through(p)
			}) {
				return list
			}
		}
	}
	return list
}

// A path is a machine that walks along shortest behaviours, and says each step.
type path struct {
	w *world
	m check.Machine
}

func (w *world) newPath() *path {
	model, err := volume.NewModel(w.world)
	if err != nil {
		panic(fmt.Sprintf("coverage: %v", err)) // it was enumerated
	}
	return &path{w, model.NewMachine()}
}

// to walks from the initial state to a state, and returns the steps.
func (p *path) to(state uint32) []string {
	var way []uint32
	for s := state; s != 0; s = p.w.parent[s] {
		way = append(way, s)
	}
	p.m.Init()
	steps := []string{}
	for _, next := range slices.Backward(way) {
		steps = append(steps, p.take(func(_ uint8, digest uint64) bool { return digest == p.w.codes[next] }))
	}
	return steps
}

// step takes a transition from where it is.
func (p *path) step(e edge) string {
	return p.take(func(action uint8, digest uint64) bool { return action == e.action && digest == p.w.codes[e.to] })
}

// take takes the first step that is wanted.
func (p *path) take(wanted func(action uint8, digest uint64) bool) string {
	var code []byte
	step := ""
	p.m.Next(func(action, _ int) bool {
		code = p.m.Encode(code[:0])
		if !wanted(uint8(action), xxh3.Hash(code)) {
			return true
		}
		step = p.m.Step()
		return false
	})
	if step == "" {
		panic("coverage: a step of the enumerated graph that the model does not take")
	}
	return step
}

// through walks by a shortest way to a state in which the first action of a pair has just led and the second can be taken, and takes it.
func (p *path) through(both pair) []string {
	w := p.w
	for from := range w.parent {
		for _, e := range w.edges[w.first[from]:w.first[from+1]] {
			if e.action != both.before {
				continue
			}
			for _, next := range w.edges[w.first[e.to]:w.first[e.to+1]] {
				if next.action == both.after {
					steps := p.to(uint32(from))
					return append(steps, p.step(e), p.step(next))
				}
			}
		}
	}
	panic("coverage: a pair of actions that no state has")
}

// describe says what the state is where the path is, without what is as it was initially.
func (p *path) describe() string {
	text := ""
	for i, v := range p.m.Vars() {
		if i > 0 {
			text += ", "
		}
		text += v.Name + " = " + v.Value
	}
	return text
}
