package linearizability

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
)

// A scan that left rows out says that there was one more. Of the levels below serializable none knew: where the only row behind
// was written by the next transaction of the same session, they once said legal.
func TestRowsLeftOutCountAtEveryLevel(t *testing.T) {
	for _, tc := range []struct {
		history string
		legal   func(Level) bool
	}{
		{`
			T1 [0,10] committed: c:=1
			T2 [11,20] committed: c=1 a..z{c=1,more,most1}
			T3 [21,30] committed: d:=1`, func(l Level) bool { return l == Serializable }},
		{`
			T1 [0,10] committed: c:=1 d:=1
			T2 [11,20] committed: c=1 a..z{c=1,more,most1}
			T3 [21,30] committed: d:=2`, func(Level) bool { return true }},
		{`
			T1 [0,10] committed: c:=1
			T3 [0,10] committed: d:=1
			T2 [0,10] committed: a..z{c=1,more,most1} d=1`, func(Level) bool { return true }},
	} {
		history := parseHistory(t, tc.history)
		for i := range history {
			history[i].Client = 1
			if history[1].Begin == 0 { // all at once
				history[i].Client = i
			}
		}
		for _, level := range Levels() {
			result := CheckLevel(context.Background(), level, history, Limits{})
			if tc.legal(level) {
				require.Equal(t, Legal, result.Verdict, "%s: %v", level, result.Err())
			} else {
				require.NotEqual(t, Legal, result.Verdict, level)
			}
		}
	}
}

// Lists and scans may be in one history, as long as no scan goes over a list.
func TestCoveredKeys(t *testing.T) {
	scans := []*Op{{From: "m", To: "p"}, {From: "a", To: "z"}, {From: "b", To: "c"}, {From: "zz", To: "zzz"}}
	is := covered(scans)
	for key, want := range map[string]bool{"": false, "a": true, "c": true, "y": true, "z": false, "zz": true, "zzy": true, "zzz": false, "zzzz": false} {
		require.Equal(t, want, is(key), key)
	}
	require.True(t, covered([]*Op{{From: "m"}, {From: "o", To: "p"}})("q"))
	require.False(t, covered(nil)("q"))
}
