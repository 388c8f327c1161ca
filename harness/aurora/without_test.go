package aurora

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/judge"
)

// everythingLeftOut is our own implementation with the segments' word that they do as little as they may.
func everythingLeftOut() harness.System {
	of := Ours()
	of.Without = Without{Trace: true, Pages: true, Fill: true, Tails: true, Backup: true, Upkeep: true, Room: true}
	of.Bugs = []faults.PlantedBug{{Name: "bugOfAStranger"}}
	return Of("stranger", of)
}

// What segments leave out is in no generated configuration, is refused in a given one, and checks that need it are not made.
func TestWhatSegmentsLeaveOut(t *testing.T) {
	s := everythingLeftOut()
	same := 0
	for seed := range uint64(300) {
		c, err := s.Generate(seed, harness.Generation{})
		require.NoError(t, err)
		full, err := Read(&c)
		require.NoError(t, err)
		require.Zero(t, full.Volume.Spares+full.Volume.Tails+full.Volume.BackupWindow, "seed %d", seed)
		for _, f := range c.Plan.Faults {
			require.NotContains(t, []faults.Kind{faults.DiskLost, faults.NodeLost, faults.DiskFull, faults.DiskMisread, faults.DiskEmptied}, f.Kind, "seed %d", seed)
		}
		ours, err := System().Generate(seed, harness.Generation{})
		require.NoError(t, err)
		whole, err := Read(&ours)
		require.NoError(t, err)
		late := func(c *Configuration) bool { return readsOfBoth(c.Plan.Has(c.Topology())) }
		if !late(&whole) && !late(&full) { // a scene that has clients of its own, where the faults of the other volume leave it room
			require.Equal(t, whole.Workload, full.Workload, "seed %d: what is left out changed what else is drawn", seed)
			same++
		}
		ours.System = s.Name()
		err = harness.Validate(s, &ours)
		for field, n := range map[string]int{"volume.spares": whole.Volume.Spares, "volume.tails": whole.Volume.Tails, "volume.backupWindow": whole.Volume.BackupWindow} {
			if n > 0 {
				require.ErrorContains(t, err, field, "seed %d", seed)
			}
		}
	}
	require.Greater(t, same, 200)
	c, err := s.Generate(1, harness.Generation{Bug: "bugOfAStranger"})
	require.NoError(t, err, "a bug of the stranger's own, in a build without points")
	require.Equal(t, "bugOfAStranger", c.Bug)
	_, err = s.Generate(1, harness.Generation{Bug: "bugAckBeforeSync"})
	require.ErrorContains(t, err, "unknown planted bug")
	about := s.About()
	require.NoError(t, about.Knows("bugOfAStranger"))
	require.False(t, about.Overlay)
	_, not := about.Checks()
	c, err = s.Generate(1, harness.Generation{})
	require.NoError(t, err)
	r := harness.Run(s, c)
	require.Equal(t, judge.Pass, r.Verdict, r.Findings)
	for _, missing := range []judge.Check{faults.Trace, faults.Pages, faults.Restore} {
		n := judge.NotMade{Check: missing, Needs: judge.Needs(missing)}
		require.Contains(t, not, n)
		require.Contains(t, r.NotMade, n)
		require.NotContains(t, r.Made, missing)
	}
	for _, made := range []judge.Check{judge.Wire, faults.Serializability, faults.Durability, faults.Tree} {
		require.Contains(t, r.Made, made)
	}
}
