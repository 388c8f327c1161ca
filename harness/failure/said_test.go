package failure

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/impl/node"
)

func TestTheFirstLineThatDiffersIsNamed(t *testing.T) {
	name := func(id node.ID) string { return "replica " + string(rune('0'+id)) }
	of := func(lines ...string) *said {
		var s said
		for i, l := range lines {
			s.hear(node.ID(i%2+1), uint64(10*i+1), []byte(l))
		}
		return &s
	}
	long := strings.Repeat("a", 100)
	for _, c := range []struct {
		first, second *said
		want          *Answered
	}{
		{of(), of(), nil},
		{of("x", "y"), of("x", "y"), nil},
		{of("x", "y"), of("x", "z"), &Answered{"replica 2", 11, "y", "z"}},
		{of("x", "y"), of("x"), &Answered{"replica 2", 11, "y", ""}},
		{of("x"), of("x", "y"), &Answered{"replica 2", 11, "", "y"}},
		{of(long + "b" + long + long), of(long + "c"), &Answered{"replica 1", 1, "…" + long[:40] + "b" + (long + long)[:119] + "…", "…" + long[:40] + "c"}},
		{&said{all: []line{{node: 1, event: 5, hash: 7}}}, &said{all: []line{{node: 1, event: 6, hash: 7}}}, &Answered{"replica 1", 5, "", ""}},
	} {
		require.Equal(t, c.want, c.first.apart(c.second, name))
	}
	var much said
	for range 3 {
		much.hear(1, 1, make([]byte, mostKept/2))
	}
	require.Nil(t, much.all[2].text, "it is known, and not kept")
	require.Len(t, much.all, 3)
}
