package judge

import (
	"bytes"
	"fmt"

	"github.com/firstgap/firstgap/impl/node"
)

// A Copy is one segment, as far as comparing pages goes: what it says of itself, and what it answers to a read.
type Copy struct {
	Name  string
	State node.State
	// PageAt reads a page as of a read point, as a writer would.
	PageAt func(p node.PageID, readPoint node.LSN) ([]byte, error)
}

// claims tells whether the copy claims to hold pages. One that knows that it is damaged claims nothing.
func (c *Copy) claims() bool { return c.State.Serving && !c.State.Damaged }

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

	claim  []string // all that claim the same, and their images
	images [][]byte
	log    *Log // beside which they are held; nil where it is not known
}

func (e *PageError) Error() string { return sentence(e) }

func (e *PageError) Unwrap() error { return e.Err }

// At returns the first byte at which the images differ.
func (e *PageError) At() int { return firstByte(e.Expected, e.Found) }

func (e *PageError) describe(f *Finding) {
	f.LSNs, f.Nodes = []node.LSN{e.SCL}, []string{e.Other}
	if e.Err != nil {
		f.Rule = "a segment that claims to be complete gives every page"
		f.Subject = fmt.Sprintf("page %d of %s, which follows line %d with SCL %d", e.Page, e.Other, e.Line, e.SCL)
		f.Expected, f.Found = "its image as of that SCL", e.Err.Error()
		return
	}
	f.Rule = "segments that claim the same hold the same bytes"
	f.Nodes = []string{e.One, e.Other}
	at := e.At()
	f.Subject = fmt.Sprintf("%s and %s both follow line %d with SCL %d, but page %d differs from byte %d on", e.One, e.Other, e.Line, e.SCL, e.Page, at)
	f.Expected, f.Found = byteAt(e.Expected, at), byteAt(e.Found, at)
	if len(e.images) > 1 {
		f.Differences = []Difference{images(e.log, Difference{Page: e.Page, LSN: e.SCL}, e.claim, e.images)}
	}
}

// byteAt says what an image has at a byte, and never all of the image.
func byteAt(image []byte, at int) string {
	if at >= len(image) {
		return fmt.Sprintf("an end after %d bytes", len(image))
	}
	return fmt.Sprintf("%#02x there, in %d bytes", image[at], len(image))
}

// ComparePages compares the pages of one group on all segments of it that claim the same SCL on the same line. It returns
// how many images it compared with another's.
func ComparePages(group []Copy, pages []node.PageID) (compared int, broken []error) {
	for i := range group {
		c := &group[i]
		if !c.claims() {
			continue
		}
		line, scl := c.State.Line, c.State.SCL
		// The first that claims the same is whom the others are compared with.
		first := i
		for j := range i {
			if o := &group[j]; o.claims() && o.State.Line == line && o.State.SCL == scl {
				first = j
				break
			}
		}
		for _, p := range pages {
			e := PageError{Page: p, Line: line, SCL: scl, One: group[first].Name, Other: c.Name}
			if e.Found, e.Err = c.PageAt(p, scl); e.Err != nil {
				broken = append(broken, &e)
				continue
			}
			if first == i {
				continue
			}
			var err error
			if e.Expected, err = group[first].PageAt(p, scl); err != nil {
				continue // it was objected to when it was its turn
			}
			compared++
			if !bytes.Equal(e.Expected, e.Found) {
				e.ask(group)
				broken = append(broken, &e)
			}
		}
	}
	return compared, broken
}

// ask takes what every copy that claims the same has of the page: a third one says which of two that differ is alone.
func (e *PageError) ask(group []Copy) {
	for i := range group {
		c := &group[i]
		if !c.claims() || c.State.Line != e.Line || c.State.SCL != e.SCL {
			continue
		}
		if image, err := c.PageAt(e.Page, e.SCL); err == nil {
			e.claim, e.images = append(e.claim, c.Name), append(e.images, image)
		}
	}
}
