package workload

// A script is what one transaction wants to do.
type script struct {
	kind  kind
	steps []step
	end   ending
}

// A step is one request: a read of one row, or a write of several as one mini-transaction.
type step struct {
	reads  string // the row to read, or "" when the step writes
	writes []change
}

// A change is one row of a write.
type change struct {
	key    string
	amount int  // for an account: what is added to the balance that this transaction read
	fresh  int  // for an account: the balance to begin with, when it is set up
	form   form // of the value
}

// form says how the value of a change comes about.
type form uint8

const (
	unique  form = iota // a value that nobody else writes
	nothing             // no row
	added               // the balance read, plus amount
	opening             // a fresh balance
)

// ending is how a script ends its transaction.
type ending uint8

const (
	commits ending = iota
	aborts
	fallsSilent
)

// dice gives one transaction its numbers: a function of who, which and how many were drawn before.
type dice struct{ state uint64 }

func newDice(seed uint64, client, txn int) dice {
	d := dice{state: seed}
	d.state = d.next() ^ uint64(client)<<32 ^ uint64(txn)
	d.next()
	return d
}

// next is SplitMix64: a counter, mixed. (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014.)
func (d *dice) next() uint64 {
	d.state += 0x9e3779b97f4a7c15
	z := d.state
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// below returns a number from 0 to n-1.
func (d *dice) below(n int) int { return int(d.next() >> 1 % uint64(n)) }

// chance is true n times out of of.
func (d *dice) chance(n, of int) bool { return d.below(of) < n }

// others returns n different numbers below limit, as many as there are at most.
func (d *dice) others(n, limit int) []int {
	n = min(n, limit)
	picked := make([]int, 0, n)
	for len(picked) < n {
		x := d.below(limit)
		for contains(picked, x) {
			x = (x + 1) % limit
		}
		picked = append(picked, x)
	}
	return picked
}

func contains(xs []int, x int) bool {
	for _, y := range xs {
		if x == y {
			return true
		}
	}
	return false
}

// script returns what transaction txn of a client wants.
func (w Workload) script(d *dice) script {
	weights := w.Mix.weights()
	sum := 0
	for _, n := range weights {
		sum += n
	}
	at := d.below(sum)
	k := transfer
	for i, n := range weights {
		if at < n {
			k = kind(i)
			break
		}
		at -= n
	}
	s := script{kind: k}
	switch k {
	case transfer:
		pair := d.others(2, w.Accounts)
		// In the order of the rows nobody waits in a circle; that is tangle's part.
		from, to := Account(pair[0]), Account(pair[1])
		if pair[0] > pair[1] {
			s.read(to, from)
		} else {
			s.read(from, to)
		}
		amount := 1 + d.below(9)
		take, give := change{key: from, amount: -amount, form: added}, change{key: to, amount: amount, form: added}
		if d.chance(2, 3) {
			s.write(take, give)
		} else {
			// Two mini-transactions: a crash may come between them, and only undo keeps the sum.
			s.write(take)
			s.write(give)
		}
	case put:
		s.write(change{key: Row(d.below(w.Rows))})
	case multiPut:
		s.write(w.changes(d, 2+d.below(3))...)
	case remove:
		key := Row(d.below(w.Rows))
		if d.chance(1, 2) {
			s.read(key)
		}
		s.write(change{key: key, form: nothing})
		if d.chance(1, 4) {
			s.write(change{key: key})
		}
	case rewrite:
		key := Row(d.below(w.Rows))
		s.write(change{key: key})
		if d.chance(1, 2) {
			s.write(w.changes(d, 1)...)
		}
		s.write(change{key: key})
		if d.chance(1, 2) {
			s.read(key)
		}
	case read:
		if d.chance(1, 3) {
			for i := range w.Accounts {
				s.read(Account(i))
			}
			break
		}
		keys := w.Keys()
		for _, i := range d.others(2+d.below(4), len(keys)) {
			s.read(keys[i])
		}
	case abort:
		s.end = aborts
		for range 1 + d.below(3) {
			s.write(w.changes(d, 1+d.below(2))...)
		}
	case tangle:
		few := min(3, w.Rows)
		for _, i := range d.others(few, few) {
			if d.chance(1, 3) {
				s.read(Row(i))
			}
			s.write(change{key: Row(i)})
		}
	case silent:
		s.end = fallsSilent
		for range 1 + d.below(2) {
			s.write(w.changes(d, 1+d.below(2))...)
		}
	}
	return s
}

func (s *script) read(keys ...string) {
	for _, key := range keys {
		s.steps = append(s.steps, step{reads: key})
	}
}

func (s *script) write(cs ...change) { s.steps = append(s.steps, step{writes: cs}) }

// changes writes n different rows.
func (w Workload) changes(d *dice, n int) []change {
	var cs []change
	for _, i := range d.others(n, w.Rows) {
		cs = append(cs, change{key: Row(i)})
	}
	return cs
}

// setupScript opens the accounts, unless somebody has.
func (w Workload) setupScript() script {
	s := script{kind: setup}
	s.read(Account(0))
	var cs []change
	for i := range w.Accounts {
		cs = append(cs, change{key: Account(i), fresh: w.Balance, form: opening})
	}
	s.write(cs...)
	return s
}

// probeScript writes one row.
func probeScript() script {
	s := script{kind: probe}
	s.write(change{key: ProbeRow})
	return s
}

// auditScript reads everything.
func (w Workload) auditScript() script {
	s := script{kind: audit}
	s.read(w.Keys()...)
	return s
}
