package grade

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/firstgap/firstgap/harness/lines/clients"
	"github.com/firstgap/firstgap/harness/strict"
)

// ManifestName is the file of a submission that says how it is built and run.
const ManifestName = clients.ManifestFile

// Bounds of a manifest.
const (
	MostManifest = 64 << 10 // bytes
	MostArgs     = 64       // of a command
	MostArg      = 4096     // bytes
)

// A Manifest says how a submission is built, if it has to be, and run, in the submission's folder.
type Manifest = clients.Manifest

// A ManifestError says what is wrong with a manifest.
type ManifestError struct {
	Field           string // "" for the whole file
	Expected, Found string
}

func (e *ManifestError) Error() string {
	at := ManifestName
	if e.Field != "" {
		at += ", " + e.Field
	}
	return fmt.Sprintf("%s: expected %s, found %s", at, e.Expected, e.Found)
}

// ReadManifest reads the manifest of a folder, by no link out of it. Errors that are not a *ManifestError are of the file system.
func ReadManifest(folder string) (Manifest, error) {
	var m Manifest
	root, err := os.OpenRoot(folder)
	if err != nil {
		return m, err
	}
	defer root.Close()
	info, err := root.Lstat(ManifestName)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return m, &ManifestError{Expected: `a file such as {"run":["python3","register.py"]}`, Found: "none"}
	case err != nil:
		return m, err
	case !info.Mode().IsRegular():
		return m, &ManifestError{Expected: "a file", Found: "a " + info.Mode().Type().String()}
	}
	f, err := root.Open(ManifestName)
	if err != nil {
		return m, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, MostManifest+1))
	if err != nil {
		return m, err
	}
	if len(text) > MostManifest {
		return m, &ManifestError{Expected: fmt.Sprintf("at most %d bytes", MostManifest), Found: "more"}
	}
	if err := strict.Decode(bytes.NewReader(text), &m); err != nil {
		return m, &ManifestError{Expected: `JSON with "run" and, where something is to be built, "build"`, Found: strings.Join(strings.Fields(err.Error()), " ")}
	}
	if len(m.Run) == 0 {
		return m, &ManifestError{Field: "run", Expected: "a program and its arguments", Found: "none"}
	}
	return m, errors.Join(checkArgs("build", m.Build), checkArgs("run", m.Run))
}

func checkArgs(field string, args []string) error {
	if len(args) > MostArgs {
		return &ManifestError{Field: field, Expected: fmt.Sprintf("at most %d arguments", MostArgs), Found: fmt.Sprint(len(args))}
	}
	for i, a := range args {
		switch {
		case len(a) > MostArg:
			return &ManifestError{Field: field, Expected: fmt.Sprintf("arguments of at most %d bytes", MostArg), Found: fmt.Sprint(len(a))}
		case strings.ContainsRune(a, 0):
			return &ManifestError{Field: field, Expected: "arguments without a zero byte", Found: fmt.Sprintf("one in argument %d", i+1)}
		case i == 0 && a == "":
			return &ManifestError{Field: field, Expected: "a program", Found: `""`}
		}
	}
	return nil
}
