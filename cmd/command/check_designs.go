package command

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/firstgap/firstgap/harness/text"
	"github.com/firstgap/firstgap/harness/verdict"
	"github.com/firstgap/firstgap/spec/check"
	"github.com/firstgap/firstgap/spec/designs"
)

// compareDesigns sets the designs side by side. The flags are those of --all.
func (c *checkAll) compareDesigns(cmd *cobra.Command) error {
	ctx, cancel, options, err := c.together(cmd)
	if err != nil {
		return err
	}
	defer cancel()
	rows, err := designs.Compare(ctx, designs.Designs(), options)
	if err != nil {
		return err
	}
	v := designs.Verdict(rows)
	if c.json {
		err = writeJSON(cmd.OutOrStdout(), struct {
			Verdict check.Verdict `json:"verdict"`
			Designs []designs.Row `json:"designs"`
		}{v, rows})
	} else {
		err = writeDesigns(cmd.OutOrStdout(), rows)
	}
	return ended(verdict.OfSearch(v), err)
}

// writeDesigns prints the designs as a table, and what its columns mean.
func writeDesigns(w io.Writer, rows []designs.Row) error {
	t := text.NewTable(text.Text("design"),
		text.Text("AZs").In("copies"), text.Text("acks").In("copies"), text.Number("take-over").In("copies"),
		text.Number("any").In("writes go on without"), text.Text("AZ").In("writes go on without"), text.Text("AZ+1").In("writes go on without"),
		text.Number("any").In("reads go on without"), text.Text("AZ").In("reads go on without"), text.Text("AZ+1").In("reads go on without"),
		text.Number("lost with").In("worst case"), text.Text("then").In("worst case"),
		text.Text("world").In("decided by"), text.Text("verdict").In("decided by"))
	for _, r := range rows {
		t.Row(r.Design, joined(r.AZs), acks(r), r.Recovery,
			r.Writes.Nodes, yes(r.Writes.AZ), yes(r.Writes.AZPlus1), r.Reads.Nodes, yes(r.Reads.AZ), yes(r.Reads.AZPlus1),
			r.LostWith, then(r), r.Trial.Model+" "+r.Trial.World, decided(r.Trial))
	}
	screen := text.On(w)
	if err := t.Write(screen); err != nil {
		return err
	}
	_, err := io.WriteString(screen, text.Fold(designsLegend, screen.Width))
	return err
}

const designsLegend = `
AZs                   nodes in each AZ
acks                  nodes that have a record when it is acknowledged; "or" in the worst case, when others were taken out
take-over             nodes that a take-over must hear from before it goes on
writes go on without  any so many nodes, any AZ, any AZ and one node more; a repair or a change of members not counted
reads go on without   the same, of a take-over that finds everything acknowledged
lost with             nodes whose disks take an acknowledged record with them, in the worst case
then                  what a take-over does: it waits for a node that will not come, or it goes on without the record
world                 the model and the named world of it that a search decided
`

func joined(azs []int) string {
	return strings.Trim(strings.ReplaceAll(fmt.Sprint(azs), " ", "+"), "[]")
}

func acks(r designs.Row) string {
	if r.AtLeast < r.Acks {
		return fmt.Sprintf("%d or %d", r.Acks, r.AtLeast)
	}
	return fmt.Sprint(r.Acks)
}

func yes(is bool) string {
	if is {
		return "yes"
	}
	return "no"
}

func then(r designs.Row) text.Cell {
	if r.Unnoticed {
		return text.Cell{Text: "goes on", Mark: text.Bad}
	}
	return text.Cell{Text: "waits"}
}

// decided says how the search of a world came out, and what is wrong where its model expects something else.
func decided(t check.Trial) text.Cell {
	switch {
	case !t.AsExpected() && t.Verdict == check.Incomplete:
		return text.Cell{Text: "NOT TOLD: " + t.Problem, Mark: text.Unsure}
	case !t.AsExpected():
		return text.Cell{Text: "NOT AS EXPECTED: " + t.Problem, Mark: text.Bad}
	case t.Verdict == check.Violation:
		return text.Cell{Text: violates(t.Invariant), Mark: text.Bad}
	}
	return text.Cell{Text: fmt.Sprintf("pass, %s states", text.Count(t.Distinct)), Mark: text.Good}
}

// onlyOne refuses flags of check of which each asks for something else.
func onlyOne(given map[string]bool) error {
	var names []string
	for name, is := range given {
		if is {
			names = append(names, "--"+name)
		}
	}
	slices.Sort(names)
	if len(names) > 1 {
		return fmt.Errorf("%s; expected one of them", strings.Join(names, " with "))
	}
	return nil
}
