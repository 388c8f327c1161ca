package store

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/harness/campaign/job"
)

// agrees says whether both ways to read a line's JSON agree, where the quick one reads it at all.
func agrees(t *testing.T, text []byte) (quickly bool) {
	t.Helper()
	var q quick
	var one, two job.Line
	if !q.line(text, &one, 10) {
		return false
	}
	require.NoError(t, json.Unmarshal(text, &two), "%s", text)
	require.Equal(t, two, one, "%s", text)
	return true
}

func TestTheQuickReaderAgreesWithTheOther(t *testing.T) {
	h := toy()
	quickly := 0
	for _, l := range made(h, 1000, 5) {
		parent := l.Seed
		l.Parent = &parent
		text, err := json.Marshal(l)
		require.NoError(t, err)
		if agrees(t, text) {
			quickly++
			require.Empty(t, l.Finding+l.Broken)
		}
	}
	require.Greater(t, quickly, 600)
}

// Text that no campaign writes, which the quick reader must leave alone or read as JSON is read.
func FuzzTheQuickReader(f *testing.F) {
	for _, l := range made(toy(), 5, 5) {
		text, err := json.Marshal(l)
		require.NoError(f, err)
		f.Add(text)
	}
	for _, text := range []string{``, `{}`, `{"n":01}`, `{"n":18446744073709551616}`, `{"n":18446744073709551615}`, `{"hash":"7"}`, `{"hash":""}`, `{"seconds":.5}`,
		`{"seconds":5.}`, `{"seconds":-1e3}`, `{"seconds":1e999}`, `{"seconds":01}`, `{"seconds":1.e5}`, `{"seconds":-.5}`, `{"seconds":--1}`, `{"at":-5}`, `{"at":9223372036854775808}`,
		`{"made":[99999999999999999999]}`, `{"made":[]}`, `{"counts":null}`, `{"counts":[1,]}`, `{"kept":false}`, `{"kept":truer}`, `{"by":"ü"}`, `{"by":"\u0041"}`,
		`{"new":"!"}`, `{"new":""}`, `{"n":1,}`, `{"n":1}x`, `{"shapes":9223372036854775808}`, `{"parent":null}`, `{"N":3}`, `{"n":1,"n":2}`, `{"made":[1],"made":[2,3]}`} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) { agrees(t, text) })
}
