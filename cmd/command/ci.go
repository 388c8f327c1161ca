package command

import (
	"errors"
	"io"
	"os"

	"github.com/spf13/pflag"

	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/campaign/forms"
	"github.com/firstgap/firstgap/harness/campaign/fuzz"
	"github.com/firstgap/firstgap/harness/ci"
)

// ciFlag is the flag that has a command tell the CI that it runs in what failed.
type ciFlag struct{ wanted bool }

func (c *ciFlag) flag(f *pflag.FlagSet) {
	f.BoolVar(&c.wanted, "ci", false, "also tell the CI that this runs in: annotations on GitHub Actions, code-quality.json on GitLab; elsewhere nothing more")
}

// begin refuses what a CI would misread, and takes away what an earlier process has told a CI of a campaign.
func (c *ciFlag) begin(folder string, json, once bool) error {
	switch {
	case !c.wanted:
		return nil
	case json:
		return errJSONWithCI
	case once:
		return forms.BeginAgain(folder)
	}
	return forms.Begin(folder)
}

var errJSONWithCI = errors.New("--json with --ci; expected one of them: a CI reads standard output")

// campaign writes the summary of a campaign for people, and where it is wanted in the forms that CIs read, in the folder report of the
// campaign's.
func (c *ciFlag) campaign(w io.Writer, folder string, s *fuzz.Summary, about harness.About) error {
	return c.forms(w, folder, func(w io.Writer) error { return s.WriteText(w, folder) }, func(checkout string) (*forms.Forms, error) {
		return forms.Write(folder, s, about, checkout)
	})
}

// again is campaign for what was run again.
func (c *ciFlag) again(w io.Writer, folder string, r *fuzz.Replayed, system harness.System) error {
	return c.forms(w, folder, func(w io.Writer) error { return r.WriteText(w, folder) }, func(checkout string) (*forms.Forms, error) {
		return forms.WriteAgain(folder, r, system, checkout)
	})
}

func (c *ciFlag) forms(w io.Writer, folder string, text func(io.Writer) error, write func(checkout string) (*forms.Forms, error)) error {
	if !c.wanted {
		return text(w)
	}
	f, err := write(ci.HostOf(os.Getenv).Checkout(os.Getenv))
	if f == nil {
		return errors.Join(err, text(w))
	}
	if file := os.Getenv("GITHUB_STEP_SUMMARY"); file != "" {
		err = errors.Join(err, ci.AppendSummary(file, f.Summary, folder))
	}
	return errors.Join(err, c.tell(w, f.CodeQuality, func(string) *ci.Result { return f.Result }, text))
}

// tell writes a report for people, and tells the CI as it wants to be told. A CI reads standard output: no line of the report, which may
// have words of the system, is taken for a command to it.
func (c *ciFlag) tell(w io.Writer, quality func(*ci.Result) error, result func(checkout string) *ci.Result, report func(io.Writer) error) error {
	host := ci.Plain
	if c.wanted {
		host = ci.HostOf(os.Getenv)
	}
	checkout := host.Checkout(os.Getenv)
	switch host {
	case ci.GitHub:
		return errors.Join(ci.Quiet(w, report), result(checkout).Annotations(w))
	case ci.GitLab:
		return errors.Join(report(w), quality(result(checkout)))
	}
	return report(w)
}
