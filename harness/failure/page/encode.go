package page

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/firstgap/firstgap/impl/node"
)

// missing says what a page has no room for.
type missing struct {
	Rows, OfRows       int // of the grid
	Moments, OfMoments int // that are left out altogether
	Words, OfWords     int // of those shown, whose words are
}

// columns is a film as the page reads it: columns of numbers, texts by their place in Strings, moments and times as differences to the one
// before, so that ten thousand events fit in a page. JSON escapes <, > and &: no text can end the script that it stands in.
type columns struct {
	Unit    string     `json:"unit"`
	Timed   bool       `json:"timed"`
	Wide    bool       `json:"wide"`
	Whole   bool       `json:"whole"`
	Of      int        `json:"of"` // moments, with those left out
	Bad     uint64     `json:"bad"`
	Start   uint64     `json:"start"`
	Opens   string     `json:"opens"`  // what stands at start, "" where that is the bad moment
	Ending  uint64     `json:"ending"` // from which moment on all runs do the same, 0 for none
	Named   []int      `json:"named"`  // lanes that are always shown
	Ends    []int      `json:"ends"`   // lanes of the ending alone
	Refused uint64     `json:"refused"`
	Focus   uint64     `json:"focus"` // the LSN that the bad moment is about, 0 for none
	Lanes   [][]string `json:"lanes"` // name, kind, zone
	Kinds   []string   `json:"kinds"`
	Strings []string   `json:"strings"`
	N       []uint64   `json:"n"`     // numbers, as differences
	At      []int64    `json:"at"`    // microseconds, as differences
	Lane    []int      `json:"lane"`  // -1 for none
	From    []int      `json:"from"`  // -1 for none
	Kind    []int      `json:"kind"`  // in Kinds
	Cause   []uint64   `json:"cause"` // how many numbers before, 0 for none
	Weight  []int      `json:"weight"`
	Words   []int      `json:"words"` // in Strings, of which the first stands for those that are left out
	Links   [][]uint64 `json:"links"` // of the chain: number, and the one that it is an effect of
	States  stateRows  `json:"states"`
	Model   stateRows  `json:"model"`
	Bands   []bandRow  `json:"bands"`
	Grid    *gridRows  `json:"grid"`
}

type stateRows struct {
	N     []uint64 `json:"n"` // differences
	Lane  []int    `json:"lane"`
	Field []int    `json:"field"` // in Strings
	Value []int    `json:"value"` // in Strings
}

type bandRow struct {
	Lane  int    `json:"lane"`
	From  uint64 `json:"from"`
	To    uint64 `json:"to"`
	Kind  string `json:"kind"`
	Words string `json:"words"`
}

type gridRows struct {
	Columns [][2]int `json:"columns"` // lane, group
	LSN     []uint64 `json:"lsn"`     // of the rows, as differences
	RowFrom []uint64 `json:"rowFrom"` // the moments from which on they are there, as differences
	Group   []int    `json:"group"`
	Last    []int    `json:"last"`
	Words   []int    `json:"words"` // in Strings, of which the first stands for those that are left out
	CellN   []uint64 `json:"cellN"` // differences
	Cell    []int    `json:"cell"`  // column
	CellLSN []uint64 `json:"cellLSN"`
	CellTo  []uint64 `json:"cellTo"` // how many LSNs more
	How     []int    `json:"how"`
	Epoch   []uint64 `json:"epoch"`
	LineN   []uint64 `json:"lineN"` // differences
	Line    []int    `json:"line"`  // in Strings
	LineLSN []uint64 `json:"lineLSN"`
}

// A table gives texts their places.
type table struct {
	list  []string
	place map[string]int
}

func (t *table) of(s string) int {
	if at, known := t.place[s]; known {
		return at
	}
	t.place[s] = len(t.list)
	t.list = append(t.list, s)
	return len(t.list) - 1
}

// ranks orders the moments by how much they matter: by weight, and then by how far they are from one of the chain.
func (f *Film) ranks() []int {
	far := make([]int, len(f.Moments))
	const never = 1 << 30
	for _, back := range []bool{false, true} {
		distance := never
		for i := range f.Moments {
			if back {
				i = len(f.Moments) - 1 - i
			}
			if distance++; f.Moments[i].Weight == Linked {
				distance = 0
			}
			if !back || distance < far[i] {
				far[i] = distance
			}
		}
	}
	order := make([]int, len(f.Moments))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		return cmp.Or(cmp.Compare(f.Moments[b].Weight, f.Moments[a].Weight), cmp.Compare(far[a], far[b]))
	})
	return order
}

// fit encodes a film in at most so many bytes. What does not fit goes in this order: words of moments far from the chain, and then such
// moments themselves.
func (f *Film) fit(limit int, links [][]uint64, focus uint64) ([]byte, missing) {
	order := f.ranks()
	n := len(order)
	rows, ofRows := 0, 0
	if f.Grid != nil {
		ofRows = len(f.Grid.Rows)
		rows = max(0, ofRows-mostRows)
	}
	try := func(moments, words int) ([]byte, missing) {
		text := f.encode(order[:moments], words, links, focus)
		return text, missing{rows, ofRows, n - moments, n, moments - min(moments, words), moments}
	}
	// Beyond that many moments nothing fits, and to try would take time for nothing.
	top := min(n, limit/12)
	if text, left := try(top, top); len(text) <= limit {
		return text, left
	}
	most := func(high int, size func(int) int) int {
		low := 0
		for low < high {
			if middle := (low + high + 1) / 2; size(middle) <= limit {
				low = middle
			} else {
				high = middle - 1
			}
		}
		return low
	}
	linked := 0
	for linked < n && f.Moments[order[linked]].Weight >= Struck && linked < leastWords {
		linked++
	}
	words := most(top, func(w int) int { text, _ := try(top, w); return len(text) })
	if words >= linked {
		return try(top, words)
	}
	moments := most(top, func(m int) int { text, _ := try(m, max(linked, leastWords)); return len(text) })
	return try(moments, max(linked, leastWords))
}

// leastWords is of how many moments the words are kept even if other moments have to go for them.
const leastWords = 1000

// encode writes the moments of that order, the first ones with their words.
func (f *Film) encode(order []int, words int, links [][]uint64, focus uint64) []byte {
	keep := make([]uint8, len(f.Moments))
	for i, at := range order {
		keep[at] = 1
		if i < words {
			keep[at] = 2
		}
	}
	strings, kinds := table{place: map[string]int{}}, table{place: map[string]int{}}
	c := columns{Unit: f.Unit, Timed: f.Timed, Wide: f.Wide, Whole: f.Whole, Of: len(f.Moments), Bad: f.Bad, Start: f.Start, Opens: f.Opens, Ending: f.Ending, Named: f.Named, Ends: f.Ends, Refused: f.Refused, Focus: focus, Links: links, Bands: []bandRow{}}
	strings.of(leftOut)
	for _, l := range f.Lanes {
		c.Lanes = append(c.Lanes, []string{clip(l.Name, mostName), l.Kind, l.Zone})
	}
	var number uint64
	var at int64
	var kept []uint64 // numbers
	for i := range f.Moments {
		if keep[i] == 0 {
			continue
		}
		m := &f.Moments[i]
		micros := int64(m.At) / 1000
		place := 0
		if keep[i] == 2 {
			most := mostWords
			if m.Weight == Linked {
				most = mostLinked
			}
			place = strings.of(clip(m.Words, most))
		}
		cause := uint64(0)
		if m.Cause != 0 {
			cause = m.Number - m.Cause
		}
		c.N, c.At = append(c.N, m.Number-number), append(c.At, micros-at)
		c.Lane, c.From, c.Kind = append(c.Lane, m.Lane), append(c.From, m.From), append(c.Kind, kinds.of(m.Kind))
		c.Cause, c.Weight, c.Words = append(c.Cause, cause), append(c.Weight, int(m.Weight)), append(c.Words, place)
		number, at = m.Number, micros
		kept = append(kept, m.Number)
	}
	// What changed at a moment that is left out is shown from the next one on that is not.
	shown := func(n uint64) (uint64, bool) {
		i, _ := slices.BinarySearch(kept, n)
		if i == len(kept) {
			return 0, false
		}
		return kept[i], true
	}
	c.States, c.Model = f.states(f.States, shown, &strings), f.states(f.Model, shown, &strings)
	for _, b := range f.Bands[:min(len(f.Bands), mostBands)] {
		c.Bands = append(c.Bands, bandRow{b.Lane, b.From, b.To, b.Kind, clip(b.Words, mostWords)})
	}
	if f.Grid != nil {
		c.Grid = f.Grid.rows(shown, &strings, focus)
	}
	c.Strings, c.Kinds = strings.list, kinds.list
	text, err := json.Marshal(&c)
	if err != nil {
		panic("page: " + err.Error()) // numbers and texts always have a form
	}
	return text
}

// leftOut stands in the place of words that there is no room for.
const leftOut = "(details left out)"

// Bounds of what a page holds of one thing.
const (
	mostName   = 60
	mostWords  = 300
	mostLinked = 900 // of a moment of the chain: what happened, and what is wrong with it
	mostBands  = 500
)

// states keeps the last one of those that are shown from the same moment on.
func (f *Film) states(all []State, shown func(uint64) (uint64, bool), strings *table) (rows stateRows) {
	type key struct {
		lane  int
		field string
	}
	var number uint64
	flush := func(n uint64, order []key, last map[key]string) {
		for _, k := range order {
			rows.N = append(rows.N, n-number)
			rows.Lane, rows.Field, rows.Value = append(rows.Lane, k.lane), append(rows.Field, strings.of(k.field)), append(rows.Value, strings.of(last[k]))
			number = n
		}
	}
	var at uint64
	var order []key
	last := map[key]string{}
	for i := range all {
		n, is := shown(all[i].Moment)
		if !is {
			break
		}
		if n != at {
			flush(at, order, last)
			at, order = n, order[:0]
			clear(last)
		}
		k := key{all[i].Lane, all[i].Field}
		if _, has := last[k]; !has {
			order = append(order, k)
		}
		last[k] = clip(all[i].Value, mostName)
	}
	flush(at, order, last)
	return rows
}

// focus returns the LSN that something was said of last, up to a moment; 0 is the end.
func (g *Grid) focus(moment uint64) (lsn uint64) {
	if g == nil {
		return 0
	}
	at := uint64(0)
	for i := range g.Lines {
		if l := &g.Lines[i]; l.Moment >= at && (moment == 0 || l.Moment <= moment) {
			at, lsn = l.Moment, uint64(l.LSN)
		}
	}
	for i := range g.Cells {
		if c := &g.Cells[i]; c.Moment >= at && (moment == 0 || c.Moment <= moment) {
			at, lsn = c.Moment, uint64(c.From)
		}
	}
	return lsn
}

// Bounds of what a page holds of the grid: rows around the LSN that the bad moment is about, and the words of those next to it.
const (
	mostRows     = 2000
	mostRowWords = 400
)

func (g *Grid) rows(shown func(uint64) (uint64, bool), strings *table, focus uint64) *gridRows {
	r := &gridRows{}
	for _, c := range g.Columns {
		r.Columns = append(r.Columns, [2]int{c.Lane, c.Group})
	}
	middle, _ := slices.BinarySearchFunc(g.Rows, node.LSN(focus), func(row Row, l node.LSN) int { return cmp.Compare(row.LSN, l) })
	first := max(0, min(middle-mostRows/2, len(g.Rows)-mostRows))
	rows := g.Rows[first:min(len(g.Rows), first+mostRows)]
	var lsn, from, highest uint64
	// By group: the place of an LSN among those of its group. A column without a group has them all.
	place := map[int]map[node.LSN]int{0: {}}
	for i := range rows {
		row := &rows[i]
		words := 0
		if away := first + i - middle; -mostRowWords/2 <= away && away < mostRowWords/2 {
			words = strings.of(row.Words)
		}
		highest = max(highest, row.From)
		r.LSN, r.RowFrom = append(r.LSN, uint64(row.LSN)-lsn), append(r.RowFrom, highest-from)
		r.Group, r.Last, r.Words = append(r.Group, row.Group), append(r.Last, bit(row.Last)), append(r.Words, words)
		lsn, from = uint64(row.LSN), highest
		if place[row.Group] == nil {
			place[row.Group] = map[node.LSN]int{}
		}
		place[row.Group][row.LSN] = len(place[row.Group])
		place[0][row.LSN] = i
	}
	g.cells(r, shown, place)
	var number uint64
	for i, l := range g.Lines {
		n, is := shown(l.Moment)
		if !is {
			break
		}
		// A line that moves on before it is seen is not drawn.
		if i+1 < len(g.Lines) && g.Lines[i+1].Name == l.Name {
			if next, is := shown(g.Lines[i+1].Moment); is && next == n {
				continue
			}
		}
		r.LineN, r.Line, r.LineLSN = append(r.LineN, n-number), append(r.Line, strings.of(l.Name)), append(r.LineLSN, uint64(l.LSN))
		number = n
	}
	return r
}

// cells writes what changed from one shown moment to the next: the last word on every LSN, neighbours of a group in one.
func (g *Grid) cells(r *gridRows, shown func(uint64) (uint64, bool), place map[int]map[node.LSN]int) {
	type change struct {
		how   How
		epoch node.Epoch
	}
	var number, at uint64
	last := make([]map[node.LSN]change, len(g.Columns))
	images := make([]*Cell, len(g.Columns))
	put := func(n uint64, column int, from, to node.LSN, c change) {
		r.CellN, r.Cell = append(r.CellN, n-number), append(r.Cell, column)
		r.CellLSN, r.CellTo = append(r.CellLSN, uint64(from)), append(r.CellTo, uint64(to)-uint64(from))
		r.How, r.Epoch = append(r.How, int(c.how)), append(r.Epoch, uint64(c.epoch))
		number = n
	}
	flush := func(n uint64) {
		for column := range g.Columns {
			if c := images[column]; c != nil {
				put(n, column, c.To, c.To, change{how: Image})
				images[column] = nil
			}
			if len(last[column]) == 0 {
				continue
			}
			of := place[g.Columns[column].Group]
			lsns := slices.Sorted(maps.Keys(last[column]))
			for i := 0; i < len(lsns); {
				to := i + 1
				for to < len(lsns) && last[column][lsns[to]] == last[column][lsns[i]] && of[lsns[to]] == of[lsns[to-1]]+1 {
					to++
				}
				put(n, column, lsns[i], lsns[to-1], last[column][lsns[i]])
				i = to
			}
			last[column] = nil
		}
	}
	for i := range g.Cells {
		c := &g.Cells[i]
		n, is := shown(c.Moment)
		if !is {
			break
		}
		if n != at {
			flush(at)
			at = n
		}
		if c.How == Image {
			images[c.Column] = c
			continue
		}
		if last[c.Column] == nil {
			last[c.Column] = map[node.LSN]change{}
		}
		for lsn := c.From; lsn <= c.To; lsn++ {
			if _, drawn := place[g.Columns[c.Column].Group][lsn]; drawn {
				last[c.Column][lsn] = change{c.How, c.Epoch}
			}
		}
	}
	flush(at)
}

// clip cuts a text to at most that many bytes, with a sign that it was cut.
func clip(s string, most int) string {
	s = strings.ToValidUTF8(s, "�")
	if len(s) <= most {
		return s
	}
	for cut := most - len("…"); ; cut-- {
		if utf8.RuneStart(s[cut]) {
			return s[:cut] + "…"
		}
	}
}
