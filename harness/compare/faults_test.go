package compare

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness/runtime"
)

// rolls gives numbers that depend on a seed alone.
type rolls uint64

func (r *rolls) below(n int) int {
	*r += 0x9e3779b97f4a7c15
	z := uint64(*r)
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return int((z ^ z>>31) >> 1 % uint64(n))
}

func (r *rolls) name(names []string) []string { return []string{names[r.below(len(names))]} }

// plan is a handful of faults on whoever there is.
func (r *rolls) plan(names []string) faults.Plan {
	p := faults.Plan{Horizon: 500 * ms}
	for i := range 3 + r.below(5) {
		f := faults.Fault{At: faults.Duration(r.below(350)) * ms, For: faults.Duration(5+r.below(120)) * ms, Salt: uint32(i) + 1}
		switch r.below(5) {
		case 0, 1:
			f.Kind, f.Nodes = faults.Crash, r.name(names)
		case 2:
			f.Kind, f.Nodes, f.To = faults.PartitionOneWay, r.name(names), r.name(names)
		case 3:
			f.Kind, f.Nodes = faults.Partition, r.name(names)
		case 4:
			f.Kind, f.Nodes = faults.Pause, r.name(names)
		}
		p.Faults = append(p.Faults, f)
	}
	return p
}

// validated are the designs whose traces a model follows.
var validated = map[string]bool{"local": true, "snapshot": true, "ebs": true, "rds": true, "quorum": true}

// On a network that loses, doubles and delays, with crashes, partitions and pauses of anybody: nothing acknowledged is
// lost, nothing is there by half, and when the faults have ended everything answers.
func TestTheOlderDesignsUnderFaults(t *testing.T) {
	seeds := uint64(60)
	if testing.Short() {
		seeds = 30
	}
	for _, name := range []string{"local", "snapshot", "ebs", "rds", "quorum"} {
		d := designNamed(t, name)
		acked, crashes, cut := 0, uint64(0), uint64(0)
		for seed := range seeds {
			network, disk := Machines()
			network.Loss, network.Duplicate, network.LateDelivery = 0.005, 0.05, seed%2 == 0
			network.Jitter = ms
			c, err := newClusterOn(d, seed, network, disk)
			require.NoError(t, err)
			clients := c.actors(1, 3)
			for _, cl := range clients {
				cl.more(60, 3)
			}
			var names []string
			for id := range c.Zones {
				names = append(names, c.world.Name(id))
			}
			slices.Sort(names)
			roll := rolls(seed)
			plan := roll.plan(names)
			what := fmt.Sprintf("%s, seed %d, %+v", name, seed, plan)
			require.NoError(t, c.world.Install(plan, runtime.Succession{}), what)
			c.run(600*time.Millisecond, nil)
			require.True(t, c.run(20*time.Second, allFinished(clients)), what)
			found := c.audit(clients)
			require.NoError(t, c.Err, what)
			require.Zero(t, found.unread, what)
			require.Zero(t, found.lost, what)
			require.Zero(t, found.torn, what)
			for _, cl := range clients {
				acked += cl.acknowledged()
			}
			counts := c.world.Counts()
			crashes, cut = crashes+counts.Crashes, cut+counts.LostByCut
			c.world.Close()
		}
		require.Greater(t, acked, 1000, name)
		require.NotZero(t, crashes, name)
		require.NotZero(t, cut, name)
		require.Equal(t, validated[name], d.traced > 1000, "%s: %d steps", name, d.traced)
	}
}
