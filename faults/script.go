package faults

import "slices"

// script is a plan that scenes are looked for in.
type script struct {
	plan *Plan
	t    *Topology
	part *Part
}

// Has lists the scenes of a volume that a plan has, however it came to have them. Of a topology that is not a volume's there are
// none.
func (p Plan) Has(t Topology) []Scene {
	s := &script{plan: &p, t: &t, part: t.holder()}
	if t.Active() != Writer || t.of(Register) == nil || s.part.Role != Segment {
		return nil
	}
	var found []Scene
	for _, x := range staged() {
		if x.has(s) {
			found = append(found, x.name)
		}
	}
	return found
}

// some tells whether the plan has a fault of a kind of which more is true.
func (s *script) some(k Kind, more func(*Fault) bool) bool {
	for i := range s.plan.Faults {
		if f := &s.plan.Faults[i]; f.Kind == k && more(f) {
			return true
		}
	}
	return false
}

// over tells whether a successor starts in that time, both ends included.
func (s *script) over(from, to Duration) bool {
	within := func(f *Fault) bool { return from <= f.At+f.For && f.At+f.For <= to }
	return s.some(TakeOver, within) || s.some(FailOver, within)
}

func (f *Fault) ofRegister() bool { return slices.Contains(f.Nodes, string(Register)) }
func (f *Fault) end() Duration    { return f.At + f.For }

func (s *script) registerAway(k Kind) bool {
	return s.some(k, func(f *Fault) bool { return f.ofRegister() && s.over(f.At-around/10, f.end()) })
}

func (s *script) registerCrashed() bool { return s.registerAway(Crash) }
func (s *script) registerPaused() bool  { return s.registerAway(Pause) }
func (s *script) registerSlow() bool    { return s.registerAway(Delay) && s.registerAway(DiskSlow) }

// restarted tells whether a node crashes in that time, both ends included, of which more is true.
func (s *script) restarted(name string, from, to Duration, more func(*Fault) bool) bool {
	return s.some(Crash, func(f *Fault) bool { return slices.Contains(f.Nodes, name) && from <= f.At && f.At <= to && more(f) })
}

func (s *script) rotAnd(which func(name string) bool) bool {
	return s.some(DiskCorrupt, func(rot *Fault) bool {
		return which(rot.Nodes[0]) && s.restarted(rot.Nodes[0], rot.At, rot.At+around, func(f *Fault) bool { return s.over(f.At-around, f.end()+around) })
	})
}

func (s *script) registerRotten() bool {
	return s.rotAnd(func(name string) bool { return name == string(Register) })
}

func (s *script) rotInRecovery() bool {
	return s.rotAnd(func(name string) bool { return name != string(Register) && name != string(Objects) })
}

func (s *script) rotTwice() bool {
	return s.some(DiskCorrupt, func(first *Fault) bool {
		return s.some(DiskCorrupt, func(second *Fault) bool {
			return second.Nodes[0] == first.Nodes[0] && first.Nodes[0] != string(Register) && first.Nodes[0] != string(Objects) && second.At > first.At &&
				s.restarted(first.Nodes[0], first.At, second.At, func(*Fault) bool { return true }) &&
				s.restarted(first.Nodes[0], second.At, s.plan.Horizon, func(*Fault) bool { return true })
		})
	})
}

func (s *script) lostInRecovery() bool {
	return s.some(DiskLost, func(f *Fault) bool { return s.over(f.At-around/5, f.At) })
}

func (s *script) fencedThenDead() bool {
	return s.some(CrashWhen, func(f *Fault) bool { return f.When == Fenced && s.over(f.At, s.plan.Horizon) })
}

// unreached tells whether a fault of the network keeps what the writer sends from so many segments of some group.
func (s *script) unreached(f *Fault, least int) bool {
	if f.Kind != Partition && f.Kind != PartitionOneWay || !slices.Contains(f.Nodes, string(Writer)) {
		return false
	}
	for g := 1; g <= s.part.groups(); g++ {
		n := 0
		for i := 1; i <= s.part.Members(); i++ {
			if f.strikes(string(Writer), s.part.node(g, i).String()) {
				n++
			}
		}
		if n >= least {
			return true
		}
	}
	return false
}

func (s *script) lateConfirmation() bool {
	return s.some(PartitionOneWay, func(cut *Fault) bool {
		late := func(f *Fault) bool {
			return slices.Contains(f.To, string(Writer)) && f.Extra > 0 && f.At <= cut.At && cut.At <= f.end()
		}
		return s.unreached(cut, s.part.Members()) && s.over(cut.At, cut.end()) && (s.some(Reorder, late) || s.some(Duplicate, late))
	})
}

func (s *script) lastFullLost() bool {
	return s.part.Bare > 0 && s.some(DiskLost, func(lost *Fault) bool {
		n, err := s.t.Node(lost.Nodes[0])
		if err != nil || !s.full(n) {
			return false
		}
		for i := 1; i <= s.part.Members(); i++ {
			other := s.part.node(n.Group, i)
			lags := func(f *Fault) bool {
				return slices.Contains(f.Nodes, other.String()) && f.For > around/2 && f.end() <= lost.At && lost.At <= f.end()+around
			}
			if other != n && s.full(other) && !s.some(Partition, lags) && !s.some(Crash, lags) && !s.some(Pause, lags) {
				return false
			}
		}
		return true
	})
}

// full tells whether a segment keeps pages, and is no spare.
func (s *script) full(n Node) bool {
	return n.Index <= s.part.Members() && (n.Index%2 == 1 || n.Index/2 > s.part.Bare)
}

func (s *script) cutRecordMet() bool {
	return s.some(PartitionOneWay, func(last *Fault) bool {
		return s.unreached(last, s.part.Members()-s.part.WriteQuorum+1) && s.some(Partition, func(apart *Fault) bool {
			if len(apart.To) == 0 || !slices.Contains(apart.Nodes, string(Writer)) || !s.over(last.At, apart.At) {
				return false
			}
			return !slices.ContainsFunc(apart.To, func(name string) bool { return last.strikes(string(Writer), name) }) && s.over(apart.end(), apart.end()+around)
		})
	})
}

func (s *script) ackThenCrash() bool {
	return s.some(CrashWhen, func(f *Fault) bool {
		if f.When != Acknowledged || !slices.Contains(f.Nodes, string(Writer)) {
			return false
		}
		copies := map[int]int{}
		for _, name := range f.Nodes {
			if n, err := s.t.Node(name); err == nil && n.Group > 0 {
				copies[n.Group]++
			}
		}
		for g := 1; g <= s.part.groups(); g++ {
			if copies[g] > s.part.WriteQuorum-s.part.ReadQuorum {
				return true
			}
		}
		return false
	})
}

func (s *script) storeRotten() bool {
	return s.some(DiskCorrupt, func(rot *Fault) bool {
		return rot.Nodes[0] == string(Objects) && s.restarted(rot.Nodes[0], rot.At, s.plan.Horizon, func(*Fault) bool { return true })
	})
}

// left counts the members of a group whose messages with a node a fault of the network does not strike.
func (s *script) left(f *Fault, group int, of string) (n int) {
	for i := 1; i <= s.part.Members(); i++ {
		if !f.strikes(of, s.part.node(group, i).String()) {
			n++
		}
	}
	return n
}

func (s *script) oldMinority() bool {
	few := s.part.Members() - s.part.WriteQuorum
	return s.some(Partition, func(old *Fault) bool {
		return len(old.To) > 0 && slices.Contains(old.Nodes, string(Writer)) && s.some(Partition, func(apart *Fault) bool {
			if len(apart.To) == 0 || !slices.Contains(apart.Nodes, string(Writer)) || apart.At <= old.At || apart.At >= old.end() || !s.over(old.At, apart.At) {
				return false
			}
			for g := 1; g <= s.part.groups(); g++ {
				heard := s.left(old, g, string(Writer))
				if heard == 0 || heard > few || s.left(apart, g, string(Writer)) != s.part.Members()-heard {
					return false
				}
			}
			return true
		})
	})
}

func (s *script) oldSegmentAsked() bool {
	return s.some(PartitionOneWay, func(last *Fault) bool {
		return s.unreached(last, s.part.Members()-1) && s.some(Partition, func(apart *Fault) bool {
			if len(apart.To) == 0 || apart.At < last.At || !s.over(last.At, apart.At) {
				return false
			}
			if n, err := s.t.Node(apart.Nodes[0]); err != nil || n.Role != Reader {
				return false
			}
			for g := 1; g <= s.part.groups(); g++ {
				if s.left(apart, g, apart.Nodes[0]) == 1 {
					return true
				}
			}
			return false
		})
	})
}

func (s *script) crashedStarting() bool {
	return s.some(Crash, func(first *Fault) bool {
		n, err := s.t.Node(first.Nodes[0])
		return err == nil && n.Role == s.part.Role && s.restarted(first.Nodes[0], first.end(), first.end()+around/10, func(*Fault) bool { return true }) &&
			s.some(DiskSlow, func(f *Fault) bool {
				return slices.Contains(f.Nodes, first.Nodes[0]) && f.At <= first.At && first.end() < f.end()
			})
	})
}

func (s *script) deafRecovery() bool {
	return s.some(Partition, func(f *Fault) bool {
		if len(f.To) == 0 || !slices.Contains(f.Nodes, string(Writer)) || !s.over(f.At-around/10, f.At) {
			return false
		}
		for g := 1; g <= s.part.groups(); g++ {
			if s.left(f, g, string(Writer)) < s.part.ReadQuorum {
				return true
			}
		}
		return f.strikes(string(Writer), string(Register))
	})
}

func (s *script) diskFilled() bool {
	return s.some(DiskFull, func(f *Fault) bool {
		return s.over(f.At, f.end()) || s.restarted(f.Nodes[0], f.At, f.end()+around/2, func(*Fault) bool { return true })
	})
}

func (s *script) storeCrashed() bool {
	return s.some(CrashWhen, func(f *Fault) bool { return f.When == Kept })
}
