package command

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/firstgap/firstgap/harness/text"
	"github.com/firstgap/firstgap/harness/verdict"
	"github.com/firstgap/firstgap/linearizability"
)

// lin is firstgap lin: its flags.
type lin struct {
	model, format, html string
	json                bool
	timeout             time.Duration
}

func newLin() *cobra.Command {
	var l lin
	cmd := &cobra.Command{
		Use:   "lin FILE...",
		Short: "decide whether recorded client histories are linearizable",
		Long: `lin reads histories of client operations that others recorded and decides for each whether it is linearizable,
or strictly serializable when it is one of transactions. A history that was cut off has its open operations
closed as unknown. One illegal history makes the result a violation, even when the others are legal.
` + exitCodes,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return errors.New("expected at least one FILE, a recorded history; found none")
			}
			return nil
		},
		RunE: l.run,
	}
	f := cmd.Flags()
	f.StringVar(&l.model, "model", "", "what a key is: register, kv or txn (default: what the format is meant for)")
	f.StringVar(&l.format, "format", string(linearizability.FormatAuto), "how it was recorded: auto, jepsen, kvlog or json")
	f.BoolVar(&l.json, "json", false, "print the results as JSON")
	f.StringVar(&l.html, "html", "", fmt.Sprintf("draw the history into this file, at most %d operations of it; takes one FILE", linearizability.DrawLimit))
	f.DurationVar(&l.timeout, "timeout", linearizability.FileLimits().Timeout, "give up on a history after this long, with the verdict unknown")
	return cmd
}

func (l *lin) run(cmd *cobra.Command, files []string) error {
	format, err := linearizability.ParseFormat(l.format)
	if err != nil {
		return err
	}
	var model linearizability.Model
	if cmd.Flags().Changed("model") {
		if model, err = linearizability.ParseModel(l.model); err != nil {
			return err
		}
	}
	if l.timeout <= 0 {
		return fmt.Errorf("--timeout is %s; expected more than 0", l.timeout)
	}
	limits := linearizability.FileLimits()
	limits.Timeout = l.timeout

	var page *os.File
	if cmd.Flags().Changed("html") {
		if len(files) != 1 {
			return fmt.Errorf("--html draws one history; expected one FILE, found %d", len(files))
		}
		if page, err = newPage(l.html); err != nil {
			return err
		}
		defer os.Remove(page.Name()) // it has another name by then when all went well
		defer page.Close()
	}
	results := make([]linearizability.FileResult, len(files))
	for i, file := range files {
		results[i] = linearizability.CheckFile(cmd.Context(), file, format, model, limits)
	}
	if l.json {
		err = linearizability.WriteJSON(cmd.OutOrStdout(), results)
	} else {
		err = text.On(cmd.OutOrStdout()).Folded(func(w io.Writer) error { return linearizability.WriteTable(w, results) })
	}
	if err != nil {
		return err
	}
	var undrawn error
	if page != nil {
		drawing, err := results[0].Draw(cmd.Context(), page, limits)
		if err == nil {
			err = errors.Join(page.Close(), os.Rename(page.Name(), l.html))
		}
		if err != nil {
			undrawn = fmt.Errorf("%s: %w", l.html, err)
		} else {
			fmt.Fprintf(cmd.ErrOrStderr(), "%s: %s\n", l.html, drawing)
		}
	}
	return ended(verdict.OfHistory(linearizability.Overall(results)), undrawn)
}

// newPage opens a file beside the one to be written, so that a folder that cannot be written is found before the work,
// and a page that is not finished never bears the name.
func newPage(path string) (*os.File, error) {
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return nil, fmt.Errorf("--html %s: expected a file, found a %s", path, info.Mode().Type())
	}
	page, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	if err != nil {
		return nil, fmt.Errorf("--html: %w", err)
	}
	return page, page.Chmod(0o644)
}
