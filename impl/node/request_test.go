package node

import (
	"testing"

	"github.com/stretchr/testify/require"
)

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
