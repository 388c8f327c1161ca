package labs

import (
	"slices"

	"github.com/firstgap/firstgap/faults"
)

// The plots of recoveries. The writer of a moment is what takes over, as long as that recovers.

// short is how long a fault may last that strikes more than the budget has (faults.Budget).
const short = 50 * ms

// replaced replaces the writer once or twice, and nothing else goes wrong.
func replaced(d dice, _ faults.Topology, horizon faults.Duration) []faults.Fault {
	all := []faults.Fault{over(d, d.between(20*ms, horizon/2))}
	if d.IntN(2) == 0 {
		all = append(all, over(d, all[0].At+d.between(30*ms, horizon/2-10*ms)))
	}
	return all
}

// groups lists the segments of each group.
func byGroup(t faults.Topology) [][]string {
	var all [][]string
	for g := 1; len(holders(t, g)) > 0; g++ {
		all = append(all, holders(t, g))
	}
	return all
}

// fewAnswer takes away half of the segments of each group around a take-over, so that a read quorum is what is left, and for a while
// one more of one group, so that it is not.
func fewAnswer(d dice, t faults.Topology, horizon faults.Duration) []faults.Fault {
	at := d.between(30*ms, horizon-2*short)
	all := []faults.Fault{over(d, at)}
	late := d.IntN(len(byGroup(t)))
	for g, names := range byGroup(t) {
		down := d.some(3, names)
		all = append(all, faults.Fault{Kind: faults.Pause, At: at - d.between(0, ms/2), For: d.between(30*ms, short), Nodes: down})
		if g == late {
			rest := slices.DeleteFunc(slices.Clone(names), func(n string) bool { return slices.Contains(down, n) })
			all = append(all, faults.Fault{Kind: faults.Pause, At: at - d.between(0, ms/2), For: d.between(8*ms, 20*ms), Nodes: d.some(1, rest)})
		}
	}
	return all
}

// deafened loses what a new writer says, or is told, at one of the stages of its recovery, and then no more.
func deafened(d dice, t faults.Topology, horizon faults.Duration) []faults.Fault {
	over := faults.Fault{Kind: faults.TakeOver, At: d.between(20*ms, horizon-2*short)}
	lost := faults.Fault{Kind: faults.Loss, For: d.between(10*ms, 25*ms), Nodes: []string{writerName}, Rate: 1, Salt: d.salt()}
	switch d.IntN(4) {
	case 0: // the register
		lost.At, lost.To = over.At+d.between(0, ms/20), []string{string(faults.Register)}
	case 1: // all segments, from the fence on
		lost.At = over.At + d.between(ms/20, ms/2)
		for _, names := range byGroup(t) {
			lost.To = append(lost.To, names...)
		}
	case 2: // some of them, from one of the later stages on
		lost.At, lost.Rate = over.At+d.between(2*ms, 8*ms), 0.5
		for _, names := range byGroup(t) {
			lost.To = append(lost.To, d.some(4, names)...)
		}
	default: // their answers
		lost.At, lost.Nodes, lost.To = over.At+d.between(ms/2, 6*ms), nil, []string{writerName}
	}
	return []faults.Fault{over, lost}
}

// gap lets a writer not reach a group, or all but one or two of it, for a moment, and then replaces it: what it sent meanwhile to the
// other group stands behind the gap.
func gap(d dice, t faults.Topology, horizon faults.Duration) []faults.Fault {
	all := byGroup(t)
	names := all[d.IntN(len(all))]
	cut := faults.Fault{Kind: faults.PartitionOneWay, At: d.between(horizon/4, horizon-2*short), For: d.between(20*ms, 40*ms), Nodes: []string{writerName},
		To: d.some(len(names)-d.IntN(3)/2, names)}
	return []faults.Fault{cut, {Kind: faults.FailOver, At: cut.At + d.between(15*ms, cut.For), For: d.between(1*ms, 3*ms)}}
}

// cutBefore leaves the last records of a writer on one or two segments of a group alone, which the next recovery does not reach and
// which the one after that asks: by then they are cut.
func cutBefore(d dice, t faults.Topology, horizon faults.Duration) []faults.Fault {
	all := byGroup(t)
	names := all[d.IntN(len(all))]
	behind := d.some(1+d.IntN(2), names)
	others := slices.DeleteFunc(slices.Clone(names), func(n string) bool { return slices.Contains(behind, n) })
	last := faults.Fault{Kind: faults.PartitionOneWay, At: d.between(horizon/4, horizon/2-short/4), For: d.between(15*ms, 30*ms), Nodes: []string{writerName}, To: others}
	alone := faults.Fault{Kind: faults.Partition, At: last.At, For: last.For, Nodes: behind, To: others} // they would tell their peers
	first := faults.Fault{Kind: faults.FailOver, At: last.At + last.For - ms, For: d.between(1*ms, 2*ms)}
	apart := faults.Fault{Kind: faults.Partition, At: first.At, For: d.between(30*ms, 45*ms), Nodes: behind}
	second := faults.Fault{Kind: faults.FailOver, At: apart.At + apart.For - d.between(0, ms), For: d.between(ms/2, 2*ms)}
	// Two that have heard all: without them a read quorum takes the ones that were left behind.
	absent := faults.Fault{Kind: faults.Pause, At: second.At, For: d.between(10*ms, 20*ms), Nodes: d.some(3, others)}
	return []faults.Fault{last, alone, first, apart, second, absent}
}

// lackingSome lets some segments of a group miss the last records of a writer, and one more be gone when the next one repairs: what is
// kept is on fewer than a write quorum for a while.
func lackingSome(d dice, t faults.Topology, horizon faults.Duration) []faults.Fault {
	all := byGroup(t)
	names := all[d.IntN(len(all))]
	lags := d.some(3+d.IntN(2), names)
	missed := faults.Fault{Kind: faults.PartitionOneWay, At: d.between(20*ms, horizon-2*short), For: d.between(10*ms, 30*ms), Nodes: []string{writerName}, To: lags}
	over := faults.Fault{Kind: faults.FailOver, At: missed.At + missed.For - d.between(0, 2*ms), For: d.between(1*ms, 2*ms)}
	slow := faults.Fault{Kind: faults.DiskSlow, At: over.At + over.For, For: d.between(20*ms, 40*ms), Nodes: lags, Factor: 10}
	return []faults.Fault{missed, over, slow}
}

// rightAfter lets the writer and two segments of a group die right after it has acknowledged a commit: few have heard how far the log is
// durable.
func rightAfter(d dice, t faults.Topology, horizon faults.Duration) []faults.Fault {
	all := byGroup(t)
	names := all[d.IntN(len(all))]
	died := faults.Fault{Kind: faults.CrashWhen, At: d.between(20*ms, horizon/2), When: faults.Acknowledged, Hit: 1 + d.IntN(3), For: d.between(5*ms, 40*ms),
		Nodes: append([]string{writerName}, d.some(2, names)...), Salt: d.salt()}
	over := over(d, d.between(died.At, horizon-short))
	return []faults.Fault{died, over}
}

// interrupted lets recoveries begin that do not end: the new writer dies, sleeps or is replaced at any of its stages, and segments die
// that it has asked.
func interrupted(d dice, t faults.Topology, horizon faults.Duration) []faults.Fault {
	at := d.between(20*ms, horizon/2-10*ms)
	all := []faults.Fault{over(d, at)}
	at += all[0].For
	for range 1 + d.IntN(2) {
		at += d.between(ms/10, 7*ms)
		var next faults.Fault
		switch d.IntN(6) {
		case 0, 1:
			next = faults.Fault{Kind: faults.Crash, At: at, For: d.between(1*ms, 10*ms), Nodes: []string{writerName}, Salt: d.salt()}
		case 2:
			next = faults.Fault{Kind: faults.Pause, At: at, For: d.between(5*ms, 30*ms), Nodes: []string{writerName}}
			at += next.For / 2
			all = append(all, next)
			next = faults.Fault{Kind: faults.TakeOver, At: at}
		case 3:
			names := byGroup(t)[0]
			next = faults.Fault{Kind: faults.Crash, At: at, For: d.between(1*ms, 20*ms), Nodes: d.some(1+d.IntN(len(names)), names), Salt: d.salt()}
		default:
			next = over(d, at)
		}
		at += next.For
		all = append(all, next)
	}
	return all
}

// struck is what breaks a recovery on a step of the ladder: take-overs, and around them what strikes the writer and segments.
func struck(step int) plot {
	plots := []plot{gap, cutBefore, lackingSome, rightAfter, interrupted, fewAnswer, deafened}
	return func(d dice, t faults.Topology, horizon faults.Duration) []faults.Fault {
		if step == 0 {
			return nil
		}
		all := plots[d.IntN(len(plots))](d, t, horizon)
		return all[:min(step, len(all))]
	}
}
