package volume

// One function for each invariant: does it still hold after the action c, given that all of them held before it?
// Each says which actions can break it at all, and where.

func (s *State) typeOKAfter(c *change) bool {
	switch c.action {
	case ActWrite, ActCommit, ActUndo, ActStructure: // one record more
		w := &s.writers[c.e-1]
		return w.log[len(w.log)-1].Epoch == c.e && len(w.log) > int(w.base)
	case ActAdvance, ActOpen: // a new VCL
		w := &s.writers[c.e-1]
		return int(w.vcl) <= len(w.log)
	case ActDecide: // a new log
		return s.typeOKWriter(int(c.e))
	case ActFence, ActJoin: // a new fence or line
		return s.replicas[c.r].line <= s.replicas[c.r].fence
	}
	return true
}

func (s *State) oneLogAfter(c *change) bool {
	switch c.action {
	case ActStore, ActGossip:
		return s.oneLogAt(int(c.r), c.l)
	case ActJoin:
		return s.oneLogReplica(int(c.r))
	}
	return true // a log only grows, and what a replica stores of it stays part of it
}

func (s *State) durableAfter(c *change) bool {
	if len(s.acked) == 0 {
		return true
	}
	if s.cutsOtherwise() {
		return s.durable()
	}
	switch c.action {
	case ActAck: // one transaction more, and the records up to its commit
		for n := int32(1); n <= s.newest; n++ {
			if s.lacking(n, 0) && (!s.on(&s.writers[n-1], c.t) || s.lackingAbove(n, c.highest)) {
				return false
			}
		}
	case ActJoin: // the read quorums with r in them have a new Newest, or lost records
		if !s.durableOn(c.e, 1) {
			return false
		}
		return !s.lackingOnNewer(c.e + 1)
	case ActAmnesia:
		return !s.lackingOnNewer(s.replicas[c.r].line)
	case ActChange, ActGrow: // other read quorums
		return s.durable()
	case ActStart: // a writer learns what is, unless it is a broken one
		return s.bug != changeUnseen && s.bug != growUnseen || s.durable()
	}
	return true // nothing else changes a line or removes a record
}

// lackingOnNewer says whether some read quorum whose Newest is n or newer lacks a record that an acknowledged
// commit needs.
func (s *State) lackingOnNewer(n int32) bool {
	for ; n <= s.newest; n++ {
		if s.lacking(n, 0) && s.lackingAbove(n, 0) {
			return true
		}
	}
	return false
}

// lackingAbove says so of Newest(Q) = n and the records above LSN l.
func (s *State) lackingAbove(n, l int32) bool {
	for l++; l <= s.highest; l++ {
		if s.lacking(n, l) {
			return true
		}
	}
	return false
}

func (s *State) nothingLostAfter(c *change) bool {
	switch c.action {
	case ActAck:
		for e := c.e; e <= s.newest; e++ {
			if w := &s.writers[e-1]; w.phase >= Repairing && !s.on(w, c.t) {
				return false
			}
		}
	case ActDecide:
		return s.nothingLostTo(c.e)
	}
	return true
}

func (s *State) keptIsStoredAfter(c *change) bool {
	switch c.action {
	case ActDecide:
		return c.e != s.newest || s.keptIsStored()
	case ActJoin, ActAmnesia:
		w := s.lastWriter()
		return w.phase < Repairing || s.droppedNone(c, w.base, func(l int32) bool { return s.somebodyHas(w, l) })
	}
	return true
}

func (s *State) completeIsStoredAfter(c *change) bool {
	switch c.action {
	case ActAdvance:
		w := &s.writers[c.e-1]
		return c.e != s.newest || s.completeStored(w, w.vcl)
	case ActOpen, ActChange, ActAdopt:
		return c.e != s.newest || s.completeIsStored()
	case ActJoin, ActAmnesia:
		w := s.lastWriter()
		return w.phase != Open || s.droppedNone(c, w.vcl, func(l int32) bool { return s.completeStored(w, l) })
	}
	return true
}

// droppedNone says whether enough holds for every LSN up to the one given that the replica has just dropped.
func (s *State) droppedNone(c *change, upTo int32, enough func(l int32) bool) bool {
	had := s.saved[len(s.saved)-int(c.saved):]
	has := s.replicas[c.r].store
	for i := range min(int(upTo), len(had)) {
		if had[i] != 0 && has[i] == 0 && !enough(int32(i)+1) {
			return false
		}
	}
	return true
}

func (s *State) freshReadAfter(c *change) bool {
	switch c.action {
	case ActAck:
		for e := int32(1); e <= s.newest; e++ {
			w := &s.writers[e-1]
			if w.phase == Open && !s.on(w, c.t) && s.reachesEnough(e) {
				return false
			}
		}
	case ActOpen, ActAdopt:
		return s.freshReadOf(c.e)
	}
	return true // a promise only makes it easier
}

func (s *State) undoRestoresAfter(c *change) bool {
	switch c.action {
	case ActCommit, ActUndo: // the keys that it has let go
		w := &s.writers[c.e-1]
		tx := &w.txns[c.t]
		for l := tx.last; l >= max(tx.since, 1); l = w.trails[l-1].prev {
			if !w.restored(&w.keys[w.log[l-1].Key]) {
				return false
			}
		}
	case ActOpen:
		return s.undoRestoresIn(c.e)
	}
	return true
}

func (s *State) mtrAtomicAfter(c *change) bool {
	switch c.action {
	case ActWrite, ActCommit, ActUndo, ActStructure: // one record more
		w := &s.writers[c.e-1]
		return w.oneMtr(len(w.log) - 1)
	case ActDecide:
		return s.mtrAtomicIn(c.e)
	}
	return true
}

func (s *State) withinLALAfter(c *change) bool {
	switch c.action {
	case ActWrite, ActCommit, ActUndo, ActStructure: // one LSN more
		for e := c.e + 1; e <= s.newest; e++ {
			if !s.withinLALOf(e, c.e, c.e) {
				return false
			}
		}
	case ActDecide: // a new base, and a new log for those that are newer
		for e := c.e; e <= s.newest; e++ {
			if !s.withinLALOf(e, 1, e-1) {
				return false
			}
		}
	}
	return true
}

func (s *State) txnAtomicAfter(c *change) bool {
	return c.action != ActDecide || s.txnAtomicIn(c.e) // a transaction commits with all its changes on the log
}
