package killtable

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness/judge"
	"github.com/firstgap/firstgap/harness/strict"
)

// A Last is a table as it is kept: what the next one is held against. It is plain JSON.
type Last struct {
	Trials        int    `json:"trials"`
	Limit         int    `json:"limit"`
	Further       int    `json:"further"`
	FurtherTrials int    `json:"furtherTrials"`
	Bugs          []Line `json:"bugs"`
}

// A Line is what is kept of a row. Its medians are over the searches.
type Line struct {
	Bug          string              `json:"bug"`
	Kind         faults.Harm         `json:"kind"`
	Found        int                 `json:"found"` // searches
	Median       Find                `json:"median"`
	Most         int                 `json:"most"`         // runs that a search took
	WithoutTrace Find                `json:"withoutTrace"` // of those that went further; no runs: half of them did not find it so
	ByClients    Find                `json:"byClients"`    // likewise
	Made         int                 `json:"made"`         // runs, by the one of these that made fewest
	Alone        judge.Check         `json:"alone,omitempty"`
	AloneIn      int                 `json:"aloneIn,omitempty"` // searches
	Objected     map[judge.Check]int `json:"objected"`          // searches
	Searches     []Find              `json:"searches"`
}

// Keep returns what is kept of a table.
func (t *Table) Keep() *Last {
	l := &Last{Limit: t.Limit, Further: t.Further, FurtherTrials: t.FurtherTrials}
	for i := range t.Rows {
		r := &t.Rows[i]
		l.Trials = max(l.Trials, len(r.Trials))
		_, most := r.Median(t.Limit)
		far := r.Trials[:min(len(r.Trials), max(t.FurtherTrials, 1))]
		made := far[0].Made
		for i := range far {
			made = min(made, far[i].Made)
		}
		alone, aloneIn := r.Alone()
		line := Line{Bug: r.Bug.Name, Kind: r.Bug.Kind, Found: r.Found(), Most: most,
			Median:       median(r.Trials, func(t *Trial) Find { return t.Find }),
			WithoutTrace: median(far, func(t *Trial) Find { return t.WithoutTrace }),
			ByClients:    median(far, func(t *Trial) Find { return t.ByClients }),
			Made:         made, Alone: alone, AloneIn: aloneIn, Objected: r.Objected()}
		for i := range r.Trials {
			line.Searches = append(line.Searches, r.Trials[i].Find)
		}
		if x := t.last.line(r.Bug.Name); x != nil && !slices.ContainsFunc(r.Trials, func(t Trial) bool { return !t.Again }) {
			line.WithoutTrace, line.ByClients, line.Made = x.WithoutTrace, x.ByClients, x.Made // nothing new was looked for
		}
		l.Bugs = append(l.Bugs, line)
	}
	return l
}

// WriteText writes the table for people.
func (t *Table) WriteText(out io.Writer) error { return t.Keep().WriteText(out) }

// ReadLast reads a table that was kept.
func ReadLast(b []byte) (*Last, error) {
	l := &Last{}
	if err := strict.Unmarshal(b, l); err != nil {
		return nil, fmt.Errorf("killtable: the table that was kept: %w", err)
	}
	return l, nil
}

// Encode writes it with a line for each bug, so that a change of one is a change of one line.
func (l *Last) Encode() ([]byte, error) {
	var b bytes.Buffer
	fmt.Fprintf(&b, "{\"trials\": %d, \"limit\": %d, \"further\": %d, \"furtherTrials\": %d, \"bugs\": [\n", l.Trials, l.Limit, l.Further, l.FurtherTrials)
	for i := range l.Bugs {
		line, err := json.Marshal(&l.Bugs[i])
		if err != nil {
			return nil, err
		}
		b.Write(line)
		if i+1 < len(l.Bugs) {
			b.WriteByte(',')
		}
		b.WriteByte('\n')
	}
	b.WriteString("]}\n")
	return b.Bytes(), nil
}

func (l *Last) line(bug string) *Line {
	if l == nil {
		return nil
	}
	if i := slices.IndexFunc(l.Bugs, func(x Line) bool { return x.Bug == bug }); i >= 0 {
		return &l.Bugs[i]
	}
	return nil
}

// With returns the table with the lines of a newer one in the place of its own. What the system has no more is left out; bugs are in
// the order in which the system names them.
func (l *Last) With(newer *Last, bugs []faults.PlantedBug) *Last {
	all := &Last{Trials: newer.Trials, Limit: newer.Limit, Further: max(l.Further, newer.Further), FurtherTrials: newer.FurtherTrials}
	for _, b := range bugs {
		x := newer.line(b.Name)
		if x == nil {
			x = l.line(b.Name)
		}
		if x != nil {
			all.Bugs = append(all.Bugs, *x)
		}
	}
	return all
}

// hardestFirst returns the places of the rows of t, those first that took most the last time. What is new is taken to be hard.
func (l *Last) hardestFirst(t *Table) []int {
	var order []int
	for i := range t.Rows {
		order = append(order, i)
	}
	cost := func(i int) uint64 {
		if x := l.line(t.Rows[i].Bug.Name); x != nil {
			return x.Median.Events
		}
		return never
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(cost(b), cost(a)) })
	return order
}

// How much harder a bug may be to find than the last time. Below the floor a bug is easy, and how easy is chance: ten runs have as
// many events.
const (
	harder      = 3
	floorEvents = 150_000
)

// A HarderError says that a bug takes more to be found than it did.
type HarderError struct {
	Bug         string
	Last, Found uint64 // median events
}

func (e *HarderError) Error() string {
	if e.Found == 0 {
		return fmt.Sprintf("%s: expected it to be found in half of the searches, as in the last table, found it in fewer", e.Bug)
	}
	return fmt.Sprintf("%s: expected it to be found in at most %d events, %d times the %d of the last table, found it in %d (median)",
		e.Bug, harder*max(e.Last, floorEvents), harder, max(e.Last, floorEvents), e.Found)
}

// An UnknownError says that a table and the last one have not the same bugs.
type UnknownError struct {
	Bug string
	New bool // it is not in the last table, and not the other way round
}

func (e *UnknownError) Error() string {
	if e.New {
		return fmt.Sprintf("%s: expected it in the last table, found it in the new one alone; write the table anew", e.Bug)
	}
	return fmt.Sprintf("%s: expected it among the planted bugs, found it in the last table alone; write the table anew", e.Bug)
}

// Compare returns how a table is worse than an earlier one: a *HarderError for each bug that has become harder to find by more than
// chance, an *UnknownError for each that one of them lacks.
func (l *Last) Compare(now *Last) (worse []error) {
	for i := range now.Bugs {
		n := &now.Bugs[i]
		before := l.line(n.Bug)
		switch {
		case before == nil:
			worse = append(worse, &UnknownError{Bug: n.Bug, New: true})
		case n.Median.Runs == 0 && before.Median.Runs > 0 || n.Median.Events > harder*max(before.Median.Events, floorEvents):
			worse = append(worse, &HarderError{Bug: n.Bug, Last: before.Median.Events, Found: n.Median.Events})
		}
	}
	for i := range l.Bugs {
		if now.line(l.Bugs[i].Bug) == nil {
			worse = append(worse, &UnknownError{Bug: l.Bugs[i].Bug})
		}
	}
	return worse
}

// Lonely lists those of some checks that found no bug alone: whether they see anything that the others miss is unknown.
func (l *Last) Lonely(checks []judge.Check) []judge.Check {
	return slices.DeleteFunc(slices.Clone(checks), func(c judge.Check) bool {
		return slices.ContainsFunc(l.Bugs, func(x Line) bool { return x.Alone == c })
	})
}

// Within counts the bugs whose median is at most so many runs.
func (l *Last) Within(runs int) int {
	n := 0
	for i := range l.Bugs {
		if m := l.Bugs[i].Median.Runs; m > 0 && m <= runs {
			n++
		}
	}
	return n
}

// WriteText writes the table for people.
func (l *Last) WriteText(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "planted bug\tharms\tfound\tmedian runs\tmost\tkevents\tkwork\twithout trace\tby clients\talone\tcaught by (searches)")
	for i := range l.Bugs {
		x := &l.Bugs[i]
		var by []string
		for _, c := range judge.Checks() {
			if n := x.Objected[c]; n > 0 {
				by = append(by, fmt.Sprintf("%s %d", c, n))
			}
		}
		fmt.Fprintf(w, "%s\t%s\t%d/%d\t%s\t%d\t%d\t%d\t%s\t%s\t%s\t%s\n", x.Bug, x.Kind, x.Found, l.Trials, runs(x.Median, l.Limit), x.Most,
			thousands(x.Median.Events), thousands(x.Median.Work), runs(x.WithoutTrace, x.Made), runs(x.ByClients, x.Made), alone(x), strings.Join(by, ", "))
	}
	return w.Flush()
}

// runs says how many runs a find took, or more than how many it would have taken.
func runs(f Find, limit int) string {
	if f.Runs > 0 {
		return fmt.Sprint(f.Runs)
	}
	return fmt.Sprintf(">%d", limit)
}

func thousands(n uint64) uint64 { return (n + 500) / 1000 }

func alone(x *Line) string {
	if x.Alone == "" {
		return "-"
	}
	return fmt.Sprintf("%s %d", x.Alone, x.AloneIn)
}
