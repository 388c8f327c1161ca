package coverage

import (
	"math/bits"

	"github.com/zeebo/xxh3"

	"github.com/firstgap/firstgap/harness/counts"
	"github.com/firstgap/firstgap/harness/tally"
)

// sizeBits is how many bits of the index of a shape say how large it is; those above say of what.
const sizeBits = 6

// OfCounts returns the shapes of a run that its counters tell: of each that is not zero, about how large it is, to the next power of two.
// They need no model of the system, and are the same in every build that has the counter.
func OfCounts(c *counts.Counts) Features {
	var all []Feature
	of := func(name string, n uint64) {
		if n > 0 {
			all = append(all, At(Shapes, xxh3.HashString(name)<<sizeBits&(1<<indexBits-1)|uint64(min(bits.Len64(n), 1<<sizeBits-1))))
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

// Shape splits a shape: of two with the same subject the larger one is more of it. Of a feature of another space, each is a subject, of size 1.
func (f Feature) Shape() (subject Feature, size int) {
	if f.Space() != Shapes {
		return f, 1
	}
	return f >> sizeBits, int(f & (1<<sizeBits - 1))
}
