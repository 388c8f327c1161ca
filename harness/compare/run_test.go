package compare

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/harness/conform"
	_ "github.com/firstgap/firstgap/harness/internal/runflags"
	"github.com/firstgap/firstgap/harness/older"
	"github.com/firstgap/firstgap/impl/node"
)

func TestEveryDesignServes(t *testing.T) {
	for _, d := range Designs(DefaultRegister()) {
		c, err := newCluster(&d, 1)
		require.NoError(t, err)
		clients := c.actors(1, 4)
		for _, cl := range clients {
			cl.more(50, 3)
		}
		require.True(t, c.run(10*time.Second, allFinished(clients)), d.Name)
		for _, cl := range clients {
			require.Equal(t, 50, cl.done, d.Name)
			require.Zero(t, cl.gaveUp, d.Name)
		}
		found := c.audit(clients)
		require.Zero(t, found.unread, d.Name)
		require.Zero(t, found.lost, d.Name)
		require.Zero(t, found.torn, d.Name)
		require.NoError(t, c.Err)
		counts := c.world.Counts()
		require.NotZero(t, counts.DiskBytes)
		c.world.Close()
	}
}

// small is enough for every direction to show.
func small() Options {
	return Options{Seed: 5, Clients: 4, Transactions: 25, Register: DefaultRegister()}
}

// What the sources say that differs does differ, in the direction that they say. The same options give the same report.
func TestEveryDirectionHolds(t *testing.T) {
	r, err := Run(t.Context(), small())
	require.NoError(t, err)
	require.Len(t, r.Results, len(Designs(DefaultRegister())))
	require.Greater(t, len(r.Claims), 40)
	for _, c := range r.Claims {
		require.True(t, c.Holds, "%s: found %s", c.Claim, c.Found)
	}
	require.EqualValues(t, "pass", r.Verdict())
	for _, x := range r.Results {
		require.NotZero(t, x.Write.Commits, x.Design)
		require.Equal(t, x.Design == "quorum", x.SingleRow, x.Design)
	}
	first, err := r.JSON()
	require.NoError(t, err)
	again, err := Run(t.Context(), small())
	require.NoError(t, err)
	second, err := again.JSON()
	require.NoError(t, err)
	require.Equal(t, string(first), string(second))

	var text, html bytes.Buffer
	require.NoError(t, r.WriteText(&text))
	for line := range strings.Lines(text.String()) {
		require.LessOrEqual(t, utf8.RuneCountInString(strings.TrimRight(line, "\n")), 100, line)
	}
	require.Regexp(t, `Aurora +27,378,000 +0\.95  35× the transactions`, text.String())
	require.NoError(t, r.WriteHTML(&html))
	page := html.String()
	for _, tag := range []string{"table", "tr", "td", "th", "svg", "text", "div", "h2"} {
		require.Equal(t, strings.Count(page, "</"+tag+">"), strings.Count(page, "<"+tag+">")+strings.Count(page, "<"+tag+" "), tag)
		require.Contains(t, page, "</"+tag+">")
	}
	require.NotContains(t, page, "http", "it needs nothing else")
	require.Equal(t, 3*len(r.Results), strings.Count(page, "<rect"))
	require.NotContains(t, page, "its model objects")

	// What a model objects to is said with what was measured, and is a direction that does not hold.
	objecting := *r
	objecting.Results = slices.Clone(r.Results)
	objecting.of("ebs").Objection = &Objection{In: "healthy", Rule: "ChainOrder", Why: "what a copy answers, all before it have", Text: "all of it"}
	objecting.Claims = objecting.claims()
	require.EqualValues(t, "violation", objecting.Verdict())
	html.Reset()
	require.NoError(t, objecting.WriteHTML(&html))
	require.Contains(t, html.String(), "ebs, healthy: its model objects by <b>ChainOrder</b>")
	text.Reset()
	require.NoError(t, objecting.WriteText(&text))
	require.Contains(t, text.String(), "ebs, healthy: its model objects by ChainOrder:\n  what a copy answers, all before it have\n")

	// A direction that does not hold is a violation, and is named.
	aurora := r.of("aurora")
	aurora.Write.Bytes = r.of("rds").Write.Bytes + 1
	r.of("local").Survivals[DiskLost-1].Lost = 0
	r.Claims = r.claims()
	require.EqualValues(t, "violation", r.Verdict())
	text.Reset()
	require.NoError(t, r.WriteText(&text))
	require.Contains(t, text.String(), "does not hold: Aurora with six copies takes fewer bytes than mirrored MySQL with four")
	require.Contains(t, text.String(), "does not hold: local: with the disk goes everything")
	// And a report without any figures claims nothing.
	for _, c := range (&Report{}).claims() {
		require.False(t, c.Holds, c.Claim)
	}
}

func TestOptionsThatMakeNoSense(t *testing.T) {
	for _, o := range []Options{{Clients: 0, Transactions: 100}, {Clients: MaxClients + 1, Transactions: 100}, {Clients: 1, Transactions: 19}, {Clients: 1, Transactions: 10_001}} {
		_, err := Run(t.Context(), o)
		var bad *OptionError
		require.ErrorAs(t, err, &bad)
		require.Contains(t, bad.Error(), "expected ")
	}
}

// A design whose model objects, and whose world breaks as well, has not been measured: only an objection by itself stands in
// a report, beside what was measured.
func TestAnObjectionHidesNoOtherFailure(t *testing.T) {
	broken := errors.New("the world is broken")
	d := Designs(Register{older.Register{N: 3, R: 1, W: 1, ReadRepair: true}})[4]
	right := d.build
	d.build = func(c *cluster) {
		right(c)
		c.world.At(node.Time(200*time.Millisecond), "break", func() { c.Err = errors.Join(c.Err, broken) })
	}
	_, err := measure(&d, small())
	var failed *RunError
	require.ErrorAs(t, err, &failed)
	require.ErrorIs(t, err, broken)
	var refused *conform.Violation
	require.ErrorAs(t, err, &refused)
}
