package why

import (
	"fmt"
	"reflect"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/firstgap/firstgap/harness/judge"
	"github.com/firstgap/firstgap/harness/sim"
	"github.com/firstgap/firstgap/impl/node"
)

// names says what a node is called.
type names func(node.ID) string

// wordsOf is Speaker.Words, where an operation of a disk is the one that is given, or is not known: "".
func wordsOf(e *sim.Event, name func(node.ID) string, operation string) (whose, words string) {
	n := names(name)
	switch e.Kind {
	case sim.EventStart:
		if e.Incarnation > 1 {
			return n.of(e.Process), fmt.Sprintf("started again, for the %s time, on what its disk held", ordinal(e.Incarnation))
		}
		return n.of(e.Process), "started"
	case sim.EventMessage:
		return n.of(e.Process), fmt.Sprintf("got from %s %s", n.of(e.From), message(e.Message))
	case sim.EventTimer:
		return n.of(e.Process), timerWords(n.of(e.Process), e.Timer)
	case sim.EventDisk:
		return n.of(e.Process), diskWords(e, operation)
	case sim.EventRequest:
		return n.of(e.Process), fmt.Sprintf("was asked by %s for %s", n.of(e.From), request(e.Request))
	case sim.EventReply:
		return n.of(e.Process), fmt.Sprintf("was answered by %s: %s", n.of(e.From), reply(e.Reply))
	case sim.EventAction:
		return "the run", strike(e.Name)
	case sim.EventTrace:
		return n.of(e.Process), n.step(e.Trace)
	case sim.EventLost:
		what := ""
		switch {
		case e.Message != nil:
			what = message(e.Message)
		case e.Request != nil:
			what = request(e.Request)
		case e.Reply != nil:
			what = reply(e.Reply)
		}
		return n.of(e.From), fmt.Sprintf("sent %s %s, which never came: %s", n.of(e.Process), what, lossReasons[e.Reason])
	case sim.EventCrash:
		return n.of(e.Process), crashWords(e)
	}
	return n.of(e.Process), fmt.Sprintf("had an event of kind %d", e.Kind)
}

// lossReasons says why something did not come.
var lossReasons = map[sim.Reason]string{
	sim.ByLoss: "the network lost it", sim.ByCut: "the two were cut off", sim.ByDown: "the receiver was down, or had started anew",
	sim.ByNobody: "no process has that address", sim.ByDamage: "its frame was damaged", sim.ByDisk: "the disk failed",
	sim.ByQueue: "the queue of the link was full", sim.ByRoom: "the disk was full", sim.ByVersion: "the receiver's version of the wire has no form for it",
}

func diskWords(e *sim.Event, operation string) string {
	if operation == "" {
		operation = fmt.Sprintf("operation %d", e.Token)
	}
	switch {
	case e.Reason == sim.ByDisk:
		return "was told by its disk that " + operation + " failed"
	case e.Reason == sim.ByRoom:
		return "was told by its disk that there was no room for " + operation
	case len(e.Lost) > 0:
		return "was told by its disk that " + operation + " is done, which is not so: " + lostWords(e.Lost)
	}
	return "was told by its disk that " + operation + " is done"
}

func crashWords(e *sim.Event) string {
	s := "crashed (" + e.Name + ")"
	if len(e.Lost) > 0 {
		s += " and lost " + lostWords(e.Lost)
	}
	return s
}

// fewLost is how many lost writes a sentence names.
const fewLost = 3

func lostWords(lost []sim.LostWrite) string {
	var parts []string
	for i := range lost[:min(len(lost), fewLost)] {
		l := &lost[i]
		parts = append(parts, fmt.Sprintf("%s of %s (%v)", bytesAt(l), l.File, l.Why))
	}
	if more := len(lost) - fewLost; more > 0 {
		parts = append(parts, fmt.Sprintf("%d more", more))
	}
	return join(parts)
}

func bytesAt(l *sim.LostWrite) string {
	if l.Bytes == 1 {
		return fmt.Sprintf("byte %d", l.From)
	}
	return fmt.Sprintf("bytes %d to %d", l.From, l.From+max(l.Bytes, 1)-1)
}

func (n names) of(id node.ID) string {
	if id == 0 {
		return "the run"
	}
	return n(id)
}

// actions says what a node did when it tells a step, by action.
var actions = map[node.Action]func(names, *node.Trace) string{
	node.ActWrite:     func(_ names, t *node.Trace) string { return "gave a write its LSN: " + record(t.Record) },
	node.ActCommit:    func(_ names, t *node.Trace) string { return "gave a commit its LSN: " + record(t.Record) },
	node.ActUndo:      func(_ names, t *node.Trace) string { return "gave an undo its LSN: " + record(t.Record) },
	node.ActStructure: func(_ names, t *node.Trace) string { return "gave a structural change its LSN: " + record(t.Record) },
	node.ActStore: func(n names, t *node.Trace) string {
		return fmt.Sprintf("said that record %s is on its disk%s", identity(t.Record), n.source(t.From))
	},
	node.ActAdvance: func(_ names, t *node.Trace) string {
		return fmt.Sprintf("counted everything up to LSN %d as complete", t.LSN)
	},
	node.ActAck:    func(_ names, t *node.Trace) string { return fmt.Sprintf("acknowledged transaction %v", t.Txn) },
	node.ActStart:  func(_ names, t *node.Trace) string { return fmt.Sprintf("gave epoch %d to a writer", t.Epoch) },
	node.ActFence:  func(_ names, t *node.Trace) string { return fmt.Sprintf("promised epoch %d", t.Epoch) },
	node.ActDecide: func(n names, t *node.Trace) string { return n.decided(t) },
	node.ActJoin: func(_ names, t *node.Trace) string {
		return fmt.Sprintf("joined epoch %d, with the history %v", t.Epoch, t.History())
	},
	node.ActOpen: func(_ names, t *node.Trace) string {
		return fmt.Sprintf("began to serve as the writer of epoch %d", t.Epoch)
	},
	node.ActHolds: func(_ names, t *node.Trace) string { return inventory(t) },
	node.ActFill: func(n names, t *node.Trace) string {
		return fmt.Sprintf("took page images as of LSN %d%s", t.LSN, n.source(t.From))
	},
	node.ActChange: func(_ names, t *node.Trace) string {
		d := node.DetailOf[node.GeometryStep](t)
		return fmt.Sprintf("changed the members of group %d to %v", d.Group+1, d.Members)
	},
	node.ActGrow: func(_ names, t *node.Trace) string {
		return fmt.Sprintf("brought group %d into use", node.DetailOf[node.GeometryStep](t).Group+1)
	},

	node.ActDeliver: func(_ names, t *node.Trace) string { return fmt.Sprintf("had all records up to LSN %d", t.LSN) },
	node.ActTell: func(_ names, t *node.Trace) string {
		return fmt.Sprintf("took everything up to LSN %d for durable", t.LSN)
	},
	node.ActFollow: func(_ names, t *node.Trace) string {
		return fmt.Sprintf("followed the writer of epoch %d, and kept what it has up to LSN %d", t.Epoch, t.LSN)
	},
	node.ActLose: func(names, *node.Trace) string { return "gave up all that it had: its log and its cache are void" },
	node.ActAnew: func(_ names, t *node.Trace) string {
		return fmt.Sprintf("began anew with the log up to LSN %d, durable up to %d", t.LSN, node.DetailOf[node.AnewStep](t).VDL)
	},
	node.ActBegin: func(_ names, t *node.Trace) string {
		return fmt.Sprintf("began query %v as of LSN %d", t.Txn, t.LSN)
	},
	node.ActReadCached: func(_ names, t *node.Trace) string {
		return fmt.Sprintf("read page %d as of LSN %d out of its cache for query %v", t.Page, t.LSN, t.Txn)
	},
	node.ActReadStored: func(n names, t *node.Trace) string {
		return fmt.Sprintf("read page %d as of LSN %d from %s for query %v", t.Page, t.LSN, n.of(t.From), t.Txn)
	},
	node.ActShow: func(_ names, t *node.Trace) string {
		return fmt.Sprintf("answered query %v with %d rows", t.Txn, len(node.DetailOf[node.Shown](t).Rows))
	},
	node.ActFinish: func(_ names, t *node.Trace) string { return fmt.Sprintf("ended query %v", t.Txn) },
	node.ActReport: func(n names, t *node.Trace) string {
		return fmt.Sprintf("noted that %s reads nothing below LSN %d", n.of(t.From), t.LSN)
	},
	node.ActGiveUp: func(n names, t *node.Trace) string { return fmt.Sprintf("gave %s up", n.of(t.From)) },
	node.ActCollect: func(_ names, t *node.Trace) string {
		return fmt.Sprintf("let segments drop what lies below LSN %d", t.LSN)
	},
	node.ActPromote: func(names, *node.Trace) string { return "was promoted to the writer" },

	node.ActRegisterBegin:  func(_ names, t *node.Trace) string { return "began to ask for " + register(t) },
	node.ActRegisterTell:   func(_ names, t *node.Trace) string { return "told what it holds of " + register(t) },
	node.ActRegisterSettle: func(_ names, t *node.Trace) string { return "settled on " + register(t) },
	node.ActRegisterStore:  func(_ names, t *node.Trace) string { return "said that it is on its disk: " + register(t) },
	node.ActRegisterEnd:    func(_ names, t *node.Trace) string { return "answered its client about " + register(t) },
	node.ActRegisterHolds: func(_ names, t *node.Trace) string {
		return fmt.Sprintf("said after its start that it holds %d rows", len(node.DetailOf[node.RegisterStep](t).Rows))
	},

	node.ActWalFound: func(_ names, t *node.Trace) string {
		return fmt.Sprintf("redid %d records that it found, the last one %d", len(node.DetailOf[node.FoundStep](t).Records), t.LSN)
	},
	node.ActWalIssue:   func(_ names, t *node.Trace) string { return "logged " + record(t.Record) },
	node.ActWalDurable: func(_ names, t *node.Trace) string { return fmt.Sprintf("had its log durable up to LSN %d", t.LSN) },
	node.ActWalPage: func(_ names, t *node.Trace) string {
		return fmt.Sprintf("sent page %d to its disk as of LSN %d", t.Page, t.LSN)
	},
	node.ActWalAck:  func(_ names, t *node.Trace) string { return fmt.Sprintf("acknowledged transaction %v", t.Txn) },
	node.ActWalOpen: func(names, *node.Trace) string { return "ended its recovery and began to serve" },

	node.ActDiskView: func(_ names, t *node.Trace) string { return "made durable " + view(t) },
	node.ActDiskOpen: func(_ names, t *node.Trace) string { return "opened " + view(t) },
	node.ActDiskHolds: func(_ names, t *node.Trace) string {
		d := node.DetailOf[node.DiskStep](t)
		return fmt.Sprintf("said after its start that it holds %d bytes of log and %d blocks", len(d.Log), len(d.Blocks))
	},
	node.ActDiskBlank: func(names, *node.Trace) string { return "said that it has lost what it held" },
	node.ActDiskRead:  func(names, *node.Trace) string { return "read the log area" },
	node.ActDiskIssue: func(_ names, t *node.Trace) string { return "made " + write(t) },
	node.ActDiskStore: func(_ names, t *node.Trace) string { return "said that it is on its disk: " + write(t) },
	node.ActDiskAck: func(_ names, t *node.Trace) string {
		return write(t) + " was on every copy that it waits for"
	},
}

// step says what a node says of its step.
func (n names) step(t *node.Trace) string {
	if say := actions[t.Action]; say != nil {
		return say(n, t)
	}
	return "said that it did " + t.Action.String()
}

func (n names) source(from node.ID) string {
	if from == 0 {
		return ""
	}
	return ", sent by " + n.of(from)
}

func (n names) decided(t *node.Trace) string {
	answers := node.DetailOf[node.DecideStep](t).Answers
	return fmt.Sprintf("cut the log behind LSN %d by the answers of %s", t.LSN, n.list(answers))
}

func (n names) list(ids []node.ID) string {
	all := make([]string, len(ids))
	for i, id := range ids {
		all[i] = n.of(id)
	}
	return join(all)
}

func inventory(t *node.Trace) string {
	d := node.DetailOf[node.HoldsStep](t)
	s := fmt.Sprintf("said after its start that it has promised epoch %d and follows epoch %d", d.Promise, t.Epoch)
	if t.LSN > 0 {
		s += fmt.Sprintf(", with images as of LSN %d", t.LSN)
	}
	if len(d.Held) == 0 {
		return s + ", and holds no records"
	}
	return s + ", and holds records " + heldRanges(d.Held)
}

func heldRanges(held []node.Held) string {
	var lsns []node.LSN
	for _, h := range held {
		lsns = append(lsns, h.LSN)
	}
	return ranges(lsns)
}

// mostRanges is how many ranges of numbers a sentence names.
const mostRanges = 6

// ranges renders ascending LSNs, such as "1 to 5, 7".
func ranges(lsns []node.LSN) string {
	var parts []string
	for i := 0; i < len(lsns); {
		j := i
		for j+1 < len(lsns) && lsns[j+1] == lsns[j]+1 {
			j++
		}
		if i == j {
			parts = append(parts, fmt.Sprint(lsns[i]))
		} else {
			parts = append(parts, fmt.Sprintf("%d to %d", lsns[i], lsns[j]))
		}
		i = j + 1
	}
	if more := len(parts) - mostRanges; more > 0 {
		// The last ones matter: what is missing is mostly behind them.
		parts = append([]string{parts[0], fmt.Sprintf("(%d ranges)", more)}, parts[more+1:]...)
	}
	return strings.Join(parts, ", ")
}

func register(t *node.Trace) string {
	d := node.DetailOf[node.RegisterStep](t)
	what := "a read"
	if d.Writes {
		what = "a write"
	}
	return fmt.Sprintf("%s of key %s, version %v", what, key(d.Key), d.Version)
}

func view(t *node.Trace) string {
	v := node.DetailOf[node.DiskStep](t).View
	return fmt.Sprintf("the view of epoch %d with %d members", v.Epoch, len(v.Members))
}

func write(t *node.Trace) string {
	w := node.DetailOf[node.DiskStep](t).Write
	return fmt.Sprintf("write %d of start %d of instance %d", w.Count, w.Start, w.By)
}

// messages says what a message carries, by type. Of a type that is not ours nothing but its name is known.
var messages = map[string]func(node.Message) string{
	"append": of(func(m *node.Append) string {
		return fmt.Sprintf("%s of epoch %d, durable up to LSN %d", records(m.Records), m.Epoch, m.VDL)
	}),
	"appended": of(func(m *node.Appended) string {
		return fmt.Sprintf("the answer that it has everything up to LSN %d on line %d", m.SCL, m.Epoch)
	}),
	"stale": of(func(m *node.Stale) string { return fmt.Sprintf("the refusal that it has promised epoch %d", m.Promise) }),
	"not-joined": of(func(m *node.NotJoined) string {
		return fmt.Sprintf("the refusal that it follows epoch %d and not %d", m.Line, m.Epoch)
	}),
	"damaged": of(func(m *node.Damaged) string { return "the refusal that it is damaged" }),
	"fence":   of(func(m *node.Fence) string { return fmt.Sprintf("the request to promise epoch %d", m.Epoch) }),
	"fenced": of(func(m *node.Fenced) string {
		return fmt.Sprintf("the answer that it has promised epoch %d and has everything up to LSN %d", m.Epoch, m.SCL)
	}),
	"join": of(func(m *node.Join) string {
		return fmt.Sprintf("the request to join epoch %d, with the history %v", m.Epoch, m.History)
	}),
	"joined": of(func(m *node.Joined) string {
		return fmt.Sprintf("the answer that it has joined epoch %d and has everything up to LSN %d", m.Epoch, m.SCL)
	}),
	"read-log": of(func(m *node.ReadLog) string { return fmt.Sprintf("the request for records %d to %d", m.From, m.To) }),
	"log-records": of(func(m *node.LogRecords) string {
		return fmt.Sprintf("what it has of records %d to %d: %s", m.From, m.Through, records(m.Records))
	}),
	"read-page": of(func(m *node.ReadPage) string {
		return fmt.Sprintf("the request for page %d as of LSN %d, of one complete up to %d", m.Page, m.ReadPoint, m.Need)
	}),
	"page-image": of(func(m *node.PageImage) string { return fmt.Sprintf("page %d as of LSN %d", m.Page, m.ReadPoint) }),
	"behind": of(func(m *node.Behind) string {
		return fmt.Sprintf("the refusal of page %d: it is complete up to LSN %d only", m.Page, m.SCL)
	}),
	"confirm": of(func(m *node.Confirm) string {
		return fmt.Sprintf("the question whether it still serves epoch %d", m.Epoch)
	}),
	"confirmed": of(func(m *node.Confirmed) string {
		return fmt.Sprintf("the answer that it still serves epoch %d", m.Epoch)
	}),
	"gossip-ask": of(func(m *node.GossipAsk) string {
		return fmt.Sprintf("the question what it lacks: it has everything up to LSN %d on line %d", m.SCL, m.Line)
	}),
	"gossip-give": of(func(m *node.GossipGive) string {
		return fmt.Sprintf("by gossip %s of line %d", records(m.Records), m.Line)
	}),
	"read-epoch": of(func(m *node.ReadEpoch) string { return "the question for the newest epoch" }),
	"current-epoch": of(func(m *node.CurrentEpoch) string {
		return fmt.Sprintf("the answer that the newest epoch is %d", m.Epoch)
	}),
	"swap": of(func(m *node.Swap) string { return fmt.Sprintf("the request for epoch %d", m.Expect+1) }),
	"swapped": of(func(m *node.Swapped) string {
		return fmt.Sprintf("the answer %s; the newest epoch is %d", choose(m.Won, "that it has won", "that it has not won"), m.Epoch)
	}),
	"offer": of(func(m *node.Offer) string { return fmt.Sprintf("the offer to follow epoch %d", m.Epoch) }),
	"follow": of(func(m *node.Follow) string {
		return fmt.Sprintf("the word that it has everything up to LSN %d of epoch %d and reads nothing below %d", m.Have, m.Epoch, m.Low)
	}),
	"anew": of(func(m *node.Anew) string {
		return fmt.Sprintf("the word to begin anew above LSN %d, ready at %d", m.From, m.Ready)
	}),
	"stream": of(func(m *node.Stream) string {
		return fmt.Sprintf("%s of the stream, durable up to LSN %d", records(m.Records), m.VDL)
	}),
	"read-snapshot": of(func(m *node.ReadSnapshot) string {
		return fmt.Sprintf("the request for page %d as of LSN %d, of one complete up to %d", m.Page, m.ReadPoint, m.Need)
	}),
	"promote": of(func(m *node.Promote) string { return "the word to become the writer" }),
	"change": of(func(m *node.Change) string {
		return fmt.Sprintf("the request for version %d of the geometry", m.Geometry.Version)
	}),
	"changed": of(func(m *node.Changed) string {
		return fmt.Sprintf("the answer to version %d of the geometry: %v", m.Asked, m.Outcome)
	}),
	"ping": of(func(m *node.Ping) string { return "the question whether it is alive" }),
	"pong": of(func(m *node.Pong) string {
		return choose(m.Lost, "the answer that it is alive, and has lost what it promised", "the answer that it is alive")
	}),
	"watch": of(func(m *node.Watch) string {
		return fmt.Sprintf("the request to tell the writer of epoch %d who is suspected", m.Epoch)
	}),
	"health": of(func(m *node.Health) string {
		return fmt.Sprintf("the word that %d segments are suspected", len(m.Suspects))
	}),
	"below-floor": of(func(m *node.BelowFloor) string {
		return fmt.Sprintf("the refusal of page %d: it serves nothing below LSN %d", m.Page, m.Floor)
	}),
	"fill-ask": of(func(m *node.FillAsk) string {
		return fmt.Sprintf("the request for pages from %d on, as of LSN %d at least", m.From, m.At)
	}),
	"fill-give": of(func(m *node.FillGive) string { return fmt.Sprintf("%d page images as of LSN %d", len(m.Images), m.At) }),
	"put-object": of(func(m *node.PutObject) string {
		return fmt.Sprintf("%s to keep, of %d bytes", judge.ObjectWords(m.Name), len(m.Data))
	}),
	"object-kept": of(func(m *node.ObjectKept) string {
		return fmt.Sprintf("the answer that it keeps %s", judge.ObjectWords(m.Name))
	}),
	"get-object": of(func(m *node.GetObject) string { return "the request for " + judge.ObjectWords(m.Name) }),
	"object-read": of(func(m *node.ObjectRead) string {
		return choose(m.Found, "the answer that it has ", "the answer that it has not ") + judge.ObjectWords(m.Name)
	}),
	"list-objects": of(func(m *node.ListObjects) string {
		return fmt.Sprintf("the request for the names that begin with %q", m.Prefix)
	}),
	"object-list":    of(func(m *node.ObjectList) string { return fmt.Sprintf("%d names of objects", len(m.Names)) }),
	"attach-disk":    of(func(m *node.AttachDisk) string { return "the request to attach the disk" }),
	"disk-attached":  of(func(m *node.DiskAttached) string { return "the answer that the disk is attached" }),
	"attach-refused": of(func(m *node.AttachRefused) string { return "the refusal to attach the disk" }),
	"open-disk": of(func(m *node.OpenDisk) string {
		return fmt.Sprintf("the request to open the view of epoch %d", m.View.Epoch)
	}),
	"disk-opened": of(func(m *node.DiskOpened) string {
		return fmt.Sprintf("the answer that its log area goes from %d to %d", m.Base, m.End)
	}),
	"disk-closed": of(func(m *node.DiskClosed) string {
		return fmt.Sprintf("the refusal that the view of epoch %d is closed", m.Epoch)
	}),
	"disk-blank": of(func(m *node.DiskBlank) string { return "the answer that it has lost what it held" }),
	"write-disk": of(func(m *node.WriteDisk) string { return fmt.Sprintf("write %d of lane %d", m.Seq, m.Lane) }),
	"disk-written": of(func(m *node.DiskWritten) string {
		return fmt.Sprintf("the answer that write %d of lane %d is stored", m.Seq, m.Lane)
	}),
	"read-block":    of(func(m *node.ReadBlock) string { return "the request for a block" }),
	"block-data":    of(func(m *node.BlockData) string { return "a block" }),
	"read-disk-log": of(func(m *node.ReadDiskLog) string { return "the request for the log area" }),
	"disk-log":      of(func(m *node.DiskLog) string { return "the log area" }),
	"mirror-open": of(func(m *node.MirrorOpen) string {
		return fmt.Sprintf("the request to mirror the view of epoch %d", m.View.Epoch)
	}),
	"mirror-opened": of(func(m *node.MirrorOpened) string { return "the answer that it mirrors" }),
	"mirror-write":  of(func(m *node.MirrorWrite) string { return fmt.Sprintf("write %d of lane %d to mirror", m.Seq, m.Lane) }),
	"mirror-written": of(func(m *node.MirrorWritten) string {
		return fmt.Sprintf("the answer that write %d of lane %d is mirrored", m.Seq, m.Lane)
	}),
	"store-object":   of(func(m *node.StoreObject) string { return "an object to store" }),
	"object-stored":  of(func(m *node.ObjectStored) string { return "the answer that the object is stored" }),
	"fetch-object":   of(func(m *node.FetchObject) string { return "the request for an object" }),
	"object-fetched": of(func(m *node.ObjectFetched) string { return "an object" }),
	"read-register":  of(func(m *node.ReadRegister) string { return "the question for the version of key " + key(m.Key) }),
	"register-value": of(func(m *node.RegisterValue) string {
		return fmt.Sprintf("the answer that it holds version %v", m.Version)
	}),
	"write-register": of(func(m *node.WriteRegister) string {
		return fmt.Sprintf("version %v of key %s to store", m.Version, key(m.Key))
	}),
	"register-written": of(func(m *node.RegisterWritten) string {
		return "the answer that it has stored the version"
	}),
	"append-pages": of(func(m *node.AppendPages) string { return "pages to append" }),
}

// of makes a way to say what a message carries of one for its type.
func of[M node.Message](say func(M) string) func(node.Message) string {
	return func(m node.Message) string {
		if own, is := m.(M); is {
			return say(own)
		}
		return "a message of type " + m.Type()
	}
}

func message(m node.Message) string {
	if m == nil {
		return "a message"
	}
	if say := messages[m.Type()]; say != nil {
		return say(m)
	}
	if s, is := m.(fmt.Stringer); is {
		return fmt.Sprintf("%s %s", m.Type(), short(s.String()))
	}
	// A stranger's own type: its fields are what it would log.
	if v := reflect.Indirect(reflect.ValueOf(m)); v.IsValid() && v.Kind() == reflect.Struct {
		return fmt.Sprintf("%s %s", m.Type(), short(fmt.Sprintf("%+v", v.Interface())))
	}
	return m.Type()
}

func records(rs []*node.Record) string {
	if len(rs) == 0 {
		return "no records"
	}
	lsns := make([]node.LSN, len(rs))
	for i, r := range rs {
		lsns[i] = r.LSN
	}
	if len(rs) == 1 {
		return "record " + identity(rs[0])
	}
	return "records " + ranges(lsns)
}

func identity(r *node.Record) string {
	if r == nil {
		return "that it does not name"
	}
	return fmt.Sprintf("%d/%d", r.LSN, r.Epoch)
}

func record(r *node.Record) string {
	if r == nil {
		return "a record that it does not name"
	}
	s := fmt.Sprintf("%s of group %d", identity(r), r.Group+1)
	switch r.Kind {
	case node.Structure:
		return s + fmt.Sprintf(", page %d", r.Page)
	case node.Commit:
		return s + fmt.Sprintf(", transaction %v", r.Txn)
	}
	return s + fmt.Sprintf(", transaction %v, row %s %s → %s", r.Txn, key(r.Key), key(r.Old.String()), key(r.New.String()))
}

func request(r *node.Request) string {
	if r == nil {
		return "something"
	}
	s := fmt.Sprintf("%v, request %d", r.Op, r.ID)
	if r.Txn != 0 {
		s += fmt.Sprintf(" of transaction %v", r.Txn)
	}
	if len(r.Rows) > 0 {
		s += " on " + rowKeys(r.Rows)
	}
	return s
}

func reply(r *node.Reply) string {
	if r == nil {
		return "something"
	}
	s := fmt.Sprintf("%v, request %d: %v", r.Op, r.ID, r.Status)
	if r.Reason != node.ReasonNone {
		s += fmt.Sprintf(" (%v)", r.Reason)
	}
	if r.Txn != 0 {
		s += fmt.Sprintf(", transaction %v", r.Txn)
	}
	if r.Status == node.OK && (r.Op == node.OpGet || r.Op == node.OpRead) {
		s += ", value " + key(r.Value.String())
	}
	if r.LSN != 0 {
		s += fmt.Sprintf(", LSN %d", r.LSN)
	}
	return s
}

// fewRows is how many rows a sentence names.
const fewRows = 3

func rowKeys(rows []node.Row) string {
	var keys []string
	for _, r := range rows[:min(len(rows), fewRows)] {
		keys = append(keys, key(r.Key))
	}
	if more := len(rows) - fewRows; more > 0 {
		keys = append(keys, fmt.Sprintf("%d more", more))
	}
	return "row " + join(keys)
}

// Keys and values are shortened in their middle: they tell by their ends which they are.
const (
	longestKey = 28
	keyEnd     = 10
)

func key(s string) string {
	if utf8.RuneCountInString(s) <= longestKey {
		return s
	}
	r := []rune(s)
	return string(r[:longestKey-keyEnd-1]) + "…" + string(r[len(r)-keyEnd:])
}

// longestText is how much of a text that somebody else has made is shown.
const longestText = 160

func short(s string) string {
	if r := []rune(s); len(r) > longestText {
		return string(r[:longestText]) + "…"
	}
	return s
}

// join lists names: "a, b and c".
func join(all []string) string {
	switch n := len(all); n {
	case 0:
		return "none"
	case 1:
		return all[0]
	default:
		return strings.Join(all[:n-1], ", ") + " and " + all[n-1]
	}
}

func choose(is bool, yes, no string) string {
	if is {
		return yes
	}
	return no
}

func times(n int) string {
	switch n {
	case 0:
		return "never"
	case 1:
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}

func ordinal(n uint32) string {
	switch {
	case n%100/10 != 1 && n%10 == 1:
		return fmt.Sprintf("%dst", n)
	case n%100/10 != 1 && n%10 == 2:
		return fmt.Sprintf("%dnd", n)
	case n%100/10 != 1 && n%10 == 3:
		return fmt.Sprintf("%drd", n)
	}
	return fmt.Sprintf("%dth", n)
}

// at renders a moment in milliseconds, as lines of events do.
func at(t node.Time) string {
	return fmt.Sprintf("%.3f ms", float64(t)/float64(time.Millisecond))
}
