package harness

import (
	"bytes"
	"fmt"

	"github.com/firstgap/firstgap/impl/node"
)

// A Copy is one segment, as far as comparing pages goes.
type Copy interface {
	Line() node.Epoch
	SCL() node.LSN
	Serving() bool
	Damaged() bool
	// PageAt returns the image of a page as of a read point.
	PageAt(p node.PageID, readPoint node.LSN) ([]byte, error)
}

// A NamedCopy is a copy and the name of its segment.
type NamedCopy struct {
	Name string
	Copy Copy
}

// A PageError is a page that is not the same on two segments which claim the same, or that one cannot give.
type PageError struct {
	Page     node.PageID
	Line     node.Epoch
	SCL      node.LSN
	One      string // whose image was expected of the other
	Other    string
	Expected []byte
	Found    []byte
	Err      error // why Other has no image, when it has none
}

func (e *PageError) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("%s follows line %d with SCL %d and cannot give page %d as of it: %v", e.Other, e.Line, e.SCL, e.Page, e.Err)
	}
	at := 0
	for at < len(e.Expected) && at < len(e.Found) && e.Expected[at] == e.Found[at] {
		at++
	}
	return fmt.Sprintf("%s and %s both follow line %d with SCL %d, but page %d differs from byte %d on: expected %d bytes %x, found %d bytes %x",
		e.One, e.Other, e.Line, e.SCL, e.Page, at, len(e.Expected), e.Expected[at:], len(e.Found), e.Found[at:])
}

func (e *PageError) Unwrap() error { return e.Err }

// Pages compares the pages of one group on all segments of it that claim the same SCL on the same line. A segment that
// knows that it is damaged claims nothing. It returns how many images it compared with another's.
func Pages(group []NamedCopy, pages []node.PageID) (compared int, broken []error) {
	for i, c := range group {
		if !c.Copy.Serving() || c.Copy.Damaged() {
			continue
		}
		line, scl := c.Copy.Line(), c.Copy.SCL()
		// The first that claims the same is whom the others are compared with.
		first := i
		for j := range i {
			o := group[j].Copy
			if o.Serving() && !o.Damaged() && o.Line() == line && o.SCL() == scl {
				first = j
				break
			}
		}
		for _, p := range pages {
			e := PageError{Page: p, Line: line, SCL: scl, One: group[first].Name, Other: c.Name}
			if e.Found, e.Err = c.Copy.PageAt(p, scl); e.Err != nil {
				broken = append(broken, &e)
				continue
			}
			if first == i {
				continue
			}
			var err error
			if e.Expected, err = group[first].Copy.PageAt(p, scl); err != nil {
				continue // it was objected to when it was its turn
			}
			compared++
			if !bytes.Equal(e.Expected, e.Found) {
				broken = append(broken, &e)
			}
		}
	}
	return compared, broken
}
