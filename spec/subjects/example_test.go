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
	// raft election three-with-restarts
	// unknown model "frogs"; known: volume, quorum, placement, membership, reader, mirror, wal, raft
}
