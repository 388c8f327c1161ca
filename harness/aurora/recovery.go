package aurora

import (
	"errors"
	"fmt"
	"slices"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness/runtime"
	"github.com/firstgap/firstgap/impl/node"
)

// Where an implementation has a Recovery, two kinds of nodes take turns to lead: recoveries take over, and writers take over from
// recoveries that have opened. So the author of a recovery writes nothing of transactions, pages and locks, and yet what it left
// behind is served, and audited, by a writer that recovers over it once more.

// succeeded is what a run knows of its recoveries.
type succeeded struct {
	started int              // recoveries
	writers map[opening]bool // a writer has taken over from it
	waiting []func()         // for a writer to serve
}

// An opening is a start of a recovery that has told Open. It counts once, however often that is told.
type opening struct {
	recovery node.ID
	start    uint32
}

// recoveries is how many the run may start.
func (b *built) recoveries() int {
	if b.of.Recovery == nil {
		return 0
	}
	return b.takeOvers()
}

// mostOpened is how often recoveries may open at most: each once, and once more for each fault by which it may have started again.
func (b *built) mostOpened() int {
	if b.of.Recovery == nil {
		return 0
	}
	return b.recoveries() + len(b.c.Plan.Faults)
}

func (b *built) firstRecovery() node.ID { return b.firstWriter() + node.ID(b.writers()) }

// populateRecoveries adds the recoveries.
func (b *built) populateRecoveries() error {
	var err error
	for i := range b.recoveries() {
		id := b.firstRecovery() + node.ID(i)
		err = errors.Join(err, b.r.Add(runtime.Process{ID: id, Name: fmt.Sprintf("recovery %d", i+1), Role: string(faults.Writer), New: func(h node.Hook) node.Node {
			return b.of.Recovery(id, b.volume, b.c.Nodes, h)
		}}))
	}
	return err
}

// startRecovery starts the next recovery. Clients are not told of it.
func (b *built) startRecovery() {
	id := b.firstRecovery() + node.ID(b.succeeded.started)
	b.succeeded.started++
	b.watch.effects.starts = append(b.watch.effects.starts, b.r.Now())
	if err := b.r.Start(id); err != nil {
		panic(fmt.Sprintf("aurora: %v", err)) // there are as many recoveries as the plan can start
	}
}

// opened has a writer take over from a recovery that has opened.
func (b *built) opened(from node.ID) {
	if from < b.firstRecovery() || from >= b.firstRecovery()+node.ID(b.succeeded.started) {
		return
	}
	o := opening{from, b.r.Started(from)}
	if b.succeeded.writers[o] {
		return
	}
	if b.succeeded.writers == nil {
		b.succeeded.writers = map[opening]bool{}
	}
	b.succeeded.writers[o] = true
	b.r.At(b.r.Now(), "a writer takes over from "+b.r.Name(from), b.startWriter)
}

// recovering tells whether the node that was started last to lead is a recovery.
func (b *built) recovering() bool {
	newest := b.r.Newest(string(faults.Writer))
	return newest >= b.firstRecovery() && newest < b.firstReader()
}

// whenServed does something, at once, or when the next writer starts where a recovery leads.
func (b *built) whenServed(do func()) {
	if b.recovering() {
		b.succeeded.waiting = append(b.succeeded.waiting, do)
		return
	}
	do()
}

// served is called when a writer has started.
func (b *built) served() {
	waiting := b.succeeded.waiting
	b.succeeded.waiting = nil
	for _, do := range waiting {
		do()
	}
}

// leading lists the nodes that have led or tried to.
func (b *built) leading() []node.ID {
	all := slices.Clone(b.directory.Writers)
	for i := range b.succeeded.started {
		all = append(all, b.firstRecovery()+node.ID(i))
	}
	return all
}
