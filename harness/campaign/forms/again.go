package forms

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"

	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/atomic"
	"github.com/firstgap/firstgap/harness/campaign/fuzz"
	"github.com/firstgap/firstgap/harness/ci"
	"github.com/firstgap/firstgap/harness/failure"
	"github.com/firstgap/firstgap/harness/failure/retell"
	"github.com/firstgap/firstgap/harness/judge"
)

// Files of what was run again, beside those of the campaign: the two are of one job of a CI.
const (
	AgainSummary = "again.md"
	AgainQuality = "again-code-quality.json"
)

// WriteAgain writes again.md, and says of what was run again what fails as CIs are told it: failures that come back, and configurations of
// the corpus that passed once. The checkout is as for Write.
func WriteAgain(folder string, r *fuzz.Replayed, system harness.System, checkout string) (*Forms, error) {
	f := &Forms{dir: filepath.Join(folder, Folder), quality: AgainQuality}
	if err := os.MkdirAll(f.dir, 0o755); err != nil {
		return nil, err
	}
	var all []retell.Shown
	for i := range r.Regressions {
		x := &r.Regressions[i]
		if !x.Reproduced && x.Now == "" {
			continue // it was mended, or cannot be run, which is among the reasons
		}
		path := filepath.Join(folder, "failures", x.File)
		kept, err := failure.Read(path)
		if err != nil {
			continue // likewise
		}
		all = append(all, retell.Shown{System: system.Name(), Seed: kept.Configuration.Seed, Findings: kept.Findings, File: path, Replay: "firstgap replay " + path + kept.Needs.Behind()})
	}
	for i := range r.Entries {
		x := &r.Entries[i]
		all = append(all, retell.Shown{System: system.Name(), Seed: x.Seed, File: filepath.Join(folder, "corpus", x.Name+".json"), Findings: []judge.Finding{finding(x.Target, x.Finding)}})
	}
	var sources *retell.Sources
	if len(all) > 0 {
		sources, _ = retell.ReadSources(".")
	}
	f.Result = &ci.Result{Verdict: r.Verdict, Reasons: r.Reasons, Checkout: checkout, Whole: folder}
	for i := range all {
		f.Result.Problems = append(f.Result.Problems, retell.ProblemOf(&all[i], sources))
	}
	var text bytes.Buffer
	err := r.WriteText(&text, folder)
	f.Summary = ci.Truncated(markdown("run again", r.Verdict, r.Reasons, all, text.String()), ci.MaxSummary, folder)
	return f, errors.Join(err, atomic.Write(filepath.Join(f.dir, AgainSummary), f.Summary))
}
