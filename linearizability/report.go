package linearizability

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"
)

// A FileResult is what a recorded history came to. Its JSON keys are stable.
type FileResult struct {
	File       string  `json:"file"`
	Format     Format  `json:"format"`
	Model      Model   `json:"model"`
	Level      Level   `json:"level"` // asked of transactions; empty for calls
	Verdict    Verdict `json:"verdict"`
	Proof      Proof   `json:"proof"`      // empty when the verdict is unknown
	Operations int     `json:"operations"` // calls or transactions
	Unknown    int     `json:"unknown"`    // of these, with an unknown outcome
	Pending    int     `json:"pending"`    // of these, without an answer when the record ended
	Steps      int     `json:"steps"`      // operations that the search tried
	Seconds    float64 `json:"seconds"`
	Reason     string  `json:"reason"` // why the verdict is not legal
	// Notes say what was taken for granted or left out in the reading, a sentence each.
	Notes []string `json:"notes"`

	// With Request.Strongest, of transactions: the strongest level that holds, and the weakest that does not; each empty when
	// there is none. Reason and Core are then about the latter.
	Strongest Level `json:"strongest,omitempty"`
	Next      Level `json:"next,omitempty"`
	// Core are the operations of an illegal history that already contradict each other, and Minimal tells that it was shown
	// that none of them can be left out, see Explanation.
	Core    []CoreOperation `json:"core"`
	Minimal bool            `json:"minimal"`

	recording   *Recording
	result      Result
	explanation *Explanation
	standing    Standing
}

// A CoreOperation is one operation of a contradiction.
type CoreOperation struct {
	Client    string `json:"client"`
	Operation string `json:"operation"`
	Line      int    `json:"line"` // where it began; 0 when the format has no lines
	Begin     int64  `json:"begin"`
	End       int64  `json:"end"` // Unfinished when there was no answer
}

// A Request says how a recorded history is to be read and what it is asked for. The zero Request takes the format from the
// content, the model that the history is meant for, the strongest level that it can show, and the safe choices.
type Request struct {
	Format Format // empty is FormatAuto
	Model  Model
	Level  Level
	// Strongest also looks for the strongest level that a history of transactions has.
	Strongest bool
	Options   Options
	Limits    Limits
	Stdin     io.Reader // what the path "-" reads
}

// CheckFile reads a recorded history and decides it, both within the timeout of the limits.
func CheckFile(ctx context.Context, path string, ask Request) FileResult {
	started := time.Now()
	result := FileResult{File: path, Format: cmp.Or(ask.Format, FormatAuto), Model: ask.Model, Level: ask.Level, Notes: []string{}, Core: []CoreOperation{}}
	limits := ask.Limits
	if limits.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, limits.Timeout, &LimitError{Limit: "timeout", Max: limits.Timeout.String()})
		defer cancel()
	}
	recording, err := ReadFile(ctx, path, ask.Stdin, result.Format, ask.Options)
	if err != nil {
		result.Reason = err.Error()
	} else {
		result = recording.report(ctx, ask, started)
		result.File = path
	}
	result.Seconds = time.Since(started).Seconds()
	return result
}

// explainSteps bounds each of the checks that make a contradiction small.
const explainSteps = 100_000

// Report decides a history that was read or recorded, and explains the verdict.
func (r *Recording) Report(ctx context.Context, ask Request) FileResult {
	started := time.Now()
	f := r.report(ctx, ask, started)
	f.Seconds = time.Since(started).Seconds()
	return f
}

func (r *Recording) report(ctx context.Context, ask Request, started time.Time) (f FileResult) {
	f = FileResult{File: r.Name, Format: r.Format, Model: cmp.Or(ask.Model, r.Model), Level: ask.Level, Pending: r.Pending,
		Notes: append([]string{}, r.Notes...), Core: []CoreOperation{}, recording: r}
	if f.Model.Transactional() {
		f.Level = cmp.Or(ask.Level, r.Level, StrictSerializable)
	} else if ask.Level != "" {
		f.Reason = fmt.Sprintf("level %q belongs to transactions, and the history is one of %s", ask.Level, r.kind())
		return f
	}
	limits := ask.Limits
	if limits.Timeout > 0 {
		limits.Timeout = max(1, limits.Timeout-time.Since(started))
	}
	if f.Model.Transactional() && r.Model.Transactional() && ask.Strongest {
		f.stand(ctx, limits)
	} else {
		f.result = r.Check(ctx, f.Model, f.Level, limits)
	}
	checked := &f.result
	f.Verdict, f.Proof, f.Steps = checked.Verdict, checked.Proof, checked.Steps
	f.Operations, f.Unknown = checked.Operations, checked.Unknown
	if err := checked.Err(); err != nil {
		f.Reason = r.placed(err).Error()
		if limit := new(LimitError); errors.As(err, &limit) && limit.Limit == "timeout" {
			f.Reason = (&LimitError{Limit: "timeout", Max: ask.Limits.Timeout.String()}).Error() // all of it, reading too
		}
	}
	if f.Next != "" && f.standing.Results[f.Next].Err() != nil {
		f.result, f.Reason = f.standing.Results[f.Next], f.standing.Results[f.Next].Err().Error()
	}
	f.explain(ctx, cmp.Or(f.Next, f.Level), Limits{Steps: explainSteps, Memory: ask.Limits.Memory})
	return f
}

// placed says where in the record it is what the history cannot be decided for, when that is one operation and its line is known.
func (r *Recording) placed(err error) error {
	var (
		ofCall *MalformedCallError
		ofTxn  *MalformedError
		twice  *NotUniqueError
		line   int
	)
	begun := func(id uint64) int {
		at := slices.IndexFunc(r.Txns, func(t Txn) bool { return t.ID == id })
		if at < 0 || at >= len(r.txnLines) {
			return 0
		}
		return r.txnLines[at]
	}
	switch {
	case errors.As(err, &ofCall):
		line = ofCall.Call.Line
	case errors.As(err, &ofTxn):
		line = begun(ofTxn.Txn)
	case errors.As(err, &twice):
		line = begun(twice.Second)
	}
	if line == 0 {
		return err
	}
	return &LineError{Name: r.Name, Line: line, Column: 1, Problem: err.Error()}
}

// stand finds the strongest level of those that the record can show.
func (f *FileResult) stand(ctx context.Context, limits Limits) {
	f.standing = Strongest(ctx, f.recording.Txns, limits)
	can := cmp.Or(f.recording.Level, StrictSerializable)
	for _, level := range Levels() {
		holds := can.Implies(level)
		for _, weaker := range Levels() {
			holds = holds && (!level.Implies(weaker) || f.standing.Results[weaker].Verdict == Legal)
		}
		if holds && f.Strongest == "" {
			f.Strongest = level
		}
		if can.Implies(level) && f.standing.Results[level].Verdict == Illegal {
			f.Next = level
		}
	}
	f.result = f.standing.Results[f.Level]
}

// String is one line for people.
func (o CoreOperation) String() string {
	text := fmt.Sprintf("client %s: %s", o.Client, shorten(o.Operation))
	if o.Line > 0 {
		text += fmt.Sprintf(" (line %d)", o.Line)
	}
	return text
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

// maxCoreLines is how many operations of a contradiction the table shows.
const maxCoreLines = 40

// WriteTable writes a line a file for people, and under it why those that are not legal are not.
func WriteTable(w io.Writer, results []FileResult) error {
	var page bytes.Buffer
	table := tabwriter.NewWriter(&page, 0, 0, 2, ' ', 0)
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
		if r.Verdict == Legal && len(r.Notes) == 0 && r.Strongest == "" && r.Next == "" {
			continue
		}
		fmt.Fprintf(&page, "\n%s: %s\n", r.File, r.Verdict)
		if r.Strongest != "" {
			fmt.Fprintf(&page, "  strongest level that holds: %s\n", r.Strongest)
		}
		if r.Next != "" {
			fmt.Fprintf(&page, "  weakest level that does not: %s\n", r.Next)
		}
		if r.Reason != "" {
			fmt.Fprintf(&page, "  %s\n", clipped(r.Reason, drawReason))
		}
		if len(r.Core) > 0 {
			fmt.Fprintf(&page, "  %s\n", coreSays(r.Minimal, len(r.Core)))
			for i, op := range r.Core[:min(len(r.Core), maxCoreLines)] {
				fmt.Fprintf(&page, "    %d. %s\n", i+1, op)
			}
			if more := len(r.Core) - maxCoreLines; more > 0 {
				fmt.Fprintf(&page, "    and %d more\n", more)
			}
		}
		for _, note := range r.Notes {
			fmt.Fprintf(&page, "  note: %s\n", note)
		}
	}
	_, err := page.WriteTo(w)
	return err
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
