package judge

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/impl/node"
)

// A fakeCopy is what a segment says of itself, and the images that it has.
type fakeCopy struct {
	state     node.State
	images    map[node.PageID]string
	readPoint node.LSN
}

func (c *fakeCopy) pageAt(p node.PageID, at node.LSN) ([]byte, error) {
	c.readPoint = at
	image, ok := c.images[p]
	if !ok {
		return nil, errors.New("a record does not continue the page")
	}
	return []byte(image), nil
}

func threeCopies() []*fakeCopy {
	var copies []*fakeCopy
	for range 3 {
		copies = append(copies, &fakeCopy{state: node.State{Line: 2, SCL: 7, Serving: true}, images: map[node.PageID]string{0: "abcdef", 2: "ghi"}})
	}
	return copies
}

// compared compares the pages 0 and 2 of copies.
func compared(copies []*fakeCopy) (int, []error) {
	var group []Copy
	for i, c := range copies {
		group = append(group, Copy{Name: fmt.Sprintf("segment 1/%d", i+1), State: c.state, PageAt: c.pageAt})
	}
	return ComparePages(group, []node.PageID{0, 2})
}

func TestPagesOfEqualSegmentsAreEqual(t *testing.T) {
	copies := threeCopies()
	n, broken := compared(copies)
	require.Empty(t, broken)
	require.Equal(t, 4, n)
	require.Equal(t, node.LSN(7), copies[1].readPoint, "as of the SCL that they claim")
}

func TestPagesObject(t *testing.T) {
	copies := threeCopies()
	copies[2].images = map[node.PageID]string{0: "abcxef", 2: "ghi"}
	_, broken := compared(copies)
	require.Len(t, broken, 1)
	var e *PageError
	require.ErrorAs(t, broken[0], &e)
	require.Equal(t, node.PageID(0), e.Page)
	require.Equal(t, "segment 1/1", e.One)
	require.Equal(t, "segment 1/3", e.Other)
	require.Contains(t, e.Error(), "segment 1/1 and segment 1/3 both follow line 2 with SCL 7, but page 0 differs from byte 3 on")
	require.Contains(t, e.Error(), "expected 0x64 there, in 6 bytes, found 0x78 there, in 6 bytes", "the first byte that differs, and never a page of hex")
	copies[2].images = map[node.PageID]string{0: "abc", 2: "ghi"}
	_, broken = compared(copies)
	require.ErrorContains(t, broken[0], "found an end after 3 bytes")

	copies[2].images = map[node.PageID]string{0: "abcdef"}
	_, broken = compared(copies)
	require.Len(t, broken, 1)
	require.ErrorAs(t, broken[0], &e)
	require.ErrorContains(t, e, "page 2 of segment 1/3")
	require.ErrorContains(t, errors.Unwrap(e), "does not continue")
}

// Only what claims the same is compared.
func TestPagesOfSegmentsThatClaimDifferentThings(t *testing.T) {
	for name, change := range map[string]func(*fakeCopy){
		"another SCL":   func(c *fakeCopy) { c.state.SCL = 8 },
		"another line":  func(c *fakeCopy) { c.state.Line = 3 },
		"damaged":       func(c *fakeCopy) { c.state.Damaged = true },
		"still settles": func(c *fakeCopy) { c.state.Serving = false },
	} {
		copies := threeCopies()
		copies[1].images = map[node.PageID]string{0: "other", 2: "bytes"}
		change(copies[1])
		n, broken := compared(copies)
		require.Empty(t, broken, name)
		require.Equal(t, 2, n, name)
	}
}
