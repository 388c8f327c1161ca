package btree

import (
	"github.com/firstgap/firstgap/impl/node"
	"github.com/firstgap/firstgap/impl/page"
)

// Cells of the meta page.
const (
	freeCell = "free"
	nextCell = "next"
)

// meta is what the meta page says.
type meta struct {
	next node.PageID // the first page never allocated
	free node.PageID // the head of the list of free pages, 0 if there is no free page
}

// readMeta reads the meta page. It fails, with a *CheckError, when it holds anything else.
func readMeta(p *page.Page) (meta, error) {
	m := meta{next: First}
	bad := func(why string) (meta, error) { return m, &CheckError{Page: p.ID, Rule: RuleMeta, Why: why} }
	if p.Level != 0 || p.Next != 0 {
		return bad("it has a level or a next page")
	}
	for _, c := range p.Cells {
		id, ok := number(c.Value)
		switch {
		case ok && id >= First && c.Key == nextCell:
			m.next = id
		case ok && (id == 0 || id >= First) && c.Key == freeCell:
			m.free = id
		default:
			return bad("unknown cell " + c.Key)
		}
	}
	if m.free >= m.next {
		return bad("the first free page was never allocated")
	}
	return m, nil
}

// record returns the record that makes m of what the meta page says.
func (m meta) record(p *page.Page) node.Record {
	return replace(Meta, "", header(p, p.Cells...), header(p, cell(freeCell, m.free), cell(nextCell, m.next)))
}

func (t Tree) meta() (*page.Page, meta, error) {
	p := t.Pages.Page(Meta)
	if p == nil {
		return nil, meta{}, &MissingPageError{Meta}
	}
	m, err := readMeta(p)
	if err != nil {
		panic(err)
	}
	return p, m, nil
}

// An allocated page is about to come into use.
type allocated struct {
	id  node.PageID
	was page.Fragment // what it holds until then
}

// allocate chooses pages, free ones first, and returns with them the record for the meta page. A page that was never
// allocated is not looked at: nothing has changed it.
func (t Tree) allocate(n int) (node.Record, []allocated, error) {
	p, m, err := t.meta()
	if err != nil {
		return node.Record{}, nil, err
	}
	pages := make([]allocated, 0, n)
	for len(pages) < n && m.free != 0 {
		f := t.Pages.Page(m.free)
		if f == nil {
			return node.Record{}, nil, &MissingPageError{m.free}
		}
		if f.Level != page.Free {
			broken(f.ID, RuleFree, "level %d, and it is on the list of free pages", f.Level)
		}
		pages = append(pages, allocated{f.ID, header(f)})
		m.free = f.Next
		// gofail: var bugFreeListCut struct{}
		// if t.Hook != nil && t.Hook.Planted("bugFreeListCut") {
		// 	m.free = 0
		// }

	}
	for ; len(pages) < n; m.next++ {
		if m.next >= t.Capacity {
			return node.Record{}, nil, &FullError{Needed: n, Left: len(pages), Capacity: t.Capacity}
		}
		pages = append(pages, allocated{m.next, page.Fragment{}})
	}
	return m.record(p), pages, nil
}

// release returns the records that put p on the list of free pages.
func (t Tree) release(p *page.Page) (ofMeta, ofPage node.Record, err error) {
	mp, m, err := t.meta()
	if err != nil {
		return ofMeta, ofPage, err
	}
	freed := page.Fragment{Level: page.Free, Next: m.free}
	m.free = p.ID
	return m.record(mp), replace(p.ID, "", header(p, p.Cells...), freed), nil
}
