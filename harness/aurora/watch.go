package aurora

import (
	"github.com/firstgap/firstgap/harness/counts"
	"github.com/firstgap/firstgap/harness/judge"
	"github.com/firstgap/firstgap/impl/btree"
	"github.com/firstgap/firstgap/impl/node"
	"github.com/firstgap/firstgap/impl/page"
)

// watch hears what the nodes of a run say and send. It keeps what the log's records are, and looks at what goes over the wire.
type watch struct {
	name    func(node.ID) string
	writers node.ID       // the first address of a writer
	clients node.ID       // the first address of a client
	opened  func(node.ID) // called when a node has told Open

	records    []*node.Record // that some writer gave an LSN, in the order of the telling
	histories  []node.History // by epoch-1, as decided
	open       node.Epoch     // the newest epoch that opened
	durable    judge.Durable
	pageImages uint64
	carried    uint64           // records that messages brought (see records)
	misplaced  *judge.WireError // the first one
	scenes     counts.Scenes    // what the run made of them
	effects    effects
	freed      bool // the last structural record freed an inner page
	inUse      int  // groups that came into use
	members    map[node.Group]node.Membership
}

// Traced implements runtime.Observer.
func (w *watch) Traced(now node.Time, from node.ID, t *node.Trace) {
	w.durable.Traced(now, t, w.histories)
	w.effects.traced(now, t)
	switch t.Action {
	case node.ActWrite, node.ActCommit, node.ActUndo, node.ActStructure:
		if t.Record != nil {
			w.records = append(w.records, t.Record)
		}
		if t.Action == node.ActStructure && t.Record != nil {
			w.structure(t.Record)
		}
	case node.ActDecide:
		if t.Epoch > 0 && t.Epoch < maxEpochs {
			for len(w.histories) < int(t.Epoch) {
				w.histories = append(w.histories, nil)
			}
			w.histories[t.Epoch-1] = t.History()
		}
	case node.ActGrow, node.ActChange:
		if g, is := t.Detail.(*node.GeometryStep); is && g.Members.Epoch >= w.members[g.Group].Epoch {
			if w.members == nil {
				w.members = map[node.Group]node.Membership{}
			}
			w.members[g.Group] = g.Members
			w.inUse = max(w.inUse, int(g.Group)+1)
		}
	case node.ActOpen:
		w.open = max(w.open, t.Epoch)
		if w.opened != nil {
			w.opened(from)
		}
	}
}

// structure counts merges of inner pages: a record that frees one, and behind it the one that gives its cells to the page on its left.
// Where the root takes them the tree is lowered, and nothing merges.
func (w *watch) structure(r *node.Record) {
	if w.freed && r.Page != btree.Root {
		w.scenes.InnerMerges++
	}
	w.freed = false
	was, err := page.DecodeFragment(r.Old)
	if err != nil || was.Level == 0 || was.Level == page.Free {
		return
	}
	to, err := page.DecodeFragment(r.New)
	w.freed = err == nil && to.Level == page.Free
}

// maxEpochs bounds what a node's word makes the harness keep.
const maxEpochs = 1 << 16

// log returns what is on the log of the newest writer that opened.
func (w *watch) log() *judge.Log {
	history := node.FirstHistory()
	if w.open > 1 && int(w.open) <= len(w.histories) && w.histories[w.open-1] != nil {
		history = w.histories[w.open-1]
	}
	return judge.NewLog(w.records, history)
}

// Delivered implements runtime.Observer.
func (w *watch) Delivered(now node.Time, from, to node.ID, m node.Message) {
	w.effects.delivered(now, from, to, m)
	w.carried += uint64(records(m))
	if from >= w.writers && from < w.clients {
		switch m.(type) {
		case *node.Append, *node.Fence, *node.Join, *node.ReadLog, *node.ReadPage, *node.Confirm, *node.ReadEpoch, *node.Swap,
			*node.Watch, *node.Change, *node.Promote, *node.Offer, *node.Stream, *node.Anew, *node.Follow, *node.ReadSnapshot:
		default:
			w.object(from, m, "log records, and requests that carry no data")
		}
		return
	}
	switch m := m.(type) {
	case *node.Fenced:
		w.scenes.Met += w.met(m)
	case *node.Confirmed:
		if m.Epoch < w.open {
			w.scenes.Confirmed++
		}
	}
	if _, image := m.(*node.PageImage); image {
		if from == register {
			w.object(from, m, "epochs")
			return
		}
		w.pageImages++
	}
}

// records counts the log records that a message brings to a segment, or to a recovery. What readers are brought is left out: to one
// that hears nothing, the window of its stream is sent at every tick.
func records(m node.Message) int {
	switch m := m.(type) {
	case *node.Append:
		return len(m.Records)
	case *node.GossipGive:
		return len(m.Records)
	case *node.LogRecords:
		return len(m.Records)
	}
	return 0
}

// met counts the records that a segment tells a recovery of, and that an earlier one has cut.
func (w *watch) met(m *node.Fenced) (n uint64) {
	if w.open < 2 || w.open >= m.Epoch || int(w.open) > len(w.histories) || w.histories[w.open-1] == nil {
		return 0
	}
	for _, h := range m.Held {
		if !w.histories[w.open-1].Has(h.LSN, h.Epoch) && h.Epoch < w.open {
			n++
		}
	}
	return n
}

func (w *watch) object(from node.ID, m node.Message, want string) {
	if w.misplaced == nil {
		w.misplaced = &judge.WireError{From: w.name(from), Message: m.Type(), Want: want}
	}
}
