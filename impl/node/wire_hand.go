package node

import (
	"encoding/binary"
	"reflect"
)

// handCodec is the codec of a type whose bytes are written by hand, field for field what structCodec writes: a run's identity asks
// for a trace, a request or a reply with almost every event, and this takes a tenth of the time.
type handCodec[T any] struct {
	structCodec
	write func(*appender, *T)
}

func (c *handCodec[T]) append(a *appender, v reflect.Value) { c.write(a, v.Addr().Interface().(*T)) }

// planned is the codec that write has to agree with.
func (c *handCodec[T]) planned() *structCodec { return &c.structCodec }

func (a *appender) trace(t *Trace, details codec) {
	b := u(u(u(u(append(a.b, byte(t.Action)), t.From), t.Epoch), t.Page), t.LSN)
	b = append(u(u(b, t.Txn), t.Position), bit(t.Record != nil))
	switch {
	case t.Record == nil:
	case a.brief:
		b = binary.LittleEndian.AppendUint64(b, t.Record.Sum)
	default:
		b = t.Record.AppendBinary(b)
	}
	if t.Detail == nil {
		a.b = append(b, 0)
		return
	}
	a.b = b
	if details.append(a, reflect.ValueOf(&t.Detail).Elem()); a.err != nil {
		a.err.within("detail")
	}
}

func (a *appender) request(r *Request) {
	b := u(append(u(a.b, r.ID), byte(r.Op)), r.Txn)
	b = wireRows(b, r.Rows)
	b = appendString(appendString(b, r.From), r.To)
	b = binary.AppendVarint(b, int64(r.Most))
	b = wireValue(u(u(b, r.Savepoint), r.ReadPoint), r.Expect)
	b = u(b, uint64(len(r.Reads)))
	for _, reads := range r.Reads {
		b = append(b, bit(reads))
	}
	a.b = b
}

func (a *appender) reply(r *Reply) {
	b := u(append(u(a.b, r.ID), byte(r.Op)), r.Txn)
	b = wireValue(append(b, byte(r.Status), byte(r.Reason)), r.Value)
	b = append(wireRows(b, r.Rows), bit(r.More))
	b = u(b, uint64(len(r.Blockers)))
	for _, t := range r.Blockers {
		b = u(b, t)
	}
	a.b = u(u(u(b, r.Savepoint), r.LSN), r.Epoch)
}

func wireRows(b []byte, rows []Row) []byte {
	b = u(b, uint64(len(rows)))
	for i := range rows {
		b = wireValue(appendString(b, rows[i].Key), rows[i].Value)
	}
	return b
}

// wireValue is another order than that of a record's bytes (appendValue), which older disks have.
func wireValue(b []byte, v Value) []byte { return append(appendString(b, v.Bytes), bit(v.Exists)) }
