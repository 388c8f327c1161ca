package check

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// WhereTLC says how one comes by TLC.
const WhereTLC = "TLC is the file tla2tools.jar of the TLA+ tools (https://github.com/tlaplus/tlaplus/releases); download it, and name its path"

// A TwinError says why TLC could not be asked about a world.
type TwinError struct {
	Problem string
	Output  string // the end of what TLC printed, if it came to that
}

func (e *TwinError) Error() string {
	if e.Output == "" {
		return "tlc: " + e.Problem
	}
	return fmt.Sprintf("tlc: %s; its last lines are:\n%s", e.Problem, e.Output)
}

// TLC is what TLC found in a world of a twin.
type TLC struct {
	Verdict   Verdict `json:"verdict"`
	Invariant string  `json:"invariant"` // the one that it found broken; empty when all hold
	Distinct  uint64  `json:"distinct"`
	Generated uint64  `json:"generated"`
	Steps     int     `json:"steps"` // of the counterexample
}

// A Comparison holds a result against what TLC found in the same world.
type Comparison struct {
	TLC TLC `json:"tlc"`
	// Differences has each thing that is not the same, in words; none when the two agree. A search that found a violation
	// stopped there, and how much it had seen by then says nothing, so then only the verdict and the length of the
	// counterexample are compared, and of a behaviour without progress only the verdict: TLC's need not be a shortest one.
	// Where several invariants fail at the same depth, each may name another.
	Differences []string `json:"differences"`
}

// The files that WriteTwin writes beside the modules.
const (
	rootModule = "MC"
	configFile = "MC.cfg"
)

// WriteTwin writes what TLC needs to check the subject's twin on a world into a folder, which it makes: all modules, the
// configuration file MC.cfg and, where the subject has one, the root module MC.tla. It returns the name of the module that
// TLC is to be given.
func WriteTwin(s Subject, world []byte, modules fs.FS, folder string) (root string, err error) {
	if s.Config == nil || s.Module == "" {
		return "", &TwinError{Problem: fmt.Sprintf("model %s has no twin in TLA+", s.Name)}
	}
	config, err := s.Config(world)
	if err != nil {
		return "", err
	}
	files := map[string]string{configFile: config}
	root = s.Module
	if s.Root != nil {
		if files[rootModule+".tla"], err = s.Root(world); err != nil {
			return "", err
		}
		root = rootModule
	}
	names, err := fs.Glob(modules, "*.tla")
	if err != nil {
		return "", err
	}
	for _, name := range names {
		text, err := fs.ReadFile(modules, name)
		if err != nil {
			return "", err
		}
		files[name] = string(text)
	}
	if _, ok := files[s.Module+".tla"]; !ok {
		return "", &TwinError{Problem: fmt.Sprintf("model %s: found no module %s.tla among %s", s.Name, s.Module, strings.Join(names, ", "))}
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return "", err
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o644); err != nil {
			return "", err
		}
	}
	return root, nil
}

// FindTLC says whether there are Java and, at the path given, TLC. It returns the path of Java.
func FindTLC(jar string) (java string, err error) {
	if info, err := os.Stat(jar); err != nil || info.IsDir() {
		return "", &TwinError{Problem: fmt.Sprintf("found no file %s. %s", jar, WhereTLC)}
	}
	if java, err = exec.LookPath("java"); err != nil {
		return "", &TwinError{Problem: "found no java on the path; TLC needs Java 11 or newer"}
	}
	return java, nil
}

// RunTLC runs TLC from a jar on the subject's twin of a world. With one worker, the default, its counterexamples are
// shortest. An error means that it could not be told what TLC found; it is a *TwinError unless the folder for the files
// could not be made.
func RunTLC(ctx context.Context, s Subject, world []byte, modules fs.FS, jar string, workers int) (*TLC, error) {
	java, err := FindTLC(jar)
	if err != nil {
		return nil, err
	}
	if jar, err = filepath.Abs(jar); err != nil {
		return nil, err
	}
	folder, err := os.MkdirTemp("", "firstgap-tlc-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(folder)
	root, err := WriteTwin(s, world, modules, folder)
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, java, "-XX:+UseParallelGC", "-cp", jar, "tlc2.TLC",
		"-workers", strconv.Itoa(max(workers, 1)), "-nowarning", "-metadir", filepath.Join(folder, "states"),
		"-config", configFile, root)
	cmd.Dir = folder
	output, err := cmd.CombinedOutput()
	if ctx.Err() != nil {
		return nil, &TwinError{Problem: "interrupted: " + context.Cause(ctx).Error()}
	}
	// TLC's exit code is not 0 when it finds a violation, so what it says decides.
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		return nil, &TwinError{Problem: err.Error()}
	}
	return parseTLC(output)
}

var (
	tlcCounts   = regexp.MustCompile(`(?m)^(\d+) states generated, (\d+) distinct states found, (\d+) states left on queue`)
	tlcBroken   = regexp.MustCompile(`(?m)^Error: Invariant (\S+) is violated`)
	tlcProgress = regexp.MustCompile(`(?m)^Error: (?:Temporal properties were|Temporal property (\S+) was) violated`)
	tlcState    = regexp.MustCompile(`(?m)^State (\d+): `)
	tlcError    = regexp.MustCompile(`(?m)^Error: `)
)

// parseTLC reads what TLC printed.
func parseTLC(output []byte) (*TLC, error) {
	failed := func(problem string) (*TLC, error) {
		lines := strings.Split(strings.TrimSpace(string(output)), "\n")
		return nil, &TwinError{problem, strings.Join(lines[max(0, len(lines)-12):], "\n")}
	}
	counts := tlcCounts.FindAllSubmatch(output, -1)
	if counts == nil {
		return failed("it did not say how many states it found")
	}
	t := &TLC{Verdict: Pass}
	var err error
	last := counts[len(counts)-1]
	if t.Generated, err = strconv.ParseUint(string(last[1]), 10, 64); err != nil {
		return failed("generated states: " + err.Error())
	}
	if t.Distinct, err = strconv.ParseUint(string(last[2]), 10, 64); err != nil {
		return failed("distinct states: " + err.Error())
	}
	if broken := tlcBroken.FindSubmatch(output); broken != nil {
		t.Verdict, t.Invariant = Violation, strings.TrimSuffix(string(broken[1]), ".")
		t.Steps = max(0, len(tlcState.FindAll(output, -1))-1)
		return t, nil
	}
	if broken := tlcProgress.FindSubmatch(output); broken != nil {
		t.Verdict, t.Invariant = Violation, string(broken[1])
		t.Steps = max(0, len(tlcState.FindAll(output, -1))-1)
		return t, nil
	}
	switch {
	case tlcError.Match(output):
		return failed("it ended with an error")
	case string(last[3]) != "0":
		return failed(fmt.Sprintf("it left %s states", last[3]))
	case !bytes.Contains(output, []byte("Model checking completed. No error has been found.")):
		return failed("it did not complete")
	}
	return t, nil
}

// Compare holds the result against what TLC found. An incomplete result cannot be compared: everything may differ.
func (r *Result) Compare(t TLC) Comparison {
	c := Comparison{TLC: t, Differences: []string{}}
	differ := func(what string, ours, theirs any) {
		c.Differences = append(c.Differences, fmt.Sprintf("%s: %v here, %v in TLC", what, ours, theirs))
	}
	verdict := r.Verdict
	if r.Reason == NotReachable {
		verdict = Pass // of the invariants; TLC is not asked about witnesses
	}
	switch {
	case verdict != t.Verdict:
		differ("verdict", verdict, t.Verdict)
	case verdict == Pass:
		if r.Distinct != t.Distinct {
			differ("distinct states", count(r.Distinct), count(t.Distinct))
		}
		if r.Generated != t.Generated {
			differ("generated states", count(r.Generated), count(t.Generated))
		}
	case r.Lasso == nil && len(r.Trace) != t.Steps:
		differ("steps to the violation", len(r.Trace), t.Steps)
	}
	return c
}

// WriteText writes the two side by side, for people.
func (c Comparison) WriteText(w io.Writer, r *Result) error {
	row := func(name string, ours, theirs any) string {
		return strings.TrimRight(fmt.Sprintf("%-12s%-20v%v", name, ours, theirs), " ") + "\n"
	}
	text := row("", "here", "TLC") + row("verdict", r.Verdict, c.TLC.Verdict)
	if r.Invariant != "" || c.TLC.Invariant != "" {
		text += row("broken", r.Invariant, c.TLC.Invariant) + row("steps", len(r.Trace), c.TLC.Steps)
	}
	text += row("distinct", count(r.Distinct), count(c.TLC.Distinct)) + row("generated", count(r.Generated), count(c.TLC.Generated))
	switch {
	case len(c.Differences) > 0:
		text += fmt.Sprintf("%-12s%s\n", "DIFFERENT", strings.Join(c.Differences, "; "))
	case r.Lasso != nil:
		text += fmt.Sprintf("%-12s%s\n", "compared", "equal in verdict; TLC neither looks for a shortest lasso nor need have seen all states")
	case c.TLC.Verdict == Violation:
		text += fmt.Sprintf("%-12s%s\n", "compared", "equal in verdict and steps; each stopped at the violation, so the states it had seen are its own")
	default:
		text += fmt.Sprintf("%-12s%s\n", "compared", "equal")
	}
	_, err := io.WriteString(w, text)
	return err
}
