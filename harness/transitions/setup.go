package transitions

import (
	"fmt"

	"github.com/firstgap/firstgap/impl/node"
	"github.com/firstgap/firstgap/spec/volume"
)

// locals sets the world up, and returns its processes as the set-up leaves them. The first writer writes every row in a transaction
// that is acknowledged, stored everywhere and told to be durable; the network is empty then. The end of its log is the model's LSN 0.
func (c *cluster) locals() ([]*local, error) {
	u := setup{c: c, happened: make([][]event, c.processes())}
	for place := range c.processes() {
		u.processes = append(u.processes, c.newProcess(place))
	}
	if err := u.run(); err != nil {
		return nil, err
	}
	w := u.processes[c.writer(1)]
	c.prefix = int(w.node.(writerNode).End())
	var all []*local
	for place := range c.processes() {
		l, err := newLocal(c, place, u.happened[place])
		if err != nil {
			return nil, err
		}
		all = append(all, l)
	}
	s, err := volume.NewState(c.scope.Model)
	if err != nil {
		return nil, err
	}
	if d := c.compare(s, func(place int) *view { return &all[place].states[0].view }); len(d) > 0 {
		return nil, fmt.Errorf("transitions: after the set-up: %v", d[0])
	}
	return all, nil
}

// A setup is the processes while the world is set up.
type setup struct {
	c         *cluster
	processes []*process
	happened  [][]event
	queue     []letter
	events    int
}

func (u *setup) run() (err error) {
	defer func() {
		if x := recover(); x != nil {
			err = fmt.Errorf("transitions: while the world is set up: %v", x)
		}
	}()
	for r := range u.c.segments() {
		u.do(u.c.segment(r), event{kind: started})
	}
	u.do(0, event{kind: started})
	first := u.c.writer(1)
	u.do(first, event{kind: started})
	u.settle()
	for k := range u.c.scope.Model.Keys {
		u.do(first, event{kind: called, op: node.OpPut, key: k})
		u.settle()
	}
	u.do(first, event{kind: called, op: node.OpCommit})
	u.settle()
	for range 4 { // until every segment has been told how far the volume is durable
		u.do(first, event{kind: ticked})
		u.settle()
	}
	if call := u.processes[first].calls[0]; !call.acked {
		return fmt.Errorf("transitions: the set-up: expected its transaction to be acknowledged, found %+v", call)
	}
	return nil
}

// mostSetup is how many things happen in a set-up at most.
const mostSetup = 10_000

func (u *setup) do(place int, ev event) {
	if u.events++; u.events > mostSetup {
		panic(fmt.Sprintf("the set-up has not ended after %d events", mostSetup))
	}
	var o outcome
	u.processes[place].step(&ev, &o)
	u.happened[place] = append(u.happened[place], ev)
	for _, s := range o.sent {
		if to := u.c.placeOf(s.to); to >= 0 {
			u.queue = append(u.queue, letter{from: u.c.id(place), to: int32(to), message: s.message})
		}
	}
}

// settle lets everything happen that is under way.
func (u *setup) settle() {
	for {
		busy := false
		for place, p := range u.processes {
			for p.node != nil && p.disk.busy() {
				u.do(place, event{kind: diskEnded})
				busy = true
			}
		}
		if len(u.queue) > 0 {
			m := u.queue[0]
			u.queue = u.queue[1:]
			if u.processes[m.to].node != nil {
				u.do(int(m.to), event{kind: delivered, from: m.from, message: m.message})
			}
		} else if !busy {
			return
		}
	}
}

// offers are the things that can happen to a process besides messages, if the rest of the world lets them.
func (c *cluster) offers(p *process, v *view) []event {
	var all []event
	if p.node == nil {
		return []event{{kind: started}}
	}
	if v.busy {
		all = append(all, event{kind: diskEnded})
	}
	switch {
	case v.segment != nil:
		for r := range c.segments() {
			if peer := c.id(c.segment(r)); v.segment.serving && peer != c.id(p.place) {
				all = append(all, event{kind: asked, from: peer})
			}
		}
		if c.scope.Crashes > 0 {
			all = append(all, event{crash: lostCrash})
		}
	case v.writer != nil && v.writer.phase != "deposed":
		all = append(all, event{kind: ticked})
		if v.writer.phase == "open" {
			all = append(all, c.calls(v.writer)...)
		}
	}
	return all
}

// calls are what clients can ask of a writer.
func (c *cluster) calls(w *writerView) []event {
	var all []event
	for t := 1; t < len(w.calls); t++ {
		call := &w.calls[t]
		if call.pending || call.ended {
			continue
		}
		for k := range c.scope.Model.Keys {
			all = append(all, event{kind: called, op: node.OpPut, txn: t, key: k})
		}
		if call.op != 0 {
			all = append(all, event{kind: called, op: node.OpCommit, txn: t})
			if c.scope.Model.Aborts {
				all = append(all, event{kind: called, op: node.OpAbort, txn: t})
			}
		}
	}
	return all
}
