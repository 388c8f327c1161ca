// Package failure keeps a run that did not pass: everything that it takes to run it again and to see whether it is the same, as
// one file; and replays it.
//
// Of makes a failure of a run that was recorded (Record), Write writes its file, Read reads it, Replay runs it again.
//
// Use package campaign instead when an engineer wants the failures of many runs: it records each one and hands it over
// when it is found.
package failure

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
	"runtime"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/atomic"
	"github.com/firstgap/firstgap/harness/configuration"
	"github.com/firstgap/firstgap/harness/counts"
	"github.com/firstgap/firstgap/harness/judge"
	"github.com/firstgap/firstgap/harness/strict"
)

// Version is that of the failure file that is written. Files of version 2 are read, too: they lack causes of events, and the events around
// a finding, and mean the same in all else. A file of any other version is refused: half of it would mean something else.
const (
	Version       = 3
	oldestVersion = 2
)

// format names the format inside of the file, so that the file says what it is under any name.
const format = "firstgap failure"

// maxBytes bounds what is read of a file. What is written stays far below: trails, histories and plans are
// bounded.
const maxBytes = 64 << 20

// A Failure is one run that did not pass, with all that it takes to run it again and to see whether it is the same.
type Failure struct {
	// Needs says what it takes to run it again.
	Needs         Needs                       `json:"needs"`
	Configuration configuration.Configuration `json:"configuration"`
	Build         Build                       `json:"build"`
	Verdict       judge.Verdict               `json:"verdict"`
	Findings      []judge.Finding             `json:"findings"`
	NotMade       []judge.NotMade             `json:"notMade"` // the checks that could not be made
	Hash          string                      `json:"hash"`    // of all events, in hexadecimal
	Counts        counts.Counts               `json:"counts"`
	History       []Transaction               `json:"history,omitempty"` // what the clients saw of transactions
	Calls         []Call                      `json:"calls,omitempty"`   // what the clients saw of single operations
	Trail         Trail                       `json:"trail"`
}

// Needs says what it takes to run a failure again.
type Needs struct {
	System  string `json:"system"`            // the system that the program must know
	Overlay bool   `json:"overlay,omitempty"` // a build with the failpoint overlay (make test-faults says how)
	// Program is, of a system whose nodes are a program, what was run, for people: nothing runs it by itself, for a file may come from
	// anywhere. Flags are those that the system was made by.
	Program []string `json:"program,omitempty"`
	Flags   []string `json:"flags,omitempty"`
}

// Behind is what stands behind a command that makes the run again: a program, where there is one.
func (n Needs) Behind() string {
	if len(n.Program) == 0 {
		return ""
	}
	return " -- " + Quoted(n.Program)
}

// Quoted writes a program and its arguments as a shell takes them.
func Quoted(args []string) string {
	quoted := make([]string, len(args))
	for i, arg := range args {
		quoted[i] = arg
		if arg == "" || strings.ContainsFunc(arg, func(r rune) bool {
			return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./=:,+@%", r))
		}) {
			quoted[i] = "'" + strings.ReplaceAll(arg, "'", `'\''`) + "'"
		}
	}
	return strings.Join(quoted, " ")
}

// Of makes a failure of a run that was recorded.
func Of(r *harness.Result, t *Trail) *Failure {
	f := &Failure{Needs: Needs{System: r.Configuration.System, Overlay: needsOverlay(&r.Configuration)}, Configuration: r.Configuration,
		Build: ThisBuild(), Verdict: r.Verdict, Findings: r.Findings, NotMade: r.NotMade, Hash: Hexadecimal(r.Hash), Counts: r.Counts}
	if r.Evidence != nil {
		f.History, f.Calls = transactions(r.Evidence.Transactions), calls(r.Evidence.Operations)
	}
	if t != nil {
		f.Trail = *t
	}
	return f
}

// needsOverlay tells whether a run is another one without failpoints: it crashes at one, or the build has them, and with them a
// planted bug.
func needsOverlay(c *configuration.Configuration) bool {
	if c.Bug != "" && harness.HasPoints() {
		return true
	}
	return slices.ContainsFunc(c.Plan.Faults, func(f faults.Fault) bool { return f.Kind == faults.CrashAtPoint })
}

// Hexadecimal writes the hash of a run as files and reports have it.
func Hexadecimal(hash uint64) string { return fmt.Sprintf("%016x", hash) }

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

// String says on a line which build it is.
func (b Build) String() string {
	revision := b.Revision
	if revision == "" {
		revision = "of an unknown revision"
	}
	if b.Modified {
		revision += ", modified"
	}
	points := "without failpoints"
	if b.Overlay {
		points = "with failpoints"
	}
	return fmt.Sprintf("%s %s, %s, %s, %s, %s", b.Module, b.Version, revision, b.Go, b.Platform, points)
}

// ThisBuild describes the running program.
func ThisBuild() Build {
	b := Build{Module: "unknown", Version: "unknown", Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH, Overlay: harness.HasPoints()}
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
	text, err := json.MarshalIndent(envelope{format, Version, hex.EncodeToString(sum[:]), content}, "", " ")
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
	return atomic.Write(file, text)
}

// Read reads a failure file, all of it or nothing. Errors other than those of the file system are of the type
// *FileError.
func Read(file string) (*Failure, error) {
	in, err := os.Open(file)
	if err != nil {
		var p *fs.PathError
		if errors.As(err, &p) {
			return nil, fmt.Errorf("failure file %s: %w", file, p.Err)
		}
		return nil, err
	}
	defer in.Close()
	text, err := io.ReadAll(io.LimitReader(in, maxBytes+1))
	if err != nil {
		return nil, fmt.Errorf("failure file %s: %w", file, err)
	}
	return Decode(file, text)
}

// Decode reads what Encode made. The name is for errors.
func Decode(name string, text []byte) (*Failure, error) {
	refuse := func(p FileProblem, format string, args ...any) (*Failure, error) {
		return nil, &FileError{name, p, fmt.Sprintf(format, args...)}
	}
	if len(text) > maxBytes {
		return refuse(TooLarge, "expected at most %d bytes", maxBytes)
	}
	// The head first: what cannot be read may be so because it is something else.
	d := json.NewDecoder(bytes.NewReader(text))
	if !strings.HasPrefix(strings.TrimLeft(string(text[:min(len(text), 64)]), " \t\r\n"), "{") {
		return refuse(NoFailureFile, "expected JSON with \"format\": %q", format)
	}
	var e envelope
	if err := d.Decode(&e); err != nil {
		if errors.Is(err, io.ErrUnexpectedEOF) {
			return refuse(Truncated, "it ends after %d bytes in the middle", len(text))
		}
		return refuse(NoFailureFile, "%v", err)
	}
	if e.Format != format {
		return refuse(NoFailureFile, "expected the format %q, found %q", format, e.Format)
	}
	if e.Version < oldestVersion || e.Version > Version {
		return refuse(OtherVersion, "expected version %d to %d, found %d", oldestVersion, Version, e.Version)
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
	if err := strict.Unmarshal(plain.Bytes(), &f); err != nil {
		return refuse(NotValid, "%v", err)
	}
	if err := f.Configuration.Validate(); err != nil {
		return refuse(NotValid, "%v", err)
	}
	return &f, nil
}
