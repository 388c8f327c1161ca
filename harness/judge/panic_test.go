package judge

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// Whoever makes a failure smaller asks of every run whether it fails by the same: two panics of one mistake are the same whatever LSNs
// and rows they name, and two mistakes that both end a node are not.
func TestPanicsOfOneMistakeAreOfOneKind(t *testing.T) {
	for _, x := range []struct{ value, kind string }{
		{"segment and stream differ: record 31/2: page 7", "segment and stream differ"},
		{"segment and stream differ: record 4/1: no page", "segment and stream differ"},
		{"page 17 is in no group: 12 pages in 2 groups", "page n is in no group"},
		{"runtime error: index out of range [5] with length 3", "runtime error: index out of range [n] with length n"},
		{"lock: a transaction that waits asks for another lock", "lock: a transaction that waits asks for another lock"},
		{"started too often", "started too often"},
		{"", ""},
	} {
		var f Finding
		(&PanicError{Node: "writer 1", Event: "a timer", Value: x.value}).describe(&f)
		require.Equal(t, x.kind, f.Kind, x.value)
	}
}
