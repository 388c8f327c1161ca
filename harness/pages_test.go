package harness

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/impl/node"
)

type fakeCopy struct {
	line      node.Epoch
	scl       node.LSN
	asleep    bool
	damaged   bool
	images    map[node.PageID]string
	readPoint node.LSN
}

func (c *fakeCopy) Line() node.Epoch { return c.line }
func (c *fakeCopy) SCL() node.LSN    { return c.scl }
func (c *fakeCopy) Serving() bool    { return !c.asleep }
func (c *fakeCopy) Damaged() bool    { return c.damaged }
func (c *fakeCopy) PageAt(p node.PageID, at node.LSN) ([]byte, error) {
	c.readPoint = at
	image, ok := c.images[p]
	if !ok {
		return nil, errors.New("a record does not continue the page")
	}
	return []byte(image), nil
}

func threeCopies() (group []NamedCopy, copies []*fakeCopy) {
	for _, name := range []string{"segment 1/1", "segment 1/2", "segment 1/3"} {
		c := &fakeCopy{line: 2, scl: 7, images: map[node.PageID]string{0: "abcdef", 2: "ghi"}}
		copies = append(copies, c)
		group = append(group, NamedCopy{name, c})
	}
	return group, copies
}

func TestPagesOfEqualSegmentsAreEqual(t *testing.T) {
	group, copies := threeCopies()
	n, broken := Pages(group, []node.PageID{0, 2})
	require.Empty(t, broken)
	require.Equal(t, 4, n)
	require.Equal(t, node.LSN(7), copies[1].readPoint, "as of the SCL that they claim")
}

func TestPagesObject(t *testing.T) {
	group, copies := threeCopies()
	copies[2].images = map[node.PageID]string{0: "abcxef", 2: "ghi"}
	_, broken := Pages(group, []node.PageID{0, 2})
	require.Len(t, broken, 1)
	var e *PageError
	require.ErrorAs(t, broken[0], &e)
	require.Equal(t, node.PageID(0), e.Page)
	require.Equal(t, "segment 1/1", e.One)
	require.Equal(t, "segment 1/3", e.Other)
	require.Contains(t, e.Error(), "differs from byte 3 on")

	copies[2].images = map[node.PageID]string{0: "abcdef"}
	_, broken = Pages(group, []node.PageID{0, 2})
	require.Len(t, broken, 1)
	require.ErrorAs(t, broken[0], &e)
	require.ErrorContains(t, e, "cannot give page 2")
	require.ErrorContains(t, errors.Unwrap(e), "does not continue")
}

// Only what claims the same is compared.
func TestPagesOfSegmentsThatClaimDifferentThings(t *testing.T) {
	for name, change := range map[string]func(*fakeCopy){
		"another SCL":   func(c *fakeCopy) { c.scl = 8 },
		"another line":  func(c *fakeCopy) { c.line = 3 },
		"damaged":       func(c *fakeCopy) { c.damaged = true },
		"still settles": func(c *fakeCopy) { c.asleep = true },
	} {
		group, copies := threeCopies()
		copies[1].images = map[node.PageID]string{0: "other", 2: "bytes"}
		change(copies[1])
		n, broken := Pages(group, []node.PageID{0, 2})
		require.Empty(t, broken, name)
		require.Equal(t, 2, n, name)
	}
}
