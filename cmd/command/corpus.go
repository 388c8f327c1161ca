package command

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/firstgap/firstgap/harness/campaign/store"
	"github.com/firstgap/firstgap/harness/text"
)

// newCorpus returns firstgap corpus.
func newCorpus() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "corpus",
		Short: "merge the corpora of campaigns, make one small, export its configurations",
		Long: `corpus is about what campaigns have kept: the configurations that reached something new (docs/campaign-store.md in the source). DIR is the
folder of a campaign, as firstgap fuzz makes it.
` + exitCodes,
		RunE: needsCommand,
	}
	cmd.AddCommand(newCorpusMerge(), newCorpusMinimise(), newCorpusExport())
	return cmd
}

func newCorpusMerge() *cobra.Command {
	return &cobra.Command{
		Use:   "merge INTO FROM...",
		Short: "add the corpora of campaigns to that of another",
		Long: `merge adds the entries of the corpora of the campaigns FROM to that of the campaign INTO, each configuration once. The campaigns must be of
the same system, planted bug and spaces of coverage: what an entry reached in other spaces says nothing here, so that another campaign is
refused, and nothing of it is added. No campaign may be under way in INTO; FROM is only read.

Entries of FROM that are damaged are left out, and the exit code is 2.
` + exitCodes,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) < 2 {
				return fmt.Errorf("expected INTO and at least one FROM, found %d folders", len(args))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			var from []*store.Reader
			for _, folder := range args[1:] {
				r, err := store.Read(folder)
				if err != nil {
					return err
				}
				from = append(from, r)
			}
			return inStore(cmd, args[0], func(s *store.Store, out io.Writer) error {
				damaged := 0
				for _, r := range from {
					m, err := s.Merge(r)
					if err != nil {
						return err
					}
					fmt.Fprintf(out, "%s: %d taken, %d there already, %d damaged\n", r.Folder(), m.Taken, m.There, m.Damaged)
					damaged += m.Damaged
				}
				entries, err := s.Entries()
				if err != nil {
					return err
				}
				fmt.Fprintf(out, "%s: %d entries\n", args[0], len(entries))
				if damaged > 0 {
					return fmt.Errorf("%d entries are damaged and were left out", damaged)
				}
				return nil
			})
		},
	}
}

func newCorpusMinimise() *cobra.Command {
	spaces := false
	cmd := &cobra.Command{
		Use:   "minimise DIR",
		Short: "drop the entries of a corpus that the others make up for",
		Long: `minimise chooses entries that together reach all that the corpus reaches, again and again the one that reaches the most of what is left,
and removes the others, each of which it lists. A campaign that goes on in DIR then changes the entries that are left alone. No campaign
may be under way in DIR.

Every run has shapes of its own, which keep most entries: with --spaces, what counts is what they reach in enumerated spaces.
` + exitCodes,
		Args: oneCampaign,
		RunE: func(cmd *cobra.Command, args []string) error {
			return inStore(cmd, args[0], func(s *store.Store, out io.Writer) error {
				m, err := s.Minimise(!spaces)
				if err != nil {
					return err
				}
				if err := writeDropped(out, m.Dropped); err != nil {
					return err
				}
				_, err = fmt.Fprintf(out, "%s: %d entries kept, %d dropped; both reach the same %s features\n", args[0], len(m.Kept), len(m.Dropped), text.Count(m.Reached))
				return err
			})
		},
	}
	cmd.Flags().BoolVar(&spaces, "spaces", false, "what runs reach in enumerated spaces counts, and their shapes do not")
	return cmd
}

func writeDropped(out io.Writer, dropped []store.Entry) error {
	if len(dropped) == 0 {
		return nil
	}
	t := text.NewTable(text.Text("dropped"), text.Number("line"), text.Text("arm"), text.Number("features"), text.Number("work"))
	for i := range dropped {
		e := &dropped[i]
		name, err := e.Name()
		if err != nil {
			return err
		}
		t.Row(name, text.Count(e.Number), string(e.Arm), text.Count(len(e.Seen)), text.Count(e.Work))
	}
	return t.Write(out)
}

func newCorpusExport() *cobra.Command {
	folder := ""
	cmd := &cobra.Command{
		Use:   "export DIR -o FOLDER",
		Short: "write the configurations of a corpus as files that firstgap run --configuration takes",
		Long: `export writes the configuration of each entry of the corpus into a file of its own below FOLDER. A file that is there with something else in
it is not replaced. A campaign may be under way in DIR.

Entries that are damaged are named and left out, and the exit code is 2.
` + exitCodes,
		Args: oneCampaign,
		RunE: func(cmd *cobra.Command, args []string) error {
			if folder == "" {
				return errors.New("-o is missing; expected the folder to write to")
			}
			r, err := store.Read(args[0])
			if err != nil {
				return err
			}
			n, err := r.Export(folder)
			if n > 0 || err == nil {
				fmt.Fprintf(cmd.OutOrStdout(), "%s: %d configurations\n", folder, n)
			}
			return err
		},
	}
	cmd.Flags().StringVarP(&folder, "out", "o", "", "the folder to write to")
	return cmd
}

// oneCampaign refuses any number of folders but one.
func oneCampaign(_ *cobra.Command, args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("expected one DIR, found %d", len(args))
	}
	return nil
}

// inStore opens a campaign's folder, says what had to be set aside in it, and closes it when do has ended.
func inStore(cmd *cobra.Command, folder string, do func(*store.Store, io.Writer) error) error {
	s, err := store.Open(folder)
	if err != nil {
		return err
	}
	for _, a := range s.Opened().Aside {
		fmt.Fprintln(cmd.ErrOrStderr(), a.String())
	}
	return errors.Join(do(s, text.On(cmd.OutOrStdout())), s.Close())
}
