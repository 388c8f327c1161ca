package command

import (
	"errors"
	"io"
	"os"

	"github.com/spf13/pflag"

	"github.com/firstgap/firstgap/harness/ci"
)

// ciFlag is the flag that has a command tell the CI that it runs in what failed.
type ciFlag struct{ wanted bool }

func (c *ciFlag) flag(f *pflag.FlagSet) {
	f.BoolVar(&c.wanted, "ci", false, "also tell the CI that this runs in: annotations on GitHub Actions, code-quality.json on GitLab; elsewhere nothing more")
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
