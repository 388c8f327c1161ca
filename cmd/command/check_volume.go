package command

import (
	"github.com/spf13/cobra"

	"github.com/firstgap/firstgap/spec/volume"
)

// volumeFlags adds a flag for each constant of the volume, beside those of progress. It returns what gives those that were
// given, by their keys.
func volumeFlags(cmd *cobra.Command, progress *progressFlags) func(*cobra.Command) map[string]any {
	var given volume.World
	progress.flags(cmd)
	f := cmd.Flags()
	f.IntVar(&given.Groups, "groups", 0, "protection groups")
	f.IntVar(&given.Replicas, "replicas", 0, "replicas of each group")
	f.IntVar(&given.WriteQuorum, "write-quorum", 0, "W, counted in each group")
	f.IntVar(&given.ReadQuorum, "read-quorum", 0, "R, counted in each group")
	f.IntVar(&given.Keys, "keys", 0, "rows")
	f.IntVar(&given.Txns, "txns", 0, "most transactions")
	f.IntVar(&given.MaxLSN, "max-lsn", 0, "longest log")
	f.IntVar(&given.MaxEpoch, "max-epoch", 0, "most writers, the first one included")
	f.BoolVar(&given.Aborts, "aborts", false, "a writer may also roll back its own transactions")
	f.BoolVar(&given.Mtr, "mtr", false, "a record may leave its mini-transaction unfinished")
	f.BoolVar(&given.Symmetry, "symmetry", false, "take the replicas of a group for one another")
	return func(cmd *cobra.Command) map[string]any {
		settings := map[string]any{}
		for flag, s := range map[string]struct {
			key   string
			value any
		}{
			"groups":       {"groups", given.Groups},
			"replicas":     {"replicas", given.Replicas},
			"write-quorum": {"writeQuorum", given.WriteQuorum},
			"read-quorum":  {"readQuorum", given.ReadQuorum},
			"keys":         {"keys", given.Keys},
			"txns":         {"txns", given.Txns},
			"max-lsn":      {"maxLSN", given.MaxLSN},
			"max-epoch":    {"maxEpoch", given.MaxEpoch},
			"aborts":       {"aborts", given.Aborts},
			"mtr":          {"mtr", given.Mtr},
			"symmetry":     {"symmetry", given.Symmetry},
		} {
			if cmd.Flags().Changed(flag) {
				settings[s.key] = s.value
			}
		}
		progress.settings(cmd, settings)
		return settings
	}
}
