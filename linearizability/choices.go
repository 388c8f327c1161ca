package linearizability

// choicesAtMost bounds the answers to what calls have seen that a register is searched by.
const choicesAtMost = 20_000_000

// choices are how many answers there are at most to the question of who wrote what the calls have seen that do not name it: reads of
// nothing, and swaps that failed.
func (p part) choices(model Model) int {
	asked, writes := 0, 0
	for i := range p.at {
		switch c := p.call(int32(i)); {
		case c.Kind == Get && (!c.Found && model == ModelRegister || c.Value == "" && model == ModelKV), c.Kind == CompareAndSwap && !c.Swapped && !c.Unknown:
			asked++
		case c.Kind != Get:
			writes++
		}
	}
	return asked * writes
}

// transactions are the calls on a register as transactions on one key: a put writes, a swap reads and writes, and a failed swap
// reads any value but one. Value 0 is what the key holds at first.
func (p part) transactions(model Model, initial *string) *compiled {
	type content struct {
		text  string
		found bool
	}
	of := func(text string, found bool) content {
		if !found || model == ModelKV && text == "" {
			return content{}
		}
		return content{text, true}
	}
	number := map[content]int32{}
	c := &compiled{keys: []string{""}}
	value := func(k content) int32 {
		v, known := number[k]
		if !known {
			v = int32(len(c.values))
			number[k] = v
			c.values = append(c.values, k.text)
		}
		return v
	}
	if initial != nil {
		value(of(*initial, true))
	} else {
		value(content{})
	}
	for i := range p.at {
		if call := p.call(int32(i)); call.Kind != CompareAndSwap || call.Swapped || call.Unknown {
			value(of(call.Value, call.Kind != Discard && (call.Kind != Get || call.Found || model == ModelKV)))
		}
	}
	for i := range p.at {
		call := p.call(int32(i))
		s := step{txn: int32(len(c.history)), must: !call.Unknown, begin: call.Begin, end: call.end()}
		switch call.Kind {
		case Get:
			s.reads = []access{{0, value(of(call.Value, call.Found || model == ModelKV))}}
		case Put:
			s.writes = []access{{0, value(of(call.Value, true))}}
		case Discard:
			s.writes = []access{{0, value(content{})}}
		case CompareAndSwap:
			from := of(call.From, true)
			if call.Swapped || call.Unknown {
				s.reads, s.writes = []access{{0, value(from)}}, []access{{0, value(of(call.Value, true))}}
				break
			}
			v, known := number[from]
			if !known {
				continue // it failed wherever it stands
			}
			s.avoids = []access{{0, v}}
		}
		c.steps = append(c.steps, s)
		c.history = append(c.history, Txn{ID: uint64(i) + 1, Client: call.Client})
	}
	return c
}
