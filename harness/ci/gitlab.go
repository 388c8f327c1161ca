package ci

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/firstgap/firstgap/harness/judge"
)

// An issue is one entry of GitLab's code quality report (docs.gitlab.com, "Code Quality report format"): it reads these fields.
type issue struct {
	Description string   `json:"description"`
	Check       string   `json:"check_name"`
	Fingerprint string   `json:"fingerprint"`
	Severity    string   `json:"severity"` // info, minor, major, critical or blocker
	Location    location `json:"location"`
}

type location struct {
	Path  string `json:"path"` // relative to the repository, without ./
	Lines struct {
		Begin int `json:"begin"`
	} `json:"lines"`
}

// mostQuality is how many problems a report has: a merge request loads all of it.
const mostQuality = 1_000

// CodeQuality writes GitLab's code quality report: one issue a rule that was broken, since GitLab takes two issues with one fingerprint for
// one. A job that did not pass without any failure has one that says why, so
// that an empty report is a pass.
func (r *Result) CodeQuality(w io.Writer) error {
	all := []issue{}
	add := func(check, fingerprint, severity, path string, line int, description string) {
		x := issue{Description: cut(description, mostMessage), Check: check, Fingerprint: fingerprint, Severity: severity, Location: location{Path: r.path(path)}}
		x.Location.Lines.Begin = line
		all = append(all, x)
	}
	rules := r.rules()
	shown := rules
	if len(rules) > mostQuality {
		shown = rules[:mostQuality-1]
	}
	for _, x := range shown {
		add(x.Rule, x.Fingerprint, severity(x.Verdict), x.Path, x.Line, x.sentence())
	}
	if left := len(rules) - len(shown); left > 0 {
		add("verdict", "more", "info", r.Whole, 1, fmt.Sprintf("%d more rules are not shown here; %s has all of them", left, r.Whole))
	}
	if len(all) == 0 && r.Verdict != judge.Pass {
		add("verdict", "verdict/"+string(r.Verdict), severity(r.Verdict), r.Whole, 1, strings.Join(append([]string{title(r.Verdict)}, r.Reasons...), "; "))
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	if err := e.Encode(all); err != nil {
		return fmt.Errorf("code quality: %w", err)
	}
	_, err := w.Write(b.Bytes())
	return err
}

func severity(v judge.Verdict) string {
	if v == judge.Violation {
		return "critical"
	}
	return "major"
}
