package transitions

import (
	"fmt"
	"testing"
	"time"

	"github.com/firstgap/firstgap/harness/aurora"
	"github.com/firstgap/firstgap/impl/node"
	"github.com/firstgap/firstgap/spec/volume"
)

func TestProbe(t *testing.T) {
	w := volume.World{Groups: 1, Replicas: 3, WriteQuorum: 2, ReadQuorum: 2, Keys: 1, Txns: 1, MaxLSN: 2, MaxEpoch: 2, Symmetry: true, Answers: true}
	c := newCluster(Scope{Name: "small", Model: w, Crashes: 1}, aurora.Ours(), node.NoHook{})
	began := time.Now()
	s, err := newSearch(c)
	if err != nil {
		t.Fatal(err)
	}
	err = s.run(t.Context(), 500000, func() bool {
		if len(s.visits)%40 == 0 {
			fmt.Println(time.Since(began), len(s.visits), s.Driven, len(s.graph.list))
		}
		return false
	})
	fmt.Println(err, time.Since(began))
	taken, err := s.verify()
	n := 0
	for _, t := range taken {
		if t {
			n++
		}
	}
	fmt.Println("verified", n, err, time.Since(began))
	if e, is := err.(*StrayError); is {
		for _, x := range e.Schedule {
			fmt.Println("  ", x)
		}
	}
	fmt.Printf("%+v\n", s.Stats)
	if s.difference != nil {
		for _, x := range s.difference.Schedule {
			fmt.Println(x)
		}
		fmt.Println(s.difference.Refused, s.difference.Differences)
	}

	for p, l := range s.locals {
		by := map[string]int{}
		for _, st := range l.states {
			if w := st.view.writer; w != nil {
				by[w.phase]++
			}
		}
		fmt.Println(by)
		fmt.Println(c.name(p), len(l.states), len(l.made))
	}
	fmt.Println("messages", len(c.messages.list), "combos", len(s.seen), "sets", len(s.sets.list), "models", len(s.model.codes))

	classes(s, taken)
	by := map[string][2]int{}
	for i, x := range s.graph.list {
		n := by[s.graph.names[x.action]]
		n[1]++
		if s.witness[i].place >= 0 {
			n[0]++
		}
		by[s.graph.names[x.action]] = n
	}
	fmt.Println(by)
}

func gaps(s *search) {
	shown := map[string]int{}
	m, _ := volume.NewModel(s.c.scope.Model)
	machine := m.NewMachine()
	for i, x := range s.graph.list {
		if s.witness[i].place >= 0 {
			continue
		}
		name := s.graph.names[x.action]
		machine.Load([]byte(s.graph.codes[x.from]))
		st, _ := volume.NewState(s.c.scope.Model)
		s.model.orbits.Load(st, []byte(s.graph.codes[x.from]))
		if l, e := st.CommitOf(1); l > 0 && l <= st.VDL(e) && !st.Acked(1) {
			continue
		}
		if shown[name]++; shown[name] > 12 {
			continue
		}
		machine.Load([]byte(s.graph.codes[x.from]))
		fmt.Println("GAP", s.graph.steps[i], "FROM", machine.Vars())
	}
}
