package compare

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	_ "github.com/firstgap/firstgap/harness/internal/runflags"
)

func TestEveryDesignServes(t *testing.T) {
	for _, d := range Designs() {
		c, err := newCluster(&d, 1)
		require.NoError(t, err)
		clients := c.actors(4)
		for _, cl := range clients {
			cl.more(50, 3)
		}
		require.True(t, c.run(10*time.Second, allFinished(clients)), d.Name)
		for _, cl := range clients {
			require.Equal(t, 50, cl.done, d.Name)
			require.Zero(t, cl.gaveUp, d.Name)
		}
		lost, torn, answered := c.audit(clients)
		require.True(t, answered, d.Name)
		require.Zero(t, lost, d.Name)
		require.Zero(t, torn, d.Name)
		require.NoError(t, c.err)
		counts := c.world.Counts()
		require.NotZero(t, counts.DiskBytes)
		c.world.Close()
	}
}
