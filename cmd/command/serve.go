package command

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/firstgap/firstgap/harness/campaign/serve"
)

func newServe() *cobra.Command {
	listen, out := "127.0.0.1:0", ""
	cmd := &cobra.Command{
		Use:   "serve DIR",
		Short: "look at campaigns and reports in a browser",
		Long: `serve shows the campaigns of firstgap fuzz and the reports of firstgap run that are in a folder and those below it: figures, how coverage
grew, what failed with the pages that explain it, every job line by line, and two campaigns side by side. The pages need no network and
no script. A campaign may be under way meanwhile.

With --out it shows nothing, and writes the page of the campaign in DIR into a file that needs no server, to be kept or sent: where it is written
into DIR itself, it links the files of the failures.

It changes nothing, and shows nothing outside of DIR: it follows no link out of it. It is there for this machine alone, unless --listen
names another address of it, such as 0.0.0.0:8080; then everybody who reaches that address can read what is in DIR. It ends at Ctrl-C or
SIGTERM.

exit codes: 0 ended, 2 could not be shown`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return fmt.Errorf("expected one DIR, found %d", len(args))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if out != "" {
				return writePage(args[0], out)
			}
			return serveFolder(cmd, args[0], listen)
		},
	}
	cmd.Flags().StringVar(&listen, "listen", listen, "HOST:PORT; without a host it is loopback, and port 0 is one that is free")
	cmd.Flags().StringVar(&out, "out", "", "write the page of the campaign in DIR into this file, and end")
	cmd.MarkFlagsMutuallyExclusive("listen", "out")
	return cmd
}

// writePage writes the page of the campaign in a folder into a file.
func writePage(dir, out string) (err error) {
	s, err := serve.New(dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	var page bytes.Buffer
	there := func(file string) bool {
		_, err := os.Stat(filepath.Join(filepath.Dir(out), file))
		return err == nil
	}
	if err := s.WritePage(&page, ".", there); err != nil {
		return err
	}
	return os.WriteFile(out, page.Bytes(), 0o644)
}

// serveFolder shows a folder until the command is interrupted.
func serveFolder(cmd *cobra.Command, dir, listen string) error {
	s, err := serve.New(dir)
	if err != nil {
		return err
	}
	l, err := serve.Listen(cmd.Context(), listen)
	if err != nil {
		return errors.Join(err, s.Close())
	}
	if _, err := fmt.Fprintf(cmd.OutOrStdout(), "http://%s/ shows %s; Ctrl-C ends it\n", l.Addr(), dir); err != nil {
		return errors.Join(err, l.Close(), s.Close())
	}
	return errors.Join(s.Serve(cmd.Context(), l), s.Close())
}
