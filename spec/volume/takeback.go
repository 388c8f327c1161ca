package volume

// TakeBack takes the last action back, exactly, and says whether there was one.
func (s *State) TakeBack() bool {
	n := len(s.journal) - 1
	if n < 0 {
		return false
	}
	c := &s.journal[n]
	switch c.action {
	case ActWrite, ActCommit, ActUndo, ActStructure:
		s.pop(c.e)
	case ActStore, ActGossip:
		s.replicas[c.r].store[c.l-1] = 0
		s.replicas[c.r].setSCL(c.sclEpoch, c.scl)
		if s.world.RecordAcks {
			s.untell(c)
		}
	case ActAdvance:
		s.writers[c.e-1].vcl--
	case ActAck:
		s.outcomes[c.t].acked = false
		s.acked = s.acked[:len(s.acked)-1]
		s.highest = c.highest
	case ActStart:
		w := &s.writers[c.e-1]
		w.phase, w.made, w.sets = Unborn, nil, nil
		s.newest--
	case ActFence:
		s.replicas[c.r].fence = c.fence
		if w := &s.writers[c.e-1]; s.world.Answers && w.phase == Fencing {
			w.toldLine[c.r] = 0
		}
	case ActDecide:
		w := &s.writers[c.e-1]
		for t := range w.txns {
			if w.txns[t].writes > 0 {
				s.outcomes[t].logs--
			}
		}
		w.clear()
		w.phase = Fencing
	case ActJoin:
		rep := &s.replicas[c.r]
		rep.fence, rep.line = c.fence, c.line
		rep.setSCL(c.sclEpoch, c.scl)
		s.restore(rep, c)
		if s.world.RecordAcks {
			s.untell(c)
		}
	case ActOpen:
		w := &s.writers[c.e-1]
		w.phase, w.vcl = Repairing, 0
	case ActChange, ActGrow:
		s.writers[c.e-1].made = c.was
	case ActAdopt:
		s.writers[c.e-1].sets = c.was
	case ActAmnesia:
		s.restore(&s.replicas[c.r], c)
	case ActAckEarly:
		s.replicas[c.r].setSCL(c.sclEpoch, c.scl)
		if s.world.RecordAcks {
			s.untell(c)
		}
	}
	s.journal = s.journal[:n]
	return true
}

// restore gives a replica the store back that save kept.
func (s *State) restore(rep *replica, c *change) {
	from := len(s.saved) - int(c.saved)
	clear(rep.store)
	copy(rep.store, s.saved[from:])
	s.saved = s.saved[:from]
}

// untell gives a replica the row of got back that tell overwrote.
func (s *State) untell(c *change) {
	row := s.replicas[c.r].gotRow(c.sclEpoch, 0)
	if c.savedGot < 0 {
		row[c.l-1] = false
		return
	}
	from := len(s.savedGot) - int(c.savedGot)
	clear(row)
	copy(row, s.savedGot[from:])
	s.savedGot = s.savedGot[:from]
}

// Steps returns how many actions TakeBack can take back.
func (s *State) Steps() int { return len(s.journal) }

// Forget drops what TakeBack needs. A long run that will never be taken back calls it now and then.
func (s *State) Forget() {
	s.journal, s.saved, s.savedGot = s.journal[:0], s.saved[:0], s.savedGot[:0]
}
