package why

import (
	"strings"

	"github.com/firstgap/firstgap/faults"
)

// strikes says what a fault of the plan does to the nodes whose names follow.
var strikes = map[faults.Kind]string{
	faults.Loss: "lost messages of", faults.Duplicate: "doubled messages of", faults.Delay: "slowed down the messages of", faults.Reorder: "mixed up the order of the messages of",
	faults.Damage: "flipped bits in messages of", faults.Truncate: "cut short frames of", faults.Throttle: "narrowed the links of", faults.OldWire: "put to the oldest version of the wire",
	faults.Partition: "cut off, both ways,", faults.PartitionOneWay: "cut off, one way,", faults.AZCutOff: "cut off, from all outside, the zone", faults.Crash: "crashed",
	faults.CrashAtPoint: "crashed, at a point of its code,", faults.CrashWhen: "crashed, for one of them did what the plan waits for,", faults.Pause: "paused", faults.PowerLossAZ: "took the power from the zone",
	faults.ClockSlow: "slowed down the clock of", faults.ClockJump: "set ahead the clock of", faults.DiskSlow: "slowed down the disk of", faults.DiskFail: "made operations fail on the disk of",
	faults.DiskFull: "filled the disk of", faults.DiskCorrupt: "flipped a durable bit on the disk of", faults.DiskMisread: "had reads return what stands elsewhere on the disk of",
	faults.DiskLies: "had syncs say that they are done, and they were not, on the disk of", faults.WriteLost: "dropped appends, though their sync succeeds, on the disk of",
	faults.WriteMisplaced: "put appends to another place on the disk of", faults.DiskStale: "killed, and put back to an older state the disk of", faults.DiskEmptied: "killed, and emptied the disk of",
	faults.DiskLost: "killed, and took away the disk of", faults.NodeLost: "took away for good, with its disk,", faults.TakeOver: "started a successor of the active node while that lives",
	faults.Promote: "made the active node of a node that follows", faults.FailOver: "killed the active node for good, to start a successor",
}

// strike says what an action of the plan did to whom, by the name that the plan gives it.
func strike(name string) string {
	kind, whom, _ := strings.Cut(name, " ")
	verb, known := strikes[faults.Kind(kind)]
	switch {
	case known:
		if whom == "" {
			return strings.TrimSuffix(verb, ",") + " (" + kind + ")"
		}
		return verb + " " + whom + " (" + kind + ")"
	case kind == "mend":
		return "mended all faults"
	case kind == "new" && whom != "":
		return "started a " + name
	case kind == "restart", kind == "resume", kind == "promoted":
		return kind + choose(strings.HasSuffix(kind, "ed"), " ", "ed ") + whom
	}
	return "did: " + name
}

// tells says whether an action of the plan says something about what a finding is about: it names a node of it, or changes who is active.
func (a *about) tells(name string, named func(string) bool) bool {
	if undone(name) {
		return false
	}
	kind, _, _ := strings.Cut(name, " ")
	switch faults.Kind(kind) {
	case faults.TakeOver, faults.Promote, faults.FailOver, faults.PowerLossAZ, faults.AZCutOff:
		return true
	}
	_, known := strikes[faults.Kind(kind)]
	return known && named(name)
}
