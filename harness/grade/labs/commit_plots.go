package labs

import (
	"slices"

	"github.com/firstgap/firstgap/faults"
)

// The plots of writers.

// oneGroupDeaf lets the writer not reach most of one group for a while, so that what it sends to the other is complete above what is not.
func oneGroupDeaf(d dice, t faults.Topology, horizon faults.Duration) (all []faults.Fault) {
	for i := range faults.Duration(2) {
		names := byGroup(t)[d.IntN(2)]
		all = append(all, faults.Fault{Kind: faults.PartitionOneWay, At: (i+1)*horizon/3 + d.between(0, horizon/10), For: d.between(20*ms, 40*ms),
			Nodes: []string{writerName}, To: d.some(3+d.IntN(3), names)})
	}
	return all
}

// oneAfterTheOther replaces a writer twice, the second time while the first successor has just begun to undo.
func oneAfterTheOther(d dice, _ faults.Topology, horizon faults.Duration) []faults.Fault {
	at := d.between(horizon/3, horizon/2)
	first := faults.Fault{Kind: faults.FailOver, At: at, For: d.between(ms, 2*ms)}
	second := faults.Fault{Kind: faults.FailOver, At: at + first.For + d.between(5*ms, 25*ms), For: d.between(ms, 2*ms)}
	third := faults.Fault{Kind: faults.FailOver, At: second.At + second.For + d.between(5*ms, 25*ms), For: d.between(ms, 2*ms)}
	return []faults.Fault{first, second, third}
}

// replacedInDoubt replaces a writer that lives, while it hears nothing of its segments for a moment: of the commits that it has issued it
// does not know whether its successor keeps them.
func replacedInDoubt(d dice, t faults.Topology, horizon faults.Duration) (all []faults.Fault) {
	for i := range faults.Duration(2) {
		at := i*horizon/2 + d.between(horizon/6, horizon/4)
		deaf := faults.Fault{Kind: faults.PartitionOneWay, At: at, For: d.between(12*ms, 20*ms), Nodes: slices.Concat(byGroup(t)...), To: []string{writerName}}
		all = append(all, deaf, faults.Fault{Kind: faults.TakeOver, At: at + d.between(6*ms, 10*ms)})
	}
	return all
}

// deafAtLast lets the writer not be heard by its segments at all, shortly before the faults end: what it sent then is on none of them.
func deafAtLast(d dice, t faults.Topology, horizon faults.Duration) []faults.Fault {
	return []faults.Fault{{Kind: faults.Loss, At: horizon - d.between(40*ms, 60*ms), For: d.between(20*ms, 35*ms), Nodes: []string{writerName}, To: holders(t, 1), Rate: 1, Salt: d.salt()}}
}

// outlived replaces a writer that clients reach, and neither segments nor the register: nothing tells it that it was.
func outlived(d dice, t faults.Topology, horizon faults.Duration) []faults.Fault {
	at := d.between(horizon/5, horizon/3)
	cut := faults.Fault{Kind: faults.Partition, At: at, For: horizon - at - 10*ms, Nodes: []string{writerName}, To: append(slices.Concat(byGroup(t)...), string(faults.Register))}
	return []faults.Fault{cut, {Kind: faults.TakeOver, At: at + ms}}
}
