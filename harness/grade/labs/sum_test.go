package labs

import (
	"encoding/hex"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/harness/lines/protocol"
	"github.com/firstgap/firstgap/impl/node"
	"github.com/firstgap/firstgap/impl/page"
)

// unsummed leaves out the checksums of pages.
func unsummed(p protocol.Place) node.Node {
	return &wrapped{Node: ours(p), after: func(_ *node.Event, out *node.Effects) {
		for i := range out.List {
			if m, is := out.List[i].Message.(*node.PageImage); is {
				clear(m.Image[len(m.Image)-sumBytes:])
			}
		}
	}}
}

func TestAPageMayComeWithoutItsChecksum(t *testing.T) {
	l := segments()
	for _, name := range []string{"serves", "serves-pages-as-of-the-read-point"} {
		for i := range l.Tests {
			if x := &l.Tests[i]; x.Name == name {
				out := l.Run(x, unsummed, l.Seeds(x, nil), Options{})
				require.True(t, out.Passed(), out.Says())
			}
		}
	}
}

// What the handout says of the bytes of a page is what the nodes go by.
func TestTheHandoutHasTheBytesOfAPage(t *testing.T) {
	l := segments()
	text := l.Handout()
	p := page.New(5, 3, 0, 0)
	for _, r := range []*node.Record{
		{LSN: 4, Epoch: 1, Kind: node.Write, Page: 5, Key: "X", New: node.Some("500")},
		{LSN: 5, Epoch: 1, Kind: node.Write, Page: 5, Key: "Y", New: node.Some("750")},
	} {
		require.NoError(t, p.Apply(r))
	}
	require.Equal(t, hex.EncodeToString(p.Encode()), block(t, text, "a page"))
	fragment := page.Fragment{Level: 0, Next: 7, Cells: []page.Cell{{Key: "X", Value: "500"}}}
	require.Equal(t, hex.EncodeToString([]byte(fragment.Value().Bytes)), block(t, text, "a fragment"))
	image, err := hex.DecodeString(block(t, text, "a page"))
	require.NoError(t, err)
	again, err := page.Decode(image)
	require.NoError(t, err)
	require.Equal(t, p.Cells, again.Cells)
}

// block returns the hexadecimal digits of the fenced block of that name, without what stands behind two spaces in a line.
func block(t *testing.T, text, name string) string {
	_, rest, found := strings.Cut(text, "```text "+name+"\n")
	require.True(t, found, name)
	rest, _, _ = strings.Cut(rest, "```")
	digits := ""
	for line := range strings.Lines(rest) {
		bytes, _, _ := strings.Cut(strings.TrimSpace(line), "  ")
		digits += strings.ReplaceAll(bytes, " ", "")
	}
	return digits
}
