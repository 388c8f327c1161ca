package linearizability

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"text/tabwriter"
	"time"
)

// A FileResult is what a recorded history came to. Its JSON keys are stable.
type FileResult struct {
	File       string  `json:"file"`
	Format     Format  `json:"format"`
	Model      Model   `json:"model"`
	Verdict    Verdict `json:"verdict"`
	Proof      Proof   `json:"proof"`      // empty when the verdict is unknown
	Operations int     `json:"operations"` // calls or transactions
	Unknown    int     `json:"unknown"`    // of these, with an unknown outcome
	Pending    int     `json:"pending"`    // of these, without an answer when the record ended
	Steps      int     `json:"steps"`      // operations that the search tried
	Seconds    float64 `json:"seconds"`
	Reason     string  `json:"reason"` // why the verdict is not legal

	recording *Recording
}

// CheckFile reads a recorded history and decides it. An empty model is the one that the history is meant for.
func CheckFile(ctx context.Context, path string, format Format, model Model, limits Limits) FileResult {
	started := time.Now()
	result := FileResult{File: path, Format: format, Model: model}
	recording, err := readFile(path, format)
	if err != nil {
		result.Reason = err.Error()
	} else {
		result.recording = recording
		result.Format = recording.Format
		if model == "" {
			result.Model = recording.Model
		}
		checked := recording.Check(ctx, model, limits)
		result.Verdict, result.Proof, result.Steps = checked.Verdict, checked.Proof, checked.Steps
		result.Operations, result.Unknown, result.Pending = checked.Operations, checked.Unknown, recording.Pending
		if err := checked.Err(); err != nil {
			result.Reason = err.Error()
		}
	}
	result.Seconds = time.Since(started).Seconds()
	return result
}

func readFile(path string, format Format) (*Recording, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return ReadRecording(path, f, format)
}

// Overall is the verdict on several files: illegal when one is, and without one, unknown when one is or when there is
// no file.
func Overall(results []FileResult) Verdict {
	verdict := Legal
	for _, r := range results {
		switch {
		case r.Verdict == Illegal:
			return Illegal
		case r.Verdict != Legal:
			verdict = Unknown
		}
	}
	if len(results) == 0 {
		return Unknown
	}
	return verdict
}

// WriteTable writes a line a file for people, and under it why those that are not legal are not.
func WriteTable(w io.Writer, results []FileResult) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "FILE\tVERDICT\tMODEL\tOPERATIONS\tUNKNOWN\tSECONDS")
	for _, r := range results {
		model := r.Model
		if model == "" {
			model = "-"
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%d\t%d\t%.3f\n", r.File, r.Verdict, model, r.Operations, r.Unknown, r.Seconds)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	for _, r := range results {
		if r.Verdict == Legal {
			continue
		}
		if _, err := fmt.Fprintf(w, "\n%s: %s\n  %s\n", r.File, r.Verdict, r.Reason); err != nil {
			return err
		}
	}
	return nil
}

// WriteJSON writes {"verdict": overall, "histories": [one object a file]}.
func WriteJSON(w io.Writer, results []FileResult) error {
	encode := json.NewEncoder(w)
	encode.SetIndent("", "  ")
	return encode.Encode(struct {
		Verdict   Verdict      `json:"verdict"`
		Histories []FileResult `json:"histories"`
	}{Overall(results), results})
}
