package ci

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/firstgap/firstgap/harness/judge"
)

// What GitHub shows of a step: ten errors and ten warnings, and the rest of them is dropped without a word.
const (
	mostAnnotations = 10
	mostMessage     = 4_000 // bytes; GitHub takes 64 KiB
)

// Annotations writes GitHub's workflow commands that annotate the first failure by each rule: a violation is an error, what could not be
// told a warning, and a job that did not pass without any has one that says why. Where there are more than GitHub shows, the last one says
// how many it does not.
func (r *Result) Annotations(w io.Writer) error {
	var commands []string
	add := func(level, rest, message string) {
		commands = append(commands, fmt.Sprintf("::%s %s::%s\n", level, rest, escaped(cut(message, mostMessage))))
	}
	for _, level := range []string{"error", "warning"} {
		these := slices.DeleteFunc(r.rules(), func(x rule) bool { return levelOf(x.Verdict) != level })
		shown := these
		if len(these) > mostAnnotations {
			shown = these[:mostAnnotations-1]
		}
		for _, x := range shown {
			add(level, fmt.Sprintf("file=%s,line=%d,title=%s", property(r.path(x.Path)), x.Line, property("firstgap: "+x.Rule)), x.sentence())
		}
		if left := len(these) - len(shown); left > 0 {
			add(level, "title="+property(title(r.Verdict)), fmt.Sprintf("%d more rules are not shown here: a step has at most %d such annotations; %s has all of them", left, mostAnnotations, r.Whole))
		}
	}
	if len(r.Problems) == 0 && r.Verdict != judge.Pass {
		add(levelOf(r.Verdict), "title="+property(title(r.Verdict)), strings.Join(r.Reasons, "\n"))
	}
	_, err := io.WriteString(w, strings.Join(commands, ""))
	return err
}

func levelOf(v judge.Verdict) string {
	if v == judge.Violation {
		return "error"
	}
	return "warning"
}

// escaped makes a text the message of a workflow command, and property makes it the value of one of its properties, as the runner's own
// toolkit does.
func escaped(s string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A").Replace(s)
}

func property(s string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C").Replace(s)
}

// Quiet writes what may have the words of a system under test, so that no line of it is taken for a workflow command: the runner takes
// none until it reads a token that cannot be guessed.
func Quiet(w io.Writer, write func(io.Writer) error) error { return quiet(w, rand.Text(), write) }

func quiet(w io.Writer, token string, write func(io.Writer) error) error {
	if _, err := fmt.Fprintf(w, "::stop-commands::%s\n", token); err != nil {
		return err
	}
	err := write(w)
	_, end := fmt.Fprintf(w, "\n::%s::\n", token) // on a line of its own, however that ended
	return errors.Join(err, end)
}

// MaxSummary is how long a step summary may be, in bytes; GitHub takes none at all of one above 1 MiB, that of the steps before included
// that append to the same file.
const MaxSummary = 1000 << 10

// AppendSummary appends text to a file, such as the one that $GITHUB_STEP_SUMMARY names, and keeps the file below MaxSummary: what does
// not fit is cut, and says that whole has all of it.
func AppendSummary(file string, markdown []byte, whole string) error {
	room := MaxSummary
	if info, err := os.Stat(file); err == nil {
		room -= int(min(info.Size(), int64(MaxSummary)))
	}
	const least = 1 << 10
	if room < least {
		return fmt.Errorf("step summary %s: expected room for %d bytes below %d, found %d", file, least, MaxSummary, room)
	}
	out, err := os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("step summary: %w", err)
	}
	_, err = out.Write(Truncated(markdown, room, whole))
	return errors.Join(err, out.Close())
}

// Truncated cuts Markdown to so many bytes at the end of a line, and says so, and where all of it is.
func Truncated(markdown []byte, most int, whole string) []byte {
	if len(markdown) <= most {
		return markdown
	}
	note := fmt.Sprintf("\n\n*cut here: the summary is too long; %s has all of it*\n", whole)
	s := string(markdown[:max(0, most-len(note))])
	if i := strings.LastIndexByte(s, '\n'); i > 0 {
		s = s[:i]
	}
	return []byte(s + note)
}
