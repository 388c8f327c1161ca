package serve

import (
	"bytes"
	_ "embed"
	"html/template"
	"net/http"
	"strconv"
	"strings"
)

//go:embed page.html
var pageHTML string

//go:embed style.css
var styleCSS []byte

var pageTemplate = template.Must(template.New("page").Parse(pageHTML))

// A page is what a browser shows: headings, facts, charts and tables, in sections. All of its text comes from elsewhere as far as the
// template knows, and is escaped.
type page struct {
	Title    string
	Crumbs   []link // the way here, below the list
	Lead     []badge
	Bad      []string // what went wrong
	Sections []section
	Style    template.CSS // of a page that stands alone; empty where the server has it
}

type link struct{ Href, Text string }

// A badge is a word of the line below the title; one with a class has a colour.
type badge struct{ Text, Class string }

type section struct {
	Heading string
	Bad     []string
	Notes   []string
	Links   []link
	Form    *form
	Facts   []fact
	Charts  []*chart
	Tables  []*table
	More    []more
}

// fact adds a fact, unless its text is empty.
func (s *section) fact(name, text string) {
	if text != "" {
		s.Facts = append(s.Facts, fact{name, text})
	}
}

type fact struct{ Name, Text string }

// more is what is shown on demand.
type more struct {
	Summary string
	Notes   []string
	Tables  []*table
}

// A form asks for another page.
type form struct {
	Action string
	Fields []field
	Hidden []field
	Button string
}

type field struct {
	Label, Name, Value string
	Options            []option
}

type option struct {
	Value, Text string
	Selected    bool
}

// A table of many columns stands as cards of titles and values where the screen is narrow.
type table struct {
	Caption string
	Columns []column
	rows    [][]cell
	cards   bool // also one of few columns
}

type column struct {
	Title string
	kind  string // the class of its cells: "number" is aligned to the right, "short" is text that stays on a line
}

type cell struct {
	Text  string
	Class string // "good", "worse", "unsure", "code"
	Links []link // before the text
	span  int    // columns from its own on that it takes; 0 is its own alone
}

func words(title string) column  { return column{Title: title} }
func short(title string) column  { return column{title, "short"} }
func number(title string) column { return column{title, "number"} }

// Number says whether the column's cells are aligned to the right.
func (c column) Number() bool { return c.kind == "number" }

func newTable(caption string, columns ...column) *table {
	return &table{Caption: caption, Columns: columns}
}

// row adds a row of strings and cells.
func (t *table) row(cells ...any) {
	row := make([]cell, len(cells))
	for i, c := range cells {
		switch c := c.(type) {
		case cell:
			row[i] = c
		case link:
			row[i] = cell{Links: []link{c}}
		case string:
			row[i] = cell{Text: c}
		case uint64:
			row[i] = cell{Text: count(c)}
		}
	}
	t.rows = append(t.rows, row)
}

// unread is the rest of a row whose subject cannot be read.
func (t *table) unread(err error) cell {
	return cell{Text: "cannot be read: " + err.Error(), Class: "worse", span: len(t.Columns) - 1}
}

// mostFlat is how many columns a table has that fits a narrow screen.
const mostFlat = 4

// Wide says whether the table is too wide for a narrow screen.
func (t *table) Wide() bool { return t.cards || len(t.Columns) > mostFlat }

// A shown is a cell as the template has it.
type shown struct {
	cell
	Title string // of its column
	First bool   // of its row
	Span  int
}

// Lines are the rows with what the template needs of their columns.
func (t *table) Lines() [][]shown {
	lines := make([][]shown, len(t.rows))
	for i, row := range t.rows {
		for j, c := range row {
			s := shown{c, t.Columns[j].Title, j == 0, c.span}
			if c.span > 0 {
				s.Title = ""
			} else if k := t.Columns[j].kind; k != "" {
				s.Class += " " + k
			}
			if c.Text == "" && len(c.Links) == 0 {
				s.Class += " empty"
			}
			s.Class = strings.TrimPrefix(s.Class, " ")
			lines[i] = append(lines[i], s)
		}
	}
	return lines
}

// write answers with a page.
func (p *page) write(w http.ResponseWriter, code int) {
	var b bytes.Buffer
	if err := pageTemplate.Execute(&b, p); err != nil {
		http.Error(w, "the page cannot be made: "+err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Length", strconv.Itoa(b.Len()))
	w.WriteHeader(code)
	_, _ = w.Write(b.Bytes()) // whoever asked may be gone
}
