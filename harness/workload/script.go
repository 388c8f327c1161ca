package workload

// A script is what one transaction wants to do.
type script struct {
	kind  kind
	steps []step
	end   ending
	after []misuse // asked for once the transaction has ended
	pick  Pick     // of a workload's transaction; zero of an auditor's
}

// A step is one request, or, of a scan to its end, several. One of its fields says what it is.
type step struct {
	reads  string   // a read of this row
	writes []change // a write of several rows as one mini-transaction
	scans  *span
	marks  bool // a savepoint
	back   int  // to the savepoint of that number in this transaction, from 1 on
	wrong  misuse
}

// A span is what a scan asks for.
type span struct {
	from, to string
	most     int
	rest     bool // go on behind the last row while there are more
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
	unique  form = iota // a value that no other client writes
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
func (w Workload) script(d *dice, txn int) script {
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
		// In the order of the rows no transactions wait in a circle; that is tangle's part.
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
	case scan:
		for range 1 + d.below(2) {
			r := w.span(d)
			s.scan(r)
			if d.chance(1, 3) {
				// Into the range, and once more: it must see its own row, and no other new one.
				s.write(change{key: w.near(d, r)})
			}
			if d.chance(1, 2) {
				s.scan(r)
			}
		}
	case churn:
		s.churn(w, d, txn)
	case savepoint:
		s.savepoints(w, d)
	case long:
		for range 8 + d.below(12) {
			switch d.below(4) {
			case 0:
				s.read(w.any(d))
			case 1:
				s.scan(w.span(d))
			default:
				s.write(change{key: w.any(d)})
			}
		}
	case wrong:
		s.misuse(w, d)
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

func (s *script) scan(r span) { s.steps = append(s.steps, step{scans: &r}) }

// churn inserts or deletes rows that are neighbours, in waves: so pages fill up and split, and empty and merge.
func (s *script) churn(w Workload, d *dice, txn int) {
	inserts := txn*waves/max(1, w.Transactions)%2 == 0
	if d.chance(1, 6) {
		inserts = !inserts
	}
	at := d.below(w.Churn)
	for range 1 + d.below(3) {
		var cs []change
		for range min(w.Churn, 1+d.below(8)) {
			c := change{key: w.ChurnRow(at % w.Churn)}
			if !inserts {
				c.form = nothing
			}
			cs = append(cs, c)
			at++
		}
		s.write(distinct(cs)...)
	}
	if d.chance(1, 8) {
		s.end = aborts
	}
}

// waves is how many times, in a run, churn turns from inserting to deleting or back.
const waves = 4

// distinct leaves the first change of each row.
func distinct(cs []change) []change {
	seen := make(map[string]bool, len(cs))
	kept := cs[:0]
	for _, c := range cs {
		if !seen[c.key] {
			seen[c.key] = true
			kept = append(kept, c)
		}
	}
	return kept
}

// savepoints goes back to a savepoint, now and then twice, and on from there.
func (s *script) savepoints(w Workload, d *dice) {
	before := w.any(d)
	s.write(change{key: before})
	s.steps = append(s.steps, step{marks: true})
	var within []string
	write := func() {
		key := w.any(d)
		if d.chance(1, 3) {
			key = before
		}
		c := change{key: key}
		if d.chance(1, 4) {
			c.form = nothing
		}
		within = append(within, key)
		s.write(c)
	}
	write()
	back := 1
	if d.chance(1, 2) {
		s.steps = append(s.steps, step{marks: true})
		write()
		back = 1 + d.below(2)
		if back == 2 && d.chance(1, 2) {
			// To the inner one, on from there, and to the outer one.
			s.steps = append(s.steps, step{back: 2})
			write()
			back = 1
		}
	}
	s.steps = append(s.steps, step{back: back})
	for _, key := range within {
		if d.chance(1, 2) {
			s.read(key)
		}
	}
	if d.chance(2, 3) {
		s.write(change{key: w.any(d)})
	}
	if d.chance(1, 3) {
		s.steps = append(s.steps, step{back: 1}) // a savepoint is still there after going back to it
	}
	if d.chance(1, 6) {
		s.end = aborts
	}
}

// misuse asks for what cannot be had, in the middle of a transaction or after its end.
func (s *script) misuse(w Workload, d *dice) {
	s.write(change{key: w.any(d)})
	for range 1 + d.below(2) {
		s.steps = append(s.steps, step{wrong: misuse(1 + d.below(int(lastInside)))})
	}
	if d.chance(1, 3) {
		s.end = aborts
	}
	for range d.below(3) {
		s.after = append(s.after, lastInside+1+misuse(d.below(int(lastMisuse-lastInside))))
	}
}

// any picks a row that is no account.
func (w Workload) any(d *dice) string {
	if at := d.below(w.Rows + w.Churn); at < w.Rows {
		return Row(at)
	} else {
		return w.ChurnRow(at - w.Rows)
	}
}

// span picks a range of rows.
func (w Workload) span(d *dice) span {
	r := span{}
	switch d.below(6) {
	case 0: // everything
		r.rest = true
	case 1: // the accounts
		r.from, r.to, r.rest = accountPrefix, accountPrefix+"~", true
	case 2: // the rows
		r.from, r.to = rowPrefix, rowPrefix+"~"
	default: // some of the rows that come and go, or of the others
		if w.Churn == 0 {
			r.from = Row(d.below(w.Rows))
			break
		}
		at := d.below(w.Churn)
		r.from, r.to = w.ChurnRow(at), w.ChurnRow(min(w.Churn-1, at+d.below(12)))
	}
	if d.chance(1, 3) {
		r.most = 1 + d.below(8)
	}
	return r
}

// near picks a row that may be in a range.
func (w Workload) near(d *dice, r span) string {
	if w.Churn > 0 && r.to != "" && r.from != r.to {
		for i := range w.Churn {
			if key := w.ChurnRow(i); key >= r.from && key < r.to {
				return w.ChurnRow(min(w.Churn-1, i+d.below(3)))
			}
		}
	}
	return Row(d.below(w.Rows))
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

// roomScript deletes some of the rows that come and go, others each time.
func (w Workload) roomScript(time int) script {
	s := script{kind: room}
	var cs []change
	for i := range min(w.Churn, 16) {
		cs = append(cs, change{key: w.ChurnRow((16*time + i) % w.Churn), form: nothing})
	}
	s.write(cs...)
	return s
}

// auditRows is how many rows an auditor scans at a time: few, so that an answer does not take longer than it waits.
const auditRows = 8

// auditScript reads everything: by one scan of the volume where scans are a part of the workload, and else row by row.
func (w Workload) auditScript() script {
	s := script{kind: audit}
	if w.Mix.Scan > 0 {
		s.scan(span{rest: true, most: auditRows})
	} else {
		s.read(w.Keys()...)
	}
	return s
}
