package judge

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/impl/node"
)

// whole is how the copies of a group with one bare member and a spare stand when nothing is wrong.
func whole() *Stand {
	s := &Stand{Bound: faults.Duration(5 * time.Second), Active: &Active{Name: "writer 2", Epoch: 2, VDL: 90, Floor: 90, Wrote: true}}
	g := Group{Number: 1, Epoch: 1, Last: 88, Pages: 4096, Slack: 1024}
	for i, name := range []string{"segment 1/1", "segment 1/2", "segment 1/3", "segment 1/4"} {
		g.Copies = append(g.Copies, CopyStand{Name: name, Member: i < 3, Bare: i == 1, Running: true, Log: 1000, Kept: 1000, Stored: 6000,
			State: node.State{Role: "segment", Line: 2, SCL: 88, Floor: 80, Serving: true}})
	}
	s.Groups = []Group{g}
	s.Readers = []ReaderStand{{Name: "reader 1", Running: true, State: node.State{Role: "reader", VDL: 90, Serving: true}}}
	return s
}

// Who is not replaced before the last upheaval is objected to, though the next active node replaces it; nothing else is asked then.
func TestWhatIsLostIsReplacedBeforeTheLastUpheaval(t *testing.T) {
	early, late := whole(), whole()
	early.Groups[0].Copies[0].Lost, early.Groups[0].Copies[2].State.SCL = true, 1
	var j Judgement
	j.standing(&Evidence{Early: early, Stand: late})
	require.Len(t, j.Findings, 1)
	require.Equal(t, faults.Replacement, j.Findings[0].Check)
}

// Each check of how the copies stand objects, by its name and with what it expected, to what is broken, and to nothing else; and
// what cannot be helped is no objection of any.
func TestEachCheckOfTheStandObjects(t *testing.T) {
	first := func(s *Stand) *CopyStand { return &s.Groups[0].Copies[0] }
	for name, c := range map[string]struct {
		spoil           func(*Stand)
		check           Check
		expected, found string
	}{
		"whole":                        {func(s *Stand) {}, "", "", ""},
		"behind":                       {func(s *Stand) { first(s).State.SCL = 87 }, faults.CatchUp, "SCL 88 within 5s", "87"},
		"on an old line":               {func(s *Stand) { first(s).State.Line = 1 }, faults.CatchUp, "the history of epoch 2", "that of 1"},
		"a reader that does not serve": {func(s *Stand) { s.Readers[0].State.Serving = false }, faults.CatchUp, "it serves within 5s", "it does not"},
		"a reader that lags":           {func(s *Stand) { s.Readers[0].State.VDL = 89 }, faults.CatchUp, "a view of 90", "89"},
		"a reader that is down":        {func(s *Stand) { s.Readers[0].State, s.Readers[0].Running = node.State{}, false }, "", "", ""},
		"does not serve":               {func(s *Stand) { first(s).State.Serving = false }, faults.CatchUp, "it serves", "it does not"},
		"behind, and no member":        {func(s *Stand) { s.Groups[0].Copies[3].State.SCL = 0 }, "", "", ""},
		"behind, and down":             {func(s *Stand) { first(s).State.SCL, first(s).Running = 0, false }, "", "", ""},
		"damaged":                      {func(s *Stand) { first(s).State.Damaged = true }, faults.Wholeness, "a whole copy", "a damaged one"},
		"damaged by rot": {func(s *Stand) { first(s).State.Damaged, first(s).Flips = true, 1 }, faults.Wholeness, "a whole copy",
			"a damaged one, which knows what has rotted"},
		"damaged by rot, and no other copy has pages": {func(s *Stand) {
			first(s).State.Damaged, first(s).Flips = true, 1
			s.Groups[0].Copies[2].Running = false
		}, "", "", ""},
		"dead by rot": {func(s *Stand) { first(s).State.Damaged, first(s).State.Dead, first(s).Flips = true, true, 1 }, faults.Replacement,
			"a spare in its place", "a member that does not know what it has lost"},
		"dead by rot, and no spare": {func(s *Stand) {
			first(s).State.Damaged, first(s).State.Dead, first(s).Flips = true, true, 1
			s.Groups[0].Copies = s.Groups[0].Copies[:3]
		}, "", "", ""},
		"lost":                              {func(s *Stand) { first(s).Lost = true }, faults.Replacement, "a spare in its place", "a member whose disk is lost"},
		"lost, and no spare":                {func(s *Stand) { first(s).Lost = true; s.Groups[0].Copies = s.Groups[0].Copies[:3] }, "", "", ""},
		"lost, and a spare of another kind": {func(s *Stand) { s.Groups[0].Copies[1].Lost = true }, "", "", ""},
		"lost, and the spare is down":       {func(s *Stand) { first(s).Lost, s.Groups[0].Copies[3].Running = true, false }, "", "", ""},
		"between two memberships":           {func(s *Stand) { s.Groups[0].Changing = true }, faults.Replacement, "one set of members", "several"},
		"keeps its log":                     {func(s *Stand) { first(s).Log, first(s).Kept = 5121, 5121 }, faults.Collection, "at most 5120 bytes of log", "5121, and a floor of 80"},
		"a bare one keeps its log":          {func(s *Stand) { s.Groups[0].Copies[1].Log, s.Groups[0].Copies[1].Kept = 1025, 1025 }, faults.Collection, "at most 1024 bytes of log", "1025"},
		// What must stay is written anew with what goes: as much of it may wait.
		"keeps as much as must stay":     {func(s *Stand) { first(s).Log, first(s).Kept = 7024, 13_024 }, "", "", ""},
		"keeps more than must stay":      {func(s *Stand) { first(s).Log, first(s).Kept = 7025, 13_025 }, faults.Collection, "at most 7024 bytes of log", "7025"},
		"a bare one keeps what may stay": {func(s *Stand) { s.Groups[0].Copies[1].Log, s.Groups[0].Copies[1].Kept = 1124, 1224 }, "", "", ""},
		"keeps its log, and a full one is lost": {func(s *Stand) {
			first(s).Log, first(s).Kept, s.Groups[0].Copies[2].Lost = 9999, 9999, true
			s.Groups[0].Copies = s.Groups[0].Copies[:3]
		}, "", "", ""},
		"the floor stays":               {func(s *Stand) { s.Active.Floor = 89 }, faults.Floor, "floor 90", "89"},
		"no floor, and nothing written": {func(s *Stand) { s.Active.Floor, s.Active.Wrote = 0, false }, "", "", ""},
		"a disk fills":                  {func(s *Stand) { first(s).Stored = 32_673 }, faults.Storage, "at most 32672 bytes on its disk", "32673"},
		"no node is active":             {func(s *Stand) { s.Active = nil; first(s).State.SCL = 0 }, "", "", ""},
	} {
		s := whole()
		c.spoil(s)
		j := &Judgement{}
		j.standing(&Evidence{Stand: s})
		require.Subset(t, j.Made, []Check{faults.CatchUp, faults.Wholeness, faults.Replacement, faults.Collection, faults.Floor, faults.Storage})
		if c.check == "" {
			require.Empty(t, j.Findings, name)
			require.True(t, s.Settled(), name)
			continue
		}
		require.Len(t, j.Findings, 1, name)
		f := j.Findings[0]
		require.Equal(t, c.check, f.Check, name)
		require.Equal(t, Violation, f.Verdict)
		require.Contains(t, f.Expected, c.expected, name)
		require.Contains(t, f.Found, c.found, name)
		require.False(t, s.Settled(), "%s: waited for", name)
		require.NotEmpty(t, f.Subject)
	}
}

func TestACallWithoutAnAnswerIsNamed(t *testing.T) {
	e := &Evidence{Open: &Open{Bound: faults.Duration(5 * time.Second)}}
	require.NotContains(t, Judge(&Evidence{}).Made, faults.Answers)
	require.Contains(t, Judge(e).Made, faults.Answers)
	require.Empty(t, Judge(e).Findings)
	e.Open.Calls = []OpenCall{{Node: "writer 1", Client: "client 3", Op: "commit", Request: 17, Since: node.Time(time.Second), State: "open, serving"}}
	f := Judge(e).Findings
	require.Len(t, f, 1)
	require.Equal(t, faults.Answers, f[0].Check)
	require.Equal(t, "commit, request 17 of client 3, asked of writer 1 at 1s: a node that lives answers what it was asked: expected an answer within 5s of virtual time after the faults, found none", f[0].Sentence())
	require.Equal(t, []string{"writer 1", "client 3"}, f[0].Nodes)
}

// Each envelope objects to an amount that is outside of it, and to none that is inside.
func TestEachEnvelopeObjects(t *testing.T) {
	fine := Load{Time: faults.Duration(time.Second), Records: 200, LogBytes: 40_000, Copies: 6, Readers: 1, Segments: 6, Nodes: 10, Starts: 10, Requests: 100,
		PageSize: 512, Every: faults.Duration(10 * time.Millisecond), Scrub: faults.Duration(10 * time.Millisecond),
		Messages: 9000, MessageBytes: 300_000, Carried: 1500, Appends: 600, Syncs: 600, Replaces: 100, Looks: 300, Rotten: 4, Spoiled: 2}
	judged := func(l Load) []Finding {
		j := &Judgement{}
		j.loads(&Evidence{Load: &l})
		require.Subset(t, j.Made, []Check{faults.Traffic, faults.Writes, faults.Upkeep})
		return j.Findings
	}
	require.Empty(t, judged(fine))
	for name, c := range map[string]struct {
		spoil func(*Load)
		check Check
		what  string
	}{
		"sent again without end": {func(l *Load) { l.Messages = 1_000_000 }, faults.Traffic, "messages in 1s"},
		"pages over the wire":    {func(l *Load) { l.MessageBytes = 100_000_000 }, faults.Traffic, "bytes of messages"},
		// A digest has eight bytes of a record: a writer that sent all of its log with each record stayed far inside that envelope.
		"the log with each record":             {func(l *Load) { l.Carried = 20_000 }, faults.Traffic, "records in messages"},
		"a reader that says nothing of itself": {func(l *Load) { l.GivenUp = 6 }, faults.Traffic, "readers given up"},
		"written again":                        {func(l *Load) { l.Appends = 20_000 }, faults.Writes, "appends"},
		"synced again":                         {func(l *Load) { l.Syncs = 20_000 }, faults.Writes, "syncs"},
		"images at every record":               {func(l *Load) { l.Replaces = 20_000 }, faults.Writes, "files replaced"},
		"never scrubs":                         {func(l *Load) { l.Looks = 10 }, faults.Upkeep, "looks at disks"},
		"scrubs all the time":                  {func(l *Load) { l.Looks = 3000 }, faults.Upkeep, "looks at disks"},
		"finds the same rot again":             {func(l *Load) { l.Rotten = 5 }, faults.Upkeep, "looks that found something rotten"},
	} {
		l := fine
		c.spoil(&l)
		found := judged(l)
		require.Len(t, found, 1, name)
		require.Equal(t, c.check, found[0].Check, name)
		require.Contains(t, found[0].Subject, c.what, name)
	}
	// Who waits for an answer that does not come sends again: progress and answers object to that.
	j, again := &Judgement{}, fine
	again.Carried = 20_000
	j.loads(&Evidence{Load: &again, Waits: []Wait{{For: "an answer"}}})
	j.loads(&Evidence{Load: &again, Open: &Open{Calls: []OpenCall{{Op: "commit"}}}})
	j.loads(&Evidence{Load: &again, Stalled: true}) // with six copies that forgot, 72 records came 69,380 times
	require.Empty(t, j.Findings)
}
