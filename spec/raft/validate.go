package raft

import (
	"context"
	"io"

	"github.com/firstgap/firstgap/spec/check"
	"github.com/firstgap/firstgap/spec/trace"
)

// Validate reads a trace that go.etcd.io/raft/v3 wrote, built with the tag with_tla, and says whether it is a behaviour of the model:
// whether each of its lines tells of a step that the model allows, in a state that is the model's, with every invariant evaluated on
// the way. It reads lines as the library's README has them written: objects with the tag trace and the event. Other lines are left
// out. An error is one of reading, a *trace.LineError where it is a line's.
//
// What the trace has before its first step is the start of each server: an empty one, the bootstrap of the library, or what it
// restored from its storage, whose entries the model takes to be of term 1.
func Validate(ctx context.Context, from io.Reader, o trace.Options) (*trace.Receipt, error) {
	o.Cover = 0
	lines, skipped, err := trace.Parse(trace.Lines(from, trace.Limits{}), parseWire)
	if err != nil {
		return nil, err
	}
	servers, err := serversOf(lines)
	if err != nil {
		return nil, err
	}
	events, err := servers.events(lines)
	if err != nil {
		return nil, err
	}
	k := newFollower(servers)
	r, err := trace.Validate(ctx, k.m, k, events, func(e event) string { return e.text }, o)
	if r != nil {
		r.Skipped = skipped
		r.Uncounted = "a trace has no bounds on terms, logs and messages, so there is no number of states that it could be a share of; what was counted is which actions were taken"
	}
	return r, err
}

// A Test is what Follows needs of a testing.TB.
type Test interface {
	Helper()
	Context() context.Context
	Fatal(args ...any)
}

// Follows fails the test unless the trace is a behaviour of the model.
//
//	var log bytes.Buffer
//	run(t, &log) // the library, with a TraceLogger that writes into log
//	raft.Follows(t, &log)
func Follows(t Test, from io.Reader) {
	t.Helper()
	r, err := Validate(t.Context(), from, trace.Options{})
	switch {
	case err != nil:
		t.Fatal(err)
	case r.Verdict != check.Pass:
		t.Fatal(trace.Text(r))
	}
}
