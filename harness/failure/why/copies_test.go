package why

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/aurora"
	"github.com/firstgap/firstgap/harness/judge"
	"github.com/firstgap/firstgap/impl/node"
)

// A run that is sound stands in for one that is not: its finding is made up, its events are real.
func storyOf(t *testing.T, f *judge.Finding) *story {
	c, err := aurora.System().Generate(5, harness.Generation{})
	require.NoError(t, err)
	s := &story{tape: newTape(), c: &c, finding: f}
	s.result = harness.RunWith(aurora.System(), c, harness.Options{Listen: s.hear, Ended: s.over.take})
	s.about = aboutFinding(f, s.world.Named)
	return s
}

// Two copies that differ are both named, with the page, the byte and both values, and the last record of the page that one of them took.
func TestTwoCopiesThatDifferAreNamed(t *testing.T) {
	image := func(b byte) []byte { return []byte{1, 2, b, 4} }
	page := func(b byte) func(node.PageID, node.LSN) ([]byte, error) {
		return func(node.PageID, node.LSN) ([]byte, error) { return image(b), nil }
	}
	state := node.State{Role: "segment", Line: 1, SCL: 9, Serving: true}
	_, broken := judge.ComparePages([]judge.Copy{{Name: "segment 1/1", State: state, PageAt: page(3)}, {Name: "segment 1/2", State: state, PageAt: page(7)}}, []node.PageID{1})
	require.Len(t, broken, 1)
	f := judge.Violated(faults.Pages, broken[0])
	s := storyOf(t, &f)
	s.explain()
	require.Equal(t, "Segment 1/1 and segment 1/2 both follow line 1 with SCL 9, but page 1 differs from byte 2 on: expected 0x03 there, in 4 bytes, found 0x07 there, in 4 bytes.", s.headline)
	b := s.fact(s.bad)
	require.NotNil(t, b)
	require.Equal(t, node.ActStore, b.action)
	require.EqualValues(t, 1, b.page)
	require.Contains(t, []string{"segment 1/1", "segment 1/2"}, s.name(b.process))
}

// What is too much is named with who makes most of it, by messages and by files.
func TestWhoMakesTooMuchIsNamed(t *testing.T) {
	for check, want := range map[judge.Check]string{faults.Traffic: `(writer|segment|reader|register).* makes most of what is too much: [a-z-]+, \d+ of them since .* ms, \d+ % of all`, faults.Writes: `^\d+ nodes of the kind segment make what is too much: syncs, \d+ of \d+, segment \d/\d alone \d+`} {
		subject := map[judge.Check]string{faults.Traffic: "messages in 1s", faults.Writes: "syncs in 1s"}[check]
		s := storyOf(t, &judge.Finding{Check: check, Subject: subject, Expected: "from 0 to 1", Found: "2"})
		s.explain()
		require.Regexp(t, `(?i)`+want, s.headline)
		require.NotEmpty(t, s.causes)
	}
}
