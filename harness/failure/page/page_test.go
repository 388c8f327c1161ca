package page

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/aurora"
	"github.com/firstgap/firstgap/harness/failure"
	"github.com/firstgap/firstgap/harness/failure/why"
	"github.com/firstgap/firstgap/harness/judge"
	"github.com/firstgap/firstgap/impl/node"
	"github.com/firstgap/firstgap/linearizability"
	"github.com/firstgap/firstgap/spec/check"
	"github.com/firstgap/firstgap/spec/volume"

	_ "github.com/firstgap/firstgap/harness/internal/runflags"
)

func written(t *testing.T, p *Page) string {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, p.Write(&b))
	require.LessOrEqual(t, b.Len(), MostBytes)
	return b.String()
}

// data returns the film that a page holds.
func data(t *testing.T, page string) columns {
	t.Helper()
	root, err := html.Parse(strings.NewReader(page))
	require.NoError(t, err)
	var c columns
	found := false
	for n := range root.Descendants() {
		if n.Type == html.ElementNode && n.Data == "script" && slices.ContainsFunc(n.Attr, func(a html.Attribute) bool { return a.Key == "id" && a.Val == "data" }) {
			require.NoError(t, json.Unmarshal([]byte(n.FirstChild.Data), &c))
			found = true
		}
	}
	require.True(t, found, "the page has no film")
	return c
}

// A row may hold what ends a script, a comment or an attribute: a page shows it, and does nothing of what it says.
func TestWhatARowHoldsBreaksNothing(t *testing.T) {
	const evil = `</script><script>bad()</script><!-- "' onload=bad() ` + "\u2028 \xff"
	f, x := long(60)
	f.Moments[10].Words, f.Lanes[0].Name, f.States[0].Value = evil, evil, evil
	f.Grid.Rows[0].Words, f.Bands = evil, append(f.Bands, Band{0, 1, 5, "fault", evil})
	x.What.Headline, x.What.Rule.Text, x.What.Allowed = evil, evil, []string{evil}
	x.What.Chain[0].Words, x.What.Beliefs[0].Holds, x.Faults[0].Fault, x.Curve.Jump.Line = evil, evil, evil, evil
	p := &Page{film: f, why: x, Again: []string{evil}}
	text := written(t, p)
	root, err := html.Parse(strings.NewReader(text))
	require.NoError(t, err)
	scripts := 0
	for n := range root.Descendants() {
		if n.Type == html.ElementNode && n.Data == "script" {
			scripts++
		}
		require.NotEqual(t, html.CommentNode, n.Type, "%s", n.Data)
		for _, a := range n.Attr {
			require.NotEqual(t, "onload", a.Key)
		}
	}
	require.Equal(t, 2, scripts, "the film and the program")
	require.Contains(t, data(t, text).Strings, strings.ToValidUTF8(evil, "�"))
	w := open(t, p, 1280, "light")
	require.Contains(t, eval[string](w, `document.querySelector("h1").textContent`), "<script>bad()</script>")
	w.quiet()
}

// A page has a bound, and says what it has no room for. What the explanation names is never among it.
func TestWhatHasNoRoomIsLeftOut(t *testing.T) {
	f, x := long(20_000)
	for i := range f.Moments {
		f.Moments[i].Words += strings.Repeat(" and more", 10) + strconv.Itoa(i)
	}
	p := &Page{film: f, why: x}
	text := written(t, p)
	c := data(t, text)
	require.Less(t, len(c.N), 20_000)
	require.Greater(t, len(c.N), 3000)
	require.Contains(t, text, fmt.Sprintf("%d of 20000 events, those that matter least and are farthest from the chain", 20_000-len(c.N)))
	require.Equal(t, 20_000, c.Of)
	var shown []uint64
	n := uint64(0)
	for i, d := range c.N {
		n += d
		shown = append(shown, n)
		if _, is := slices.BinarySearchFunc(x.What.Chain, n, func(l why.Link, n uint64) int { return int(l.Event) - int(n) }); is {
			require.NotEqual(t, 0, c.Words[i], "the words of event %d of the chain", n)
		}
	}
	for _, l := range x.What.Chain {
		require.Contains(t, shown, l.Event)
	}
	require.NotContains(t, written(t, longPage(300)), "Left out")

	// What stands above the film has bounds of its own.
	for range 10_000 {
		x.What.Beliefs = append(x.What.Beliefs, why.Belief{Node: "segment", Holds: strings.Repeat("x", 1000)})
		x.Faults = append(x.Faults, x.Faults[0])
		x.Curve.Points = append(x.Curve.Points, x.Curve.Points[0])
	}
	x.What.Finding.Found = strings.Repeat("x", 1<<20)
	written(t, p)
}

// weak returns a run of the log whose quorums do not overlap, and as which target it fails.
func weak(t *testing.T) *why.Explanation {
	t.Helper()
	for seed := uint64(1); seed <= 100; seed++ {
		c, err := aurora.Generate(seed, harness.Generation{})
		require.NoError(t, err)
		c.Volume.WriteQuorum, c.Volume.ReadQuorum, c.Plan.BeyondBudget = 1, 1, true
		r := harness.Run(aurora.System(), c.Whole())
		target, fails := failure.TargetOf(r.Findings)
		if !fails || target.Check != "trace" {
			continue
		}
		w, err := why.Of(aurora.System(), c.Whole(), target)
		require.NoError(t, err)
		return &why.Explanation{Configuration: c.Whole(), What: *w}
	}
	require.FailNow(t, "no run of 100 with quorums of one fails by its trace")
	return nil
}

func TestARealFailure(t *testing.T) {
	x := weak(t)
	p, err := Of(aurora.System(), x)
	require.NoError(t, err)
	text := written(t, p)
	c := data(t, text)
	require.Equal(t, x.What.Bad.Event, c.Bad)
	require.NotNil(t, c.Grid)
	require.NotEmpty(t, c.Grid.CellN)
	require.NotEmpty(t, c.States.N)
	require.NotEmpty(t, c.Model.N)
	zones := map[string]bool{}
	for _, l := range c.Lanes {
		if l[1] == "segment" {
			zones[l[2]] = true
		}
	}
	require.Greater(t, len(zones), 1, "the segments' zones: %v", c.Lanes)
	require.Equal(t, "client", c.Lanes[0][1], "clients come first")
	w := open(t, p, 1280, "dark")
	require.Equal(t, int(x.What.Bad.Event), w.now())
	require.Empty(t, w.overflows())
	require.Empty(t, w.unreadable())
	require.Empty(t, w.mute())
	require.Contains(t, eval[string](w, `document.getElementById("grid-says").textContent`), "LSN")
	w.quiet()
	w = open(t, p, 360, "light")
	require.Empty(t, w.overflows())
	w.quiet()

	// The same run draws the same page.
	again, err := Of(aurora.System(), x)
	require.NoError(t, err)
	require.Equal(t, text, written(t, again))
	// The name of a planted bug is left out for whoever is to find it.
	x.Configuration.Bug = "bugOfATest"
	require.Contains(t, written(t, p), "planted bug bugOfATest")
	p.Blind = true
	require.NotContains(t, written(t, p), "bugOfATest")
}

// What the ledger adds up is what the nodes hold: at the end of runs without a mistake each live segment's SCL is the ledger's, and the
// newest writer's VDL.
func TestTheLedgerHasWhatTheNodesHave(t *testing.T) {
	compared, phases := 0, map[string]int{}
	for seed := uint64(1); seed <= 6; seed++ {
		c, err := aurora.Generate(seed, harness.Generation{})
		require.NoError(t, err)
		cam, result, err := shoot(aurora.System(), &why.Explanation{Configuration: c.Whole()})
		require.NoError(t, err)
		require.Equal(t, judge.Pass, result.Verdict)
		says, has := lastOf(&cam.film, cam.film.States), lastOf(&cam.film, cam.film.Model)
		for lane, l := range cam.film.Lanes {
			s := says[lane]
			if l.Kind != "segment" || s["up"] == "down" || s["damaged"] != "" || s["SCL"] == "" {
				continue
			}
			compared++
			require.Equal(t, s["SCL"], has[lane]["SCL"], "seed %d, %s", seed, l.Name)
			require.Equal(t, s["promise"], has[lane]["promise"], "seed %d, %s", seed, l.Name)
			require.Equal(t, s["line"], has[lane]["line"], "seed %d, %s", seed, l.Name)
		}
		for lane, l := range cam.film.Lanes {
			if l.Kind == "writer" && says[lane]["serves"] == "yes" {
				require.Equal(t, says[lane]["VDL"], has[lane]["VDL"], "seed %d, %s", seed, l.Name)
				require.Equal(t, says[lane]["epoch"], has[lane]["epoch"], "seed %d, %s", seed, l.Name)
				require.Equal(t, says[lane]["is"], has[lane]["is"], "seed %d, %s", seed, l.Name)
				require.Equal(t, "yes", has[lane]["serves"], "seed %d, %s", seed, l.Name)
				phases[has[lane]["is"]]++
			}
		}
	}
	require.Greater(t, compared, 20)
	require.Greater(t, phases["writer, open"], 3)
}

func lastOf(f *Film, states []State) []map[string]string {
	all := make([]map[string]string, len(f.Lanes))
	for i := range all {
		all[i] = map[string]string{}
	}
	for _, s := range states {
		all[s.Lane][s.Field] = s.Value
	}
	return all
}

// A run that no longer fails has no page: it would show what the explanation does not say.
func TestNoPageOfARunThatDoesNotFail(t *testing.T) {
	c, err := aurora.Generate(1, harness.Generation{})
	require.NoError(t, err)
	x := &why.Explanation{Configuration: c.Whole()}
	x.What.Target = failure.Target{Check: "durability", Verdict: judge.Violation}
	_, err = Of(aurora.System(), x)
	var gone *GoneError
	require.ErrorAs(t, err, &gone)
	require.Equal(t, "durability", gone.Expected)
	x.Configuration.Settings = json.RawMessage(`{"no":"such"}`)
	_, err = Of(aurora.System(), x)
	require.Error(t, err)
}

// A counterexample is drawn as a run is: its parts are lanes, and its last step is the bad one.
func TestACounterexample(t *testing.T) {
	var world json.RawMessage
	for _, w := range volume.Subject().Worlds {
		var has struct{ Bug string }
		if json.Unmarshal(w.Constants, &has) == nil && has.Bug == "cut-at-highest" {
			world = w.Constants
		}
	}
	require.NotNil(t, world)
	model, err := volume.Subject().Read(world)
	require.NoError(t, err)
	result, err := check.Search(t.Context(), model, check.Options{Workers: 1})
	require.NoError(t, err)
	b, is := check.Counterexample(model, result)
	require.True(t, is)
	p := OfBehaviour(b)
	c := data(t, written(t, p))
	require.Equal(t, uint64(len(b.Steps)), c.Bad)
	require.Len(t, c.N, len(b.Steps)+1)
	w := open(t, p, 360, "dark")
	require.Equal(t, len(b.Steps), w.now())
	require.Empty(t, w.overflows())
	require.Empty(t, w.unreadable())
	require.Empty(t, w.mute())
	last := b.Steps[len(b.Steps)-1].Changes[0]
	require.Contains(t, eval[string](w, `document.getElementById("panel").textContent`), last.Var+last.To+" (now)")
	w.key("ArrowLeft")
	w.quiet()
}

// A history is drawn as a run is: clients are lanes, and the operation that cannot be is the bad one.
func TestAHistory(t *testing.T) {
	file := filepath.Join(t.TempDir(), "history.log")
	require.NoError(t, os.WriteFile(file, []byte(`:nemesis	:info	:start-partition	"n1 <-> n2"
0	:invoke	:write	[<k> 1]
0	:ok	:write	[<k> 1]
:nemesis	:info	:stop-partition	nil
0	:invoke	:write	[<k> 2]
0	:ok	:write	[<k> 2]
1	:invoke	:write	[other 2]
0	:invoke	:read	[<k> nil]
0	:ok	:read	[<k> 1]
`), 0o644))
	result := linearizability.CheckFile(t.Context(), file, linearizability.Request{Limits: linearizability.FileLimits()})
	picture, err := result.Picture()
	require.NoError(t, err)
	p := OfHistory(picture)
	text := written(t, p)
	require.NotContains(t, text, "<k>", "what was recorded is text and not markup")
	require.Contains(t, text, `<span class="badge illegal">illegal</span>`)
	require.Contains(t, text, "These 3 operations are already contradictory")
	c := data(t, text)
	require.Len(t, c.N, 7, "the begins and ends of four operations, one of which does not end")
	require.Equal(t, uint64(7), c.Bad)
	require.Equal(t, [][]string{{"client 0", "client", ""}, {"client 1", "client", ""}}, c.Lanes)
	kinds := map[string]int{}
	for _, b := range c.Bands {
		kinds[b.Kind]++
	}
	require.Equal(t, map[string]int{"core": 2, "blamed": 1, "operation": 1, "cut": 1}, kinds)
	w := open(t, p, 360, "light")
	require.Equal(t, 7, w.now())
	require.Empty(t, w.overflows())
	require.Empty(t, w.unreadable())
	require.Empty(t, w.mute())
	w = open(t, p, 1280, "dark")
	require.Equal(t, 5, eval[int](w, `document.querySelectorAll("#strip .core, #strip .blamed, #strip .operation, #strip rect.cut").length`), "the fault and the operations")
	w.quiet()
}

func TestNaturalOrder(t *testing.T) {
	names := []string{"segment 10/1", "segment 2/10", "client 2", "segment 2/9", "client 10", "register"}
	slices.SortFunc(names, natural)
	require.Equal(t, []string{"client 2", "client 10", "register", "segment 2/9", "segment 2/10", "segment 10/1"}, names)
}

// What changes at moments that are left out is shown from the next one on that is not, and the last value counts.
func TestChangesMoveToWhatIsShown(t *testing.T) {
	f := &Film{Lanes: []Lane{{Name: "a"}}}
	for n := uint64(1); n <= 4; n++ {
		f.Moments = append(f.Moments, Moment{Number: n, Lane: 0, From: -1, Kind: "trace", Weight: Weight(2 * (n % 2))})
		f.States = append(f.States, State{n, 0, "SCL", strconv.FormatUint(n, 10)})
	}
	f.Grid = &Grid{Columns: []Column{{Lane: 0}}, Rows: []Row{{LSN: 1, From: 1}}, Lines: []Line{{1, "VCL", 1}, {2, "VCL", 2}, {3, "VCL", 3}}}
	var c columns
	require.NoError(t, json.Unmarshal(f.encode([]int{0, 2}, 2, nil, 0), &c))
	require.Equal(t, []uint64{1, 2}, c.N) // 1 and 3
	require.Equal(t, []uint64{1, 2}, c.States.N)
	require.Equal(t, "3", c.Strings[c.States.Value[1]])
	require.Equal(t, []uint64{1, 3}, c.Grid.LineLSN)

	// Neighbours of one group are one cell, though LSNs of another stand between; where one of its own is missing, it ends.
	f.Grid = &Grid{Columns: []Column{{Lane: 0, Group: 1}}}
	for lsn := node.LSN(1); lsn <= 6; lsn++ {
		f.Grid.Rows = append(f.Grid.Rows, Row{LSN: lsn, From: 1, Group: 1 + int(lsn)%2})
		if lsn%2 == 0 && lsn != 4 { // Group 1 has the even ones.
			f.Grid.Cells = append(f.Grid.Cells, Cell{2, 0, lsn, lsn, Holds, 1})
		}
	}
	cells := func() []string {
		var c columns
		require.NoError(t, json.Unmarshal(f.encode([]int{0, 2}, 2, nil, 0), &c))
		var all []string
		for i := range c.Grid.Cell {
			all = append(all, fmt.Sprintf("%d: %d+%d", c.Grid.CellN[i], c.Grid.CellLSN[i], c.Grid.CellTo[i]))
		}
		return all
	}
	require.Equal(t, []string{"3: 2+0", "0: 6+0"}, cells())
	f.Grid.Cells = append(f.Grid.Cells, Cell{3, 0, 4, 4, Holds, 1})
	require.Equal(t, []string{"3: 2+4"}, cells())
	f.Grid.Columns[0].Group = 0
	require.Equal(t, []string{"3: 2+0", "0: 4+0", "0: 6+0"}, cells())
}

// stalled is a run in which a writer waits: it is cut off from a segment, and then comes the ending of every run.
func stalled(t *testing.T) (*camera, *why.Explanation) {
	t.Helper()
	c, err := aurora.Generate(2, harness.Generation{})
	require.NoError(t, err)
	c.Plan.Faults = []faults.Fault{{Kind: faults.Partition, At: faults.Duration(5 * time.Millisecond), For: faults.Duration(2 * time.Millisecond), Nodes: []string{"writer"}, To: []string{"segment 1/1"}}}
	x := &why.Explanation{Configuration: c.Whole()}
	cam, result, err := shoot(aurora.System(), x)
	require.NoError(t, err)
	require.Equal(t, judge.Pass, result.Verdict)
	x.What.Target = failure.Target{Check: "progress", Verdict: judge.CouldNotTell}
	x.What.Waits = []why.Wait{{Node: "writer 1", For: "an answer", Of: "segment 1/2", Since: node.Time(8 * time.Millisecond)}, {Node: "segment 1/1", For: "it", Of: "register", Since: node.Time(6 * time.Millisecond)}}
	return cam, x
}

// The words of an action have its length already, and "for 2ms for 2ms" is what they were.
func TestABandIsAsLongAsItsFault(t *testing.T) {
	cam, _ := stalled(t)
	cuts := 0
	for _, b := range cam.film.Bands {
		if b.Kind != "cut" {
			continue
		}
		cuts++
		require.Equal(t, "partition writer → segment 1/1 for 2ms", b.Words)
		require.GreaterOrEqual(t, cam.film.Moments[b.To-1].At, node.Time(7*time.Millisecond))
		require.Less(t, cam.film.Moments[b.To-2].At, node.Time(7*time.Millisecond))
	}
	require.Equal(t, 2, cuts)
}

func TestTheEndingOfEveryRunIsMarked(t *testing.T) {
	cam, _ := stalled(t)
	f := &cam.film
	require.Equal(t, "ended all faults: from here on comes the ending of every run", f.Moments[f.Ending-1].Words)
	var names []string
	for _, lane := range f.Ends {
		names = append(names, f.Lanes[lane].Name)
	}
	require.Subset(t, names, []string{"prober", "auditor"})
	require.NotContains(t, names, "writer 1")
	require.NotContains(t, names, "client 1")
	of := func(kind, name string) *why.Link {
		for i := range f.Moments {
			if m := &f.Moments[i]; m.Number >= f.Ending && m.Kind == kind && m.Lane >= 0 && f.Lanes[m.Lane].Name == name {
				return &why.Link{Event: m.Number}
			}
		}
		require.FailNow(t, "no "+kind+" of "+name)
		return nil
	}
	require.True(t, f.ofEnding(of("reply", "prober")))
	require.False(t, f.ofEnding(of("trace", "segment 1/1")), "nodes go on as ever")
	require.True(t, f.ofEnding(&why.Link{Event: f.Ending}))
	require.False(t, f.ofEnding(&why.Link{Event: f.Ending - 1}))
	own := of("reply", "prober")
	f.Bad = own.Event
	require.False(t, f.ofEnding(own), "the bad step is never a matter of course")
}

// What is waited for is of no single event; the page opens where the first one began to wait, and its button says so.
func TestAStallOpensWhereTheWaitingBegan(t *testing.T) {
	cam, x := stalled(t)
	cam.mark(x)
	f := &cam.film
	require.Equal(t, "where the waiting began", f.Opens)
	require.GreaterOrEqual(t, f.Moments[f.Start-1].At, node.Time(6*time.Millisecond))
	require.Less(t, f.Moments[f.Start-2].At, node.Time(6*time.Millisecond))
	var named []string
	for _, lane := range f.Named {
		named = append(named, f.Lanes[lane].Name)
	}
	require.ElementsMatch(t, []string{"writer 1", "segment 1/1", "segment 1/2", "register"}, named)
	shown := 0
	for _, m := range f.Moments {
		if m.Kind == "message" && m.Lane >= 0 && f.Lanes[m.Lane].Name == "register" {
			shown++
			require.GreaterOrEqual(t, m.Weight, Struck)
		}
	}
	require.Positive(t, shown)
	w := open(t, &Page{film: f, why: x}, 1280, "light")
	require.Equal(t, int(f.Start), w.now())
	require.Equal(t, "where the waiting began", eval[string](w, `document.getElementById("to-bad").textContent`))
	w.key(kb.End)
	require.NotEqual(t, int(f.Start), w.now())
	w.key("b")
	require.Equal(t, int(f.Start), w.now())
	eval[any](w, `document.getElementById("show").value = "3"; document.getElementById("show").onchange(); null`)
	lanes := eval[string](w, `document.getElementById("names").textContent`)
	require.Contains(t, lanes, "register", "a lane that is named stands there though nothing of it is shown")
	w.quiet()

	x.What.Waits, x.What.Finding.Event = nil, 7
	f.start(x)
	require.Equal(t, []any{uint64(7), "where the check objects"}, []any{f.Start, f.Opens})
	x.What.Finding.Event, x.What.Chain = 0, []why.Link{{Event: 3}, {Event: 5}}
	f.start(x)
	require.Equal(t, []any{uint64(5), "the last of what led there"}, []any{f.Start, f.Opens})
	x.What.Chain = nil
	f.start(x)
	require.Equal(t, []any{uint64(0), ""}, []any{f.Start, f.Opens})
}

// A verdict in the place of what happened hid who had sent what to whom, and put the words of one node on the lane of another.
func TestAVerdictStandsBehindWhatHappened(t *testing.T) {
	f := &Film{Lanes: []Lane{{Name: "client 6"}, {Name: "writer 2"}}, Moments: []Moment{{Number: 1, Lane: 0, From: 1, Kind: "reply", Words: "was answered by writer 2: ok"}}}
	m := &f.Moments[0]
	f.judge(m, &why.Link{Node: "writer 2", Words: "answered client 6 that it is committed"})
	require.Equal(t, "was answered by writer 2: ok ⇒ writer 2 answered client 6 that it is committed", m.Words)
	f.judge(m, &why.Link{Node: "client 6", Words: "was answered by writer 2: ok"})
	f.judge(m, &why.Link{Node: "writer 2", Words: "answered client 6 that it is committed"})
	f.judge(m, &why.Link{Node: "client 6", Words: "must not have been"})
	require.Equal(t, "was answered by writer 2: ok ⇒ writer 2 answered client 6 that it is committed ⇒ must not have been", m.Words)
}

func TestANameIsNotTheBeginningOfAnother(t *testing.T) {
	require.True(t, why.Names("got from segment 1/1 the answer", "segment 1/1"))
	require.True(t, why.Names("segment 1/12 and segment 1/1", "segment 1/1"))
	require.False(t, why.Names("got from segment 1/12 the answer", "segment 1/1"))
	require.False(t, why.Names("writer", "segment 1/1"))
}

// The counts of a page are of different things, and each is said once.
func TestTheEventsAreCounted(t *testing.T) {
	f, x := long(60)
	x.Before.Events, x.After.Events = 12_874, 79
	x.What.Target.Check = "trace"
	require.Equal(t, "It has 79 events to its end; the page shows the 60 up to the step that the model refuses; as recorded it had 12,874.", f.eventsSay(x))
	x.What.Target.Check = "progress"
	require.Equal(t, "It has 60 events, and the page shows them; as recorded it had 12,874.", f.eventsSay(x))
	x.Before.Events = 70
	require.Contains(t, f.eventsSay(x), "Events are not what is made small")
}

// A curve is easily read as if its jump were the mistake.
func TestACurveSaysWhatItTells(t *testing.T) {
	_, x := long(60)
	require.Contains(t, curveSays(x), "can no longer be avoided; that event need not be the mistake, which may lie before")
	x.Curve.Jump.Event = x.What.Bad.Event
	require.Contains(t, curveSays(x), "That is the bad step itself")
	x.Curve.Jump = nil
	require.Contains(t, curveSays(x), "No single event decides.")
	for i := range x.Curve.Points {
		x.Curve.Points[i].Fails = 20
	}
	require.Contains(t, curveSays(x), "It fails whatever chance does")
}
