package coverage

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestTmp(t *testing.T) {
	for _, names := range [][]string{Small(), All()} {
		start := time.Now()
		u, err := Enumerate(t.Context(), names...)
		require.NoError(t, err)
		t.Log(time.Since(start), u.Digest())
		for i, s := range u.Spaces() {
			t.Log(i, s, s.Size)
		}
		if len(names) == 4 {
			s := NewSeen(u.Spaces())
			for i := range u.Spaces() {
				l := u.Unvisited(s, i, 1000000)
				require.Len(t, l, int(u.Spaces()[i].Size))
				x := l[len(l)-1]
				t.Log(x.Space, x.Index, x.What, x.Schedule)
			}
		}
	}
}
