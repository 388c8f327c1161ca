package fuzz

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/zeebo/xxh3"

	"github.com/firstgap/firstgap/harness/failure/why"
)

// numbers are what differs between two failures that have the same cause: which segment, which LSN, when.
var numbers = regexp.MustCompile(`[0-9]+([-./:][0-9]+)*`)

// lists are several of these in a row, such as "3, 4 and 7".
var lists = regexp.MustCompile(`#((, | and |, and |/)#)+`)

// kindOf returns words without what tells one such event from another.
func kindOf(words string) string {
	return lists.ReplaceAllString(numbers.ReplaceAllString(words, "#"), "#")
}

// A Signature tells failures of different causes apart. Two failures have the same one where the same rule is broken by the same kind of
// step of the same kind of node, and the same kinds of events lie behind it.
type Signature struct {
	Rule   string   `json:"rule"`   // with its check, and the kind of ways to break it
	Causes []string `json:"causes"` // the bad step first, then what lies behind it; without numbers
}

// SignatureOf returns the signature of what was explained.
func SignatureOf(w *why.What) Signature {
	s := Signature{Rule: w.Target.String(), Causes: []string{}}
	add := func(l *why.Link) {
		if cause := kindOf(l.Node) + " " + kindOf(l.Words); len(s.Causes) == 0 || s.Causes[len(s.Causes)-1] != cause {
			s.Causes = append(s.Causes, cause)
		}
	}
	if w.Bad != nil {
		add(w.Bad)
	}
	for i := range w.Causes {
		add(&w.Causes[i])
	}
	for i := range w.Waits {
		s.Causes = append(s.Causes, fmt.Sprintf("%s waits for %s of %s", kindOf(w.Waits[i].Node), kindOf(w.Waits[i].For), kindOf(w.Waits[i].Of)))
	}
	return s
}

// String is short, the same for equal signatures, and good for a file's name.
func (s Signature) String() string {
	return fmt.Sprintf("%016x", xxh3.HashString(s.Rule+"\n"+strings.Join(s.Causes, "\n")))
}
