package linearizability

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// testData is the folder of recorded histories that porcupine's module brings.
func testData(t testing.TB) string {
	t.Helper()
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/anishathalye/porcupine").Output()
	require.NoError(t, err, "where is porcupine's module?")
	dir := filepath.Join(strings.TrimSpace(string(out)), "test_data")
	require.DirExists(t, dir)
	return dir
}

// legalLogs are the etcd logs that are linearizable, as porcupine's own tests and Jepsen's analysis have them.
var legalLogs = []int{2, 5, 7, 18, 25, 31, 38, 45, 48, 49, 51, 53, 56, 67, 75, 76, 80, 87, 92, 98, 100, 101, 102}

func TestEtcdLogs(t *testing.T) {
	dir := filepath.Join(testData(t), "jepsen")
	legal, illegal := 0, 0
	for n := range 103 {
		path := filepath.Join(dir, fmt.Sprintf("etcd_%03d.log", n))
		result := CheckFile(context.Background(), path, FormatAuto, "", FileLimits())
		if n == 95 { // the empty one
			require.Equal(t, Unknown, result.Verdict)
			require.Contains(t, result.Reason, "nothing to check")
			continue
		}
		require.Equal(t, FormatJepsen, result.Format)
		require.Equal(t, ModelRegister, result.Model)
		want := Illegal
		if slices.Contains(legalLogs, n) {
			want = Legal
		}
		require.Equal(t, want, result.Verdict, "%s: %s", path, result.Reason)
		if want == Legal {
			legal++
			require.Empty(t, result.Reason)
		} else {
			illegal++
			require.Contains(t, result.Reason, "every call takes effect at one instant between its call and its return")
		}
	}
	require.Equal(t, []int{23, 79}, []int{legal, illegal})
}

func TestKVLogs(t *testing.T) {
	dir := filepath.Join(testData(t), "kv")
	for _, clients := range []string{"c01", "c10", "c50"} {
		for suffix, want := range map[string]Verdict{"ok": Legal, "bad": Illegal} {
			result := CheckFile(context.Background(), filepath.Join(dir, clients+"-"+suffix+".txt"), FormatAuto, "", FileLimits())
			require.Equal(t, FormatKVLog, result.Format)
			require.Equal(t, want, result.Verdict, "%s-%s: %s", clients, suffix, result.Reason)
		}
	}
}

// What the record says after the named answer cannot be what makes the history illegal, and without it the history is
// legal: the answer named is the first that is impossible.
func TestTheNamedCallIsTheFirstImpossibleOne(t *testing.T) {
	dir := testData(t)
	for _, name := range []string{"jepsen/etcd_000.log", "jepsen/etcd_099.log", "kv/c10-bad.txt", "kv/c50-bad.txt"} {
		text, err := os.ReadFile(filepath.Join(dir, name))
		require.NoError(t, err)
		rec, err := ReadRecording(name, bytes.NewReader(text), FormatAuto)
		require.NoError(t, err)
		var violation *CallViolation
		require.ErrorAs(t, rec.Check(context.Background(), "", FileLimits()).Err(), &violation)
		lines := bytes.SplitAfter(text, []byte("\n"))
		for cut, want := range map[int64]Verdict{violation.Call.End - 1: Legal, violation.Call.End: Illegal} {
			rec, err := ReadRecording(name, bytes.NewReader(bytes.Join(lines[:cut], nil)), FormatAuto)
			require.NoError(t, err)
			result := rec.Check(context.Background(), "", FileLimits())
			if name[:2] == "kv" && want == Legal {
				// Another key may be impossible earlier; this one must not be.
				var other *CallViolation
				if errors.As(result.Err(), &other) {
					require.NotEqual(t, violation.Call.Key, other.Call.Key)
				}
				continue
			}
			require.Equal(t, want, result.Verdict, "%s up to line %d: %v", name, cut, result.Err())
		}
	}
}

// Cut off anywhere, between lines or within one, a legal history stays legal, and what had no answer is pending.
func TestLegalHistoriesStayLegalWhenCutOff(t *testing.T) {
	dir := testData(t)
	for _, name := range []string{"jepsen/etcd_002.log", "jepsen/etcd_102.log", "kv/c10-ok.txt"} {
		text, err := os.ReadFile(filepath.Join(dir, name))
		require.NoError(t, err)
		pending, cuts := 0, 0
		for at := 3000; at < len(text); at += 331 {
			rec, err := ReadRecording(name, bytes.NewReader(text[:at]), FormatAuto)
			require.NoError(t, err, "cut at byte %d", at)
			result := rec.Check(context.Background(), "", FileLimits())
			require.Equal(t, Legal, result.Verdict, "%s cut at byte %d: %v", name, at, result.Err())
			require.LessOrEqual(t, rec.Pending, result.Unknown)
			pending += rec.Pending
			cuts++
		}
		require.Positive(t, cuts)
		require.Positive(t, pending)
	}
}

func TestTimeoutIsUnknown(t *testing.T) {
	path := filepath.Join(testData(t), "kv", "c50-bad.txt")
	result := CheckFile(context.Background(), path, FormatAuto, "", Limits{Timeout: time.Nanosecond})
	require.Equal(t, Unknown, result.Verdict)
	require.Contains(t, result.Reason, "limit on timeout, 1ns")
	require.Empty(t, result.Proof)
}

func record(t *testing.T, format Format, text string) (*Recording, error) {
	t.Helper()
	return ReadRecording("history", strings.NewReader(text), format)
}

func TestMalformedLinesAreNamed(t *testing.T) {
	const (
		jepsen = "INFO  jepsen.util - 1\t:invoke\t:write\t3\n"
		kv     = `{:process 1, :type :invoke, :f :put, :key "k", :value "v"}` + "\n"
		calls  = `{"client":1,"event":"invoke","op":"put","key":"k","value":"v"}` + "\n"
		txns   = `{"client":1,"event":"begin","txn":7}` + "\n"
	)
	for _, tc := range []struct {
		text string // the last line is the malformed one
		says string
	}{
		{"garbage\n", `no known format begins with "garbage"; known: jepsen, kvlog, json`},

		{jepsen + "INFO jepsen.util - 1\n", "expected INFO jepsen.util - process :type :f value"},
		{jepsen + "WARN jepsen.util - 1 :ok :write 3\n", "expected INFO jepsen.util"},
		{jepsen + "INFO jepsen.util - x :ok :write 3\n", `expected the number of a process, found "x"`},
		{jepsen + "INFO jepsen.util - 1 :ok :append 3\n", `unknown function ":append"; known: :read, :write, :cas`},
		{jepsen + "INFO jepsen.util - 1 :done :write 3\n", `unknown type ":done"; known: :invoke, :ok, :fail, :info`},
		{jepsen + "INFO jepsen.util - 1 :ok :write 4\n", `the answer is for value "4", but the call was for "3"`},
		{jepsen + "INFO jepsen.util - 1 :ok :write x\n", `expected a number or nil, found "x"`},
		{jepsen + "INFO jepsen.util - 1 :ok :write\n", `expected a number or nil, found ""`},
		{jepsen + "INFO jepsen.util - 1 :ok :write nil\n", `expected a number or nil, found "nil"`},
		{jepsen + "INFO jepsen.util - 1 :ok :read 3\n", `the answer is for function ":read", but the call was for ":write"`},
		{jepsen + "INFO jepsen.util - 2 :ok :write 3\n", "client 2 is answered, but no call of it is open"},
		{jepsen + "INFO jepsen.util - 1 :invoke :read nil\n", "client 1 calls again before the answer to its put of line 1"},
		{jepsen + "INFO jepsen.util - 2 :invoke :read 3\n", "a :read is invoked with nil"},
		{jepsen + "INFO jepsen.util - 2 :invoke :cas [1 2\n", `expected [number number], found "[1 2"`},
		{jepsen + "INFO jepsen.util - 2 :invoke :cas [1]\n", `expected [number number], found "[1]"`},

		{kv + `{:process 1, :type :ok, :f :put, :key "k", :value "v"` + "\n", "expected a map in braces"},
		{kv + `{:process -1, :type :ok, :f :put, :key "k", :value "v"}` + "\n", `expected the number of a :process, found "-1"`},
		{kv + `{:process 1, :type :ok, :f :put, :key "k"}` + "\n", "no :value; a line has :process, :type, :f, :key, :value"},
		{kv + `{:process 1, :type :ok, :f :put, :key "k", :value "v", :extra 1}` + "\n", `unknown key ":extra"; known: :process, :type, :f, :key, :value`},
		{kv + `{:process 1, :process 1, :type :ok, :f :put, :key "k", :value "v"}` + "\n", "two values of :process"},
		{kv + `{:process 1, :type :ok, :f :put, :key "k, :value v}` + "\n", "a string without its end"},
		{kv + `{:process 1, :type :ok, :f :cas, :key "k", :value "v"}` + "\n", `unknown function ":cas"; known: :get, :put, :append`},
		{kv + `{:process 1, :type :done, :f :put, :key "k", :value "v"}` + "\n", `unknown type ":done"; known: :invoke, :ok, :fail, :info`},
		{kv + `{:process 1, :type :ok, :f :put, :key k, :value "v"}` + "\n", `expected a :key in quotes, found "k"`},
		{kv + `{:process 1, :type :ok, :f :put, :key "k", :value nil}` + "\n", "a :put of type :ok cannot have the :value nil"},
		{kv + `{:process 2, :type :invoke, :f :get, :key "k", :value "v"}` + "\n", "a :get of type :invoke cannot have the :value"},
		{kv + `{:process 1, :type :ok, :f :put, :key "j", :value "v"}` + "\n", `the answer is for key "j", but the call was for "k"`},
		{kv + `{:process 1, :type :ok, :f :put, :key "k", :value "w"}` + "\n", `the answer is for value "w", but the call was for "v"`},
		{kv + `{:process 1, :type :ok, :f :append, :key "k", :value "v"}` + "\n", `the answer is for function ":append", but the call was for ":put"`},
		{kv + `{:process 2, :type :ok, :f :put, :key "k", :value "v"}` + "\n", "client 2 is answered, but no call of it is open"},
		{kv + kv, "client 1 calls again before the answer to its put of line 1"},

		{calls + "{\n", "not a JSON object"},
		{calls + "[1]\n", "not a JSON object"},
		{calls + `{"client":1,"event":"done"}` + "\n", `unknown event "done"; known: invoke, begin, read, write, delete, scan, rollback, ok, fail, info`},
		{calls + `{"client":1,"event":"ok","key":"k"}` + "\n", `event "ok" has no key "key"; known: client, event, time, value, swapped, order`},
		{calls + `{"Client":1,"event":"ok"}` + "\n", `has no key "Client"`},
		{calls + `{"client":"1","event":"ok"}` + "\n", "cannot unmarshal string"},
		{calls + `{"event":"ok"}` + "\n", "no client"},
		{calls + `{"client":-1,"event":"ok"}` + "\n", "no client"},
		{calls + `{"client":1,"event":"ok","order":null}` + "\n", "order is null"},
		{calls + `{"client":1,"event":"ok","order":7}` + "\n", "order belongs to transactions"},
		{calls + `{"client":1,"event":"ok","value":"v"}` + "\n", "a value answers a get, and this is a put"},
		{calls + `{"client":1,"event":"ok","swapped":true}` + "\n", "swapped answers a cas"},
		{calls + `{"client":1,"event":"ok","time":3}` + "\n", "time is in every line or in none"},
		{calls + `{"client":2,"event":"ok"}` + "\n", "client 2 is answered, but no call of it is open"},
		{calls + `{"client":2,"event":"invoke","op":"inc","key":"k"}` + "\n", `unknown op "inc"; known: get, put, append, cas`},
		{calls + `{"client":2,"event":"invoke","op":"get"}` + "\n", `event "invoke" without key`},
		{calls + `{"client":2,"event":"invoke","op":"put","key":"k"}` + "\n", "put, append and cas have a value"},
		{calls + `{"client":2,"event":"invoke","op":"get","key":"k","value":"v"}` + "\n", "get has none"},
		{calls + `{"client":2,"event":"invoke","op":"cas","key":"k","value":"v"}` + "\n", "cas has from"},
		{calls + `{"client":2,"event":"invoke","op":"put","key":"k","value":"v","from":"u"}` + "\n", "and only cas"},
		{calls + txns, "a history has calls or transactions, not both"},
		{calls + calls, "client 1 calls again before the answer"},
		{`{"client":1,"event":"invoke","op":"get","key":"k","time":5}` + "\n" + `{"client":1,"event":"ok","time":4}` + "\n", "the answer at 4 comes before the call at 5"},

		{txns + calls, "a history has calls or transactions, not both"},
		{txns + `{"client":1,"event":"begin","txn":8}` + "\n", "client 1 begins a transaction before the end of the one of line 1"},
		{txns + `{"client":2,"event":"begin","txn":7}` + "\n", "transaction 7 began in line 1 already"},
		{txns + `{"client":2,"event":"begin"}` + "\n", "txn is in every begin or in none"},
		{txns + `{"client":2,"event":"read","key":"k"}` + "\n", "client 2 has no open transaction"},
		{txns + `{"client":2,"event":"ok"}` + "\n", "client 2 has no open transaction"},
		{txns + `{"client":1,"event":"write","key":"k"}` + "\n", `event "write" without value`},
		{txns + `{"client":1,"event":"delete"}` + "\n", `event "delete" without key`},
		{txns + `{"client":1,"event":"ok","value":"v"}` + "\n", "value and swapped belong to calls"},
		{`{"client":1,"event":"begin","time":5}` + "\n" + `{"client":1,"event":"ok","time":4}` + "\n", "the transaction ends at 4, before its begin at 5"},
	} {
		rec, err := record(t, FormatAuto, tc.text)
		var line *LineError
		require.ErrorAs(t, err, &line, "%s", tc.text)
		assert.Nil(t, rec)
		assert.Contains(t, err.Error(), tc.says, "%s", tc.text)
		assert.Equal(t, strings.Count(tc.text, "\n"), line.Line, "%s", tc.text)
		assert.True(t, strings.HasPrefix(err.Error(), fmt.Sprintf("history:%d: ", line.Line)))
	}

	_, err := record(t, FormatJepsen, kv)
	require.ErrorContains(t, err, "history:1: expected INFO", "the format named is the one used")
	_, err = record(t, "xml", kv)
	require.ErrorContains(t, err, `unknown format "xml"; known: auto, jepsen, kvlog, json`)
	_, err = record(t, FormatAuto, "\n\n")
	require.ErrorIs(t, err, ErrEmpty)
	_, err = record(t, FormatAuto, kv+strings.Repeat("x", maxLine+1))
	require.ErrorContains(t, err, "history:2: the line is longer than 1048576 bytes")
	_, err = ParseModel("stack")
	require.EqualError(t, err, `unknown model "stack"; known: register, kv, list, set, queue, counter, mutex, multi-register, txn`)
}

func TestJepsenOutcomes(t *testing.T) {
	rec, err := record(t, FormatAuto, `
INFO  jepsen.util - :nemesis	:info	:start	nil
INFO  jepsen.util - 0	:invoke	:write	1
INFO  jepsen.util - 0	:ok	:write	1
INFO  jepsen.util - 1	:invoke	:cas	[1 2]
INFO  jepsen.util - 1	:fail	:cas	[1 2]
INFO  jepsen.util - 1	:invoke	:cas	[1 2]
INFO  jepsen.util - 1	:info	:cas	:timed-out
INFO  jepsen.util - 2	:invoke	:cas	[1 3]
INFO  jepsen.util - 2	:ok	:cas	[1 3]
INFO  jepsen.util - 2	:invoke	:read	nil
INFO  jepsen.util - 2	:ok	:read	nil
INFO  jepsen.util - 2	:invoke	:read	nil
INFO  jepsen.util - 2	:fail	:read	:timed-out
INFO  jepsen.util - 2	:invoke	:write	5
INFO  jepsen.util - 2	:fail	:write	5
INFO  jepsen.util - 2	:invoke	:write	6
`)
	require.NoError(t, err)
	require.Equal(t, []Call{
		{Kind: Put, Value: "1", Begin: 3, End: 4, Line: 3},
		{Client: 1, Kind: CompareAndSwap, From: "1", Value: "2", Begin: 5, End: 6, Line: 5},
		{Client: 1, Kind: CompareAndSwap, From: "1", Value: "2", Begin: 7, End: 8, Line: 7, Unknown: true},
		{Client: 2, Kind: CompareAndSwap, From: "1", Value: "3", Begin: 9, End: 10, Line: 9, Swapped: true},
		{Client: 2, Kind: Get, Begin: 11, End: 12, Line: 11},
		{Client: 2, Kind: Get, Begin: 13, End: 14, Line: 13, Unknown: true},
		{Client: 2, Kind: Put, Value: "6", Begin: 17, End: Unfinished, Line: 17, Unknown: true},
	}, rec.Calls)
	require.Equal(t, 1, rec.Pending)
}

func TestKVLogOutcomes(t *testing.T) {
	rec, err := record(t, FormatAuto, `{:process 0, :type :invoke, :f :put, :key "k", :value "a\"b"}
{:process 0, :type :ok, :f :put, :key "k", :value "a\"b"}
{:process 0, :type :invoke, :f :append, :key "k", :value "c, d}"}
{:process 0, :type :info, :f :append, :key "k", :value "c, d}"}
{:process 1, :type :invoke, :f :append, :key "k", :value "e"}
{:process 1, :type :fail, :f :append, :key "k", :value "e"}
{:process 1, :type :invoke, :f :get, :key "k", :value nil}
{:process 1, :type :ok, :f :get, :key "k", :value "a\"bc, d}"}
{:process 1, :type :invoke, :f :get, :key "k", :value nil}
{:process 1, :type :ok, :f :get, :key "k", :val`)
	require.NoError(t, err)
	require.Equal(t, []Call{
		{Kind: Put, Key: "k", Value: `a"b`, Begin: 1, End: 2, Line: 1},
		{Kind: Append, Key: "k", Value: "c, d}", Begin: 3, End: 4, Line: 3, Unknown: true},
		{Client: 1, Kind: Get, Key: "k", Value: `a"bc, d}`, Found: true, Begin: 7, End: 8, Line: 7},
		{Client: 1, Kind: Get, Key: "k", Begin: 9, End: Unfinished, Line: 9, Unknown: true},
	}, rec.Calls)
	require.Equal(t, 1, rec.Pending)
	require.NoError(t, rec.Check(context.Background(), "", FileLimits()).Err())
}

func TestJSONCalls(t *testing.T) {
	rec, err := record(t, FormatAuto, `
{"client":1,"event":"invoke","op":"put","key":"x","value":"1","time":10}
{"client":1,"event":"ok","time":20}
{"client":2,"event":"invoke","op":"cas","key":"x","from":"1","value":"2","time":30}
{"client":3,"event":"invoke","op":"cas","key":"x","from":"1","value":"3","time":30}
{"client":2,"event":"ok","swapped":true,"time":40}
{"client":3,"event":"ok","swapped":false,"time":40}
{"client":1,"event":"invoke","op":"get","key":"x","time":50}
{"client":1,"event":"ok","value":"2","time":60}
{"client":1,"event":"invoke","op":"get","key":"y","time":70}
{"client":1,"event":"ok","value":null,"time":80}
{"client":2,"event":"invoke","op":"put","key":"y","value":"5","time":70}
{"client":2,"event":"fail","time":90}
{"client":2,"event":"invoke","op":"put","key":"y","value":"6","time":95}
{"client":2,"event":"info","time":96}
`)
	require.NoError(t, err)
	require.Equal(t, ModelRegister, rec.Model)
	require.Len(t, rec.Calls, 6)
	require.Equal(t, Call{Client: 2, Kind: CompareAndSwap, Key: "x", From: "1", Value: "2", Swapped: true, Begin: 30, End: 40, Line: 4}, rec.Calls[1])
	require.Equal(t, Call{Client: 2, Kind: Put, Key: "y", Value: "6", Unknown: true, Begin: 95, End: 96, Line: 14}, rec.Calls[5])
	require.NoError(t, rec.Check(context.Background(), "", FileLimits()).Err())

	result := rec.Check(context.Background(), ModelKV, FileLimits())
	require.Equal(t, Unknown, result.Verdict)
	require.ErrorContains(t, result.Err(), `is none that model "kv" has; it has [get put append delete]`)
	result = rec.Check(context.Background(), ModelTxn, FileLimits())
	require.Equal(t, Unknown, result.Verdict)
	require.ErrorContains(t, result.Err(), `model "txn" does not fit: the history is one of single calls`)
}

// What the models say of a key that was never written differs.
func TestModelsOfAKeyThatWasNeverWritten(t *testing.T) {
	const get = `{"client":1,"event":"invoke","op":"get","key":"x"}` + "\n"
	for _, tc := range []struct {
		answer string
		model  Model
		want   Verdict
	}{
		{`"value":null`, ModelKV, Legal},
		{`"value":""`, ModelKV, Legal},
		{`"value":"1"`, ModelKV, Illegal},
		{`"value":null`, ModelRegister, Legal},
		{`"value":""`, ModelRegister, Illegal},
	} {
		rec, err := record(t, FormatJSON, get+`{"client":1,"event":"ok",`+tc.answer+"}\n")
		require.NoError(t, err)
		require.Equal(t, tc.want, rec.Check(context.Background(), tc.model, FileLimits()).Verdict, "%+v", tc)
	}
}

func TestJSONTransactions(t *testing.T) {
	text := `
{"client":1,"event":"begin","txn":7}
{"client":2,"event":"begin","txn":8}
{"client":1,"event":"read","key":"x","value":null}
{"client":1,"event":"write","key":"x","value":"1"}
{"client":1,"event":"delete","key":"y"}
{"client":1,"event":"ok","order":42}
{"client":2,"event":"read","key":"x"}
{"client":2,"event":"fail"}
{"client":2,"event":"begin","txn":9}
{"client":2,"event":"read","key":"x","value":"1"}
{"client":2,"event":"ok"}
{"client":2,"event":"begin","txn":10}
{"client":2,"event":"write","key":"x","value":"2"}
{"client":2,"event":"info"}
{"client":2,"event":"begin","txn":11}
{"client":2,"event":"write","key":"x","value":"3"}
`
	rec, err := record(t, FormatAuto, text)
	require.NoError(t, err)
	require.Equal(t, []Txn{
		{ID: 7, Client: 1, Begin: 2, End: 7, Outcome: Committed, Order: 42, Ops: []Op{{Kind: Read, Key: "x"}, {Kind: Write, Key: "x", Value: "1"}, {Kind: Delete, Key: "y"}}},
		{ID: 8, Client: 2, Begin: 3, End: 9, Outcome: Aborted, Ops: []Op{{Kind: Read, Key: "x"}}},
		{ID: 9, Client: 2, Begin: 10, End: 12, Outcome: Committed, Ops: []Op{{Kind: Read, Key: "x", Value: "1", Found: true}}},
		{ID: 10, Client: 2, Begin: 13, End: 15, Ops: []Op{{Kind: Write, Key: "x", Value: "2"}}},
		{ID: 11, Client: 2, Begin: 16, End: Unfinished, Ops: []Op{{Kind: Write, Key: "x", Value: "3"}}},
	}, rec.Txns)
	require.Equal(t, 1, rec.Pending)
	require.NoError(t, rec.Check(context.Background(), "", FileLimits()).Err())
	result := rec.Check(context.Background(), ModelRegister, FileLimits())
	require.ErrorContains(t, result.Err(), `model "register" does not fit: the history is one of transactions`)

	rec, err = record(t, FormatAuto, strings.Replace(text, `"key":"x","value":"1"}
{"client":2,"event":"ok"}`, `"key":"x","value":null}
{"client":2,"event":"ok"}`, 1))
	require.NoError(t, err)
	require.ErrorContains(t, rec.Check(context.Background(), "", FileLimits()).Err(), `lost acknowledged commit`)
}

func TestDrawings(t *testing.T) {
	dir := testData(t)
	for _, tc := range []struct {
		name string
		all  bool
	}{{"jepsen/etcd_000.log", false}, {"jepsen/etcd_002.log", true}, {"kv/c50-bad.txt", false}, {"kv/c50-ok.txt", false}} {
		result := CheckFile(context.Background(), filepath.Join(dir, tc.name), FormatAuto, "", FileLimits())
		var page bytes.Buffer
		d, err := result.Draw(context.Background(), &page, FileLimits())
		require.NoError(t, err)
		require.Positive(t, d.Drawn)
		require.LessOrEqual(t, d.Drawn, DrawLimit)
		require.Equal(t, result.Operations, d.Of)
		require.Contains(t, page.String(), "<html")
		require.Contains(t, page.String(), d.String())
		require.Less(t, page.Len(), 8<<20)
		t.Log(tc.name, d, page.Len(), "bytes")
	}
	unread := CheckFile(context.Background(), filepath.Join(dir, "nowhere"), FormatAuto, "", FileLimits())
	_, err := unread.Draw(context.Background(), new(bytes.Buffer), FileLimits())
	require.ErrorContains(t, err, "nothing to draw")
}

func TestDrawingsOfTransactions(t *testing.T) {
	rec := &Recording{Name: "txns", Format: FormatJSON, Model: ModelTxn, Txns: serialHistory(3, 1000, 4, 20)}
	result := FileResult{Model: ModelTxn, Operations: len(rec.Txns), recording: rec}
	var page bytes.Buffer
	d, err := result.Draw(context.Background(), &page, SimulationLimits())
	require.NoError(t, err)
	require.Equal(t, Drawing{DrawLimit, 1000}, d)
	require.Contains(t, page.String(), "drawn: 300 of 1000 operations (at most 300")
	t.Log(page.Len(), "bytes")

	broken := parseHistory(t, `
		T1 [0,10] committed: x:=1 x2:=1
		T2 [20,30] committed: x=nothing
		T3 [40,50] committed: y:=1
		T4 [60,70] committed: x:=3`)
	result = FileResult{Model: ModelTxn, Operations: 4, recording: &Recording{Model: ModelTxn, Txns: broken}}
	page.Reset()
	d, err = result.Draw(context.Background(), &page, SimulationLimits())
	require.NoError(t, err)
	require.Equal(t, Drawing{2, 4}, d)
	require.Contains(t, page.String(), "2: x=nothing")
	require.NotContains(t, page.String(), "y:=1")
}

func TestReports(t *testing.T) {
	results := []FileResult{
		{File: "a.log", Format: FormatJepsen, Model: ModelRegister, Verdict: Legal, Proof: BySearch, Operations: 170, Unknown: 3, Seconds: 0.0123},
		{File: "b.log", Format: FormatAuto, Reason: "b.log:7: malformed"},
	}
	require.Equal(t, Unknown, Overall(results))
	require.Equal(t, Unknown, Overall(nil))
	require.Equal(t, Legal, Overall(results[:1]))
	require.Equal(t, Illegal, Overall(append(results[:2:2], FileResult{Verdict: Illegal}, FileResult{})))
	var out bytes.Buffer
	require.NoError(t, WriteTable(&out, results))
	require.Equal(t, strings.Join([]string{
		"FILE   VERDICT  MODEL     OPERATIONS  UNKNOWN  SECONDS",
		"a.log  legal    register  170         3        0.012",
		"b.log  unknown  -         0           0        0.000",
		"",
		"b.log: unknown",
		"  b.log:7: malformed",
		"",
	}, "\n"), out.String())
	out.Reset()
	require.NoError(t, WriteJSON(&out, results[:1]))
	require.JSONEq(t, `{"verdict":"legal","histories":[{"file":"a.log","format":"jepsen","model":"register","verdict":"legal","proof":"search",
		"operations":170,"unknown":3,"pending":0,"steps":0,"seconds":0.0123,"reason":""}]}`, out.String())
}
