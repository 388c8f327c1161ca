package conform

import (
	"fmt"

	"github.com/firstgap/firstgap/impl/node"
)

// A system may be held against the model whose segments tell nothing of what they do. Its writer goes by their answers, and
// then takes steps of which the model knows no ground. The writer is not to be blamed for that before it is said who told
// nothing.

// unheard puts the segments before why that told no step in the whole run, of those of the model's numbers given.
func (v *Validator) unheard(rs []int, why string) string {
	var silent []string
	for _, r := range rs {
		if s := &v.segments[r]; !s.spoke {
			silent = append(silent, v.who(s.id))
		}
	}
	if len(silent) == 0 {
		return why
	}
	return fmt.Sprintf("%s told no trace, so what is done there is not known: %s", few(silent, ""), why)
}

// counted returns the segments of group g that count for the writer of e, when those of them that told nothing are enough to
// make up what the others lack of a write quorum that is complete up to need. Otherwise their silence explains nothing, and
// it returns none.
func (v *Validator) counted(e, g, need int) []int {
	var rs []int
	for _, set := range v.model.Sets(e, g) {
		enough := 0
		for i := range v.volume.Replicas() {
			r := g*v.volume.Replicas() + i
			if !set.Has(i) {
				continue
			}
			rs = append(rs, r)
			if v.model.SCL(e, r) >= need || !v.segments[r].spoke {
				enough++
			}
		}
		if enough < v.volume.WriteQuorum {
			return nil
		}
	}
	return rs
}

// replicasOf returns the model's numbers of the segments among ids.
func (v *Validator) replicasOf(ids []node.ID) []int {
	var rs []int
	for _, id := range ids {
		if r := v.replica(id); r >= 0 {
			rs = append(rs, r)
		}
	}
	return rs
}
