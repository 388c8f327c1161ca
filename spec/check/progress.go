package check

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Live is implemented by a Model that promises progress: RunProgress decides whether it keeps the promise.
//
// A behaviour is what TLA+ takes for one: from every state it may go on by a step, or nothing may happen, for a while or
// forever. Only fairness says that something must happen. An instance of an action, such as Store(1, 2, r3), is weakly fair
// when it cannot stay enabled forever without being taken. It is enabled in a state from which one of its steps leads to
// another state, and taken by every such step; a step is a pair of states, whichever action it was taken for.
type Live interface {
	Model
	// Properties returns the progress properties, in the order that From and To count them.
	Properties() []Property
}

// A Property says that progress is made: in every behaviour that is fair, each state in which From holds is one in which To
// holds, or is followed by one (From ~> To in TLA+).
type Property struct {
	Name      string
	Guarantee string // what it promises, in a sentence
	// FromStart says that only the start of a behaviour counts: To holds in some state of it (<>To). From is not asked.
	FromStart bool
}

// A LiveMachine is what NewMachine of a Live model returns.
type LiveMachine interface {
	Machine
	// From and To say whether the two sides of a property hold in the state. They are called where Broken is.
	From(property int) bool
	To(property int) bool
	// Fair appends to dst the numbers of the weakly fair instances that the last step belongs to, and returns it. Numbers
	// count from 0. An instance has one number for as long as the machine lives. It is called within visit only.
	Fair(dst []int) []int
	// Instance returns the name of a weakly fair instance, by a number that Fair has given.
	Instance(number int) string
}

// Waited is what RunProgress says of one property.
type Waited struct {
	Name      string `json:"name"`
	Guarantee string `json:"guarantee"`
	// States is in how many states From holds and To does not, so that To must follow; with FromStart it is 1, or 0 when To
	// holds from the start. A property with 0 is true of nothing.
	States uint64 `json:"states"`
}

// A Lasso says how the trace of a Result goes on forever without the progress that was promised.
type Lasso struct {
	Waiting int `json:"waiting"` // after so many steps From holds, and To does not hold then or ever after
	Prefix  int `json:"prefix"`  // steps before the cycle; those after it lead back to the state after the prefix, forever
	// Stutters says that there are no more steps: nothing happens any more.
	Stutters bool `json:"stutters"`
	// Fair has a reason for every weakly fair instance why it does not forbid this behaviour.
	Fair []Excuse `json:"fair"`
}

// An Excuse is why a behaviour is fair to one instance of an action: the cycle takes it, or goes through a state in which
// it is not enabled.
type Excuse struct {
	Instance string `json:"instance"`
	Taken    bool   `json:"taken"`
	Step     int    `json:"step"` // the step that takes it, counted from 1, or after how many steps it is not enabled
}

// A NotLiveError says that a model promises no progress.
type NotLiveError struct {
	Model   string
	Problem string
}

func (e *NotLiveError) Error() string { return fmt.Sprintf("check: model %s %s", e.Model, e.Problem) }

// A ReducedError says that progress was to be decided on a reduced graph. There it cannot be: states are taken for one
// another which differ in what instances of actions are enabled, so a cycle of the reduced graph need be none of the whole
// one, and being unfair to r1 and then to r2 would look like being unfair to one of them forever.
type ReducedError struct {
	Model      string
	Reductions []string
}

func (e *ReducedError) Error() string {
	return fmt.Sprintf("check: progress of model %s is decided on the whole graph only; expected no reduction, found %s",
		e.Model, strings.Join(e.Reductions, "; "))
}

// NothingWaited is the reason of a result that is incomplete because no property had anything to wait for.
const NothingWaited = "no progress property has anything to wait for in this world"

// RunProgress builds the whole graph of a Live model, evaluates its invariants and witnesses on the way as Run does, and
// then decides each of its progress properties exactly. Where one does not hold, the trace and the lasso of the result are a
// fair behaviour that shows it. The first property that does not hold is named, by the first of its shortest prefixes.
//
// The graph is in memory, with every state in full, so that no two are mistaken for one another. It is built by one worker.
func RunProgress(ctx context.Context, m Model, o Options) (*Result, error) {
	if err := o.validate(); err != nil {
		return nil, err
	}
	if o.Folder != "" {
		return nil, &OptionError{"Folder", fmt.Sprintf("%q", o.Folder), "none: the graph of which progress is decided is in memory"}
	}
	if o.States > 0 || o.Visit != nil {
		return nil, &OptionError{"States or Visit", "given", "none: progress is decided of the whole graph, which has states and no fingerprints"}
	}
	if o.Walks > 0 {
		return nil, &OptionError{"Walks", fmt.Sprint(o.Walks), "none: a walk that ends says nothing of progress"}
	}
	live, ok := m.(Live)
	if !ok || len(live.Properties()) == 0 {
		return nil, &NotLiveError{m.Name(), "has no progress properties"}
	}
	if err := decidable(m, true); err != nil {
		return nil, err
	}
	if reductions := m.Reductions(); len(reductions) > 0 {
		return nil, &ReducedError{m.Name(), reductions}
	}
	machine, ok := m.NewMachine().(LiveMachine)
	if !ok {
		return nil, &NotLiveError{m.Name(), "has progress properties, but its machine is no LiveMachine"}
	}
	witnesses, err := witnessesOf(m)
	if err != nil {
		return nil, err
	}
	if o.Every <= 0 {
		o.Every = time.Second
	}
	p := &progress{
		ctx: ctx, model: live, machine: machine, options: o, begun: time.Now(),
		properties: live.Properties(), witnesses: witnesses, fired: make([]uint64, len(m.Actions())),
	}
	p.reported = p.begun
	p.graph.init(len(p.properties))
	r, err := p.run()
	if err != nil {
		return nil, err
	}
	r.vacuous()
	if err := r.sign(p.sum); err != nil {
		return nil, err
	}
	r.Seconds, r.Thoroughness = time.Since(p.begun).Seconds(), searched(r, false)
	return r, nil
}

// progress is one run over a Live model.
type progress struct {
	ctx        context.Context
	model      Live
	machine    LiveMachine
	options    Options
	properties []Property
	graph      graph

	begun     time.Time
	reported  time.Time
	witnesses []Witness
	fired     []uint64
	generated uint64
	sum       uint64
	expanded  int
	depth     int
	stopped   string // why, when it was
}

// run builds the graph and decides the properties.
func (p *progress) run() (*Result, error) {
	broken, outside, invariant, err := p.build()
	if err != nil {
		return nil, err
	}
	r := p.receipt()
	switch {
	case invariant >= 0:
		rule := p.model.Invariants()[invariant]
		r.Verdict, r.Invariant, r.Guarantee = Violation, rule.Name, rule.Guarantee
		r.Trace, err = p.replay(p.graph.pathTo(broken), outside)
		return r, err
	case p.stopped != "":
		r.Verdict, r.Reason = Incomplete, p.stopped
		return r, nil
	}
	a := newAnalysis(&p.graph, p.stop)
	r.Verdict, r.Reason = Incomplete, NothingWaited
	for i, property := range p.properties {
		r.Progress[i].States = a.take(i, property.FromStart)
		if r.Progress[i].States > 0 && r.Reason == NothingWaited {
			r.Verdict, r.Reason = Pass, ""
		}
		if r.Verdict == Violation || r.Progress[i].States == 0 {
			continue
		}
		lasso := a.violation()
		if a.stopped {
			r.Verdict, r.Reason = Incomplete, p.stopped
			return r, nil
		}
		if lasso != nil {
			r.Verdict, r.Invariant, r.Guarantee = Violation, property.Name, property.Guarantee
			r.Lasso = p.excused(lasso)
			if r.Trace, err = p.replay(lasso.steps, nil); err != nil {
				return nil, err
			}
		}
	}
	return r, nil
}

// receipt is the result but for the verdict.
func (p *progress) receipt() *Result {
	r := &Result{
		Model:      p.model.Name(),
		World:      p.model.World(),
		Distinct:   uint64(p.graph.states()),
		Generated:  p.generated,
		Depth:      p.depth,
		Left:       uint64(p.graph.states() - p.expanded),
		Workers:    1,
		Reductions: []string{},
		Witnesses:  p.witnesses,
		Trace:      []Step{},
	}
	for i, name := range p.model.Actions() {
		r.Actions = append(r.Actions, ActionCount{name, p.fired[i]})
	}
	for _, property := range p.properties {
		r.Progress = append(r.Progress, Waited{Name: property.Name, Guarantee: property.Guarantee})
	}
	for i := range p.graph.labels.instances {
		r.Fairness = append(r.Fairness, p.machine.Instance(i))
	}
	slices.Sort(r.Fairness)
	return r
}

// excused names the instances of a lasso.
func (p *progress) excused(l *lasso) *Lasso {
	named := &Lasso{Waiting: l.waiting, Prefix: l.prefix, Stutters: l.prefix == len(l.steps), Fair: []Excuse{}}
	for i, e := range l.excuses {
		named.Fair = append(named.Fair, Excuse{p.machine.Instance(i), e.taken, e.step})
	}
	slices.SortFunc(named.Fair, func(a, b Excuse) int { return strings.Compare(a.Instance, b.Instance) })
	return named
}

// build finds every state and step, level by level. It returns the first state in which an invariant does not hold, and
// which one that is; -1 if every invariant holds. When that state is outside the state constraint, it returns the encoding of that,
// and the state before it.
func (p *progress) build() (broken uint32, outside []byte, invariant int, err error) {
	m, g := p.machine, &p.graph
	var at []byte // the state that steps are taken from
	defer caught(p.model, func() []byte { return at }, &err)
	invariant = -1
	m.Init()
	if !within(m) {
		return 0, nil, -1, &ConstraintError{p.model.Name()}
	}
	code := m.Encode(nil)
	g.add(code)
	p.generated, p.depth = 1, 1
	if i := p.enter(code); i >= 0 {
		return 0, nil, i, nil
	}
	var fair []int
	levelEnd := 1 // the first state beyond the level that is being expanded
	for s := 0; s < g.states(); s++ {
		if s == levelEnd {
			levelEnd = g.states()
			p.depth++
		}
		if limit := p.options.Depth; limit > 0 && p.depth >= limit {
			p.stopped = fmt.Sprintf("the depth limit of %d levels ran out", limit)
			return 0, nil, -1, nil
		}
		if s%256 == 0 && p.stop() {
			return 0, nil, -1, nil
		}
		at = g.code(uint32(s))
		if err := m.Load(at); err != nil {
			return 0, nil, -1, fmt.Errorf("check: %s: a state does not load again: %w", p.model.Name(), err)
		}
		if sampled(uint64(s)) {
			if err := repeats(p.model, m); err != nil {
				return 0, nil, -1, err
			}
		}
		m.Next(func(action, times int) bool {
			p.generated += uint64(times)
			p.fired[action] += uint64(times)
			if !within(m) {
				g.leave(uint32(s), m.Fair(fair[:0]))
				if i := m.Broken(); i >= 0 && invariant < 0 {
					broken, outside, invariant = uint32(s), m.Encode(nil), i
				}
				return true
			}
			code = m.Encode(code[:0])
			to, isNew := g.add(code)
			if to != uint32(s) {
				fair = m.Fair(fair[:0])
				g.step(to, fair)
			}
			if isNew {
				if i := p.enter(code); i >= 0 && invariant < 0 {
					broken, invariant = to, i
				}
			}
			return true
		})
		g.settle()
		p.expanded++
		if invariant >= 0 {
			p.depth++
			return broken, outside, invariant, nil
		}
	}
	return 0, nil, -1, nil
}

// enter looks at the state that the machine is in and that was just added. It returns the invariant that does not hold.
func (p *progress) enter(code []byte) int {
	p.sum += hashOf(code)
	level := p.depth
	if p.graph.states() > 1 {
		level++
	}
	for i := range p.properties {
		p.graph.note(2*i, p.machine.From(i))
		p.graph.note(2*i+1, p.machine.To(i))
	}
	for i := range p.witnesses {
		if p.witnesses[i].Depth == 0 && p.machine.(WitnessingMachine).Witnessed(i) {
			p.witnesses[i].Depth = level
		}
	}
	return p.machine.Broken()
}

// stop says whether a limit has been reached, and reports progress.
func (p *progress) stop() bool {
	elapsed := time.Since(p.begun)
	switch limit := p.options.Memory; {
	case p.ctx.Err() != nil:
		p.stopped = "interrupted: " + context.Cause(p.ctx).Error()
	case p.options.For > 0 && elapsed >= p.options.For:
		p.stopped = fmt.Sprintf("the time limit of %s ran out", p.options.For)
	case limit > 0 && p.graph.bytes() > limit:
		p.stopped = fmt.Sprintf("the memory limit of %d MB ran out", limit>>20)
	case p.graph.states() >= maxStates:
		p.stopped = fmt.Sprintf("the limit of %d states to a graph ran out", maxStates)
	}
	if p.options.Progress != nil && time.Since(p.reported) >= p.options.Every {
		p.reported = time.Now()
		distinct := uint64(p.graph.states())
		p.options.Progress(Progress{distinct, p.generated, p.depth, distinct - uint64(p.expanded), elapsed})
	}
	return p.stopped != ""
}

// replay takes the steps from the initial state on, and then, if it is given, the one to a state outside the state constraint.
func (p *progress) replay(steps []hop, outside []byte) ([]Step, error) {
	m := p.machine
	m.Init()
	taken := []Step{}
	before := m.Vars()
	var code []byte
	var fair []int
	if outside != nil {
		steps = append(steps, hop{as: -1})
	}
	for i, h := range steps {
		want, step := p.graph.code(h.to), ""
		if outside != nil && i == len(steps)-1 {
			want = outside
		}
		m.Next(func(int, int) bool {
			code = m.Encode(code[:0])
			if string(code) != string(want) {
				return true
			}
			if h.as >= 0 { // of the actions that lead there, the one that the behaviour must be fair to
				if fair = m.Fair(fair[:0]); !slices.Contains(fair, h.as) {
					return true
				}
			}
			step = m.Step()
			return false
		})
		if step == "" {
			if err := repeatsOften(p.model, m); err != nil {
				return nil, err
			}
			return nil, fmt.Errorf("check: %s: step %d of a behaviour is not possible again: the model is not a function of its state",
				p.model.Name(), len(taken)+1)
		}
		after := m.Vars()
		taken = append(taken, Step{step, Diff(before, after)})
		before = after
	}
	return taken, nil
}

// write says how the behaviour goes on after the last step of the trace, and why that is fair.
func (l *Lasso) write(b *strings.Builder) {
	if l.Stutters {
		fmt.Fprintf(b, "  from here on nothing happens any more\n")
	} else {
		fmt.Fprintf(b, "  and back to the state after %s\n", steps(l.Prefix))
	}
	because := map[Excuse][]string{}
	var order []Excuse
	for _, e := range l.Fair {
		kind := Excuse{Taken: e.Taken, Step: e.Step}
		if because[kind] == nil {
			order = append(order, kind)
		}
		because[kind] = append(because[kind], e.Instance)
	}
	slices.SortFunc(order, func(a, b Excuse) int {
		return cmp.Or(a.Step-b.Step, strings.Compare(fmt.Sprint(b.Taken), fmt.Sprint(a.Taken)))
	})
	for _, kind := range order {
		instances := strings.Join(because[kind], ", ")
		if kind.Taken {
			fmt.Fprintf(b, "       fair: step %d takes %s\n", kind.Step, instances)
		} else {
			fmt.Fprintf(b, "       fair: not enabled after %s: %s\n", steps(kind.Step), instances)
		}
	}
}

func steps(n int) string {
	if n == 1 {
		return "1 step"
	}
	return fmt.Sprintf("%d steps", n)
}

// writeProgress writes what was looked at.
func (r *Result) writeProgress(line func(name, format string, args ...any)) {
	if len(r.Progress) == 0 {
		return
	}
	var waited, never []string
	for _, p := range r.Progress {
		if p.States == 0 {
			never = append(never, p.Name)
		} else {
			waited = append(waited, fmt.Sprintf("%s waits in %s states", p.Name, count(p.States)))
		}
	}
	if len(waited) > 0 {
		line("progress", "%s", strings.Join(waited, ", "))
	}
	if len(never) > 0 {
		line("NEVER WAIT", "%s", strings.Join(never, ", "))
	}
	line("fairness", "weak, to each of %d instances of actions", len(r.Fairness))
}
