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
		result := CheckFile(context.Background(), path, Request{Limits: FileLimits()})
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
			result := CheckFile(context.Background(), filepath.Join(dir, clients+"-"+suffix+".txt"), Request{Limits: FileLimits()})
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
		rec, err := ReadRecording(context.Background(), name, bytes.NewReader(text), FormatAuto, Options{})
		require.NoError(t, err)
		var violation *CallViolation
		require.ErrorAs(t, rec.Check(context.Background(), "", "", FileLimits()).Err(), &violation)
		lines := bytes.SplitAfter(text, []byte("\n"))
		for cut, want := range map[int64]Verdict{violation.Call.End - 1: Legal, violation.Call.End: Illegal} {
			rec, err := ReadRecording(context.Background(), name, bytes.NewReader(bytes.Join(lines[:cut], nil)), FormatAuto, Options{})
			require.NoError(t, err)
			result := rec.Check(context.Background(), "", "", FileLimits())
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
			rec, err := ReadRecording(context.Background(), name, bytes.NewReader(text[:at]), FormatAuto, Options{})
			require.NoError(t, err, "cut at byte %d", at)
			result := rec.Check(context.Background(), "", "", FileLimits())
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
	result := CheckFile(context.Background(), path, Request{Limits: Limits{Timeout: time.Nanosecond}})
	require.Equal(t, Unknown, result.Verdict)
	require.Contains(t, result.Reason, "limit on timeout, 1ns")
	require.Empty(t, result.Proof)
}

func record(t *testing.T, format Format, text string) (*Recording, error) {
	t.Helper()
	return ReadRecording(context.Background(), "history", strings.NewReader(text), format, Options{})
}

func TestBadInputIsNamed(t *testing.T) {
	const (
		jepsen = "INFO  jepsen.util - 1\t:invoke\t:write\t3\n"
		kv     = `{:process 1, :type :invoke, :f :put, :key "k", :value "v"}` + "\n"
		calls  = `{"client":1,"event":"invoke","op":"put","key":"k","value":"v"}` + "\n"
		named  = `{"client":"a","event":"invoke","op":"get","key":"k"}` + "\n"
		txns   = `{"client":1,"event":"begin","txn":7}` + "\n"
		elle   = `{:type :invoke, :process 0, :f :txn, :value [[:append 1 5]]}` + "\n"
		mutex  = "0\t:invoke\t:acquire\tnil\n"
		events = `{"ClientId":1,"Kind":false,"Id":1,"Value":{"Op":"put","Key":"k","Value":"v"}}` + "\n"
		ops    = `{"ClientId":1,"Call":1,"Return":5,"Input":{"op":0,"key":"k"},"Output":null}` + "\n"
		etcd   = `{"ClientId":1,"Input":{"Type":"range","Range":{"Start":"k"}},"Call":100,"Output":{"Revision":1},"Return":200}` + "\n"
		plume  = "w(1,1,0,0)\n"
	)
	for _, tc := range []struct{ text, says string }{
		{"garbage\n", `1:1: expected a known format, found lines that begin with "garbage"; name it with --format: cobra, dbcop, edn, etcd, jepsen, jepsen-json, json, kvlog, plume, porcupine`},
		{`{"kind":"x","actor":1}` + "\n", `1:1: expected a known format, found objects with the keys kind, actor; name it`},
		{"\x00\xff\x01", `1:1: expected a known format, found binary data that begins with "\x00\xff\x01"; name it`},

		{jepsen + "INFO jepsen.util - 1 :ok :append 3\n", `2:20: the answer is for function "append", but the call was for "put"`},
		{jepsen + "INFO jepsen.util - 1 :done :write 3\n", `2:23: expected :invoke, :ok, :fail or :info, found ":done"`},
		{jepsen + "INFO jepsen.util - 1 :ok :write 4\n", `2:20: the answer is for value "4", but the call was for "3"`},
		{jepsen + "INFO jepsen.util - 1 :ok :write 4 5 {\n", `2:20: the answer is for value "4"`},
		{jepsen + "INFO jepsen.util - 1 :ok :read 3\n", `2:20: the answer is for function "get", but the call was for "put"`},
		{jepsen + "INFO jepsen.util - 2 :ok :write 3\n", "2:20: client 2 is answered, but no call of it is open"},
		{jepsen + "INFO jepsen.util - 1 :invoke :read nil\n", "2:20: client 1 calls again before the answer to its put of line 1"},
		{jepsen + "INFO jepsen.util - 2 :invoke :cas [1 2\n", "2:39: expected the end of a form, found the end of the line"},
		{jepsen + "INFO jepsen.util - 2 :invoke :cas [1 2)\n", `2:39: expected "]", found ")"`},
		{jepsen + "INFO jepsen.util - 2 :invoke :cas [1]\n", `2:35: expected [from to] as the value of a :cas, found "[1]"`},
		{jepsen + "INFO jepsen.util - 2 :invoke :write nil\n", `2:37: expected the value of :write, found nil`},
		{jepsen + "INFO jepsen.util - 2 :invoke :transfer 1\n", `2:20: expected a function among :acquire, :add, :append, :cas,`},
		{jepsen + "INFO jepsen.util - 99999999999 :invoke :write 1\n", `2:20: expected the number of a process, found "99999999999"`},
		{"1\t:invoke\t:write\t[7 1]\n2\t:invoke\t:read\tnil\n", "2:17: expected [key value], as in line 1, found nil"},
		{"1\t:invoke\t:read\t[7 nil]\n1\t:ok\t:read\t[8 1]\n", `2:1: the answer is for key "8", but the call was for "7"`},
		{mutex + "0\t:ok\t:release\tnil\n", `2:1: the answer is for function "release", but the call was for "acquire"`},

		{kv + `{:process -1, :type :ok, :f :put, :key "k", :value "v"}` + "\n", `2:11: expected the number of a :process, found "-1"`},
		{kv + `{:process 1, :process 1, :type :ok, :f :put, :key "k", :value "v"}` + "\n", "2:14: expected each key of a map once, found :process twice"},
		{kv + `{:process 1, :type :ok, :f :put, :key "k, :value "v"}` + "\n" + kv, `expected the end of the form that begins here, found the end of the record`},
		{kv + `{:process 1, :type :ok, :f :put, :key "k", :value "v"` + "\n" + kv, "2:1: expected the end of the form that begins here, found the end of the record"},
		{kv + `{:process 1, :type :ok, :f :cas, :key "k", :value "v"}` + "\n", `2:1: the answer is for function "cas", but the call was for "put"`},
		{kv + `{:process 1, :type :done, :f :put, :key "k", :value "v"}` + "\n", `2:20: expected a :type: :invoke, :ok, :fail or :info, found ":done"`},
		{kv + `{:process 1, :f :put, :key "k", :value "v"}` + "\n", `2:1: expected a :type: :invoke, :ok, :fail or :info, found nothing`},
		{kv + `{:process 1, :type :ok, :f 7, :key "k", :value "v"}` + "\n", `2:28: expected the keyword of a function :f, found "7"`},
		{kv + `{:process 1, :type :ok, :f :put, :key "j", :value "v"}` + "\n", `2:1: the answer is for key "j", but the call was for "k"`},
		{kv + `{:process 1, :type :ok, :f :put, :key "k", :value "w"}` + "\n", `2:1: the answer is for value "w", but the call was for "v"`},
		{kv + `{:process 2, :type :ok, :f :put, :key "k", :value "v"}` + "\n", "2:1: client 2 is answered, but no call of it is open"},
		{kv + kv, "2:1: client 1 calls again before the answer to its put of line 1"},
		{kv + "[1]", "2:1: expected an operation such as {:type :invoke, :process 0, :f :read, :value nil}, found"},
		{kv + `{:process 1, :type}`, "2:14: expected a value for each key of the map, found a key without one"},
		{"[" + kv + "]\n" + kv, `3:1: expected the end, as the sequence is closed, found "{:process"`},

		{elle + elle, "2:1: client 0 begins a transaction before the end of the one of line 1"},
		{elle + `{:type :ok, :process 1, :f :txn, :value [[:append 1 5]]}`, "2:1: client 1 is answered, but no transaction of it is open"},
		{elle + `{:type :ok, :process 0, :f :txn, :value [[:append 1 6]]}`, `2:42: expected an answer to [:append 1 5], as invoked in line 1, found "[:append 1 6]"`},
		{elle + `{:type :ok, :process 0, :f :txn, :value [[:append 1 5] [:r 1 nil]]}`, `2:41: expected the 1 micro-operations that were invoked in line 1`},
		{elle + `{:type :invoke, :process 1, :f :txn, :value [[:increment 1 5]]}`, `2:47: expected a micro-operation among :r, :read, :w, :write and :append, found ":increment"`},
		{elle + `{:type :invoke, :process 1, :f :txn, :value [[:w 1]]}`, `2:46: expected the value that is written, found "[:w 1]"`},
		{elle + `{:type :invoke, :process 1, :f :txn, :value 5}`, `2:45: expected micro-operations such as [[:r 1 nil] [:append 1 5]], found "5"`},
		{elle + `{:type :invoke, :process 1, :f :read, :value nil}`, "2:1: a history has calls or transactions, not both"},
		{elle + "{:type :ok, :process 0, :f :txn, :value [[:append 1 5]]}\n{:type :invoke, :process 1, :f :txn, :value [[:r 1 nil]]}\n{:type :ok, :process 1, :f :txn, :value [[:r 1 7]]}",
			"4:1: expected a list to be read, as line 2 has lists, found a single value"},
		{"{:type :ok, :process 1, :f :txn, :value [[:w 1 7]]}\n{:type :invoke, :process 1, :f :txn, :value [[:r 1 nil]]}", "2:1: expected answers only, as the record began with one, found an :invoke"},
		{"{:type :ok, :process 1, :f :txn, :value [[:w 1 7]]}\n{:type :ok, :f :txn, :value [[:r 1 nil]]}", "2:1: expected a :process in every operation or in none"},
		{"{:type :ok, :process 1, :f :txn, :value [[:w 1 7]]}\n{:type :ok, :process 1, :f :txn, :val", "2:1: expected the end of the form that begins here"},

		{calls + "{\n", "2:2: expected a string, found the end of the line"},
		{calls + "[1]\n", `2:1: expected a JSON object, found "[1]"`},
		{calls + `{"client":1,"event":"ok"} x` + "\n", `2:27: expected the end of the line behind the object, found "x"`},
		{calls + `{"client":1 "event":"ok"}` + "\n", `2:13: expected a comma or "}", found`},
		{calls + `{"client":1,"event":"done"}` + "\n", `2:21: expected one of the events invoke, begin, read, write, delete, scan, rollback, append, list, ok, fail, info, found "\"done\"}"`},
		{calls + `{"client":1,"event":"info","order":3}` + "\n", `2:1: event "info" has no key "order"; known: client, event, op, key, value, from, time`},
		{calls + `{"client":1,"client":1,"event":"ok"}` + "\n", `2:13: expected client once, found`},
		{calls + `{"Client":1,"event":"ok"}` + "\n", `2:1: expected the key "client", found "Client"`},
		{calls + `{"client":"1","event":"ok"}` + "\n", "2:1: expected all clients to have numbers or all to have names"},
		{calls + `{"event":"ok"}` + "\n", `2:15: expected client in a line of event "ok", found the end of the line`},
		{calls + `{"client":-1,"event":"ok"}` + "\n", "2:12: expected a client's number from 0 to 2147483647, or its name, found -1"},
		{calls + `{"client":1.5,"event":"ok"}` + "\n", `2:11: expected the client's number from 0, or its name, found "1.5,`},
		{calls + `{"client":1,"event":"ok","order":null}` + "\n", "2:34: expected a commit LSN or read point, found"},
		{calls + `{"client":1,"event":"ok","order":7}` + "\n", "2:1: order belongs to transactions"},
		{calls + `{"client":1,"event":"ok","value":"w"}` + "\n", `2:1: the answer is for value "w", but the call was for "v"`},
		{calls + `{"client":1,"event":"ok","key":"j"}` + "\n", `2:1: the answer is for key "j", but the call was for "k"`},
		{calls + `{"client":1,"event":"ok","swapped":true}` + "\n", "2:1: swapped answers a cas that is ok, and nothing else; this is a put"},
		{calls + `{"client":1,"event":"ok","time":3}` + "\n", "2:1: expected time in every line or in none"},
		{calls + `{"client":2,"event":"ok"}` + "\n", "2:1: client 2 is answered, but no call of it is open"},
		{calls + `{"client":2,"event":"invoke","op":"inc","key":"k"}` + "\n", `2:35: expected one of the ops get, put, append, cas, delete, add, remove, enqueue, dequeue, acquire, release, found`},
		{calls + `{"client":2,"event":"invoke","op":"get"}` + "\n", "2:1: expected the key of get, found none"},
		{calls + `{"client":2,"event":"invoke","op":"put","key":"k"}` + "\n", "2:1: expected the value of put, found none"},
		{calls + `{"client":2,"event":"invoke","op":"get","key":"k","value":"v"}` + "\n", `2:1: expected no value where get is invoked, found "v"`},
		{calls + `{"client":2,"event":"invoke","op":"cas","key":"k","value":"v"}` + "\n", "2:1: op \"cas\": cas has from, and only cas"},
		{calls + `{"client":2,"event":"invoke","op":"put","key":"k","value":"v","from":"u"}` + "\n", "and only cas"},
		{calls + `{"client":2,"event":"invoke","op":"put","key":"k","value":"v` + "\n", "2:61: expected the end of a string, found the end of the line"},
		{calls + `{"client":2,"event":"invoke","op":"put","key":"k","value":"\q"}` + "\n", `2:59: expected a string of JSON, found`},
		{calls + `{"client":2,"event":"invoke","op":"put","key":"k","value":01}` + "\n", `2:59: expected a number, found "01}"`},
		{calls + `{"client":2,"event":"invoke","op":"put","key":"k","value":[1,]}` + "\n", `2:62: expected a value of JSON, found "]}"`},
		{named + named, `2:1: client "a" calls again before the answer to its get of line 1`},
		{named + `{"client":"b","event":"ok"}` + "\n", `2:1: client "b" is answered, but no call of it is open`},
		{`{"client":1,"event":"invoke","op":"get","key":"k","time":5}` + "\n" + `{"client":1,"event":"ok","time":9}` + "\n" + `{"client":1,"event":"invoke","op":"get","key":"k","time":8}` + "\n",
			"3:1: expected client 1 to call again at 9, when its call of line 1 had ended, or later, found it at 8"},
		{calls + txns, "2:1: event \"begin\": a history has calls or transactions, not both"},
		{calls + calls, "2:1: client 1 calls again before the answer to its put of line 1"},
		{`{"client":1,"event":"invoke","op":"get","key":"k","time":5}` + "\n" + `{"client":1,"event":"ok","time":4}` + "\n", "2:1: expected an answer at 5 or later, as the call of line 1 was then, found one at 4"},

		{txns + calls, `2:1: event "invoke": a history has calls or transactions, not both`},
		{txns + `{"client":1,"event":"begin","txn":8}` + "\n", "2:1: client 1 begins a transaction before the end of the one of line 1"},
		{txns + `{"client":2,"event":"begin","txn":7}` + "\n", "2:1: transaction 7 began in line 1 already"},
		{txns + `{"client":2,"event":"begin"}` + "\n", "2:1: expected txn in every begin or in none"},
		{txns + `{"client":2,"event":"read","key":"k"}` + "\n", `2:1: event "read", but client 2 has no open transaction`},
		{txns + `{"client":2,"event":"ok"}` + "\n", `2:1: event "ok", but client 2 has no open transaction`},
		{txns + `{"client":1,"event":"write","key":"k"}` + "\n", `2:39: expected value in a line of event "write", found the end of the line`},
		{txns + `{"client":1,"event":"write","key":"k","value":null}` + "\n", `2:1: expected a value in a line of event "write", found null`},
		{txns + `{"client":1,"event":"list","key":"k","value":"v"}` + "\n", `2:1: expected the list of key "k", found "v"`},
		{txns + `{"client":1,"event":"delete"}` + "\n", `2:30: expected key in a line of event "delete", found the end of the line`},
		{txns + `{"client":1,"event":"scan","from":"k","rows":[{"key":"k"}]}` + "\n", `2:46: expected rows such as [{"key":"c","value":"1"}], found`},
		{txns + `{"client":1,"event":"ok","value":"v"}` + "\n", "2:1: expected the end of a transaction, found what only calls have: value"},
		{`{"client":1,"event":"begin","time":5}` + "\n" + `{"client":1,"event":"ok","time":4}` + "\n", "2:1: the transaction ends at 4, before its begin at 5 (line 1)"},

		{`{"client":1,"event":"begin","time":5}` + "\n" + `{"client":1,"event":"ok","time":9}` + "\n" + `{"client":1,"event":"begin","time":8}` + "\n",
			"3:1: expected client 1 to begin at 9, when its transaction of line 1 had ended, or later, found it at 8"},
		{txns + `{"client":1,"event":"rollback","since":1}` + "\n", "2:1: expected a rollback since operation 0 to 0, the operations so far, found 1"},

		{events + events, "2:1: expected each Id to be called once, found 1 again, first called in line 1"},
		{events + `{"ClientId":1,"Kind":true,"Id":2,"Value":null}`, "2:1: expected the call of Id 2 before its one return, found a return"},
		{events + `{"ClientId":1,"Kind":false,"Id":2,"Value":{"Op":"put","Key":"k"}}`, "2:43: expected the value of a put, found"},
		{events + `{"ClientId":1,"Kind":false,"Id":2,"Value":{"Op":"push"}}`, `2:49: expected an operation such as {"op":"put"`},
		{events + ops, `2:1: expected events with Kind, or operations with Call and Return, and not both`},
		{events + `{"ClientId":1,"Kind":false,"Id":2,"Value":{"Op":"get","Key":"k"}}`, "2:1: client 1 calls again before the answer to its call of line 1"},
		{ops + `{"ClientId":2,"Call":5,"Return":4,"Input":{"op":0,"key":"k"},"Output":null}`, `2:33: expected a Return at 5, the Call, or later, found "4"`},
		{ops + `{"ClientId":1,"Call":4,"Return":6,"Input":{"op":0,"key":"k"},"Output":null}`, "2:1: client 1 calls again before the answer to its call of line 1"},
		{ops + `{"ClientId":2,"Call":5,"Ret`, "2:28: expected the end of an operation, found the end of the record"},

		{etcd + `{"ClientId":1,"Input":{"Type":"range","Range":{"Start":"k"}},"Call":150,"Output":{"Revision":1},"Return":300}`, "2:1: client 1 calls again at 150 before the end of its call of line 1"},
		{etcd + `{"ClientId":2,"Input":{"Type":"range","Range":{"Start":"k"}},"Call":150,"Output":{"Revision":1},"Return":100}`, `2:106: expected a Return at 150, the Call, or later, found "100"`},
		{etcd + `{"ClientId":2,"Input":{"Type":"watch"},"Call":150,"Output":{"Revision":1},"Return":160}`, `2:31: expected a Type among range, txn, leaseGrant, leaseRevoke, defragment and compact, found "watch"`},
		{etcd + `{"ClientId":2,"Input":{"Type":"txn","Txn":{"OperationsOnSuccess":[{"Type":"put-operation"}]}},"Call":1,"Output":{"Txn":{}},"Return":2}`, "2:120: expected 1 results, one for each operation"},
		{etcd + `{"ClientId":2,"Input"`, "2:22: expected the end of an operation, found the end of the record"},

		{plume + "w(1,1,0", `2:8: expected ",", found the end of the line`},
		{plume + "w(1,x,0,0)\n", `2:5: expected a whole number, found "x,0,0)"`},
		{plume + "w(1,1,-1,0)\n", `2:7: expected the number of a session or transaction, found "-1,0)"`},
		{plume + "q(1,1,0,0)\n", "2:1: expected r(key,value,session,transaction) or w(key,value,session,transaction), found"},
	} {
		rec, err := record(t, FormatAuto, tc.text)
		var line *LineError
		if assert.ErrorAs(t, err, &line, "%s", tc.text) {
			assert.Nil(t, rec)
			assert.Contains(t, err.Error(), tc.says, "%s", tc.text)
			assert.True(t, strings.HasPrefix(err.Error(), fmt.Sprintf("history:%d:%d: ", line.Line, line.Column)))
		}
	}

	_, err := record(t, FormatJSON, kv)
	require.ErrorContains(t, err, "history:1:2: expected a string", "the format named is the one used")
	_, err = record(t, "xml", kv)
	require.ErrorContains(t, err, `unknown format "xml"; known: auto, cobra, dbcop, edn, etcd, jepsen, jepsen-json, json, kvlog, plume, porcupine`)
	_, err = record(t, FormatAuto, "\n\n")
	require.ErrorIs(t, err, ErrEmpty)
}

// What can be read and cannot be decided is named with its line, too.
func TestWhatMakesAHistoryNoneIsPlaced(t *testing.T) {
	for _, tc := range []struct{ text, says string }{
		{`{"client":1,"event":"invoke","op":"add","key":"k","value":"1"}
{"client":1,"event":"ok"}
{"client":1,"event":"invoke","op":"put","key":"k","value":"1"}`, `history:3:1: linearizability: malformed history: client 1's put(k, "1"), outcome unknown is none that model "counter" has; it has [get add]`},
		{`{"client":1,"event":"begin"}
{"client":1,"event":"append","key":"k","value":"1"}
{"client":1,"event":"ok"}
{"client":1,"event":"begin"}
{"client":1,"event":"append","key":"k","value":"1"}
{"client":1,"event":"ok"}`, `history:4:1: linearizability: could not tell: transactions 1 and 2 append "1" to the list "k"`},
		{`{"client":1,"event":"begin"}
{"client":1,"event":"write","key":"k","value":"1"}
{"client":1,"event":"ok"}
{"client":1,"event":"begin"}
{"client":1,"event":"append","key":"k","value":"1"}
{"client":1,"event":"ok"}`, `history:4:1: linearizability: malformed history: transaction 2 has a list at "k", which is also read, written or scanned as a value`},
	} {
		result := decide(t, tc.text+"\n", Request{})
		require.Equal(t, Unknown, result.Verdict)
		require.Contains(t, result.Reason, tc.says)
	}
}

func TestJepsenOutcomes(t *testing.T) {
	const text = `
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
INFO  jepsen.util - 2	:invoke	:cas	[3 4]
INFO  jepsen.util - 2	:fail	:cas	[3 4]	:unavailable
INFO  jepsen.util - 2	:invoke	:write	6
`
	rec, err := record(t, FormatAuto, text)
	require.NoError(t, err)
	certain := []Call{
		{Kind: Put, Value: "1", Begin: 2, End: 3, Line: 3},
		{Client: 1, Kind: CompareAndSwap, From: "1", Value: "2", Begin: 6, End: 7, Line: 7, Unknown: true},
		{Client: 2, Kind: CompareAndSwap, From: "1", Value: "3", Begin: 8, End: 9, Line: 9, Swapped: true},
		{Client: 2, Kind: Put, Value: "6", Begin: 18, End: Unfinished, Line: 19, Unknown: true},
	}
	require.Equal(t, certain, rec.Calls)
	require.Equal(t, 1, rec.Pending)
	require.Equal(t, []Fault{{Name: "start", Begin: 1, End: Unfinished, Line: 2}}, rec.Faults)
	require.Equal(t, []string{"1 lines hold no operation and were skipped", "a read of nil fits any value (--nil-read unknown)",
		"a compare-and-swap that failed did not happen and says nothing (--failed-cas did-not-happen)"}, rec.Notes)

	rec, err = ReadRecording(context.Background(), "history", strings.NewReader(text), FormatAuto, Options{FailedCAS: FailedCASDiffered, NilRead: NilReadAbsent})
	require.NoError(t, err)
	require.Equal(t, []Call{certain[0],
		{Client: 1, Kind: CompareAndSwap, From: "1", Value: "2", Begin: 4, End: 5, Line: 5}, certain[1], certain[2],
		{Client: 2, Kind: Get, Begin: 10, End: 11, Line: 11}, certain[3]}, rec.Calls)
	require.Contains(t, rec.Notes, "a read of nil found no value (--nil-read absent)")
	require.Contains(t, rec.Notes, "a compare-and-swap that failed without an error found another value (--failed-cas differed)")
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
	require.Equal(t, []string{"the record was cut off in line 10; what it does not tell counts as unknown"}, rec.Notes)
	require.NoError(t, rec.Check(context.Background(), "", "", FileLimits()).Err())
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
	require.NoError(t, rec.Check(context.Background(), "", "", FileLimits()).Err())

	result := rec.Check(context.Background(), ModelKV, "", FileLimits())
	require.Equal(t, Unknown, result.Verdict)
	require.ErrorContains(t, result.Err(), `is none that model "kv" has; it has [get put append delete]`)
	result = rec.Check(context.Background(), ModelTxn, "", FileLimits())
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
		require.Equal(t, tc.want, rec.Check(context.Background(), tc.model, "", FileLimits()).Verdict, "%+v", tc)
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
	require.NoError(t, rec.Check(context.Background(), "", "", FileLimits()).Err())
	result := rec.Check(context.Background(), ModelRegister, "", FileLimits())
	require.ErrorContains(t, result.Err(), `model "register" does not fit: the history is one of transactions`)

	rec, err = record(t, FormatAuto, strings.Replace(text, `"key":"x","value":"1"}
{"client":2,"event":"ok"}`, `"key":"x","value":null}
{"client":2,"event":"ok"}`, 1))
	require.NoError(t, err)
	require.ErrorContains(t, rec.Check(context.Background(), "", "", FileLimits()).Err(), `lost acknowledged commit`)
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
	require.JSONEq(t, `{"verdict":"legal","histories":[{"file":"a.log","format":"jepsen","model":"register","verdict":"legal","proof":"search","level":"","notes":null,
		"operations":170,"unknown":3,"pending":0,"steps":0,"seconds":0.0123,"reason":"","core":null,"minimal":false}]}`, out.String())
}
