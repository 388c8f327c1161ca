package retell

import (
	"net/url"
	"path/filepath"

	"github.com/firstgap/firstgap/harness/judge"
)

// A Problem is a failure as a CI shows it beside a line of source: what SARIF says of it, in a sentence.
type Problem struct {
	Rule        string // the check, and behind a slash the rule: as SARIF names it
	Verdict     judge.Verdict
	Headline    string // one line
	Path        string // absolute: of the line of source, or of the failure file
	Line        int    // from 1
	Fingerprint string // the same of every failure of one system by one rule
	Seed        uint64
	Replay      string // the command that makes it again; may be empty
}

// ProblemOf returns the problem that a failure is. Sources may be nil.
func ProblemOf(s *Shown, from *Sources) Problem {
	target, f, headline := s.failed()
	place, _ := from.place(s, &f)
	p := Problem{Rule: ruleID(target), Verdict: target.Verdict, Headline: line(headline), Path: place.Artifact.URI, Line: max(1, place.Region.StartLine),
		Fingerprint: s.fingerprint(target), Seed: s.Seed, Replay: line(s.Replay)}
	if u, err := url.Parse(p.Path); err == nil {
		p.Path = filepath.FromSlash(u.Path)
	}
	if place.Artifact.Base != "" {
		p.Path = filepath.Join(from.root, p.Path)
	} else if abs, err := filepath.Abs(p.Path); err == nil {
		p.Path = abs
	}
	return p
}
