package maelstrom

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/impl/node"
)

// A reference is a correct system in one piece: it answers each request at one moment. An answer of the type error is a
// definite one.
type reference interface {
	answer(node string, request Body) Body
}

// A driven run is a session against a reference, with requests that overlap, fail, and have unknown outcomes.
type driven struct {
	p       Parameters
	session Session
	system  reference
	rng     *rand.Rand
	calls   []Call
	now     node.Time
	open    []opened
	late    []opened // requests that were given up and are carried out later
	faults  bool
}

type opened struct {
	call    int // -1 for an idle client
	reply   Body
	fate    fate
	carried bool
}

type fate int

const (
	answered fate = iota
	refused
	lostBefore
	lostAfter
	lostLate
)

func drive(t *testing.T, w Workload, p Parameters, system reference, seed uint64, requests int, faults bool) []Call {
	t.Helper()
	session, err := w.Begin(p)
	require.NoError(t, err)
	if p.Clients == 0 {
		p.Clients = len(p.Nodes)
	}
	d := &driven{p: p, session: session, system: system, rng: rand.New(rand.NewPCG(seed, 1)), open: make([]opened, p.Clients), faults: faults}
	for c := range d.open {
		d.open[c].call = -1
		for _, body := range session.Setup(c) {
			d.invoke(c, body)
			d.calls[len(d.calls)-1].Setup = true
			d.open[c].fate = answered
			d.advance(c)
			d.advance(c)
		}
	}
	for len(d.calls) < requests {
		before := len(d.calls)
		for range 10 * p.Clients {
			d.step(d.rng.IntN(p.Clients), true)
		}
		require.Greater(t, len(d.calls), before, "the session asks for nothing any more")
	}
	for c := range d.open {
		for d.open[c].call >= 0 {
			d.advance(c)
		}
	}
	for _, o := range d.late {
		d.system.answer(d.calls[o.call].Node, d.calls[o.call].Request)
	}
	d.late = nil
	d.faults = false
	for c := range d.open {
		for n := 0; ; n++ {
			body := session.Final(c)
			if body == nil {
				break
			}
			require.Less(t, n, 10_000, "the final requests have no end")
			d.invoke(c, body)
			d.calls[len(d.calls)-1].Final = true
			d.advance(c)
			d.advance(c)
		}
	}
	return d.calls
}

func (d *driven) step(c int, ask bool) {
	if len(d.late) > 0 && d.rng.IntN(20) == 0 {
		i := d.rng.IntN(len(d.late))
		o := d.late[i]
		d.late = append(d.late[:i], d.late[i+1:]...)
		d.system.answer(d.calls[o.call].Node, d.calls[o.call].Request)
	}
	if d.open[c].call >= 0 {
		d.advance(c)
	} else if body := d.session.Next(c, d.rng.IntN); body != nil && ask {
		d.invoke(c, body)
	}
}

func (d *driven) invoke(c int, body Body) {
	d.now++
	d.open[c] = opened{call: len(d.calls)}
	if d.faults {
		switch d.rng.IntN(40) {
		case 0, 1:
			d.open[c].fate = refused
		case 2:
			d.open[c].fate = lostBefore
		case 3:
			d.open[c].fate = lostAfter
		case 4:
			d.open[c].fate = lostLate
		}
	}
	d.calls = append(d.calls, Call{Client: c, Node: d.p.Nodes[c%len(d.p.Nodes)], Invoked: d.now, Request: parsed(body)})
}

// advance carries a request out, or else returns its answer.
func (d *driven) advance(c int) {
	o := &d.open[c]
	call := &d.calls[o.call]
	d.now++
	if !o.carried {
		o.carried = true
		if o.fate == answered || o.fate == lostAfter {
			o.reply = d.system.answer(call.Node, call.Request)
		}
		return
	}
	call.Returned = d.now
	switch o.fate {
	case answered:
		call.Reply = parsed(o.reply)
		call.Outcome = OK
		if call.Reply["type"] == "error" {
			n, _ := integer(call.Reply["code"])
			call.Outcome, call.Code = Failed, int(n)
		}
	case refused:
		call.Outcome, call.Code, call.Reply = Failed, 11, Body{"type": "error", "code": number(11)}
	case lostLate:
		d.late = append(d.late, *o)
	}
	*o = opened{call: -1}
	d.session.Answered(call)
}

// parsed is the body as it comes out of a line.
func parsed(b Body) Body {
	raw, err := json.Marshal(b)
	if err != nil {
		panic(err)
	}
	var out Body
	if err := unmarshal(raw, &out); err != nil {
		panic(err)
	}
	return out
}

func copied(calls []Call) []Call {
	out := make([]Call, len(calls))
	for i, c := range calls {
		out[i] = c
		out[i].Request = parsed(c.Request)
		if c.Reply != nil {
			out[i].Reply = parsed(c.Reply)
		}
	}
	return out
}

// rules are the names of the problems, each once, those undecided with a question mark.
func rules(problems []Problem) []string {
	var out []string
	seen := map[string]bool{}
	for _, p := range problems {
		name := p.Rule
		if p.Undecided {
			name += "?"
		}
		if !seen[name] {
			seen[name] = true
			out = append(out, name)
		}
	}
	return out
}

// wellFormed holds problems against what every problem has to have.
func wellFormed(t *testing.T, calls []Call, problems []Problem) {
	t.Helper()
	for _, p := range problems {
		require.NotEmpty(t, p.Rule)
		require.NotEmpty(t, p.Says)
		require.NotContains(t, p.Says, "%!", p.Rule)
		if p.Rule != NothingAnswered {
			require.NotEmpty(t, p.Calls, "%s: %s", p.Rule, p.Says)
		}
		for _, c := range p.Calls {
			require.Less(t, c, len(calls), p.Says)
			require.GreaterOrEqual(t, c, 0, p.Says)
		}
	}
}

var threeNodes = []string{"n1", "n2", "n3"}

// history makes calls from lines such as `c0 1-4 {request} {reply}`; see the tests for its forms.
type line struct {
	client   int
	from, to node.Time
	request  string
	reply    string // "" without one: an unknown outcome; an error's is a definite one
	final    bool
}

func history(t *testing.T, lines ...line) []Call {
	t.Helper()
	var out []Call
	for _, l := range lines {
		c := Call{Client: l.client, Node: fmt.Sprint("n", l.client+1), Invoked: l.from, Returned: l.to, Final: l.final}
		require.NoError(t, unmarshal([]byte(l.request), &c.Request), l.request)
		if l.reply != "" {
			require.NoError(t, unmarshal([]byte(l.reply), &c.Reply), l.reply)
			c.Outcome = OK
			if c.Reply["type"] == "error" {
				n, ok := integer(c.Reply["code"])
				require.True(t, ok)
				c.Outcome, c.Code = Failed, int(n)
			}
		}
		out = append(out, c)
	}
	return out
}

// unmarshal reads JSON with its numbers as they were written.
func unmarshal(raw []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	return d.Decode(into)
}

func contains(text, part string) bool { return strings.Contains(text, part) }
