package boundary

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness/aurora"
	"github.com/firstgap/firstgap/harness/verdict"
	"github.com/firstgap/firstgap/impl/node"

	_ "github.com/firstgap/firstgap/harness/internal/runflags"
)

// cell makes the cell of a text such as "udlwuu": one letter a segment.
func cell(t *testing.T, text string, ending Ending) Cell {
	t.Helper()
	require.Len(t, text, Segments)
	c := Cell{Ending: ending}
	for i, letter := range text {
		kind := strings.IndexRune("udlw", letter)
		require.NotEqual(t, -1, kind, text)
		c.Struck[i] = Kind(kind)
	}
	return c
}

// cells makes the cells of several texts, each with both endings.
func cells(t *testing.T, texts ...string) []Cell {
	var all []Cell
	for ending := range endings {
		for _, text := range texts {
			all = append(all, cell(t, text, ending))
		}
	}
	return all
}

func walk(t *testing.T, o Options) *Report {
	t.Helper()
	if o.Implementation.Segment == nil {
		o.Implementation = aurora.Ours()
	}
	o.Seed = 1
	r, err := Walk(t.Context(), o)
	require.NoError(t, err)
	return r
}

// differs returns what differs in the cell of that name.
func differs(t *testing.T, r *Report, name string) string {
	t.Helper()
	for _, c := range r.Cells {
		if c.Name == name {
			return strings.Join(c.Differs, "\n")
		}
	}
	require.Fail(t, "the cell does not differ", name)
	return ""
}

func TestAllCellsAreThere(t *testing.T) {
	all := Cells()
	require.Len(t, all, 2*4096)
	names, numbers := map[string]bool{}, map[string]bool{}
	for _, c := range all {
		names[c.Name()] = true
		numbers[c.Class()] = true
	}
	require.Len(t, names, len(all))
	require.Len(t, numbers, 2*84) // of four kinds, six: 9 over 3
	require.Equal(t, "none struck: writer lives", all[0].Name())
	require.Equal(t, "down 1 6, lost 2, wiped 3: successor takes over", cell(t, "dlwuud", TakeOver).Name())
	require.Equal(t, "2 down, 1 lost, 1 wiped: successor takes over", cell(t, "dlwuud", TakeOver).Class())
}

// The model says the same of all cells of a class: it counts segments, and knows none by its number.
func TestTheModelSaysTheSameOfAClass(t *testing.T) {
	of := map[string]Statement{}
	for _, c := range Cells() {
		s, err := Model(c)
		require.NoError(t, err)
		if before, known := of[c.Class()]; known {
			require.Equal(t, before, s, c.Name())
		}
		of[c.Class()] = s
	}
	for class, want := range map[string]Statement{
		"none struck: writer lives":                     {GoesOn, GoesOn, GoesOn, GoesOn, true, true},
		"2 down: successor takes over":                  {GoesOn, GoesOn, GoesOn, GoesOn, true, true},
		"3 down: writer lives":                          {HasToStall, GoesOn, GoesOn, GoesOn, true, true},
		"3 down: successor takes over":                  {HasToStall, HasToStall, GoesOn, GoesOn, true, true},
		"3 lost: writer lives":                          {HasToStall, GoesOn, HasToStall, GoesOn, true, true},
		"3 lost: successor takes over":                  {HasToStall, HasToStall, HasToStall, HasToStall, true, true},
		"4 lost: writer lives":                          {HasToStall, HasToStall, HasToStall, HasToStall, false, true},
		"1 wiped: writer lives":                         {GoesOn, GoesOn, GoesOn, GoesOn, true, false},
		"1 wiped: successor takes over":                 {MayGoOn, MayGoOn, MayGoOn, MayGoOn, true, false},
		"3 wiped: writer lives":                         {MayGoOn, GoesOn, MayGoOn, GoesOn, true, false},
		"2 down, 1 lost, 3 wiped: writer lives":         {HasToStall, MayGoOn, MayGoOn, MayGoOn, false, false},
		"3 down, 1 lost, 2 wiped: successor takes over": {HasToStall, HasToStall, MayGoOn, MayGoOn, true, false},
		"1 down, 3 lost, 2 wiped: successor takes over": {HasToStall, HasToStall, HasToStall, HasToStall, false, false},
	} {
		require.Equal(t, want, of[class], class)
	}
}

// A cell of each kind on both sides of each boundary. The walk of all of them is the command's.
func TestOursDoesWhatTheModelSays(t *testing.T) {
	r := walk(t, Options{Cells: cells(t, "uuuuuu", "dduuuu", "dlduuu", "ddlluu", "llluuu", "lluuuu", "dddddd", "llllll", "wuuuuu", "wwwwuu", "wwwwww", "dlwuuu", "ddlwww")})
	require.Empty(t, r.Cells)
	require.Equal(t, verdict.Pass, r.Verdict())
	require.Equal(t, 26, r.Run)
	require.Equal(t, 10, r.MayLose)
	require.Positive(t, r.Lost, "nothing was lost where the model says that it may be: the walk would not see a loss")
	again := walk(t, Options{Workers: 1, Cells: cells(t, "dlduuu", "dlwuuu")})
	for _, one := range again.Results {
		for _, other := range r.Results {
			if one.Name == other.Name {
				require.Equal(t, other, one, "not the same run again")
			}
		}
	}
}

// An implementation that is broken on one side of a boundary is objected to by the names of the cells there.
func TestABrokenImplementationIsFound(t *testing.T) {
	short := func(v *node.Volume) *node.Volume {
		other := *v
		other.WriteQuorum = 3
		return &other
	}
	ours := aurora.Ours()

	acks := ours // a writer that counts a record as written at three
	acks.Writer = func(id node.ID, v *node.Volume, n aurora.Nodes, h node.Hook) node.Node {
		return ours.Writer(id, short(v), n, h)
	}
	r := walk(t, Options{Implementation: acks, Cells: cells(t, "ddduuu")})
	require.Equal(t, verdict.Violation, r.Verdict())
	require.Contains(t, differs(t, r, "down 1 2 3: writer lives"), "writes: the model says stall, found that they go on")

	unaware := ours // a segment that does not see that its disk was lost
	unaware.Segment = func(id node.ID, v *node.Volume, n aurora.Nodes, h node.Hook) node.Node {
		return &forgetful{ours.Segment(id, v, n, h), ours.SegmentDisk}
	}
	r = walk(t, Options{Implementation: unaware, Cells: cells(t, "llluuu", "uuuuul")})
	require.Equal(t, verdict.Violation, r.Verdict())
	require.Contains(t, differs(t, r, "lost 6: writer lives"), "damage: segment 6 is lost, found that those which say that they are damaged are []")
	found := differs(t, r, "lost 1 2 3: successor takes over")
	require.Contains(t, found, "lost: the model says that nothing acknowledged is lost, found that a read does not show it")
	require.Contains(t, found, "durability: the model says that nothing is wrong, found: ")

	slow := ours // a segment that answers no fence
	slow.Segment = func(id node.ID, v *node.Volume, n aurora.Nodes, h node.Hook) node.Node {
		return &deafToFences{ours.Segment(id, v, n, h)}
	}
	r = walk(t, Options{Implementation: slow, Cells: cells(t, "uuuuuu")})
	require.Len(t, r.Cells, 1)
	require.Contains(t, differs(t, r, "none struck: successor takes over"), "writes: the model says go on, found that they stalled")

	ends := ours
	ends.Segment = func(id node.ID, v *node.Volume, n aurora.Nodes, h node.Hook) node.Node {
		return &endsOnFences{deafToFences{ours.Segment(id, v, n, h)}}
	}
	r = walk(t, Options{Implementation: ends, Cells: cells(t, "uuuuuu")})
	require.Contains(t, differs(t, r, "none struck: successor takes over"), "the run ended: segment 1/")
}

type deafToFences struct{ node.Node }

func (d *deafToFences) Step(now node.Time, ev node.Event, out *node.Effects) {
	if _, is := ev.Message.(*node.Fence); !is {
		d.Node.Step(now, ev, out)
	}
}

func (d *deafToFences) State() node.State { return d.Node.(node.Teller).State() }

type endsOnFences struct{ deafToFences }

func (e *endsOnFences) Step(now node.Time, ev node.Event, out *node.Effects) {
	if _, is := ev.Message.(*node.Fence); is {
		panic("a fence")
	}
	e.Node.Step(now, ev, out)
}

// A table that is wrong in one place is objected to by the name of the cell, whichever way it is wrong.
func TestAWrongTableIsFound(t *testing.T) {
	for want, wrong := range map[string]func(*Statement){
		"writes: the model says stall, found that they go on":                                     func(s *Statement) { s.Writes = HasToStall },
		"reads: the model says stall, found that they go on":                                      func(s *Statement) { s.Reads = HasToStall },
		"writes after those that were down are back: the model says stall, found that they go on": func(s *Statement) { s.WritesAfter = HasToStall },
		"reads after those that were down are back: the model says stall, found that they go on":  func(s *Statement) { s.ReadsAfter = HasToStall },
	} {
		r := walk(t, Options{Cells: cells(t, "dduuuu", "duuuuu"), Model: func(c Cell) (Statement, error) {
			s, err := Model(c)
			if c.Name() == "down 1 2: writer lives" {
				wrong(&s)
			}
			return s, err
		}})
		require.Len(t, r.Cells, 1)
		require.Equal(t, want, differs(t, r, "down 1 2: writer lives"))
	}
	r := walk(t, Options{Cells: []Cell{cell(t, "wwwuuu", TakeOver), cell(t, "ddduuu", Lives)}, Model: func(c Cell) (Statement, error) {
		s, err := Model(c)
		s.Keeps, s.Writes = true, GoesOn
		return s, err
	}})
	require.Contains(t, differs(t, r, "wiped 1 2 3: successor takes over"), "lost: the model says that nothing acknowledged is lost")
	require.Equal(t, "writes: the model says go on, found that they stalled", differs(t, r, "down 1 2 3: writer lives"))
}

// What a run cannot easily be brought to do, the comparison is told.
func TestEveryDifferenceIsNamed(t *testing.T) {
	wiped, whole := cell(t, "wuuuuu", Lives), cell(t, "uuuuuu", Lives)
	fine := Observation{Writes: true, Reads: true, WritesAfter: true, ReadsAfter: true, Data: true}
	amnesia := map[faults.Check]string{faults.Trace: "amnesia"}
	for _, c := range []struct {
		cell Cell
		edit func(*Observation)
		want []string
	}{
		{whole, func(o *Observation) {}, nil},
		{wiped, func(o *Observation) { o.Checks = amnesia }, nil},
		{whole, func(o *Observation) { o.Data = false }, []string{"data: the model says that some disk has what was acknowledged, found that no segment claims it"}},
		{whole, func(o *Observation) { o.Damaged = []int{2} }, []string{"damage: segment 2 is up, found that those which say that they are damaged are [2]"}},
		{whole, func(o *Observation) { o.Ended = "a panic" }, []string{"the run ended: a panic"}},
		{whole, func(o *Observation) { o.Checks = amnesia }, []string{"trace: the model says that nothing is wrong, found: amnesia"}},
		{wiped, func(o *Observation) {}, []string{"trace: a segment has forgotten what it stored, found that the check does not say so"}},
		{wiped, func(o *Observation) { o.Checks, o.Lost = amnesia, true }, []string{"durability, serializability: what was acknowledged is lost, found that neither check says so"}},
	} {
		s, err := Model(c.cell)
		require.NoError(t, err)
		o := fine
		c.edit(&o)
		require.Equal(t, c.want, c.cell.differences(&s, &o))
	}
}

// A cell that could not be set up is never a pass, and neither is a walk of none.
func TestWhatIsNotKnownIsNoPass(t *testing.T) {
	ours := aurora.Ours()
	mute := ours
	mute.Segment = func(id node.ID, v *node.Volume, n aurora.Nodes, h node.Hook) node.Node { return silent{} }
	r := walk(t, Options{Implementation: mute, Cells: []Cell{cell(t, "uuuuuu", Lives)}})
	require.Equal(t, verdict.CouldNotTell, r.Verdict())
	require.Equal(t, 1, r.Untold)
	require.Contains(t, r.Cells[0].Untold, "expected a write within 200ms")
	require.Equal(t, verdict.CouldNotTell, walk(t, Options{Cells: []Cell{}}).Verdict())

	ctx, stop := context.WithCancel(t.Context())
	stop()
	_, err := Walk(ctx, Options{Implementation: ours})
	require.ErrorIs(t, err, context.Canceled)
	_, err = Walk(t.Context(), Options{Implementation: ours, Cells: []Cell{{}}, Model: func(Cell) (Statement, error) { return Statement{}, context.DeadlineExceeded }})
	require.ErrorIs(t, err, context.DeadlineExceeded)
}

type silent struct{}

func (silent) Step(node.Time, node.Event, *node.Effects) {}

func TestReport(t *testing.T) {
	var last Progress
	r := walk(t, Options{Cells: cells(t, "uuuuuu", "lllluu", "dlwuuu"), Progress: func(p Progress) { last = p }})
	require.Equal(t, Progress{Run: 6, Of: 6}, last)
	r.Cells = append(r.Cells, Result{Name: "a cell", Differs: []string{"writes: something"}}, Result{Name: "another", Untold: "why"})
	var short, all strings.Builder
	require.NoError(t, r.WriteText(&short))
	require.NoError(t, r.WriteAll(&all))
	for _, text := range []string{short.String(), all.String()} {
		require.Contains(t, text, "a cell\n  writes: something\nanother\n  not known: why\n")
		require.Contains(t, text, "cells run and held against the model: 6\n")
	}
	for line := range strings.Lines(short.String()) {
		require.LessOrEqual(t, len([]rune(strings.TrimRight(line, "\n"))), 60, line)
	}
	require.Contains(t, short.String(), "4 lost       stall   stall  stall   stall   no copy      1\n")
	require.Contains(t, short.String(), "struck in several ways: 1, of which differ: 0\n")
	require.Contains(t, all.String(), "1 down, 1 lost, 1 wiped")

	text, err := r.JSON()
	require.NoError(t, err)
	var read struct {
		Format  string
		Run     int
		Classes []struct {
			Struck, Ending string
			Model          struct{ Writes string }
		}
		Cells []struct{ Name string }
	}
	require.NoError(t, json.Unmarshal(text, &read))
	require.Equal(t, Format, read.Format)
	require.Equal(t, 6, read.Run)
	require.Len(t, read.Classes, 6)
	require.Equal(t, "4 lost", read.Classes[1].Struck)
	require.Equal(t, "writer lives", read.Classes[1].Ending)
	require.Equal(t, "stall", read.Classes[1].Model.Writes)
	require.Equal(t, "a cell", read.Cells[0].Name)
}
