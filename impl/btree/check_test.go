package btree

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/impl/node"
	"github.com/firstgap/firstgap/impl/page"
)

// rules are all that Check knows.
func rules() []Rule {
	return []Rule{RuleMeta, RuleNumber, RuleSize, RuleCell, RuleOrder, RuleFirst, RuleFence, RuleChild, RuleLevel, RuleNext,
		RuleFree, RuleOnce, RuleLost}
}

// held are pages as they stand.
type held map[node.PageID]*page.Page

func (h held) Page(id node.PageID) *page.Page { return h[id] }

func (h held) put(id node.PageID, level uint8, next node.PageID, cells ...page.Cell) {
	h[id] = page.New(id, 9, level, next, cells...)
}

// healthy is a tree of three levels: root 1, below it 2 and 3, leaves 4 to 7; 8 and 9 are free, 10 is next.
func healthy() held {
	h := held{}
	h.put(Meta, 0, 0, cell("free", 8), cell("next", 10))
	h.put(Root, 2, 0, cell("", 2), cell("m", 3))
	h.put(2, 1, 0, cell("", 4), cell("f", 5))
	h.put(3, 1, 0, cell("", 6), cell("s", 7))
	h.put(4, 0, 5, row("a"), row("b"))
	h.put(5, 0, 6, row("f"))
	h.put(6, 0, 7)
	h.put(7, 0, 0, row("s"), row("t"))
	h.put(8, page.Free, 9)
	h.put(9, page.Free, 0)
	return h
}

func row(key string) page.Cell { return page.Cell{Key: key, Value: "v"} }

func (h held) tree() Tree { return Tree{Pages: h, PageSize: page.MinSize, Capacity: 20} }

func TestCheckAcceptsWhatIsWhole(t *testing.T) {
	require.NoError(t, healthy().tree().Check())
	untouched := held{Meta: {ID: Meta}, Root: {ID: Root}}
	require.NoError(t, untouched.tree().Check())
	alone := held{Meta: {ID: Meta}}
	alone.put(Root, 0, 0, row("a"))
	require.NoError(t, alone.tree().Check())
}

// Every rule objects to a tree that breaks it, by name and page, and no other rule gets there first.
func TestEveryRuleObjects(t *testing.T) {
	large := page.Cell{Key: "b", Value: strings.Repeat("v", page.MaxCell(page.MinSize))}
	seen := map[Rule]bool{}
	for name, c := range map[string]struct {
		rule   Rule
		page   node.PageID
		damage func(held)
	}{
		"an unknown cell of the meta page":  {RuleMeta, Meta, func(h held) { h.put(Meta, 0, 0, cell("free", 8), cell("last", 3), cell("next", 10)) }},
		"a next page that is no number":     {RuleMeta, Meta, func(h held) { h.put(Meta, 0, 0, cell("free", 8), row("next")) }},
		"a next page that is the root":      {RuleMeta, Meta, func(h held) { h.put(Meta, 0, 0, cell("next", Root)) }},
		"a free page never allocated":       {RuleMeta, Meta, func(h held) { h.put(Meta, 0, 0, cell("free", 10), cell("next", 10)) }},
		"a free root":                       {RuleMeta, Meta, func(h held) { h.put(Meta, 0, 0, cell("free", Root), cell("next", 10)) }},
		"a next page above the capacity":    {RuleMeta, Meta, func(h held) { h.put(Meta, 0, 0, cell("free", 8), cell("next", 21)) }},
		"a meta page with a level":          {RuleMeta, Meta, func(h held) { h.put(Meta, 1, 0, cell("free", 8), cell("next", 10)) }},
		"another page's image":              {RuleNumber, 5, func(h held) { h[5] = h[6] }},
		"more bytes than a page":            {RuleSize, 4, func(h held) { h.put(4, 0, 5, row("a"), page.Cell{Key: "b", Value: strings.Repeat("v", 500)}) }},
		"bytes that were not counted":       {RuleSize, 4, func(h held) { h[4] = &page.Page{ID: 4, Next: 5, Cells: []page.Cell{row("a")}} }},
		"a row above the limit":             {RuleCell, 4, func(h held) { h.put(4, 0, 5, row("a"), large) }},
		"keys out of order":                 {RuleOrder, 4, func(h held) { h.put(4, 0, 5, row("b"), row("a")) }},
		"a key twice":                       {RuleOrder, 2, func(h held) { h.put(2, 1, 0, cell("", 4), cell("f", 5), cell("f", 5)) }},
		"no child":                          {RuleFirst, 2, func(h held) { h.put(2, 1, 0) }},
		"a first key that is not below all": {RuleFirst, 2, func(h held) { h.put(2, 1, 0, cell("a", 4), cell("f", 5)) }},
		"a row above its leaf's range":      {RuleFence, 4, func(h held) { h.put(4, 0, 5, row("a"), row("f")) }},
		"a row below its leaf's range":      {RuleFence, 7, func(h held) { h.put(7, 0, 0, row("r"), row("t")) }},
		"a separator below its range":       {RuleFence, 3, func(h held) { h.put(3, 1, 0, cell("", 6), cell("l", 7)) }},
		"a separator above its range":       {RuleFence, 2, func(h held) { h.put(2, 1, 0, cell("", 4), cell("m", 5)) }},
		"a child that is the meta page":     {RuleChild, 2, func(h held) { h.put(2, 1, 0, cell("", 4), cell("f", 0)) }},
		"a child never allocated":           {RuleChild, 3, func(h held) { h.put(3, 1, 0, cell("", 6), cell("s", 10)) }},
		"a child that is no number":         {RuleChild, 3, func(h held) { h.put(3, 1, 0, cell("", 6), row("s")) }},
		"a leaf two levels down":            {RuleLevel, 4, func(h held) { h.put(Root, 2, 0, cell("", 4), cell("m", 3)) }},
		"a child that is free":              {RuleLevel, 5, func(h held) { h.put(5, page.Free, 6) }},
		"a leaf that skips one":             {RuleNext, 4, func(h held) { h.put(4, 0, 6, row("a")) }},
		"a leaf that ends the chain":        {RuleNext, 5, func(h held) { h.put(5, 0, 0, row("f")) }},
		"a last leaf with a next":           {RuleNext, 7, func(h held) { h.put(7, 0, 4, row("s")) }},
		"a next above the leaves":           {RuleNext, 2, func(h held) { h.put(2, 1, 3, cell("", 4), cell("f", 5)) }},
		"a free page without its mark":      {RuleFree, 9, func(h held) { h.put(9, 0, 0) }},
		"a free page with rows":             {RuleFree, 9, func(h held) { h.put(9, page.Free, 0, row("a")) }},
		"a free page that is no page":       {RuleFree, 12, func(h held) { h.put(9, page.Free, 12) }},
		"the root is free":                  {RuleFree, Root, func(h held) { h.put(Root, page.Free, 0) }},
		"a leaf twice in the tree":          {RuleOnce, 4, func(h held) { h.put(2, 1, 0, cell("", 4), cell("f", 4)) }},
		"a circle of free pages":            {RuleOnce, 8, func(h held) { h.put(9, page.Free, 8) }},
		"a page in the tree that is free":   {RuleOnce, 7, func(h held) { h.put(9, page.Free, 7) }},
		"a free page that nobody names":     {RuleLost, 9, func(h held) { h.put(8, page.Free, 0) }},
		"a leaf that nobody names": {RuleLost, 5, func(h held) {
			h.put(2, 1, 0, cell("", 4))
			h.put(4, 0, 6, row("a"))
		}},
	} {
		t.Run(name, func(t *testing.T) {
			h := healthy()
			c.damage(h)
			err := h.tree().Check()
			var broken *CheckError
			require.ErrorAs(t, err, &broken)
			require.Equal(t, c.rule, broken.Rule, err)
			require.Equal(t, c.page, broken.Page, err)
			seen[c.rule] = true
		})
	}
	for _, rule := range rules() {
		require.True(t, seen[rule], "no broken tree for the rule %q", rule)
	}
}

// A page that is not at hand leaves the question open: that is no verdict on the tree.
func TestCheckCannotTellWithoutAllPages(t *testing.T) {
	for id := range healthy() {
		h := healthy()
		delete(h, id)
		var missing *MissingPageError
		require.ErrorAs(t, h.tree().Check(), &missing)
		require.Equal(t, id, missing.Page)
	}
}

// A search in a tree that cannot be stops with the name of what is wrong, and does not run in circles.
func TestASearchInABrokenTreeStops(t *testing.T) {
	for name, c := range map[string]struct {
		rule    Rule
		damage  func(held)
		operate func(Tree)
	}{
		"a child above its parent": {RuleLevel, func(h held) { h.put(2, 1, 0, cell("", 1)) }, func(t Tree) { t.Get("a") }},
		"no child":                 {RuleFirst, func(h held) { h.put(2, 1, 0) }, func(t Tree) { t.Leaf("a") }},
		"a free root":              {RuleFirst, func(h held) { h.put(Root, page.Free, 0) }, func(t Tree) { t.Leaf("a") }},
		"no number":                {RuleChild, func(h held) { h.put(2, 1, 0, row("")) }, func(t Tree) { t.Get("a") }},
		"a circle of leaves":       {RuleNext, func(h held) { h.put(7, 0, 4, row("s")) }, func(t Tree) { t.Scan("", "", 0, func(page.Cell) bool { return true }) }},
		"a circle of empty leaves": {RuleNext, func(h held) { h.put(6, 0, 6) }, func(t Tree) { t.Scan("", "", 0, func(page.Cell) bool { return true }) }},
		"a chain out of the leaves": {RuleNext, func(h held) { h.put(7, 0, 2, row("s")) },
			func(t Tree) { t.Scan("", "", 0, func(page.Cell) bool { return true }) }},
		"a meta page of rows": {RuleMeta, func(h held) { h.put(Meta, 0, 0, row("a")) }, func(t Tree) { _, _ = t.Room(large()) }},
		"a used page on the free list": {RuleFree, func(h held) { h.put(Meta, 0, 0, cell("free", 7), cell("next", 10)) },
			func(t Tree) { _, _ = t.Room(large()) }},
	} {
		t.Run(name, func(t *testing.T) {
			h := healthy()
			c.damage(h)
			defer func() {
				broken, ok := recover().(*CheckError)
				require.True(t, ok)
				require.Equal(t, c.rule, broken.Rule, broken)
			}()
			c.operate(h.tree())
		})
	}
}

// large are rows that need a split.
func large() (rows []node.Row) {
	for _, key := range []string{"a0", "a1", "a2", "a3", "a4"} {
		rows = append(rows, node.Row{Key: key, Value: node.Some(strings.Repeat("v", 100))})
	}
	return rows
}

// A leaf moves together with a neighbour on either side when it is less than a quarter full and the two leave a quarter
// free; an empty one whenever the other fits.
func TestWhenLeavesMerge(t *testing.T) {
	payload := page.MinSize - page.Overhead
	for name, c := range map[string]struct {
		left, right int // bytes
		key         string
		merge       bool
	}{
		"the left one is small":        {payload/4 - 1, payload / 4, "a", true},
		"the right one is small":       {payload / 4, payload/4 - 1, "x", true},
		"neither is":                   {payload / 4, payload / 4, "a", false},
		"the other is":                 {payload/4 - 1, payload / 4, "x", false},
		"a quarter stays free":         {payload/4 - 1, payload*3/4 - payload/4 + 1, "a", true},
		"not a quarter stays free":     {payload/4 - 1, payload*3/4 - payload/4 + 2, "a", false},
		"an empty one, the right full": {0, payload, "a", true},
		"an empty one, the left full":  {payload, 0, "x", true},
		"both are empty":               {0, 0, "a", true},
	} {
		t.Run(name, func(t *testing.T) {
			h := held{Meta: page.New(Meta, 9, 0, 0, cell("next", 4))}
			h.put(Root, 1, 0, cell("", 2), cell("m", 3))
			// Cells of the size of a row, and the last one as large as it takes to have so many bytes.
			cells := func(key string, bytes int) (cells []page.Cell) {
				for i := 0; bytes > 0; i++ {
					c := page.Cell{Key: key + string(rune('0'+i))}
					for c.Bytes() < bytes && (c.Bytes() < 50 || bytes < 100) {
						c.Value += "v"
					}
					bytes -= c.Bytes()
					cells = append(cells, c)
				}
				return cells
			}
			h.put(2, 0, 3, cells("a", c.left)...)
			h.put(3, 0, 0, cells("x", c.right)...)
			require.Equal(t, c.left, used(h[2]))
			require.Equal(t, c.right, used(h[3]))
			require.NoError(t, h.tree().Check())
			change, err := h.tree().Shrink(c.key)
			require.NoError(t, err)
			require.Equal(t, c.merge, len(change) > 0)
		})
	}
}

// A scan up to its leaf's end asks for no other leaf; one key further it must.
func TestAScanReadsNoLeafThatItDoesNotNeed(t *testing.T) {
	h := healthy()
	delete(h, 5)
	none := func(page.Cell) bool { return true }
	require.True(t, h.tree().Scan("a", "f", 0, none), "all keys of the leaf are below f")
	require.False(t, h.tree().Scan("a", "f\x00", 0, none))
	require.True(t, h.tree().Scan("a", "f\x00", 1, none), "the limit is reached before")
}
