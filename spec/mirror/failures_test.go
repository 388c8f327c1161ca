package mirror

import (
	"context"
	"fmt"

	"github.com/firstgap/firstgap/spec/check"
)

// A Failure is what is lost at once: copies, as pairs of a zone and a place in its chain, both counted from 1, and zones
// with all that is in them.
type Failure struct {
	Copies [][2]int
	Zones  []int
}

// An Outcome is what a failure does to a design.
type Outcome struct {
	Loses   bool // a write that was acknowledged before
	Stops   bool // all writes, until something is repaired
	Strands bool // all writes, and no repair lets them go on
}

// After searches what becomes of a design after a failure: of a write that had been acknowledged before it, and of
// writes that come after. Of the world it takes the zones and copies. A repair takes out what is
// lost, adds new copies, and starts one successor.
func After(ctx context.Context, w World, f Failure) (Outcome, error) {
	var o Outcome
	w.MaxWrite, w.MaxEpoch, w.CopyLosses, w.ZoneLosses, w.Suspect, w.Bug = 2, 2, 0, 0, false, "none"
	for _, w.Repair = range []bool{true, false} {
		if !w.Repair {
			w.MaxEpoch = 1
		}
		p, err := plain(w)
		if err != nil {
			return o, err
		}
		if p.Start, err = failed(w, p.Start, f); err != nil {
			return o, err
		}
		m := &model{w}
		o.Loses = !m.durable(p.Start)
		goesOn := check.Must[State]{Name: "Stopped", Guarantee: "nothing is acknowledged any more", Holds: func(s State) bool { return !s.Acked[2] }}
		if !o.Loses { // then all that is promised must hold, with and without repairs
			p.Must = append(p.Must, goesOn)
		} else {
			p.Must = []check.Must[State]{goesOn}
		}
		p.Reach = nil
		r, err := check.Run(ctx, p.Model(), check.Options{})
		switch {
		case err != nil:
			return o, err
		case r.Verdict == check.Incomplete:
			return o, fmt.Errorf("mirror: %s", r.Reason)
		case r.Verdict == check.Violation && r.Invariant != goesOn.Name:
			return o, fmt.Errorf("mirror: after %+v %s does not hold: %s", f, r.Invariant, r.Guarantee)
		case w.Repair:
			o.Strands = r.Verdict == check.Pass
		default:
			o.Stops = r.Verdict == check.Pass
		}
	}
	return o, nil
}

// failed returns the state in which write 1 was acknowledged, and then the failure has happened.
func failed(w World, s State, f Failure) (State, error) {
	m := &model{w}
	s.Issued, s.Acked[1] = 1, true
	s.Log[1].add(1)
	m.zones(func(a int) {
		for i := range s.Chain[a].all() {
			s.Chain[a].Copies[i].Log.add(1)
		}
	})
	for _, c := range f.Copies {
		if c[0] < 1 || c[0] > w.Zones || c[1] < 1 || c[1] > w.Copies {
			return s, check.Wrong("copy of a failure", fmt.Sprintf("%d of zone %d", c[1], c[0]), fmt.Sprintf("1 to %d of zone 1 to %d", w.Copies, w.Zones))
		}
		s.Chain[c[0]].Copies[c[1]-1] = Copy{}
	}
	for _, a := range f.Zones {
		if a < 1 || a > w.Zones {
			return s, check.Wrong("zone of a failure", fmt.Sprint(a), fmt.Sprintf("1 to %d", w.Zones))
		}
		s = m.burnt(s, a)
	}
	return s, nil
}
