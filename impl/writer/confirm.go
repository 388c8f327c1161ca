package writer

import (
	"slices"

	"github.com/firstgap/firstgap/impl/node"
)

// A commit of changes proves that the writer was not replaced: its record could not have reached a write quorum. A
// transaction that only read has no such proof, and a replaced writer's cache is stale, so it asks.

// confirms is the state of the questions under way.
type confirms struct {
	round   uint64
	waiting []*txn // in the order of their rounds
}

// commitReadOnly asks the segments of one group whether they still serve this epoch, and commits when so many
// of them have said so since that the others are no write quorum: a successor that serves has fenced one.
func (w *Writer) commitReadOnly(t *txn, out *node.Effects) {
	if t.round != 0 {
		return
	}
	unseen := w.locks.Locks(t.id) == 0 // it saw nothing
	// gofail: var bugReadsUnconfirmed struct{}
	// unseen = unseen || w.hook.Planted("bugReadsUnconfirmed")

	if unseen {
		t.readAt = w.vdl
		w.committed(t, out)
		return
	}
	w.confirms.round++
	t.round = w.confirms.round
	t.group = int(uint32(t.id)) % len(w.groups) // a successor has fenced every group
	// Everything that it read was committed at or below the VDL, or its writer would still hold the lock; and no
	// other transaction has changed since what it read, for it holds the locks. So it stands right behind the commits up to here.
	t.readAt = w.vdl
	w.confirms.waiting = append(w.confirms.waiting, t)
	w.askToConfirm(t, out)
}

func (w *Writer) askToConfirm(t *txn, out *node.Effects) {
	m := &node.Confirm{Epoch: w.epoch, Round: t.round}
	w.groups[t.group].eachMember(func(_ int, p *replica) { out.Send(p.id, m) })
}

func (w *Writer) confirmAgain(out *node.Effects) {
	for _, t := range w.confirms.waiting {
		w.askToConfirm(t, out)
	}
}

func (w *Writer) confirmed(g node.Group, r int, round uint64, out *node.Effects) {
	asked := &w.groups[g]
	asked.replicas[r].confirmed = max(asked.replicas[r].confirmed, round)
	for i := 0; i < len(w.confirms.waiting); {
		t := w.confirms.waiting[i]
		var who node.Replicas
		asked.eachMember(func(r int, p *replica) {
			if p.confirmed >= t.round {
				who = who.With(r)
			}
		})
		if t.group != int(g) || !w.quorums.Blocks(asked.members, who) {
			i++
			continue
		}
		w.confirms.waiting = slices.Delete(w.confirms.waiting, i, i+1)
		w.committed(t, out)
	}
}

func (w *Writer) committed(t *txn, out *node.Effects) {
	w.respond(t, node.Reply{Status: node.OK, LSN: t.readAt}, out)
	w.finish(t, node.ReasonCommitted)
}
