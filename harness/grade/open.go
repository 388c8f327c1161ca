package grade

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/failure"
	"github.com/firstgap/firstgap/harness/grade/labs"
	"github.com/firstgap/firstgap/harness/grade/sandbox"
	"github.com/firstgap/firstgap/harness/judge"
	"github.com/firstgap/firstgap/harness/lines"
	"github.com/firstgap/firstgap/harness/lines/protocol"
	"github.com/firstgap/firstgap/harness/runtime"
)

// A Workshop is where submissions are built and run: each in a box of its own, with the toolchains of this machine.
type Workshop struct {
	// Unsafe runs them without a box. Only who wrote a submission, or has read it, wants that.
	Unsafe bool
	// TypeScript is a folder into which npm has installed typescript; "" takes what is on the path.
	TypeScript string
	// Cache is the folder for what is compiled once for all submissions, which none of them can write to; "" is the user's.
	Cache string
	// Temp is the folder for boxes; "" is that of the system. Hidden are folders that no submission may see.
	Temp   string
	Hidden []string
	// Limits of each run and each build, where they are others than the box's.
	Run, Build sandbox.Limits
	Lines      lines.Limits

	mu    sync.Mutex
	tools map[string]sandbox.Toolchain
}

// Open builds the submission in a folder, as its manifest says, and returns it with what ends it and its box. What is wrong with the
// submission its Check says, so that it is graded like any other; the error is this machine's: it has no way to shut a box, or lacks a
// toolchain.
func (w *Workshop) Open(ctx context.Context, lab *labs.Lab, name, folder string) (Submission, func() error, error) {
	nothing := func() error { return nil }
	m, err := ReadManifest(folder)
	var wrong *ManifestError
	if errors.As(err, &wrong) {
		return refusedFor(lab, name, wrong.Error()), nothing, nil
	} else if err != nil {
		return Submission{}, nil, err
	}
	return w.open(ctx, lab, name, folder, m)
}

// OpenCommand is Open of a command that needs no build, in the folder where it is given.
func (w *Workshop) OpenCommand(ctx context.Context, lab *labs.Lab, args []string) (Submission, func() error, error) {
	if err := checkArgs("the command", args); err != nil || len(args) == 0 {
		return Submission{}, nil, errors.Join(err, errors.New("expected a command, found none"))
	}
	here, err := os.Getwd()
	if err != nil {
		return Submission{}, nil, err
	}
	return w.open(ctx, lab, strings.Join(args, " "), here, Manifest{Run: args})
}

func (w *Workshop) open(ctx context.Context, lab *labs.Lab, name, folder string, m Manifest) (s Submission, end func() error, err error) {
	tools, err := w.toolchains(ctx, m)
	if err != nil {
		return s, nil, err
	}
	o := sandbox.Options{Submission: folder, Toolchains: tools, Hidden: w.Hidden, Temp: w.Temp, Run: w.Run, Build: w.Build}
	if w.Unsafe {
		o.Mechanism = sandbox.Unsafe
	}
	nothing := func() error { return nil }
	box, err := sandbox.Open(ctx, o)
	var taken *sandbox.SubmissionError
	if errors.As(err, &taken) {
		return refusedFor(lab, name, taken.Error()), nothing, nil
	} else if err != nil {
		return s, nil, err
	}
	if len(m.Build) > 0 {
		reason, err := build(ctx, box, m.Build)
		if err != nil {
			return s, nil, errors.Join(err, box.Close())
		}
		if reason != "" {
			return refusedFor(lab, name, reason), box.Close, nil
		}
	}
	command := box.Command(m.Run, "")
	command.Limits = w.Lines
	s = Submission{Name: name, Maker: protocol.Program{Command: command}.Maker(), Again: failure.Quoted(m.Run)}
	s.Trouble = func() error {
		var passed *sandbox.LimitError
		if err := box.Exceeded(); errors.As(err, &passed) {
			return &RefusedError{passed.Error()}
		} else if err != nil {
			return err
		}
		return nil
	}
	s.Check = func(ctx context.Context) error { return firstWords(ctx, lab, &s) }
	s.holds = func() error { return box.Holds(ctx) }
	return s, box.Close, nil
}

// refusedFor is a submission that is refused before anything of it runs.
func refusedFor(lab *labs.Lab, name, reason string) Submission {
	return Submission{Name: name, Maker: lab.Reference, Check: func(context.Context) error { return &RefusedError{reason} }}
}

// mostBuild is how many of the last lines that a build wrote are kept: compilers say at the end what they could not do.
const mostBuild = 8

// build builds a submission, and says why it could not be.
func build(ctx context.Context, box *sandbox.Box, args []string) (reason string, err error) {
	out, err := box.Build(ctx, args...)
	var status *sandbox.BuildError
	var passed *sandbox.LimitError
	var taken *sandbox.SubmissionError
	switch {
	case err == nil:
		return "", nil
	case errors.As(err, &passed):
		return passed.Error(), nil
	case errors.As(err, &taken):
		return taken.Error(), nil
	case errors.As(err, &status):
		said := strings.Split(strings.TrimSpace(string(out)), "\n")
		said = said[max(0, len(said)-mostBuild):]
		for i := range said {
			said[i] = clip(strings.TrimRight(said[i], "\r"), mostLine)
		}
		return "it cannot be built: " + status.Error() + "\n" + strings.Join(said, "\n"), nil
	}
	return "", err
}

// toolchains are those that the programs of a manifest are of, and nothing more: what a box does not show cannot be misused.
func (w *Workshop) toolchains(ctx context.Context, m Manifest) ([]sandbox.Toolchain, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var names []string
	for _, args := range [][]string{m.Build, m.Run} {
		for _, a := range args {
			for _, word := range strings.FieldsFunc(a, func(r rune) bool { return strings.ContainsRune(" \t\n;&|()", r) }) {
				for _, t := range toolsOf(word) {
					if !slices.Contains(names, t) {
						names = append(names, t)
					}
				}
			}
		}
	}
	slices.Sort(names)
	var all []sandbox.Toolchain
	for _, name := range names {
		t, has := w.tools[name]
		if !has {
			var err error
			if t, err = w.find(ctx, name); err != nil {
				return nil, err
			}
			if w.tools == nil {
				w.tools = map[string]sandbox.Toolchain{}
			}
			w.tools[name] = t
		}
		all = append(all, t)
	}
	return all, nil
}

// toolsOf names the toolchains that a program belongs to. Whatever else a program may be, the box shows the system's own.
func toolsOf(program string) []string {
	switch path.Base(program) {
	case "go":
		return []string{"go"}
	case "python3", "python":
		return []string{"python"}
	case "node":
		return []string{"node"}
	case "tsc":
		return []string{"node", "typescript"}
	}
	return nil
}

func (w *Workshop) find(ctx context.Context, name string) (sandbox.Toolchain, error) {
	switch name {
	case "go":
		cache := w.Cache
		if cache == "" {
			of, err := os.UserCacheDir()
			if err != nil {
				return sandbox.Toolchain{}, err
			}
			cache = filepath.Join(of, "firstgap", "go")
		}
		return sandbox.Go(ctx, cache, nil)
	case "python":
		return sandbox.Python(ctx)
	case "node":
		return sandbox.Node(ctx)
	}
	return w.typeScript()
}

// typeScript finds the compiler in the folder that is given, or else as npm has put it on the path.
func (w *Workshop) typeScript() (sandbox.Toolchain, error) {
	if w.TypeScript != "" {
		folder, err := filepath.Abs(w.TypeScript)
		if err != nil {
			return sandbox.Toolchain{}, err
		}
		return sandbox.TypeScript(folder)
	}
	link, err := exec.LookPath("tsc")
	if err != nil {
		return sandbox.Toolchain{}, &sandbox.ToolchainError{Name: "typescript", Expected: "tsc on the path, or a folder into which npm has installed typescript", Found: "neither"}
	}
	program, err := filepath.EvalSymlinks(link)
	if err != nil {
		return sandbox.Toolchain{}, err
	}
	before, _, is := strings.Cut(program, "/node_modules/")
	if !is {
		return sandbox.Toolchain{}, &sandbox.ToolchainError{Name: "typescript", Expected: "tsc in a folder of npm, node_modules", Found: program}
	}
	// Those of all packages: the compiler may be in one, and what it starts in another.
	modules := filepath.Join(before, "node_modules")
	at, err := filepath.Rel(modules, program)
	return sandbox.Toolchain{Name: "typescript", Shows: []sandbox.Show{{Host: modules, Inside: "/node_modules"}}, Path: []string{path.Dir(path.Join("/node_modules", filepath.ToSlash(at)))}}, err
}

// firstEvents is how many events of a run a program must live through before anything of it is graded. A mistake in the form of its lines
// is told there by one sentence, where every test would tell it again.
const firstEvents = 60

// firstWords holds a program against the protocol, in the first events of the first public run.
func firstWords(ctx context.Context, lab *labs.Lab, s *Submission) error {
	i := slices.IndexFunc(lab.Tests, func(t labs.Test) bool { return t.Public && t.Generate != nil && t.Runs > 0 })
	if i < 0 {
		return nil // all is told by scripts, whose first line says it
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	t, system := &lab.Tests[i], lab.System(s.Maker)
	c, err := t.Generate(system, lab.Seeds(t, nil)[0], "")
	if err != nil {
		return &ConfigurationError{lab.Number, t.Name, lab.Seeds(t, nil)[0], err}
	}
	r := harness.RunWith(system, c, harness.Options{Events: firstEvents, Only: faults.Sanity})
	if err := s.Trouble(); err != nil {
		return err
	}
	for k := range r.Findings {
		f := &r.Findings[k]
		if err := s.machine(f); err != nil {
			return err
		}
		if breach(f) {
			return &RefusedError{inOneSentence(f)}
		}
	}
	return nil
}

// breach tells whether a finding is that a program broke its protocol.
func breach(f *judge.Finding) bool {
	return f.Check == faults.Sanity && f.Verdict == judge.Violation &&
		slices.Contains([]runtime.BreachRule{runtime.AnswersInTime, runtime.KeepsTheForm, runtime.LivesOn}, runtime.BreachRule(f.Rule))
}

// hangs tells whether a finding is that a program did not answer, or did not read, until its time was up. Each such run takes that long.
func hangs(f *judge.Finding) bool {
	return breach(f) && (f.Kind == string(lines.Late) || f.Kind == string(lines.Deaf))
}

// inOneSentence says a breach, with the offending line and the last words of the program.
func inOneSentence(f *judge.Finding) string {
	s := "it breaks the protocol: " + f.Sentence()
	if n := len(f.Lead); n > 1 {
		s += "; its log ends with: " + strings.TrimSpace(f.Lead[n-1])
	}
	return clip(strings.Join(strings.Fields(s), " "), mostSays)
}

// A MachineError says that this machine could not run a program, so that nothing is known of it.
type MachineError struct{ Found string }

func (e *MachineError) Error() string {
	return fmt.Sprintf("expected a machine that runs the submission, found that it does not: %s", e.Found)
}

// machineRule is the rule of findings that are of the machine (see runtime.Breach).
const machineRule = "the machine runs programs"

// machine returns a *MachineError where a finding is of the machine: it says so, or what shuts the box seems to and the box does not hold
// any more. A program can write to its log whatever it likes; without a look at the box, one that fakes a message of bubblewrap's would be
// an error of the grader, and no score of its own.
func (s *Submission) machine(f *judge.Finding) error {
	if f.Check != faults.Sanity {
		return nil
	}
	if f.Verdict != judge.Violation && f.Rule == machineRule {
		return &MachineError{f.Sentence()}
	}
	for _, line := range f.Lead {
		if s.holds == nil || !strings.HasPrefix(line, "bwrap: ") && !strings.HasPrefix(line, "firstgap: box: ") {
			continue
		}
		if err := s.holds(); err != nil {
			return &MachineError{err.Error()}
		}
		return nil
	}
	return nil
}
