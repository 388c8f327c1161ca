package scenario

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/firstgap/firstgap/impl/node"
)

// ask sends a request to the process that clients ask, and lets what follows happen. What is what the reply is shown under.
func (s *stage) ask(r node.Request, what string) error {
	s.asked++
	r.ID = s.asked
	s.waits[r.ID] = what
	s.queue = append(s.queue, delivery{to: s.writer, ev: node.Event{Kind: node.Requested, From: clientID, Request: r}})
	return s.run()
}

// begin begins a transaction of that name, and tells whether it is there.
func (s *stage) begin(name string) (bool, error) {
	delete(s.txns, name)
	if err := s.ask(node.Request{Op: node.OpBegin}, "begin "+name); err != nil {
		return false, err
	}
	_, begun := s.txns[name]
	return begun, nil
}

// reply shows what a client was answered.
func (s *stage) reply(r *node.Reply) {
	what := s.waits[r.ID]
	delete(s.waits, r.ID)
	name, isBegin := strings.CutPrefix(what, "begin ")
	switch {
	case r.Status != node.OK:
		text := fmt.Sprintf("%s: %s, %s", what, r.Status, r.Reason)
		for i, b := range r.Blockers {
			text += [2]string{" with ", ", "}[min(i, 1)] + s.label(b)
		}
		s.say("%s", text)
	case isBegin:
		s.txns[name] = r.Txn
		if r.LSN > 0 {
			s.say("reads as of %d", r.LSN)
		}
	case r.Op == node.OpGet:
		s.say("%s = %s", what, short(r.Value))
	case r.Op == node.OpScan:
		for _, row := range r.Rows {
			s.say("%s: %s = %s", what, row.Key, short(row.Value))
		}
		if r.More {
			s.say("%s: and more", what)
		} else {
			s.say("%s: %d rows, no more", what, len(r.Rows))
		}
	case r.Op == node.OpSavepoint:
		s.say("savepoint %d", r.Savepoint)
	}
}

// short returns a value as it is shown.
func short(v node.Value) string {
	if n := len(v.Bytes); n > 20 {
		return fmt.Sprintf("%s… of %d bytes", v.Bytes[:4], n)
	}
	return v.String()
}

// label returns the names that the script has for a transaction.
func (s *stage) label(t node.Txn) string {
	var labels []string
	for l, x := range s.txns {
		if x == t {
			labels = append(labels, l)
		}
	}
	slices.Sort(labels)
	return strings.Join(labels, " ")
}

// asking lets clients ask another process for as long as a command lasts: the one that a key of it names.
func (s *stage) asking(c *call, key string) (restore func()) {
	usual := s.writer
	if name, given := c.values[key]; given {
		s.writer = s.find(c, name)
	}
	if s.writer == 0 {
		c.object("a writer", "", "start before it")
	}
	return func() { s.writer = usual }
}

func (s *stage) cmdTxn(c *call) error {
	defer s.asking(c, "at")()
	requests := make([]node.Request, 0, len(c.lines))
	for _, line := range c.lines {
		requests = append(requests, c.request(line))
	}
	if err := c.ok(); err != nil {
		return err
	}
	name := c.words[0]
	if _, begun := s.txns[name]; !begun {
		if begun, err := s.begin(name); err != nil || !begun {
			return err // a begin that was refused is shown
		}
	}
	for i, r := range requests {
		r.Txn = s.txns[name]
		if err := s.ask(r, c.lines[i]); err != nil {
			return err
		}
	}
	return nil
}

// request reads a line of txn.
func (c *call) request(line string) (r node.Request) {
	fields := strings.Fields(line)
	arguments := map[string][2]int{"put": {1, many}, "delete": {1, 1}, "get": {1, 1}, "scan": {2, 3}, "savepoint": {}, "rollback": {1, 1}, "commit": {}, "abort": {}}
	n, known := arguments[fields[0]]
	switch {
	case !known:
		c.object("a line below", line, "put, delete, get, scan, savepoint, rollback, commit or abort")
		return r
	case len(fields)-1 < n[0] || len(fields)-1 > n[1]:
		c.object("a line below", line, fmt.Sprintf("%d to %d arguments of %s", n[0], n[1], fields[0]))
		return r
	}
	switch fields[0] {
	case "put":
		r.Op = node.OpPut
		for _, f := range fields[1:] {
			r.Rows = append(r.Rows, c.row(f))
		}
	case "delete":
		r.Op, r.Rows = node.OpPut, []node.Row{{Key: fields[1]}}
	case "get":
		r.Op, r.Rows = node.OpGet, []node.Row{{Key: fields[1]}}
	case "scan":
		r.Op, r.From, r.To = node.OpScan, strings.Trim(fields[1], "-"), strings.Trim(fields[2], "-")
		if len(fields) > 3 {
			r.Most = c.count(line, fields[3], 1, maxLSN)
		}
	case "savepoint":
		r.Op = node.OpSavepoint
	case "rollback":
		r.Op, r.Savepoint = node.OpRollback, uint32(c.count(line, fields[1], 1, maxLSN))
	case "commit":
		r.Op = node.OpCommit
	case "abort":
		r.Op = node.OpAbort
	}
	return r
}

// row reads KEY=VALUE.
func (c *call) row(pair string) node.Row {
	key, value, given := strings.Cut(pair, "=")
	if !given {
		c.object("a row", pair, "KEY=VALUE")
	}
	if once, times, repeated := strings.Cut(value, "*"); repeated {
		value = strings.Repeat(once, max(0, c.count("a row", times, 0, maxValue/max(len(once), 1))))
	}
	return node.Row{Key: key, Value: node.Some(value)}
}

func (s *stage) cmdRead(c *call) error {
	defer s.asking(c, "via")()
	if err := c.ok(); err != nil {
		return err
	}
	const name = "reader"
	begun, err := s.begin(name)
	if err != nil || !begun {
		return err
	}
	for _, k := range c.words {
		if err := s.ask(node.Request{Op: node.OpGet, Txn: s.txns[name], Rows: []node.Row{{Key: k}}}, k); err != nil {
			return err
		}
	}
	return s.ask(node.Request{Op: node.OpCommit, Txn: s.txns[name]}, "commit")
}

func (s *stage) cmdFill(c *call) error {
	through := node.LSN(c.must("through", 1, maxFill))
	restore := s.asking(c, "")
	defer restore()
	if err := c.ok(); err != nil {
		return err
	}
	w, tells := s.state(s.writer)
	if !tells {
		return c.object("a writer", s.name(s.writer), "one that runs and tells its state")
	}
	// A put and its commit are two records at least.
	if through == w.End+1 {
		return c.object("through", strconv.Itoa(int(through)), fmt.Sprintf("anything else, because the log ends at %d", w.End))
	}
	s.silent = true
	defer func() { s.silent = false }()
	for w.End < through {
		rows := []node.Row{{Key: "filler", Value: node.Some(strconv.Itoa(int(w.End)))}}
		if (through-w.End)%2 == 1 {
			rows = append(rows, node.Row{Key: "odd", Value: rows[0].Value})
		}
		if err := s.commit("filler", rows); err != nil {
			return err
		}
		before := w.End
		if w, _ = s.state(s.writer); w.End <= before {
			return fmt.Errorf("expected the log to grow beyond LSN %d by a commit of %s, found it as before", before, s.name(s.writer))
		}
	}
	s.silent = false
	s.say("log ends at %d, VDL %d", w.End, w.VDL)
	return nil
}

// commit writes rows in a transaction of their own.
func (s *stage) commit(name string, rows []node.Row) error {
	begun, err := s.begin(name)
	if err != nil || !begun {
		return err
	}
	if err := s.ask(node.Request{Op: node.OpPut, Txn: s.txns[name], Rows: rows}, "put"); err != nil {
		return err
	}
	return s.ask(node.Request{Op: node.OpCommit, Txn: s.txns[name]}, "commit")
}
