//go:build unix

package aurora

import (
	"fmt"
	"runtime/debug"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness/runtime"
	"github.com/firstgap/firstgap/harness/sim"
	"github.com/firstgap/firstgap/impl/node"
)

// BenchmarkTransaction commits transactions of 4 writes on 6 segments with all checks off: what the implementation and
// the simulator cost alone, in microseconds of one core for one transaction. The volume has 512 rows; a client sends its 4
// with one put, or each with a put of its own. The garbage collector is set as firstgap run sets it.
func BenchmarkTransaction(b *testing.B) {
	defer debug.SetGCPercent(debug.SetGCPercent(400))
	for _, clients := range []int{1, 16} {
		for _, puts := range []int{1, 4} {
			b.Run(fmt.Sprintf("clients=%d/puts=%d", clients, puts), func(b *testing.B) {
				b.ReportAllocs()
				done, used, events := 0, time.Duration(0), uint64(0)
				for done < b.N {
					// A run of the harness is about as long; the simulator remembers all of it.
					n := min(b.N-done, 2_000)
					b.StopTimer()
					w := transactionWorld(b, clients, puts, n)
					b.StartTimer()
					before := processor(b)
					done += w.run(b, n)
					used += processor(b) - before
					events += w.world.Events()
				}
				b.ReportMetric(float64(used.Microseconds())/float64(done), "µs/transaction")
				b.ReportMetric(float64(events)/float64(done), "events/transaction")
				b.ReportMetric(0, "ns/op")
			})
		}
	}
}

// A transacting world counts the commits that its clients were told of.
type transacting struct {
	world     *sim.World
	committed int
}

func (w *transacting) run(b *testing.B, n int) int {
	o := w.world.RunUntil(node.Time(time.Hour)-1, func() bool { return w.committed >= n })
	if o.End != runtime.ConditionMet {
		b.Fatalf("the run ended with %d of %d commits: %+v", w.committed, n, o)
	}
	w.world.Close()
	return w.committed
}

func transactionWorld(b *testing.B, clients, puts, transactions int) *transacting {
	const firstSegment, writerID, firstClient = 2, 8, 9
	v := &node.Volume{WriteQuorum: 4, ReadQuorum: 3, Register: register, Segments: [][]node.ID{{2, 3, 4, 5, 6, 7}}}
	ms := faults.Duration(time.Millisecond)
	world, err := sim.New(sim.Options{Seed: 1,
		Network: sim.Network{Latency: ms, Jitter: ms},
		Disk:    sim.Disk{Append: ms / 100, Sync: ms, Replace: ms, Jitter: ms},
		Limits:  sim.Limits{Events: 1 << 40, Bytes: 1 << 40, Time: 3600 * 1000 * ms}})
	must := func(err error) {
		if err != nil {
			b.Fatal(err)
		}
	}
	must(err)
	nodes := Nodes{GossipEvery: 100 * ms, CoalesceEvery: 2000 * ms, CachePages: 128, RetryEvery: 50 * ms, IdleAfter: 1000 * ms}
	must(world.Add(runtime.Process{ID: register, Name: "register", New: func(h node.Hook) node.Node { return Ours().Register(register, v, nodes, h) }}))
	must(world.Start(register))
	for i := range 6 {
		id := firstSegment + node.ID(i)
		must(world.Add(runtime.Process{ID: id, Name: fmt.Sprintf("segment 1/%d", i+1), New: func(h node.Hook) node.Node {
			return Ours().Segment(id, v, nodes, h)
		}}))
		must(world.Start(id))
	}
	must(world.Add(runtime.Process{ID: writerID, Name: "writer 1", New: func(h node.Hook) node.Node { return Ours().Writer(writerID, v, nodes, h) }}))
	must(world.Start(writerID))
	w := &transacting{world: world}
	for i := range clients {
		c := &transactor{counter: w, writer: writerID, number: i, rows: 512 / uint64(clients), puts: puts, next: uint64(i) << 32}
		must(world.AddClient(runtime.Client{ID: firstClient + node.ID(i), Name: "client " + strconv.Itoa(i+1), Actor: c}))
	}
	return w
}

// A transactor runs one transaction after the other on rows of its own.
type transactor struct {
	counter *transacting
	writer  node.ID
	number  int
	rows    uint64 // of its own
	puts    int
	next    uint64 // request
	count   uint64 // rows written
	put     int    // of the transaction under way
	txn     node.Txn
}

func (c *transactor) ask(r node.Request, out *runtime.Calls) {
	c.next++
	r.ID = c.next
	out.Request(c.writer, r)
	out.SetTimer(1, time.Second)
}

func (c *transactor) Start(_ node.Time, out *runtime.Calls) {
	c.ask(node.Request{Op: node.OpBegin}, out)
}

// Timer begins anew: the writer is not open yet.
func (c *transactor) Timer(_ node.Time, _ node.Timer, out *runtime.Calls) {
	c.ask(node.Request{Op: node.OpBegin}, out)
}

func (c *transactor) Reply(_ node.Time, _ node.ID, r node.Reply, out *runtime.Calls) {
	if r.ID != c.next {
		return
	}
	if r.Status != node.OK {
		out.SetTimer(1, 10*time.Millisecond)
		return
	}
	switch r.Op {
	case node.OpBegin:
		c.txn, c.put = r.Txn, 0
	case node.OpPut:
		c.put++
	case node.OpCommit:
		c.counter.committed++
		c.ask(node.Request{Op: node.OpBegin}, out)
		return
	}
	if c.put == c.puts {
		c.ask(node.Request{Op: node.OpCommit, Txn: c.txn}, out)
		return
	}
	rows := make([]node.Row, 4/c.puts)
	for i := range rows {
		c.count++
		rows[i] = node.Row{Key: "row " + strconv.Itoa(c.number) + "/" + strconv.FormatUint(c.count%c.rows, 10), Value: node.Some(transactorValue)}
	}
	c.ask(node.Request{Op: node.OpPut, Txn: c.txn, Rows: rows}, out)
}

// transactorValue is what a row of the benchmark holds.
const transactorValue = "0123456789012345678901234567890123456789"

// processor returns how much time of processors the process itself has used, other processes left out.
func processor(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
