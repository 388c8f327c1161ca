package aurora

import (
	"fmt"

	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/runtime"
	"github.com/firstgap/firstgap/harness/workload"
	"github.com/firstgap/firstgap/impl/node"
)

// Probe implements harness.Clients.
func (b *built) Probe() harness.Probe {
	l := &late{}
	b.whenServed(func() {
		l.auditor = workload.NewProber(b.c.Workload, b.c.Seed, b.c.Workload.Clients+1, &b.directory, b.history)
		b.join("prober", 0, l.auditor)
	})
	return l
}

// Audit implements harness.Clients.
func (b *built) Audit() harness.Audit {
	l := &late{}
	b.whenServed(func() {
		l.auditor = workload.NewAuditor(b.c.Workload, b.c.Seed, b.c.Workload.Clients+2, &b.directory, b.history)
		b.audit = l.auditor
		b.join("auditor", 1, l.auditor)
	})
	return l
}

// late is an auditor that comes once there is a writer to ask: while a recovery leads none is there.
type late struct{ auditor *workload.Auditor } // nil before

func (l *late) Wrote() bool { return l.auditor != nil && l.auditor.Wrote() }

func (l *late) Done() bool { return l.auditor != nil && l.auditor.Done() }

func (l *late) Stop() {
	if l.auditor != nil {
		l.auditor.Stop()
	}
}

// join adds a client that is not of the workload.
func (b *built) join(name string, place node.ID, a *workload.Auditor) {
	id := b.firstClient() + node.ID(b.c.Workload.Clients) + place
	if err := b.r.AddClient(runtime.Client{ID: id, Name: name, Actor: workload.Actor{Client: a}}); err != nil {
		panic(fmt.Sprintf("aurora: %v", err)) // the address is free
	}
}

// Stop implements harness.Clients.
func (b *built) Stop() {
	for _, c := range b.clients {
		c.Stop()
	}
	for _, c := range b.reading {
		c.Stop()
	}
}

// Idle implements harness.Clients.
func (b *built) Idle() bool {
	for _, c := range b.clients {
		if !c.Idle() {
			return false
		}
	}
	for _, c := range b.reading {
		if !c.Idle() {
			return false
		}
	}
	return true
}
