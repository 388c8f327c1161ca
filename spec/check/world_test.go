package check_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/spec/check"
)

// bounded is the world of a model that has one bound and one bug.
type bounded struct {
	Most int    `json:"most"`
	Bug  string `json:"bug"`
}

func (b bounded) Validate() error {
	if b.Most < 1 {
		return check.Wrong("most", "0", "1 or more")
	}
	return check.KnownBug(b.Bug, []string{"late", "early"})
}

func TestWorldsAreReadAndValidated(t *testing.T) {
	parse := func(text string) (bounded, error) {
		return check.ParseWorld([]byte(text), func(b *bounded) *string { return &b.Bug })
	}
	for text, want := range map[string]bounded{
		`{"most": 1}`:                {1, check.NoBug},
		`{"most": 2, "bug": ""}`:     {2, check.NoBug},
		`{"most": 2, "bug": "none"}`: {2, check.NoBug},
		`{"most": 3, "bug": "late"}`: {3, "late"},
	} {
		found, err := parse(text)
		require.NoError(t, err)
		require.Equal(t, want, found)
	}
	for text, want := range map[string]string{
		`{"most": 0}`:               "world: most is 0; expected 1 or more",
		`{"most": 1, "bug": "bad"}`: `world: bug is "bad"; expected one of none, late, early`,
		`{"least": 1}`:              "world: unknown key least; known: most, bug",
	} {
		_, err := parse(text)
		require.EqualError(t, err, want)
	}
	_, err := parse(`{"most": 0}`)
	var wrong *check.WorldError
	require.ErrorAs(t, err, &wrong)
	require.Equal(t, &check.WorldError{Parameter: "most", Found: "0", Expected: "1 or more"}, wrong)
}
