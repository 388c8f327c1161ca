package rebuild

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"time"

	"github.com/firstgap/firstgap/harness/text"
	"github.com/firstgap/firstgap/harness/verdict"
)

// Format names the JSON form of a Report.
const Format = "firstgap rebuild"

// Bound is how far what was simulated may be from what was calculated, as a part of it: what asking, latency and headers
// take beside the pieces' bytes, at the small scale, where there is little of these.
const Bound = 0.05

// A Row is one shape: calculated as it is, and calculated and simulated at the small scale.
type Row struct {
	Shape      Shape         `json:"shape"`
	Load       int64         `json:"load"` // the largest on one link, in bytes
	Time       time.Duration `json:"time"` // calculated
	Small      time.Duration `json:"small"`
	Simulation Simulation    `json:"simulation"`
	Difference float64       `json:"difference"` // of the simulated time from the calculated one, as a part of it
	Agrees     bool          `json:"agrees"`
}

// A Report is the repair of a lost host in several shapes.
type Report struct {
	Format string  `json:"format"`
	Seed   uint64  `json:"seed"`
	Bound  float64 `json:"bound"`
	Rows   []Row   `json:"rows"`
}

// Run calculates and simulates the shapes.
func Run(ctx context.Context, shapes []Shape, seed uint64) (*Report, error) {
	r := &Report{Format: Format, Seed: seed, Bound: Bound}
	for _, s := range shapes {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err := s.Validate(); err != nil {
			return nil, err
		}
		small := s.Small()
		run, err := Simulate(small, seed)
		if err != nil {
			return nil, err
		}
		r.Rows = append(r.Rows, rowOf(s, small.Time(), run))
	}
	return r, nil
}

func rowOf(s Shape, small time.Duration, run Simulation) Row {
	difference := float64(run.Time)/float64(small) - 1
	return Row{Shape: s, Load: s.Load(), Time: s.Time(), Small: small, Simulation: run, Difference: difference, Agrees: math.Abs(difference) <= Bound}
}

// Violated tells whether some simulated repair took another time than was calculated.
func (r *Report) Violated() bool {
	for _, row := range r.Rows {
		if !row.Agrees {
			return true
		}
	}
	return len(r.Rows) == 0
}

// Verdict returns pass or violation.
func (r *Report) Verdict() verdict.Verdict {
	if r.Violated() {
		return verdict.Violation
	}
	return verdict.Pass
}

// JSON returns the report as JSON.
func (r *Report) JSON() ([]byte, error) {
	b, err := json.MarshalIndent(r, "", "  ")
	return append(b, '\n'), err
}

// WriteText writes the report for people, in about 100 columns, or as many as the screen has.
func (r *Report) WriteText(w io.Writer) error {
	screen := text.On(w)
	const calculated, small = "as it is, calculated", "small scale, ms"
	t := text.NewTable(text.Number("lost").In(calculated), text.Number("pieces").In(calculated), text.Number("from").In(calculated),
		text.Number("to").In(calculated), text.Number("Gb/s").In(calculated), text.Number("largest load").In(calculated), text.Number("time").In(calculated),
		text.Number("calculated").In(small), text.Number("simulated").In(small), text.Number("differs").In(small))
	t.Indent = 2
	for _, row := range r.Rows {
		s := row.Shape
		t.Row(text.Bytes(float64(s.PieceBytes)*float64(s.Pieces)), s.Pieces, s.Sources, s.Destinations,
			fmt.Sprintf("%.4g", float64(s.Bandwidth)/gigabit), text.Bytes(float64(row.Load)), fmt.Sprintf("%.4g s", row.Time.Seconds()),
			text.Milliseconds(row.Small, 1), text.Milliseconds(row.Simulation.Time, 1), fmt.Sprintf("%.1f%%", row.Difference*100))
	}
	agree := "yes"
	if r.Violated() {
		agree = "no"
	}
	err := screen.Folded(func(out io.Writer) error {
		_, err := io.WriteString(out, "A host is lost, and every piece of data that it held is copied from a replica to a new host.\n"+
			"It takes as long as the largest load on any one link. The small scale is simulated: our own segments\n"+
			"fill new ones, message by message, over links of that bandwidth.\n\n")
		return err
	})
	v := r.Verdict()
	err = errors.Join(err, t.Write(screen))
	_, broken := fmt.Fprintf(screen, "\nboth agree within %.0f%%: %s\nverdict: %s\n", r.Bound*100, agree, screen.Paint(v.Mark(), string(v)))
	return errors.Join(err, broken)
}
