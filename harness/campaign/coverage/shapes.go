package coverage

import (
	"encoding/binary"
	"math/bits"

	"github.com/zeebo/xxh3"

	"github.com/firstgap/firstgap/harness/counts"
	"github.com/firstgap/firstgap/harness/tally"
)

// OfCounts returns the shapes of a run that its counters tell: of each that is not zero, about how large it is, to the next power of two.
// They need no model of the system, and are the same in every build that has the counter.
func OfCounts(c *counts.Counts) Features {
	var all []Feature
	of := func(name string, n uint64) {
		if n > 0 {
			all = append(all, shape(name, bits.Len64(n)))
		}
	}
	for name, n := range tally.Index(c) {
		of(name, *n)
	}
	for _, o := range c.Other {
		of("other "+o.Name, o.Value)
	}
	return Sorted(all)
}

// shape is the feature of a name and a size.
func shape(name string, size int) Feature {
	return At(Shapes, xxh3.Hash(binary.AppendUvarint([]byte(name), uint64(size)))&(1<<indexBits-1))
}
