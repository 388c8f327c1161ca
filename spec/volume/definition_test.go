package volume

// The module's definitions, word for word and without any index, to hold the indexed ones against.

type byDefinition struct{ *State }

func (s byDefinition) of(e, t int, kind Kind) []int {
	var lsns []int
	for l := 1; l <= s.End(e); l++ {
		if rec := s.Record(e, l); int(rec.Txn) == t && rec.Kind == kind {
			lsns = append(lsns, l)
		}
	}
	return lsns
}

func (s byDefinition) active(e, t int) bool {
	return len(s.of(e, t, Commit)) == 0 && len(s.of(e, t, Undo)) < len(s.of(e, t, Write))
}

func (s byDefinition) own(e, t int) bool {
	for _, l := range s.of(e, t, Write) {
		if int(s.Record(e, l).Epoch) != e {
			return false
		}
	}
	return true
}

func (s byDefinition) locks(e, t, k int) bool {
	for _, l := range s.of(e, t, Write) {
		if int(s.Record(e, l).Key) == k {
			return true
		}
	}
	return false
}

func (s byDefinition) holders(e, k int) []int {
	var holders []int
	for t := 1; t <= s.world.Txns; t++ {
		if s.active(e, t) && s.locks(e, t, k) {
			holders = append(holders, t)
		}
	}
	return holders
}

func (s byDefinition) value(e, k int) int {
	value := 0
	for l := 1; l <= s.End(e); l++ {
		if rec := s.Record(e, l); rec.Kind != Commit && int(rec.Key) == k {
			value = int(rec.New)
		}
	}
	return value
}

func (s byDefinition) vdl(e int) int {
	vdl := 0
	for l := 1; l <= s.VCL(e); l++ {
		if s.Record(e, l).Last {
			vdl = l
		}
	}
	return vdl
}

// complete is Complete(e, GroupOf[r], store[r]).
func (s byDefinition) complete(e, r int) int {
	complete := 0
	for l := 1; l <= s.End(e); l++ {
		if int(s.Record(e, l).Group) != s.GroupOf(r) {
			continue
		}
		if s.Stored(r, l) == 0 {
			return complete
		}
		complete = l
	}
	return complete
}

func (s byDefinition) undoRestores() bool {
	for e := 1; e <= s.world.MaxEpoch; e++ {
		if s.Phase(e) != Open {
			continue
		}
		for k := range s.world.Keys {
			if len(s.holders(e, k)) > 0 {
				continue
			}
			want := 0
			for l := 1; l <= s.End(e); l++ {
				rec := s.Record(e, l)
				if rec.Kind == Write && int(rec.Key) == k && len(s.of(e, int(rec.Txn), Commit)) > 0 {
					want = int(rec.New)
				}
			}
			if s.value(e, k) != want {
				return false
			}
		}
	}
	return true
}

func (s byDefinition) started(t int) bool {
	for e := 1; e <= s.world.MaxEpoch; e++ {
		if len(s.of(e, t, Write)) > 0 {
			return true
		}
	}
	return false
}
