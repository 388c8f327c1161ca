package why

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/configuration"
	"github.com/firstgap/firstgap/harness/failure"
	"github.com/firstgap/firstgap/harness/judge"
	"github.com/firstgap/firstgap/harness/sim"
	"github.com/firstgap/firstgap/impl/node"
)

// An OtherError says that a run does not fail as it was said to fail, so that there is nothing to explain.
type OtherError struct {
	Expected failure.Target
	Found    string // how the run ends
}

func (e *OtherError) Error() string {
	return fmt.Sprintf("explaining a failure: expected a run that fails by %s, found one that %s", e.Expected, e.Found)
}

// Of makes a run again, twice or, where it looks at more moments of it, oftener, and says what went wrong in it: how it fails as the
// target says, causes first. The system and the configuration must be those of the failure; a run that does not fail so is an
// *OtherError.
func Of(system harness.System, c configuration.Configuration, t failure.Target) (*What, error) {
	s := &story{tape: newTape(), system: system, c: &c}
	s.result = harness.RunWith(system, c, harness.Options{Listen: s.hear, Ended: s.over.take})
	s.finding = t.In(&s.result)
	if t.Check == judge.Determinism {
		s.finding = anotherRun(system, c)
	}
	if s.finding == nil {
		found := "passes"
		if other, fails := failure.TargetOf(s.result.Findings); fails {
			found = "fails by " + other.String()
		}
		return nil, &OtherError{Expected: t, Found: found}
	}
	w := &What{Target: t, Finding: *s.finding, Rule: ruleOf(s.finding), hash: s.result.Hash}
	if s.world == nil {
		w.Headline = sentence(s.finding.Sentence()) // the run was never made
		return w, nil
	}
	s.about = aboutFinding(s.finding, s.world.Named)
	s.explain()
	w.Rule = ruleOf(s.finding) // of the first step that is not allowed, where there is one
	for id := range s.about.nodes {
		s.about.called[s.name(id)] = true
	}
	ns := s.chain(s.bad, s.musts, &s.about)
	var b beliefs
	harness.RunWith(system, c, harness.Options{Listen: b.at(s, ns), Built: func(stage *harness.Stage) { b.model, _ = stage.Model.(harness.Believer) }})
	for i, n := range ns {
		link := b.links[n]
		link.From = s.from(ns, i)
		w.Chain = append(w.Chain, link)
		if n == s.bad {
			bad := link
			w.Bad = &bad
		}
	}
	if w.Bad != nil && s.badWords != "" {
		w.Bad.Words = s.badWords
		w.Chain[slices.Index(ns, s.bad)].Words = s.badWords
	}
	slices.SortStableFunc(s.causes, func(x, y Link) int { return cmp.Compare(x.Event, y.Event) })
	w.Causes, w.Waits, w.Beliefs = s.causes, s.waits, b.list
	w.Allowed = s.allowed
	w.Headline = s.headline
	if s.final != nil && s.headline == "" && w.Bad != nil {
		w.Headline = s.final(w.Bad.Words)
	}
	if w.Headline == "" {
		w.Headline = sentence(s.finding.Sentence())
	}
	w.Refused = w.Bad != nil && s.finding.Check == faults.Trace
	w.plain(s.world.Name)
	return w, nil
}

// A story is an explanation while it is made.
type story struct {
	*tape
	system   harness.System
	c        *configuration.Configuration
	result   harness.Result
	over     ending
	finding  *judge.Finding
	about    about
	bad      uint64   // the first event that must not have been, 0 for none
	badWords string   // where its own words say too little
	musts    []uint64 // events that are in the chain before all others
	causes   []Link
	waits    []Wait
	allowed  []string
	headline string
	final    func(words string) string // makes the headline of the bad step's own words, where they are needed; it may be nil
}

func (s *story) name(id node.ID) string { return names(s.world.Name).of(id) }

// must has events be in the chain.
func (s *story) must(ns ...uint64) {
	for _, n := range ns {
		if n != 0 && !slices.Contains(s.musts, n) {
			s.musts = append(s.musts, n)
		}
	}
}

// cause adds a cause, of the node of its event.
func (s *story) cause(n uint64, words string) {
	f := s.fact(n)
	if f == nil {
		return
	}
	whose := f.process
	if f.kind == sim.EventLost {
		whose = f.from
	}
	s.causeOf(whose, n, words)
}

// causeOf adds a cause of a node whose event it need not be.
func (s *story) causeOf(whose node.ID, n uint64, words string) {
	f := s.fact(n)
	if f == nil {
		return
	}
	s.must(n)
	s.causes = append(s.causes, Link{Event: n, At: f.at, Node: s.name(whose), Words: words})
}

// explain finds the bad event and what lies behind it, by what the finding is of.
func (s *story) explain() {
	f := s.finding
	s.allowed = allowed(f)
	s.bad = f.Event
	if s.bad > s.end() {
		s.bad = 0
	}
	if s.bad != 0 {
		s.about.add(s.fact(s.bad))
	}
	switch f.Check {
	case faults.Trace:
		s.ofTrace()
	case faults.Sanity:
		s.ofSanity()
	case faults.Progress, faults.Answers, faults.CatchUp, faults.Wholeness, faults.Replacement, faults.Collection, faults.Floor, faults.Storage:
		s.ofStall()
	case faults.Pages, faults.Restore, faults.Tree:
		s.ofCopies()
	case faults.Durability, faults.Serializability, faults.Linearizability, faults.Snapshots, faults.Replies:
		s.ofClients()
	case faults.Traffic, faults.Writes:
		s.ofLoad()
	case faults.Upkeep:
		s.ofUpkeep()
	case judge.Wire:
		s.misplaced()
	}
	s.ofAbsences()
	if f.Check != faults.Trace {
		s.refusedBefore()
	}
	if len(s.causes) == 0 {
		s.earliestClaim()
	}
	if len(s.causes) == 0 && len(s.waits) == 0 && s.bad == 0 {
		s.lastSteps()
	}
	s.ofContradictions()
}

// refusedBefore explains the step that the model refused, of a run that fails by something else as well: what the model forbids comes before
// what follows of it.
func (s *story) refusedBefore() {
	for i := range s.result.Findings {
		f := &s.result.Findings[i]
		if f.Check != faults.Trace || s.fact(f.Event) == nil {
			continue
		}
		after := cmp.Or(s.headline, sentence(s.finding.Sentence()))
		s.finding, s.bad, s.badWords, s.headline, s.causes, s.musts = f, f.Event, "", "", nil, nil
		s.allowed = allowed(f)
		own := aboutFinding(f, s.world.Named)
		own.add(s.fact(s.bad))
		s.about = own
		s.ofTrace()
		if final := s.final; final != nil {
			s.final = func(words string) string { return final(words) + " After that: " + after }
		} else {
			s.headline += " After that: " + after
		}
		return
	}
}

// ofTrace explains a step that the model forbids.
func (s *story) ofTrace() {
	f := s.finding
	why := stepWhy(f)
	if s.bad == 0 {
		s.headline = sentence("At the end of the run " + why)
		return
	}
	b := s.fact(s.bad)
	if x, is := s.forgot(); is {
		s.badWords = why
		s.amnesia(x)
		return
	}
	claims := s.claimsBehind(b)
	for i := range claims {
		s.claimed(&claims[i])
	}
	if len(claims) > 0 {
		first := &claims[0]
		s.headline = sentence(fmt.Sprintf("%s answered %s at %s %s, before %s on its disk; %s counted on it: at %s %s.", s.name(first.sender), s.name(first.receiver),
			at(s.fact(first.step).at), first.what, were(first.of), s.name(first.receiver), at(b.at), why))
		return
	}
	s.must(b.cause)
	if b.action == node.ActDiskHolds || b.action == node.ActRegisterHolds || b.action == node.ActWalFound {
		s.lostBefore(b.process, s.bad) // beside what is missing: it need not be what the crash took
	}
	details := ""
	if f.Expected != "" && len(f.Expected)+len(f.Found) < longestDetail && !strings.Contains(f.Expected, whatIsAllowed) {
		details = fmt.Sprintf(" (expected %s, found %s)", f.Expected, f.Found)
	}
	if _, has, found := strings.Cut(f.Expected, "; "); found && strings.Contains(has, "complete: ") {
		details = ", where " + has
	} else if points := pointsIn.FindString(f.Expected); points != "" && b.action == node.ActAck {
		details = fmt.Sprintf(" (%s; %s)", f.Found, points)
	}
	if details != "" {
		details = choose(details[0] == ',', "", " ") + shorten(details)
	}
	s.final = func(words string) string {
		if !strings.Contains(why, " may not ") {
			words = withNode(s.name(b.process), why)
		} else {
			words = s.name(b.process) + " " + words
		}
		return sentence(fmt.Sprintf("At %s %s%s, against the rule: %s", at(b.at), words, details, ruleOf(f).Text))
	}
}

// pointsIn is how far a writer's log is complete and durable, in what the model has of it.
var pointsIn = regexp.MustCompile(`VCL \d+, VDL \d+`)

// whatIsAllowed is what the model of readers expects, before it says what it has.
const whatIsAllowed = "what the model allows"

// stepWhy is what a refused step is refused for, in plain words.
func stepWhy(f *judge.Finding) string {
	s := f.Subject
	if _, rest, found := strings.Cut(s, "): "); found && strings.HasPrefix(s, "step ") {
		s = rest
	}
	s, _, _ = strings.Cut(s, "; ")
	return shorten(s)
}

// withNode puts a node in front of what it did, where that does not name it.
func withNode(name, why string) string {
	if strings.Contains(why, name) {
		return why
	}
	return name + ": " + why
}

// claimsBehind returns the claims before a step that can have made it: of its epoch, heard by the one who takes it, or of its own.
func (s *story) claimsBehind(b *fact) (behind []claim) {
	seen := map[node.ID]bool{}
	for _, x := range s.claims.false(s.bad) {
		switch {
		case x.epoch != b.epoch, seen[x.sender]:
			continue
		case x.receiver != b.process && x.sender != b.process && b.action != node.ActFence:
			continue
		case b.action == node.ActAdvance && b.high != 0 && len(x.lsns) > 0 && x.lsns[0] > b.high:
			continue
		}
		seen[x.sender] = true
		behind = append(behind, x)
	}
	slices.SortStableFunc(behind, func(x, y claim) int { return cmp.Compare(x.step, y.step) })
	return behind[:min(len(behind), fewClaims)]
}

// fewClaims is how many claims an explanation shows.
const fewClaims = 3

// claimed makes a cause of a claim: who answered what, and how far the write was.
func (s *story) claimed(x *claim) {
	words := fmt.Sprintf("answered %s %s, and had not said that %s on its disk", s.name(x.receiver), x.what, are(x.of))
	took, writes := s.took(x)
	switch {
	case took == 0:
	case len(writes) == 0:
		words += "; it had begun no write of it"
	default:
		o := writes[len(writes)-1]
		switch {
		case o.ended != 0 && o.ended <= x.step:
			words += fmt.Sprintf("; its write of %d bytes to %s was done at %s", o.Bytes, o.File, at(o.endedAt))
		case o.ended != 0:
			words += fmt.Sprintf("; its write of %d bytes to %s was done at %s, %v later", o.Bytes, o.File, at(o.endedAt), sinceWhen(s.fact(x.step).at, o.endedAt))
		case o.crashed != 0:
			words += fmt.Sprintf("; its write of %d bytes to %s was never done: it crashed at %s", o.Bytes, o.File, at(s.fact(o.crashed).at))
		default:
			words += fmt.Sprintf("; its write of %d bytes to %s was never done", o.Bytes, o.File)
		}
	}
	s.cause(x.step, words)
	s.must(took, x.got)
}

// took returns the message by which the sender of a claim got what it had not on its disk, the first of several, or the one in whose step it
// began to write that; and those writes.
func (s *story) took(x *claim) (first uint64, writes []*operation) {
	start := s.latest(sim.EventStart, x.sender, x.step)
	for n := start; n != 0 && n <= x.step; n++ {
		f := s.fact(n)
		if f.kind != sim.EventMessage || f.process != x.sender || !x.brought(f) {
			continue
		}
		if writes = s.begunIn(x.sender, n); len(writes) > 0 {
			return n, writes
		}
		if first == 0 {
			first = n
		}
	}
	return first, nil
}

// brought tells whether a message is one by which the sender of a claim gets what it claims.
func (x *claim) brought(f *fact) bool {
	switch {
	case bringsRecords(f.what):
		return len(x.lsns) > 0 && f.has(x.lsns[0])
	case f.what == "fence", f.what == "join":
		return len(x.lsns) == 0 && f.epoch == x.epoch
	case f.what == "swap":
		return len(x.lsns) == 0
	}
	return false
}

// earliestClaim adds what may lie behind a finding that nothing else explains: the first answer that nothing supports. It leads where what
// came of it is behind the bad step, or where it is about the same records or nodes; any other is said to have been seen, and no more.
func (s *story) earliestClaim() {
	all := s.claims.false(cmp.Or(s.bad, s.end()))
	if len(all) == 0 {
		return
	}
	in := s.cone(s.bad)
	i := slices.IndexFunc(all, func(x claim) bool {
		return in[x.got] || slices.ContainsFunc(x.lsns, func(l node.LSN) bool { return s.about.lsns[l] }) || s.bad == 0 && s.about.nodes[x.sender]
	})
	if i < 0 {
		x := &all[0]
		f := s.fact(x.step)
		s.causes = append(s.causes, Link{Event: x.step, At: f.at, Node: s.name(x.sender),
			Words: fmt.Sprintf("(also seen; nothing connects it with the above) answered %s %s, and had not said that %s on its disk", s.name(x.receiver), x.what, are(x.of))})
		return
	}
	x := &all[i]
	s.claimed(x)
	before := fmt.Sprintf("%s answered %s at %s %s, before %s on its disk", s.name(x.sender), s.name(x.receiver), at(s.fact(x.step).at), x.what, were(x.of))
	if s.headline == "" {
		if final := s.final; final != nil {
			s.final = func(words string) string { return sentence(before + ". " + final(words)) }
			return
		}
		s.headline = sentence(before + "; in the end " + s.finding.Sentence())
	} else {
		s.headline = sentence(before + ". " + s.headline)
	}
}

// lastSteps gives a failure that nothing explains a chain all the same: what the nodes that the finding is about told and got last, or, where it names
// none, the newest active one.
func (s *story) lastSteps() {
	var ids []node.ID
	for _, id := range s.over.processes {
		if s.about.nodes[id] {
			ids = append(ids, id)
		}
	}
	if len(ids) == 0 {
		newest := s.newestWriter(func(node.ID, node.State) bool { return true })
		if newest == 0 && len(s.over.processes) > 0 {
			newest = s.over.processes[0]
		}
		ids = []node.ID{newest}
	}
	for _, id := range ids[:min(len(ids), fewClaims)] {
		s.about.nodes[id] = true
		if n := s.lastWhere(s.end(), func(f *fact) bool { return f.kind == sim.EventTrace && f.process == id }); n != 0 {
			s.cause(n, "told of a step for the last time")
		}
		s.must(s.lastWhere(s.end(), func(f *fact) bool { return f.kind == sim.EventMessage && f.process == id }))
	}
}

// ofSanity explains a node that ended itself, or a run that went past its limits.
func (s *story) ofSanity() {
	f := s.finding
	o := s.result.Evidence.Outcome
	if o.Process == 0 {
		s.headline = sentence(f.Subject)
		return
	}
	s.bad = s.lastWhere(s.end(), func(f *fact) bool { return f.process == o.Process && f.kind != sim.EventTrace })
	b := s.fact(s.bad)
	s.about.add(b)
	s.about.read(o.Value)
	if breach := o.Breach; breach != nil {
		said := fmt.Sprintf("expected %s, found %s", breach.Expected, shorten(f.Found))
		s.badWords = fmt.Sprintf("answered this against its protocol: %s", said)
		s.headline = sentence(fmt.Sprintf("At %s the program of %s broke its protocol: %s", at(o.At), o.Name, said))
	} else {
		s.badWords = fmt.Sprintf("ended itself when it handled this: %s", shorten(o.Value))
		s.headline = sentence(fmt.Sprintf("At %s %s ended itself: %s", at(o.At), o.Name, shorten(o.Value)))
	}
	for n := s.bad; n != 0 && len(s.musts) < 3; n = s.fact(n).cause {
		s.must(n)
	}
}

// mostAllowed is how many of the legal steps are shown, and longestAllowed how long one may be.
const (
	mostAllowed    = 6
	longestAllowed = 220
)

// allowed says what the model, or the check, allowed in the place of what it found.
func allowed(f *judge.Finding) (all []string) {
	for _, line := range f.Allowed {
		line = strings.TrimSpace(line)
		if line != "" && !strings.HasSuffix(line, " of nothing") && !strings.HasSuffix(line, " none") && line != "answers:" {
			if guard, is := strings.CutPrefix(line, "no Decide: "); is {
				line = "no cut, for " + ruleText(guard)
			}
			all = append(all, shortenTo(line, longestAllowed))
		}
	}
	if len(all) > mostAllowed {
		all = all[:mostAllowed]
	}
	if _, quorum, found := strings.Cut(f.Expected, "; "); found && f.Check == faults.Trace && strings.Contains(quorum, "complete: ") {
		all = append(all, shortenTo("by then "+quorum, 2*longestAllowed))
	}
	if has, is := strings.CutPrefix(f.Expected, whatIsAllowed); is {
		for _, part := range strings.Split(has, "; ") {
			if part != "" {
				all = append(all, shortenTo(part, longestAllowed))
			}
		}
	} else if len(all) == 0 && f.Expected != "" {
		all = []string{shortenTo(f.Expected, longestAllowed)}
	}
	return all
}

// were and are put a verb behind what may be several records.
func were(of string) string {
	return of + choose(strings.HasPrefix(of, "records "), " were", " was")
}

func are(of string) string {
	return of + choose(strings.HasPrefix(of, "records "), " are", " is")
}

func number(s string) uint64 {
	n, _ := strconv.ParseUint(s, 10, 64)
	return n
}

// sentence begins with a capital, where it begins with a small letter, and ends with a stop.
func sentence(s string) string {
	s = strings.TrimSpace(shortenTo(s, longestSentence))
	if s == "" {
		return s
	}
	s = capital(s)
	if !strings.HasSuffix(s, ".") {
		s += "."
	}
	return s
}

// longestSentence bounds a headline.
const longestSentence = 480

// longestDetail bounds what a headline says of what was expected and found.
const longestDetail = 120

// longestWhy bounds what somebody else says in one of our sentences.
const longestWhy = 260

func shorten(s string) string { return shortenTo(s, longestWhy) }

// shortenTo makes a text of other people readable: keys that are too long lose their middle, and the whole its end.
func shortenTo(s string, most int) string {
	words := strings.Fields(s)
	for i, w := range words {
		words[i] = key(w)
	}
	r := []rune(strings.Join(words, " "))
	if len(r) > most {
		return string(r[:most-1]) + "…"
	}
	return string(r)
}
