package check

// recent has states that a worker looked at lately, by fingerprint: each is in the set of states. Steps that commute lead from states
// which are expanded one after the other to the same state; so three of four steps lead to one that is here, near the processor, and the
// set, which is as far away as main memory, is not asked.
type recent []uint64

const recentStates = 1 << 12

func newRecent() recent {
	r := make(recent, recentStates)
	r[0] = 1 // it would be a state where there is none; this one has its place elsewhere
	return r
}

// has says whether the state was looked at lately, and notes that it is now.
func (r recent) has(fingerprint uint64) bool {
	at := &r[fingerprint%recentStates]
	if *at == fingerprint {
		return true
	}
	*at = fingerprint
	return false
}
