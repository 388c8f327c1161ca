package older

import (
	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/impl/baseline/block"
	"github.com/firstgap/firstgap/impl/baseline/database"
	"github.com/firstgap/firstgap/impl/baseline/mirrored"
	"github.com/firstgap/firstgap/impl/baseline/quorum"
	"github.com/firstgap/firstgap/impl/baseline/snapshot"
	"github.com/firstgap/firstgap/impl/node"
)

// The planted bugs.
const (
	bugLogNotSynced      = "bugLogNotSynced"
	bugAnswerAtHead      = "bugAnswerAtHead"
	bugServerForgetsLog  = "bugServerForgetsLog"
	bugStandbyAtOnce     = "bugStandbyAtOnce"
	bugAnswerBeforeSync  = "bugAnswerBeforeSync"
	bugReadWithoutRepair = "bugReadWithoutRepair"
)

func bugs() map[string]faults.PlantedBug {
	all := map[string]faults.PlantedBug{}
	for _, b := range []faults.PlantedBug{
		// A start that finds a hole in the log, and later records behind it, stops there: then it is progress that objects.
		{Name: bugLogNotSynced, Rule: "A commit is answered when its record is durable, and not when it is written.",
			Expect: []faults.Check{faults.Trace, faults.Durability, faults.Serializability, faults.Progress}},
		{Name: bugAnswerAtHead, Rule: "A write of a chain counts when its last server has it, and not when its first one has.",
			Expect: []faults.Check{faults.Trace, faults.Durability, faults.Serializability}},
		{Name: bugServerForgetsLog, Rule: "A server that starts again holds all of the log that it has answered for.",
			Expect: []faults.Check{faults.Trace, faults.Durability, faults.Serializability}},
		{Name: bugStandbyAtOnce, Rule: "A standby answers for a write when its own disk has it (SIGMOD 2017 §3.1).",
			Expect: []faults.Check{faults.Trace, faults.Durability, faults.Serializability}},
		{Name: bugAnswerBeforeSync, Rule: "A replica answers for a row when that is durable.",
			Expect: []faults.Check{faults.Trace, faults.Durability, faults.Linearizability}},
		{Name: bugReadWithoutRepair, Rule: "A read gives what it has found to a write quorum before it answers, or the next one may not find it.",
			Expect: []faults.Check{faults.Trace, faults.Linearizability}},
	} {
		all[b.Name] = b
	}
	return all
}

// plant puts a node with the planted bug of the run in the place of one that can have it.
func plant(_ string, n node.Node, h node.Hook) node.Node {
	switch n.(type) {
	case *database.Database, *snapshot.Instance:
		if h.Planted(bugLogNotSynced) {
			return wrong(n, Mutant{After: completesSyncs(n)})
		}
	case *block.Server:
		switch {
		case h.Planted(bugAnswerAtHead):
			return wrong(n, AnswersAtHead())
		case h.Planted(bugServerForgetsLog):
			return wrong(n, ForgetsLog())
		}
	case *mirrored.Instance:
		if h.Planted(bugStandbyAtOnce) {
			return wrong(n, StandbyAtOnce())
		}
	case *quorum.Replica:
		if h.Planted(bugAnswerBeforeSync) {
			return wrong(n, Mutant{After: answersBeforeSync})
		}
	}
	return n
}

// A Mutant is what a node does wrong: it sees what comes in before the node does, and what that one wants done before it is. Either
// may be nil.
type Mutant struct {
	Before func(ev *node.Event)
	After  func(now node.Time, ev node.Event, out *node.Effects)
}

// Of returns the node that does it wrong.
func (m Mutant) Of(n node.Node) node.Node { return wrong(n, m) }

type mutant struct {
	node.Node
	Mutant
}

func (m *mutant) Step(now node.Time, ev node.Event, out *node.Effects) {
	if m.Before != nil {
		m.Before(&ev)
	}
	m.Node.Step(now, ev, out)
	if m.After != nil {
		m.After(now, ev, out)
	}
}

// telling is a mutant of a node that tells its state.
type telling struct {
	*mutant
	node.Teller
}

func wrong(n node.Node, m Mutant) node.Node {
	x := &mutant{n, m}
	if t, tells := n.(node.Teller); tells {
		return telling{x, t}
	}
	return x
}

// AnswersAtHead has a server answer as soon as it has a write itself, and not when the last one has it.
func AnswersAtHead() Mutant {
	holder := node.ID(0)
	return Mutant{
		Before: func(ev *node.Event) {
			if o, is := ev.Message.(*node.OpenDisk); is && ev.Kind == node.Received {
				holder = o.View.Holder
			}
		},
		After: func(_ node.Time, _ node.Event, out *node.Effects) {
			for _, e := range out.List {
				if w, is := e.Message.(*node.WriteDisk); is && e.Kind == node.DoSend {
					out.Send(holder, &node.DiskWritten{Epoch: w.Epoch, Lane: w.Lane, Seq: w.Seq})
				}
			}
		}}
}

// ForgetsLog has a server find less of its log when it starts than it had told.
func ForgetsLog() Mutant {
	return Mutant{Before: func(ev *node.Event) {
		for i := range ev.Files {
			if f := &ev.Files[i]; ev.Kind == node.Started && f.Name == "log" {
				f.Data = f.Data[:min(len(f.Data), 8+512)]
			}
		}
	}}
}

// StandbyAtOnce has a standby answer for its disk before that has the write.
func StandbyAtOnce() Mutant {
	return Mutant{After: func(_ node.Time, ev node.Event, out *node.Effects) {
		if w, is := ev.Message.(*node.MirrorWrite); is && ev.Kind == node.Received {
			out.Send(ev.From, &node.MirrorWritten{DiskWritten: node.DiskWritten{Epoch: w.Epoch, Lane: w.Lane, Seq: w.Seq}})
		}
	}}
}

// completesSyncs leaves out the syncs of a node's disk and tells it at once that they are done.
func completesSyncs(n node.Node) func(node.Time, node.Event, *node.Effects) {
	return func(now node.Time, _ node.Event, out *node.Effects) {
		for i := 0; i < len(out.List); i++ { // a completion may ask for the next sync
			if e := out.List[i]; e.Kind == node.DoSync {
				out.List = append(out.List[:i], out.List[i+1:]...)
				i--
				n.Step(now, node.Event{Kind: node.DiskDone, Token: e.Token}, out)
			}
		}
	}
}

// answersBeforeSync has a replica answer a write when it has come.
func answersBeforeSync(_ node.Time, ev node.Event, out *node.Effects) {
	if w, is := ev.Message.(*node.WriteRegister); is && ev.Kind == node.Received {
		out.Send(ev.From, &node.RegisterWritten{Token: w.Token})
	}
}
