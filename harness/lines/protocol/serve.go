package protocol

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"

	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/runtime"
	"github.com/firstgap/firstgap/impl/node"
)

// namedTimers is up to which number timers are asked for their names: those of a node are few, and begin at 0 or 1.
const namedTimers = 64

// Serve is a program's side of the protocol for a node in Go: it reads hello, makes the node, and answers an event after the other until
// in ends. What it reads comes from the harness, so it takes lines of any length up to the wire's limit.
func Serve(maker Maker, in io.Reader, out io.Writer) error {
	s := &server{in: bufio.NewReaderSize(in, 64<<10), out: out}
	line, err := s.read()
	if err != nil {
		return fmt.Errorf("expected hello: %w", err)
	}
	var g greeting
	if err := greetings.DecodeJSON(line, &g); err != nil {
		return fmt.Errorf("hello: %w", err)
	}
	if g.Firstgap == nil || *g.Firstgap != Version || g.Wire == nil || *g.Wire != node.WireVersion || g.Hello == nil {
		return fmt.Errorf("hello: expected firstgap %d with wire %d, found %s", Version, node.WireVersion, line)
	}
	n, err := s.make(maker, g.Hello)
	if err != nil {
		return err
	}
	if stops, is := n.(runtime.Stopper); is {
		defer stops.Stop()
	}
	for {
		line, err := s.read()
		if err == io.EOF {
			return nil
		}
		if err == nil {
			err = s.answer(n, line)
		}
		if err != nil {
			return err
		}
	}
}

type server struct {
	in   *bufio.Reader
	out  io.Writer
	line []byte // read, where it is longer than the buffer
	text []byte // written
	tell node.Effects
	told *node.State
}

// read returns a line, which is valid until the next. io.EOF is the end between two lines.
func (s *server) read() ([]byte, error) {
	s.line = s.line[:0]
	for {
		part, err := s.in.ReadSlice('\n')
		switch {
		case err == nil && len(s.line) == 0:
			return part[:len(part)-1], nil
		case err != nil && err != bufio.ErrBufferFull:
			if err == io.EOF && len(s.line)+len(part) > 0 {
				err = io.ErrUnexpectedEOF
			}
			return nil, err
		}
		if s.line = append(s.line, part...); len(s.line) > node.WireLimit {
			return nil, fmt.Errorf("expected a line of at most %d bytes, found more", node.WireLimit)
		}
		if err == nil {
			return s.line[:len(s.line)-1], nil
		}
	}
}

// make makes the node and answers hello.
func (s *server) make(maker Maker, h *hello) (node.Node, error) {
	p := Place{Role: Role(h.Role), ID: h.ID, Members: h.Members, Volume: h.Volume, Hook: node.PlantedHook(h.Bug)}
	if h.Index != nil {
		p.Index = *h.Index
	}
	if h.Seed != nil {
		p.Seed = *h.Seed
	}
	if h.Nodes != nil {
		p.Nodes = h.Nodes.aurora()
	}
	harness.HasPoints() // switches on those of this build, so that nodes ask their hooks for planted bugs
	n := maker(p)
	if n == nil {
		return nil, fmt.Errorf("hello: no node here has the role %q at that place", h.Role)
	}
	w := welcome{Firstgap: Version, Timers: map[string]string{}}
	if names, is := n.(node.TimerNamer); is {
		for t := range node.Timer(namedTimers) {
			if name := names.TimerName(t); name != "" {
				w.Timers[strconv.FormatUint(uint64(t), 10)] = name
			}
		}
	}
	text, err := json.Marshal(w)
	if err == nil {
		_, err = s.out.Write(append(text, '\n'))
	}
	return n, err
}

// answer has the node take an event, and writes what it wants done.
func (s *server) answer(n node.Node, line []byte) error {
	var h happening
	if err := happenings.DecodeDamagedJSON(line, &h); err != nil {
		return fmt.Errorf("an event: %w", err)
	}
	if h.Now == nil || h.Event == nil {
		return fmt.Errorf("an event: expected the keys \"now\" and \"event\", found %s", line)
	}
	s.tell.Reset()
	n.Step(*h.Now, *h.Event, &s.tell)
	a := answer{Effects: &s.tell.List, Trace: s.tell.Trace}
	if t, tells := n.(node.Teller); tells {
		if now := t.State(); s.told == nil || !same(&now, s.told) {
			a.State, s.told = &now, &now
		}
	}
	text, err := answers.AppendJSON(s.text[:0], &a)
	if err != nil {
		return fmt.Errorf("an answer: %w", err)
	}
	s.text = append(text, '\n')
	_, err = s.out.Write(s.text)
	return err
}

// same tells whether two states are the same.
func same(a, b *node.State) bool {
	type plain struct {
		role, phase                     string
		epoch, promise, line            node.Epoch
		vdl, end, scl, floor            node.LSN
		serving, damaged, dead, deposed bool
	}
	of := func(s *node.State) plain {
		return plain{s.Role, s.Phase, s.Epoch, s.Promise, s.Line, s.VDL, s.End, s.SCL, s.Floor, s.Serving, s.Damaged, s.Dead, s.Deposed}
	}
	return of(a) == of(b) && slices.Equal(a.Counters, b.Counters) && slices.Equal(a.Lags, b.Lags)
}
