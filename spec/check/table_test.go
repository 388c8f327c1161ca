package check_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/spec/check"
)

func TestTablesAreRead(t *testing.T) {
	for _, tsv := range []string{
		"name\tconstants\tdistinct\tgenerated\tverdict\na\t{\"n\": 1, \"bug\": \"none\"}\t1\t2\tpass\nb\t{\"n\": 2, \"bug\": \"bad\"}\t3\t4\tSafe\n",
		"name\tn\tbug\tviolates\tdistinct\tgenerated\na\t1\tnone\t\t1\t2\nb\t2\tbad\tSafe\t3\t4",
	} {
		table, err := check.ReadTable(tsv)
		require.NoError(t, err)
		want := []check.World{
			{Name: "a", Constants: []byte(`{"n": 1, "bug": "none"}`), Distinct: 1, Generated: 2},
			{Name: "b", Constants: []byte(`{"n": 2, "bug": "bad"}`), Violates: "Safe", Distinct: 3, Generated: 4},
		}
		require.Equal(t, want, table)
		want[1].Distinct, want[1].Generated = 0, 0
		require.Equal(t, want, check.Named("m", tsv))
	}
}

func TestTablesThatAreBroken(t *testing.T) {
	header := "name\tconstants\tdistinct\tgenerated\tverdict\n"
	for tsv, want := range map[string]string{
		"name\tconstants\n": `line 1 is "name\tconstants"; expected the columns name, distinct, generated, and verdict or violates`,
		"":                  `line 1 is ""; expected the columns name, distinct, generated, and verdict or violates`,
		header + "a\t{}\t1\t2\tpass\nb\t{}\t1\t2\n": "line 3 has 4 columns; expected 5",
		header + "a\t{}\tx\t2\tpass\n":              `line 2: distinct: strconv.ParseUint: parsing "x": invalid syntax`,
		header + "a\t{}\t1\t-2\tpass\n":             `line 2: generated: strconv.ParseUint: parsing "-2": invalid syntax`,
	} {
		_, err := check.ReadTable(tsv)
		require.EqualError(t, err, want)
		require.PanicsWithValue(t, "m: worlds.tsv: "+want, func() { check.Named("m", tsv) })
	}
}
