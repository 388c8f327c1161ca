package exhaustive

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// A Point is a crash: a process dies right after one of its steps that has effects, or in the middle of it.
type Point struct {
	Process string `json:"process"` // its name, such as "segment 1/2"
	// Step counts, from 1, the steps of the process that had effects: that sent, answered, set something on its way to its disk,
	// or told of something. It counts through all of its incarnations.
	Step int `json:"step"`
	// Sent is how many of the messages and answers of the step have left; 0 is all of them.
	Sent int `json:"sent,omitempty"`
	// Kept says what becomes of what the process had written and was not told to be durable: all of it is, or none.
	Kept bool `json:"kept"`
}

// String renders a point as ParsePoint reads it: "segment 1/2 step 14 lost", "writer 1 step 20 sent 1 lost".
func (p Point) String() string {
	sent := ""
	if p.Sent > 0 {
		sent = fmt.Sprintf(" sent %d", p.Sent)
	}
	return fmt.Sprintf("%s step %d%s %s", p.Process, p.Step, sent, map[bool]string{true: "kept", false: "lost"}[p.Kept])
}

// A PointError says why a text is no point.
type PointError struct{ Found string }

func (e *PointError) Error() string {
	return fmt.Sprintf(`expected a crash such as "segment 1/2 step 14 kept" or "writer 1 step 20 sent 1 lost", found %q`, strings.TrimSpace(e.Found))
}

var point = regexp.MustCompile(`^(.+?) step ([1-9][0-9]{0,8})(?: sent ([1-9][0-9]{0,8}))? (kept|lost)$`)

// ParsePoint reads a point. How words are spaced does not matter: a screen may have broken the line.
func ParsePoint(text string) (Point, error) {
	m := point.FindStringSubmatch(strings.Join(strings.Fields(text), " "))
	if m == nil {
		return Point{}, &PointError{text}
	}
	p := Point{Process: m[1], Kept: m[4] == "kept"}
	p.Step, _ = strconv.Atoi(m[2])
	p.Sent, _ = strconv.Atoi(m[3]) // "" is 0
	return p, nil
}

// Crashes are those of one run, in order.
type Crashes []Point

// String renders crashes as ParseCrashes reads them.
func (c Crashes) String() string {
	words := make([]string, len(c))
	for i, p := range c {
		words[i] = p.String()
	}
	return strings.Join(words, ", ")
}

// MostCrashes is how many there may be in one run: each may take a writer, and a run has so many to replace it.
const MostCrashes = 4

// ParseCrashes reads crashes.
func ParseCrashes(text string) (Crashes, error) {
	var c Crashes
	for part := range strings.SplitSeq(text, ",") {
		p, err := ParsePoint(part)
		if err != nil {
			return nil, err
		}
		c = append(c, p)
	}
	if len(c) > MostCrashes {
		return nil, fmt.Errorf("expected at most %d crashes, found %d", MostCrashes, len(c))
	}
	return c, nil
}
