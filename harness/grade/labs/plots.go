package labs

import (
	"slices"

	"github.com/firstgap/firstgap/faults"
)

// The plots of the volume. Each is about one rule; what it strikes, and when, is the seed's.

const writerName = string(faults.Writer)

// over is a take-over at a moment: the writer is replaced and lives on, or it dies.
func over(d dice, at faults.Duration) faults.Fault {
	if d.IntN(2) == 0 {
		return faults.Fault{Kind: faults.TakeOver, At: at}
	}
	return faults.Fault{Kind: faults.FailOver, At: at, For: d.between(ms, 4*ms)}
}

// takenOver replaces the writer, so many times.
func takenOver(times int) plot {
	return func(d dice, t faults.Topology, horizon faults.Duration) (all []faults.Fault) {
		for i := range faults.Duration(times) {
			part := horizon / faults.Duration(times)
			all = append(all, over(d, i*part+d.between(part/4, part*3/4)))
		}
		return all
	}
}

// powerLost crashes the writer and at least three of a group's segments right after the writer has acknowledged something: what
// was on too few disks is gone.
func powerLost(d dice, t faults.Topology, horizon faults.Duration) (all []faults.Fault) {
	for i := range faults.Duration(3) {
		all = append(all, faults.Fault{Kind: faults.CrashWhen, At: i * horizon / 4, For: d.between(ms, 8*ms), When: faults.Acknowledged, Hit: 1 + d.IntN(3),
			Nodes: append([]string{writerName}, d.some(3+d.IntN(4), holders(t, 1))...), Salt: d.salt()})
	}
	return all
}

// restarted crashes most segments of a group at once, for a moment, several times.
func restarted(d dice, t faults.Topology, horizon faults.Duration) (all []faults.Fault) {
	for i := range faults.Duration(4) {
		part := horizon / 4
		all = append(all, faults.Fault{Kind: faults.Crash, At: i*part + d.between(0, part/2), For: d.between(ms, 10*ms),
			Nodes: d.some(4+d.IntN(3), holders(t, 1)), Salt: d.salt()})
	}
	return all
}

// syncsFail lets the disks of two segments fail, one after the other.
func syncsFail(d dice, t faults.Topology, horizon faults.Duration) (all []faults.Fault) {
	for i, name := range d.some(4, holders(t, 1)) {
		all = append(all, faults.Fault{Kind: faults.DiskFail, At: faults.Duration(i) * horizon / 4, For: d.between(15*ms, 45*ms), Nodes: []string{name}, Rate: 0.5, Salt: d.salt()})
	}
	return all
}

// halfHeard loses half of what the writer sends to the segments, so that each of them has gaps.
func halfHeard(d dice, t faults.Topology, horizon faults.Duration) []faults.Fault {
	return []faults.Fault{{Kind: faults.Loss, At: 0, For: horizon * 9 / 10, Nodes: []string{writerName}, To: holders(t, 1), Rate: 0.5, Salt: d.salt()}}
}

// fencedThenDead crashes most segments at the moment when they answer a fence, and another writer comes later.
func fencedThenDead(d dice, t faults.Topology, horizon faults.Duration) []faults.Fault {
	at := d.between(horizon/4, horizon/2)
	many := 3 + d.IntN(4)
	return []faults.Fault{{Kind: faults.CrashWhen, At: at - 5*ms, For: d.between(ms, 6*ms), When: faults.Fenced, Hit: 1 + d.IntN(3), Nodes: d.some(many, holders(t, 1)), Salt: d.salt()},
		{Kind: faults.TakeOver, At: at}, over(d, at+d.between(30*ms, 60*ms))}
}

// lateWriter has a writer replaced while what it sends takes long: it reaches the segments when they have promised another one.
func lateWriter(d dice, t faults.Topology, horizon faults.Duration) (all []faults.Fault) {
	for i := range faults.Duration(2) {
		at := i*horizon/2 + d.between(horizon/6, horizon/3)
		all = append(all,
			faults.Fault{Kind: faults.Delay, At: at - 12*ms, For: 12*ms - 1, Nodes: []string{writerName}, To: holders(t, 1), Extra: d.between(10*ms, 25*ms)},
			faults.Fault{Kind: faults.TakeOver, At: at})
	}
	return all
}

// duel starts writers so shortly one after the other that they fence and join the same segments at a time, with messages that
// overtake each other.
func duel(d dice, t faults.Topology, horizon faults.Duration) (all []faults.Fault) {
	for i := range faults.Duration(2) {
		at := i*horizon/2 + d.between(horizon/8, horizon/4)
		gap := d.between(ms, 4*ms)
		all = append(all, faults.Fault{Kind: faults.Reorder, At: at, For: 25 * ms, Extra: d.between(4*ms, 12*ms), Salt: d.salt()},
			faults.Fault{Kind: faults.TakeOver, At: at}, faults.Fault{Kind: faults.TakeOver, At: at + gap}, faults.Fault{Kind: faults.TakeOver, At: at + 2*gap})
	}
	return all
}

// leftBehind lets the last records of a writer arrive at one segment only, which its successor does not reach: they are cut,
// and that segment is the only one that does not know. Its peers miss some of what the successor writes, and ask around.
func leftBehind(d dice, t faults.Topology, horizon faults.Duration) []faults.Fault {
	all := holders(t, 1)
	behind := d.IntN(len(all))
	others := slices.Delete(slices.Clone(all), behind, behind+1)
	at := d.between(horizon/5, horizon/3)
	last := d.between(20*ms, 40*ms)
	apart := faults.Fault{Kind: faults.Partition, At: at + last, For: horizon - at - last - 10*ms, Nodes: all[behind : behind+1], To: []string{writerName}}
	return []faults.Fault{{Kind: faults.PartitionOneWay, At: at, For: last, Nodes: []string{writerName}, To: others}, {Kind: faults.TakeOver, At: at + last}, apart,
		{Kind: faults.Loss, At: apart.At, For: apart.For, Nodes: []string{writerName}, To: others, Rate: 0.4, Salt: d.salt()}}
}

// cutShort replaces a writer of which only one segment has heard the last records, and its successor's fence comes to that one late:
// what it has is cut. It joins, and starts again after that.
func cutShort(d dice, t faults.Topology, horizon faults.Duration) (all []faults.Fault) {
	for i := range faults.Duration(2) {
		names := holders(t, 1)
		d.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
		few, others := names[:1+d.IntN(2)], slices.Sorted(slices.Values(names[2:]))
		at := i*horizon/2 + d.between(0, horizon/12)
		last := d.between(20*ms, 35*ms)
		all = append(all, faults.Fault{Kind: faults.PartitionOneWay, At: at, For: last, Nodes: []string{writerName}, To: others}, over(d, at+last-ms),
			faults.Fault{Kind: faults.Delay, At: at + last - ms, For: 12 * ms, To: few, Extra: d.between(4*ms, 8*ms)},
			faults.Fault{Kind: faults.Crash, At: at + last + d.between(22*ms, 34*ms), For: d.between(ms, 8*ms), Nodes: few, Salt: d.salt()})
	}
	return all
}

// aCutIsAsked lets readers reach no segment but one that holds what a recovery has cut, and does not know.
func aCutIsAsked(d dice, t faults.Topology, horizon faults.Duration) []faults.Fault {
	names := holders(t, 1)
	behind := d.IntN(len(names))
	others := slices.Delete(slices.Clone(names), behind, behind+1)
	at := d.between(horizon/5, horizon/3)
	last := d.between(20*ms, 40*ms)
	apart := horizon - at - last - 10*ms
	var readers []string
	for _, n := range t.Nodes() {
		if n.Role == faults.Reader {
			readers = append(readers, n.String())
		}
	}
	return []faults.Fault{{Kind: faults.PartitionOneWay, At: at, For: last, Nodes: []string{writerName}, To: others},
		{Kind: faults.Partition, At: at, For: last + apart, Nodes: names[behind : behind+1], To: others}, {Kind: faults.TakeOver, At: at + last},
		{Kind: faults.Partition, At: at + last, For: apart, Nodes: []string{writerName}, To: names[behind : behind+1]},
		{Kind: faults.Partition, At: at + last, For: apart, Nodes: readers, To: others}}
}

// unheard keeps the writer from one or two segments nearly to the end, so that what they lack they have from their peers alone.
func unheard(d dice, t faults.Topology, horizon faults.Duration) []faults.Fault {
	return []faults.Fault{{Kind: faults.PartitionOneWay, At: d.between(0, horizon/4), For: horizon * 2 / 3, Nodes: []string{writerName}, To: d.some(1+d.IntN(2), holders(t, 1))}}
}

// rotted flips a bit of what a segment wrote last, has it start again, and replaces the writer, three times.
func rotted(d dice, t faults.Topology, horizon faults.Duration) (all []faults.Fault) {
	name := []string{d.one(holders(t, 1))}
	for i := range faults.Duration(3) {
		at, down := i*horizon/3+d.between(horizon/10, horizon/5), d.between(ms, 4*ms)
		all = append(all, faults.Fault{Kind: faults.DiskCorrupt, At: at - ms/2, Nodes: name, Rate: 0.5, Salt: d.salt()},
			faults.Fault{Kind: faults.Crash, At: at, For: down, Nodes: name, Salt: d.salt()}, over(d, at+down+d.between(2*ms, 8*ms)))
	}
	return all
}

// damagedOnTheWay flips bits of records and pages in messages.
func damagedOnTheWay(d dice, t faults.Topology, horizon faults.Duration) []faults.Fault {
	return []faults.Fault{{Kind: faults.Damage, At: 0, For: horizon * 9 / 10, Rate: 0.3, Salt: d.salt()}}
}

// torn crashes segments again and again while they write.
func torn(d dice, t faults.Topology, horizon faults.Duration) (all []faults.Fault) {
	for i := range faults.Duration(6) {
		part := horizon / 6
		all = append(all, faults.Fault{Kind: faults.Crash, At: i*part + d.between(0, part/2), For: d.between(ms, 6*ms), Nodes: d.some(2+d.IntN(2), holders(t, 1)), Salt: d.salt()})
	}
	return all
}

// diskLost takes the disk of a segment, which starts again on an empty one, around take-overs.
func diskLost(d dice, t faults.Topology, horizon faults.Duration) []faults.Fault {
	at := d.between(horizon/5, horizon/3)
	lost := faults.Fault{Kind: faults.DiskLost, At: at, For: d.between(ms, 6*ms), Nodes: []string{d.one(membersOf(t, 1))}}
	return []faults.Fault{lost, over(d, at+lost.For+d.between(2*ms, 10*ms))}
}

// nodeLost takes a segment for good.
func nodeLost(d dice, t faults.Topology, horizon faults.Duration) []faults.Fault {
	return []faults.Fault{{Kind: faults.NodeLost, At: d.between(horizon/5, horizon/2), Nodes: []string{d.one(membersOf(t, 1))}}}
}

// membersOf names the members of a group, without its spares.
func membersOf(t faults.Topology, group int) []string {
	all := holders(t, group)
	for i := range t.Parts {
		if p := &t.Parts[i]; p.Duty == faults.Holds {
			return all[:p.Members()]
		}
	}
	return all
}

// rotsUnread flips bits of segments' disks while they run.
func rotsUnread(d dice, t faults.Topology, horizon faults.Duration) (all []faults.Fault) {
	name := []string{d.one(holders(t, 1))}
	for range 2 {
		all = append(all, faults.Fault{Kind: faults.DiskCorrupt, At: d.between(horizon/5, horizon*2/3), Nodes: name, Salt: d.salt()})
	}
	return all
}

// twoStartLate crashes two segments once there are pages, so that their pages are held against those of copies that ran on.
func twoStartLate(d dice, t faults.Topology, horizon faults.Duration) (all []faults.Fault) {
	for i, name := range d.some(2, membersOf(t, 1)) {
		all = append(all, faults.Fault{Kind: faults.Crash, At: horizon*faults.Duration(8+i)/10 + d.between(0, horizon/12), For: d.between(ms, 5*ms), Nodes: []string{name}, Salt: d.salt()})
	}
	return all
}
