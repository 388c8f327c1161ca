package why

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/runtime"
	"github.com/firstgap/firstgap/harness/sim"
	"github.com/firstgap/firstgap/impl/node"
)

// An ending is how a run stood when it was over.
type ending struct {
	now        node.Time
	states     map[node.ID]node.State
	running    map[node.ID]bool
	processes  []node.ID // that were ever started
	unanswered []runtime.Unanswered
	damaged    map[node.ID]uint64 // at which event a node was seen first to be damaged, of those that are to the end
	deposed    map[node.ID]uint64 // at which event a node was seen to have given up
}

// take takes down how a run stands.
func (x *ending) take(stage *harness.Stage) {
	*x = standing(stage.Runtime)
	x.unanswered = stage.Runtime.Unanswered()
}

// standing takes down how the nodes of a run stand.
func standing(r runtime.Runtime) ending {
	x := ending{now: r.Now(), states: map[node.ID]node.State{}, running: map[node.ID]bool{}}
	for _, id := range r.Processes() {
		if r.Started(id) == 0 {
			continue
		}
		x.processes = append(x.processes, id)
		x.running[id] = r.Running(id)
		if s, tells := r.State(id); tells {
			x.states[id] = s
		}
	}
	return x
}

// answers says by which message, or which of several, one of a type is answered. A message that is not here waits for nothing.
var answers = map[string][]string{
	"append": {"appended", "stale", "not-joined", "damaged"}, "fence": {"fenced", "stale", "damaged"}, "join": {"joined", "stale", "damaged"},
	"read-log": {"log-records", "stale", "not-joined", "damaged"}, "read-page": {"page-image", "behind", "below-floor", "stale", "not-joined", "damaged"},
	"read-snapshot": {"page-image", "behind", "below-floor", "not-joined", "damaged"}, "confirm": {"confirmed", "stale", "not-joined", "damaged"},
	"gossip-ask": {"gossip-give"}, "fill-ask": {"fill-give"}, "read-epoch": {"current-epoch"}, "swap": {"swapped"}, "change": {"changed"}, "watch": {"health"},
	"offer": {"follow"}, "anew": {"follow"}, "stream": {"follow"}, "put-object": {"object-kept"}, "get-object": {"object-read"}, "list-objects": {"object-list"},
	"attach-disk": {"disk-attached", "attach-refused"}, "open-disk": {"disk-opened", "disk-closed", "disk-blank"}, "write-disk": {"disk-written", "disk-closed"},
	"read-block": {"block-data", "disk-closed"}, "read-disk-log": {"disk-log", "disk-closed"}, "mirror-open": {"mirror-opened"}, "mirror-write": {"mirror-written"},
	"store-object": {"object-stored"}, "fetch-object": {"object-fetched"}, "read-register": {"register-value"}, "write-register": {"register-written"},
}

// A question is what one node has asked of another without an answer since.
type question struct {
	asker, asked node.ID
	what         string
	first, last  uint64 // events: of their delivery, or of their loss
	times, lost  int
}

// questions lists what was asked and not answered, of those that still run, the oldest first.
func (s *story) questions() (all []*question) {
	type pair struct {
		asker, asked node.ID
		what         string
	}
	open := map[pair]*question{}
	answered := map[string][]string{} // by a message: of which types it is the answer
	for what, by := range answers {
		for _, answer := range by {
			answered[answer] = append(answered[answer], what)
		}
	}
	for n := uint64(1); n <= s.end(); n++ {
		f := &s.facts[n]
		if f.kind == sim.EventCrash || f.kind == sim.EventStart {
			for p := range open {
				if p.asker == f.process {
					delete(open, p)
				}
			}
			continue
		}
		if f.kind != sim.EventMessage && f.kind != sim.EventLost || f.what == "" {
			continue
		}
		if f.kind == sim.EventMessage {
			for _, what := range answered[f.what] {
				delete(open, pair{f.process, f.from, what})
			}
		}
		if answers[f.what] == nil {
			continue
		}
		p := pair{f.from, f.process, f.what}
		q := open[p]
		if q == nil {
			q = &question{asker: f.from, asked: f.process, what: f.what, first: n}
			open[p] = q
		}
		q.last = n
		q.times++
		if f.kind == sim.EventLost {
			q.lost++
		}
	}
	for _, q := range open {
		if s.over.running[q.asker] {
			all = append(all, q)
		}
	}
	slices.SortFunc(all, func(a, b *question) int { return cmp.Compare(a.first, b.first) })
	return all
}

// asleep tells whether what was asked was lost, all of it, and is not asked again: no answer can come any more.
func (s *story) asleep(q *question) bool {
	return q.lost == q.times && s.fact(q.last).at < s.over.now.Add(-recent)
}

func b2i(is bool) int {
	if is {
		return 1
	}
	return 0
}

// recent is how long before the end something has to have been to be still going on, and settle how long what was asked may
// still be answered, or asked again.
const (
	recent = time.Second
	settle = 100 * time.Millisecond
)

// wait makes a wait of a question.
func (s *story) wait(q *question) Wait {
	f := s.fact(q.last)
	return Wait{Node: s.name(q.asker), For: "an answer to " + s.plain(q.last), Of: s.name(q.asked), Since: s.fact(q.first).at, Ends: s.ends(q, f)}
}

// plain says what a message is, of an event that is not shown with all its words.
func (s *story) plain(n uint64) string {
	f := s.fact(n)
	what := f.what
	if f.high != 0 {
		if f.low == f.high {
			what += fmt.Sprintf(" (LSN %d)", f.high)
		} else {
			what += fmt.Sprintf(" (LSNs %d to %d)", f.low, f.high)
		}
	} else if f.epoch != 0 {
		what += fmt.Sprintf(" (epoch %d)", f.epoch)
	}
	return what
}

func (s *story) ends(q *question, last *fact) string {
	asked, asker := s.name(q.asked), s.name(q.asker)
	still := s.over.now.Add(-recent) < last.at
	switch {
	case !s.over.running[q.asked]:
		return asked + " runs again: it is down"
	case q.lost == q.times && !still:
		return fmt.Sprintf("%s asks again: all %d that it sent were lost, the last at %s (%v), and it has sent none since", asker, q.times, at(last.at), last.reason)
	case q.lost == q.times:
		return fmt.Sprintf("one arrives: all %d were lost (%v)", q.times, last.reason)
	case !still:
		return fmt.Sprintf("%s answers, or %s asks again: %d of %d came, and the last was sent at %s", asked, asker, q.times-q.lost, q.times, at(last.at))
	}
	return fmt.Sprintf("%s answers: %d of %d came, the last at %s", asked, q.times-q.lost, q.times, at(last.at))
}

// mostWaits bounds the waits that are shown.
const mostWaits = 8

// ofStall explains that something did not come: who waits for whom, and what a node does no longer.
func (s *story) ofStall() {
	f := s.finding
	s.rewind(s.moment())
	if open := s.result.Evidence.Open; open != nil && f.Check == faults.Answers {
		// The last upheaval has swept them away since.
		s.over.unanswered = nil
		for _, c := range open.Calls {
			by, _ := s.world.Named(c.Node)
			client, _ := s.world.Named(c.Client)
			s.over.unanswered = append(s.over.unanswered, runtime.Unanswered{Process: by, Client: client, Request: c.Request, Since: c.Since, Op: s.opOf(client, c.Request)})
		}
	}
	stuck := s.stuck()
	for _, id := range stuck {
		s.about.nodes[id] = true
	}
	for i := range f.Nodes {
		if id, known := s.world.Named(f.Nodes[i]); known && s.fact(s.last[id]) != nil {
			s.about.nodes[id] = true
		}
	}
	s.callers()
	var own, others []*question
	for _, q := range s.questions() {
		if s.over.now.Add(-settle) < s.fact(q.first).at {
			continue // it may still be answered
		}
		switch {
		case slices.Contains(stuck, q.asker):
			own = append(own, q)
		case slices.Contains(stuck, q.asked):
			others = append(others, q)
		}
	}
	slices.SortStableFunc(own, func(a, b *question) int { return cmp.Compare(b2i(s.asleep(b)), b2i(s.asleep(a))) })
	for _, q := range append(own, others...) {
		if len(s.waits) < mostWaits {
			s.waits = append(s.waits, s.wait(q))
			s.must(q.first)
		}
	}
	s.behind(stuck)
	silences := s.silences(stuck)
	for _, x := range silences[:min(len(silences), 3)] {
		s.causeOf(x.id, x.last, x.words)
	}
	held := s.held(stuck)
	s.refused(stuck)
	s.deeds(stuck)
	s.incomplete(stuck)
	lacks := s.lacking(stuck)
	given := ""
	if g, is := groupIn(f.Subject); is && f.Check == faults.Replacement {
		given = s.membersOf(g)
	}
	if f.Check == faults.Floor && len(stuck) > 0 {
		given = cmp.Or(held, s.unheard(stuck[0]))
	}
	if f.Check == faults.Wholeness && len(stuck) > 0 {
		given = s.damage(stuck[0])
	}
	if f.Check == faults.Replacement && len(stuck) > 0 {
		given = s.suspected(stuck[0])
	}
	if f.Check == faults.CatchUp && len(stuck) > 0 {
		given = s.lagging(stuck[0])
	}
	if f.Check == faults.Progress && (len(stuck) == 0 || s.over.states[stuck[0]].Role != "writer") {
		given = s.gaveUp()
	}
	if given == "" && f.Check == faults.Progress && len(stuck) > 0 && s.over.states[stuck[0]].Damaged {
		given = s.lostBefore(stuck[0], s.end())
	}
	s.stallHeadline(stuck, own, silences, lacks, given)
}

// stuck are the nodes that a finding is about, or else the node that should be active: the one of the newest epoch that runs.
func (s *story) stuck() (ids []node.ID) {
	for _, n := range s.finding.Nodes {
		if id, known := s.world.Named(n); known && slices.Contains(s.over.processes, id) {
			ids = append(ids, id)
		}
	}
	if len(ids) > 0 || s.finding.Check != faults.Progress {
		return ids
	}
	newest := s.newestWriter(func(_ node.ID, st node.State) bool { return !st.Deposed })
	if newest == 0 {
		// No node says that it is active: those that clients wait for.
		for _, u := range s.over.unanswered {
			if !slices.Contains(ids, u.Process) {
				ids = append(ids, u.Process)
			}
		}
		return ids[:min(len(ids), 3)]
	}
	return []node.ID{newest}
}

// newestWriter is the writer of the newest epoch, of those that may be it, 0 for none.
func (s *story) newestWriter(may func(node.ID, node.State) bool) (newest node.ID) {
	for _, id := range s.over.processes {
		if st, tells := s.over.states[id]; tells && st.Role == "writer" && st.Epoch >= s.over.states[newest].Epoch && may(id, st) {
			newest = id
		}
	}
	return newest
}

// callers adds the waits of clients.
func (s *story) callers() {
	shown := 0
	for _, u := range s.over.unanswered {
		if s.over.now.Add(-settle) < u.Since || shown == 3 || s.finding.Check != faults.Progress && s.finding.Check != faults.Answers {
			continue
		}
		if s.finding.Check == faults.Answers && !strings.Contains(s.finding.Subject, fmt.Sprintf("request %d of %s,", u.Request, s.name(u.Client))) {
			continue
		}
		shown++
		n := s.firstWhere(1, func(f *fact) bool {
			return f.kind == sim.EventRequest && f.process == u.Process && f.from == u.Client && f.request == u.Request
		})
		s.must(n)
		w := Wait{Node: s.name(u.Client), For: fmt.Sprintf("the answer to its %v, request %d", u.Op, u.Request), Of: s.name(u.Process), Since: u.Since,
			Ends: fmt.Sprintf("%s answers: it %s", s.name(u.Process), s.stateOf(u.Process))}
		if f := s.fact(n); f != nil {
			if f.txn != 0 {
				s.about.txns[f.txn] = true
			}
			if ends := s.blocked(n); ends != "" {
				w.Ends = ends
			}
		}
		s.waits = append(s.waits, w)
	}
}

// waitsItself says how a transaction stands that has not ended: its last call is not answered either, or its client asks for nothing more.
func (s *story) waitsItself(txn node.Txn) string {
	n := s.lastWhere(s.end(), func(f *fact) bool { return f.kind == sim.EventRequest && f.txn == txn })
	f := s.fact(n)
	if f == nil {
		return ""
	}
	s.must(n)
	on := ""
	if len(f.keys) > 0 {
		on = " on row " + key(f.keys[0])
	}
	reply := s.firstWhere(n, func(r *fact) bool {
		return r.isReply && r.request == f.request && (r.process == f.from && r.from == f.process)
	})
	if reply == 0 {
		return fmt.Sprintf("; its own call, %v%s of %s at %s, is not answered either", f.op, on, s.name(f.from), at(f.at))
	}
	return fmt.Sprintf("; its last call, %v%s of %s at %s, was answered at %s, and %s has asked for nothing in it since", f.op, on, s.name(f.from), at(f.at), at(s.fact(reply).at), s.name(f.from))
}

// opOf returns what a client asked for by a request.
func (s *story) opOf(client node.ID, request uint64) node.Op {
	n := s.firstWhere(1, func(f *fact) bool { return f.kind == sim.EventRequest && f.from == client && f.request == request })
	if n == 0 {
		return 0
	}
	return s.fact(n).op
}

func (s *story) stateOf(id node.ID) string {
	if st, tells := s.over.states[id]; tells && s.over.running[id] {
		return "is " + st.String()
	}
	return choose(s.over.running[id], "runs", "is down")
}

// holder says who has the rows of a call that is not answered, as far as the log says: who wrote them last, and what became of that
// transaction.
func (s *story) holder(request uint64) string {
	f := s.fact(request)
	for _, k := range f.keys {
		last := s.lastWhere(s.end(), func(x *fact) bool {
			return x.kind == sim.EventTrace && (x.action == node.ActWrite || x.action == node.ActUndo) && x.process == f.process && slices.Contains(x.keys, k)
		})
		if last == 0 {
			continue
		}
		by := s.fact(last).txn
		if by == f.txn {
			continue
		}
		s.about.keys[k], s.about.txns[by] = true, true
		s.must(last)
		commit := s.committing(by, last)
		end := s.firstWhere(last, func(x *fact) bool { return x.kind == sim.EventTrace && x.action == node.ActAck && x.txn == by })
		switch {
		case end != 0 && end < request, s.fact(last).action == node.ActUndo && last < request:
			continue // it held the row no more when the call came
		case end != 0:
			s.cause(end, fmt.Sprintf("acknowledged transaction %v, which had written row %s last: no transaction holds the row by then, and the call on it is not taken up again", by, key(k)))
			return fmt.Sprintf("%s goes on with it: row %s was written last by transaction %v, which was acknowledged at %s", s.name(f.process), key(k), by, at(s.fact(end).at))
		case s.fact(last).action == node.ActUndo:
			s.cause(last, fmt.Sprintf("took back what transaction %v had written to row %s: no transaction holds the row by then, and the call on it is not taken up again", by, key(k)))
			return fmt.Sprintf("%s goes on with it: transaction %v, which had row %s, was taken back at %s", s.name(f.process), by, key(k), at(s.fact(last).at))
		case commit != 0:
			s.cause(commit, fmt.Sprintf("gave the commit of transaction %v, which has row %s, its LSN %d, and has not acknowledged it", by, key(k), s.fact(commit).high))
			return fmt.Sprintf("LSN %d is durable, and with it the commit of transaction %v, which has row %s", s.fact(commit).high, by, key(k))
		default:
			s.cause(last, fmt.Sprintf("wrote row %s for transaction %v, which neither commits nor is taken back to the end%s", key(k), by, s.waitsItself(by)))
			return fmt.Sprintf("transaction %v, which has row %s since %s, commits or is taken back", by, key(k), at(s.fact(last).at))
		}
	}
	// No transaction that still has it has written it: others may have read it. One that has not ended comes before those that have.
	type asker struct {
		n, end uint64
		key    string
	}
	var held, freed asker
	for _, k := range f.keys {
		seen := map[node.Txn]bool{}
		for n := request; n > 0 && held.n == 0; n-- {
			x := s.fact(n)
			if x.kind != sim.EventRequest || x.process != f.process || x.txn == f.txn || x.txn == 0 || seen[x.txn] || !slices.Contains(x.keys, k) {
				continue
			}
			seen[x.txn] = true
			switch end := s.endOf(x.txn, f.process); {
			case end == 0:
				held = asker{n, 0, k}
			case end > request && end > freed.end:
				freed = asker{n, end, k}
			}
		}
	}
	switch {
	case held.n != 0:
		x := s.fact(held.n)
		s.about.txns[x.txn], s.about.keys[held.key] = true, true
		s.cause(held.n, fmt.Sprintf("was asked for row %s by transaction %v, which has not ended%s", key(held.key), x.txn, s.waitsItself(x.txn)))
		return fmt.Sprintf("transaction %v, which asked for row %s before, ends", x.txn, key(held.key))
	case freed.n != 0:
		x := s.fact(freed.n)
		s.about.txns[x.txn], s.about.keys[freed.key] = true, true
		s.must(freed.n)
		s.causeOf(f.process, freed.end, fmt.Sprintf("ended transaction %v, which had asked for row %s before; the call on it is not taken up again", x.txn, key(freed.key)))
		return fmt.Sprintf("%s goes on with it: transaction %v, which asked for row %s before, ended at %s", s.name(f.process), x.txn, key(freed.key), at(s.fact(freed.end).at))
	}
	return ""
}

// endOf returns the answer by which a node ended a transaction, delivered or lost, 0 for none.
func (s *story) endOf(txn node.Txn, by node.ID) uint64 {
	last := s.lastWhere(s.end(), func(f *fact) bool {
		return f.kind == sim.EventRequest && f.process == by && f.txn == txn && (f.op == node.OpCommit || f.op == node.OpAbort)
	})
	f := s.fact(last)
	if f == nil {
		return 0
	}
	return s.firstWhere(last, func(r *fact) bool {
		return r.isReply && r.request == f.request && (r.process == f.from && r.from == by || r.process == by && r.from == f.from)
	})
}

// committing returns the event by which a transaction's commit got its LSN, 0 for none.
func (s *story) committing(txn node.Txn, from uint64) uint64 {
	return s.firstWhere(from, func(x *fact) bool { return x.kind == sim.EventTrace && x.action == node.ActCommit && x.txn == txn })
}

// A silence is something that a node does no longer, or never did, and its likes do.
type silence struct {
	id    node.ID
	last  uint64 // when it did so last; where it never did, when it started
	words string
}

// A deed is what a node does by itself, now and then.
type deed struct {
	id   node.ID
	what string
}

// silences lists what the nodes given do no longer, and others of their kind do. A kind is what the name says before its numbers.
func (s *story) silences(ids []node.ID) (found []silence) {
	last, does := map[deed]uint64{}, map[string]map[string]bool{} // the second by kind of node: what some of it do
	count := map[deed]int{}
	did := func(id node.ID, what string, n uint64) {
		d := deed{id, what}
		last[d] = n
		count[d]++
		k := s.kind(id)
		if does[k] == nil {
			does[k] = map[string]bool{}
		}
		does[k][what] = true
	}
	for n := uint64(1); n <= s.end(); n++ {
		if f := &s.facts[n]; (f.kind == sim.EventMessage || f.kind == sim.EventLost) && f.what != "" && answers[f.what] != nil {
			did(f.from, f.what, n)
		}
	}
	for id, ops := range s.disks {
		for _, o := range ops {
			if o.Replace && o.Cause > 0 {
				did(id, "replace of "+o.File, o.Cause)
			}
		}
	}
	for _, id := range ids {
		if !s.over.running[id] {
			continue
		}
		for _, what := range slices.Sorted(maps.Keys(does[s.kind(id)])) {
			own := last[deed{id, what}]
			peers, all, before := 0, 0, s.over.now.Add(-recent)
			for _, p := range s.over.processes {
				if s.kind(p) == s.kind(id) && s.over.running[p] {
					all++
				}
				if p != id && s.kind(p) == s.kind(id) && s.over.running[p] && last[deed{p, what}] != 0 && s.fact(last[deed{p, what}]).at > before {
					peers++
				}
			}
			if peers < 2 || 2*peers < all || own != 0 && s.fact(own).at > before {
				continue
			}
			x := silence{id: id, last: own}
			if own == 0 {
				x.last = s.latest(sim.EventStart, id, s.end())
				x.words = fmt.Sprintf("never did what %d of its kind do to the end: %s", peers, what)
			} else {
				x.words = fmt.Sprintf("did for the last time, after %s, what %d of its kind do to the end: %s", times(count[deed{id, what}]), peers, what)
			}
			found = append(found, x)
		}
	}
	slices.SortFunc(found, func(a, b silence) int { return cmp.Or(cmp.Compare(a.last, b.last), cmp.Compare(a.words, b.words)) })
	return found
}

// kind is what a node's name says before its numbers.
func (s *story) kind(id node.ID) string { return kindOf(s.name(id)) }

func kindOf(name string) string {
	if at := strings.IndexAny(name, " 0123456789"); at > 0 {
		return name[:at]
	}
	return name
}

// held says what holds the floor of a writer back: the read points that readers reported last, and queries that have not ended.
func (s *story) held(stuck []node.ID) (said string) {
	if s.finding.Check != faults.Floor && s.finding.Check != faults.Collection || len(stuck) == 0 {
		return ""
	}
	writer := stuck[0]
	if s.finding.Check == faults.Collection {
		if st := s.over.states[writer]; st.Role == "segment" {
			return ""
		}
	}
	collect := s.lastWhere(s.end(), func(f *fact) bool { return f.action == node.ActCollect && f.process == writer })
	type reported struct {
		n  uint64
		id node.ID
	}
	lowest := map[node.ID]uint64{}
	for n := uint64(1); n <= s.end(); n++ {
		switch f := &s.facts[n]; {
		case f.process != writer || f.kind != sim.EventTrace:
		case f.action == node.ActReport:
			lowest[f.from] = n
		case f.action == node.ActGiveUp:
			delete(lowest, f.from)
		}
	}
	var all []reported
	for id, n := range lowest {
		all = append(all, reported{n, id})
	}
	slices.SortFunc(all, func(a, b reported) int {
		return cmp.Or(cmp.Compare(s.fact(a.n).high, s.fact(b.n).high), cmp.Compare(a.n, b.n))
	})
	vdl := s.over.states[writer].VDL
	for _, x := range all[:min(len(all), 2)] {
		if s.fact(x.n).high >= vdl {
			continue
		}
		s.cause(x.n, fmt.Sprintf("noted, for the last time, that %s reads nothing below LSN %d; %s %s", s.name(x.id), s.fact(x.n).high, s.name(x.id), s.stateOf(x.id)))
		if q := s.openQuery(x.id); q != "" {
			said = q
		}
	}
	if collect != 0 {
		s.cause(collect, fmt.Sprintf("let segments drop what lies below LSN %d, and told them no higher point since", s.fact(collect).high))
	} else if start := s.lastWhere(s.end(), func(f *fact) bool { return f.process == writer && f.action == node.ActOpen }); start != 0 {
		s.cause(start, "began to serve, and has never let segments drop anything since")
	}
	s.openTransaction(writer)
	return said
}

// openTransaction adds the first transaction on a writer's log that neither committed nor was taken back, as far as its records say.
func (s *story) openTransaction(writer node.ID) {
	open := map[node.Txn]uint64{}
	for n := uint64(1); n <= s.end(); n++ {
		switch f := &s.facts[n]; {
		case f.process != writer || f.kind != sim.EventTrace || f.txn == 0:
		case f.action == node.ActWrite && open[f.txn] == 0:
			open[f.txn] = n
		case f.action == node.ActCommit, f.action == node.ActUndo:
			delete(open, f.txn)
		}
	}
	first := earliest(open)
	if first != 0 {
		s.cause(first, fmt.Sprintf("wrote record %d, the first of transaction %v, which has neither committed nor been taken back", s.fact(first).high, s.fact(first).txn))
	}
}

// deeds says how often, and when last, a copy has put a file anew: that is how it turns log into pages, and drops log.
func (s *story) deeds(stuck []node.ID) {
	switch s.finding.Check {
	case faults.Collection, faults.Storage:
	default:
		return
	}
	for _, id := range stuck {
		last, count := map[string]*operation{}, map[string]int{}
		for _, o := range s.disks[id] {
			if o.Replace {
				last[o.File] = o
				count[o.File]++
			}
		}
		for _, name := range appendedFiles(s.disks[id]) {
			bytes, since := 0, uint64(0)
			for _, o := range s.disks[id] {
				switch {
				case o.File != name:
				case o.Replace:
					bytes, since = 0, 0
				default:
					if since == 0 {
						since = o.Cause
					}
					bytes += o.Bytes
				}
			}
			if since != 0 && last[name] == nil {
				s.causeOf(id, since, fmt.Sprintf("began to append to its file %s: %d bytes to the end, and it has never put it anew, with less in it", name, bytes))
			} else if since != 0 {
				s.causeOf(id, since, fmt.Sprintf("began to append to its file %s what is in it now beside what it was put anew with: %d bytes to the end", name, bytes))
			}
		}
		var files []string
		for f := range last {
			files = append(files, f)
		}
		slices.SortFunc(files, func(a, b string) int { return cmp.Or(cmp.Compare(last[a].Cause, last[b].Cause), cmp.Compare(a, b)) })
		for _, f := range files[:min(len(files), 3)] {
			o := last[f]
			s.causeOf(id, o.Cause, fmt.Sprintf("put its file %s anew, with %d bytes, for the last time: it did so %s, and not in the %v since", f, o.Bytes, times(count[f]), sinceWhen(o.at, s.over.now).Round(time.Millisecond)))
		}
		if len(files) == 0 {
			if start := s.latest(sim.EventStart, id, s.end()); start != 0 {
				s.causeOf(id, start, "started, and has put no file anew since: no log of its was turned into pages")
			}
		}
	}
}

// appendedFiles lists the files that were appended to, ascending.
func appendedFiles(ops []*operation) (files []string) {
	for _, o := range ops {
		if !o.Sync && !o.Replace && !slices.Contains(files, o.File) {
			files = append(files, o.File)
		}
	}
	slices.Sort(files)
	return files
}

// incomplete says which record keeps a writer from getting on, and what became of it: the first above its VDL, or, of one that repairs,
// the one that is on the fewest disks.
func (s *story) incomplete(stuck []node.ID) {
	if s.finding.Check != faults.Progress && s.finding.Check != faults.Answers {
		return
	}
	for _, u := range s.over.unanswered {
		if !slices.Contains(stuck, u.Process) && len(stuck) < 4 {
			stuck = append(stuck, u.Process)
		}
	}
	for _, id := range stuck {
		st, tells := s.over.states[id]
		if !tells || st.Role != "writer" || st.Deposed {
			continue
		}
		var missing *node.Record
		fewest := 0
		for _, r := range s.claims.lines[st.Epoch] {
			if st.Phase == "open" {
				if r.LSN > st.VDL {
					missing, fewest = r, len(s.holders(r))
					break
				}
				continue
			}
			if n := len(s.holders(r)); r.LSN > st.Floor && (missing == nil || n < fewest) {
				missing, fewest = r, n
			}
		}
		copies := 0
		for _, g := range s.claims.group {
			if missing != nil && g == missing.Group {
				copies++
			}
		}
		if missing == nil || st.Phase != "open" && 2*fewest > copies {
			if st.Phase != "open" {
				s.exchange(id, s.end())
			}
			continue
		}
		issued := s.firstWhere(1, func(f *fact) bool {
			return f.kind == sim.EventTrace && f.has(missing.LSN) && issues(f.action)
		})
		came, lost, last := s.sent(missing.LSN, 0)
		s.about.lsns[missing.LSN] = true
		words := fmt.Sprintf("cannot count record %s of group %d as complete: it is on the disks of %s; it was sent to segments %s, and lost %s", identity(missing), missing.Group+1,
			names(s.world.Name).list(s.holders(missing)), times(came+lost), times(lost))
		if st.Phase != "open" {
			words = fmt.Sprintf("has to have all that it kept on a write quorum before it opens: record %s of group %d is on the disks of %s; it was sent to segments %s, and lost %s", identity(missing), missing.Group+1,
				names(s.world.Name).list(s.holders(missing)), times(came+lost), times(lost))
		}
		if last != 0 {
			words += fmt.Sprintf(", and the last was sent at %s", at(s.fact(last).at))
			s.must(last)
		}
		if n := cmp.Or(last, issued); n != 0 {
			s.causeOf(id, n, words)
		}
	}
}

// behind adds what a writer that does not open waits for: the segments that answer, again and again, that they have less than the log that
// it kept.
func (s *story) behind(stuck []node.ID) {
	for _, id := range stuck {
		st, tells := s.over.states[id]
		if s.finding.Check != faults.Progress || !tells || st.Role != "writer" || st.Serving {
			continue
		}
		last := map[node.Group]node.LSN{}
		for _, r := range s.claims.lines[st.Epoch] {
			last[r.Group] = r.LSN
		}
		var segments []node.ID
		for seg := range s.claims.group {
			segments = append(segments, seg)
		}
		slices.Sort(segments)
		for _, seg := range segments {
			need, has, since, often := last[s.claims.group[seg]], node.LSN(0), uint64(0), 0
			for n := uint64(1); n <= s.end(); n++ {
				f := &s.facts[n]
				if f.kind != sim.EventMessage || f.process != id || f.from != seg || f.what != "appended" && f.what != "joined" || f.epoch != st.Epoch {
					continue
				}
				if often == 0 || f.high != has {
					has, since, often = f.high, n, 0
				}
				often++
			}
			if often == 0 || has >= need || len(s.waits) == mostWaits {
				continue
			}
			s.must(since)
			s.about.nodes[seg] = true
			next := ""
			for _, r := range s.claims.lines[st.Epoch] {
				if r.Group == s.claims.group[seg] && r.LSN > has {
					next = fmt.Sprintf(", and record %s, the next that it lacks, came to it %s since", identity(r), times(s.since(since, r.LSN, seg)))
					break
				}
			}
			s.waits = append(s.waits, Wait{Node: s.name(id), For: fmt.Sprintf("the answer that it has everything up to LSN %d", need), Of: s.name(seg), Since: s.fact(since).at,
				Ends: fmt.Sprintf("%s has more than LSN %d, which it has answered %s since; it %s%s", s.name(seg), has, times(often), s.stateOf(seg), next)})
		}
	}
}

// since counts how often a record came to a segment after an event.
func (s *story) since(n uint64, l node.LSN, to node.ID) (came int) {
	for ; n <= s.end(); n++ {
		if f := &s.facts[n]; f.kind == sim.EventMessage && f.process == to && bringsRecords(f.what) && f.has(l) {
			came++
		}
	}
	return came
}

// bringsRecords tells whether a message of a type brings records. One that asks for some names them, too.
func bringsRecords(what string) bool {
	return what == "append" || what == "gossip-give" || what == "log-records"
}

// exchange says what a node sends and gets over and over in the second before an event, one line a type.
func (s *story) exchange(id node.ID, end uint64) {
	type way struct {
		what string
		sent bool
	}
	last, count := map[way]uint64{}, map[way]int{}
	for n := end; n > 0 && s.fact(n).at > s.fact(end).at.Add(-recent); n-- {
		f := s.fact(n)
		if f.kind != sim.EventMessage || f.process != id && f.from != id || f.what == "ping" || f.what == "pong" {
			continue
		}
		w := way{f.what, f.from == id}
		if last[w] == 0 {
			last[w] = n
		}
		count[w]++
	}
	var ways []way
	for w := range last {
		ways = append(ways, w)
	}
	slices.SortFunc(ways, func(a, b way) int {
		return cmp.Or(cmp.Compare(count[b], count[a]), cmp.Compare(a.what, b.what), cmp.Compare(b2i(a.sent), b2i(b.sent)))
	})
	for _, w := range ways[:min(len(ways), 4)] {
		f := s.fact(last[w])
		other := f.from
		if w.sent {
			other = f.process
		}
		s.causeOf(id, last[w], fmt.Sprintf("%s %s in the second up to then: %s %s %s", choose(w.sent, "sent", "got"), times(count[w]), s.plain(last[w]), choose(w.sent, "to", "from"), s.name(other)))
	}
}

// holders lists the nodes that told a record as stored, or have images of it.
func (s *story) holders(r *node.Record) (ids []node.ID) {
	for id := range s.claims.group {
		has := s.claims.stored[id][recordID{r.LSN, r.Epoch}] != 0
		if !has && s.claims.group[id] == r.Group {
			has = slices.ContainsFunc(s.claims.filled[id], func(f filled) bool { return f.upTo >= r.LSN })
		}
		if has {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// sent counts how often a record came to a segment, 0 for any, and was lost on its way, and returns when it was sent last.
func (s *story) sent(l node.LSN, to node.ID) (came, lost int, last uint64) {
	for n := uint64(1); n <= s.end(); n++ {
		f := &s.facts[n]
		if to != 0 && f.process != to || !f.has(l) || !bringsRecords(f.what) {
			continue
		}
		switch f.kind {
		case sim.EventMessage:
			came, last = came+1, n
		case sim.EventLost:
			lost, last = lost+1, n
		}
	}
	return came, lost, last
}

// lacking says which is the first record that a copy lacks of its group's log, who has it, and what became of it; it is empty where no copy lacks any.
func (s *story) lacking(ids []node.ID) string {
	for _, id := range ids {
		st, tells := s.over.states[id]
		group, known := s.claims.group[id]
		if !tells || !known || st.Role != "segment" {
			continue
		}
		for _, r := range s.claims.lines[s.claims.newest()] {
			if r.Group != group || r.LSN <= st.SCL || r.LSN <= st.Floor {
				continue
			}
			has := slices.DeleteFunc(s.holders(r), func(o node.ID) bool { return o == id })
			came, lost, last := s.sent(r.LSN, id)
			s.about.lsns[r.LSN] = true
			words := fmt.Sprintf("record %s, which is on the disks of %s, came to it %s and was lost %s on its way", identity(r), names(s.world.Name).list(has), times(came), times(lost))
			if last != 0 {
				s.must(last)
				words += fmt.Sprintf(", for the last time at %s", at(s.fact(last).at))
			}
			return words
		}
	}
	return ""
}

// stallHeadline says what stands still, and for want of what.
func (s *story) stallHeadline(stuck []node.ID, own []*question, silences []silence, lacks, given string) {
	f := s.finding
	what := ""
	switch f.Check {
	case faults.Progress:
		what = "Nothing came of what was waited for: " + f.Expected
		if len(stuck) > 0 {
			what = fmt.Sprintf("%s does not get on: it %s, and there was no %s", s.name(stuck[0]), s.stateOf(stuck[0]), strings.TrimPrefix(f.Expected, "an "))
		}
	case faults.Answers:
		what = fmt.Sprintf("%s never answered %s", f.Nodes[0], strings.Replace(f.Subject, ", asked of "+f.Nodes[0], ",", 1))
	default:
		what = fmt.Sprintf("%s: expected %s, found %s", f.Subject, f.Expected, f.Found)
	}
	because := ""
	switch {
	case given != "":
		because = given
	case f.Check == faults.Progress && len(own) > 0 && s.asleep(own[0]):
		var whom []string
		for _, q := range own {
			if s.asleep(q) && q.what == own[0].what {
				whom = append(whom, s.name(q.asked))
			}
		}
		last := s.fact(own[0].last)
		because = fmt.Sprintf("its %s to %s was lost, each %s, the last at %s (%v), and it has sent none since: it asks no more, and waits for the answers", s.plain(own[0].last), join(whom), times(own[0].times), at(last.at), last.reason)
		s.causeOf(own[0].asker, own[0].last, fmt.Sprintf("sent %s to %s for the last time, and it was lost (%v)", s.plain(own[0].last), s.name(own[0].asked), last.reason))
	case f.Check == faults.Progress && len(s.waits) > 0 && len(stuck) > 0 && s.waits[len(s.waits)-1].Node == s.name(stuck[0]):
		w := s.waits[len(s.waits)-1]
		others := 0
		for _, x := range s.waits {
			if x.Node == w.Node && x.For == w.For {
				others++
			}
		}
		because = fmt.Sprintf("it waits for %s of %s%s since %s, which comes when %s", w.For, w.Of, choose(others > 1, fmt.Sprintf(" and %d more", others-1), ""), at(w.Since), w.Ends)
	case f.Check == faults.Answers && len(s.waits) > 0 && len(s.causes) > 0:
		because = s.causes[0].clause()
	case lacks != "" && f.Check == faults.CatchUp:
		because = lacks
	case len(silences) > 0 && f.Check != faults.Progress:
		x := silences[len(silences)-1]
		because = fmt.Sprintf("%s, at %s, %s", s.name(x.id), at(s.fact(x.last).at), x.words)
	case len(s.causes) > 0:
		because = s.causes[0].clause()
	case len(own) > 0:
		w := s.wait(own[0])
		because = fmt.Sprintf("%s waits since %s for %s of %s, which comes when %s", w.Node, at(w.Since), w.For, w.Of, w.Ends)
	case len(s.waits) > 0:
		w := s.waits[0]
		because = fmt.Sprintf("%s waits since %s for %s of %s, which comes when %s", w.Node, at(w.Since), w.For, w.Of, w.Ends)
	}
	if lacks != "" && f.Check == faults.CatchUp {
		s.allowed = []string{f.Expected}
	}
	if because != "" {
		what += "; " + because
	}
	s.headline = sentence(what)
}
