// Command buildmutants writes the build overlay of the mutants of some packages of this module, and their list.
//
//	go run ./faults/buildmutants -o build/mutants impl/segment impl/writer
//	go build -overlay=build/mutants/overlay.json -o build/mutate ./harness/mutation/mutate
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/firstgap/firstgap/faults/mutants"
)

const module = "github.com/firstgap/firstgap"

func main() {
	if err := run(os.Args[1:], os.Stdout, os.Stderr); err != nil {
		if !errors.Is(err, flag.ErrHelp) {
			fmt.Fprintln(os.Stderr, "buildmutants:", err)
		}
		os.Exit(2)
	}
}

func run(args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("buildmutants", flag.ContinueOnError)
	flags.SetOutput(stderr)
	out := flags.String("o", "", "folder to write into, which is emptied first (required)")
	flags.Usage = func() {
		fmt.Fprintln(stderr, "usage: buildmutants -o FOLDER PACKAGE...")
		flags.PrintDefaults()
	}
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *out == "" || flags.NArg() == 0 {
		flags.Usage()
		return fmt.Errorf("expected -o FOLDER and packages, found -o %q and %q", *out, flags.Args())
	}
	made, err := mutants.Build(".", module, *out, flags.Args()...)
	if err != nil {
		return err
	}
	count := map[mutants.Kind]int{}
	for _, m := range made {
		count[m.Kind]++
	}
	fmt.Fprintf(stdout, "%s: %d mutants\n", *out, len(made))
	for _, k := range mutants.Kinds() {
		fmt.Fprintf(stdout, "  %-12s %5d\n", k, count[k])
	}
	return nil
}
