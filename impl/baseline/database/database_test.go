package database

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/impl/baseline/block"
	"github.com/firstgap/firstgap/impl/node"
)

// host is a machine with one disk: what it is told to write is durable at once, or, held, when it is let go.
type host struct {
	t       *testing.T
	d       *Database
	files   map[string][]byte
	held    bool
	waiting []node.Token
	replies []node.Reply
	out     node.Effects
	now     node.Time
	calls   uint64
	boots   uint32
	behind  bool // another copy of the disk may lack blocks of this one
}

// copied is a disk of which another copy may lack blocks.
type copied struct {
	block.Device
	behind bool
}

func (c copied) Behind() bool { return c.behind }

func newHost(t *testing.T, change func(*Config)) *host {
	h := &host{t: t, files: map[string][]byte{}}
	h.boot(change)
	require.Equal(t, "open", h.d.Phase())
	return h
}

// boot starts the database on what the disk holds.
func (h *host) boot(change func(*Config)) {
	c := DefaultConfig(1)
	c.Pages, c.PageSize, c.CachePages = 4, 8192, 2
	if change != nil {
		change(&c)
	}
	h.boots++
	h.waiting = nil
	h.d = New(c, copied{block.NewLocal(), h.behind})
	ev := node.Event{Kind: node.Started, Incarnation: h.boots}
	for _, name := range slices.Sorted(maps.Keys(h.files)) {
		ev.Files = append(ev.Files, node.File{Name: name, Data: slices.Clone(h.files[name])})
	}
	h.step(ev)
}

func (h *host) step(ev node.Event) {
	h.out.Reset()
	h.d.Step(h.now, ev, &h.out)
	for _, e := range h.out.List {
		switch e.Kind {
		case node.DoAppend:
			h.files[e.File] = append(h.files[e.File], e.Data...)
		case node.DoReplace:
			h.files[e.File] = slices.Clone(e.Data)
			h.waiting = append(h.waiting, e.Token)
		case node.DoSync:
			h.waiting = append(h.waiting, e.Token)
		case node.DoRespond:
			h.replies = append(h.replies, *e.Reply)
		}
	}
	if !h.held {
		h.release()
	}
}

// release lets the disk complete what it was asked for.
func (h *host) release() {
	for len(h.waiting) > 0 {
		t := h.waiting[0]
		h.waiting = h.waiting[1:]
		h.step(node.Event{Kind: node.DiskDone, Token: t})
	}
}

// tick lets time go by.
func (h *host) tick(d time.Duration) {
	h.now = h.now.Add(d)
	h.step(node.Event{Kind: node.Fired, Timer: tick})
}

// ask makes a call and returns its reply, or none while it waits.
func (h *host) ask(from node.ID, r node.Request) *node.Reply {
	h.calls++
	r.ID = h.calls
	h.replies = nil
	h.step(node.Event{Kind: node.Requested, From: from, Request: r})
	for i := range h.replies {
		if h.replies[i].ID == r.ID {
			return &h.replies[i]
		}
	}
	return nil
}

func (h *host) begin(from node.ID) node.Txn {
	r := h.ask(from, node.Request{Op: node.OpBegin})
	require.Equal(h.t, node.OK, r.Status)
	return r.Txn
}

func write(t node.Txn, rows ...string) node.Request {
	r := node.Request{Op: node.OpPut, Txn: t}
	for i := 0; i < len(rows); i += 2 {
		r.Rows = append(r.Rows, node.Row{Key: rows[i], Value: node.Some(rows[i+1])})
	}
	return r
}

func read(t node.Txn, key string) node.Request {
	return node.Request{Op: node.OpGet, Txn: t, Rows: []node.Row{{Key: key}}}
}

func call(t node.Txn, o node.Op) node.Request { return node.Request{Op: o, Txn: t} }

func (h *host) put(rows ...string) {
	t := h.begin(7)
	require.Equal(h.t, node.OK, h.ask(7, write(t, rows...)).Status)
	require.Equal(h.t, node.OK, h.ask(7, call(t, node.OpCommit)).Status)
}

func (h *host) get(key string) node.Value {
	t := h.begin(7)
	r := h.ask(7, read(t, key))
	require.NotNil(h.t, r)
	require.Equal(h.t, node.OK, h.ask(7, call(t, node.OpCommit)).Status)
	return r.Value
}

// A commit's rows are locked until it is durable: released before, the reader would be told what a crash takes back.
func TestRowsAreLockedUntilTheCommitIsDurable(t *testing.T) {
	h := newHost(t, nil)
	h.put("X", "500", "Y", "750")
	a := h.begin(7)
	h.ask(7, write(a, "X", "510"))
	h.ask(7, write(a, "Y", "740"))
	h.held = true
	require.Nil(t, h.ask(7, call(a, node.OpCommit)), "nothing is durable yet")
	b := h.begin(8)
	require.Nil(t, h.ask(8, read(b, "X")))
	h.held = false
	h.release()
	require.Len(t, h.replies, 2)
	require.Equal(t, node.OpCommit, h.replies[0].Op)
	require.Equal(t, "510", h.replies[1].Value.Bytes)
}

func TestWhatIsRefusedAndWhy(t *testing.T) {
	h := newHost(t, func(c *Config) { c.Limits.Transactions = 2; c.Limits.Rows = 2 })
	a := h.begin(7)
	long := string(make([]byte, 3000))
	for name, c := range map[string]struct {
		from node.ID
		r    node.Request
		want node.Reason
	}{
		"unknown transaction":   {7, call(99, node.OpCommit), node.ReasonUnknownTxn},
		"another's transaction": {8, call(a, node.OpCommit), node.ReasonUnknownTxn},
		"get of nothing":        {7, call(a, node.OpGet), node.ReasonMalformed},
		"put of nothing":        {7, call(a, node.OpPut), node.ReasonMalformed},
		"key without a name":    {7, read(a, ""), node.ReasonMalformed},
		"commit with rows":      {7, node.Request{Op: node.OpCommit, Txn: a, Rows: []node.Row{{Key: "k"}}}, node.ReasonMalformed},
		"scan backwards":        {7, node.Request{Op: node.OpScan, Txn: a, From: "b", To: "a"}, node.ReasonMalformed},
		"savepoint":             {7, call(a, node.OpSavepoint), node.ReasonMalformed},
		"long key":              {7, read(a, long), node.ReasonTooLarge},
		"long value":            {7, write(a, "k", long), node.ReasonTooLarge},
		"many rows":             {7, write(a, "a", "", "b", "", "c", ""), node.ReasonTooLarge},
	} {
		r := h.ask(c.from, c.r)
		require.NotNil(t, r, name)
		require.Equal(t, node.Refused, r.Status, name)
		require.Equal(t, c.want, r.Reason, name)
	}
	require.Equal(t, node.OK, h.ask(7, write(a, "k", "v")).Status, "refused calls leave the transaction as it was")
	h.begin(8)
	require.Equal(t, node.ReasonBusy, h.ask(9, node.Request{Op: node.OpBegin}).Reason)
}

func TestAPageIsNeverFilledBeyondItsSize(t *testing.T) {
	h := newHost(t, func(c *Config) { c.Pages = 1 })
	full := 0
	for i := range 10 {
		txn := h.begin(7)
		r := h.ask(7, write(txn, fmt.Sprintf("k%d", i), string(make([]byte, 1500))))
		if r.Status == node.Refused {
			require.Equal(t, node.ReasonFull, r.Reason)
			full++
			require.Equal(t, node.OK, h.ask(7, call(txn, node.OpAbort)).Status)
			continue
		}
		require.Equal(t, node.OK, h.ask(7, call(txn, node.OpCommit)).Status)
	}
	require.Equal(t, 5, full)
	// Room that a delete makes is room only when the delete can no longer be taken back.
	txn := h.begin(7)
	gone := node.Request{Op: node.OpPut, Txn: txn, Rows: []node.Row{{Key: "k0"}}}
	require.Equal(t, node.OK, h.ask(7, gone).Status)
	other := h.begin(8)
	require.Equal(t, node.ReasonFull, h.ask(8, write(other, "new", string(make([]byte, 1500)))).Reason)
	require.Equal(t, node.OK, h.ask(7, call(txn, node.OpCommit)).Status)
	require.Equal(t, node.OK, h.ask(8, write(other, "new", string(make([]byte, 1500)))).Status)
}

func TestADeadlocksVictimIsToldTheCircle(t *testing.T) {
	h := newHost(t, nil)
	a, b := h.begin(7), h.begin(8)
	require.Equal(t, node.OK, h.ask(7, write(a, "x", "1")).Status)
	require.Equal(t, node.OK, h.ask(8, write(b, "y", "1")).Status)
	require.Nil(t, h.ask(7, write(a, "y", "2")))
	r := h.ask(8, write(b, "x", "2"))
	require.Equal(t, node.Aborted, r.Status)
	require.Equal(t, node.ReasonDeadlock, r.Reason)
	require.Equal(t, []node.Txn{a}, r.Blockers)
	require.Len(t, h.replies, 2, "and the other one goes on")
	require.Equal(t, node.OK, h.ask(7, call(a, node.OpCommit)).Status)
	require.Equal(t, "2", h.get("y").Bytes)
}

func TestScansHaveNoPhantoms(t *testing.T) {
	h := newHost(t, nil)
	h.put("a", "1", "b", "2", "d", "4", "e", "5")
	s := h.begin(7)
	r := h.ask(7, node.Request{Op: node.OpScan, Txn: s, From: "b", To: "e"})
	require.Equal(t, []node.Row{{Key: "b", Value: node.Some("2")}, {Key: "d", Value: node.Some("4")}}, r.Rows)
	require.False(t, r.More)
	r = h.ask(7, node.Request{Op: node.OpScan, Txn: s, Most: 3})
	require.Len(t, r.Rows, 3)
	require.True(t, r.More)
	w := h.begin(8)
	require.Nil(t, h.ask(8, write(w, "c", "3")), "it would appear in the range")
	require.Equal(t, node.OK, h.ask(7, call(s, node.OpCommit)).Status)
	require.Equal(t, node.OK, h.replies[1].Status)
	other := h.begin(9)
	require.Nil(t, h.ask(9, node.Request{Op: node.OpScan, Txn: other}), "it would see what is not committed")
	require.Equal(t, node.OK, h.ask(8, call(w, node.OpAbort)).Status)
	require.Len(t, h.replies[len(h.replies)-1].Rows, 4)
}

// Pages leave the pool and come back, and the log does not grow for ever.
func TestPagesAreWrittenBackAndTheLogIsCut(t *testing.T) {
	h := newHost(t, func(c *Config) { c.KeepLog = 4096 })
	for i := range 200 {
		h.put(fmt.Sprintf("k%d", i%20), fmt.Sprint(i))
		h.tick(10 * time.Millisecond)
	}
	require.Less(t, len(h.files["log"]), 4*4096)
	require.LessOrEqual(t, h.d.pages.Len(), 3)
	for range 2 {
		for i := 180; i < 200; i++ {
			require.Equal(t, fmt.Sprint(i), h.get(fmt.Sprintf("k%d", i%20)).Bytes)
		}
		h.boot(nil)
		require.Equal(t, "open", h.d.Phase())
	}
}

// A start on a disk that is mirrored writes every page again that its log names, and keeps the log until then: of the last
// write of pages before a crash, the mirror may have none. When the log of it was dropped and the primary's zone was lost, the
// mirror had neither.
func TestAPageThatTheMirrorMayLackIsWrittenAgain(t *testing.T) {
	for _, behind := range []bool{false, true} {
		h := newHost(t, nil)
		h.behind = behind
		h.put("x", "1")
		for range 5 {
			h.tick(10 * time.Millisecond)
		}
		number := fmt.Sprintf("block-%d", h.d.locate("x"))
		image := h.files[number]
		require.NotNil(t, image)
		h.boot(nil)
		require.Equal(t, behind, h.d.pages.Find(h.d.locate("x")).Value.dirty != 0, "the log stays from the record that made it")
		h.files[number] = nil // to see whether it comes again
		for range 5 {
			h.tick(10 * time.Millisecond)
		}
		require.Equal(t, behind, slices.Equal(image, h.files[number]))
	}
}

// What was not committed is taken back, by records that a second recovery repeats: without them, it would put the old
// value back over the later commit.
func TestUndoIsLogged(t *testing.T) {
	h := newHost(t, nil)
	h.put("x", "old")
	txn := h.begin(7)
	require.Equal(t, node.OK, h.ask(7, write(txn, "x", "never")).Status)
	h.put("other", "1") // its flush makes the change durable
	h.boot(nil)
	require.Equal(t, "old", h.get("x").Bytes)
	h.put("x", "new")
	h.boot(nil)
	require.Equal(t, "new", h.get("x").Bytes)
	require.Equal(t, node.ReasonUnknownTxn, h.ask(7, call(txn, node.OpCommit)).Reason)
}

func TestIdleTransactionsAreAborted(t *testing.T) {
	h := newHost(t, nil)
	txn := h.begin(7)
	require.Equal(t, node.OK, h.ask(7, write(txn, "x", "1")).Status)
	h.tick(time.Second)
	require.Equal(t, node.ReasonUnknownTxn, h.ask(7, call(txn, node.OpCommit)).Reason)
	require.False(t, h.get("x").Exists)
}

// damage flips a bit in the middle of what is written of a file.
func (h *host) damage(name string, at int) { h.files[name][at] ^= 4 }

func TestDamagedPagesComeFromTheDoubleWriteArea(t *testing.T) {
	h := newHost(t, func(c *Config) { c.Pages = 1 })
	h.put("x", "1")
	h.tick(time.Second)
	h.tick(time.Second)
	h.put("x", "2")
	require.Contains(t, h.files, "block-0")
	require.Contains(t, h.files, "block-1", "the first block of the double-write area")
	h.damage("block-0", 100)
	h.boot(func(c *Config) { c.Pages = 1 })
	require.Equal(t, "open", h.d.Phase())
	require.Equal(t, "2", h.get("x").Bytes)

	// With both copies damaged no copy says what the page was.
	h.damage("block-0", 101)
	h.damage("block-1", 101)
	h.boot(func(c *Config) { c.Pages = 1 })
	require.Equal(t, "broken", h.d.Phase())
	var damage *DamageError
	require.ErrorAs(t, h.d.Err(), &damage)
	require.Contains(t, damage.Error(), "page 0")
	require.Equal(t, node.ReasonNotOpen, h.ask(7, node.Request{Op: node.OpBegin}).Reason)
}

// A damaged record with later writes behind it is no end of the log: cut there, the log would forget commits.
func TestADamagedLogIsNotCut(t *testing.T) {
	h := newHost(t, nil)
	for i := range 5 {
		h.put("x", fmt.Sprint(i))
	}
	intact := slices.Clone(h.files["log"])
	h.damage("log", 8+2*sector+20)
	h.boot(nil)
	require.Equal(t, "broken", h.d.Phase())
	require.ErrorContains(t, h.d.Err(), "log: expected record")

	// Torn at its end, it ends before the write that tore.
	h.files["log"] = intact[:len(intact)-sector+3]
	h.boot(nil)
	require.Equal(t, "open", h.d.Phase())
	require.Equal(t, "3", h.get("x").Bytes)
	h.put("x", "later")
	h.boot(nil)
	require.Equal(t, "later", h.get("x").Bytes)
}

func TestPagesRefuseWhatIsNotTheirImage(t *testing.T) {
	p := &page{id: 3, lsn: 9, rows: []node.Row{{Key: "k", Value: node.Some("v")}}}
	image := p.image(8192)
	require.Len(t, image, 8192)
	back, err := readPage(3, image)
	require.NoError(t, err)
	require.Equal(t, p.rows, back.rows)
	require.Equal(t, p.lsn, back.lsn)
	for name, bad := range map[string][]byte{"cut": image[:8000], "empty": {}, "flipped": append(slices.Clone(image[:8191]), image[8191]^1)} {
		_, err := readPage(3, bad)
		require.ErrorContains(t, err, "expected its checksum", name)
	}
	_, err = readPage(4, image)
	require.ErrorContains(t, err, "found that of page 3")
}

// A page goes to the disk only behind the log: what it shows may have to be taken back, and only the log says how. On the
// disk, ahead of its record, a change of no transaction would stay after a crash.
func TestNoPageIsAheadOfTheLog(t *testing.T) {
	one := func(c *Config) { c.Pages = 1 }
	h := newHost(t, one)
	h.put("x", "1")
	for range 3 {
		h.tick(50 * time.Millisecond)
	}
	onDisk := func() (newest node.LSN) {
		for _, name := range []string{"block-0", "block-1"} {
			p, err := readPage(0, h.files[name])
			require.NoError(t, err)
			newest = max(newest, p.lsn)
		}
		return newest
	}
	before := onDisk()
	require.NotZero(t, before)
	h.held = true
	txn := h.begin(7)
	require.Equal(t, node.OK, h.ask(7, write(txn, "x", "2")).Status)
	for range 3 {
		h.tick(50 * time.Millisecond)
		require.Equal(t, before, onDisk(), "its record is not durable")
	}
	h.held = false
	h.release()
	for range 3 {
		h.tick(20 * time.Millisecond)
	}
	require.Greater(t, onDisk(), before, "it is now, though nobody has committed")
	h.boot(one)
	require.Equal(t, "1", h.get("x").Bytes)
}
