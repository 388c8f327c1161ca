package harness

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"runtime/debug"
	"strings"
)

// FailureVersion is that of the failure file. A file of another version is refused: half of it would mean something
// else.
const FailureVersion = 1

// failureFormat names the format inside of the file, so that the file says what it is whatever it is called.
const failureFormat = "firstgap failure"

// maxFailureBytes bounds what is read of a file. What is written stays far below: trails, histories and plans are
// bounded.
const maxFailureBytes = 64 << 20

// A Failure is one run that did not pass, with all that it takes to run it again and to see whether it is the same.
type Failure struct {
	Configuration Configuration `json:"configuration"`
	Build         Build         `json:"build"`
	Verdict       Verdict       `json:"verdict"`
	Findings      []Finding     `json:"findings"`
	Hash          string        `json:"hash"` // of all events, in hexadecimal
	Counts        Counts        `json:"counts"`
	History       []Call        `json:"history"` // what the clients saw
	Trail         Trail         `json:"trail"`
}

// NewFailure makes a failure of the recorded result of a run.
func NewFailure(r *Result) *Failure {
	f := &Failure{Configuration: r.Configuration, Build: ThisBuild(), Verdict: r.Verdict, Findings: r.Findings,
		Hash: hexadecimal(r.Hash), Counts: r.Counts, History: calls(r.History)}
	if r.Trail != nil {
		f.Trail = *r.Trail
	}
	return f
}

func hexadecimal(hash uint64) string { return fmt.Sprintf("%016x", hash) }

// A Build says what program made a file.
type Build struct {
	Module   string `json:"module"`
	Version  string `json:"version"`
	Revision string `json:"revision,omitempty"`
	Modified bool   `json:"modified,omitempty"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
	// Overlay tells that the failpoints were built in: a planted bug or a crash at a point does nothing without them.
	Overlay bool `json:"overlay"`
}

// ThisBuild describes the running program.
func ThisBuild() Build {
	b := Build{Module: "unknown", Version: "unknown", Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH, Overlay: HasPoints()}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	b.Module, b.Version = info.Main.Path, info.Main.Version
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.Revision = s.Value
		case "vcs.modified":
			b.Modified = s.Value == "true"
		}
	}
	return b
}

// envelope is the file around a Failure.
type envelope struct {
	Format  string          `json:"format"`
	Version int             `json:"version"`
	Sum     string          `json:"sum"` // SHA-256 of the content, without white space between its tokens
	Content json.RawMessage `json:"content"`
}

// A FileError says why a file is not read as a failure. Nothing of such a file is used.
type FileError struct {
	File    string
	Problem FileProblem
	Detail  string
}

// A FileProblem names what is wrong with a file.
type FileProblem string

// The problems.
const (
	NoFailureFile FileProblem = "is not a failure file"
	OtherVersion  FileProblem = "is of another version"
	Truncated     FileProblem = "is truncated"
	Altered       FileProblem = "was altered"
	TooLarge      FileProblem = "is too large"
	NotValid      FileProblem = "does not make sense"
)

func (e *FileError) Error() string { return fmt.Sprintf("%s %s: %s", e.File, e.Problem, e.Detail) }

// Encode renders the failure file.
func (f *Failure) Encode() ([]byte, error) {
	content, err := json.Marshal(f)
	if err != nil {
		return nil, fmt.Errorf("failure file: %w", err)
	}
	sum := sha256.Sum256(content)
	// Indented, for people and for diff; the sum does not depend on it.
	text, err := json.MarshalIndent(envelope{failureFormat, FailureVersion, hex.EncodeToString(sum[:]), content}, "", " ")
	if err != nil {
		return nil, fmt.Errorf("failure file: %w", err)
	}
	return append(text, '\n'), nil
}

// Write writes the failure file. There is no moment at which half of it is there under that name.
func (f *Failure) Write(file string) error {
	text, err := f.Encode()
	if err != nil {
		return err
	}
	t, err := os.CreateTemp(filepath.Dir(file), filepath.Base(file)+".*")
	if err != nil {
		return err
	}
	_, err = t.Write(text)
	err = errors.Join(err, t.Chmod(0o644), t.Close())
	if err == nil {
		err = os.Rename(t.Name(), file)
	}
	if err != nil {
		return errors.Join(err, os.Remove(t.Name()))
	}
	return nil
}

// ReadFailure reads a failure file, all of it or nothing. Errors other than those of the file system are of the type
// *FileError.
func ReadFailure(file string) (*Failure, error) {
	in, err := os.Open(file)
	if err != nil {
		var p *fs.PathError
		if errors.As(err, &p) {
			return nil, fmt.Errorf("failure file %s: %w", file, p.Err)
		}
		return nil, err
	}
	defer in.Close()
	text, err := io.ReadAll(io.LimitReader(in, maxFailureBytes+1))
	if err != nil {
		return nil, fmt.Errorf("failure file %s: %w", file, err)
	}
	return DecodeFailure(file, text)
}

// DecodeFailure reads what Encode made. The name is for errors.
func DecodeFailure(name string, text []byte) (*Failure, error) {
	refuse := func(p FileProblem, format string, args ...any) (*Failure, error) {
		return nil, &FileError{name, p, fmt.Sprintf(format, args...)}
	}
	if len(text) > maxFailureBytes {
		return refuse(TooLarge, "expected at most %d bytes", maxFailureBytes)
	}
	// The head first: what cannot be read may be so because it is something else.
	d := json.NewDecoder(bytes.NewReader(text))
	if !strings.HasPrefix(strings.TrimLeft(string(text[:min(len(text), 64)]), " \t\r\n"), "{") {
		return refuse(NoFailureFile, "expected JSON with \"format\": %q", failureFormat)
	}
	var e envelope
	if err := d.Decode(&e); err != nil {
		if errors.Is(err, io.ErrUnexpectedEOF) {
			return refuse(Truncated, "it ends after %d bytes in the middle", len(text))
		}
		return refuse(NoFailureFile, "%v", err)
	}
	if e.Format != failureFormat {
		return refuse(NoFailureFile, "expected the format %q, found %q", failureFormat, e.Format)
	}
	if e.Version != FailureVersion {
		return refuse(OtherVersion, "expected version %d, found %d", FailureVersion, e.Version)
	}
	if _, err := d.Token(); err != io.EOF {
		return refuse(Altered, "expected the end of the file after the failure, found more")
	}
	var plain bytes.Buffer
	if err := json.Compact(&plain, e.Content); err != nil {
		return refuse(Altered, "%v", err)
	}
	sum := sha256.Sum256(plain.Bytes())
	if found := hex.EncodeToString(sum[:]); found != e.Sum {
		return refuse(Altered, "expected the checksum %s, found %s", e.Sum, found)
	}
	var f Failure
	if err := decodeStrictly(bytes.NewReader(e.Content), &f); err != nil {
		return refuse(NotValid, "%v", err)
	}
	if err := f.Configuration.Validate(); err != nil {
		return refuse(NotValid, "%v", err)
	}
	return &f, nil
}

// knownKeys lists the JSON keys of a value, dotted, in the order of its fields.
func knownKeys(v any) []string {
	var keys []string
	var walk func(t reflect.Type, prefix string)
	walk = func(t reflect.Type, prefix string) {
		for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
			t = t.Elem()
		}
		if t.Kind() != reflect.Struct {
			return
		}
		for i := range t.NumField() {
			name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
			if name == "" || name == "-" {
				continue
			}
			keys = append(keys, prefix+name)
			walk(t.Field(i).Type, prefix+name+".")
		}
	}
	walk(reflect.TypeOf(v), "")
	return keys
}
