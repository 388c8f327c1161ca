package text

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// A Column of a table. One of numbers is aligned to the right, and its cells are printed whole.
type Column struct {
	Title  string
	Group  string // a title above those of the columns beside each other that have the same one; empty for none
	Number bool
}

// Text returns a column of text.
func Text(title string) Column { return Column{Title: title} }

// Number returns a column of numbers.
func Number(title string) Column { return Column{Title: title, Number: true} }

// In returns the column under the title of a group.
func (c Column) In(group string) Column {
	c.Group = group
	return c
}

// A Cell is the text in a row and a column of a table, with what it tells.
type Cell struct {
	Text string
	Mark Mark
}

// A Table is printed as columns where the screen is wide enough for them: with fewer spaces between them and text wrapped
// between words if need be. Where that is not enough, or would make tall rows, each group of columns is printed as a table of
// its own, or else each row as lines of a title and a cell.
type Table struct {
	Indent  int // spaces before each line
	columns []Column
	titled  bool
	rows    [][]Cell
	fitted  [][]Cell // the rows, and those that room was made for
	widths  []int    // natural widths of the columns
	least   []int    // widths that they can be wrapped to
}

// NewTable returns a table without rows.
func NewTable(columns ...Column) *Table {
	t := &Table{columns: columns, widths: make([]int, len(columns)), least: make([]int, len(columns))}
	for i, c := range columns {
		t.titled = t.titled || c.Title != ""
		t.fit(i, c.Title, c.Number)
	}
	return t
}

// fit makes room for a text in a column.
func (t *Table) fit(column int, text string, whole bool) {
	for line := range strings.SplitSeq(text, "\n") {
		t.widths[column] = max(t.widths[column], widthOf(line))
	}
	least := longest(text)
	if whole {
		least = t.widths[column]
	}
	t.least[column] = max(t.least[column], least)
}

// cells makes a row of what fmt.Sprint prints, and of cells. It panics when there is not one for each column.
func (t *Table) cells(row []any) []Cell {
	if len(row) != len(t.columns) {
		panic(fmt.Sprintf("text: a row has %d cells; expected %d, one for each column", len(row), len(t.columns)))
	}
	cells := make([]Cell, len(row))
	for i, c := range row {
		if cell, ok := c.(Cell); ok {
			cells[i] = cell
		} else {
			cells[i] = Cell{Text: fmt.Sprint(c)}
		}
	}
	return cells
}

// Reserve makes room for a row without adding it, for a table whose rows are printed as they come.
func (t *Table) Reserve(row ...any) {
	cells := t.cells(row)
	for i, c := range cells {
		t.fit(i, c.Text, t.columns[i].Number)
	}
	t.fitted = append(t.fitted, cells)
}

// Row adds a row.
func (t *Table) Row(row ...any) {
	t.Reserve(row...)
	t.rows = append(t.rows, t.cells(row))
}

// Write prints the table.
func (t *Table) Write(w io.Writer) error {
	p := &Printer{table: t, screen: On(w)}
	p.layout()
	if parts := t.parts(); p.stacked && parts != nil {
		for i, part := range parts {
			if i > 0 {
				p.print("\n")
			}
			if err := part.Write(p.screen); err != nil {
				return err
			}
		}
		return p.err
	}
	p.begin()
	for _, row := range t.rows {
		p.row(row)
	}
	return p.err
}

// A Printer prints the rows of a table as they come.
type Printer struct {
	table   *Table
	screen  *Screen
	gap     int
	widths  []int
	stacked bool
	err     error
}

// Begin prints the titles, and returns what prints rows, in the room that the rows so far, reserved or added, leave.
func (t *Table) Begin(w io.Writer) *Printer {
	p := &Printer{table: t, screen: On(w)}
	p.layout()
	p.begin()
	return p
}

func (p *Printer) begin() {
	if p.table.titled && !p.stacked {
		p.titles()
	}
}

// parts returns a table for each group of columns, with the first column of this one, nil where the columns behind the first
// are not all of groups, of two or more.
func (t *Table) parts() []*Table {
	var from []int // where each group begins
	for i, c := range t.columns[1:] {
		if c.Group == "" || t.columns[0].Group != "" {
			return nil
		}
		if t.columns[i].Group != c.Group {
			from = append(from, i+1)
		}
	}
	if len(from) < 2 {
		return nil
	}
	var parts []*Table
	for i, begin := range from {
		end := append(from, len(t.columns))[i+1]
		part := NewTable(append(t.columns[:1:1], t.columns[begin:end]...)...)
		part.Indent = t.Indent
		for _, row := range t.rows {
			cells := []any{row[0]}
			for _, c := range row[begin:end] {
				cells = append(cells, c)
			}
			part.Row(cells...)
		}
		parts = append(parts, part)
	}
	return parts
}

// Row prints a row, and returns the first error of the printer.
func (p *Printer) Row(row ...any) error {
	p.row(p.table.cells(row))
	return p.err
}

// tallest is how many lines a row may have before the table is stacked.
const tallest = 6

// layout decides how wide the columns are.
func (p *Printer) layout() {
	t := p.table
	p.gap = 2
	p.widths = p.natural()
	room := p.screen.Width - t.Indent
	if p.screen.Width <= 0 {
		return
	}
	for _, shrink := range []bool{false, true} {
		for _, gap := range []int{2, 1} {
			p.gap = gap
			p.widths = p.natural()
			if p.shrink(room, shrink) {
				p.widen(room)
				return
			}
		}
	}
	p.stacked = true
}

// natural returns the widths that the cells and all the titles need.
func (p *Printer) natural() []int {
	t := p.table
	widths := slices.Clone(t.widths)
	for i, c := range t.columns {
		if i > 0 && t.columns[i-1].Group == c.Group {
			continue
		}
		last, room := i, widths[i]
		for last+1 < len(widths) && t.columns[last+1].Group == c.Group {
			last++
			room += p.gap + widths[last]
		}
		widths[last] += max(widthOf(c.Group)-room, 0)
	}
	return widths
}

// widen gives the last column what room is left, for rows that nothing was known of.
func (p *Printer) widen(room int) {
	total := p.gap * (len(p.widths) - 1)
	for _, w := range p.widths {
		total += w
	}
	if last := len(p.widths) - 1; !p.table.columns[last].Number {
		p.widths[last] += room - total
	}
}

// shrink makes the widest columns narrower until all have room, if it may. It says whether they have, and no row is too tall.
func (p *Printer) shrink(room int, may bool) bool {
	t := p.table
	for {
		total := p.gap * (len(p.widths) - 1)
		widest := -1
		for i, w := range p.widths {
			total += w
			if w > t.least[i] && (widest < 0 || w > p.widths[widest]) {
				widest = i
			}
		}
		switch {
		case total <= room:
			return !slices.ContainsFunc(t.fitted, func(row []Cell) bool { return p.height(row) > tallest })
		case !may || widest < 0:
			return false
		}
		p.widths[widest]--
	}
}

func (p *Printer) height(row []Cell) int {
	lines := 0
	for i, c := range row {
		lines = max(lines, len(p.lines(i, c.Text)))
	}
	return lines
}

// lines breaks the text of a cell. The text at the end of a line has all the room there is where nothing limits it.
func (p *Printer) lines(column int, text string) []string {
	if p.screen.Width <= 0 || p.table.columns[column].Number {
		return strings.Split(text, "\n")
	}
	return wrap(text, p.widths[column])
}

func (p *Printer) print(s string) {
	if p.err == nil {
		_, p.err = io.WriteString(p.screen, s)
	}
}

// titles prints the titles of the groups and those of the columns.
func (p *Printer) titles() {
	t := p.table
	if slices.ContainsFunc(t.columns, func(c Column) bool { return c.Group != "" }) {
		line := strings.Repeat(" ", t.Indent)
		at := t.Indent
		for i, c := range t.columns {
			if begins := c.Group != "" && (i == 0 || t.columns[i-1].Group != c.Group); begins {
				from, room := at, p.widths[i]
				for j := i + 1; j < len(t.columns) && t.columns[j].Group == c.Group; j++ {
					room += p.gap + p.widths[j]
				}
				line += strings.Repeat(" ", max(from-widthOf(line), 0)) + Short(c.Group, room)
			}
			at += p.widths[i] + p.gap
		}
		p.print(line + "\n")
	}
	titles := make([]Cell, len(t.columns))
	for i, c := range t.columns {
		titles[i] = Cell{Text: c.Title}
	}
	p.columns(titles)
}

func (p *Printer) row(row []Cell) {
	if p.stacked {
		p.stack(row)
	} else {
		p.columns(row)
	}
}

// columns prints the cells beside each other, on as many lines as the tallest has.
func (p *Printer) columns(row []Cell) {
	t := p.table
	cells := make([][]string, len(row))
	tall := 0
	for i, c := range row {
		cells[i] = p.lines(i, c.Text)
		tall = max(tall, len(cells[i]))
	}
	for l := range tall {
		line, end := strings.Repeat(" ", t.Indent), 0 // spaces that are printed only before what comes
		for i, c := range row {
			text := ""
			if l < len(cells[i]) {
				text = cells[i][l]
			}
			free := max(p.widths[i]-widthOf(text), 0)
			if text == "" {
				end += free + p.gap
				continue
			}
			if t.columns[i].Number {
				end, free = end+free, 0
			}
			line += strings.Repeat(" ", end) + p.screen.Paint(c.Mark, text)
			end = free + p.gap
		}
		p.print(strings.TrimRight(line, " ") + "\n")
	}
}

// stack prints each cell behind the title of its column, or below it where there is no room.
func (p *Printer) stack(row []Cell) {
	t := p.table
	width := p.screen.Width
	titles := make([]string, len(row))
	hang := 0 // where the cells begin
	for i, c := range t.columns {
		titles[i] = c.Title
		if c.Group != "" {
			titles[i] = c.Group + ", " + c.Title
		}
		hang = max(hang, widthOf(titles[i])+2)
	}
	hang = min(t.Indent+2+hang, width/2)
	for i, c := range row {
		indent := t.Indent
		if i > 0 {
			indent += 2
		}
		lines, least := []string{c.Text}, widthOf(c.Text)
		if !t.columns[i].Number {
			lines, least = wrap(c.Text, width-hang), longest(c.Text)
		}
		at := hang
		if at+least > width {
			at = max(0, min(indent+2, width-least))
			if !t.columns[i].Number {
				lines = wrap(c.Text, width-at)
			}
		}
		head := wrap(titles[i], width-indent)
		for j := range head {
			head[j] = strings.Repeat(" ", indent) + head[j]
		}
		before := strings.Join(head, "\n")
		if last := head[len(head)-1]; at < hang || widthOf(last)+2 > hang && titles[i] != "" {
			if titles[i] != "" {
				before += "\n" + strings.Repeat(" ", at)
			} else {
				before = strings.Repeat(" ", at)
			}
		} else {
			before += strings.Repeat(" ", max(at-widthOf(last), 0))
		}
		for _, text := range lines {
			p.print(strings.TrimRight(before+p.screen.Paint(c.Mark, text), " ") + "\n")
			before = strings.Repeat(" ", at)
		}
	}
}
