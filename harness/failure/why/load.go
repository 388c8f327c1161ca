package why

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness/sim"
	"github.com/firstgap/firstgap/impl/node"
)

// A flow is what one node sends of one type, or writes to one file.
type flow struct {
	id   node.ID
	what string
}

// ofLoad explains an amount that is too large: which type of message, or which file, of which node makes most of it, and since when.
func (s *story) ofLoad() {
	first, count := map[flow]uint64{}, map[flow]int{}
	all := 0
	add := func(x flow, n uint64, by int) {
		if by == 0 {
			return
		}
		if first[x] == 0 {
			first[x] = n
		}
		count[x] += by
		all += by
	}
	if s.finding.Check == faults.Writes {
		for id, ops := range s.disks {
			for _, o := range ops {
				what := "appends to " + o.File
				switch {
				case o.Sync:
					what = "syncs"
				case o.Replace:
					what = "replaces of " + o.File
				}
				if o.Cause != 0 && s.counts(what) {
					add(flow{id, what}, o.Cause, 1)
				}
			}
		}
	} else {
		for n := uint64(1); n <= s.end(); n++ {
			if f := &s.facts[n]; (f.kind == sim.EventMessage || f.kind == sim.EventLost) && f.what != "" {
				by := 1
				if s.carries() {
					by = 0
					if f.high != 0 && (f.what == "append" || f.what == "gossip-give" || f.what == "log-records" || f.what == "stream") {
						by = int(f.high-f.low) + 1
					}
				}
				add(flow{f.from, f.what}, n, by)
			}
		}
	}
	if all == 0 {
		return
	}
	var flows []flow
	for x := range count {
		flows = append(flows, x)
	}
	slices.SortFunc(flows, func(a, b flow) int {
		return cmp.Or(cmp.Compare(count[b], count[a]), cmp.Compare(a.id, b.id), cmp.Compare(a.what, b.what))
	})
	unit := "of them"
	if s.carries() {
		unit = "records in them, at most"
	}
	for _, x := range flows[:min(len(flows), 3)] {
		s.causeOf(x.id, first[x], fmt.Sprintf("began with %s: %d %s in the run, %d %% of all", x.what, count[x], unit, 100*count[x]/all))
	}
	top := flows[0]
	f := s.finding
	s.headline = sentence(fmt.Sprintf("%s makes most of what is too much: %s, %d %s since %s, %d %% of all. %s: expected %s, found %s",
		s.name(top.id), top.what, count[top], unit, at(s.fact(first[top]).at), 100*count[top]/all, f.Subject, f.Expected, f.Found))
}

// carries tells whether the amount is of records in messages.
func (s *story) carries() bool { return s.amount() == "records in messages" }

// amount is what the finding counts.
func (s *story) amount() string {
	subject := s.finding.Subject
	for _, what := range []string{"records in messages", "bytes of messages", "messages", "appends", "syncs", "files replaced", "readers given up"} {
		if len(subject) >= len(what) && subject[:len(what)] == what {
			return what
		}
	}
	return ""
}

// counts tells whether an operation of a disk is of the amount that the finding counts.
func (s *story) counts(what string) bool {
	switch s.amount() {
	case "appends":
		return what[:7] == "appends"
	case "syncs":
		return what == "syncs"
	case "files replaced":
		return what[:8] == "replaces"
	}
	return true
}
