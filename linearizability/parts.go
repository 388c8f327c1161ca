package linearizability

// parts divides a history into those that no transaction connects through keys, in the order of their first
// transactions. A scan touches every key of its range that the history names. Each part can be ordered for itself: serializability,
// strict or without any order of time, composes over such parts as linearizability
// does over objects (Herlihy and Wing 1990, theorem 1), because each part is one object and each transaction one
// operation of it. A history of single-key operations so falls into its keys.
func (c *compiled) parts(level Level) []*compiled {
	if level != StrictSerializable && level != Serializable {
		return []*compiled{c} // sessions go from one part to another
	}
	root := make([]int32, len(c.keys)) // union-find over keys
	for i := range root {
		root[i] = int32(i)
	}
	find := func(k int32) int32 {
		for root[k] != k {
			root[k] = root[root[k]]
			k = root[k]
		}
		return k
	}
	for i := range c.steps {
		s := &c.steps[i]
		if home, ok := s.home(); ok {
			for _, a := range s.reads {
				root[find(a.key)] = find(home)
			}
			for _, a := range s.writes {
				root[find(a.key)] = find(home)
			}
			for _, keys := range s.more {
				for _, k := range keys {
					root[find(k)] = find(home)
				}
			}
		}
	}
	var parts []*compiled
	number := make([]int, len(c.keys)) // by root, position in parts + 1
	for i := range c.steps {
		home, ok := c.steps[i].home()
		if !ok {
			continue // it touched nothing, so it fits everywhere
		}
		top := find(home)
		if number[top] == 0 {
			parts = append(parts, &compiled{history: c.history, values: c.values})
			number[top] = len(parts)
		}
		p := parts[number[top]-1]
		p.steps = append(p.steps, c.steps[i])
	}
	if len(parts) == 1 {
		return []*compiled{c} // the usual case keeps its numbers
	}
	local := make([]int32, len(c.keys)) // a key's number in its part
	for k := range c.keys {
		if at := number[find(int32(k))]; at > 0 {
			p := parts[at-1]
			local[k] = int32(len(p.keys))
			p.keys = append(p.keys, c.keys[k])
		}
	}
	for _, p := range parts {
		for i := range p.steps {
			p.steps[i].reads = renumbered(p.steps[i].reads, local)
			p.steps[i].writes = renumbered(p.steps[i].writes, local)
			p.steps[i].more = renumberedKeys(p.steps[i].more, local)
			p.steps[i].implied = renumbered(p.steps[i].implied, local)
		}
	}
	move := func(from []tagged, to func(*compiled) *[]tagged) {
		for _, t := range from {
			if at := number[find(t.key)]; at > 0 {
				list := to(parts[at-1])
				*list = append(*list, tagged{access{local[t.key], t.value}, t.txn})
			}
		}
	}
	for i, list := range c.follows {
		if len(list) > 0 && number[find(list[0].key)] > 0 {
			p := parts[number[find(list[0].key)]-1]
			p.follows, p.shows = append(p.follows, renumbered(list, local)), append(p.shows, c.shows[i])
		}
	}
	move(c.aborted, func(p *compiled) *[]tagged { return &p.aborted })
	move(c.intermediate, func(p *compiled) *[]tagged { return &p.intermediate })
	return parts
}

// home is one key that the step touches.
func (s *step) home() (key int32, ok bool) {
	switch {
	case len(s.reads) > 0:
		return s.reads[0].key, true
	case len(s.writes) > 0:
		return s.writes[0].key, true
	case len(s.more) > 0:
		return s.more[0][0], true
	}
	return 0, false
}

func renumbered(from []access, key []int32) []access {
	to := make([]access, len(from))
	for i, a := range from {
		to[i] = access{key[a.key], a.value}
	}
	return to
}

func renumberedKeys(from [][]int32, key []int32) [][]int32 {
	to := make([][]int32, len(from))
	for i, keys := range from {
		to[i] = make([]int32, len(keys))
		for j, k := range keys {
			to[i][j] = key[k]
		}
	}
	return to
}
