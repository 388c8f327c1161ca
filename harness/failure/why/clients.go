package why

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness/sim"
	"github.com/firstgap/firstgap/harness/workload"
	"github.com/firstgap/firstgap/impl/node"
	"github.com/firstgap/firstgap/linearizability"
)

// ofClients explains what a client saw and must not have: the answer that shows it, and what became of the transactions that it is
// about: who acknowledged them and when, at which LSN, and which recovery cut them, by whose answers.
func (s *story) ofClients() {
	f := s.finding
	var names []node.Txn
	if h := s.result.Evidence.Transactions; h != nil {
		for i, id := range s.transactions() {
			if t := transaction(h, id); t != nil {
				s.about.txns[t.Name] = true
				names = append(names, t.Name)
				if i < 2 {
					s.fate(t)
				}
			}
		}
	}
	s.bad = s.contradiction(names)
	if s.bad == 0 {
		return
	}
	b := s.fact(s.bad)
	s.about.add(b)
	who := s.name(b.from)
	if len(s.causes) == 0 {
		s.lastWrites(b)
	}
	said := shortenTo(clientSentence(s), 300)
	if f.Rule == shownDurable {
		said = fmt.Sprintf("%s answered %s too early: %s; it was %s", who, s.name(b.process), f.Subject, f.Found)
	} else if f.Expected != "" || f.Found != "" {
		on := ""
		if len(f.Keys) > 0 {
			on = " about row " + key(f.Keys[0])
		}
		said = fmt.Sprintf("at %s %s answered %s%s: found %s, expected %s (%s)", at(b.at), who, s.name(b.process), on, shortenTo(f.Found, 120), shortenTo(f.Expected, 120), f.Rule)
		if f.Rule == "" {
			said = strings.TrimSuffix(said, " ()")
		}
	}
	s.badWords = fmt.Sprintf("was answered by %s: %s", who, shorten(clientSentence(s)))
	if cause := s.decisiveCause(); cause != "" {
		said += "; " + cause
	}
	s.headline = sentence(said)
}

// shownDurable is the rule by which a value is shown when it is durable.
const shownDurable = "a transaction is shown what is durable"

// historyTxn is a transaction of the client history in what a finding says.
var historyTxn = regexp.MustCompile(`\btransaction (\d+)\b(?:[^.]|$)`)

// transactions lists those that the finding names, in its fields or in its words.
func (s *story) transactions() []uint64 {
	ids := slices.Clone(s.finding.Transactions)
	for _, m := range historyTxn.FindAllStringSubmatch(s.finding.Subject, -1) {
		if id := number(m[1]); !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	return ids
}

// clientSentence is what the finding says, without what every such finding says.
func clientSentence(s *story) string {
	t := s.finding.Sentence()
	for _, prefix := range []string{"strict serializability: ", "linearizability: "} {
		t = strings.TrimPrefix(t, prefix)
	}
	return t
}

// decisiveCause is the cut behind which an acknowledged commit was, or else the last cause before the answer, as a clause.
func (s *story) decisiveCause() string {
	clause := func(c Link) string { return fmt.Sprintf("%s, at %s, %s", c.Node, at(c.At), c.Words) }
	for _, c := range slices.Backward(s.causes) {
		if s.fact(c.Event).action == node.ActDecide {
			return clause(c)
		}
	}
	for _, c := range s.causes {
		if f := s.fact(c.Event); f.kind == sim.EventCrash && len(f.lost) > 0 {
			return clause(c)
		}
	}
	last := -1
	for i, c := range s.causes {
		if c.Event < s.bad && (last < 0 || c.Event > s.causes[last].Event) {
			last = i
		}
	}
	if last < 0 {
		return ""
	}
	return clause(s.causes[last])
}

func transaction(h *workload.History, id uint64) *workload.Transaction {
	for i := range h.Transactions {
		if h.Transactions[i].ID == id {
			return &h.Transactions[i]
		}
	}
	return nil
}

// fate says what became of a transaction.
func (s *story) fate(t *workload.Transaction) {
	commit := s.committing(t.Name, 1)
	reply := s.firstWhere(1, func(f *fact) bool {
		return f.kind == sim.EventReply && f.txn == t.Name && (f.op == node.OpCommit || f.op == node.OpAbort)
	})
	if reply != 0 {
		r := s.fact(reply)
		words := fmt.Sprintf("answered client %d that transaction %v (%d of the history) is %s", t.Client, t.Name, t.ID, outcomeWords(t.Outcome))
		if r.high != 0 {
			words += fmt.Sprintf(", at LSN %d", r.high)
		}
		s.causeOf(r.from, reply, words)
	} else {
		s.must(commit)
	}
	if commit != 0 && t.Outcome == linearizability.Aborted {
		s.cause(commit, fmt.Sprintf("had given the commit of that transaction its LSN %d", s.fact(commit).high))
	}
	for _, k := range s.finding.Keys {
		if n := s.lastWhere(s.end(), func(f *fact) bool {
			return f.kind == sim.EventTrace && (f.action == node.ActWrite || f.action == node.ActUndo) && f.txn == t.Name && slices.Contains(f.keys, k)
		}); n != 0 {
			s.must(n)
		}
	}
	if commit == 0 {
		return
	}
	c := s.fact(commit)
	l, epoch := c.high, c.epoch
	cut := s.firstWhere(commit, func(f *fact) bool {
		return f.kind == sim.EventTrace && f.action == node.ActDecide && f.high < l && f.epoch > epoch
	})
	if cut == 0 || t.Outcome != linearizability.Committed {
		return
	}
	words := fmt.Sprintf("cut the log behind LSN %d, and with it the commit of transaction %v at LSN %d", s.fact(cut).high, t.Name, l)
	if has := s.holders(&node.Record{LSN: l, Epoch: epoch, Group: s.groupOf(l, epoch)}); len(has) > 0 {
		words += ", which had been on the disks of " + names(s.world.Name).list(has)
	} else {
		words += ", which no segment had told as stored"
	}
	s.cause(cut, words)
}

func (s *story) groupOf(l node.LSN, epoch node.Epoch) node.Group {
	for _, r := range s.claims.lines[epoch] {
		if r.LSN == l {
			return r.Group
		}
	}
	return 0
}

func outcomeWords(o linearizability.Outcome) string {
	switch o {
	case linearizability.Committed:
		return "committed"
	case linearizability.Aborted:
		return "aborted"
	}
	return "of unknown outcome"
}

// contradiction returns the answer that shows what must not be: the last one to the first transaction that the finding names, or to the
// audit, that is about its row; without transactions the last answer that is.
func (s *story) contradiction(named []node.Txn) uint64 {
	e := s.result.Evidence
	of := map[node.Txn]bool{}
	if s.finding.Rule != "" && e.Transactions != nil && e.Audit >= 0 && s.finding.Check == faults.Durability {
		of[e.Transactions.Transactions[e.Audit].Name] = true
	} else if len(named) > 0 {
		of[named[0]] = true
	}
	if txns := slices.Sorted(maps.Keys(s.about.txns)); len(of) == 0 && len(txns) > 0 {
		of[txns[0]] = true
	}
	about := func(f *fact) bool {
		if len(s.finding.Keys) == 0 {
			return true
		}
		return slices.ContainsFunc(f.keys, func(k string) bool { return slices.Contains(s.finding.Keys, k) })
	}
	reader := node.ID(0)
	if s.finding.Check == faults.Snapshots && len(s.finding.Nodes) > 0 {
		reader, _ = s.world.Named(s.finding.Nodes[0])
	}
	for _, strict := range []bool{true, false} {
		if n := s.lastWhere(s.end(), func(f *fact) bool {
			if f.kind != sim.EventReply || reader != 0 && f.from != reader {
				return false
			}
			if len(of) > 0 && reader == 0 && !of[f.txn] {
				return false
			}
			return !strict || about(f) && (reader == 0 || len(s.finding.LSNs) == 0 || len(f.keys) > 0 || f.high == s.finding.LSNs[0])
		}); n != 0 {
			return n
		}
	}
	return 0
}

// lostIn returns the first crash of a node that took a write which it began in a step, 0 for none.
func (s *story) lostIn(id node.ID, step uint64) uint64 {
	return s.firstWhere(step, func(f *fact) bool {
		return f.process == id && slices.ContainsFunc(f.lost, func(l sim.LostWrite) bool { return l.Cause == step })
	})
}

// lostOf lists what a crash took of the writes of a step.
func (s *story) lostOf(crash, step uint64) []sim.LostWrite {
	return slices.DeleteFunc(slices.Clone(s.fact(crash).lost), func(l sim.LostWrite) bool { return l.Cause != step })
}

// lastWrites adds who acknowledged the values that were expected and found, of systems without transactions, and the last crash of the node
// that answered in between.
func (s *story) lastWrites(b *fact) {
	since := uint64(0)
	for n := uint64(1); n < s.bad; n++ {
		f := s.fact(n)
		if f.kind != sim.EventRequest || len(f.values) == 0 || !slices.ContainsFunc(f.keys, func(k string) bool { return slices.Contains(s.finding.Keys, k) }) {
			continue
		}
		for _, v := range f.values {
			what := ""
			switch quoted := fmt.Sprintf("%q", v); {
			case strings.Contains(s.finding.Expected, quoted):
				what = "the value that was expected"
			case strings.Contains(s.finding.Found, quoted):
				what = "the value that was found"
			default:
				continue
			}
			reply := s.firstWhere(n, func(r *fact) bool {
				return r.kind == sim.EventReply && r.process == f.from && r.request == f.request && r.from == f.process
			})
			if reply == 0 {
				s.cause(n, fmt.Sprintf("was asked by %s to write %s, %q, and did not answer", s.name(f.from), what, v))
				continue
			}
			s.must(n)
			s.causeOf(f.process, reply, fmt.Sprintf("acknowledged to %s %s, %q", s.name(f.from), what, v))
			since = max(since, reply)
			if crash := s.lostIn(f.process, n); crash != 0 && strings.HasSuffix(what, "expected") {
				s.cause(crash, fmt.Sprintf("crashed (%s) and lost what it had begun to write for that: %s", s.fact(crash).what, lostWords(s.lostOf(crash, n))))
			}
		}
	}
	if crash := s.latest(sim.EventCrash, b.from, s.bad); crash > since && since > 0 {
		s.cause(crash, crashOf(s.fact(crash)))
	}
}
