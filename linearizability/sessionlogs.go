package linearizability

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"strconv"
)

// The formats of isolation checkers: committed transactions by sessions, without times.

// A sessionLog gathers transactions.
type sessionLog struct {
	rec *Recording
	at  map[[2]int64]int // by session and transaction
}

func newSessionLog(rec *Recording) *sessionLog {
	return &sessionLog{rec: rec, at: make(map[[2]int64]int)}
}

// txn is the transaction of that number in the session.
func (l *sessionLog) txn(session, number int64, line int) *Txn {
	id := [2]int64{session, number}
	at, ok := l.at[id]
	if !ok {
		at = len(l.rec.Txns)
		l.at[id] = at
		l.rec.Txns = append(l.rec.Txns, Txn{ID: uint64(at + 1), Client: int(session), Outcome: Committed})
		l.rec.txnLines = append(l.rec.txnLines, line)
	}
	return &l.rec.Txns[at]
}

func (l *sessionLog) finish() {
	l.rec.Model, l.rec.Level = ModelTxn, SessionSerializable
	l.rec.note("the record has sessions and no times: %s is the most that it can show", SessionSerializable)
}

// operation is a read or write of a value; 0 is what every key holds at first.
func operation(write bool, key, value int64) Op {
	op := Op{Kind: Read, Key: strconv.FormatInt(key, 10), Value: strconv.FormatInt(value, 10), Found: true}
	switch {
	case write:
		op.Kind, op.Found = Write, false
	case value == 0:
		op.Found, op.Value = false, ""
	}
	return op
}

// readPlume reads lines r(key,value,session,transaction) and w(…).
func readPlume(in *input, rec *Recording) error {
	log := newSessionLog(rec)
	for {
		text, _, err := in.line()
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		text = bytes.TrimSpace(text)
		if len(text) == 0 || text[0] == '#' || text[0] == ';' || bytes.HasPrefix(text, []byte("//")) {
			continue
		}
		// No line may be missing: without times, it might be one that an earlier line has read from.
		write, fields, err := plumeLine(text)
		if err != nil {
			return in.lineError(in.lines, err)
		}
		t := log.txn(fields[2], fields[3], in.lines)
		t.Ops = append(t.Ops, operation(write, fields[0], fields[1]))
	}
	log.finish()
	return nil
}

func plumeLine(text []byte) (write bool, fields [4]int64, err error) {
	s := jsonScanner{text: text}
	if text[0] != 'r' && text[0] != 'w' || len(text) < 2 || text[1] != '(' {
		return false, fields, s.fail("r(key,value,session,transaction) or w(key,value,session,transaction)")
	}
	s.at = 2
	for i := range fields {
		at := s.at
		if fields[i], err = s.integer("a whole number"); err != nil {
			return false, fields, err
		}
		if i >= 2 && (fields[i] < 0 || fields[i] > maxClient) {
			s.at = at
			return false, fields, s.fail("the number of a session or transaction")
		}
		end := byte(',')
		if i == len(fields)-1 {
			end = ')'
		}
		if err := s.char(end); err != nil {
			return false, fields, err
		}
	}
	if s.space() != 0 {
		return false, fields, s.fail("the end of the line")
	}
	return text[0] == 'w', fields, nil
}

// A binaryReader reads numbers of eight bytes.
type binaryReader struct {
	in    *input
	order binary.ByteOrder
	at    int64
}

func (b *binaryReader) bytes(n int, what string) ([]byte, error) {
	var buf [8]byte
	if _, err := io.ReadFull(b.in, buf[:n]); err != nil {
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			return nil, b.fail("%s, found the end of the record", what)
		}
		return nil, err
	}
	b.at += int64(n)
	return buf[:n], nil
}

func (b *binaryReader) number(what string) (int64, error) {
	buf, err := b.bytes(8, what)
	if err != nil {
		return 0, err
	}
	return int64(b.order.Uint64(buf)), nil
}

// upTo is a number that has a limit.
func (b *binaryReader) upTo(most int64, what string) (int64, error) {
	n, err := b.number(what)
	if err == nil && (n < 0 || n > most) {
		b.at -= 8
		err = b.fail("%s of at most %d, found %d", what, most, uint64(n))
	}
	return n, err
}

func (b *binaryReader) fail(format string, args ...any) error {
	return &LineError{Name: b.in.name, Column: int(b.at), Problem: fmt.Sprintf("expected "+format, args...)}
}

// readDBCop reads a history.bincode of dbcop.
func readDBCop(in *input, rec *Recording) error {
	b := &binaryReader{in: in, order: binary.LittleEndian}
	for _, what := range []string{"the history's number", "the number of nodes", "the number of variables", "the number of transactions", "the number of events"} {
		if _, err := b.number(what); err != nil {
			return err
		}
	}
	for _, what := range []string{"the info", "the start", "the end"} {
		n, err := b.upTo(1<<20, "the length of "+what)
		if err != nil {
			return err
		}
		if _, err := in.Discard(int(n)); err != nil {
			return b.fail("%d bytes of %s, found the end of the record", n, what)
		}
		b.at += n
	}
	sessions, err := b.upTo(maxClient, "a number of sessions")
	if err != nil {
		return err
	}
	log := newSessionLog(rec)
	for session := range sessions {
		txns, err := b.upTo(maxCalls, "a number of transactions")
		if err != nil {
			return err
		}
		for number := range txns {
			if err := b.dbcopTxn(log, session, number); err != nil {
				return err
			}
		}
	}
	if _, err := in.ReadByte(); err != io.EOF {
		return b.fail("the end of the record, found more")
	}
	log.finish()
	return nil
}

func (b *binaryReader) dbcopTxn(log *sessionLog, session, number int64) error {
	events, err := b.upTo(maxCalls, "a number of events")
	if err != nil {
		return err
	}
	var ops []Op
	for range events {
		write, err := b.flag("whether an event writes")
		if err != nil {
			return err
		}
		key, err := b.number("a key")
		if err != nil {
			return err
		}
		value, err := b.number("a value")
		if err != nil {
			return err
		}
		ok, err := b.flag("whether an event succeeded")
		if err != nil {
			return err
		}
		if ok {
			ops = append(ops, operation(write, key, value))
		}
	}
	ok, err := b.flag("whether a transaction succeeded")
	if err != nil {
		return err
	}
	t := log.txn(session, number, 0)
	t.Ops = ops
	if !ok {
		t.Outcome = Aborted
		t.Ops = nil
		for _, op := range ops {
			if op.Kind == Write {
				t.Ops = append(t.Ops, op)
			}
		}
	}
	return nil
}

func (b *binaryReader) flag(what string) (bool, error) {
	buf, err := b.bytes(1, what)
	if err != nil {
		return false, err
	}
	if buf[0] > 1 {
		b.at--
		return false, b.fail("0 or 1 for %s, found %d", what, buf[0])
	}
	return buf[0] == 1, nil
}

// Numbers that cobra's clients write instead of a transaction.
const (
	cobraInitial = 0xbebeebee
	cobraNull    = 0xdeadbeef
)

// readCobra reads one log of cobra, which is one session. The session's number is that of the file in its folder.
func readCobra(in *input, rec *Recording, log *sessionLog, session int) error {
	b := &binaryReader{in: in, order: binary.BigEndian}
	var (
		t      *Txn
		number int64
	)
	for {
		kind, err := in.ReadByte()
		if err == io.EOF {
			if t != nil {
				return b.fail("the commit of the transaction, found the end of the record")
			}
			return nil
		}
		if err != nil {
			return err
		}
		b.at++
		var fields [4]int64
		n, known := map[byte]int{'S': 1, 'W': 3, 'R': 4, 'C': 1}[kind]
		switch {
		case !known:
			return b.fail("an operation among S, W, R and C, found %q", kind)
		case (t == nil) != (kind == 'S'):
			return b.fail("a transaction to start before its operations, and one at a time, found %q", kind)
		}
		for i := range n {
			if fields[i], err = b.number("a number of operation " + string(kind)); err != nil {
				return err
			}
		}
		switch kind {
		case 'S':
			number = fields[0]
			t = log.txn(int64(session), number, 0)
			if len(t.Ops) > 0 {
				return b.fail("each transaction once, found %d again", fields[0])
			}
		case 'W':
			t.Ops = append(t.Ops, Op{Kind: Write, Key: strconv.FormatInt(fields[1], 10), Value: cobraValue(fields[0], fields[2])})
		case 'R':
			op := Op{Kind: Read, Key: strconv.FormatInt(fields[2], 10)}
			if fields[0] != cobraInitial && fields[0] != cobraNull && fields[1] != cobraNull {
				op.Found, op.Value = true, cobraValue(fields[1], fields[3])
			}
			t.Ops = append(t.Ops, op)
		case 'C':
			if fields[0] != number {
				return b.fail("the commit of transaction %d, found that of %d", number, fields[0])
			}
			t = nil
		}
	}
}

// cobraValue is what was written, with the number of the write, as values repeat.
func cobraValue(write, value int64) string {
	return strconv.FormatInt(value, 10) + "#" + strconv.FormatInt(write, 10)
}
