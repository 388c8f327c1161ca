package writer

import (
	"fmt"
	"testing"
	"time"

	"github.com/firstgap/firstgap/impl/node"
)

// BenchmarkTransaction is the writer's own part of a transaction of 4 rows on 6 segments that acknowledge everything: no
// network, no segments, no checks.
func BenchmarkTransaction(b *testing.B) {
	v := &node.Volume{WriteQuorum: 4, ReadQuorum: 3, Register: 100, Segments: [][]node.ID{{1, 2, 3, 4, 5, 6}}}
	w := New(Config{ID: 101, Volume: v, CachePages: 1000, RetryEvery: time.Second, IdleAfter: time.Hour, Limits: DefaultLimits()}, node.NoHook{})
	var out node.Effects
	step := func(ev node.Event) {
		out.Reset()
		w.Step(0, ev, &out)
		answerReads(w, w.log, &out)
	}
	step(node.Event{Kind: node.Started, Incarnation: 1})
	step(node.Event{Kind: node.Received, From: 100, Message: &node.CurrentEpoch{Token: w.token}})
	step(node.Event{Kind: node.Received, From: 100, Message: &node.Swapped{Token: w.token, Won: true, Epoch: 1, Geometry: v.FirstGeometry()}})
	keys := make([]string, 1000)
	for i := range keys {
		keys[i] = fmt.Sprintf("account %05d", i)
	}
	value := node.Some("a balance of some bytes")
	acks := [2]*node.Appended{}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		step(node.Event{Kind: node.Requested, From: 7, Request: node.Request{Op: node.OpBegin}})
		txn := out.List[0].Reply.Txn
		rows := make([]node.Row, 4)
		for j := range rows {
			rows[j] = node.Row{Key: keys[(i*7+j*13)%len(keys)], Value: value}
		}
		step(node.Event{Kind: node.Requested, From: 7, Request: node.Request{Op: node.OpPut, Txn: txn, Rows: rows}})
		acks[0] = &node.Appended{Epoch: 1, SCL: w.end}
		step(node.Event{Kind: node.Requested, From: 7, Request: node.Request{Op: node.OpCommit, Txn: txn}})
		acks[1] = &node.Appended{Epoch: 1, SCL: w.end}
		for _, m := range acks {
			for id := node.ID(1); id <= 6; id++ {
				step(node.Event{Kind: node.Received, From: id, Message: m})
			}
		}
		if i%100 == 0 {
			step(node.Event{Kind: node.Fired, Timer: tick})
		}
	}
	if w.VDL() != w.End() {
		b.Fatal("not everything is durable")
	}
}
