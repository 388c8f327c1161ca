package command

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/firstgap/firstgap/harness/failure/page"
	"github.com/firstgap/firstgap/harness/text"
	"github.com/firstgap/firstgap/harness/verdict"
	"github.com/firstgap/firstgap/linearizability"
)

// lin is firstgap lin: its flags.
type lin struct {
	model, level, format, html string
	failedCAS, nilRead, init   string
	json, strongest            bool
	timeout                    time.Duration
}

func newLin() *cobra.Command {
	var l lin
	cmd := &cobra.Command{
		Use:   "lin FILE...",
		Short: "decide whether recorded client histories are linearizable",
		Long: `lin reads histories of client operations that others recorded and decides for each whether it is linearizable,
or what level of isolation it has when it is one of transactions. A FILE may be compressed by gzip or zstd; - is
standard input; a folder is a history of several files. A history that was cut off has its open operations closed
as unknown. One illegal history makes the result a violation, whatever the others are.
` + exitCodes + "\n\n" + formatHelp(),
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return errors.New("expected at least one FILE, a recorded history; found none")
			}
			return nil
		},
		RunE: l.run,
	}
	f := cmd.Flags()
	f.StringVar(&l.model, "model", "", "what a key is: "+names(linearizability.Models())+" (default: what the history is meant for)")
	f.StringVar(&l.level, "level", "", "what transactions are asked for: "+names(linearizability.Levels())+" (default: the strongest that the record can show)")
	f.BoolVar(&l.strongest, "strongest", false, "print the strongest level that transactions have, and why they do not have the next one")
	f.StringVar(&l.format, "format", string(linearizability.FormatAuto), "how it was recorded, see above; auto tells it by the content")
	f.StringVar(&l.failedCAS, "failed-cas", linearizability.FailedCASDidNotHappen.String(), "what a failed compare-and-swap of Jepsen's means: did-not-happen, or differed (it found another value)")
	f.StringVar(&l.nilRead, "nil-read", linearizability.NilReadUnknown.String(), "what a read of nil of Jepsen's means: unknown (it fits any value), or absent (there was none)")
	f.StringVar(&l.init, "init", "", "the value that every register or key has at first (default: none)")
	f.BoolVar(&l.json, "json", false, "print the results as JSON")
	f.StringVar(&l.html, "html", "", fmt.Sprintf("draw the history into this file, at most %d operations of it; takes one FILE", linearizability.DrawLimit))
	f.DurationVar(&l.timeout, "timeout", linearizability.FileLimits().Timeout, "give up on a history after this long, reading included, with the verdict unknown")
	return cmd
}

// formatHelp describes the formats.
func formatHelp() string {
	var b strings.Builder
	b.WriteString("Formats:\n")
	for _, f := range linearizability.Formats() {
		fmt.Fprintf(&b, "\n%s: %s\n", f.Name, f.Title)
		for line := range strings.Lines(f.Text) {
			b.WriteString("  " + line)
		}
		b.WriteString("\n")
		for line := range strings.Lines(f.Example) {
			b.WriteString("      " + line)
		}
		b.WriteString("\n")
	}
	return strings.TrimRight(b.String(), "\n")
}

func names[T ~string](list []T) string {
	texts := make([]string, len(list))
	for i, name := range list {
		texts[i] = string(name)
	}
	return strings.Join(texts, ", ")
}

// request is what the flags ask for.
func (l *lin) request(cmd *cobra.Command) (ask linearizability.Request, err error) {
	ask = linearizability.Request{Strongest: l.strongest, Limits: linearizability.FileLimits(), Stdin: cmd.InOrStdin()}
	if ask.Format, err = linearizability.ParseFormat(l.format); err != nil {
		return ask, err
	}
	if cmd.Flags().Changed("model") {
		if ask.Model, err = linearizability.ParseModel(l.model); err != nil {
			return ask, err
		}
	}
	if cmd.Flags().Changed("level") {
		if ask.Level, err = linearizability.ParseLevel(l.level); err != nil {
			return ask, err
		}
	}
	if ask.Options.FailedCAS, err = linearizability.ParseFailedCAS(l.failedCAS); err != nil {
		return ask, fmt.Errorf("--failed-cas: %w", err)
	}
	if ask.Options.NilRead, err = linearizability.ParseNilRead(l.nilRead); err != nil {
		return ask, fmt.Errorf("--nil-read: %w", err)
	}
	if cmd.Flags().Changed("init") {
		ask.Options.Initial = &l.init
	}
	if l.timeout <= 0 {
		return ask, fmt.Errorf("--timeout is %s; expected more than 0", l.timeout)
	}
	ask.Limits.Timeout = l.timeout
	return ask, nil
}

func (l *lin) run(cmd *cobra.Command, files []string) error {
	ask, err := l.request(cmd)
	if err != nil {
		return err
	}
	var drawn *os.File
	if cmd.Flags().Changed("html") {
		if len(files) != 1 {
			return fmt.Errorf("--html draws one history; expected one FILE, found %d", len(files))
		}
		if drawn, err = newPage(l.html); err != nil {
			return err
		}
		defer os.Remove(drawn.Name()) // it has another name by then when all went well
		defer drawn.Close()
	}
	results := make([]linearizability.FileResult, len(files))
	for i, file := range files {
		results[i] = linearizability.CheckFile(cmd.Context(), file, ask)
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
	if drawn != nil {
		picture, err := results[0].Picture()
		if err == nil {
			err = page.OfHistory(picture).Write(drawn)
		}
		if err == nil {
			err = errors.Join(drawn.Close(), os.Rename(drawn.Name(), l.html))
		}
		if err != nil {
			undrawn = fmt.Errorf("%s: %w", l.html, err)
		} else {
			fmt.Fprintf(cmd.ErrOrStderr(), "%s: %s\n", l.html, picture.Drawing)
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
