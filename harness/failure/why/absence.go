package why

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness/sim"
	"github.com/firstgap/firstgap/impl/node"
)

// A stop is work of a node that ended by itself: a timer that it set when it started, and at each firing, until one firing at which it did
// not. The others of its kind are no measure here: there is one register, and a mistake in the code is in all of a kind. What a node is
// measured by is what it did itself before.
type stop struct {
	id     node.ID
	timer  node.Timer
	set    uint64        // the event in whose step it was set last
	fired  uint64        // its last firing
	times  int           // that it fired since the start of the node
	period time.Duration // the longest from one setting to its firing
	due    int           // how often it would have fired since
}

// mostlyDue is for how many of its periods a timer must have been silent to have stopped.
const mostlyDue = 3

// stops lists the work that ended though its node lives on, and no fault on the node explains it, the earliest first. A crash ends all timers
// of a node, a disk that fails ends what a node may do, and a node that was replaced or has lost its disk, and knows it, has nothing to do.
func (s *story) stops() (all []stop) {
	type timer struct {
		id node.ID
		of node.Timer
	}
	running, odd := map[timer]*stop{}, map[timer]bool{}
	started, failed := map[node.ID]uint64{}, map[node.ID]bool{}
	for n := uint64(1); n <= s.end(); n++ {
		f := &s.facts[n]
		switch f.kind {
		case sim.EventStart:
			started[f.process], failed[f.process] = n, false
		case sim.EventDisk:
			failed[f.process] = failed[f.process] || f.reason != 0
		case sim.EventTimer:
			t := timer{f.process, f.timer}
			x := running[t]
			switch {
			case x == nil && f.cause != started[f.process], x != nil && f.cause != x.fired:
				odd[t] = true // set when something came: it is set again when the next comes
			case x == nil:
				x = &stop{id: f.process, timer: f.timer}
				running[t] = x
			}
			if x != nil && f.cause != 0 {
				x.set, x.fired = f.cause, n
				x.times++
				x.period = max(x.period, f.at.Sub(s.fact(f.cause).at))
			}
		}
		if f.kind == sim.EventCrash || f.kind == sim.EventStart {
			for t := range running {
				if t.id == f.process {
					delete(running, t)
				}
			}
			for t := range odd {
				if t.id == f.process {
					delete(odd, t)
				}
			}
		}
	}
	for t, x := range running {
		st := s.over.states[t.id]
		if odd[t] || x.fired == 0 || failed[t.id] || !s.over.running[t.id] || st.Deposed || st.Dead || x.period <= 0 {
			continue
		}
		// What a node that is paused does not do is no fault of its own: it must have handled something since it was due.
		alive := s.fact(s.last[t.id]).at.Sub(s.fact(x.fired).at)
		if x.due = int(alive / x.period); x.due > mostlyDue {
			all = append(all, *x)
		}
	}
	slices.SortFunc(all, func(a, b stop) int {
		return cmp.Or(cmp.Compare(a.fired, b.fired), cmp.Compare(a.id, b.id), cmp.Compare(a.timer, b.timer))
	})
	return all
}

// A purpose is a timer of a kind of node.
type purpose struct {
	kind  string
	timer node.Timer
}

// fired takes down what a timer is for, where its node says so.
func (t *tape) fired(e *sim.Event) {
	k := purpose{kindOf(t.world.Name(e.Process)), e.Timer}
	if _, known := t.purposes[k]; known {
		return
	}
	t.purposes[k] = ""
	if n, names := t.world.Node(e.Process).(node.TimerNamer); names {
		t.purposes[k] = n.TimerName(e.Timer)
	}
}

// timerName says which timer it is, by what its node says that it is for.
func (s *story) timerName(id node.ID, t node.Timer) string {
	if name := s.purposes[purpose{s.kind(id), t}]; name != "" {
		return name + " timer"
	}
	return fmt.Sprintf("timer %d", t)
}

// doneIn says what a node did in a step that others can see: what it sent, of which type to whom, and which files it wrote. It is empty
// where that is nothing.
func (s *story) doneIn(id node.ID, step uint64) string {
	to := map[string][]node.ID{}
	var types []string
	for n := step + 1; n <= s.end() && s.fact(n).at <= s.fact(step).at.Add(recent); n++ {
		f := s.fact(n)
		if f.cause != step || f.from != id || f.what == "" || f.kind != sim.EventMessage && f.kind != sim.EventLost {
			continue
		}
		if to[f.what] == nil {
			types = append(types, f.what)
		}
		if !slices.Contains(to[f.what], f.process) {
			to[f.what] = append(to[f.what], f.process)
		}
	}
	var parts []string
	for _, what := range types[:min(len(types), 2)] {
		whom := ""
		if ids := to[what]; len(ids) <= fewReceivers {
			whom = names(s.world.Name).list(ids)
		} else {
			whom = fmt.Sprintf("%s and %d more", s.name(ids[0]), len(ids)-1)
		}
		parts = append(parts, fmt.Sprintf("sent %s to %s", what, whom))
	}
	var files []string
	for _, o := range s.begunIn(id, step) {
		if o.File != "" && !slices.Contains(files, o.File) {
			files = append(files, o.File)
		}
	}
	if len(files) > 0 {
		parts = append(parts, "wrote "+join(files[:min(len(files), 3)]))
	}
	if len(parts) == 0 {
		return ""
	}
	return join(parts)
}

// fewReceivers is how many receivers of one message a sentence names.
const fewReceivers = 3

// stopWords says what stopped, without the node's name.
func (s *story) stopWords(x *stop, more int) string {
	name := s.timerName(x.id, x.timer)
	w := fmt.Sprintf("its %s fired %s since it started, for the last time at %s", name, times(x.times), at(s.fact(x.fired).at))
	if x.times == 1 {
		w = fmt.Sprintf("its %s, set at %s, fired at %s, once and never again", name, at(s.fact(x.set).at), at(s.fact(x.fired).at))
	}
	before, then := s.doneIn(x.id, x.set), s.doneIn(x.id, x.fired)
	switch {
	case then == "" && before != "":
		w += fmt.Sprintf(": when it set it, it %s; when it fired it did nothing, and did not set it again", before)
	case then != "":
		w += fmt.Sprintf(": it %s then, and did not set it again", then)
	default:
		w += ": it did nothing that others see, and did not set it again"
	}
	w += fmt.Sprintf("; it was due %s more", times(x.due))
	if more > 0 {
		w += fmt.Sprintf("; so it was with %d more of its kind", more)
	}
	return w
}

// ofAbsences explains a failure by what did not happen any more: work that ended, or else a replacement that did not go on, or else what was
// sent once. Nothing that comes later can be the cause of the first, and each of the others is about less of a node than the one before.
func (s *story) ofAbsences() {
	if s.finding.Check == faults.Trace || s.endedWork() {
		return
	}
	s.ofReplacement()
	s.ofUnrepeated()
}

// endedWork explains a failure by work that has ended, where there is such work: nothing that comes later can be the cause of that, and
// of a failure that is not of a wrong step it is the earliest that is known. It is false where there is none.
func (s *story) endedWork() bool {
	all := s.stops()
	type sort struct {
		kind  string
		timer node.Timer
	}
	count := map[sort]int{}
	for i := range all {
		count[sort{s.kind(all[i].id), all[i].timer}]++
	}
	var first []string
	for i := range all {
		x := &all[i]
		k := sort{s.kind(x.id), x.timer}
		if count[k] == 0 || len(first) == mostStops {
			continue
		}
		words := s.stopWords(x, count[k]-1)
		count[k] = 0
		s.must(x.set)
		s.causeOf(x.id, x.fired, words)
		s.about.nodes[x.id] = true
		first = append(first, fmt.Sprintf("%s: %s", s.name(x.id), words))
		if len(s.waits) < mostWaits {
			s.waits = append([]Wait{{Node: s.name(x.id), For: s.timerName(x.id, x.timer), Of: s.name(x.id), Since: s.fact(x.fired).at, Ends: s.name(x.id) + " sets it again"}}, s.waits...)
		}
	}
	if len(first) == 0 {
		return false
	}
	after := cmp.Or(s.headline, s.finding.Sentence())
	if story := s.replacement(); story != "" {
		after = story + "; " + s.finding.Sentence()
	}
	s.leads(first[0], after)
	return true
}

// leads has the headline begin with what came first, and end with what came of it.
func (s *story) leads(first, after string) {
	s.final = nil
	s.headline = sentenceOf(first + ". In the end: " + after)
}

// mostStops is how many kinds of ended work an explanation shows.
const mostStops = 2

// sentenceOf is sentence of what may be longer, for it holds several.
func sentenceOf(text string) string {
	if len(text) <= longestSentence {
		return sentence(text)
	}
	first, rest, _ := strings.Cut(text, ". ")
	return sentence(first) + " " + sentence(shortenTo(rest, longestSentence))
}

// splitNames lists the nodes that the name of a plan's fault names, such as "disk-lost segment 1/2, segment 1/3 for 3ms".
func splitNames(what string) (all []string) {
	_, rest, _ := strings.Cut(what, " ")
	rest, _, _ = strings.Cut(rest, " for ")
	return strings.Split(rest, ", ")
}
