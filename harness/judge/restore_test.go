package judge

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/impl/backup"
	"github.com/firstgap/firstgap/impl/node"
)

// lacking is a store that lists objects and gives none of them.
type lacking struct {
	names []string
	err   error // in place of "missing"
}

func (l lacking) Get(name string) ([]byte, error) {
	if l.err != nil {
		return nil, l.err
	}
	return nil, &backup.MissingError{Name: name}
}

func (l lacking) List(string) ([]string, error) { return l.names, nil }

// What a flipped bit accounts for is refused by its name, and that is right; nothing more is excused, and no other refusal.
func TestRottenObjects(t *testing.T) {
	evidence := func(s lacking, flips int, rotten ...string) *Judgement {
		j := &Judgement{}
		j.restores(&Evidence{Name: func(node.ID) string { return "a" }, Store: s, Log: &Log{}, Rotten: rotten, Flips: flips})
		require.Contains(t, j.Made, faults.Restore)
		return j
	}
	shape := lacking{names: []string{backup.VolumeName}}
	j := evidence(shape, 1, backup.VolumeName)
	require.Empty(t, j.Findings)
	require.EqualValues(t, 1, j.Counts.RestoresRefused)

	j = evidence(shape, 0, backup.VolumeName)
	require.Contains(t, j.Findings[0].Sentence(), "expected at most 0 objects that cannot be read, found 1: volume")
	j = evidence(shape, 1, backup.VolumeName, "log/00000/0000000000000001-0000000000000016")
	require.Contains(t, j.Findings[0].Sentence(), "expected at most 1 objects that cannot be read, found 2: volume, log/")
	j = evidence(lacking{names: shape.names, err: errors.New("the store is closed")}, 1, backup.VolumeName)
	require.Contains(t, j.Findings[0].Sentence(), "expected a refusal that names the object volume, found the store is closed")

	e := &Evidence{Rotten: []string{"a"}}
	missing := func(name string) error { return &backup.MissingError{Name: name} }
	require.True(t, e.refusal(missing("a")))
	require.True(t, e.refusal(&backup.LostError{Lost: []error{missing("a")}}))
	require.False(t, e.refusal(missing("b")))
	require.False(t, e.refusal(&backup.LostError{Lost: []error{missing("a"), missing("b")}}))
	require.False(t, e.refusal(&backup.LostError{}), "it names nothing")
	require.False(t, e.refusal(&backup.LostError{Lost: []error{missing("a"), &backup.CorruptError{Name: "c"}}}))
	require.False(t, e.refusal(nil))
}
