package command

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/aurora"
	"github.com/firstgap/firstgap/harness/bucket"
	"github.com/firstgap/firstgap/harness/judge"
	"github.com/firstgap/firstgap/impl/backup"
	"github.com/firstgap/firstgap/impl/node"
)

// restoreCommand is firstgap restore: its flags.
type restoreCommand struct {
	from string
	vdl  uint64
	json bool
}

func newRestore() *cobra.Command {
	var c restoreCommand
	cmd := &cobra.Command{
		Use:   "restore --from URL",
		Short: "restore a volume from its backup, as of any point of its log",
		Long: `restore makes a volume out of the objects that its segments put into an object store, as of --vdl, and prints its rows: what
had committed there, and nothing else. firstgap run --seed N --backup URL makes such a backup.

The exit code is 0 when the volume is restored, and 2 when it is not: an object is missing or damaged, which the error
names, or the backup does not reach the point.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return c.run(cmd) },
	}
	f := cmd.Flags()
	f.StringVar(&c.from, "from", "", "where the backup is, such as file:///folder")
	f.Uint64Var(&c.vdl, "vdl", 0, "the LSN to restore to (default: the newest that the backup reaches)")
	f.BoolVar(&c.json, "json", false, "print the volume as JSON")
	return cmd
}

// restored is a volume as JSON.
type restored struct {
	VDL     node.LSN      `json:"vdl"`
	Undone  int           `json:"undone"`  // changes without a commit that were taken back
	Objects int           `json:"objects"` // read
	Rows    []restoredRow `json:"rows"`
}

type restoredRow struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

func (c *restoreCommand) run(cmd *cobra.Command) error {
	if c.from == "" {
		return errors.New("--from is missing; expected where the backup is, such as file:///folder")
	}
	b, err := bucket.Open(cmd.Context(), c.from, false)
	if err != nil {
		return err
	}
	defer b.Close()
	v, err := backup.Restore(b, node.LSN(c.vdl))
	if err != nil {
		return err
	}
	if err := v.Check(); err != nil {
		return err
	}
	r := restored{VDL: v.VDL, Undone: v.Undone, Objects: v.Objects, Rows: []restoredRow{}}
	for _, row := range v.Rows("", "") {
		r.Rows = append(r.Rows, restoredRow{Key: row.Key, Value: row.Value.Bytes})
	}
	out := cmd.OutOrStdout()
	if c.json {
		e := json.NewEncoder(out)
		e.SetIndent("", "  ")
		return e.Encode(r)
	}
	fmt.Fprintf(out, "restored to VDL %d from %d objects: %d rows, %d changes without a commit taken back\n", r.VDL, r.Objects, len(r.Rows), r.Undone)
	for _, row := range r.Rows {
		fmt.Fprintf(out, "%s\t%s\n", printable(row.Key), printable(row.Value))
	}
	return nil
}

// printable quotes what would not be seen as it is.
func printable(s string) string {
	if q := strconv.Quote(s); s == "" || q[1:len(q)-1] != s {
		return q
	}
	return s
}

// backUp is firstgap run --backup: it makes the one run of a seed, and copies what the run backed up.
func (c *runCommand) backUp(cmd *cobra.Command) error {
	for _, name := range []string{"runs", "for", "out", "workers", "json"} {
		if cmd.Flags().Changed(name) {
			return fmt.Errorf("--%s goes with many runs, --backup with the one of --seed", name)
		}
	}
	configuration, err := aurora.Generate(c.seed, harness.Generation{})
	if err != nil {
		return err
	}
	if v := &configuration.Volume; v.BackupWindow == 0 {
		v.BackupWindow = 16 // the run of this seed has no backup of its own, and one was asked for
	}
	b, err := bucket.Open(cmd.Context(), c.backup, true)
	if err != nil {
		return err
	}
	defer b.Close()
	r := harness.Run(aurora.System(), configuration.Whole())
	out := cmd.OutOrStdout()
	fmt.Fprintf(out, "run of seed %d: %s, %d commits acknowledged\n", c.seed, r.Verdict, r.Counts.Acknowledged)
	if r.Verdict != judge.Pass {
		for i := range r.Findings {
			fmt.Fprintln(out, r.Findings[i].String())
		}
		return ended(r.Verdict, nil)
	}
	if r.Backup == nil {
		return fmt.Errorf("the run of seed %d has backed nothing up; another seed may", c.seed)
	}
	n, err := b.Copy(r.Backup)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%d objects in %s\n", n, c.backup)
	return nil
}
