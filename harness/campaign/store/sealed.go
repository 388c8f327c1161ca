package store

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/zeebo/xxh3"
)

// Version is that of the folder and of every file in it.
const Version = 1

// A kind of file of the folder, as the file says itself.
type kind string

const (
	headerKind  kind = "firstgap campaign"
	foldKind    kind = "firstgap campaign's fold"
	entryKind   kind = "firstgap campaign's corpus"
	failureKind kind = "firstgap campaign's failure"
	asideKind   kind = "firstgap campaign's damage"
)

// maxFile bounds what is read of a file that is no file of lines.
const maxFile = 256 << 20

// A sealed file says what it is, and whether it is still what was written.
type sealed struct {
	Format  kind            `json:"format"`
	Version int             `json:"version"`
	Sum     string          `json:"sum"` // XXH3 of the content, without white space between its tokens
	Content json.RawMessage `json:"content"`
}

func sumOf(text []byte) string { return fmt.Sprintf("%016x", xxh3.Hash(text)) }

// seal renders a file.
func seal(k kind, content any) ([]byte, error) {
	text, err := json.Marshal(content)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", k, err)
	}
	text, err = json.Marshal(sealed{k, Version, sumOf(text), text})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", k, err)
	}
	return append(text, '\n'), nil
}

// unseal reads what seal made. A file that is not what was written is a *DamageError, one of another version a *VersionError.
func unseal(d disk, k kind, name string, into any) error {
	text, err := d.read(name, maxFile)
	if errors.Is(err, fs.ErrNotExist) {
		return err
	}
	damaged := func(expected, format string, args ...any) error {
		return &DamageError{File: name, Expected: expected, Found: fmt.Sprintf(format, args...)}
	}
	if err != nil {
		return damaged("a file that can be read", "%v", bare(err))
	}
	var s sealed
	if err := json.Unmarshal(text, &s); err != nil {
		return damaged("JSON", "%d bytes that are none: %v", len(text), err)
	}
	if s.Format != k {
		return damaged(fmt.Sprintf("the format %q", k), "%.64q", s.Format)
	}
	if s.Version != Version {
		return &VersionError{name, s.Version}
	}
	var plain bytes.Buffer
	if err := json.Compact(&plain, s.Content); err != nil {
		return damaged("content", "%v", err)
	}
	if found := sumOf(plain.Bytes()); found != s.Sum {
		return damaged(fmt.Sprintf("the sum %.64s", s.Sum), "%s", found)
	}
	if err := json.Unmarshal(plain.Bytes(), into); err != nil {
		return damaged("content of this version", "%v", err)
	}
	return nil
}

// names lists the files of a folder that end in a suffix, without those that are being written, sorted. A folder that is not there has
// none.
func names(d disk, folder, suffix string) ([]string, error) {
	all, err := d.list(folder)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	var found []string
	for _, e := range all {
		if n := e.Name(); strings.HasSuffix(n, suffix) && !strings.HasPrefix(n, newPrefix) {
			found = append(found, n)
		}
	}
	slices.Sort(found)
	return found, err
}

func bytesOf(n int) string { return fmt.Sprintf("%d bytes", n) }
