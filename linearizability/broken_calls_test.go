package linearizability

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
)

// Each way in which texts, sets with removals and queues with takings of unknown outcome are contradicted without a search is
// named, at its call.
func TestBrokenCallsAreNamed(t *testing.T) {
	// The calls of a history come one after the other, or where concurrent says so, all at once.
	call := func(kind CallKind, value string) Call { return Call{Kind: kind, Value: value} }
	get := func(value string) Call { return Call{Kind: Get, Value: value, Found: true} }
	set := func(elements ...string) Call { return Call{Kind: Get, Elements: elements} }
	took := func(value string) Call { return Call{Kind: Dequeue, Value: value, Found: value != ""} }
	lost := func(c Call) Call { c.Unknown = true; return c }
	for _, tc := range []struct {
		name       string
		model      Model
		concurrent int // so many calls at the begin are concurrent with each other
		want       Anomaly
		index      int
		history    []Call
	}{
		{"a text of what no call brought", ModelKV, 0, ThinAir, 1, []Call{call(Append, "a."), get("a.z.")}},
		{"a text of what came later", ModelKV, 0, ThinAir, 1, []Call{call(Append, "a."), get("a.b."), call(Append, "b.")}},
		{"an append behind two texts", ModelKV, 3, DisorderedList, 4, []Call{call(Put, "a."), call(Put, "c."), call(Append, "b."), get("a.b."), get("c.b.")}},
		{"two appends behind one text", ModelKV, 3, DisorderedList, 2, []Call{call(Put, "a."), call(Append, "b."), call(Append, "c."), get("a.b."), get("a.c.")}},
		{"a text that lost its end", ModelKV, 0, StaleRead, 3, []Call{call(Put, "a."), call(Append, "b."), get("a.b."), get("a.")}},
		{"an append that is nowhere", ModelKV, 0, LostCommit, 2, []Call{call(Put, "a."), call(Append, "b."), get("a.")}},
		{"an element seen after its removal", ModelSet, 0, StaleRead, 2, []Call{call(Add, "a"), call(Remove, "a"), set("a")}},
		{"an element that is gone and was not removed", ModelSet, 0, StaleRead, 1, []Call{call(Add, "a"), set(), call(Remove, "a")}},
		{"an element seen before it was added", ModelSet, 0, FutureRead, 0, []Call{set("a"), call(Add, "a"), call(Remove, "a")}},
		{"an element that was only removed", ModelSet, 0, ThinAir, 1, []Call{call(Remove, "a"), set("a")}},
		// Either of the two reads came first, and then the other one is wrong; both removals are too late to help.
		{"two elements in opposite orders", ModelSet, 4, Unlinearizable, 2, []Call{call(Add, "a"), call(Add, "b"), set("a"), set("b"), call(Remove, "a"), call(Remove, "b")}},
		{"too few takings for an empty queue", ModelQueue, 0, FalseEmpty, 3, []Call{call(Enqueue, "a"), call(Enqueue, "b"), lost(call(Dequeue, "")), took("")}},
		{"a taking that began too late", ModelQueue, 0, FalseEmpty, 1, []Call{call(Enqueue, "a"), took(""), lost(call(Dequeue, ""))}},
		{"too few takings for what overtook", ModelQueue, 0, OvertakenHead, 4, []Call{call(Enqueue, "a"), call(Enqueue, "b"), call(Enqueue, "c"), lost(call(Dequeue, "")), took("c")}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for i := range tc.history {
				c := &tc.history[i]
				c.Client, c.Key, c.Line, c.Begin, c.End = i, "x", i+1, int64(10*i), int64(10*i+5)
				if i < tc.concurrent {
					c.Begin, c.End = 0, 25
				}
			}
			agree(t, tc.model, tc.history, nil, 0, map[string]int{})
			result := CheckCalls(context.Background(), tc.model, tc.history, Options{}, Limits{})
			require.Equal(t, Illegal, result.Verdict)
			require.Equal(t, ByOrder, result.Proof)
			violation := result.Violation.(*CallViolation)
			require.Equal(t, tc.want, violation.Anomaly, violation)
			require.Equal(t, tc.index, violation.Index, violation)
		})
	}
}

// A finding of emptiness needs one instant with takings enough: before 12 the only taking has not begun, and after 15 a second element
// is there for certain, but between them it is enough. The second taking is too late for that; it is there for what was overtaken.
func TestEmptyQueuesCountTakings(t *testing.T) {
	history := []Call{
		{Client: 1, Kind: Enqueue, Key: "x", Value: "a", Begin: 0, End: 1},
		{Client: 2, Kind: Enqueue, Key: "x", Value: "b", Begin: 2, End: 15},
		{Client: 3, Kind: Dequeue, Key: "x", Begin: 10, End: 30},
		{Client: 4, Kind: Dequeue, Key: "x", Begin: 12, End: Unfinished, Unknown: true},
		{Client: 5, Kind: Enqueue, Key: "x", Value: "c", Begin: 32, End: 33},
		{Client: 6, Kind: Dequeue, Key: "x", Begin: 34, End: Unfinished, Unknown: true},
		{Client: 7, Kind: Dequeue, Key: "x", Value: "c", Found: true, Begin: 36, End: 37},
	}
	agree(t, ModelQueue, history, nil, 0, map[string]int{})
	result := CheckCalls(context.Background(), ModelQueue, history, Options{}, Limits{})
	require.Equal(t, Legal, result.Verdict, result.Err())
	require.Equal(t, ByOrder, result.Proof)
	history[3].Begin = 16 // b is there by then
	agree(t, ModelQueue, history, nil, 0, map[string]int{})
	require.Equal(t, Illegal, CheckCalls(context.Background(), ModelQueue, history, Options{}, Limits{}).Verdict)
}

// An element that comes and goes all the time is no key of a transaction each: every read would look at every change.
func TestElementsChangedTooOftenAreSearched(t *testing.T) {
	var history []Call
	for i := range 200 {
		c := Call{Client: i % 3, Key: "x", Value: "a", Begin: int64(10 * i), End: int64(10*i + 5)}
		switch i % 4 {
		case 0:
			c.Kind = Add
		case 1:
			c.Kind, c.Value, c.Elements = Get, "", []string{"a"}
		case 2:
			c.Kind = Remove
		case 3:
			c.Kind, c.Value = Get, ""
		}
		history = append(history, c)
	}
	result := CheckCalls(context.Background(), ModelSet, history, Options{}, SimulationLimits())
	require.Equal(t, Legal, result.Verdict, result.Err())
	require.Equal(t, BySearch, result.Proof)
	history[101].Elements = nil
	result = CheckCalls(context.Background(), ModelSet, history, Options{}, SimulationLimits())
	require.Equal(t, Illegal, result.Verdict, result.Err())
}
