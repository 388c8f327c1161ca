package older

import (
	"fmt"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/judge"
	"github.com/firstgap/firstgap/harness/runtime"
	"github.com/firstgap/firstgap/harness/workload"
	"github.com/firstgap/firstgap/impl/node"
)

// firstClient is the address of the first client: behind those of all processes that a run can have.
const firstClient node.ID = 1000

// clientName is the name of a client as plans have it.
func clientName(number int) string {
	return faults.Node{Role: faults.Client, Index: number}.String()
}

// transactions are the clients of a database: those of the workload, all of which know the same instances.
type transactions struct {
	r         runtime.Runtime
	w         workload.Workload
	seed      uint64
	directory workload.Directory
	history   *workload.History
	clients   []*workload.Client
	audit     *workload.Auditor
}

// actor lets a runtime drive a client of a workload.
type actor struct {
	c interface {
		Start(now node.Time, p workload.Port)
		Reply(now node.Time, from node.ID, r *node.Reply, p workload.Port)
		Timer(now node.Time, t node.Timer, p workload.Port)
	}
}

func (a actor) Start(now node.Time, out *runtime.Calls) { a.c.Start(now, out) }
func (a actor) Reply(now node.Time, from node.ID, r node.Reply, out *runtime.Calls) {
	a.c.Reply(now, from, &r, out)
}
func (a actor) Timer(now node.Time, t node.Timer, out *runtime.Calls) { a.c.Timer(now, t, out) }

func (x *transactions) begin() error {
	for i := range x.w.Clients {
		c := workload.NewClient(x.w, x.seed, i+1, &x.directory, x.history)
		x.clients = append(x.clients, c)
		if err := x.r.AddClient(runtime.Client{ID: firstClient + node.ID(i), Name: clientName(i + 1), Actor: actor{c}}); err != nil {
			return err
		}
	}
	return nil
}

// Probe implements harness.Clients.
func (x *transactions) Probe() harness.Probe {
	p := workload.NewProber(x.w, x.seed, x.w.Clients+1, &x.directory, x.history)
	x.join("prober", 0, p)
	return p
}

// Audit implements harness.Clients.
func (x *transactions) Audit() harness.Audit {
	x.audit = workload.NewAuditor(x.w, x.seed, x.w.Clients+2, &x.directory, x.history)
	x.join("auditor", 1, x.audit)
	return x.audit
}

func (x *transactions) join(name string, place int, a *workload.Auditor) {
	if err := x.r.AddClient(runtime.Client{ID: firstClient + node.ID(x.w.Clients+place), Name: name, Actor: actor{a}}); err != nil {
		panic(fmt.Sprintf("older: %v", err)) // the address is free
	}
}

// Stop implements harness.Clients.
func (x *transactions) Stop() {
	for _, c := range x.clients {
		c.Stop()
	}
}

// Idle implements harness.Clients.
func (x *transactions) Idle() bool {
	for _, c := range x.clients {
		if !c.Idle() {
			return false
		}
	}
	return true
}

// evidence adds what the clients have seen.
func (x *transactions) evidence(e *judge.Evidence) {
	e.Workload, e.Transactions, e.Begun = &x.w, x.history, x.history.Begun
	if x.audit != nil {
		if at, seen := x.audit.Seen(); seen {
			e.Audit = at
		}
	}
	h, c := x.history.Count(), &e.Counts
	c.Transactions = uint64(len(x.history.Transactions))
	c.Acknowledged, c.ReadOnly, c.Aborted = uint64(h.Acknowledged), uint64(h.ReadOnly), uint64(h.Aborted)
	c.Deadlocks, c.Unknown = uint64(h.Deadlocks), uint64(h.Unknown)
	c.Scans, c.RowsScanned, c.Full = uint64(h.Scans), uint64(h.RowsScanned), uint64(h.Full)
}
