// Package verdict has the answer of the whole product, and the one map from it to exit codes. A search and a history have
// answers of their own, in their own words; a command that ends with one of these says here what it comes to.
//
// Use the verdict of spec/check or of linearizability instead when a caller asks why a search or a history ended as it
// did.
package verdict

import (
	"github.com/firstgap/firstgap/harness/text"
	"github.com/firstgap/firstgap/linearizability"
	"github.com/firstgap/firstgap/spec/check"
)

// Verdict is how a run, a campaign, a comparison or a command ended.
type Verdict string

// The verdicts. The zero Verdict is not among them, and counts as CouldNotTell: leaving it out passes nothing.
const (
	Pass         Verdict = "pass"
	Violation    Verdict = "violation"
	CouldNotTell Verdict = "could not tell"
)

// OfSearch returns what the verdict of a search comes to.
func OfSearch(v check.Verdict) Verdict {
	switch v {
	case check.Pass:
		return Pass
	case check.Violation:
		return Violation
	}
	return CouldNotTell
}

// OfHistory returns what the verdict on a history comes to.
func OfHistory(v linearizability.Verdict) Verdict {
	switch v {
	case linearizability.Legal:
		return Pass
	case linearizability.Illegal:
		return Violation
	}
	return CouldNotTell
}

// Worse returns the verdict of both together: a violation stays one beside what could not be told.
func (v Verdict) Worse(w Verdict) Verdict {
	switch {
	case v == Violation || w == Violation:
		return Violation
	case v == Pass && w == Pass:
		return Pass
	}
	return CouldNotTell
}

// ExitCode returns what a command that ends with v exits with: 0 pass, 1 violation, 2 could not tell.
func (v Verdict) ExitCode() int {
	switch v {
	case Pass:
		return 0
	case Violation:
		return 1
	}
	return 2
}

// Mark returns how a screen shows the verdict.
func (v Verdict) Mark() text.Mark {
	switch v {
	case Pass:
		return text.Good
	case Violation:
		return text.Bad
	}
	return text.Unsure
}

// Cell returns text that tells the verdict, for a table.
func (v Verdict) Cell(words string) text.Cell { return text.Cell{Text: words, Mark: v.Mark()} }
