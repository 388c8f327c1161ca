package command

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// knownFlags completes a flag error with the flags that the command has.
func knownFlags(cmd *cobra.Command, err error) error {
	var known []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) { known = append(known, "--"+f.Name) })
	return fmt.Errorf("%s: %w; known flags: %s", cmd.CommandPath(), err, strings.Join(known, ", "))
}
