package rebuild

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strings"
	"time"
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
func (r *Report) Verdict() string {
	if r.Violated() {
		return "violation"
	}
	return "pass"
}

// JSON returns the report as JSON.
func (r *Report) JSON() ([]byte, error) {
	b, err := json.MarshalIndent(r, "", "  ")
	return append(b, '\n'), err
}

// WriteText writes the report for people, in at most 100 columns.
func (r *Report) WriteText(w io.Writer) error {
	var b strings.Builder
	b.WriteString("A host is lost, and every piece of data that it held is copied from a replica to a new host.\n")
	b.WriteString("It takes as long as the largest load on any one link. The small scale is simulated: our own segments\n")
	b.WriteString("fill new ones, message by message, over links of that bandwidth.\n\n")
	b.WriteString("  as it is, calculated                                              small scale, ms\n")
	b.WriteString("   lost  pieces    from      to   Gb/s   largest load      time     calculated  simulated   differs\n")
	for _, row := range r.Rows {
		s := row.Shape
		fmt.Fprintf(&b, "%7s %7d %7d %7d %6s %14s %9s  %11.1f %10.1f %8.1f%%\n", bytesText(float64(s.PieceBytes)*float64(s.Pieces)), s.Pieces, s.Sources, s.Destinations,
			fmt.Sprintf("%.4g", float64(s.Bandwidth)/gigabit), bytesText(float64(row.Load)), secondsText(row.Time),
			row.Small.Seconds()*1000, row.Simulation.Time.Seconds()*1000, row.Difference*100)
	}
	fmt.Fprintf(&b, "\nboth agree within %.0f%%: ", r.Bound*100)
	if r.Violated() {
		b.WriteString("no\n")
	} else {
		b.WriteString("yes\n")
	}
	fmt.Fprintf(&b, "verdict: %s\n", r.Verdict())
	_, err := io.WriteString(w, b.String())
	return err
}

func bytesText(n float64) string {
	for _, unit := range []struct {
		size float64
		name string
	}{{1e15, "PB"}, {1e12, "TB"}, {1e9, "GB"}, {1e6, "MB"}, {1e3, "kB"}} {
		if n >= unit.size {
			return fmt.Sprintf("%.4g %s", n/unit.size, unit.name)
		}
	}
	return fmt.Sprintf("%.0f B", n)
}

func secondsText(d time.Duration) string { return fmt.Sprintf("%.4g s", d.Seconds()) }
