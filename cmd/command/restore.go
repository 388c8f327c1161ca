package command

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/aurora"
	"github.com/firstgap/firstgap/harness/folderstore"
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
		Use:   "restore --from FOLDER",
		Short: "restore a volume from its backup, as of any point of its log",
		Long: `restore makes a volume out of the objects that its segments put into an object store, as of --vdl, and prints its rows: what
had committed there, and nothing else. firstgap run --seed N --backup FOLDER makes such a backup.

Objects that are missing or damaged are named. A point that can do without them is restored all the same, and never an
older one instead of it. A copy that did not end is half: without its manifest, which is put last, the newest point is not
known, and only points that --vdl names are restored.

The exit code is 0 when the volume is restored as of the point that was asked for, and 2 when it is not.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return c.run(cmd) },
	}
	f := cmd.Flags()
	f.StringVar(&c.from, "from", "", "the folder that the backup is in (file:///folder is taken, too)")
	f.Uint64Var(&c.vdl, "vdl", 0, "the LSN to restore to (default: the newest of the backup)")
	f.BoolVar(&c.json, "json", false, "print the volume as JSON")
	return cmd
}

// restored is a volume as JSON.
type restored struct {
	VDL     node.LSN      `json:"vdl"`
	Undone  int           `json:"undone"`  // changes without a commit that were taken back
	Objects int           `json:"objects"` // read
	Lost    []string      `json:"lost"`    // what is wrong with objects that this point could do without
	Rows    []restoredRow `json:"rows"`
}

type restoredRow struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

func (c *restoreCommand) run(cmd *cobra.Command) error {
	if c.from == "" {
		return errors.New("--from is missing; expected the folder that the backup is in")
	}
	if cmd.Flags().Changed("vdl") && c.vdl == 0 {
		return errors.New("--vdl is 0; expected an LSN, or no --vdl for the newest")
	}
	folder, err := folderstore.Path(c.from)
	if err != nil {
		return fmt.Errorf("--from: %w", err)
	}
	b, err := folderstore.Open(folder)
	if err != nil {
		return err
	}
	defer b.Close()
	_, half := backup.ReadManifest(b)
	if half != nil && c.vdl == 0 {
		return halfError(folder, half, errors.New("without it the newest point is not known, and --vdl restores others"))
	}
	v, err := backup.Restore(b, node.LSN(c.vdl))
	if err != nil && half != nil {
		return halfError(folder, half, err)
	}
	if err != nil {
		return err
	}
	if half != nil {
		v.Lost = append(v.Lost, half)
	}
	if err := v.Check(); err != nil {
		return err
	}
	r := restored{VDL: v.VDL, Undone: v.Undone, Objects: v.Objects, Lost: []string{}, Rows: []restoredRow{}}
	for _, err := range v.Lost {
		r.Lost = append(r.Lost, err.Error())
		fmt.Fprintf(cmd.ErrOrStderr(), "%s: %s; this point does not need it\n", cmd.CommandPath(), ofPackage.ReplaceAllString(err.Error(), ""))
	}
	for _, row := range v.Rows("", "") {
		r.Rows = append(r.Rows, restoredRow{Key: row.Key, Value: row.Value.Bytes})
	}
	out := cmd.OutOrStdout()
	if c.json {
		return writeJSON(out, r)
	}
	fmt.Fprintf(out, "restored to VDL %d from %d objects: %d rows, %d changes without a commit taken back\n", r.VDL, r.Objects, len(r.Rows), r.Undone)
	for _, row := range r.Rows {
		fmt.Fprintf(out, "%s\t%s\n", printable(row.Key), printable(row.Value))
	}
	return nil
}

// halfError says that a backup without a manifest is half, and what follows from that.
func halfError(folder string, half, err error) error {
	bare := func(err error) string { return strings.TrimPrefix(err.Error(), "backup: ") }
	return fmt.Errorf("folder %s: the backup is half: %s; %s", folder, bare(half), bare(err))
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
	for _, name := range []string{"runs", "for", "out", "workers", "json", "model", "system", "bug", "configuration"} {
		if cmd.Flags().Changed(name) {
			return fmt.Errorf("--%s does not go with --backup, which makes the one run of --seed of our own system", name)
		}
	}
	configuration, err := aurora.Generate(c.seed, harness.Generation{})
	if err != nil {
		return err
	}
	if v := &configuration.Volume; v.BackupWindow == 0 {
		v.BackupWindow = 16 // the run of this seed has no backup of its own, and one was asked for
	}
	folder, err := folderstore.Path(c.backup)
	if err != nil {
		return fmt.Errorf("--backup: %w", err)
	}
	b, err := folderstore.NewCopy(folder)
	if err != nil {
		return err
	}
	return errors.Join(c.backUpTo(cmd, configuration, folder, b), b.Close())
}

// backUpTo makes the run, and copies what it backed up into the folder.
func (c *runCommand) backUpTo(cmd *cobra.Command, configuration aurora.Configuration, folder string, b *folderstore.Copy) error {
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
	n, err := b.From(cmd.Context(), r.Backup)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%d objects and their manifest in %s\n", n, folder)
	return nil
}
