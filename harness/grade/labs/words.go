package labs

import (
	"fmt"
	"strings"

	"github.com/firstgap/firstgap/faults"
)

// Words says a fault in one sentence without a full stop: when, who, what.
func Words(f *faults.Fault) string {
	who, verb := enumerated(f.Nodes), func(one, many string) string {
		if len(f.Nodes) == 1 {
			return one
		}
		return many
	}
	from := fmt.Sprintf("from %v on, for %v, ", f.At, f.For)
	at := fmt.Sprintf("at %v, ", f.At)
	between := func() string {
		switch {
		case len(f.Nodes) == 0 && len(f.To) == 0:
			return "on every link"
		case len(f.Nodes) == 0:
			return "to " + enumerated(f.To) + " from all others"
		case len(f.To) == 0:
			return "from " + who + " to all others"
		}
		return "from " + who + " to " + enumerated(f.To)
	}
	share := fmt.Sprintf("%.0f %% of the messages ", 100*f.Rate)
	operations := fmt.Sprintf("%.0f %% of the ", 100*f.Rate)
	slower := func() string {
		var how []string
		if f.Factor > 1 {
			how = append(how, fmt.Sprintf("%g times as long", f.Factor))
		}
		if f.Extra > 0 {
			how = append(how, fmt.Sprintf("%v longer", f.Extra))
		}
		return strings.Join(how, ", and then ")
	}
	restart := fmt.Sprintf(" and %s again after %v", verb("starts", "start"), f.For)
	switch f.Kind {
	case faults.Loss:
		return from + share + between() + " are lost"
	case faults.Duplicate:
		return from + share + between() + " arrive twice"
	case faults.Delay:
		return from + "messages " + between() + " take " + slower()
	case faults.Reorder:
		return from + "messages " + between() + fmt.Sprintf(" overtake each other by up to %v", f.Extra)
	case faults.Damage:
		return from + share + between() + " have a flipped bit"
	case faults.Truncate:
		return from + share + between() + " are cut short"
	case faults.Throttle:
		return from + fmt.Sprintf("links %s take %d bytes a second", between(), f.Bandwidth)
	case faults.OldWire:
		return from + who + " " + verb("speaks", "speak") + " the oldest version of the wire"
	case faults.Partition:
		if len(f.To) == 0 {
			return from + who + " " + verb("is", "are") + " cut off from all others"
		}
		return from + who + " and " + enumerated(f.To) + " do not reach each other"
	case faults.PartitionOneWay:
		return from + "no message passes " + between() + ", the other way is open"
	case faults.AZCutOff:
		return from + "zone " + f.AZ + " is cut off"
	case faults.Crash:
		return at + who + " " + verb("dies", "die") + restart
	case faults.CrashAtPoint:
		return fmt.Sprintf("%s %s at its passing %d of the point %s since %v,%s", who, verb("dies", "die"), f.Hit, f.Point, f.At, restart)
	case faults.CrashWhen:
		what := "sends " + f.When
		if f.When == faults.Acknowledged {
			what = "acknowledges a write"
		}
		return fmt.Sprintf("since %v, when one of them %s for the %d. time, %s %s%s", f.At, what, f.Hit, who, verb("dies", "die"), restart)
	case faults.Pause:
		return from + who + " " + verb("does", "do") + " nothing"
	case faults.PowerLossAZ:
		return at + "zone " + f.AZ + fmt.Sprintf(" loses its power, and its nodes start again after %v", f.For)
	case faults.ClockSlow:
		return from + fmt.Sprintf("the clock of %s goes %g times as slow", who, f.Factor)
	case faults.ClockJump:
		return at + fmt.Sprintf("the clock of %s jumps %v ahead", who, f.Extra)
	case faults.DiskSlow:
		return from + "what the disk of " + who + " does takes " + slower()
	case faults.DiskFail:
		return from + operations + "disk operations of " + who + " fail, and from the first on all; then it starts again"
	case faults.DiskFull:
		return from + "the disk of " + who + " has no room"
	case faults.DiskCorrupt:
		return at + "a bit on the disk of " + who + " flips"
	case faults.DiskMisread:
		return from + operations + "reads of " + who + " return what stands elsewhere"
	case faults.DiskLies:
		return from + operations + "syncs of " + who + " say that they are done and are not"
	case faults.WriteLost:
		return from + operations + "appends of " + who + " never get to the disk"
	case faults.WriteMisplaced:
		return from + operations + "appends of " + who + " get to another place of the file"
	case faults.DiskStale:
		return at + who + fmt.Sprintf(" dies, and its disk is put back by %v", f.Extra) + ";" + restart
	case faults.DiskEmptied:
		return at + who + " dies and its disk is emptied;" + restart
	case faults.DiskLost:
		return at + who + " loses its disk" + restart + " on an empty one"
	case faults.NodeLost:
		return at + who + " and its disk are gone for good"
	case faults.TakeOver:
		return at + "another writer takes over while the old one lives"
	case faults.Promote:
		return at + who + " becomes the writer"
	case faults.FailOver:
		return at + fmt.Sprintf("the writer dies for good, and a successor starts after %v", f.For)
	}
	return string(f.Kind)
}

func enumerated(names []string) string {
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	return strings.Join(names[:len(names)-1], ", ") + " and " + names[len(names)-1]
}
