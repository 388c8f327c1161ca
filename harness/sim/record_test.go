package sim

import (
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness/runtime"
	"github.com/firstgap/firstgap/impl/node"
)

func TestLines(t *testing.T) {
	w := newWorld(t, net(Network{Latency: dur(ms)}))
	r := w.Record(100)
	add(t, w, 1, "segment 1/1", func(_ node.Time, ev node.Event, out *node.Effects) {
		switch ev.Kind {
		case node.Started:
			out.SetTimer(3, ms)
			out.Sync(4)
			out.Send(2, &node.Append{Epoch: 1, VDL: 4, Records: []*node.Record{{LSN: 5, Epoch: 1, Kind: node.Write, Txn: node.MakeTxn(1, 2), Key: "x", Old: node.Some("500"), New: node.Some("400")}}})
		case node.Requested:
			out.Respond(ev.From, node.Reply{ID: ev.Request.ID, Op: node.OpCommit, Status: node.Unknown, Reason: node.ReasonFenced, LSN: 9})
		}
	})
	add(t, w, 2, "segment 1/2", func(_ node.Time, ev node.Event, out *node.Effects) {
		if ev.Kind == node.Received {
			out.Tell(node.Trace{Action: node.ActDecide, Epoch: 2, LSN: 103, Detail: &node.DecideStep{Answers: []node.ID{1, 2}, History: node.FirstHistory().Cut(102, 2)}})
			out.Tell(node.Trace{Action: node.ActStore, Epoch: 1, From: 1, Position: 7, Record: ev.Message.(*node.Append).Records[0]})
			out.Tell(node.Trace{Action: node.ActAck, Epoch: 1, Txn: node.MakeTxn(1, 2)})
			out.Tell(node.Trace{Action: node.ActHolds, Epoch: 1, Detail: &node.HoldsStep{Promise: 3, Held: make([]node.Held, 4)}})
		}
	})
	s := &stream{count: 1}
	require.NoError(t, w.AddClient(runtime.Client{ID: 9, Name: "client 1", Actor: s}))
	require.NoError(t, w.Install(faults.Plan{Horizon: dur(20 * ms), Faults: []faults.Fault{
		{Kind: faults.Crash, At: dur(10 * ms), For: dur(time.Second), Nodes: []string{"segment 1/2"}},
		{Kind: faults.Loss, At: dur(5 * ms), For: dur(2 * ms), Nodes: []string{"segment 1/1"}, To: []string{"segment 1/2"}, Rate: 0.5},
		{Kind: faults.Delay, At: dur(6 * ms), For: dur(ms), Factor: 2, Extra: dur(ms)},
	}}, runtime.Succession{}))
	w.At(after(10*ms), "again", func() {
		w.request(w.find(9), 2, &node.Request{ID: 4, Op: node.OpPut, Rows: []node.Row{{Key: "x", Value: node.Some("1")}, {Key: "y"}}})
	})
	w.Run(after(30 * ms))
	assert.Equal(t, strings.TrimPrefix(`
    0.000000ms  segment 1/1    starts, incarnation 1
    0.000000ms  segment 1/2    starts, incarnation 1
    0.000000ms  client 1       starts, incarnation 1
    0.000000ms  segment 1/1    disk done, token 4
    1.000000ms  segment 1/1    timer 3
    1.000000ms  segment 1/2    ← segment 1/1: append &{Epoch:1 Records:[5/1 write t1.2 x 500→400] VDL:4 Last:0 Floor:0}
    1.000000ms  segment 1/2    = Decide epoch 2 LSN 103 answers of segment 1/1, segment 1/2 history 1 from 1, 2 from 103
    1.000000ms  segment 1/2    = Store epoch 1 5/1 write t1.2 x 500→400 from segment 1/1 position 7
    1.000000ms  segment 1/2    = Ack epoch 1 txn 1.2
    1.000000ms  segment 1/2    = Holds epoch 1 promise 3 holds 4
    1.000000ms  client 1       timer 1
    2.000000ms  segment 1/1    ← client 1: get #1 txn 0.0 k
    3.000000ms  client 1       ← segment 1/1: commit #1 txn 0.0 unknown (fenced) LSN 9
    5.000000ms                 * loss segment 1/1 → segment 1/2 rate 0.5 for 2ms
    6.000000ms                 * delay factor 2 extra 1ms for 1ms
    7.000000ms                 * end of loss
    7.000000ms                 * end of delay
   10.000000ms                 * crash segment 1/2 for 1s
   10.000000ms  segment 1/2    crashes, crash
   10.000000ms                 * again
   11.000000ms  segment 1/2    × (receiver down) client 1: put #4 txn 0.0 x=1 y=none
   20.000000ms                 * mend
   20.000000ms  segment 1/2    starts, incarnation 2
`, "\n"), strings.Join(r.Lines(), "\n")+"\n")
}

func TestRecorderKeepsTheLast(t *testing.T) {
	lines := func(last int) ([]string, []uint64) {
		w := newWorld(t, net(Network{}))
		r := w.Record(last)
		add(t, w, 1, "a", func(_ node.Time, ev node.Event, out *node.Effects) { out.SetTimer(1, ms) })
		w.Run(after(20 * ms))
		return r.Lines(), r.Hashes()
	}
	all, chain := lines(100)
	require.Len(t, all, 21)
	require.Len(t, chain, 21)
	for last := range 25 {
		got, hashes := lines(last)
		assert.Equal(t, all[max(0, 21-last):], append([]string{}, got...), "last %d", last)
		assert.Equal(t, chain, hashes, "recording does not change the run")
	}
}

func TestListen(t *testing.T) {
	w := newWorld(t, net(Network{}))
	var seqs []uint64
	w.Listen(func(e *Event) {
		seqs = append(seqs, e.Seq)
		assert.Equal(t, w.Hash(), e.Hash)
		assert.Equal(t, w.Now(), e.At)
	})
	add(t, w, 1, "a", func(_ node.Time, ev node.Event, out *node.Effects) {
		out.Tell(node.Trace{Action: node.ActAck})
		out.Send(9, &ping{1})
	})
	w.Run(after(ms))
	require.NoError(t, w.Crash(1))
	assert.Equal(t, []uint64{1, 2, 3, 4}, seqs, "start, trace, loss, crash")
	w.Listen(nil)
	require.NoError(t, w.Start(1))
	w.Run(after(2 * ms))
	assert.Len(t, seqs, 4)
}

func TestLongLinesAreCut(t *testing.T) {
	w := newWorld(t, net(Network{}))
	add(t, w, 1, "a", silent)
	for n := 200; n < 260; n++ {
		line := w.Describe(&Event{Kind: EventAction, Name: strings.Repeat("é", n)})
		assert.True(t, utf8.ValidString(line))
		assert.Less(t, len(line), 300)
		assert.True(t, strings.HasSuffix(line, "…"))
	}
}

// Every kind and name renders as something, so that no line of a report is empty.
func TestNames(t *testing.T) {
	for k := EventStart; k <= EventCrash; k++ {
		w := newWorld(t, net(Network{}))
		e := &Event{Kind: k, Message: &ping{1}, Request: &node.Request{}, Reply: &node.Reply{}, Trace: &node.Trace{}, Name: "n"}
		assert.NotContains(t, w.Describe(e), "event of kind")
	}
	for r := ByLoss; r <= ByVersion; r++ {
		assert.NotContains(t, r.String(), "Reason(")
	}
	for e := runtime.TimeReached; e <= runtime.Panicked; e++ {
		assert.NotContains(t, e.String(), "Ending(")
	}
	assert.Equal(t, "Reason(10)", fmt.Sprint(Reason(10)))
	assert.Equal(t, "Ending(9)", fmt.Sprint(runtime.Ending(9)))
}

// What a history says of operations by themselves, the trail of a run says, too: whoever reads a stale read in one looks for the write
// in the other.
func TestOperationsAreDescribedWithTheirValues(t *testing.T) {
	row := func(key, value string) node.Row { return node.Row{Key: key, Value: node.Some(value)} }
	for want, r := range map[string]node.Request{
		"read #1 txn 0.0 x":              {ID: 1, Op: node.OpRead, Rows: []node.Row{{Key: "x"}}},
		"write #1 txn 0.0 x=1":           {ID: 1, Op: node.OpWrite, Rows: []node.Row{row("x", "1")}},
		"write #1 txn 0.0 x=none":        {ID: 1, Op: node.OpWrite, Rows: []node.Row{{Key: "x"}}},
		"swap #1 txn 0.0 x=1→2":          {ID: 1, Op: node.OpSwap, Rows: []node.Row{row("x", "2")}, Expect: node.Some("1")},
		"append #1 txn 0.0 x=1":          {ID: 1, Op: node.OpAppend, Rows: []node.Row{row("x", "1")}},
		"elements #1 txn 0.0 x":          {ID: 1, Op: node.OpElements, Rows: []node.Row{{Key: "x"}}},
		"apply #1 txn 0.0 x y=2":         {ID: 1, Op: node.OpApply, Rows: []node.Row{{Key: "x"}, row("y", "2")}, Reads: []bool{true, false}},
		"call #1 txn 0.0 send {\"k\":1}": {ID: 1, Op: node.OpCall, Rows: []node.Row{row("send", `{"k":1}`)}},
		"apply #1 txn 0.0 x=1 no-mark":   {ID: 1, Op: node.OpApply, Rows: []node.Row{row("x", "1"), {Key: "no-mark"}}, Reads: []bool{false}},
	} {
		assert.Equal(t, want, describeRequest(&r))
	}
	for want, r := range map[string]node.Reply{
		"read #1 txn 0.0 ok 1":                 {ID: 1, Op: node.OpRead, Status: node.OK, Value: node.Some("1")},
		"read #1 txn 0.0 ok none":              {ID: 1, Op: node.OpRead, Status: node.OK},
		"read #1 txn 0.0 refused (not open)":   {ID: 1, Op: node.OpRead, Status: node.Refused, Reason: node.ReasonNotOpen},
		"write #1 txn 0.0 ok":                  {ID: 1, Op: node.OpWrite, Status: node.OK},
		"elements #1 txn 0.0 ok 1 2":           {ID: 1, Op: node.OpElements, Status: node.OK, Rows: []node.Row{row("x", "1"), row("x", "2")}},
		"call #1 txn 0.0 ok {}":                {ID: 1, Op: node.OpCall, Status: node.OK, Value: node.Some("{}")},
		"apply #1 txn 0.0 ok 1 none":           {ID: 1, Op: node.OpApply, Status: node.OK, Rows: []node.Row{row("x", "1"), {Key: "y"}}},
		"elements #1 txn 0.0 aborted (fenced)": {ID: 1, Op: node.OpElements, Status: node.Aborted, Reason: node.ReasonFenced, Rows: []node.Row{row("x", "1")}},
	} {
		assert.Equal(t, want, describeReply(&r))
	}
}
