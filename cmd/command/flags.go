package command

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// flagError says what was expected of a flag and what was found.
func flagError(cmd *cobra.Command, err error) error {
	var value *pflag.InvalidValueError
	var missing *pflag.ValueRequiredError
	switch {
	case errors.As(err, &value):
		f := value.GetFlag()
		expected, known := map[string]string{
			"bool":     "true or false",
			"duration": "a duration, such as 90s or 5m",
			"float64":  "a number",
			"int":      "a whole number",
			"intSlice": "whole numbers, separated by commas",
			"uint64":   "a whole number from 0 to 2^64-1",
		}[f.Value.Type()]
		if !known { // it says itself what it expects
			return fmt.Errorf("--%s: %w", f.Name, value.Unwrap())
		}
		return fmt.Errorf("--%s is %q; expected %s", f.Name, value.GetValue(), expected)
	case errors.As(err, &missing):
		return fmt.Errorf("--%s: expected a value, found none", missing.GetSpecifiedName())
	}
	var known []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) { known = append(known, "--"+f.Name) })
	return fmt.Errorf("%w; known flags: %s", err, strings.Join(known, ", "))
}

// noArguments refuses arguments of a command that has flags alone.
func noArguments(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return flagError(cmd, fmt.Errorf("unknown argument %q; expected flags alone", args[0]))
}

// oneFile refuses any number of files but one.
func oneFile(_ *cobra.Command, args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("expected one FILE, found %d", len(args))
	}
	return nil
}
