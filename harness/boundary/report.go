package boundary

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/firstgap/firstgap/harness/text"
)

// Format names the JSON form of a Report.
const Format = "firstgap boundary"

// A Report is what a walk found.
type Report struct {
	Format string `json:"format"`
	Seed   uint64 `json:"seed"`
	Run    int    `json:"run"`    // cells that were run
	Differ int    `json:"differ"` // of these, in how many what happened differs from what the model says
	Untold int    `json:"untold"` // of these, of how many nothing is known
	// MayLose is in how many cells something acknowledged may be lost, and Lost in how many of them it was, and the checks said so.
	MayLose int `json:"mayLose"`
	Lost    int `json:"lost"`
	// Classes are the cells that differ from each other only by which segments are struck, in the order of Cells.
	Classes []Class `json:"classes"`
	// Cells are those that differ, or of which nothing is known.
	Cells []Result `json:"cells"`
	// Results are all cells.
	Results []Result `json:"-"`
}

// A Class is the cells in which the same numbers of segments are struck in the same ways.
type Class struct {
	Struck string    `json:"struck"` // "2 down, 1 lost"
	Ending Ending    `json:"ending"`
	Kinds  int       `json:"kinds"` // in how many ways segments are struck
	Cells  int       `json:"cells"`
	Model  Statement `json:"model"` // the same of all
	// In how many of them what may go on went on, and something acknowledged was lost.
	Writes      int `json:"writes"`
	Reads       int `json:"reads"`
	WritesAfter int `json:"writesAfter"`
	ReadsAfter  int `json:"readsAfter"`
	Lost        int `json:"lost"`
	Differ      int `json:"differ"`
}

func newReport(seed uint64, results []Result) *Report {
	r := &Report{Format: Format, Seed: seed, Results: results}
	at := map[string]int{}
	for i := range results {
		cell := &results[i]
		c := cell.Cell
		place, known := at[c.Class()]
		if !known {
			place = len(r.Classes)
			at[c.Class()] = place
			r.Classes = append(r.Classes, Class{Struck: c.Numbers(), Ending: c.Ending, Model: cell.Model})
			for k := Down; k < kinds; k++ {
				r.Classes[place].Kinds += min(c.count(k), 1)
			}
		}
		r.add(&r.Classes[place], cell)
	}
	return r
}

func (r *Report) add(class *Class, cell *Result) {
	r.Run++
	class.Cells++
	for _, n := range []struct {
		of  *int
		was bool
	}{{&class.Writes, cell.Found.Writes}, {&class.Reads, cell.Found.Reads}, {&class.WritesAfter, cell.Found.WritesAfter}, {&class.ReadsAfter, cell.Found.ReadsAfter},
		{&class.Lost, cell.Found.Lost}, {&r.Lost, cell.Found.Lost && !cell.Model.Keeps}, {&r.MayLose, !cell.Model.Keeps},
		{&class.Differ, len(cell.Differs) > 0}, {&r.Differ, len(cell.Differs) > 0}, {&r.Untold, cell.Untold != ""}} {
		if n.was {
			*n.of++
		}
	}
	if len(cell.Differs) > 0 || cell.Untold != "" {
		r.Cells = append(r.Cells, *cell)
	}
}

// JSON returns the report as JSON.
func (r *Report) JSON() ([]byte, error) {
	b, err := json.MarshalIndent(r, "", "  ")
	return append(b, '\n'), err
}

// mostShown is how many cells that differ are shown to people.
const mostShown = 8

// WriteText writes the report for people, in 60 columns: the classes in which all segments that are struck are struck alike, and
// the numbers of all others.
func (r *Report) WriteText(w io.Writer) error { return r.write(w, false) }

// WriteAll writes the report as WriteText does, with all classes.
func (r *Report) WriteAll(w io.Writer) error { return r.write(w, true) }

func (r *Report) write(w io.Writer, all bool) error {
	screen := text.On(w)
	var err error
	for ending := range endings {
		err = errors.Join(err, r.table(screen, ending, all))
	}
	return errors.Join(err, screen.Folded(func(out io.Writer) error {
		for i := range r.Cells {
			c := &r.Cells[i]
			if i == mostShown {
				fmt.Fprintf(out, "… and %d more\n", len(r.Cells)-i)
				break
			}
			fmt.Fprintln(out, c.Name)
			for _, d := range c.Differs {
				fmt.Fprintln(out, "  "+d)
			}
			if c.Untold != "" {
				fmt.Fprintln(out, "  not known: "+c.Untold)
			}
		}
		if len(r.Cells) > 0 {
			fmt.Fprintln(out)
		}
		v := r.Verdict()
		_, err := fmt.Fprintf(out, "cells run and held against the model: %s\nthat may lose: %s, lost and said so by the checks: %s\nthat differ: %s, not known: %s\nverdict: %s\n",
			text.Count(r.Run), text.Count(r.MayLose), text.Count(r.Lost), text.Count(r.Differ), text.Count(r.Untold), screen.Paint(v.Mark(), string(v)))
		return err
	}))
}

// table prints the classes of an ending.
func (r *Report) table(screen *text.Screen, ending Ending, all bool) error {
	const struck, back = "while struck", "down ones back"
	t := text.NewTable(text.Text("segments"), text.Text("writes").In(struck), text.Text("reads").In(struck),
		text.Text("writes").In(back), text.Text("reads").In(back), text.Text("keeps"), text.Number("cells"))
	mixed, differ := 0, 0
	for i := range r.Classes {
		c := &r.Classes[i]
		if c.Ending != ending {
			continue
		}
		if c.Kinds > 1 && !all {
			mixed += c.Cells
			differ += c.Differ
			continue
		}
		t.Row(c.Struck, c.went(c.Model.Writes, c.Writes), c.went(c.Model.Reads, c.Reads), c.went(c.Model.WritesAfter, c.WritesAfter),
			c.went(c.Model.ReadsAfter, c.ReadsAfter), c.keeps(), c.Cells)
	}
	if _, err := fmt.Fprintf(screen, "%s:\n", ending); err != nil {
		return err
	}
	if err := t.Write(screen); err != nil {
		return err
	}
	if mixed > 0 {
		if _, err := fmt.Fprintf(screen, "struck in several ways: %s, of which differ: %s\n", text.Count(mixed), text.Count(differ)); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintln(screen)
	return err
}

// went says what the model says, and, where it allows either, in how many of the cells it went on.
func (c *Class) went(claim Claim, on int) string {
	switch claim {
	case GoesOn:
		return "on"
	case HasToStall:
		return "stall"
	}
	return fmt.Sprintf("%d/%d", on, c.Cells)
}

// keeps says whether what was acknowledged is kept: on disks that are not known to be lost, or on none that is left; or, where it
// may be lost, in how many of the cells it was.
func (c *Class) keeps() string {
	switch {
	case !c.Model.Keeps:
		return fmt.Sprintf("lost %d/%d", c.Lost, c.Cells)
	case !c.Model.Data:
		return "no copy"
	}
	return "all"
}
