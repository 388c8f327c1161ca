package volume

import "slices"

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

// locks is k \in Locked(e, t).
func (s byDefinition) locks(e, t, k int) bool {
	for _, l := range s.of(e, t, Write) {
		stands := true
		for _, m := range s.of(e, t, Undo) {
			if m > l && s.between(e, t, Undo, 0, m) >= s.between(e, t, Write, 0, m) {
				stands = false
			}
		}
		if stands && int(s.Record(e, l).Key) == k {
			return true
		}
	}
	return false
}

// between counts the records of t of that kind above LSN l, up to m.
func (s byDefinition) between(e, t int, kind Kind, l, m int) int {
	n := 0
	for _, x := range s.of(e, t, kind) {
		if l < x && x <= m {
			n++
		}
	}
	return n
}

// net is Net(e, t).
func (s byDefinition) net(e, t int) []int {
	var net []int
	for _, l := range s.of(e, t, Write) {
		stands := true
		for _, m := range s.of(e, t, Undo) {
			if m > l && s.between(e, t, Undo, l, m) > s.between(e, t, Write, l, m) {
				stands = false
			}
		}
		if stands {
			net = append(net, l)
		}
	}
	return net
}

func (s byDefinition) mtrAtomic() bool {
	for e := 1; e <= s.world.MaxEpoch; e++ {
		if base := s.Base(e); s.Phase(e) >= Repairing && base > 0 && !s.Record(e, base).Last {
			return false
		}
		for l := 1; l < s.End(e); l++ {
			if !s.Record(e, l).Last && s.Record(e, l).Txn != s.Record(e, l+1).Txn {
				return false
			}
		}
	}
	return true
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
		if rec := s.Record(e, l); (rec.Kind == Write || rec.Kind == Undo) && int(rec.Key) == k {
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
				if rec.Kind == Write && int(rec.Key) == k && len(s.of(e, int(rec.Txn), Commit)) > 0 && slices.Contains(s.net(e, int(rec.Txn)), l) {
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

// got is what r acknowledges to the writer of e when it tells what it stores.
func (s byDefinition) got(e, r int) []int {
	var got []int
	for l := 1; l <= s.End(e); l++ {
		if int(s.Record(e, l).Group) == s.GroupOf(r) && s.Stored(r, l) != 0 {
			got = append(got, l)
		}
	}
	return got
}

func (s byDefinition) withinLAL() bool {
	limit := s.world.LAL
	if limit == 0 {
		limit = s.world.MaxLSN
	}
	for e := 1; e <= s.world.MaxEpoch; e++ {
		for d := 1; d < e && s.Phase(e) >= Repairing; d++ {
			if s.End(d) > s.Base(e)+limit {
				return false
			}
		}
	}
	return true
}

func (s byDefinition) txnAtomic() bool {
	for e := 1; e <= s.world.MaxEpoch; e++ {
		for t := 1; t <= s.world.Txns && s.Phase(e) >= Repairing; t++ {
			if len(s.of(e, t, Commit)) == 0 {
				continue
			}
			_, own := s.CommitOf(t)
			for _, l := range s.of(own, t, Write) {
				if l > s.End(e) || s.Record(e, l).Epoch != s.Record(own, l).Epoch {
					return false
				}
			}
		}
	}
	return true
}

// cut is AcksCut(Q), with what stands at each LSN up to it: Recovered(Q).
func (s byDefinition) cut(q ReplicaSet) (newest, cut int, recovered []Record) {
	for r := range s.replicas {
		if q.Has(r) {
			newest = max(newest, s.Line(r))
		}
	}
	end := s.End(newest)
	group := func(l int) int { return int(s.Record(newest, l).Group) }
	found := make([]bool, end+1)
	complete := map[int]int{} // HighestSCL of each group
	for r := range s.replicas {
		if !q.Has(r) {
			continue
		}
		gap := false
		for l := 1; l <= end; l++ {
			found[l] = found[l] || s.Has(r, newest, l)
			if group(l) == s.GroupOf(r) {
				gap = gap || !s.Has(r, newest, l)
				if !gap {
					complete[group(l)] = max(complete[group(l)], l)
				}
			}
		}
	}
	ungapped := func(l int) bool {
		for m := 1; m <= l; m++ {
			if group(m) == group(l) && !found[m] {
				return false
			}
		}
		return true
	}
	prefix := func(holds func(l int) bool) int {
		n := 0
		for n < end && holds(n+1) {
			n++
		}
		return n
	}
	lastOf := func(n int, holds func(l int) bool) int {
		for n > 0 && !holds(n) {
			n--
		}
		return n
	}
	switch s.bug {
	case cutAtHighest:
		cut = lastOf(end, func(l int) bool { return found[l] })
	case highestSCL:
		cut = prefix(func(l int) bool { return l <= complete[group(l)] })
	case cutPerGroup:
		cut = lastOf(end, func(l int) bool { return ungapped(l) && s.Record(newest, l).Last })
	default:
		cut = prefix(func(l int) bool { return found[l] })
	}
	if s.bug != cutInsideMtr {
		cut = lastOf(cut, func(l int) bool {
			rec := s.Record(newest, l)
			return rec.Last || s.bug == cutInsideStructure && rec.Kind == Structure
		})
	}
	recovered = []Record{}
	for l := 1; l <= cut; l++ {
		rec := s.Record(newest, l)
		if s.bug == cutPerGroup && !ungapped(l) {
			rec = Record{Kind: Hole, Key: -1, Group: -1, Last: true}
		}
		recovered = append(recovered, rec)
	}
	return newest, cut, recovered
}

// written is IsWritten(S, X, W), member by member.
func (s byDefinition) written(g int, set Set, has func(r int) bool) bool {
	n, fulls, lacking := 0, 0, 0
	for i := range s.world.Replicas {
		r := g*s.world.Replicas + i
		if !set.Has(i) {
			continue
		}
		if has(r) {
			n++
		}
		if !slices.Contains(s.world.Tails, i) {
			fulls++
			if !has(r) {
				lacking++
			}
		}
	}
	return n >= s.world.WriteQuorum || len(s.world.Tails) > 0 && fulls > 0 && lacking == 0
}

func (s byDefinition) completeIsStored() bool {
	e := int(s.newest)
	if s.Phase(e) != Open {
		return true
	}
	for l := 1; l <= s.VCL(e); l++ {
		g := int(s.Record(e, l).Group)
		has := func(r int) bool { return s.Has(r, e, l) }
		if g < 0 {
			return false
		}
		for _, m := range []Membership{s.Made(e, g), s.Sets(e, g)} {
			if len(m) == 0 || !s.written(g, m[0], has) {
				return false
			}
		}
	}
	return true
}

func (s byDefinition) freshRead() bool {
	for e := 1; e <= s.world.MaxEpoch; e++ {
		blocked := s.bug == readUnfenced
		for g := 0; g < s.world.Groups && s.Phase(e) == Open; g++ {
			m := s.Sets(e, g)
			blocks := 0
			for _, set := range m {
				if !s.written(g, set, func(r int) bool { return s.FenceOf(r) > e }) {
					blocks++
				}
			}
			blocked = blocked || len(m) > 0 && blocks == len(m) || s.bug == blockOneSet && blocks > 0
		}
		for t := 1; t <= s.world.Txns && s.Phase(e) == Open && blocked; t++ {
			lsn, own := s.CommitOf(t)
			if s.Acked(t) && (lsn > s.End(e) || int(s.Record(e, lsn).Epoch) != own) {
				return false
			}
		}
	}
	return true
}
