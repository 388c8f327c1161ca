package labs_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/harness/aurora"
	"github.com/firstgap/firstgap/harness/grade/labs"
	"github.com/firstgap/firstgap/harness/lines"
	"github.com/firstgap/firstgap/harness/lines/clients"
	"github.com/firstgap/firstgap/harness/lines/protocol"
	"github.com/firstgap/firstgap/harness/runtime"
	"github.com/firstgap/firstgap/impl/node"
)

// skeletonsOf are the labs that have skeletons, and a message that each of them hears of.
func skeletonsOf() []struct {
	lab  labs.Lab
	role protocol.Role
	m    node.Message
} {
	return []struct {
		lab  labs.Lab
		role protocol.Role
		m    node.Message
	}{
		{labs.Lab{Number: 1, Name: "register"}, protocol.Replica, &node.Opaque{Kind: "ask", Bytes: []byte(`{"key":"x"}`)}},
		{labs.Lab{Number: 2, Name: "segment"}, protocol.Segment, &node.Fence{Epoch: 2}},
		{labs.Lab{Number: 3, Name: "recovery"}, protocol.Writer, &node.CurrentEpoch{Token: 1 << 60, Epoch: 1}},
		{labs.Lab{Number: 4, Name: "commit"}, protocol.Writer, &node.Appended{Epoch: 1, SCL: 7}},
		{labs.Lab{Number: 5, Name: "groups"}, protocol.Segment, &node.GossipAsk{Line: 1, Above: []node.LSN{3}}},
		{labs.Lab{Number: 6, Name: "reader"}, protocol.Reader, &node.Promote{}},
	}
}

// A skeleton is built as its folder says, says hello, and takes every kind of event: it asks for nothing to be done, and refuses
// requests.
func TestEverySkeletonRuns(t *testing.T) {
	if pinned, err := filepath.Abs("../../../build/npm/node_modules/.bin"); err == nil {
		t.Setenv("PATH", os.Getenv("PATH")+string(os.PathListSeparator)+pinned)
	}
	volume := &node.Volume{WriteQuorum: 2, ReadQuorum: 2, Segments: [][]node.ID{{1, 2, 3}}, Register: 4}
	for _, in := range clients.Languages() {
		require.NoError(t, in.Installed())
		for _, s := range skeletonsOf() {
			t.Run(fmt.Sprintf("%s in %s", s.lab.Name, in), func(t *testing.T) {
				folder, err := s.lab.Skeleton(in)
				require.NoError(t, err)
				dir := t.TempDir()
				require.NoError(t, clients.Write(dir, folder))
				var m clients.Manifest
				require.NoError(t, json.Unmarshal(folder[clients.ManifestFile], &m))
				if len(m.Build) > 0 {
					c := exec.CommandContext(t.Context(), m.Build[0], m.Build[1:]...)
					c.Dir = dir
					out, err := c.CombinedOutput()
					require.NoError(t, err, "%s", out)
				}
				at := protocol.Place{Role: s.role, ID: 1, Members: []node.ID{1, 2, 3}, Seed: 1 << 62, Hook: node.NoHook{}}
				if s.role != protocol.Replica {
					at.Volume, at.Nodes = volume, aurora.Nodes{}
				}
				n := protocol.Program{Command: lines.Command{Args: m.Run, Dir: dir}}.Maker()(at)
				defer n.(runtime.Stopper).Stop()
				var out node.Effects
				for i, ev := range []node.Event{
					{Kind: node.Started, Incarnation: 1, Files: []node.File{{Name: "log", Data: []byte{0xff, 1}}}},
					{Kind: node.Received, From: 2, Message: s.m},
					{Kind: node.Fired, Timer: 1},
					{Kind: node.DiskDone, Token: 1 << 40, Data: []byte{0xfe}},
					{Kind: node.DiskFailed},
					{Kind: node.DiskFull, Token: 2},
				} {
					n.Step(node.Time(i), ev, &out)
					require.Empty(t, out, ev.Kind)
				}
				n.Step(7, node.Event{Kind: node.Requested, From: 9, Request: node.Request{ID: 1 << 60, Op: node.OpPut, Txn: 1 << 55, Rows: []node.Row{{Key: "\xff", Value: node.Some("1")}}}}, &out)
				require.Len(t, out.List, 1)
				require.Equal(t, node.DoRespond, out.List[0].Kind)
				require.Equal(t, node.ID(9), out.List[0].To)
				reply := out.List[0].Reply
				require.Equal(t, node.Refused, reply.Status)
				require.Equal(t, node.Reply{ID: 1 << 60, Op: node.OpPut, Txn: 1 << 55, Status: node.Refused, Reason: reply.Reason}, *reply)
				require.NotEqual(t, node.ReasonNone, reply.Reason)
			})
		}
	}
}

func TestASkeletonInALanguageWithoutALibrary(t *testing.T) {
	lab := labs.Lab{Number: 2, Name: "segment"}
	_, err := lab.Skeleton("cobol")
	require.Equal(t, &clients.LanguageError{Language: "cobol"}, err)
	require.EqualError(t, err, `language: expected one of ["go" "python" "typescript"], found "cobol"`)
	lab.Name = "attic"
	_, err = lab.Skeleton(clients.Python)
	require.ErrorContains(t, err, "lab 2 has no skeleton")
}
