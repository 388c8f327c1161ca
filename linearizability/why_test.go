package linearizability

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/anishathalye/porcupine"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// minimal asserts what an explanation says of its core: it is contradictory, and without any one of its operations it is not.
// Legal is an opinion that shares nothing with what found the core.
func minimal(t *testing.T, x Explanation, legal func(keep []int) bool) {
	t.Helper()
	require.True(t, x.Minimal)
	require.NotEmpty(t, x.Core)
	require.True(t, slices.IsSorted(x.Core))
	assert.False(t, legal(x.Core), "the core %v is fine", x.Core)
	for i := range x.Core {
		without := slices.Delete(slices.Clone(x.Core), i, i+1)
		assert.True(t, legal(without), "operation %d of the core %v is not needed", x.Core[i], x.Core)
	}
}

// Every anomaly of transactions, with others before, at the same time and after it.
func TestCoresOfTransactionsAreMinimal(t *testing.T) {
	const others = `
		T901 [-30,-20] committed: noise:=1
		T902 [3,25] committed: noise=1 noise:=2
		T903 [300,310] committed: noise=2`
	for _, tc := range brokenHistories {
		t.Run(tc.name, func(t *testing.T) {
			rec := &Recording{Name: "broken", Model: ModelTxn, Txns: parseHistory(t, others+tc.history)}
			result := rec.Check(context.Background(), "", "", Limits{})
			require.Equal(t, Illegal, result.Verdict)
			x, err := rec.Explain(context.Background(), "", "", result, Limits{})
			require.NoError(t, err)
			minimal(t, x, func(keep []int) bool {
				history, _ := forgetTxns(rec.Txns, keep)
				return bruteForce(history)
			})
			for _, at := range x.Core {
				require.Less(t, rec.Txns[at].ID, uint64(900), "an unrelated transaction is in the core")
			}
			for _, e := range x.Orders {
				require.Equal(t, e.From, rec.Txns[e.FromIndex].ID)
				require.Equal(t, e.To, rec.Txns[e.ToIndex].ID)
			}
		})
	}
}

func TestCoresOfWeakerLevelsAreMinimal(t *testing.T) {
	for _, tc := range []struct {
		level   Level
		core    []int
		history string
	}{
		{ReadCommitted, []int{0, 2}, `
			T1 [0,10] aborted: x:=1
			T2 [0,10] committed: y:=1
			T3 [20,30] committed: x=1 y=1`},
		{Serializable, []int{0, 1}, `
			T1 [0,10] committed: x=nothing y:=1
			T2 [0,10] committed: y=nothing x:=1
			T3 [20,30] committed: z:=1`},
		{SnapshotIsolation, []int{1, 2}, `
			T1 [0,10] committed: z:=1
			T2 [20,30] committed: x=nothing x:=1
			T3 [20,30] committed: x=nothing x:=2`},
	} {
		rec := &Recording{Model: ModelTxn, Txns: parseHistory(t, tc.history)}
		for i := range rec.Txns {
			rec.Txns[i].Client = i
		}
		result := rec.Check(context.Background(), "", tc.level, Limits{})
		require.Equal(t, Illegal, result.Verdict, "%s", tc.level)
		x, err := rec.Explain(context.Background(), "", tc.level, result, Limits{})
		require.NoError(t, err)
		require.Equal(t, tc.core, x.Core, "%s", tc.level)
		require.True(t, x.Minimal)
	}
}

// brokenCalls has a history of every anomaly of calls, as client begin end call, and the core that is expected.
var brokenCalls = []struct {
	name    string
	model   Model
	core    []int
	history string
}{
	{"value from nowhere", ModelRegister, []int{2}, `
		1 0 10 put a 1
		2 0 10 put b 7
		1 20 30 get a 7`},
	{"read from the future", ModelRegister, []int{0, 1}, `
		1 0 10 get a 1
		1 20 30 put a 1
		1 40 50 get a 1`},
	{"stale read", ModelRegister, []int{0, 3, 4}, `
		1 0 10 put a 1
		2 0 10 put b 1
		1 20 30 put a 2
		1 31 32 get a 2
		1 40 50 get a 1
		1 60 70 put a 3`},
	{"lost write", ModelRegister, []int{0, 1}, `
		1 0 10 put a 1
		1 20 30 get a
		1 40 50 get a 1`},
	{"new then old", ModelRegister, []int{0, 2, 3}, `
		1 0 10 put a 1
		2 20 100 put a 2
		3 30 40 get a 2
		3 50 60 get a 1
		1 20 30 get a 1`},
	{"swapped twice", ModelRegister, []int{1, 2}, `
		1 0 10 put a 1
		1 20 30 cas a 1 2
		2 20 30 cas a 1 3
		1 40 50 get a 2`},
	{"deleted and seen", ModelRegister, []int{0, 1, 2}, `
		1 0 10 put a 1
		1 20 30 delete a
		1 40 50 get a 1
		1 60 70 delete a`},
	{"text that lacks its middle", ModelKV, []int{0, 1, 3}, `
		1 0 10 put a x
		1 20 30 append a y
		1 40 50 append a z
		1 60 70 get a xz`},
	{"lists that disagree", ModelList, nil, `
		1 0 10 append a 1
		1 0 10 append a 2
		1 20 30 get a [1 2]
		2 20 30 get a [2 1]`},
	{"list that lost an element", ModelList, []int{0, 2}, `
		1 0 10 append a 1
		1 20 30 append a 2
		1 40 50 get a [2]`},
	{"sets that disagree", ModelSet, nil, `
		1 0 100 add a 1
		2 0 100 add a 2
		3 20 30 get a [1]
		4 20 30 get a [2]`},
	{"set that lacks an element", ModelSet, []int{1, 2}, `
		1 0 10 add a 1
		1 20 30 add a 2
		1 40 50 get a [1]`},
	{"element from nowhere", ModelSet, []int{1}, `
		1 0 10 add a 1
		1 20 30 get a [1 9]`},
	{"element taken twice", ModelQueue, []int{1, 2}, `
		1 0 10 enqueue a 1
		1 20 30 dequeue a 1
		1 40 50 dequeue a 1
		1 60 70 enqueue a 2`},
	{"overtaken", ModelQueue, []int{0, 1, 2, 3}, `
		1 0 10 enqueue a 1
		1 20 30 enqueue a 2
		1 40 50 dequeue a 2
		1 60 70 dequeue a 1`},
	{"empty though it was not", ModelQueue, []int{0, 1}, `
		1 0 10 enqueue a 1
		1 20 30 dequeue a`},
	{"wrong count", ModelCounter, []int{2}, `
		1 0 10 add a 2
		1 20 30 add a 3
		1 40 50 get a 4`},
	{"held twice", ModelMutex, []int{0, 1, 2}, `
		1 0 10 acquire a
		2 20 30 acquire a
		1 40 50 release a`},
	{"only a search finds it", ModelRegister, nil, `
		1 0 100 put a 1
		2 0 100 put a 1
		3 0 100 put a 2
		4 0 100 put a 2
		5 110 120 get a 1
		5 130 140 get a 2
		5 150 160 get a 1`},
}

func parseCalls(t *testing.T, text string) []Call {
	var calls []Call
	for line := range strings.Lines(strings.TrimSpace(text)) {
		var c Call
		words := strings.Fields(line)
		kind := slices.Index(callKinds[:], words[3])
		require.Positive(t, kind)
		_, err := fmt.Sscan(line, &c.Client, &c.Begin, &c.End)
		require.NoError(t, err)
		c.Kind, c.Key = CallKind(kind), words[4]
		rest := strings.Join(words[5:], " ")
		switch {
		case strings.HasPrefix(rest, "["):
			c.Found, c.Elements = true, strings.Fields(strings.Trim(rest, "[]"))
		case c.Kind == CompareAndSwap:
			c.From, c.Value, c.Swapped = words[5], words[6], true
		case c.Kind == Get || c.Kind == Dequeue:
			c.Found, c.Value = rest != "", rest
		default:
			c.Value = rest
		}
		calls = append(calls, c)
	}
	return calls
}

func TestCoresOfCallsAreMinimal(t *testing.T) {
	for _, tc := range brokenCalls {
		t.Run(tc.name, func(t *testing.T) {
			rec := &Recording{Model: tc.model, Calls: parseCalls(t, tc.history)}
			result := rec.Check(context.Background(), "", "", Limits{})
			require.Equal(t, Illegal, result.Verdict, "%v", result.Err())
			x, err := rec.Explain(context.Background(), "", "", result, Limits{})
			require.NoError(t, err)
			minimal(t, x, func(keep []int) bool { return porcupineAllows(tc.model, rec.Calls, keep) })
			if tc.core != nil {
				require.Equal(t, tc.core, x.Core)
			}
		})
	}
}

// Cores of random histories, with few values and unknown outcomes.
func TestCoresOfRandomCallsAreMinimal(t *testing.T) {
	illegal := 0
	for seed := range uint64(600) {
		r := rand.New(rand.NewPCG(seed, 3))
		var calls []Call
		for client := range 3 {
			now := r.Int64N(5)
			for range 3 {
				c := Call{Client: client, Begin: now, End: now + 1 + r.Int64N(10), Key: "a", Value: strconv.Itoa(1 + r.IntN(3)),
					Kind: []CallKind{Get, Put, Put, CompareAndSwap, Discard}[r.IntN(5)]}
				now = c.End + 1
				switch c.Kind {
				case Get:
					c.Found = true
				case CompareAndSwap:
					c.From, c.Swapped = strconv.Itoa(1+r.IntN(3)), true
				case Discard:
					c.Value = ""
				}
				c.Unknown = c.Kind != Get && r.IntN(6) == 0
				calls = append(calls, c)
			}
		}
		rec := &Recording{Model: ModelRegister, Calls: calls}
		result := rec.Check(context.Background(), "", "", Limits{})
		if result.Verdict != Illegal {
			continue
		}
		illegal++
		x, err := rec.Explain(context.Background(), "", "", result, Limits{})
		require.NoError(t, err)
		minimal(t, x, func(keep []int) bool { return porcupineAllows(ModelRegister, rec.Calls, keep) })
	}
	require.Greater(t, illegal, 200)
}

// porcupineAllows is porcupine's opinion on a history of which some calls are kept.
func porcupineAllows(model Model, calls []Call, keep []int) bool {
	history, _ := forgetCalls(model, calls, keep)
	for _, key := range byKey(history) {
		ops, m := key.operations(model, nil)
		if !porcupine.CheckOperations(m, ops) {
			return false
		}
	}
	return true
}

// What the illegal logs of others come down to is small and minimal too.
func TestCoresOfLogs(t *testing.T) {
	for _, name := range []string{"jepsen/etcd_000.log", "jepsen/etcd_099.log", "kv/c10-bad.txt"} {
		result := CheckFile(context.Background(), testData(t)+"/"+name, Request{Limits: FileLimits()})
		require.Equal(t, Illegal, result.Verdict)
		require.True(t, result.Minimal, name)
		require.NotEmpty(t, result.Core)
		require.Less(t, len(result.Core), 16, name)
	}
}

func TestNothingToExplain(t *testing.T) {
	rec := &Recording{Model: ModelRegister, Calls: parseCalls(t, "1 0 10 put a 1")}
	_, err := rec.Explain(context.Background(), "", "", rec.Check(context.Background(), "", "", Limits{}), Limits{})
	require.ErrorContains(t, err, "nothing to explain: expected an illegal history, found a verdict legal")
}

func picture(t *testing.T, f FileResult) *Picture {
	t.Helper()
	p, err := f.Picture()
	require.NoError(t, err)
	blamed := 0
	for i, o := range p.Operations {
		if o.Blamed {
			blamed++
		}
		require.True(t, i == 0 || p.Operations[i-1].Begin <= o.Begin, "by their begin")
	}
	require.LessOrEqual(t, blamed, 1)
	for _, at := range p.Core {
		require.True(t, p.Operations[at].Core)
	}
	return p
}

func TestPicture(t *testing.T) {
	text := `:nemesis	:info	:start-partition	"n1 <-> n2"
0	:invoke	:write	[<k> 1]
0	:ok	:write	[<k> 1]
:nemesis	:info	:stop-partition	nil
0	:invoke	:write	[<k> 2]
0	:ok	:write	[<k> 2]
1	:invoke	:write	[other 2]
0	:invoke	:read	[<k> nil]
0	:ok	:read	[<k> 1]
`
	rec, err := record(t, FormatAuto, text)
	require.NoError(t, err)
	result := rec.Report(context.Background(), Request{Limits: FileLimits()})
	p := picture(t, result)
	require.Len(t, p.Operations, 4)
	core, open, blamed := 0, 0, 0
	for _, o := range p.Operations {
		core, open, blamed = core+bit(o.Core), open+bit(o.Open), blamed+bit(o.Blamed)
		require.Contains(t, o.Where, "client ")
	}
	require.Equal(t, []int{3, 1, 1}, []int{core, open, blamed})
	require.Len(t, p.Core, 3)
	require.Len(t, p.Faults, 1)
	require.Contains(t, p.Faults[0].Text, "start-partition")
	require.Equal(t, Illegal, p.Verdict)
	require.Equal(t, "history", p.File)
	require.Contains(t, p.CoreSays, "These 3 operations are already contradictory")
	require.Contains(t, p.Operations[p.Core[0]].Text, `put(<k>, "1")`)

	unread := CheckFile(context.Background(), "nowhere", Request{Limits: FileLimits()})
	_, err = unread.Picture()
	require.ErrorContains(t, err, "nothing to draw")
}

// What a picture says of orders is so: the two of a lost write do not meet in one operation, but in one value.
func TestPictureSaysWhatOrdersAre(t *testing.T) {
	for history, says := range map[string]string{
		"1 0 10 get a 1\n1 20 30 put a 1":                                     "These orders are forced, and they go in a circle:",
		"1 0 10 put a 1\n1 20 30 put a 2\n1 40 50 get a 1\n2 31 32 get a 2\n": "As nothing stands between a write and those who see its value, they go in a circle:",
	} {
		rec := &Recording{Name: "history", Model: ModelRegister, Calls: parseCalls(t, history)}
		result := rec.Report(context.Background(), Request{Limits: SimulationLimits()})
		require.Equal(t, Illegal, result.Verdict)
		require.Contains(t, picture(t, result).OrdersSay, says)
		closed := true
		orders := result.explanation.Orders
		require.NotEmpty(t, orders)
		for i, e := range orders {
			closed = closed && e.ToIndex == orders[(i+1)%len(orders)].FromIndex
		}
		require.Equal(t, closed, !strings.Contains(says, "nothing stands between"))
	}
}

// However long a history, its texts, its names and its contradiction are, a picture stays one that a browser can hold, and says what it
// left out.
func TestPicturesStaySmall(t *testing.T) {
	long := strings.Repeat("v", 1<<18)
	huge := load{operations: 20_000, clients: 300, keys: 1, seed: 1}.registerCalls()
	huge[10_000] = Call{Client: 7, Begin: huge[10_000].Begin, End: huge[10_000].End, Kind: Get, Key: "key0", Found: true, Value: long}
	rec := &Recording{Name: long, Model: ModelRegister, Calls: huge, Notes: []string{long}}
	for range 400 {
		rec.Clients = append(rec.Clients, long)
	}
	for n := range 1000 {
		rec.Faults = append(rec.Faults, Fault{Name: long, Value: long, Begin: huge[10_000].Begin + int64(n), End: Unfinished})
	}
	size := func(p *Picture) int {
		text, err := json.Marshal(p)
		require.NoError(t, err)
		return len(text)
	}
	p := picture(t, rec.Report(context.Background(), Request{Limits: SimulationLimits()}))
	require.Less(t, size(p), 1_000_000)
	require.Contains(t, p.Drawing.String(), fmt.Sprintf("drawn: %d of 20000 operations", DrawLimit))
	require.True(t, slices.ContainsFunc(p.Operations, func(o PictureOperation) bool { return o.Blamed }))

	// A contradiction that could not be made small: 5,000 operations of 5,000 clients.
	f := FileResult{Verdict: Illegal, recording: rec, explanation: &Explanation{Violation: &CallViolation{}}}
	for i := range 5000 {
		huge[i].Client = 1000 + i
		f.explanation.Core = append(f.explanation.Core, i)
	}
	p = picture(t, f)
	require.Less(t, size(p), 1_000_000)
	require.Equal(t, 5000, len(p.Core)+p.MoreCore)
	require.NotEmpty(t, p.Core)
}

// Of a long history the picture holds what is next to the contradiction, and says how much.
func TestPictureOfALongHistory(t *testing.T) {
	txns := serialHistory(3, 3000, 4, 20)
	txns[2000].Ops = append(txns[2000].Ops, Op{Kind: Read, Key: "key3", Value: "never", Found: true})
	rec := &Recording{Name: "long", Format: FormatJSON, Model: ModelTxn, Txns: txns}
	p := picture(t, rec.Report(context.Background(), Request{Limits: SimulationLimits()}))
	require.Contains(t, p.Drawing.String(), fmt.Sprintf("drawn: %d of 3000 operations (at most %d", DrawLimit, DrawLimit))
	require.Len(t, p.Operations, DrawLimit)
	require.True(t, slices.ContainsFunc(p.Operations, func(o PictureOperation) bool { return o.Begin == txns[2000].Begin }))
	require.True(t, slices.ContainsFunc(p.Operations, func(o PictureOperation) bool { return o.Begin == txns[1900].Begin }))
	require.False(t, slices.ContainsFunc(p.Operations, func(o PictureOperation) bool { return o.Begin == txns[100].Begin }))
}

func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}
