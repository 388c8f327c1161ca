package labs

import (
	"slices"

	"github.com/firstgap/firstgap/faults"
)

// The plots of readers.

// readerNames names the readers.
func readerNames(t faults.Topology) (names []string) {
	for _, n := range t.Nodes() {
		if n.Role == faults.Reader {
			names = append(names, n.String())
		}
	}
	return names
}

// streamLost loses half of what the writer sends to readers.
func streamLost(d dice, t faults.Topology, horizon faults.Duration) []faults.Fault {
	return []faults.Fault{{Kind: faults.Loss, At: 0, For: horizon * 9 / 10, Nodes: []string{writerName}, To: readerNames(t), Rate: 0.4, Salt: d.salt()}}
}

// pagesLost loses most of what readers ask of segments, and of what they are answered, for a while.
func pagesLost(d dice, t faults.Topology, horizon faults.Duration) []faults.Fault {
	ask := faults.Fault{Kind: faults.Loss, At: d.between(0, horizon/8), For: horizon / 2, Nodes: readerNames(t), To: holders(t, 1), Rate: 0.5, Salt: d.salt()}
	answer := ask
	answer.Nodes, answer.To, answer.Salt = ask.To, ask.Nodes, d.salt()
	return []faults.Fault{ask, answer}
}

// cutUnderReaders replaces a writer whose last records have come to readers, and to too few segments to be kept; and while the old one is
// still heard by one reader, that one starts again.
func cutUnderReaders(d dice, t faults.Topology, horizon faults.Duration) (all []faults.Fault) {
	names := holders(t, 1)
	at := d.between(horizon/5, horizon/3)
	// The old one goes on to offer its stream: it is heard by readers, and hears of its successor by nobody.
	alone := faults.Fault{Kind: faults.Partition, At: at, For: horizon - at - 20*ms, Nodes: []string{writerName}, To: append(slices.Clone(names), string(faults.Register))}
	over := faults.Fault{Kind: faults.TakeOver, At: at + d.between(12*ms, 40*ms)}
	again := faults.Fault{Kind: faults.Crash, At: over.At + d.between(30*ms, 60*ms), For: d.between(ms, 3*ms), Nodes: d.some(1, readerNames(t)), Salt: d.salt()}
	return []faults.Fault{alone, over, again}
}
