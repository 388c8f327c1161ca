package subjects_test

import (
	"fmt"

	"github.com/firstgap/firstgap/spec/subjects"
)

// Every model has a name, named worlds, and worlds that are too large for a search.
func Example() {
	for _, s := range subjects.All() {
		fmt.Println(s.Name, s.Worlds[0].Name, s.Large[0].Name)
	}
	_, err := subjects.Lookup("frogs")
	fmt.Println(err)
	// Output:
	// volume tiny two-groups-of-six
	// quorum lecture six-two-writers-two-readers
	// placement six nine-silent
	// membership replace-small six-with-a-zone
	// reader tiny two-groups-of-four
	// mirror local mirrored-three-losses
	// wal lecture four-deposits
	// neon tiny p2_a3_t4_l4
	// bookkeeper three five-two-recoverers
	// raft election three-with-restarts
	// isr pair three-six-epochs
	// longfork pair four-nodes-four-txns
	// unknown model "frogs"; known: volume, quorum, placement, membership, reader, mirror, wal, neon, bookkeeper, raft, isr, longfork
}
