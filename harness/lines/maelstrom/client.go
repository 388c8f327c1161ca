package maelstrom

import (
	"fmt"
	"time"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness/runtime"
	"github.com/firstgap/firstgap/harness/workload"
	"github.com/firstgap/firstgap/impl/node"
)

// A crowd is the clients of one run: the calls of one session.
type crowd struct {
	place    *place
	settings *Settings
	session  Session
	calls    []*Call
	ends     map[*Call]uint64 // the numbers of the events by which they ended
	noted    func() uint64    // the number of the last event
	begun    []workload.Begun
	setups   int // clients that have not set their node up yet
	// refusedSetup is the call by which a node refused to be set up, nil: none.
	refusedSetup *Call
	stopped      bool
	finals       []*client // once the faults have ended for good
	served       uint64    // calls whose answer showed that a node serves
}

// A client makes calls, one at a time, of one node.
type client struct {
	crowd *crowd
	index int // of the session
	name  string
	home  node.ID
	node  string
	seed  uint64

	setup  []Body // that are left
	final  bool   // it makes the calls after the faults
	done   bool   // it has made all of these
	making bool   // it makes calls of the workload

	made    int // times that the session was asked
	pick    workload.Pick
	held    bool
	request uint64 // the last number of a call
	waiting bool
	call    *Call // the one under way
}

// Timers of a client.
const (
	thinkTimer    node.Timer = 1
	deadlineTimer node.Timer = 2
)

// setupEvery is how often a client looks whether the others have set their nodes up.
const setupEvery = 5 * time.Millisecond

// setupTimeout is how long a client waits at least for an answer to what it sets its node up by, where a start takes time.
const setupTimeout = 10 * time.Second

// Start implements runtime.Actor.
func (c *client) Start(now node.Time, out *runtime.Calls) {
	c.redraw(out)
	switch {
	case c.final:
		out.SetTimer(thinkTimer, max(time.Duration(c.crowd.settings.Recovery), 1))
	case len(c.setup) > 0:
		c.ask(now, c.setup[0], out)
	default:
		c.crowd.setups--
		out.SetTimer(thinkTimer, setupEvery)
	}
}

// redraw has what the client has not begun be drawn from another seed.
func (c *client) redraw(out *runtime.Calls) {
	if out.Redrawn != 0 {
		c.seed = out.Redrawn
	}
}

// Timer implements runtime.Actor.
func (c *client) Timer(now node.Time, t node.Timer, out *runtime.Calls) {
	c.redraw(out)
	switch {
	case t == deadlineTimer && c.waiting:
		c.end(now, nil, out)
	case t == thinkTimer && !c.waiting:
		c.next(now, out)
	}
}

// Reply implements runtime.Actor. An answer to a call that was given up says nothing any more, as with Maelstrom's clients.
func (c *client) Reply(now node.Time, _ node.ID, r node.Reply, out *runtime.Calls) {
	c.redraw(out)
	if !c.waiting || r.ID != c.request {
		return
	}
	body, err := decode([]byte(r.Value.Bytes))
	if err != nil {
		panic(fmt.Sprintf("maelstrom: an answer that was sent is none: %v", err)) // it was looked at when it was sent
	}
	out.ClearTimer(deadlineTimer)
	c.end(now, body, out)
}

// next makes the next call.
func (c *client) next(now node.Time, out *runtime.Calls) {
	s := c.crowd
	switch {
	case c.final:
		body := s.session.Final(c.index)
		if body == nil {
			c.done = true
			return
		}
		c.ask(now, body, out)
		return
	case s.stopped || s.refusedSetup != nil:
		return
	case len(c.setup) > 0:
		c.ask(now, c.setup[0], out)
		return
	case s.setups > 0:
		out.SetTimer(thinkTimer, setupEvery)
		return
	case !c.making:
		c.making = true
		c.think(out)
		return
	}
	for picked := c.held; !picked; {
		if !s.settings.more(c.index+1, c.made) {
			return
		}
		c.made++
		if c.pick, picked = s.settings.Only.Of(c.index+1, c.made); !picked {
			// What it would have asked for is left out, and what comes then is as it was.
			if body := s.session.Next(c.index, c.draw()); body != nil {
				s.session.Answered(&Call{Client: c.index, Node: c.node, Invoked: now, Returned: now, Request: body, Outcome: Failed, Code: codeUnavailable})
			}
		}
	}
	wait := c.pick.Wait(now)
	if c.held = wait > 0; c.held {
		out.SetTimer(thinkTimer, wait)
		return
	}
	body := s.session.Next(c.index, c.draw())
	if body == nil {
		c.think(out)
		return
	}
	s.begun = append(s.begun, c.pick.Begun(now, 1))
	c.ask(now, body, out)
}

// draw returns draws that hang on the seed, the client and the number of the call alone: a call that is left out changes no other.
func (c *client) draw() func(n int) int {
	asked := uint64(0)
	seed := c.seed ^ uint64(c.index+1)<<48 ^ uint64(c.made)<<16
	return func(n int) int {
		asked++
		return below(seed, asked, n)
	}
}

// think waits as long as clients do between two calls: from nothing to twice the mean.
func (c *client) think(out *runtime.Calls) {
	mean := float64(time.Second) * float64(c.crowd.settings.Clients) / c.crowd.settings.Rate
	const parts = 1 << 16
	out.SetTimer(thinkTimer, max(1, time.Duration(2*mean*float64(below(c.seed^uint64(c.index+1)<<48, uint64(c.made), parts))/parts)))
}

// ask makes a call.
func (c *client) ask(now node.Time, body Body, out *runtime.Calls) {
	s := c.crowd
	c.request++
	s.place.asked[c.name] = c.request
	c.call = &Call{Client: c.index, Node: c.node, Invoked: now, Request: body, Setup: len(c.setup) > 0, Final: c.final}
	s.calls = append(s.calls, c.call)
	c.waiting = true
	kind, _ := body["type"].(string)
	timeout := time.Duration(s.settings.Timeout)
	if c.call.Setup && s.settings.Clock == Wall {
		timeout = max(timeout, setupTimeout) // the program may be starting still
	}
	out.SetTimer(deadlineTimer, timeout)
	out.Request(c.home, node.Request{ID: c.request, Op: node.OpCall, Rows: []node.Row{{Key: kind, Value: node.Some(string(encode(with(body, "msg_id", c.request))))}}})
}

// end ends the call under way, by its answer, or by none in time.
func (c *client) end(now node.Time, reply Body, out *runtime.Calls) {
	s, call := c.crowd, c.call
	c.waiting = false
	call.Returned, call.Reply = now, reply
	s.ends[call] = s.noted()
	if reply != nil {
		call.Outcome, call.Code = ended(reply)
		if serves(call.Outcome, call.Code) && !call.Setup {
			s.served++
		}
	}
	s.session.Answered(call)
	switch {
	case c.final:
		c.next(now, out)
	case len(c.setup) > 0 && call.Outcome == Failed:
		s.refusedSetup = call
	case len(c.setup) > 0:
		if call.Outcome == OK {
			c.setup = c.setup[1:]
		}
		if len(c.setup) == 0 {
			s.setups--
		}
		out.SetTimer(thinkTimer, setupEvery)
	default:
		c.held = false
		c.think(out)
	}
}

// idle tells whether a client waits for nothing and will ask for nothing more.
func (c *client) idle() bool {
	s := c.crowd
	return !c.waiting && (s.stopped || s.refusedSetup != nil || c.making && !s.settings.more(c.index+1, c.made))
}

// more tells whether a client has calls left behind so many, which begin with 1.
func (s *Settings) more(client, made int) bool {
	if s.Only == nil {
		return true
	}
	for _, p := range s.Only {
		if p.Client == client && p.Number > made {
			return true
		}
	}
	return false
}

// nameOf is the name of a client as plans have it, from 1 on.
func nameOf(number int) string { return faults.Node{Role: faults.Client, Index: number}.String() }
