package node

import (
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"
)

// Two runs that differ in any field of a call are two runs: what a scan found once counted for nothing in a run's
// identity.
func TestEveryFieldOfACallIsPartOfTheIdentity(t *testing.T) {
	distinct := func(zero, other any, digest func(any) []byte) {
		of := reflect.TypeOf(zero)
		for i := range of.NumField() {
			changed := reflect.New(of).Elem()
			changed.Field(i).Set(reflect.ValueOf(other).Field(i))
			require.False(t, changed.Field(i).IsZero(), of.Field(i).Name)
			require.NotEqual(t, digest(zero), digest(changed.Interface()), of.Field(i).Name)
		}
	}
	rows := []Row{{Key: "k", Value: Some("")}}
	distinct(Request{}, Request{ID: 1, Op: OpGet, Txn: 1, Rows: rows, From: "a", To: "b", Most: 1, Savepoint: 1, ReadPoint: 1},
		func(x any) []byte { r := x.(Request); return r.AppendDigest(nil) })
	distinct(Reply{}, Reply{ID: 1, Op: OpGet, Txn: 1, Status: OK, Reason: ReasonBusy, Value: Some(""), Rows: rows, More: true,
		Blockers: []Txn{1}, Savepoint: 1, LSN: 1, Epoch: 1},
		func(x any) []byte { r := x.(Reply); return r.AppendDigest(nil) })
}

func TestRequestsThatCannotBeMade(t *testing.T) {
	limits := RequestLimits{Rows: 2, Key: 3, Value: 4}
	row := func(key, value string) Row { return Row{Key: key, Value: Some(value)} }
	for _, c := range []struct {
		r    Request
		want Reason
	}{
		{Request{Op: OpGet, Rows: []Row{{Key: "abc"}}}, ReasonNone},
		{Request{Op: OpGet}, ReasonMalformed},
		{Request{Op: OpGet, Rows: []Row{{Key: "a"}, {Key: "b"}}}, ReasonMalformed},
		{Request{Op: OpGet, Rows: []Row{{Key: ""}}}, ReasonMalformed},
		{Request{Op: OpGet, Rows: []Row{{Key: "abcd"}}}, ReasonTooLarge},
		{Request{Op: OpPut, Rows: []Row{row("abc", "1234"), row("b", "")}}, ReasonNone},
		{Request{Op: OpPut}, ReasonMalformed},
		{Request{Op: OpPut, Rows: []Row{row("a", ""), row("b", ""), row("c", "")}}, ReasonTooLarge},
		{Request{Op: OpPut, Rows: []Row{row("a", "12345")}}, ReasonTooLarge},
		{Request{Op: OpScan, From: "a", To: "b", Most: 1}, ReasonNone},
		{Request{Op: OpScan, From: "b", To: "a"}, ReasonMalformed},
		{Request{Op: OpScan, Most: -1}, ReasonMalformed},
		{Request{Op: OpScan, From: "abcd"}, ReasonTooLarge},
		{Request{Op: OpScan, To: "abcd"}, ReasonTooLarge},
		{Request{Op: OpCommit}, ReasonNone},
		{Request{Op: OpAbort, Rows: []Row{row("a", "")}}, ReasonMalformed},
		{Request{Op: OpBegin}, ReasonMalformed},
	} {
		require.Equal(t, c.want, c.r.Malformed(limits), "%+v", c.r)
	}
	rows := []Row{row("b", "1"), row("a", "2"), row("b", "3")}
	require.Equal(t, []Row{row("a", "2"), row("b", "3")}, InOrder(rows), "by key, and the last of each")
	require.Equal(t, row("b", "1"), rows[0], "what was asked is left alone")
}
