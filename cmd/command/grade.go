package command

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/atomic"
	"github.com/firstgap/firstgap/harness/failure"
	"github.com/firstgap/firstgap/harness/grade"
	"github.com/firstgap/firstgap/harness/grade/class"
	"github.com/firstgap/firstgap/harness/grade/labs"
	"github.com/firstgap/firstgap/harness/grade/publish"
	"github.com/firstgap/firstgap/harness/grade/students"
	"github.com/firstgap/firstgap/harness/judge"
	"github.com/firstgap/firstgap/harness/lines"
	"github.com/firstgap/firstgap/harness/lines/clients"
	"github.com/firstgap/firstgap/harness/lines/protocol"
	"github.com/firstgap/firstgap/harness/text"
)

// gradeCommand is firstgap grade: its flags.
type gradeCommand struct {
	number      int
	submission  string
	submissions string
	tests       string
	out         string
	public      bool
	secret      string
	formats     []string
	unsafe      bool
	typeScript  string
	workers     int
	json        bool
	list        bool
	handout     bool
	skeleton    string
}

// gradeCodes ends the help of firstgap grade.
const gradeCodes = "exit codes: 0 full marks, 1 lost marks, 2 could not tell"

func newGrade() *cobra.Command {
	var c gradeCommand
	cmd := &cobra.Command{
		Use:   "grade --lab N [flags] [DIR]",
		Short: "grade a program that a student wrote, a class of them, or the tests that students wrote",
		Long: `grade builds a submission and runs it in a box without a network, as another user, and holds it against the tests of a lab. A submission is
a folder with a file ` + grade.ManifestName + `, such as {"build":["go","build","-o","node","."],"run":["./node"]}, or a command that is run in this folder.

Each test gives all of its marks or none. The break-point gives marks for each number of faults at once that the submission stands. Every
lost mark is explained by the smallest run that loses it, and the folder of results has its page and the file that repeats it.

The same submission, lab and secret give the same result on any machine. Without --secret the seeds of the hidden tests are known.

--submissions grades every folder in a folder, into grades.csv. What is graded is kept: started again, it goes on.
--tests grades the tests in a folder, scenarios (.txt) and fault plans or configurations (.json), by the planted bugs that they kill.
--skeleton LANGUAGE DIR writes what a student begins with: a program that runs and does nothing, and the client library.
` + gradeCodes,
		Args: func(cmd *cobra.Command, args []string) error {
			if !cmd.Flags().Changed("skeleton") {
				return noArguments(cmd, args)
			}
			if len(args) != 1 {
				return fmt.Errorf("--skeleton %s: expected one folder to write it to, found %d", c.skeleton, len(args))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return c.run(cmd, args) },
	}
	f := cmd.Flags()
	f.IntVar(&c.number, "lab", 0, "the number of the lab; --list lists them")
	f.StringVar(&c.submission, "submission", "", "a folder with "+grade.ManifestName+", or a command")
	f.StringVar(&c.submissions, "submissions", "", "a folder with a submission in each of its folders")
	f.StringVar(&c.tests, "tests", "", "a folder with tests that a student wrote")
	f.StringVar(&c.out, "out", "firstgap-grade", "folder for the result, its pages, the files that repeat failures, and the formats")
	f.BoolVar(&c.public, "public", false, "the public tests alone, as students have them")
	f.StringVar(&c.secret, "secret", "", "a file with the course's secret, which the seeds of the hidden tests are drawn from")
	f.StringSliceVar(&c.formats, "format", nil, "write these beside the result, separated by commas: "+formatNames())
	f.BoolVar(&c.unsafe, "unsafe-without-sandbox", false, "run the submission without a box: only what you have written or read yourself")
	f.StringVar(&c.typeScript, "typescript", "", "a folder into which npm has installed typescript (default: tsc on the path)")
	f.IntVar(&c.workers, "workers", 0, "how many runs, or submissions of a class, at a time (default: one on each core)")
	f.BoolVar(&c.json, "json", false, "print the result as JSON")
	f.BoolVar(&c.list, "list", false, "list the labs and their tests")
	f.StringVar(&c.skeleton, "skeleton", "", "the language of the skeleton to write to DIR: "+languageNames())
	f.BoolVar(&c.handout, "handout", false, "print what students are given to read of the lab")
	return cmd
}

func formatNames() string {
	var names []string
	for _, f := range publish.Formats() {
		names = append(names, string(f))
	}
	return strings.Join(names, ", ")
}

func languageNames() string {
	var names []string
	for _, l := range clients.Languages() {
		names = append(names, string(l))
	}
	return strings.Join(names, ", ")
}

func (c *gradeCommand) run(cmd *cobra.Command, args []string) error {
	if c.list {
		return listLabs(cmd.OutOrStdout(), c.number)
	}
	if !cmd.Flags().Changed("lab") {
		return errors.New("expected --lab and its number, found none; --list lists the labs")
	}
	lab, err := labs.Numbered(c.number)
	if err != nil {
		return err
	}
	if c.workers < 0 {
		return fmt.Errorf("--workers is %d; expected no negative number", c.workers)
	}
	var asked []string
	for _, what := range []string{"submission", "submissions", "tests", "skeleton", "handout"} {
		if cmd.Flags().Changed(what) {
			asked = append(asked, "--"+what)
		}
	}
	if len(asked) != 1 {
		return fmt.Errorf("expected one of --submission, --submissions, --tests, --skeleton and --handout, found %s", cmp.Or(strings.Join(asked, " and "), "none"))
	}
	switch {
	case c.handout:
		_, err = io.WriteString(cmd.OutOrStdout(), lab.Handout())
		return err
	case c.skeleton != "":
		return c.writeSkeleton(cmd, &lab, args[0])
	case c.tests != "":
		return c.students(cmd, &lab)
	}
	o := grade.Options{Public: c.public, Workers: c.workers}
	if c.secret != "" {
		if o.Secret, err = grade.ReadSecret(c.secret); err != nil {
			return err
		}
	}
	write, err := c.writer()
	if err != nil {
		return err
	}
	w := &grade.Workshop{Unsafe: c.unsafe, TypeScript: c.typeScript}
	if w.Hidden, err = c.hidden(); err != nil {
		return err
	}
	if c.unsafe {
		fmt.Fprintln(cmd.ErrOrStderr(), "grade: without a box a submission can do what you can: read and write your files, and reach the network")
	}
	if c.submissions != "" {
		return c.class(cmd, &lab, o, w, write)
	}
	return c.one(cmd, &lab, o, w, write)
}

// hidden are the folders that no submission may see: those of the secret and of the results.
func (c *gradeCommand) hidden() ([]string, error) {
	out, err := filepath.Abs(c.out)
	if err != nil {
		return nil, err
	}
	hidden := []string{out}
	if c.secret != "" {
		secret, err := filepath.Abs(c.secret)
		if err != nil {
			return nil, err
		}
		hidden = append(hidden, filepath.Dir(secret))
	}
	return hidden, nil
}

// writer writes a result into a folder in all formats that are asked for, each whole or not at all.
func (c *gradeCommand) writer() (func(folder string, r *grade.Result) error, error) {
	var formats []publish.Format
	for _, name := range c.formats {
		f, err := publish.Named(name)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(formats, f) {
			formats = append(formats, f)
		}
	}
	o := publish.Options{Now: time.Now(), Identity: publish.IdentityOf(os.Getenv)}
	return func(folder string, r *grade.Result) error {
		for _, f := range formats {
			var b bytes.Buffer
			if err := f.Write(&b, r, o); err != nil {
				return err
			}
			if err := atomic.Write(filepath.Join(folder, f.File()), b.Bytes()); err != nil {
				return err
			}
		}
		return nil
	}, nil
}

// resultName is the file of a result in its folder.
const resultName = "result.json"

// one grades one submission.
func (c *gradeCommand) one(cmd *cobra.Command, lab *labs.Lab, o grade.Options, w *grade.Workshop, write func(string, *grade.Result) error) (err error) {
	ctx := cmd.Context()
	s, end, err := c.open(ctx, lab, w)
	if err != nil {
		return err
	}
	defer func() {
		if ended := end(); ended != nil {
			err = ended // what a submission has left behind makes every result doubtful
		}
	}()
	if err := os.MkdirAll(c.out, 0o755); err != nil {
		return err
	}
	o.Out = c.out
	progress := text.NewProgress(cmd.ErrOrStderr(), time.Now)
	o.Partial = func(r *grade.Result) error {
		progress.Show(fmt.Sprintf("grade: %d of %d so far", r.Score, r.Most))
		encoded, err := json.MarshalIndent(r, "", "  ")
		if err != nil {
			return err
		}
		if err := atomic.Write(filepath.Join(c.out, resultName), append(encoded, '\n')); err != nil {
			return err
		}
		return write(c.out, r)
	}
	r, err := grade.Grade(ctx, lab, s, o)
	progress.End()
	if err != nil {
		return fmt.Errorf("no score: %w", err)
	}
	if c.json {
		e := json.NewEncoder(cmd.OutOrStdout())
		e.SetIndent("", "  ")
		err = e.Encode(r)
	} else {
		err = publish.Text(cmd.OutOrStdout(), r)
		fmt.Fprintf(cmd.ErrOrStderr(), "results: %s\n", c.out)
	}
	if err != nil {
		return err
	}
	if r.Full() {
		return nil
	}
	return ended(judge.Violation, nil)
}

// open opens the submission: a folder, or else a command, which is split at spaces.
func (c *gradeCommand) open(ctx context.Context, lab *labs.Lab, w *grade.Workshop) (grade.Submission, func() error, error) {
	info, err := os.Stat(c.submission)
	switch {
	case err == nil && info.IsDir():
		at, err := filepath.Abs(c.submission)
		if err != nil {
			return grade.Submission{}, nil, err
		}
		return w.Open(ctx, lab, filepath.Base(at), at)
	case c.submission == "":
		return grade.Submission{}, nil, errors.New("--submission: expected a folder or a command, found nothing")
	}
	return w.OpenCommand(ctx, lab, strings.Fields(c.submission))
}

// class grades a class.
func (c *gradeCommand) class(cmd *cobra.Command, lab *labs.Lab, o grade.Options, w *grade.Workshop, write func(string, *grade.Result) error) error {
	program, err := programDigest()
	if err != nil {
		return err
	}
	progress := text.NewProgress(cmd.ErrOrStderr(), time.Now)
	done := 0
	rows, err := class.Grade(cmd.Context(), c.submissions, class.Options{Lab: lab, Grade: o, Out: c.out, Jobs: c.workers, Program: program, Keep: write,
		Open: func(ctx context.Context, name, folder string) (grade.Submission, func() error, error) {
			return w.Open(ctx, lab, name, folder)
		},
		Done: func(class.Row) {
			done++
			progress.Show(fmt.Sprintf("grade: %d submissions done", done))
		}})
	progress.End()
	if len(rows) == 0 {
		return err
	}
	full := err == nil
	t := text.NewTable(text.Text("submission"), text.Number("score"), text.Number("most"), text.Text(""))
	for _, r := range rows {
		switch {
		case r.Result == nil:
			t.Row(printed(r.Name), "", "", "could not tell")
			continue
		case r.Kept:
			t.Row(printed(r.Name), r.Result.Score, r.Result.Most, "as before")
		default:
			t.Row(printed(r.Name), r.Result.Score, r.Result.Most, "")
		}
		full = full && r.Result.Full()
	}
	written := t.Write(cmd.OutOrStdout())
	fmt.Fprintf(cmd.ErrOrStderr(), "table: %s\n", filepath.Join(c.out, class.Table))
	if err = errors.Join(err, written); err != nil || full {
		return err
	}
	return ended(judge.Violation, nil)
}

// printed is a name as a terminal may show it.
func printed(name string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 {
			return '?'
		}
		return r
	}, strings.ToValidUTF8(name, "?"))
}

// programDigest is that of this program: another one may grade otherwise.
func programDigest() (string, error) {
	name, err := os.Executable()
	if err != nil {
		return "", err
	}
	f, err := os.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// students grades the tests that students wrote.
func (c *gradeCommand) students(cmd *cobra.Command, lab *labs.Lab) error {
	r, err := students.Grade(cmd.Context(), students.Options{Lab: lab, Folder: c.tests, Workers: c.workers})
	if err != nil {
		return err
	}
	if c.json {
		e := json.NewEncoder(cmd.OutOrStdout())
		e.SetIndent("", "  ")
		err = e.Encode(r)
	} else {
		err = r.WriteText(cmd.OutOrStdout())
	}
	if err != nil || r.Score == r.Most {
		return err
	}
	return ended(judge.Violation, nil)
}

// writeSkeleton writes what a student begins with. It replaces no file.
func (c *gradeCommand) writeSkeleton(cmd *cobra.Command, lab *labs.Lab, dir string) error {
	folder, err := lab.Skeleton(clients.Language(c.skeleton))
	if err != nil {
		return err
	}
	return handOut(cmd, dir, folder)
}

// handOut writes the files of a folder, replacing none, and says which.
func handOut(cmd *cobra.Command, dir string, folder map[string][]byte) error {
	if err := clients.Write(dir, folder); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(folder)) {
		fmt.Fprintln(cmd.OutOrStdout(), path.Join(filepath.ToSlash(dir), name))
	}
	return nil
}

// listLabs lists the labs, or with a number the tests of one.
func listLabs(out io.Writer, number int) error {
	if number != 0 {
		lab, err := labs.Numbered(number)
		if err != nil {
			return err
		}
		t := text.NewTable(text.Text("test"), text.Text(""), text.Number("marks"), text.Text("what it asks for"))
		for _, x := range lab.Tests {
			public := ""
			if x.Public {
				public = "public"
			}
			t.Row(x.Name, public, x.Marks, x.Rule)
		}
		t.Row(grade.BreakPointName, "", lab.Break.Marks, "how many faults at once it takes to break it")
		return t.Write(out)
	}
	t := text.NewTable(text.Number("lab"), text.Text("what is built"), text.Number("tests"), text.Number("public"), text.Number("marks"), text.Number("bugs"))
	for _, l := range labs.Labs() {
		public := 0
		for _, x := range l.Tests {
			if x.Public {
				public++
			}
		}
		t.Row(l.Number, l.Title, len(l.Tests), public, l.Most(), len(l.Mistakes))
	}
	return t.Write(out)
}

// labPrefix begins the names of the systems of labs.
const labPrefix = "lab-"

// labsKind are programs that were graded: their failures are made again in the system of their lab.
func labsKind() programKind {
	return programKind{prefix: labPrefix, system: func(needs failure.Needs, program lines.Command) (harness.System, error) {
		var known []string
		for _, l := range labs.Labs() {
			s := l.System(protocol.Program{Command: program}.Maker())
			if s.Name() == needs.System {
				return s, nil
			}
			known = append(known, s.Name())
		}
		return nil, &faults.UnknownError{What: "lab", Found: needs.System, Known: known}
	}}
}
