package shrink

import (
	"fmt"
	"reflect"
	"slices"
	"time"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/configuration"
	"github.com/firstgap/firstgap/harness/judge"
	"github.com/firstgap/firstgap/harness/workload"
	"github.com/firstgap/firstgap/impl/node"
)

// search takes out what it can: first much at once, as what is known of the failure suggests; then by halves; then one by one, until
// nothing goes.
func (s *search) search() {
	s.pin()
	s.boldly()
	for whole := true; s.result.Ended == ""; whole = false {
		before := s.seen
		for _, kind := range s.kinds() {
			s.drop(kind, whole)
		}
		s.simplify()
		if s.seen == before && !whole {
			return
		}
	}
}

// parts lists what the smallest run so far may do without.
func (s *search) parts() []harness.Parts {
	if s.listed == nil {
		all, err := PartsOf(s.system, s.best, s.seen.begun)
		if err != nil {
			all = []harness.Parts{ofFaults(s.best), ofStrikes(s.best)} // a system that cannot say it
		}
		s.listed = slices.DeleteFunc(all, func(p harness.Parts) bool { return p.Slows && !s.safe() })
	}
	return s.listed
}

// PartsOf lists what a run of a system may do without: what the system says of its settings (harness.Reducer), and the faults, and the
// single nodes of faults that strike several. What makes most of a run comes first. Begun is what its clients began.
func PartsOf(system harness.System, c configuration.Configuration, begun []workload.Begun) ([]harness.Parts, error) {
	var of []harness.Parts
	if r, is := system.(harness.Reducer); is {
		var err error
		if of, err = r.Reduce(&c, begun); err != nil {
			return nil, err
		}
	}
	kinds := func(kinds ...harness.PartKind) (some []harness.Parts) {
		for _, p := range of {
			if slices.Contains(kinds, p.Kind) {
				some = append(some, p)
			}
		}
		return some
	}
	return slices.Concat(kinds(harness.ClientPart, harness.TransactionPart), []harness.Parts{ofFaults(c), ofStrikes(c)},
		kinds(harness.NodePart, harness.FeaturePart, harness.OperationPart)), nil
}

// safe tells whether the run fails by what was done, and not by what was not done.
func (s *search) safe() bool {
	switch s.target.Check {
	case faults.Progress, faults.Answers, faults.CatchUp, faults.Wholeness, faults.Replacement, faults.Collection, faults.Floor,
		faults.Traffic, faults.Writes, faults.Storage, faults.Upkeep:
		return false
	}
	return s.target.Verdict == judge.Violation
}

// kinds are what parts lists, each as it is when it is asked for.
func (s *search) kinds() []func() *harness.Parts {
	kinds := make([]func() *harness.Parts, len(s.parts()))
	for i := range kinds {
		kinds[i] = func() *harness.Parts { return &s.parts()[i] }
	}
	return kinds
}

// ofFaults are those of the plan.
func ofFaults(c configuration.Configuration) harness.Parts {
	p := harness.Parts{Kind: harness.FaultPart}
	all := c.Plan.Faults
	for i := range all {
		p.Names, p.At = append(p.Names, describe(&all[i])), append(p.At, node.Time(all[i].At))
	}
	p.Without = func(out []int) []configuration.Configuration {
		c := c
		c.Plan.Faults = []faults.Fault{}
		for i := range all {
			if !slices.Contains(out, i) {
				c.Plan.Faults = append(c.Plan.Faults, all[i])
			}
		}
		return []configuration.Configuration{c}
	}
	return p
}

func describe(f *faults.Fault) string { return fmt.Sprintf("%s at %v", f.Kind, f.At) }

// ofStrikes are the single nodes of faults that strike several.
func ofStrikes(c configuration.Configuration) harness.Parts {
	whole := c.Plan.Faults
	p := harness.Parts{Kind: harness.FaultPart}
	type strike struct {
		fault int
		to    bool
		name  string
	}
	var all []strike
	for i, f := range whole {
		for _, names := range [][]string{f.Nodes, f.To} {
			if len(names) < 2 {
				continue
			}
			for _, n := range names {
				all = append(all, strike{i, slices.Contains(f.To, n), n})
				p.Names, p.At = append(p.Names, n+" of "+describe(&f)), append(p.At, node.Time(f.At))
			}
		}
	}
	p.Without = func(out []int) []configuration.Configuration {
		c := c
		c.Plan.Faults = []faults.Fault{}
		for i, f := range whole {
			less := func(names []string, to bool) []string {
				return slices.DeleteFunc(slices.Clone(names), func(n string) bool {
					return slices.ContainsFunc(out, func(j int) bool { return all[j] == strike{i, to, n} })
				})
			}
			nodes, to := less(f.Nodes, false), less(f.To, true)
			if len(f.Nodes) > 0 && len(nodes) == 0 || len(f.To) > 0 && len(to) == 0 {
				continue // a side without names would be everyone
			}
			f.Nodes, f.To = nodes, to
			c.Plan.Faults = append(c.Plan.Faults, f)
		}
		return []configuration.Configuration{c}
	}
	return p
}

// without is the candidate without some parts.
func (s *search) without(p *harness.Parts, out []int) candidate {
	name := "nothing"
	switch len(out) {
	case 0:
	case 1:
		name = p.Names[out[0]]
	default:
		name = fmt.Sprintf("%d %ss, %s to %s", len(out), p.Kind, p.Names[out[0]], p.Names[out[len(out)-1]])
	}
	return candidate{name, func() []configuration.Configuration {
		all := p.Without(out)
		for i := range all {
			all[i] = Fitted(s.system, all[i])
		}
		return all
	}}
}

// Fitted takes out of the plan of a configuration what its system no longer has.
func Fitted(system harness.System, c configuration.Configuration) configuration.Configuration {
	t, err := system.Topology(&c)
	if err != nil {
		return c // and is refused
	}
	c.Plan = harness.Renamed(c.Plan, func(name string) string {
		if _, err := t.Node(name); err != nil {
			return ""
		}
		return name
	})
	c.Plan.Faults = slices.DeleteFunc(c.Plan.Faults, func(f faults.Fault) bool {
		_, err := t.InZone(f.AZ)
		return f.AZ != "" && err != nil
	})
	return c
}

// pin names what clients began, and when, so that what is left out changes nothing of the others.
func (s *search) pin() {
	for _, p := range s.parts() {
		if p.Kind == harness.TransactionPart {
			s.one(s.without(&p, nil))
			return
		}
	}
}

// after are the parts that begin at a time or later.
func after(p *harness.Parts, t node.Time) (out []int) {
	for i, at := range p.At {
		if at >= t {
			out = append(out, i)
		}
	}
	return out
}

// before are those that begin before it.
func before(p *harness.Parts, t node.Time) (out []int) {
	for i, at := range p.At {
		if at < t {
			out = append(out, i)
		}
	}
	return out
}

func all(p *harness.Parts) []int {
	out := make([]int, len(p.Names))
	for i := range out {
		out[i] = i
	}
	return out
}

// timed is the candidate without all faults and transactions that are chosen by their times.
func (s *search) timed(name string, choose func(*harness.Parts) []int) candidate {
	faults := ofFaults(s.best)
	less := faults.Without(choose(&faults))[0]
	for _, p := range s.parts() {
		if p.Kind != harness.TransactionPart {
			continue
		}
		c := p.Without(choose(&p))[0]
		c.Plan = less.Plan
		less = c
	}
	return ready(name, Fitted(s.system, less))
}

// boldly leaves out at once what a failure most often does not need.
func (s *search) boldly() {
	if s.bound > shortBound {
		c := s.best
		c.Ending.Bound = shortBound
		if !s.safe() {
			s.one(ready("a long bound", c))
		}
	}
	end := s.seen.at
	s.one(s.timed("everything", all))
	s.one(s.timed("what begins after it failed", func(p *harness.Parts) []int { return after(p, end) }))
	s.shorten()
	for _, kind := range s.kinds() {
		switch p := kind(); {
		case len(p.Names) == 0:
		case p.Kind == harness.FaultPart, p.Kind == harness.FeaturePart, p.Kind == harness.NodePart:
			s.one(s.without(p, all(p)))
		}
	}
	s.ordinary(true)
	// What led to it is often not long before it.
	for part := node.Time(16); part > 1; part /= 2 {
		from := end - end/part
		if s.one(s.timed("what begins long before it failed", func(p *harness.Parts) []int { return before(p, from) })) >= 0 {
			break
		}
	}
}

// shortBound is what a stall is waited for while it is made smaller; what stalls for so long is held against the whole bound, too.
const shortBound = faults.Duration(time.Second)

// drop takes out parts of one kind: by halves where the parts are many, and one by one. It begins with half of them, or with one.
func (s *search) drop(kind func() *harness.Parts, whole bool) {
	p := kind()
	if len(p.Names) == 0 {
		return
	}
	size := 1
	if whole {
		if size = len(p.Names); s.one(s.without(p, all(p))) >= 0 {
			p = kind()
		}
	}
	for ; size >= 1 && s.result.Ended == ""; size /= 2 {
		for from := 0; from < len(p.Names); {
			var tries []candidate
			for at := from; at < len(p.Names); at += size {
				var out []int
				for i := at; i < min(at+size, len(p.Names)); i++ {
					out = append(out, i)
				}
				tries = append(tries, s.without(p, out))
			}
			i := s.one(tries...)
			if i < 0 {
				break
			}
			p, from = kind(), from+i*size
		}
	}
}

// simplify makes ordinary what is not, and shorter what is long.
func (s *search) simplify() {
	s.ordinary(false)
	s.shorten()
	s.plainly()
}

// ordinaries make the network, the disks and the ending ordinary ones.
func ordinaries() []change {
	return []change{
		{"tails of the network", func(c *configuration.Configuration) { c.Network.TailRate, c.Network.Tail = 0, 0 }},
		{"loss", func(c *configuration.Configuration) { c.Network.Loss = 0 }},
		{"duplicates", func(c *configuration.Configuration) { c.Network.Duplicate = 0 }},
		{"late delivery", func(c *configuration.Configuration) { c.Network.LateDelivery = false }},
		{"jitter of the network", func(c *configuration.Configuration) { c.Network.Jitter = 0 }},
		{"the way between zones", func(c *configuration.Configuration) { c.Network.CrossZone = 0 }},
		{"a limit of the network", func(c *configuration.Configuration) { c.Network.Bandwidth = 0 }},
		{"tails of the disks", func(c *configuration.Configuration) { c.Disk.TailRate, c.Disk.Tail = 0, 0 }},
		{"jitter of the disks", func(c *configuration.Configuration) { c.Disk.Jitter = 0 }},
		{"a limit of the disks", func(c *configuration.Configuration) { c.Disk.Bandwidth = 0 }},
		{"torn writes", func(c *configuration.Configuration) { c.Disk.TornRate = 0 }},
		{"what survives a crash by chance", func(c *configuration.Configuration) { c.Disk.SurviveRate = 0 }},
		{"what takes effect in a crash by chance", func(c *configuration.Configuration) { c.Disk.EffectRate = 0 }},
		{"a crash at the end", func(c *configuration.Configuration) { c.Ending.Crash = false }},
		{"the calm before the end", func(c *configuration.Configuration) { c.Ending.Calm = least }},
		{"the time after the end", func(c *configuration.Configuration) { c.Ending.Settle = least }},
		{"a plan beyond the budget", func(c *configuration.Configuration) { c.Plan.BeyondBudget = false }},
	}
}

// ordinary makes the run an ordinary one: all at once, and, unless it is to be bold, one change after the other.
func (s *search) ordinary(bold bool) {
	all := func(c *configuration.Configuration) {
		for _, x := range ordinaries() {
			x.do(c)
		}
	}
	if s.one(s.changed("all that is not ordinary", all)) < 0 && !bold {
		s.each(ordinaries())
	}
}

// least is the shortest duration that a configuration may give.
const least = faults.Duration(time.Microsecond)

type change struct {
	name string
	do   func(*configuration.Configuration)
}

// changed is the candidate with a change; none where it changes nothing.
func (s *search) changed(name string, do func(*configuration.Configuration)) candidate {
	return candidate{name, func() []configuration.Configuration {
		c := s.best
		c.Plan.Faults = slices.Clone(c.Plan.Faults)
		if do(&c); reflect.DeepEqual(c, s.best) {
			return nil
		}
		return []configuration.Configuration{c}
	}}
}

// each makes the changes one after the other, as far as the run fails with them.
func (s *search) each(changes []change) {
	for len(changes) > 0 && s.result.Ended == "" {
		var tries []candidate
		for _, x := range changes {
			tries = append(tries, s.changed(x.name, x.do))
		}
		i := s.one(tries...)
		if i < 0 {
			return
		}
		changes = changes[i+1:]
	}
}

// shorten has the faults end earlier.
func (s *search) shorten() {
	last := faults.Duration(0)
	for _, f := range s.best.Plan.Faults {
		last = max(last, f.At+f.For)
	}
	busy := last
	for _, b := range s.seen.begun {
		busy = max(busy, b.At)
	}
	to := func(h faults.Duration) change {
		return change{"time", func(c *configuration.Configuration) { c.Plan.Horizon = min(c.Plan.Horizon, h) }}
	}
	var all []candidate
	for _, x := range []change{to(last + least), to(busy + faults.Duration(time.Millisecond)), to(faults.Duration(s.seen.at) + least)} {
		all = append(all, s.changed(x.name, x.do))
	}
	s.one(all...)
}

// plainly makes each fault plainer.
func (s *search) plainly() {
	for i := range s.best.Plan.Faults {
		for again := true; again && s.result.Ended == "" && i < len(s.best.Plan.Faults); {
			again = s.one(s.plainer(i)...) >= 0
		}
	}
}

func (s *search) plainer(i int) (all []candidate) {
	f := s.best.Plan.Faults[i]
	try := func(what string, do func(*faults.Fault)) {
		changed := f
		do(&changed)
		all = append(all, s.changed(what+" of "+describe(&f), func(c *configuration.Configuration) { c.Plan.Faults[i] = changed }))
	}
	if f.Rate != 0 {
		try("the rate", func(f *faults.Fault) { f.Rate = 1 })
	}
	if f.Hit > 1 {
		try("the hits", func(f *faults.Fault) { f.Hit = 1 })
	}
	try("the salt", func(f *faults.Fault) { f.Salt = 0 })
	try("the factor", func(f *faults.Fault) { f.Factor = 0 })
	try("the extra", func(f *faults.Fault) { f.Extra = 0 })
	if f.Factor > 1 {
		try("the factor", func(f *faults.Fault) { f.Factor = 1 })
	}
	try("the queue", func(f *faults.Fault) { f.Queue = 0 })
	const short = faults.Duration(time.Millisecond)
	if f.For > short {
		try("the length", func(f *faults.Fault) { f.For = short })
	}
	if f.For > 2*short {
		try("the length", func(f *faults.Fault) { f.For /= 2 })
	}
	return all
}
