package transitions

import (
	"context"
	"fmt"
	"slices"

	"github.com/firstgap/firstgap/spec/volume"
)

// plan returns the schedule that leads to a visit, its own step included: every step that changed a process, and of what processes
// only said again, what brings a message that one of these steps needs.
func (s *search) plan(v *visit) []choice {
	type step struct {
		choice
		needed bool
	}
	var steps []step
	for _, v := range append([]*visit{&s.visits[0]}, s.path(v)...) {
		if v.parent >= 0 {
			steps = append(steps, step{v.choice, true})
		}
		for _, c := range v.said {
			steps = append(steps, step{c, false})
		}
	}
	// Which step brings each message first, and which of what was said changed a process.
	producer := map[int32]int{}
	at := product{}
	for i := range steps {
		c := steps[i].choice
		l := s.locals[c.place]
		r := &l.made[l.step(at.places[c.place], c.event)]
		steps[i].needed = steps[i].needed || r.to != at.places[c.place]
		at.places[c.place] = r.to
		for _, m := range r.sent {
			if _, known := producer[m]; !known {
				producer[m] = i
			}
		}
	}
	for i := len(steps) - 1; i >= 0; i-- {
		if ev := &s.locals[steps[i].place].events[steps[i].event]; steps[i].needed && ev.kind == delivered {
			steps[producer[ev.number]].needed = true
		}
	}
	var plan []choice
	for i := range steps {
		if steps[i].needed {
			plan = append(plan, steps[i].choice)
		}
	}
	return plan
}

// A run is a schedule under way in nodes of its own.
type run struct {
	s         *search
	processes []*process
	sent      map[int32]bool
	states    *volume.State
	views     []view
	taken     func(transition int32)
}

// newRun returns a run in which the set-up has been made.
func (s *search) newRun() (*run, error) {
	r := &run{s: s, sent: map[int32]bool{}, views: make([]view, len(s.locals))}
	w := s.c.scope.Model
	w.Symmetry = false
	var err error
	if r.states, err = volume.NewState(w); err != nil {
		return nil, err
	}
	for place, l := range s.locals {
		p, err := l.fresh()
		if err != nil {
			return nil, err
		}
		r.processes = append(r.processes, p)
		r.views[place] = s.c.view(p)
	}
	return r, nil
}

// A StrayError says that a schedule, run from the start, did not do what the search says.
type StrayError struct {
	Schedule []string `json:"schedule"`
	Problem  string   `json:"problem"`
}

func (e *StrayError) Error() string {
	return fmt.Sprintf("transitions: a schedule of %d steps strays from the search: %s", len(e.Schedule), e.Problem)
}

// step lets one thing happen, takes what the process tells in the model, and compares every process with it.
func (r *run) step(c choice) (problem string, d []Difference) {
	ev := &r.s.locals[c.place].events[c.event]
	place := int(c.place)
	p := r.processes[place]
	var o outcome
	err := func() (err error) {
		defer r.s.c.recovered(place, &err)
		p.happen(ev, &o)
		return nil
	}()
	if err != nil {
		return err.Error(), nil
	}
	for _, m := range o.sent {
		if n := r.s.c.number(r.s.c.id(place), m); n >= 0 {
			r.sent[n] = true
		}
	}
	from := r.s.model.orbitOf(r.s.graph, r.states)
	for i := range o.told {
		a, told, err := r.s.c.action(p, &o.told[i])
		if err != nil {
			return err.Error(), nil
		}
		if !told {
			continue
		}
		refused, problem := a.take(r.states, func() {
			name, _ := r.states.LastAction()
			to := r.s.model.orbitOf(r.s.graph, r.states)
			if t, known := r.s.graph.transitions[transition{from, r.s.graph.number[name.String()], to}]; known {
				r.taken(t)
			}
			from = to
		})
		r.states.Forget()
		if refused != "" {
			problem = "the model forbids it: " + string(refused)
		}
		if problem != "" {
			return fmt.Sprintf("%s: %s", &a, problem), nil
		}
	}
	r.views[place] = r.s.c.view(p)
	return "", r.s.c.compare(r.states, func(place int) *view { return &r.views[place] })
}

// describe puts a schedule in words.
func (s *search) describe(plan []choice) []string {
	all := make([]string, len(plan))
	for i, c := range plan {
		all[i] = s.c.describe(int(c.place), &s.locals[c.place].events[c.event])
	}
	return all
}

// confirm runs the schedule to where the implementation and the model part.
func (s *search) confirm(v *visit) (*Parting, error) {
	r, err := s.newRun()
	if err != nil {
		return nil, err
	}
	r.taken = func(int32) {}
	plan := s.plan(v)
	parted, err := r.follow(plan)
	if parted == nil && err == nil {
		err = &StrayError{s.describe(plan), "expected the implementation and the model to part, found that they do not"}
	}
	return parted, err
}

// follow makes the steps of a schedule, up to where the implementation and the model part.
func (r *run) follow(plan []choice) (*Parting, error) {
	for n, c := range plan {
		if ev := &r.s.locals[c.place].events[c.event]; ev.kind == delivered && !r.sent[ev.number] {
			return nil, &StrayError{r.s.describe(plan[:n+1]), "expected the message to have been sent, found that it was not"}
		}
		if problem, d := r.step(c); problem != "" || len(d) > 0 {
			return &Parting{Schedule: r.s.describe(plan[:n+1]), Problem: problem, Differences: d}, nil
		}
		r.s.Steps++
	}
	return nil, nil
}

// verify runs the schedule of every transition that the search has driven, in new nodes and from the start, and returns which
// transitions were taken in these runs. What a run takes on its way counts, too. It stops where the implementation and the model part.
func (s *search) verify(ctx context.Context) ([]bool, *Parting, error) {
	taken := make([]bool, len(s.graph.list))
	plans := make([][]choice, len(s.graph.list))
	var of []int
	for t := range s.witness {
		if s.witness[t].place >= 0 {
			plans[t] = s.plan(&s.witness[t])
			s.Longest = max(s.Longest, len(plans[t]))
			of = append(of, t)
		}
	}
	// The long ones first: they take what others are for on their way.
	slices.SortStableFunc(of, func(a, b int) int { return len(plans[b]) - len(plans[a]) })
	for _, t := range of {
		if taken[t] {
			continue
		}
		if err := ctx.Err(); err != nil {
			return nil, nil, err
		}
		r, err := s.newRun()
		if err != nil {
			return nil, nil, err
		}
		s.Runs++
		var now []int32
		r.taken = func(t int32) { now = append(now, t) }
		if parted, err := r.follow(plans[t]); parted != nil || err != nil {
			return taken, parted, err
		}
		for _, t := range now {
			taken[t] = true
		}
		if !taken[t] {
			return taken, nil, &StrayError{s.describe(plans[t]), fmt.Sprintf("expected it to take %s, found that it does not", s.graph.steps[t])}
		}
	}
	return taken, nil, nil
}
