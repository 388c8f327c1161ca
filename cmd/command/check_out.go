package command

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/firstgap/firstgap/harness/failure/page"
	"github.com/firstgap/firstgap/spec/check"
)

// outputs are the files that a check writes. They are opened before the work, so that one that cannot be written is found
// then; one that is never written to is left as it was, and removed when it was not there.
type outputs struct{ files []*output }

type output struct {
	file    *os.File
	format  check.Format
	created bool
	written bool
}

// trace opens a file for a behaviour, nil when there is no name.
func (o *outputs) trace(name string) (*output, error) {
	if name == "" {
		return nil, nil
	}
	format, err := check.FormatOf(name)
	if err != nil {
		return nil, fmt.Errorf("--trace-out: %w", err)
	}
	return o.open("--trace-out", name, format)
}

// graph opens a file for a graph, nil when there is no name.
func (o *outputs) graph(name string) (*output, error) {
	if name == "" {
		return nil, nil
	}
	if !strings.HasSuffix(name, string(check.DOT)) {
		return nil, fmt.Errorf("--graph: expected a name that ends in %s, found %s", check.DOT, name)
	}
	return o.open("--graph", name, check.DOT)
}

// page opens a file for a page, nil when there is no name.
func (o *outputs) page(name string) (*output, error) {
	if name == "" {
		return nil, nil
	}
	return o.open("--page", name, pageFormat)
}

// pageFormat is that of a page, which package page writes.
const pageFormat check.Format = ".html"

func (o *outputs) open(flag, name string, format check.Format) (*output, error) {
	_, err := os.Stat(name)
	absent := errors.Is(err, fs.ErrNotExist)
	file, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE, 0o644)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", flag, err)
	}
	out := &output{file: file, format: format, created: absent}
	o.files = append(o.files, out)
	return out, nil
}

func (o *outputs) close() {
	for _, f := range o.files {
		f.file.Close()
		if f.created && !f.written {
			os.Remove(f.file.Name())
		}
	}
}

func (f *output) writeBehaviour(b check.Behaviour) error {
	var text bytes.Buffer
	var err error
	if f.format == pageFormat {
		err = page.OfBehaviour(b).Write(&text)
	} else {
		err = b.Write(&text, f.format)
	}
	if err != nil {
		return err
	}
	return f.write(text.Bytes())
}

// write makes text all that is in the file.
func (f *output) write(text []byte) error {
	f.written = true
	if info, err := f.file.Stat(); err == nil && info.Mode().IsRegular() {
		if err := f.file.Truncate(0); err != nil {
			return err
		}
	}
	if _, err := f.file.Write(text); err != nil {
		return err
	}
	return nil
}
