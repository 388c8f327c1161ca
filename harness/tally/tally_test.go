package tally_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/harness/tally"

	_ "github.com/firstgap/firstgap/harness/internal/runflags"
)

type names []string

func (n names) Plus(o names) names { return append(append(names{}, n...), o...) }

type nested struct {
	Deep uint64 `json:"deep" text:"deep things" by:"7"`
}

type table struct {
	Sum   uint64    `json:"sum" text:"things"`
	Most  uint64    `json:"most,omitempty" fold:"max"`
	In    nested    `json:"in" of:"depth"`
	Each  [2]uint64 `json:"each"`
	Names names     `json:"names"`
}

func TestAStructIsATable(t *testing.T) {
	a := table{Sum: 1, Most: 5, In: nested{2}, Each: [2]uint64{1, 2}, Names: names{"a"}}
	b := table{Sum: 10, Most: 3, In: nested{20}, Each: [2]uint64{10, 20}, Names: names{"b"}}
	tally.Add(&a, &b)
	require.Equal(t, table{Sum: 11, Most: 5, In: nested{22}, Each: [2]uint64{11, 22}, Names: names{"a", "b"}}, a)
	require.Equal(t, []tally.Row{{Name: "sum", Text: "things", Value: 11}, {Name: "in.deep", Text: "deep things", Value: 22, By: 7, Of: "depth"}}, tally.Rows(&a))
	*tally.Index(&a)["in.deep"] = 0
	require.Zero(t, a.In.Deep)
}

func TestATableThatMakesNoSenseIsRefused(t *testing.T) {
	require.PanicsWithValue(t, `tally: the counter x has the tag by:"soon", want a number from 1 on`, func() {
		tally.Rows(struct {
			X uint64 `json:"x" text:"x" by:"soon"`
		}{})
	})
	require.PanicsWithValue(t, "tally: two counters have the name x.in.deep", func() {
		tally.Index(&struct {
			A nested `json:"x.in"`
			B struct {
				In nested `json:"in"`
			} `json:"x"`
		}{})
	})
	require.PanicsWithValue(t, "tally: a field of type string is no counter", func() {
		var a, b struct{ S string }
		tally.Add(&a, &b)
	})
	require.PanicsWithValue(t, "tally: a field of type []int has no method Plus", func() {
		var a, b struct{ S []int }
		tally.Add(&a, &b)
	})
}
