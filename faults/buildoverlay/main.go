// Command buildoverlay writes the build overlay that turns the gofail comments below a folder into code.
//
//	go run ./faults/buildoverlay -o build/overlay impl
//	go test -overlay=build/overlay/overlay.json -count=1 ./...
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/firstgap/firstgap/faults/overlay"
)

func main() {
	if err := run(os.Args[1:], os.Stdout, os.Stderr); err != nil {
		if !errors.Is(err, flag.ErrHelp) {
			fmt.Fprintln(os.Stderr, "buildoverlay:", err)
		}
		os.Exit(2)
	}
}

func run(args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("buildoverlay", flag.ContinueOnError)
	flags.SetOutput(stderr)
	out := flags.String("o", "", "folder to write the overlay into (required)")
	flags.Usage = func() {
		fmt.Fprintln(stderr, "usage: buildoverlay -o FOLDER TREE")
		flags.PrintDefaults()
	}
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *out == "" || flags.NArg() != 1 {
		flags.Usage()
		return fmt.Errorf("expected -o FOLDER and one TREE, found -o %q and %q", *out, flags.Args())
	}
	points, err := overlay.Build(flags.Arg(0), *out)
	if err != nil {
		return err
	}
	bugs := make(map[string]bool)
	for _, p := range points {
		if p.Bug != "" {
			bugs[p.Bug] = true
		}
	}
	fmt.Fprintf(stdout, "%s: %d points, planted bugs among them: %d\n", filepath.Join(*out, overlay.File), len(points), len(bugs))
	return nil
}
