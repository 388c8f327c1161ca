package linearizability

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/require"
)

// decide reads a history and decides it.
func decide(t *testing.T, text string, ask Request) FileResult {
	t.Helper()
	rec, err := ReadRecording(context.Background(), "history", strings.NewReader(text), FormatAuto, ask.Options)
	require.NoError(t, err, text)
	return rec.Report(context.Background(), ask)
}

// The table's examples are what they say.
func TestFormatsAreDescribed(t *testing.T) {
	names := make(map[Format]bool)
	for _, f := range Formats() {
		require.False(t, names[f.Name])
		names[f.Name] = true
		require.NotEmpty(t, f.Title)
		require.NotEmpty(t, f.Text)
		require.NotEmpty(t, f.Example)
		require.True(t, f.read != nil || f.folder != nil)
		parsed, err := ParseFormat(string(f.Name))
		require.NoError(t, err)
		require.Equal(t, f.Name, parsed)
		// As a user would try it: a file, or a folder of one.
		examples := []string{f.Example + "\n"}
		if _, more, found := strings.Cut(f.Text, "\n  {"); found {
			lines, _, _ := strings.Cut(more, "\nAnswers")
			examples = append(examples, "{"+strings.ReplaceAll(lines, "\n  ", "\n")+"\n")
		}
		for _, example := range examples {
			path := filepath.Join(t.TempDir(), "T1.log")
			if f.Binary {
				plain, err := hex.DecodeString(strings.Join(strings.Fields(example), ""))
				require.NoError(t, err)
				example = string(plain)
			}
			require.NoError(t, os.WriteFile(path, []byte(example), 0o600))
			if f.read == nil {
				path = filepath.Dir(path)
			}
			result := CheckFile(context.Background(), path, Request{Limits: FileLimits()})
			require.Equal(t, Legal, result.Verdict, "%s: %s", f.Name, result.Reason)
			require.Equal(t, f.Name, result.Format)
			require.Positive(t, result.Operations)
		}
	}
}

// A compressed record, one with a byte order mark, and one with other line ends are the same record.
func TestWrappings(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("testdata", "histories", "jepsen-independent-keys.log"))
	require.NoError(t, err)
	var zipped, packed bytes.Buffer
	w := gzip.NewWriter(&zipped)
	w.Write(text)
	require.NoError(t, w.Close())
	z, err := zstd.NewWriter(&packed)
	require.NoError(t, err)
	z.Write(text)
	require.NoError(t, z.Close())
	plain, err := record(t, FormatAuto, string(text))
	require.NoError(t, err)
	for name, wrapped := range map[string][]byte{
		"gzip": zipped.Bytes(), "zstd": packed.Bytes(), "mark": append([]byte("\xef\xbb\xbf"), text...),
		"carriage returns": bytes.ReplaceAll(text, []byte("\n"), []byte("\r\n")),
	} {
		rec, err := record(t, FormatAuto, string(wrapped))
		require.NoError(t, err, name)
		require.Equal(t, plain, rec, name)
	}
	// One that was cut off is a record that was cut off, and one that is damaged is none.
	rec, err := record(t, FormatAuto, string(zipped.Bytes()[:zipped.Len()-9]))
	require.NoError(t, err)
	require.LessOrEqual(t, len(rec.Calls), len(plain.Calls))
	damaged := bytes.Clone(zipped.Bytes())
	damaged[len(damaged)-6] ^= 1
	_, err = record(t, FormatAuto, string(damaged))
	require.ErrorContains(t, err, "history: gzip: invalid checksum")
}

func TestLinesOfAnyLength(t *testing.T) {
	long := strings.Repeat("x", 3<<20)
	for _, text := range []string{
		`{"client":1,"event":"invoke","op":"put","key":"k","value":"` + long + `"}` + "\n" + `{"client":1,"event":"ok"}` + "\n",
		`{:process 1, :type :invoke, :f :put, :key "k", :value "` + long + `"}` + "\n" + `{:process 1, :type :ok, :f :put, :key "k", :value "` + long + `"}`,
		"noise " + long + "\n1\t:invoke\t:write\t\"" + long + "\"\n1\t:ok\t:write\t\"" + long + "\"\n",
	} {
		format := FormatAuto
		if text[0] == 'n' {
			format = FormatJepsen
		}
		rec, err := record(t, format, text)
		require.NoError(t, err)
		require.Len(t, rec.Calls, 1)
		require.Len(t, rec.Calls[0].Value, len(long))
		require.False(t, rec.Calls[0].Unknown)
	}
}

// A log says much before its first operation, and a first line may be long: the format is told all the same.
func TestTheFormatIsToldFromBehindALongHead(t *testing.T) {
	setup := strings.Repeat("2024-01-02 03:04:05,678{GMT}\tINFO\t[main] jepsen.os: setting up {:nodes [\"n1\"]}\n", 20_000)
	long := strings.Repeat("x", 3<<20)
	for text, format := range map[string]Format{
		setup + "1\t:invoke\t:write\t1\n1\t:ok\t:write\t1\n":                                                                    FormatJepsen,
		"noise " + long + "\n1\t:invoke\t:write\t1\n1\t:ok\t:write\t1\n":                                                        FormatJepsen,
		`{"value":"` + long + `","key":"k","op":"put","event":"invoke","client":1}` + "\n" + `{"client":1,"event":"ok"}` + "\n": FormatJSON,
	} {
		rec, err := record(t, FormatAuto, text)
		require.NoError(t, err)
		require.Equal(t, format, rec.Format)
		require.Len(t, rec.Calls, 1)
		require.False(t, rec.Calls[0].Unknown)
	}
	_, err := record(t, FormatAuto, setup)
	require.ErrorContains(t, err, `history:1:1: expected a known format, found lines that begin with "2024-01-02`)
}

// Cut off at any byte, a legal history stays legal, or is refused where what is missing may be anywhere; a number that was cut
// is no smaller number.
func TestCutOffAnywhere(t *testing.T) {
	for name, refused := range map[string]bool{
		"bom.jsonl": false, "jepsen-history.edn": false, "elle-list-append.edn": false, "elle-rw-register.json": false,
		"jepsen-independent-keys.log": false, "jepsen-log-of-today.log": false, "json-number-value.jsonl": false,
		"kvlog-number-keys.txt": false, "kvlog-with-time.txt": false, "json-delete-call.jsonl": false, "plume-text.txt": true,
	} {
		text, err := os.ReadFile(filepath.Join("testdata", "histories", name))
		require.NoError(t, err)
		whole, err := record(t, FormatAuto, string(text))
		require.NoError(t, err)
		errs := 0
		for n := 1; n <= len(text); n++ {
			rec, err := ReadRecording(context.Background(), name, bytes.NewReader(text[:n]), whole.Format, Options{})
			if err != nil {
				errs++
				require.True(t, refused || n < 6, "%s cut at byte %d: %v", name, n, err)
				continue
			}
			result := rec.Check(context.Background(), "", "", FileLimits())
			require.NotEqual(t, Illegal, result.Verdict, "%s cut at byte %d: %v", name, n, result.Err())
		}
		require.Equal(t, refused, errs > 5, name)
	}
}

// What a record that was cut off tells is what the whole one tells: no smaller number, no shorter text or list, and no failure
// that lacks the error without which it would say more. With every choice, and by line ends of both kinds.
func TestCutOffTellsNothingElse(t *testing.T) {
	texts := map[string]string{
		"a swap that failed with an error": "1\t:invoke\t:cas\t[1 2]\n1\t:fail\t:cas\t[1 2]\t:unavailable",
		"a read of a list":                 "1\t:invoke\t:read\tnil\n1\t:ok\t:read\t[[1 2] [3 4]]",
		"a set over lines":                 "{:process 0, :type :invoke,\n :f :read}\n{:process 0, :type :ok,\n :f :read,\n :value #{12 34}}",
	}
	for _, f := range Formats() {
		if !f.Binary {
			texts[string(f.Name)] = f.Example
		}
	}
	files, err := filepath.Glob(filepath.Join("testdata", "histories", "*"))
	require.NoError(t, err)
	for _, name := range files {
		text, err := os.ReadFile(name)
		require.NoError(t, err)
		if len(text) < 10_000 {
			texts[filepath.Base(name)] = string(text)
		}
	}
	require.Greater(t, len(texts), 25)
	for name, text := range texts {
		for ends, options := range map[string]Options{"\n": {FailedCAS: FailedCASDiffered, NilRead: NilReadAbsent}, "\r\n": {}} {
			text := strings.ReplaceAll(text, "\n", ends)
			whole, err := ReadRecording(context.Background(), name, strings.NewReader(text), FormatAuto, options)
			require.NoError(t, err, name)
			told := make(map[string]bool)
			for i := range whole.Calls {
				told[tells(&whole.Calls[i])] = true
			}
			last := 1 + strings.LastIndex(strings.TrimSpace(text), "\n")
			for n := last; n < len(text); n++ {
				rec, err := ReadRecording(context.Background(), name, strings.NewReader(text[:n]), whole.Format, options)
				if err != nil {
					continue
				}
				for i := range rec.Calls {
					if c := &rec.Calls[i]; !c.Unknown {
						require.True(t, told[tells(c)], "%s cut behind %q says %s", name, text[last:n], c)
					}
				}
				require.LessOrEqual(t, len(rec.Txns), len(whole.Txns))
				for i, txn := range rec.Txns {
					if txn.Outcome == Committed {
						require.Equal(t, whole.Txns[i], txn, "%s cut behind %q", name, text[last:n])
					}
				}
			}
		}
	}
}

func tells(c *Call) string {
	return fmt.Sprint(c.Client, c.Line, c.Unknown, c.Kind, c.Key, c.From, c.Value, c.Found, c.Swapped, c.Elements)
}

// The timeout covers the reading, also of a source that gives nothing.
func TestTimeoutCoversReading(t *testing.T) {
	silent, _ := io.Pipe()
	result := CheckFile(context.Background(), "-", Request{Stdin: silent, Limits: Limits{Timeout: time.Millisecond}})
	require.Equal(t, Unknown, result.Verdict)
	require.Contains(t, result.Reason, "could not tell within the limit on timeout, 1ms")
	// One that never ends.
	endless := readerFunc(func(p []byte) (int, error) {
		return copy(p, "INFO jepsen.util - 1 :invoke :read nil\nINFO jepsen.util - 1 :ok :read nil\n"), nil
	})
	result = CheckFile(context.Background(), "-", Request{Stdin: endless, Limits: Limits{Timeout: 20 * time.Millisecond}})
	require.Contains(t, result.Reason, "could not tell within the limit on timeout, 20ms")
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// Histories that are legal or not by what their format says.
func TestMeanings(t *testing.T) {
	for _, tc := range []struct {
		name    string
		model   Model
		verdict Verdict
		reason  string
		text    string
	}{
		{"history in a vector over lines, by a keyword process, with tags and comments", ModelRegister, Legal, "", `; made by hand
[#jepsen.history.Op{:process 0, :type :invoke,
  :f :write :value 1}
 {:process 0 :type :ok :f :write :value 1 #_ {:ignored true}} ; done
 {:process :nemesis :type :info :f :kill}
 ^{:line 3} {:process 1 :type :invoke :f :read :value 1 :error nil} {:process 1 :type :ok :f :read :value 1}]`},
		{"list", ModelRegister, Illegal, `get() = "2"`, `({:process 0, :type :invoke, :f :read} {:process 0, :type :ok, :f :read, :value 2})`},
		{"independent keys with swaps", ModelRegister, Illegal, "7", `
{:process 0, :type :invoke, :f :write, :value [7 1]}
{:process 0, :type :ok, :f :write, :value [7 1]}
{:process 0, :type :invoke, :f :cas, :value [7 [1 2]]}
{:process 0, :type :ok, :f :cas, :value [7 [1 2]]}
{:process 0, :type :invoke, :f :read, :value [7 nil]}
{:process 0, :type :ok, :f :read, :value [7 1]}`},
		{"mutex", ModelMutex, Illegal, "", `
{:process 0, :type :invoke, :f :acquire}
{:process 0, :type :ok, :f :acquire}
{:process 1, :type :invoke, :f :acquire}
{:process 1, :type :ok, :f :acquire}`},
		{"queue with a drain", ModelQueue, Legal, "", `
{:process 0, :type :invoke, :f :enqueue, :value 1}
{:process 0, :type :ok, :f :enqueue, :value 1}
{:process 0, :type :invoke, :f :enqueue, :value 2}
{:process 0, :type :ok, :f :enqueue, :value 2}
{:process 0, :type :invoke, :f :drain}
{:process 0, :type :ok, :f :drain, :value [1 2]}`},
		{"set", ModelSet, Illegal, "", `
{:process 0, :type :invoke, :f :add, :value 1}
{:process 0, :type :ok, :f :add, :value 1}
{:process 0, :type :invoke, :f :read}
{:process 0, :type :ok, :f :read, :value #{}}`},
		{"counter", ModelCounter, Illegal, "", `
{:process 0, :type :invoke, :f :add, :value 2}
{:process 0, :type :ok, :f :add, :value 2}
{:process 0, :type :invoke, :f :read}
{:process 0, :type :ok, :f :read, :value 3}`},
		{"multi-register", ModelMultiRegister, Illegal, "", `
{:process 0, :type :invoke, :f :txn, :value [[:write :x 1] [:write :y 1]]}
{:process 0, :type :ok, :f :txn, :value [[:write :x 1] [:write :y 1]]}
{:process 0, :type :invoke, :f :txn, :value [[:read :x nil] [:read :y nil]]}
{:process 0, :type :ok, :f :txn, :value [[:read :x 1] [:read :y 2]]}`},
		{"multi-register, where nil fits anything", ModelMultiRegister, Legal, "", `
{:process 0, :type :invoke, :f :txn, :value [[:write :x 1]]}
{:process 0, :type :ok, :f :txn, :value [[:write :x 1]]}
{:process 0, :type :invoke, :f :txn, :value [[:read :x nil]]}
{:process 0, :type :ok, :f :txn, :value [[:read :x nil]]}`},
		{"lists that disagree", ModelTxn, Illegal, "", `
{:process 0, :type :invoke, :f :txn, :value [[:append 1 5]]}
{:process 0, :type :ok, :f :txn, :value [[:append 1 5]]}
{:process 0, :type :invoke, :f :txn, :value [[:append 1 6] [:r 1 nil]]}
{:process 0, :type :ok, :f :txn, :value [[:append 1 6] [:r 1 [6 5]]]}
{:process 0, :type :invoke, :f :txn, :value [[:r 1 nil]]}
{:process 0, :type :ok, :f :txn, :value [[:r 1 [5 6]]]}`},
		{"an element of a transaction that failed", ModelTxn, Illegal, "aborted", `
{:process 0, :type :invoke, :f :txn, :value [[:append 1 5]]}
{:process 0, :type :fail, :f :txn, :value [[:append 1 5]]}
{:process 0, :type :invoke, :f :txn, :value [[:r 1 nil]]}
{:process 0, :type :ok, :f :txn, :value [[:r 1 [5]]]}`},
		{"an element of a transaction without an answer", ModelTxn, Legal, "", `
{:process 0, :type :invoke, :f :txn, :value [[:append 1 5]]}
{:process 0, :type :info, :f :txn, :value :timeout, :error [:timed-out]}
{:process 1, :type :invoke, :f :txn, :value [[:r 1 nil]]}
{:process 1, :type :ok, :f :txn, :value [[:r 1 [5]]]}`},
		{"registers, not there at first", ModelTxn, Illegal, `read ":x": expected "1", found nothing`, `
[{"type":"invoke","f":"txn","value":[["w",":x",1]],"process":0},{"type":"ok","f":"txn","value":[["w",":x",1]],"process":0},
{"type":"invoke","f":"txn","value":[["r",":x",null]],"process":0},{"type":"ok","f":"txn","value":[["r",":x",null]],"process":0}]`},
		{"a value that nobody wrote, which elle-cli's example has", ModelTxn, Illegal, "no transaction wrote it", `
[{"type":"invoke","f":"txn","value":[["r",0,null]],"process":0},{"type":"ok","f":"txn","value":[["r",0,9]],"process":0}]`},
		{"answers only, by sessions", ModelTxn, Illegal, "", `
{:f :txn, :process 1, :value [[:append 1 5]], :type :ok}
{:f :txn, :process 1, :value [[:r 1 []]], :type :ok}`},
		{"answers only, without sessions", ModelTxn, Legal, "", `
{:value [[:append 1 5]], :type :ok}
{:value [[:r 1 []]], :type :ok}`},
		{"porcupine's events", ModelKV, Illegal, "", `[
{"ClientId":0,"Kind":false,"Value":{"Op":1,"Key":"k","Value":"v"},"Id":0,"Metadata":null},
{"ClientId":0,"Kind":true,"Value":{},"Id":0},
{"ClientId":1,"Kind":false,"Value":{"Op":0,"Key":"k"},"Id":1},
{"ClientId":1,"Kind":true,"Value":"","Id":1}]`},
		{"porcupine's operations", ModelRegister, Legal, "", `[
{"ClientId":0,"Input":{"op":"put","key":"k","value":"v"},"Call":1,"Output":null,"Return":2},
{"ClientId":0,"Input":{"op":"cas","key":"k","from":"v","value":"w"},"Call":3,"Output":{"swapped":true},"Return":4},
{"ClientId":0,"Input":{"op":"cas","key":"k","from":"v","value":"x"},"Call":3,"Output":{"unknown":true},"Return":9},
{"ClientId":0,"Input":{"op":"get","key":"k"},"Call":5,"Output":{"value":"w","found":true},"Return":6}]`},
		{"plume, where a session reads its own past", ModelTxn, Illegal, "", "w(1,1,0,0)\nw(1,2,0,1)\nr(1,1,0,2)\n"},
		{"our lists", ModelList, Legal, "", `
{"client":"a","event":"invoke","op":"append","key":"l","value":"1"}
{"client":"a","event":"ok"}
{"client":"a","event":"invoke","op":"get","key":"l"}
{"client":"a","event":"ok","value":["1"]}`},
		{"our transactions with lists", ModelTxn, Illegal, "", `
{"client":1,"event":"begin"}
{"client":1,"event":"append","key":"l","value":"1"}
{"client":1,"event":"ok"}
{"client":1,"event":"begin"}
{"client":1,"event":"list","key":"l","value":[]}
{"client":1,"event":"ok"}`},
		{"an answer that repeats the question", ModelKV, Legal, "", `
{"client":1,"event":"invoke","op":"put","key":"k","value":1}
{"client":1,"event":"ok","op":"put","key":"k","value":1.0}`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			result := decide(t, strings.TrimPrefix(tc.text, "\n"), Request{Limits: FileLimits()})
			require.Equal(t, tc.verdict, result.Verdict, "%s", result.Reason)
			require.Equal(t, tc.model, result.Model)
			require.Contains(t, result.Reason, tc.reason)
		})
	}
}

// A binary record of dbcop: sessions of transactions of (write, key, value).
func dbcop(sessions [][][][3]uint64) string {
	var b bytes.Buffer
	number := func(n uint64) { binary.Write(&b, binary.LittleEndian, n) }
	for _, n := range []uint64{1, uint64(len(sessions)), 2, 2, 2} {
		number(n)
	}
	for _, text := range []string{"info", "2024-01-02", ""} {
		number(uint64(len(text)))
		b.WriteString(text)
	}
	number(uint64(len(sessions)))
	for _, txns := range sessions {
		number(uint64(len(txns)))
		for _, events := range txns {
			number(uint64(len(events)))
			for _, e := range events {
				b.WriteByte(byte(e[0]))
				number(e[1])
				number(e[2])
				b.WriteByte(1)
			}
			b.WriteByte(1)
		}
	}
	return b.String()
}

func TestDBCop(t *testing.T) {
	legal := dbcop([][][][3]uint64{{{{1, 1, 1}}, {{0, 1, 1}, {1, 1, 2}}}, {{{0, 1, 0}}, {{0, 1, 2}}}})
	result := decide(t, legal, Request{Limits: FileLimits()})
	require.Equal(t, FileResult{Format: FormatDBCop, Model: ModelTxn, Level: SessionSerializable, Verdict: Legal, Operations: 4},
		FileResult{Format: result.Format, Model: result.Model, Level: result.Level, Verdict: result.Verdict, Operations: result.Operations})
	illegal := dbcop([][][][3]uint64{{{{0, 1, 0}, {1, 1, 1}}}, {{{0, 1, 0}, {1, 1, 2}}}})
	result = decide(t, illegal, Request{Limits: FileLimits()})
	require.Equal(t, Illegal, result.Verdict)
	require.Contains(t, result.Reason, "lost update")
	for n := 64; n < len(legal); n++ {
		_, err := ReadRecording(context.Background(), "history", strings.NewReader(legal[:n]), FormatDBCop, Options{})
		require.ErrorContains(t, err, "found the end of the record", "%d bytes", n)
	}
	_, err := record(t, FormatDBCop, legal+"x")
	require.ErrorContains(t, err, fmt.Sprintf("history: byte %d: expected the end of the record, found more", len(legal)))
}

func TestCobra(t *testing.T) {
	folder := t.TempDir()
	write := func(name string, events ...any) {
		var b bytes.Buffer
		for _, e := range events {
			switch e := e.(type) {
			case rune:
				b.WriteByte(byte(e))
			case int:
				binary.Write(&b, binary.BigEndian, int64(e))
			}
		}
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), b.Bytes(), 0o666))
	}
	write("T0.log", 'S', 1, 'W', 11, 5, 7, 'C', 1)
	write("T1.log", 'S', 2, 'R', 1, 11, 5, 7, 'C', 2, 'S', 3, 'R', cobraInitial, cobraNull, 6, 0, 'C', 3)
	result := CheckFile(context.Background(), folder, Request{Limits: FileLimits()})
	require.Equal(t, Legal, result.Verdict, result.Reason)
	require.Equal(t, FormatCobra, result.Format)
	require.Equal(t, 3, result.Operations)

	write("T1.log", 'S', 2, 'R', 1, 11, 5, 7, 'C', 2, 'S', 3, 'R', cobraInitial, cobraNull, 5, 0, 'C', 3)
	result = CheckFile(context.Background(), folder, Request{Limits: FileLimits()})
	require.Equal(t, Illegal, result.Verdict)

	write("T1.log", 'S', 2, 'R', 1)
	result = CheckFile(context.Background(), folder, Request{Limits: FileLimits()})
	require.Equal(t, Unknown, result.Verdict)
	require.Contains(t, result.Reason, "T1.log: byte 18: expected a number of operation R, found the end of the record")
	write("T1.log", 'S', 2, 'C', 3)
	result = CheckFile(context.Background(), folder, Request{Limits: FileLimits()})
	require.Contains(t, result.Reason, "expected the commit of transaction 2, found that of 3")

	result = CheckFile(context.Background(), t.TempDir(), Request{Limits: FileLimits()})
	require.Contains(t, result.Reason, "expected a folder with client-*/operations.json or T*.log, found no such file")
	result = CheckFile(context.Background(), folder, Request{Format: FormatJSON, Limits: FileLimits()})
	require.Contains(t, result.Reason, `expected a file, as format "json" is one, found a folder`)
}

// etcd writes one operation of a robustness report.
func etcd(client, call, back int, input, output string) string {
	return fmt.Sprintf(`{"ClientId":%d,"Input":%s,"Call":%d,"Output":%s,"Return":%d,"Metadata":null}`+"\n", client, input, call, output, back)
}

func TestEtcdReports(t *testing.T) {
	txn := func(conditions, success, failure string) string {
		return fmt.Sprintf(`{"Type":"txn","Txn":{"Conditions":%s,"OperationsOnSuccess":%s,"OperationsOnFailure":%s}}`, conditions, success, failure)
	}
	put := func(value string, lease int) string {
		return fmt.Sprintf(`[{"Type":"put-operation","Put":{"Key":"k","Value":{"Value":"%s"},"LeaseID":%d}}]`, value, lease)
	}
	const (
		get   = `{"Type":"range","Range":{"Start":"k","End":""}}`
		all   = `{"Type":"range","Range":{"Start":"k","End":"l","Limit":1}}`
		fetch = `[{"Type":"range-operation","Range":{"Start":"k"}}]`
		erase = `[{"Type":"delete-operation","Delete":{"Key":"k"}}]`
		none  = "null"
	)
	done := func(revision int) string { return fmt.Sprintf(`{"Txn":{"Results":[{}]},"Revision":%d}`, revision) }
	saw := func(value string, mod, revision int) string {
		return fmt.Sprintf(`{"Range":{"KVs":[{"Key":"k","Value":{"Value":"%s"},"ModRevision":%d}],"Count":1},"Revision":%d}`, value, mod, revision)
	}
	nothing := func(revision int) string {
		return fmt.Sprintf(`{"Range":{"KVs":null,"Count":0},"Revision":%d}`, revision)
	}
	const lost = `{"Error":"context deadline exceeded"}`
	first := etcd(1, 10, 20, txn(none, put("a", 0), none), done(2))
	for _, tc := range []struct {
		name    string
		verdict Verdict
		proof   Proof
		text    string
	}{
		{"put and get", Legal, ByCertificate, first + etcd(1, 30, 40, get, saw("a", 2, 2))},
		{"stale get", Illegal, "", first + etcd(1, 30, 40, get, nothing(1))},
		{"get of an old revision", Legal, ByCertificate, first + etcd(1, 30, 40, `{"Type":"range","Range":{"Start":"k","Revision":1}}`, nothing(2))},
		{"wrong revision of a value", Illegal, "", first + etcd(1, 30, 40, get, saw("a", 3, 3))},
		{"the same value again", Illegal, "", first + etcd(1, 22, 25, txn(none, put("a", 0), none), done(3)) + etcd(1, 30, 40, get, saw("a", 2, 3))},
		{"condition that held", Legal, ByCertificate, first + etcd(1, 30, 40, txn(`[{"Key":"k","ExpectedRevision":2}]`, put("b", 0), none), done(3)) + etcd(1, 50, 60, get, saw("b", 3, 3))},
		{"condition that cannot have held", Illegal, "", first + etcd(1, 30, 40, txn(`[{"Key":"k","ExpectedRevision":0}]`, put("b", 0), none), done(3))},
		{"condition that failed, and a read that says why", Legal, ByCertificate, first + etcd(1, 30, 40, txn(`[{"Key":"k","ExpectedRevision":0}]`, put("b", 0), fetch),
			`{"Txn":{"Failure":true,"Results":[{"KVs":[{"Key":"k","Value":{"Value":"a"},"ModRevision":2}],"Count":1}]},"Revision":2}`)},
		{"condition that failed though it held", Illegal, "", first + etcd(1, 30, 40, txn(`[{"Key":"k","ExpectedRevision":2}]`, put("b", 0), fetch),
			`{"Txn":{"Failure":true,"Results":[{"KVs":[{"Key":"k","Value":{"Value":"a"},"ModRevision":2}],"Count":1}]},"Revision":2}`)},
		{"creation that failed though there was nothing", Illegal, "", etcd(1, 30, 40, txn(`[{"Key":"k","ExpectedRevision":0}]`, put("b", 0), none), `{"Txn":{"Failure":true},"Revision":1}`)},
		{"delete", Legal, ByCertificate, first + etcd(1, 30, 40, txn(none, erase, none), `{"Txn":{"Results":[{"Deleted":1}]},"Revision":3}`) + etcd(1, 50, 60, get, nothing(3))},
		{"delete that found nothing", Illegal, "", first + etcd(1, 30, 40, txn(none, erase, none), `{"Txn":{"Results":[{"Deleted":0}]},"Revision":2}`)},
		{"put without an answer that was seen", Legal, "", first + etcd(2, 12, 13, txn(none, put("b", 0), none), lost) + etcd(1, 30, 40, get, saw("b", 3, 3))},
		{"put without an answer that was seen and gone", Illegal, "", first + etcd(2, 12, 13, txn(none, put("b", 0), none), lost) +
			etcd(1, 30, 40, get, saw("b", 3, 3)) + etcd(1, 50, 60, get, saw("a", 2, 3))},
		{"put without an answer that is known to have happened", Legal, ByCertificate, first + etcd(1, 30, 40, txn(none, put("b", 0), none), `{"Error":"x","Persisted":true,"PersistedRevision":3}`) +
			etcd(3, 50, 60, get, saw("b", 3, 3))},
		{"range with a limit", Legal, ByCertificate, first + etcd(1, 30, 40, all, `{"Range":{"KVs":[{"Key":"k","Value":{"Value":"a"},"ModRevision":2}],"Count":1},"Revision":2}`)},
		{"range that misses a row", Illegal, "", first + etcd(1, 30, 40, all, nothing(2))},
		{"lease that was revoked", Legal, ByCertificate, etcd(1, 10, 20, txn(none, put("a", 7), none), done(2)) +
			etcd(1, 30, 40, `{"Type":"leaseRevoke","LeaseRevoke":{"LeaseID":7}}`, `{"LeaseRevoke":{},"Revision":3}`) + etcd(1, 50, 60, get, nothing(3))},
		{"lease that was revoked, and a key that stayed", Illegal, "", etcd(1, 10, 20, txn(none, put("a", 7), none), done(2)) +
			etcd(1, 30, 40, `{"Type":"leaseRevoke","LeaseRevoke":{"LeaseID":7}}`, `{"LeaseRevoke":{},"Revision":3}`) + etcd(1, 50, 60, get, saw("a", 2, 3))},
	} {
		t.Run(tc.name, func(t *testing.T) {
			result := decide(t, tc.text, Request{Limits: FileLimits()})
			require.Equal(t, FormatEtcd, result.Format)
			require.Equal(t, tc.verdict, result.Verdict, "%s", result.Reason)
			if tc.proof != "" {
				require.Equal(t, tc.proof, result.Proof)
			}
		})
	}

	// The clients of a report are one history: what one has written, the other may read.
	folder := t.TempDir()
	for client, text := range map[string]string{"client-1": first, "client-2": etcd(2, 30, 40, get, saw("a", 2, 2))} {
		require.NoError(t, os.Mkdir(filepath.Join(folder, client), 0o777))
		require.NoError(t, os.WriteFile(filepath.Join(folder, client, "operations.json"), []byte(text), 0o666))
	}
	result := CheckFile(context.Background(), folder, Request{Limits: FileLimits()})
	require.Equal(t, Legal, result.Verdict, result.Reason)
	require.Equal(t, 2, result.Operations)
	require.Contains(t, result.Notes, "revisions are the claimed order; a value is shown as value@revision")
}
