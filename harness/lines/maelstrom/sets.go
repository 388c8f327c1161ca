package maelstrom

import (
	"cmp"
	"slices"
	"time"

	"github.com/firstgap/firstgap/impl/node"
)

// The rules of the workloads broadcast and g-set, besides AbortedRead and FutureRead.
const (
	// Lost: an element that was known to be there is missing in the read that began last of those that could have shown it.
	Lost = "lost"
	// MissingAtTheEnd: an element that was known to be there is missing in a read after the faults. Maelstrom looks at the
	// last of these reads alone.
	MissingAtTheEnd = "missing-at-the-end"
	// NeverAdded: a read shows an element that no client has added.
	NeverAdded = "never-added"
	// DuplicateElement: a read shows an element twice.
	DuplicateElement = "duplicate-element"
	// NothingStable: not one element was added and then always shown, so the run says nothing. It is never decided.
	NothingStable = "nothing-stable"
)

// setNames are how a workload of sets calls its requests and their fields.
type setNames struct{ name, add, element, shown string }

var (
	broadcastNames = setNames{"broadcast", "broadcast", "message", "messages"}
	gSetNames      = setNames{"g-set", "add", "element", "value"}
)

func broadcast() Workload {
	w := setWorkload(broadcastNames)
	w.What = "Clients tell the nodes their neighbours, broadcast messages, and read all messages of a node, after the faults once more."
	w.Guarantee = "A message that was acknowledged, or shown once, gets to every node and stays there."
	return w
}

func gSet() Workload {
	w := setWorkload(gSetNames)
	w.What = "Clients add elements to a set, and read it, after the faults once more."
	w.Guarantee = "An element that was acknowledged, or shown once, gets to every node and stays there."
	return w
}

func setWorkload(names setNames) Workload {
	return Workload{
		Name: names.name,
		Begin: func(p Parameters) (Session, error) {
			p, err := p.filled(names.name)
			if err != nil {
				return nil, err
			}
			s := &setSession{names: names, final: make([]bool, p.Clients)}
			if names == broadcastNames {
				lay := topologies()[p.Topology]
				if lay == nil {
					return nil, &ParameterError{Workload: names.name, Parameter: "topology", Value: p.Topology, Known: topologyNames()}
				}
				s.topology = map[string]any{}
				for n, near := range lay(p.Nodes) {
					s.topology[n] = asList(near)
				}
			}
			return s, nil
		},
		Check: func(_ Parameters, calls []Call) []Problem { return checkSet(names, calls) },
		Count: func(calls []Call) []Figure { return countSet(names, calls) },
	}
}

type setSession struct {
	names    setNames
	topology map[string]any // nil without one
	added    int64          // the next element
	final    []bool         // by client: it has had its last read
}

func (s *setSession) Setup(int) []Body {
	if s.topology == nil {
		return nil
	}
	return []Body{{"type": "topology", "topology": s.topology}}
}

func (s *setSession) Next(_ int, draw func(n int) int) Body {
	if draw(2) == 0 {
		return Body{"type": "read"}
	}
	s.added++
	return Body{"type": s.names.add, s.names.element: number(s.added - 1)}
}

func (s *setSession) Final(client int) Body {
	if s.final[client] {
		return nil
	}
	s.final[client] = true
	return Body{"type": "read"}
}

func (s *setSession) Answered(*Call) {}

// An element of a set, and what is known of it, in the terms of Jepsen's set-full checker.
type element struct {
	text    string
	add     int // the call that added it
	known   int // the call by whose answer it is known to be there, -1 without one
	at      node.Time
	present int // of the reads that show it, the one that began last; -1 without one
	absent  int // of the reads that could have shown it and do not, the one that began last; -1 without one
	missing int // a read after the faults that does not show it, -1 without one
	seen    int // the read that was looked at last and shows it
}

// stable: the last read shows it. lost: it was known, and the last read, which began later, does not show it.
func (e *element) stable() bool { return e.present >= 0 && e.absent < e.present }
func (e *element) lost(calls []Call) bool {
	return e.known >= 0 && e.absent > e.present && e.at < calls[e.absent].Invoked
}

// latency is how long after it was known a read still missed it.
func (e *element) latency(calls []Call) time.Duration {
	if e.absent < 0 {
		return 0
	}
	return max(0, calls[e.absent].Invoked.Sub(e.at))
}

// elements follows every element through the reads, in the order in which they ended, as the answers became known.
func (f *findings) elements(names setNames) []*element {
	var all []*element
	byText := map[string]*element{}
	for i := range f.calls {
		c := &f.calls[i]
		if c.kind() != names.add {
			if c.kind() != "read" && c.Outcome == OK {
				if _, err := c.answer(); err != nil {
					f.malformed(i, err)
				}
			}
			continue
		}
		e := &element{text: text(c.Request[names.element]), add: i, known: -1, present: -1, absent: -1, missing: -1, seen: -1}
		if c.Outcome == OK {
			if _, err := c.answer(); err != nil {
				f.malformed(i, err)
			} else {
				e.known, e.at = i, c.Returned
			}
		}
		byText[e.text] = e
		all = append(all, e)
	}
	begun := 0 // of all, whose add had begun before the read at hand ended
	for _, r := range f.readsByEnd() {
		c := &f.calls[r]
		for begun < len(all) && f.calls[all[begun].add].Invoked <= c.Returned {
			begun++
		}
		answer, err := c.answer()
		var shown []any
		if err == nil {
			shown, err = answer.list(names.shown)
		}
		if err != nil {
			f.malformed(r, err)
			continue
		}
		for _, v := range shown {
			e := byText[text(v)]
			switch {
			case e == nil:
				f.add(NeverAdded, []int{r}, "%s shows %s: expected elements that a client has added, and none has added it", f.call(r), show(v, true))
				continue
			case e.seen == r:
				f.add(DuplicateElement, []int{r}, "%s shows %s twice: expected each element once", f.call(r), e.text)
				continue
			case f.calls[e.add].Outcome == Failed:
				f.add(AbortedRead, []int{e.add, r}, "%s failed with the definite error %d: expected its element %s to be nowhere, and %s shows it", f.call(e.add), f.calls[e.add].Code, e.text, f.call(r))
			case c.Returned < f.calls[e.add].Invoked:
				f.add(FutureRead, []int{e.add, r}, "%s shows %s: expected its addition to have begun before that, and %s began later", f.call(r), e.text, f.call(e.add))
			}
			e.seen = r
			e.present = max(e.present, r)
			if e.known < 0 || c.Returned < e.at {
				e.known, e.at = r, c.Returned
			}
		}
		for _, e := range all[:begun] {
			if e.seen == r {
				continue
			}
			e.absent = max(e.absent, r)
			if c.Final && e.missing < 0 {
				e.missing = r
			}
		}
	}
	return all
}

func checkSet(names setNames, calls []Call) []Problem {
	f := newFindings(calls)
	f.answered()
	stable, lost := 0, 0
	elements := f.elements(names)
	for _, e := range elements {
		if e.stable() {
			stable++
		}
		if e.lost(calls) {
			lost++
			f.add(Lost, []int{e.known, e.absent}, "element %s was there by %s: expected later reads to show it, and the last of them, %s, does not", e.text, f.call(e.known), f.call(e.absent))
		} else if e.missing >= 0 && e.known >= 0 && e.at < calls[e.missing].Invoked {
			f.add(MissingAtTheEnd, []int{e.known, e.missing}, "element %s was there by %s: expected every read after the faults to show it, and %s does not", e.text, f.call(e.known), f.call(e.missing))
		}
	}
	if len(calls) > 0 && stable == 0 && lost == 0 {
		f.undecided(NothingStable, []int{0}, "of %d elements that clients tried to add, the reads show none for good, so the run says nothing of what was kept", len(elements))
	}
	return f.done()
}

// countSet are the figures that Maelstrom gives: an element is stable when the last read shows it, stale when it is stable and a
// read missed it a millisecond or more after it was known, lost when the last read does not show it, and else never read.
func countSet(names setNames, calls []Call) []Figure {
	f := newFindings(calls)
	var stable, stale, lost, never int
	var latencies []int
	elements := f.elements(names)
	for _, e := range elements {
		switch {
		case e.stable():
			stable++
			ms := int(e.latency(calls).Milliseconds())
			if ms > 0 {
				stale++
			}
			latencies = append(latencies, ms)
		case e.lost(calls):
			lost++
		default:
			never++
		}
	}
	out := append(figures(calls), Figure{"elements", len(elements)}, Figure{"stable", stable}, Figure{"stale", stale}, Figure{"lost", lost}, Figure{"never read", never})
	if slices.Sort(latencies); len(latencies) > 0 {
		at := func(percent int) int { return latencies[min(len(latencies)-1, len(latencies)*percent/100)] }
		out = append(out, Figure{"milliseconds until stable, median", at(50)}, Figure{"milliseconds until stable, 95 of 100", at(95)}, Figure{"milliseconds until stable, all", at(100)})
	}
	return out
}

// readsByEnd are the reads that were answered, in the order of their answers.
func (f *findings) readsByEnd() []int {
	var reads []int
	for i := range f.calls {
		if f.calls[i].kind() == "read" && f.calls[i].Outcome == OK {
			reads = append(reads, i)
		}
	}
	slices.SortStableFunc(reads, func(a, b int) int { return cmp.Compare(f.calls[a].Returned, f.calls[b].Returned) })
	return reads
}
