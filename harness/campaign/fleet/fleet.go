// Package fleet hands a campaign's jobs to workers, in this process and on any number of machines, and brings their outcomes back. Jobs and
// outcomes are messages of NATS JetStream; the server is in this process unless there is another.
//
// Each job is a message on a subject of its own, in a stream that is kept in memory: the coordinator knows its jobs, and puts them again
// if the server has lost them. Outcomes are in a stream on disk, synced message by message, until the coordinator says that it keeps
// them (see Queue.Keep). A worker acknowledges a job when the server has confirmed that it has the outcome. A worker that dies, hangs or
// is cut off lets its lease run out, and another gets the job; then there may be two outcomes of one job, and the first counts. A job that
// ran out of its lease is run with no other beside it in a process, and how often that was begun is kept with the outcomes: so a job that
// kills its worker is given up, and those that happened to be in the same process are not.
//
// Use package harness/campaign instead when an engineer wants runs and a verdict from one process.
package fleet

import (
	"encoding/json"
	"strconv"
	"time"
)

// What options are if they are not given.
const (
	DefaultName       = "firstgap"
	DefaultLease      = 30 * time.Second
	DefaultDeliveries = 3
)

// leastLease is how short a lease may be: timers of servers and workers are no better.
const leastLease = 50 * time.Millisecond

// window is how many messages may be on their way to the server and not confirmed.
const window = 256

// maxEarly bounds the outcomes that are kept of jobs that were not put yet: those of an earlier process, which was killed.
const maxEarly = 1 << 16

// Options are those of a queue.
type Options struct {
	// Login says where the server is. Without Server one runs in this process.
	Login
	Dir string // the folder of the server in this process; its own
	// Listen is the address on which the server in this process listens for workers of other processes, HOST:PORT or
	// nats://USER:PASSWORD@HOST:PORT; without it there is no socket.
	Listen string
	Config string // a file of nats-server's configuration for the server in this process, with its users, TLS and addresses
	Name   string // of the campaign on the server (DefaultName)
	// Replace ends another campaign that the server holds under the same name.
	Replace bool

	Campaign json.RawMessage // what workers need to know of the campaign; they get it as it is
	// From is the first job that is not in the campaign's lines: outcomes of those before it are late.
	From uint64

	Lease      time.Duration // how long a job belongs to a worker that gives no sign of life
	Deliveries int           // how often a job is begun before it is given up
	// Gather is how long a worker may keep an outcome to send it with others in one message.
	Gather time.Duration
	// Wait is how long the queue goes on without a server; zero is one attempt to find it, and for ever when it was found.
	Wait time.Duration
}

func (o *Options) complete() error {
	if o.Name == "" {
		o.Name = DefaultName
	}
	if o.Lease == 0 {
		o.Lease = DefaultLease
	}
	if o.Deliveries == 0 {
		o.Deliveries = DefaultDeliveries
	}
	switch {
	case o.Lease < leastLease:
		return &OptionError{"the lease", leastLease.String() + " at least", o.Lease.String()}
	case o.Deliveries < 1:
		return &OptionError{"the deliveries", "1 at least", strconv.Itoa(o.Deliveries)}
	case o.Gather < 0 || o.Gather > o.Lease/3:
		return &OptionError{"the time to gather outcomes", "a third of the lease at most", o.Gather.String()}
	case !json.Valid(o.Campaign):
		return &OptionError{"the campaign", "JSON", "something else"}
	case o.Server != "" && (o.Listen != "" || o.Config != ""):
		return &OptionError{"the server", "one of another process, or an address or configuration for one in this process", "both"}
	}
	return names(o.Name).check()
}
