package judge

import (
	"fmt"
	"slices"
	"time"

	"github.com/firstgap/firstgap/faults"
)

// A Load is what a run sent, wrote and scrubbed, and what accounts for it. The envelopes are wide: they are to find what is sent
// without end, written again and again, or never done, and never to alarm at a run in which much went wrong.
type Load struct {
	Time     faults.Duration // of the run
	Records  uint64          // that writers logged, those that were cut included
	LogBytes uint64          // of them
	Copies   uint64          // of a group, spares included: a record goes to each
	Readers  uint64          // and to each of these
	Segments uint64          // copies of all groups
	Nodes    uint64
	Starts   uint64          // of nodes
	Requests uint64          // of clients
	Reads    uint64          // pages that copies were asked for
	PageSize uint64          // bytes
	Every    faults.Duration // the shortest interval at which a node does something by itself
	Scrub    faults.Duration // how often a copy looks at a piece of its disk; 0: never

	Messages     uint64
	MessageBytes uint64 // of their digests: of a record it has few
	Carried      uint64 // records that messages brought to copies and to recoveries
	Appends      uint64
	Syncs        uint64
	Replaces     uint64
	Looks        uint64 // reads of disks: only who scrubs reads one
	Rotten       uint64 // looks that found something rotten, which is written anew then
	Spoiled      uint64 // what the disks spoiled, in what they hold or in a read, or had no room to write anew

	Faults  uint64 // of the plan
	GivenUp uint64 // readers that a writer gave up, since it heard nothing of them
}

// An Envelope is one amount, and the bounds that it stays in.
type Envelope struct {
	What        string
	Found       uint64
	Least, Most uint64
}

// The factors of the envelopes. In a thousand runs no amount came nearer to its upper bound than half of it, but for the records in
// messages: one long run in two thousand, whose writer asks again every six milliseconds, had a quarter more than four times each
// allows, which is why it is eight.
const (
	perRecord    = 12  // messages about a record with each copy and reader: it, its answer, gossip, what is sent again
	perTick      = 4   // messages of a node at the end of an interval
	perStart     = 60  // messages with each copy and reader because a node started
	perRequest   = 40  // messages because a client asked for something
	perRead      = 10  // messages because a page was asked for
	carriedEach  = 8   // times that a record comes to each copy: from the writer, and again at each tick in which its answer is still on its way, and from a peer
	carriedStart = 600 // records that a node is brought because it started: a recovery reads the log
	bytesEach    = 300 // bytes of a message that carries neither records nor pages
	writesEach   = 3   // writes of each copy because of a record
	writesStart  = 20  // writes of each copy because a node started
	eachRotten   = 2   // times that a spoiled place is found: once more where a crash came before it was written anew
	givenUpEach  = 2.5 // readers given up because of a fault, and times that each is in a run
	fewLooks     = 20  // one look in so many intervals is enough: a copy that is damaged, or busy with its files, looks at none
)

// Envelopes lists the amounts of a run by check.
func (l *Load) Envelopes() map[Check][]Envelope {
	ticks := uint64(l.Time/max(l.Every, 1)) + 1
	hands := l.Copies + l.Readers + 1
	messages := perRecord*l.Records*hands + perRead*l.Reads + perRequest*l.Requests + perTick*ticks*l.Nodes + perStart*l.Starts*hands
	writes := writesEach*l.Records*l.Copies + writesStart*l.Starts*l.Copies
	all := map[Check][]Envelope{
		faults.Traffic: {
			{What: "messages", Found: l.Messages, Most: messages},
			{What: carried, Found: l.Carried, Most: carriedEach*l.Records*l.Copies + carriedStart*l.Starts},
			{What: "readers given up", Found: l.GivenUp, Most: uint64(givenUpEach * float64(l.Readers+l.Faults+1))},
			{What: "bytes of messages", Found: l.MessageBytes, Most: perRecord*l.LogBytes*hands + perRead*l.Reads*l.PageSize + bytesEach*l.Messages + perStart*l.Starts*l.PageSize},
		},
		faults.Writes: {
			{What: "appends", Found: l.Appends, Most: writes},
			{What: "syncs", Found: l.Syncs, Most: writesEach * (l.Appends + l.Starts + 1)},
			{What: "files replaced", Found: l.Replaces, Most: writes},
		},
	}
	if l.Scrub > 0 {
		intervals := uint64(l.Time/l.Scrub) * l.Segments
		all[faults.Upkeep] = []Envelope{{What: "looks at disks", Found: l.Looks, Least: intervals / fewLooks, Most: 2*intervals + l.Starts + l.Segments},
			{What: "looks that found something rotten", Found: l.Rotten, Most: eachRotten * l.Spoiled}}
	}
	return all
}

// carried is the amount that says nothing of a run that hangs: while it does, records are sent again and again.
const carried = "records in messages"

// hangs tells whether something did not come that was waited for, as a plan beyond the budget may have it.
func (e *Evidence) hangs() bool {
	return e.Stalled || slices.ContainsFunc(e.Waits, func(w Wait) bool { return !w.Met }) || e.Open != nil && len(e.Open.Calls) > 0
}

func (j *Judgement) loads(e *Evidence) {
	if e.Load == nil {
		return
	}
	all := e.Load.Envelopes()
	for _, c := range faults.Checks() {
		for _, x := range all[c] {
			j.made(c)
			if x.What == carried && e.hangs() {
				continue // other checks object to that
			}
			if x.Found < x.Least || x.Found > x.Most {
				j.object(c, &LoadError{Envelope: x, Time: e.Load.Time, Records: e.Load.Records})
			}
		}
	}
}

// A LoadError is an amount outside of its envelope.
type LoadError struct {
	Envelope
	Time    faults.Duration
	Records uint64
}

func (e *LoadError) Error() string { return sentence(e) }

func (e *LoadError) describe(f *Finding) {
	f.Rule = "what a run costs stays inside its envelope"
	f.Subject = fmt.Sprintf("%s in %v of virtual time with %d records logged", e.What, time.Duration(e.Time), e.Records)
	f.Expected, f.Found = fmt.Sprintf("from %d to %d", e.Least, e.Most), fmt.Sprint(e.Found)
}
