package judge

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// Whoever makes a failure smaller asks of every run whether it fails by the same: two panics of one mistake are the same whatever LSNs
// and rows they name, and two mistakes that both end a node are not.
func TestPanicsOfOneMistakeAreOfOneKind(t *testing.T) {
	for _, x := range []struct{ value, kind string }{
		{"segment and stream differ: record 31/2: page 7", "segment and stream differ"},
		{"segment and stream differ: record 4/1: no page", "segment and stream differ"},
		{"page 17 is in no group: 12 pages in 2 groups", "page n is in no group"},
		{"runtime error: index out of range [5] with length 3", "runtime error: index out of range [n] with length n"},
		{"lock: a transaction that waits asks for another lock", "lock: a transaction that waits asks for another lock"},
		{"started too often", "started too often"},
		{"", ""},
	} {
		var f Finding
		(&PanicError{Node: "writer 1", Event: "a timer", Value: x.value}).describe(&f)
		require.Equal(t, x.kind, f.Kind, x.value)
	}
}

// Of what a program wrote before it ended, the line that names the error says most; interpreters put it at different places.
func TestLastWordsAreTheLineThatNamesTheError(t *testing.T) {
	for want, log := range map[string][]string{
		"ModuleNotFoundError: No module named 'firstgap'": {"Traceback (most recent call last):", "  File \"a.py\", line 1", "ModuleNotFoundError: No module named 'firstgap'", ""},
		"TypeError: x is not a function":                  {"/a.js:1", "TypeError: x is not a function", "    at main (/a.js:1:1)", "", "Node.js v20.20.2"},
		"panic: runtime error: index out of range [1]":    {"panic: runtime error: index out of range [1]", "", "goroutine 1 [running]:", "main.main()"},
		"I give up": {"I begin", "I give up", " "},
		"":          nil,
	} {
		require.Equal(t, want, lastWords(log))
	}
}
