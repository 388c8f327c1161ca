package page

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/impl/node"
)

func write(l node.LSN, key string, old, new node.Value) *node.Record {
	return &node.Record{LSN: l, Kind: node.Write, Page: 3, Key: key, Old: old, New: new}
}

func built(t *testing.T) *Page {
	p := &Page{ID: 3}
	none := node.Value{}
	for _, r := range []*node.Record{
		write(1, "m", none, node.Some("1")), write(2, "a", none, node.Some("2")), write(5, "z", none, node.Some("")),
		write(6, "m", node.Some("1"), node.Some("3")), write(8, "a", node.Some("2"), none),
	} {
		require.NoError(t, p.Apply(r))
	}
	return p
}

func TestApply(t *testing.T) {
	p := built(t)
	require.Equal(t, []Row{{"m", "3"}, {"z", ""}}, p.Rows)
	require.Equal(t, node.LSN(8), p.LSN)
	require.Equal(t, node.Some(""), p.Get("z"), "an empty value is a value")
	require.Equal(t, node.Value{}, p.Get("a"))
}

// A record that does not continue the page is refused, and the page stays as it is.
func TestApplyRefusesWhatDoesNotContinueThePage(t *testing.T) {
	for why, r := range map[string]*node.Record{
		"applied already": write(8, "m", node.Some("3"), node.Some("4")),
		"another old":     write(9, "m", node.Some("2"), node.Some("4")),
		"no such row":     write(9, "q", node.Some("2"), node.Some("4")),
		"exists already":  write(9, "m", node.Value{}, node.Some("4")),
		"another page":    {LSN: 9, Kind: node.Commit, Page: 4},
	} {
		p := built(t)
		var mismatch *MismatchError
		require.ErrorAs(t, p.Apply(r), &mismatch, why)
		require.Equal(t, built(t), p, why)
	}
}

func TestImages(t *testing.T) {
	p := built(t)
	image := p.Encode()
	back, err := Decode(image)
	require.NoError(t, err)
	require.Equal(t, p, back)
	for i := range image {
		damaged := append([]byte(nil), image...)
		damaged[i] ^= 1
		_, err := Decode(damaged)
		require.Error(t, err, "byte %d", i)
		_, err = Decode(image[:i])
		require.Error(t, err, "cut at %d", i)
	}
}
