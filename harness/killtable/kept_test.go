package killtable_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/configuration"
	"github.com/firstgap/firstgap/harness/judge"
	"github.com/firstgap/firstgap/harness/killtable"
	"github.com/firstgap/firstgap/harness/workload"
	"github.com/firstgap/firstgap/impl/node"
)

const (
	keptFile = "testdata/aurora.json"
	docsFile = "../../docs/ci.md"
	// What is between them in the page is made of the kept table.
	docsBegin = "<!-- the kill table begins -->\n```\n"
	docsEnd   = "```\n<!-- the kill table ends -->\n"
)

// neverAlone are checks that can find no bug alone, and why.
var neverAlone = map[judge.Check]string{
	faults.Activity:        "it looks at a campaign, and no run of one is objected to",
	faults.Linearizability: "our own system's clients run transactions; in a system of single calls it finds a stale read alone",
}

func readFile(t *testing.T, name string) []byte {
	b, err := os.ReadFile(name)
	require.NoError(t, err)
	return b
}

// written returns the page with the table in its place.
func written(t *testing.T, page string, l *killtable.Last) string {
	before, rest, begins := strings.Cut(page, docsBegin)
	_, after, ends := strings.Cut(rest, docsEnd)
	require.True(t, begins && ends, "%s: expected the marks of the kill table, found none", docsFile)
	var b strings.Builder
	require.NoError(t, l.WriteText(&b))
	return before + docsBegin + b.String() + docsEnd + after
}

// write writes the table anew, and the page.
func write(t *testing.T, l *killtable.Last) {
	b, err := l.Encode()
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(keptFile, b, 0o644))
	require.NoError(t, os.WriteFile(docsFile, []byte(written(t, string(readFile(t, docsFile)), l)), 0o644))
}

// The table of docs/ci.md is the one that is kept, and that has a line for every planted bug.
func TestTheKeptTableIsThatOfThePage(t *testing.T) {
	l, err := killtable.ReadLast(readFile(t, keptFile))
	require.NoError(t, err)
	page := string(readFile(t, docsFile))
	require.Equal(t, written(t, page, l), page, "expected the table of %s; write both anew with -firstgap.update", keptFile)
	var kept, planted []string
	for _, x := range l.Bugs {
		kept = append(kept, x.Bug)
	}
	for _, b := range faults.PlantedBugs() {
		planted = append(planted, b.Name)
	}
	require.Equal(t, planted, kept)
	require.Contains(t, page, fmt.Sprintf("with %d planted bugs", len(planted)))
	for c, why := range neverAlone {
		require.Contains(t, page, string(c)+": "+why, "the page says why a check finds no bug alone")
	}
}

// A cold register keeps rows in memory. With the planted bug its first reads answer with what a row held before its last write.
type cold struct {
	hook   node.Hook
	rows   map[string]node.Value
	before map[string]node.Value
	reads  int
}

func (r *cold) Step(_ node.Time, ev node.Event, out *node.Effects) {
	if ev.Kind != node.Requested {
		return
	}
	row := ev.Request.Rows[0]
	if ev.Request.Op == node.OpWrite {
		r.before[row.Key], r.rows[row.Key] = r.rows[row.Key], row.Value
	} else {
		r.reads++
	}
	value := r.rows[row.Key]
	if r.reads < 20 && r.hook.Planted("cold-cache") {
		value = r.before[row.Key]
	}
	out.Respond(ev.From, node.Reply{ID: ev.Request.ID, Op: ev.Request.Op, Status: node.OK, Value: value})
}

// Our own system gives no history of single calls, so that the check of them has to find something alone elsewhere.
func TestLinearizabilityFindsABugAlone(t *testing.T) {
	system := harness.Replicas{
		Name: "cold", Count: 1, Mix: workload.Registers(),
		Bugs: []faults.PlantedBug{{Name: "cold-cache", Rule: "a read answers with the last write", Expect: []faults.Check{faults.Linearizability}}},
		New: func(p harness.Place) node.Node {
			return &cold{hook: p.Hook, rows: map[string]node.Value{}, before: map[string]node.Value{}}
		},
	}.System()
	table, err := killtable.Run(t.Context(), killtable.Options{System: system, Trials: 5, Limit: 20})
	require.NoError(t, err)
	require.Empty(t, table.Rows[0].Problem)
	alone, searches := table.Rows[0].Alone()
	require.Equal(t, faults.Linearizability, alone)
	require.Equal(t, 5, searches)
}

// What ended a search the last time ends it again, and is all that is made of it. Where the run has changed so that no check objects
// to it any more, the search is made from its beginning; and a table written anew is that of whole searches.
func TestASearchIsHeldAgainstItsLastRun(t *testing.T) {
	generated := 0
	system := seldom{System: harness.Replicas{
		Name: "register", Count: 1, Mix: workload.Registers(),
		Bugs: []faults.PlantedBug{{Name: "forgets-writes", Rule: "what was acknowledged is kept", Expect: []faults.Check{faults.Linearizability}}},
		New:  func(p harness.Place) node.Node { return &register{hook: p.Hook, rows: map[string]node.Value{}} },
	}.System(), generated: &generated}
	options := killtable.Options{System: &system, Trials: 2, Limit: 50, Workers: 1}
	whole, err := killtable.Run(t.Context(), options)
	require.NoError(t, err)
	require.Empty(t, whole.Rows[0].Problem)
	last := whole.Keep()
	made := last.Bugs[0].Searches[0].Runs + last.Bugs[0].Searches[1].Runs
	require.Greater(t, made, 2, "one search at least takes several runs")
	require.Equal(t, made, generated)

	generated, options.Last, options.Again = 0, last, true
	again, err := killtable.Run(t.Context(), options)
	require.NoError(t, err)
	require.Equal(t, 2, generated)
	require.Equal(t, last, again.Keep())

	// The system has changed: what the last table says was found by then is none of its runs' doing.
	generated, options.Last = 0, &killtable.Last{Bugs: []killtable.Line{{Bug: "forgets-writes", Searches: []killtable.Find{{Runs: made + 1}, {}}}}}
	system.passes = 1_000_000 + uint64(made)
	changed, err := killtable.Run(t.Context(), options)
	require.NoError(t, err)
	require.Equal(t, made+1, generated)
	require.Equal(t, last.Bugs[0].Searches, changed.Keep().Bugs[0].Searches)
}

// seldom is a system that plants its bug in one of four runs.
type seldom struct {
	harness.System
	generated *int
	passes    uint64 // the seed of another run without the bug
}

func (s *seldom) Generate(seed uint64, g harness.Generation) (configuration.Configuration, error) {
	*s.generated++
	if seed%4 != 3 || seed == s.passes {
		g.Bug = ""
	}
	return s.System.Generate(seed, g)
}
