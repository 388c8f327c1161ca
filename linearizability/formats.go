package linearizability

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// A Format is a way in which a history was recorded.
type Format string

// The formats, see Formats.
const (
	FormatAuto       Format = "auto" // told from the content
	FormatJSON       Format = "json"
	FormatJepsen     Format = "jepsen"
	FormatEDN        Format = "edn"
	FormatJepsenJSON Format = "jepsen-json"
	FormatKVLog      Format = "kvlog"
	FormatEtcd       Format = "etcd"
	FormatPorcupine  Format = "porcupine"
	FormatPlume      Format = "plume"
	FormatDBCop      Format = "dbcop"
	FormatCobra      Format = "cobra"
)

// A FormatInfo describes a format.
type FormatInfo struct {
	Name    Format
	Title   string // what it is, in one line
	Text    string // what one has to know of it
	Example string // a history in it; of a binary format, its bytes as xxd -p writes them and xxd -r -p reads them
	Binary  bool

	detect func(head []byte) bool // whether a record begins so
	read   func(*input, *Recording) error
	folder func(ctx context.Context, path string, rec *Recording) error // of formats that are several files
	files  string                                                       // their names in the folder
}

// formats is all that is known of the formats, in the order in which they are tried on a record: help, documentation,
// detection and reading are made from it.
var formats = []FormatInfo{
	{Name: FormatDBCop, Title: "history.bincode of dbcop", Binary: true,
		Text: `Little endian numbers of 8 bytes: id, nodes, variables, transactions, events; three strings, each after its length; sessions,
and for each its transactions, and for each its events: writes or reads (1 byte), key, value, success (1 byte); at last the
transaction's success (1 byte). Value 0 is what every key holds at first. In hexadecimal, for xxd -r -p:`,
		Example: `0000000000000000 0100000000000000 0100000000000000 0100000000000000 0100000000000000
0000000000000000 0000000000000000 0000000000000000
0100000000000000 0100000000000000 0100000000000000
01 0100000000000000 0700000000000000 01
01`, detect: isDBCop, read: readDBCop},
	{Name: FormatEtcd, Title: "operations.json of etcd's robustness tests; a folder with client-*/operations.json is one history",
		Text: `A stream of JSON objects, one operation each. Revisions are the claimed order. Reads of old revisions are left out. An
operation with an Error has an unknown outcome, unless it says Persisted.`,
		Example: `{"ClientId":1,"Input":{"Type":"range","Range":{"Start":"key"}},"Call":100,"Output":{"Range":{"KVs":null,"Count":0},"Revision":1},"Return":200}`,
		detect:  all(`"ClientId"`, `"Type"\s*:\s*"(range|txn|lease\w+|defragment|compact)"`), read: readEtcd, folder: readEtcdFolder, files: "client-*/operations.json"},
	{Name: FormatPorcupine, Title: "porcupine's events or operations as encoding/json writes them",
		Text: `An array or a stream of events {ClientId, Kind, Value, Id} or operations {ClientId, Input, Call, Output, Return}. What is asked
has op, key, value, from in upper or lower case, where op may be 0 (get), 1 (put) or 2 (append); what is answered is the value,
or has value, found, swapped or unknown. If all clients are 0 they were not recorded.`,
		Example: `[{"ClientId":0,"Kind":false,"Value":{"op":"put","key":"x","value":"1"},"Id":0},
{"ClientId":0,"Kind":true,"Value":null,"Id":0}]`,
		detect: either(all(`"Kind"\s*:`, `"Id"\s*:`), all(`"Input"\s*:`, `"Call"\s*:`)), read: readPorcupine},
	{Name: FormatJepsenJSON, Title: "Jepsen's and Elle's operations as JSON, as elle-cli takes them",
		Text: `An array of objects, or one object after the other, with the keys of edn without their colons; null is nil.`,
		Example: `[{"type":"invoke","f":"txn","value":[["r","x",null],["w","x",2]],"process":0,"index":0},
{"type":"ok","f":"txn","value":[["r","x",null],["w","x",2]],"process":0,"index":1}]`,
		detect: all(`^\s*\[?\s*\{"`, `"type"\s*:\s*"(invoke|ok|fail|info)"`), read: readJepsenJSON},
	{Name: FormatJSON, Title: "our own lines of JSON, one event each",
		Text: `A history is one of calls (op is get, put, append, cas, delete, add, remove, enqueue, dequeue, acquire or release), or one of
transactions, whose operations are recorded when they have been answered, a write before it is sent:
  {"client":1,"event":"begin","txn":7}
  {"client":1,"event":"read","key":"c","value":null}
  {"client":1,"event":"write","key":"c","value":"1"}
  {"client":1,"event":"write","key":"d","value":"1"}
  {"client":1,"event":"delete","key":"y"}
  {"client":1,"event":"rollback","since":3}
  {"client":1,"event":"scan","from":"a","to":"m","most":1,"rows":[{"key":"c","value":"1"}],"more":true}
  {"client":1,"event":"append","key":"z","value":"1"}
  {"client":1,"event":"list","key":"z","value":["1"]}
  {"client":1,"event":"ok","order":42}
Answers are ok (it happened), fail (it did not) and info (unknown). A client has a number from 0 or a name. A value that was read
is null or left out when there was none; lists and sets are arrays; numbers are taken as their text. A scan covers from ≤ key < to;
without to, all keys from from on; with more, there were rows behind the last one. A rollback takes back the transaction's own
writes since its operation of that number, counted from 0. The order of a commit is optional: its commit LSN, or its read point
when it only read. So is the transaction's number, all or none. Time is in nanoseconds of a clock that all clients share, in every
line or in none; without it, the lines are in the order of the events. Other keys are ignored.`,
		Example: `{"client":1,"event":"invoke","op":"put","key":"x","value":"1"}
{"client":1,"event":"ok"}
{"client":2,"event":"invoke","op":"cas","key":"x","from":"1","value":"2"}
{"client":2,"event":"ok","swapped":true}
{"client":1,"event":"invoke","op":"get","key":"x"}
{"client":1,"event":"ok","value":"2"}`,
		detect: all(`^\s*\{`, `"client"\s*:`, `"event"\s*:`), read: readJSONLines},
	{Name: FormatKVLog, Title: "a log of a key-value store, one EDN map a line",
		Text: `As edn, with a :key and the functions :get, :put and :append. A :get that finds nothing answers nil or "".`,
		Example: `{:process 3, :type :invoke, :f :append, :key "k", :value "x"}
{:process 3, :type :ok, :f :append, :key "k", :value "x"}`,
		detect: all(`^[\s,]*[\[(]?[\s,]*(;.*\n\s*)*\{`, `:process\s`, `[{\s,]:key\s`), read: readEDN},
	{Name: FormatEDN, Title: "Jepsen's history.edn, and what Knossos and elle-cli take",
		Text: `One map an operation, one after the other or in one vector or list; tags, comments and other keys are read over. Functions are
:read, :write, :cas, :append, :add, :remove, :enqueue, :dequeue, :drain, :acquire, :release, and :txn with micro-operations :r, :w,
:append (Elle) or :read, :write (Knossos). Values [key value] in all operations are those of jepsen.independent. Processes that are
no numbers are a nemesis. A :fail did not happen, an :info may have. With answers only, transactions have sessions and no real time.`,
		Example: `{:index 0, :time 10, :type :invoke, :process 0, :f :write, :value 1}
{:index 1, :time 20, :type :info, :process :nemesis, :f :start-partition, :value nil}
{:index 2, :time 30, :type :ok, :process 0, :f :write, :value 1}`,
		detect: all(`^[\s,]*(;.*\n[\s,]*)*([\[(]|#[\w.]+\s*\{|\{\s*:|#_|\^)`, `:type\s`), read: readEDN},
	{Name: FormatPlume, Title: "lines of PolySI, Plume and IsoVista",
		Text: `A read or write a line: key, value, session, transaction. The operations of a transaction and the transactions of a session are
in the order of the file; value 0 is what every key holds at first. There are no times.`,
		Example: `w(1,1,0,0)
r(1,1,1,1)`,
		detect: all(`^\s*(?:(?:#|;|//).*\n\s*)*[rw]\(-?\d+\s*,`), read: readPlume},
	{Name: FormatJepsen, Title: "lines of Jepsen's log, old and new, among others, and history.txt",
		Text: `A line that has process, :type, :f and value, parted by tabs, alone or behind what Jepsen's log puts before it, is an operation as
in edn; other lines are skipped.`,
		Example: `2024-01-02 03:04:05,678{GMT}	INFO	[jepsen worker 3] jepsen.util: 3	:invoke	:write	1
INFO  jepsen.util - 3	:ok	:write	1`,
		detect: func(head []byte) bool {
			for line := range bytes.Lines(head) {
				if findJepsen(line) != nil {
					return true
				}
			}
			return false
		}, read: readJepsenLog},
	{Name: FormatCobra, Title: "a folder of cobra's logs, T*.log, one a session", Binary: true,
		Text: `Big endian numbers of 8 bytes behind a letter: S transaction; W write, key, value; R transaction, write, key, value; C transaction.
Transaction 0xbebeebee is what every key holds at first, and 0xdeadbeef is nothing. A file in hexadecimal, for xxd -r -p:`,
		Example: `53 0000000000000001
57 0000000000000005 0000000000000001 0000000000000007
43 0000000000000001
53 0000000000000002
52 0000000000000001 0000000000000005 0000000000000001 0000000000000007
43 0000000000000002`, folder: readCobraFolder, files: "T*.log"},
}

// Formats are the formats that are known, besides FormatAuto.
func Formats() []FormatInfo {
	known := slices.Clone(formats)
	slices.SortStableFunc(known, func(a, b FormatInfo) int { return strings.Compare(string(a.Name), string(b.Name)) })
	return known
}

func formatNames() []Format {
	names := []Format{FormatAuto}
	for _, f := range Formats() {
		names = append(names, f.Name)
	}
	return names
}

// ParseFormat refuses an unknown name by listing the known ones.
func ParseFormat(name string) (Format, error) {
	if !slices.Contains(formatNames(), Format(name)) {
		return "", fmt.Errorf("unknown format %q; known: %s", name, list(formatNames()))
	}
	return Format(name), nil
}

// all detects a record that matches every expression.
func all(expressions ...string) func([]byte) bool {
	var compiled []*regexp.Regexp
	for _, e := range expressions {
		compiled = append(compiled, regexp.MustCompile(e))
	}
	return func(head []byte) bool {
		for _, e := range compiled {
			if !e.Match(head) {
				return false
			}
		}
		return true
	}
}

func either(ways ...func([]byte) bool) func([]byte) bool {
	return func(head []byte) bool {
		return slices.ContainsFunc(ways, func(way func([]byte) bool) bool { return way(head) })
	}
}

// isDBCop tells a record of dbcop by its first numbers, which are small, and the length of a string.
func isDBCop(head []byte) bool {
	if len(head) < 64 || bytes.IndexByte(head[:8], 0) < 0 {
		return false
	}
	for i := range 6 {
		if bytes.IndexFunc(head[8*i+4:8*i+8], func(c rune) bool { return c != 0 }) >= 0 {
			return false
		}
	}
	return true
}

// format is the entry of the format named, or of the one that the record's first bytes tell.
func (in *input) format(name Format) (*FormatInfo, error) {
	if name != FormatAuto {
		if at := slices.IndexFunc(formats, func(f FormatInfo) bool { return f.Name == name }); at >= 0 {
			return &formats[at], nil
		}
		_, err := ParseFormat(string(name))
		return nil, err
	}
	var head []byte
	for size := lookahead; size <= maxLookahead; size *= 8 {
		var err error
		in.Reader = bufio.NewReaderSize(in.Reader, size) // what it has read ahead stays
		if head, err = in.Peek(size); err != nil && err != io.EOF {
			return nil, fmt.Errorf("%s: %w", in.name, err)
		}
		for i := range formats {
			if f := &formats[i]; f.detect != nil && f.detect(head) {
				return f, nil
			}
		}
		if len(head) < size || bytes.IndexByte(head, 0) >= 0 {
			break
		}
	}
	if len(bytes.TrimSpace(head)) == 0 {
		return nil, fmt.Errorf("%s: %w", in.name, ErrEmpty)
	}
	return nil, in.fail(1, 1, "expected a known format, found "+seen(head)+"; name it with --format: "+list(formatNames()[1:]))
}

// seen says what a record of no known format looks like.
func seen(head []byte) string {
	first := bytes.TrimSpace(head)
	if line, _, ok := bytes.Cut(first, []byte("\n")); ok {
		first = line
	}
	text := clip(string(first))
	switch {
	case bytes.IndexByte(head, 0) >= 0:
		return "binary data that begins with " + text
	case first[0] == '{' || first[0] == '[':
		keys := regexp.MustCompile(`"(\w+)"\s*:|[{\s,](:[\w-]+)\s`).FindAllSubmatch(head[:min(len(head), 2000)], 12)
		var names []string
		for _, k := range keys {
			if name := string(k[1]) + string(k[2]); !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
		if len(names) > 0 {
			return "objects with the keys " + strings.Join(names, ", ")
		}
	}
	return "lines that begin with " + text
}

// readFolder reads a history that is several files.
func readFolder(ctx context.Context, path string, format Format, options Options) (*Recording, error) {
	var names []string
	for i := range formats {
		f := &formats[i]
		if f.folder == nil || format != FormatAuto && format != f.Name {
			continue
		}
		names = append(names, f.files)
		if files, err := filepath.Glob(filepath.Join(path, f.files)); err != nil || len(files) == 0 {
			continue
		}
		rec := &Recording{Name: path, Format: f.Name, Options: options}
		if err := f.folder(ctx, path, rec); err != nil {
			return nil, err
		}
		if len(rec.Txns) == 0 {
			return nil, fmt.Errorf("%s: %w", path, ErrEmpty)
		}
		return rec, nil
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("%s: expected a file, as format %q is one, found a folder", path, format)
	}
	return nil, fmt.Errorf("%s: expected a folder with %s, found no such file", path, strings.Join(names, " or "))
}

// openFiles opens the files of a folder in the order of their names.
func openFiles(ctx context.Context, path, pattern string, options Options) (inputs []*input, done func(), err error) {
	files, err := filepath.Glob(filepath.Join(path, pattern))
	if err != nil {
		return nil, nil, err
	}
	slices.SortFunc(files, func(a, b string) int {
		if len(a) != len(b) {
			return len(a) - len(b) // T2 before T10
		}
		return strings.Compare(a, b)
	})
	var ends []func()
	done = func() {
		for _, end := range ends {
			end()
		}
	}
	if len(files) > maxNamed {
		return nil, done, fmt.Errorf("%s: expected at most %d files, found %d", path, maxNamed, len(files))
	}
	for _, name := range files {
		f, err := os.Open(name)
		if err != nil {
			return nil, done, err
		}
		ends = append(ends, func() { f.Close() })
		in, err := open(ctx, name, f, options)
		if err != nil {
			return nil, done, err
		}
		ends = append(ends, in.stop)
		inputs = append(inputs, in)
	}
	return inputs, done, nil
}

func readEtcdFolder(ctx context.Context, path string, rec *Recording) error {
	files, done, err := openFiles(ctx, path, "client-*/operations.json", rec.Options)
	defer done()
	if err != nil {
		return err
	}
	return readEtcdFiles(files, rec)
}

func readCobraFolder(ctx context.Context, path string, rec *Recording) error {
	files, done, err := openFiles(ctx, path, "T*.log", rec.Options)
	defer done()
	if err != nil {
		return err
	}
	log := newSessionLog(rec)
	for session, in := range files {
		if err := readCobra(in, rec, log, session); err != nil {
			return err
		}
	}
	log.finish()
	return nil
}
