package sim

import (
	"errors"
	"fmt"
	"time"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness/runtime"
	"github.com/firstgap/firstgap/impl/node"
)

// Options is all that a world depends on, beside the processes that live in it and the faults that strike it.
type Options struct {
	Seed    uint64  // of all randomness
	Network Network // as it is without faults
	Disk    Disk    // of every process alike
	Limits  Limits  // what a run may use up; zero values stand for those of DefaultLimits
	Bug     string  // the planted bugs that Hook.Planted confirms, with commas between them, or none
	// Redraw has chance decide anew from an event on.
	Redraw Redraw
	// Planted hears each time that Hook.Planted confirms the planted bug: whose step it was, and the number of the event that the step
	// handles. It is no part of the run's hash, and may be nil.
	Planted func(process node.ID, event uint64)
	// Heard is told of each line by which a node in another program answers: whose, and the number of the event that it answers. It is
	// no part of the run's hash, and may be nil.
	Heard func(process node.ID, event uint64, line []byte)
	// Measure has Counts say how many bytes went over the network and to the disks.
	Measure bool
	// Observer hears what nodes say; it may be nil.
	Observer runtime.Observer
}

// Redraw has the rest of a run be another one once so many events have happened: its chance, and what clients begin, are drawn from
// another seed. How often what is redrawn ends alike says how much was decided by then. Zero is never.
type Redraw struct {
	After uint64
	Seed  uint64 // not zero
	// Mend ends all faults there, and calls off those that have not begun.
	Mend bool
	// Alone cuts off for good the clients that there are by then, but for those that joined after the faults had ended (Mend).
	Alone bool
	// Cut has nothing arrive any more, to the end: what is on its way is lost as well.
	Cut bool
	// Turned is called there, before the first step of the rest. It may be nil.
	Turned func()
}

// Network describes how messages travel when no fault has a hand in it. It is plain JSON.
type Network struct {
	Latency   faults.Duration `json:"latency"`   // the least that a message takes
	Jitter    faults.Duration `json:"jitter"`    // up to this much on top, evenly spread: what reorders messages
	CrossZone faults.Duration `json:"crossZone"` // on top between two processes in different zones
	TailRate  float64         `json:"tailRate"`  // share of the messages that are late
	Tail      faults.Duration `json:"tail"`      // scale of their lateness: up to 128 times this, twice as long half as likely
	Loss      float64         `json:"loss"`      // share of the messages that never arrive
	Duplicate float64         `json:"duplicate"` // share of the messages that arrive twice
	// LateDelivery lets a message that was on its way when its receiver crashed reach the process that has started in
	// its place, as datagrams do. Without it the message dies with the connection that carried it.
	LateDelivery bool `json:"lateDelivery"`
	// Bandwidth is how many bytes a second a host takes from the network, and how many it gives to it, one message after
	// the other in the order in which they come. Zero is no limit. What clients ask and are told counts nowhere.
	Bandwidth int64 `json:"bandwidth,omitempty"`
}

// Disk describes a process's disk, and what a crash does to it. It is plain JSON. A disk does one operation at a
// time, in the order of the effects.
type Disk struct {
	Append   faults.Duration `json:"append"`   // the least that an append takes
	Sync     faults.Duration `json:"sync"`     // the least that a sync takes
	Replace  faults.Duration `json:"replace"`  // the least that a replace takes
	Jitter   faults.Duration `json:"jitter"`   // up to this much on top, evenly spread
	TailRate float64         `json:"tailRate"` // share of the operations that are late
	Tail     faults.Duration `json:"tail"`     // scale of their lateness, as for the network
	// SurviveRate is how likely an append that no sync has covered survives a crash, each on its own: an operating
	// system writes its pages back in any order.
	SurviveRate float64 `json:"surviveRate"`
	// Bandwidth is how many bytes a second the disk writes, on top of what an operation takes at least. Zero is no limit.
	Bandwidth int64 `json:"bandwidth,omitempty"`
	// EffectRate is how likely a sync or replace that had begun before a crash has taken effect, though its process was not told.
	EffectRate float64 `json:"effectRate"`
	// TornRate is how likely only a prefix survives of the last append to a file that survives without a sync.
	TornRate float64 `json:"tornRate"`
}

// Limits bounds a run. A run that exceeds one ends with an Outcome that names it, which never is a pass.
type Limits struct {
	Events uint64          `json:"events"` // events handled
	Time   faults.Duration `json:"time"`   // virtual time
	Bytes  int64           `json:"bytes"`  // held by disks and by messages on their way
}

// DefaultLimits is far above what a run of some thousand commits needs.
func DefaultLimits() Limits {
	return Limits{Events: 10_000_000, Time: faults.Duration(time.Hour), Bytes: 1 << 30}
}

func (l Limits) orDefault() Limits {
	d := DefaultLimits()
	if l.Events == 0 {
		l.Events = d.Events
	}
	if l.Time == 0 {
		l.Time = d.Time
	}
	if l.Bytes == 0 {
		l.Bytes = d.Bytes
	}
	return l
}

// longest is the longest delay that can be asked for. Tails and factors stretch it by 128 and 1000 times: still far
// from where nanoseconds overflow.
const longest = faults.Duration(time.Hour)

// An OptionError says which option has a value that makes no sense.
type OptionError struct {
	Option string // such as "network.loss"
	Want   string
	Found  string
}

func (e *OptionError) Error() string {
	return fmt.Sprintf("%s: expected %s, found %s", e.Option, e.Want, e.Found)
}

func checkRate(broken []error, option string, rate float64) []error {
	if rate >= 0 && rate <= 1 { // false for NaN too
		return broken
	}
	return append(broken, &OptionError{option, "a rate from 0 to 1", fmt.Sprint(rate)})
}

func checkDelay(broken []error, option string, d faults.Duration) []error {
	if d >= 0 && d <= longest {
		return broken
	}
	return append(broken, &OptionError{option, "a duration from 0s to " + longest.String(), d.String()})
}

// Validate reports every value that makes no sense, each as an *OptionError.
func (n Network) Validate() error {
	var b []error
	b = checkDelay(b, "network.latency", n.Latency)
	b = checkDelay(b, "network.jitter", n.Jitter)
	b = checkDelay(b, "network.crossZone", n.CrossZone)
	b = checkRate(b, "network.tailRate", n.TailRate)
	b = checkDelay(b, "network.tail", n.Tail)
	b = checkRate(b, "network.loss", n.Loss)
	b = checkRate(b, "network.duplicate", n.Duplicate)
	if n.Bandwidth < 0 {
		b = append(b, &OptionError{"network.bandwidth", "0 or more bytes a second", fmt.Sprint(n.Bandwidth)})
	}
	return errors.Join(b...)
}

// Validate reports every value that makes no sense, each as an *OptionError.
func (d Disk) Validate() error {
	var b []error
	b = checkDelay(b, "disk.append", d.Append)
	b = checkDelay(b, "disk.sync", d.Sync)
	b = checkDelay(b, "disk.replace", d.Replace)
	b = checkDelay(b, "disk.jitter", d.Jitter)
	b = checkRate(b, "disk.tailRate", d.TailRate)
	b = checkDelay(b, "disk.tail", d.Tail)
	b = checkRate(b, "disk.surviveRate", d.SurviveRate)
	b = checkRate(b, "disk.effectRate", d.EffectRate)
	b = checkRate(b, "disk.tornRate", d.TornRate)
	if d.Bandwidth < 0 {
		b = append(b, &OptionError{"disk.bandwidth", "0 or more bytes a second", fmt.Sprint(d.Bandwidth)})
	}
	return errors.Join(b...)
}

// Validate reports every value that makes no sense, each as an *OptionError.
func (l Limits) Validate() error {
	var b []error
	if l.Time < 0 || l.Time > farthest {
		b = append(b, &OptionError{"limits.time", "a duration from 0s to " + farthest.String(), l.Time.String()})
	}
	if l.Bytes < 0 {
		b = append(b, &OptionError{"limits.bytes", "0 or more", fmt.Sprint(l.Bytes)})
	}
	return errors.Join(b...)
}
