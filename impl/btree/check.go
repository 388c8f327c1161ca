package btree

import (
	"fmt"

	"github.com/firstgap/firstgap/impl/node"
	"github.com/firstgap/firstgap/impl/page"
)

// A Rule is what must hold of a tree.
type Rule string

const (
	// RuleMeta: the meta page says which page is next, at most the capacity, and which one is free, and nothing else.
	RuleMeta Rule = "meta"
	// RuleNumber: a page has the number under which it is found.
	RuleNumber Rule = "number"
	// RuleSize: the image of a page is not larger than a page.
	RuleSize Rule = "size"
	// RuleCell: a row is not larger than a page takes.
	RuleCell Rule = "cell"
	// RuleOrder: the keys of a page ascend.
	RuleOrder Rule = "order"
	// RuleFirst: a page above the leaves has a child, and its first key is "".
	RuleFirst Rule = "first"
	// RuleFence: the keys of a page lie in the range that its parent gives it.
	RuleFence Rule = "fence"
	// RuleChild: a cell above the leaves names a page that was allocated.
	RuleChild Rule = "child"
	// RuleLevel: a child is one level below its parent.
	RuleLevel Rule = "level"
	// RuleNext: a leaf names the leaf that follows it, the last one and pages above the leaves none.
	RuleNext Rule = "next"
	// RuleFree: a page on the list of free pages is marked as free and has no cells.
	RuleFree Rule = "free"
	// RuleOnce: no page is reached twice, whether in the tree or on the list of free pages.
	RuleOnce Rule = "once"
	// RuleLost: an allocated page is in the tree or on the list of free pages.
	RuleLost Rule = "lost"
)

// CheckError names a rule that a tree breaks and the page where it does.
type CheckError struct {
	Page node.PageID
	Rule Rule
	Why  string
}

func (e *CheckError) Error() string {
	return fmt.Sprintf("tree: page %d breaks the rule %q: %s", e.Page, e.Rule, e.Why)
}

// Check reads all pages and returns what is wrong first: a *CheckError, or a *MissingPageError when it could not tell.
func (t Tree) Check() error {
	c := checker{tree: t, reached: map[node.PageID]string{}}
	mp, err := c.page(Meta, "meta page")
	if err != nil {
		return err
	}
	if c.meta, err = readMeta(mp); err != nil {
		return err
	}
	if c.meta.next > t.Capacity {
		return c.fail(Meta, RuleMeta, "page %d is next, the capacity is %d", c.meta.next, t.Capacity)
	}
	root, err := c.page(Root, "root")
	if err != nil {
		return err
	}
	if root.Level == page.Free {
		return c.fail(Root, RuleFree, "it is the root")
	}
	if err := c.subtree(root, "", ""); err != nil {
		return err
	}
	if c.leaf.Next != 0 {
		return c.fail(c.leaf.ID, RuleNext, "page %d follows the last leaf", c.leaf.Next)
	}
	for id := c.meta.free; id != 0; {
		if id < First || id >= c.meta.next {
			return c.fail(id, RuleFree, "it is on the list of free pages, those of %d to %d can be", First, c.meta.next-1)
		}
		p, err := c.page(id, "list of free pages")
		if err != nil {
			return err
		}
		if p.Level != page.Free || len(p.Cells) > 0 {
			return c.fail(id, RuleFree, "level %d and %d cells, and it is on the list of free pages", p.Level, len(p.Cells))
		}
		id = p.Next
	}
	for id := First; id < c.meta.next; id++ {
		if _, ok := c.reached[id]; !ok {
			return c.fail(id, RuleLost, "neither in the tree nor on the list of free pages")
		}
	}
	return nil
}

// A checker walks a tree.
type checker struct {
	tree    Tree
	meta    meta
	reached map[node.PageID]string // from where
	leaf    *page.Page             // the last one
}

func (c *checker) fail(id node.PageID, rule Rule, format string, args ...any) error {
	return &CheckError{Page: id, Rule: rule, Why: fmt.Sprintf(format, args...)}
}

// page returns a page that is reached from somewhere, if what can be said of it alone holds.
func (c *checker) page(id node.PageID, from string) (*page.Page, error) {
	if before, ok := c.reached[id]; ok {
		return nil, c.fail(id, RuleOnce, "reached from %s and from %s", before, from)
	}
	c.reached[id] = from
	p := c.tree.Pages.Page(id)
	if p == nil {
		return nil, &MissingPageError{id}
	}
	if p.ID != id {
		return nil, c.fail(id, RuleNumber, "it says that it is page %d", p.ID)
	}
	if n := len(p.Encode()); n > c.tree.PageSize || n != p.Size() {
		return nil, c.fail(id, RuleSize, "its image has %d bytes, counted are %d, a page has %d", n, p.Size(), c.tree.PageSize)
	}
	for i := 1; i < len(p.Cells); i++ {
		if p.Cells[i-1].Key >= p.Cells[i].Key {
			return nil, c.fail(id, RuleOrder, "%q before %q", p.Cells[i-1].Key, p.Cells[i].Key)
		}
	}
	return p, nil
}

// subtree checks p and what is below it. Its keys must be in [low, high); no high is no bound.
func (c *checker) subtree(p *page.Page, low, high string) error {
	if p.Level > 0 && (len(p.Cells) == 0 || p.Cells[0].Key != "") {
		return c.fail(p.ID, RuleFirst, "%d cells at level %d, and the first key is not below all", len(p.Cells), p.Level)
	}
	for i := range p.Cells {
		key := p.Cells[i].Key
		if (p.Level == 0 || i > 0) && (key < low || high != "" && key >= high) {
			return c.fail(p.ID, RuleFence, "key %q is not in [%q, %q)", key, low, high)
		}
	}
	if p.Level == 0 {
		for i := range p.Cells {
			if err := page.ValidCell(p.Cells[i].Key, p.Cells[i].Value, c.tree.PageSize); err != nil {
				return c.fail(p.ID, RuleCell, "%v", err)
			}
		}
		if c.leaf != nil && c.leaf.Next != p.ID {
			return c.fail(c.leaf.ID, RuleNext, "page %d follows it, it says %d", p.ID, c.leaf.Next)
		}
		c.leaf = p
		return nil
	}
	if p.Next != 0 {
		return c.fail(p.ID, RuleNext, "level %d, and it says that page %d follows", p.Level, p.Next)
	}
	for i := range p.Cells {
		id, ok := number(p.Cells[i].Value)
		if !ok || id < First || id >= c.meta.next {
			return c.fail(p.ID, RuleChild, "cell %q names page %d, those of %d to %d are allocated", p.Cells[i].Key, id, First, c.meta.next-1)
		}
		child, err := c.page(id, fmt.Sprintf("page %d", p.ID))
		if err != nil {
			return err
		}
		if child.Level != p.Level-1 {
			return c.fail(id, RuleLevel, "level %d below page %d of level %d", child.Level, p.ID, p.Level)
		}
		childLow, childHigh := max(low, p.Cells[i].Key), high
		if i+1 < len(p.Cells) {
			childHigh = p.Cells[i+1].Key
		}
		if err := c.subtree(child, childLow, childHigh); err != nil {
			return err
		}
	}
	return nil
}
