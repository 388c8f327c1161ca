// Package firstgap speaks firstgap's line protocol, version 1: one JSON object a line, an event in, its effects out. Copy this file into a
// folder firstgap of your module; your main calls Run. A handler says what is to be done by methods of its Process: it is done when the
// handler has returned. Nothing else may reach the outside: no clock, no randomness but from Process.Seed, no goroutines, no files. What fmt
// prints goes to the program's log. Use package impl/node instead when a node in Go is to run in the harness's own process.
package firstgap

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"time"
	"unicode/utf8"
)

type (
	// A Node has a handler for each kind of event. Messages of the volume and requests are the wire's JSON: Decode reads them.
	Node interface {
		OnStart(incarnation int, files []File)          // the first: what the disk holds; incarnation is 1, and one more after each crash
		OnMessage(sender int, kind string, body []byte) // of Send; of the volume: its type and its fields
		OnTimer(timer int)                              // that was set, and has run down
		OnDisk(token int, result string, data []byte)   // the end of a sync, replace or read: "ok", "full", or "failed", as all later ones
		OnRequest(client int, request []byte)           // {"id":3,"op":"write","rows":[{"key":"x","value":{"bytes":"1","exists":true}}]}
	}
	// Text holds bytes, which JSON has as a string where they are valid UTF-8, and as {"base64":"…"} where they are not.
	Text   string
	Fields map[string]any            // of a message, a reply, a step of the trace or a state, by the names that the wire has for them
	File   struct{ Name, Data Text } // on the node's disk
	Hello  struct {                  // where a node runs
		Role          string
		ID, Index     int
		Members       []int           // of its role, or, of a segment, of its group, itself among them
		Seed          json.Number     // above 2^53 integers are decimal strings: json.Number reads both forms
		Volume, Nodes json.RawMessage // of a node of the volume
	}
	Process struct { // the program, as its node sees it
		Hello          `json:"hello"`
		Now            time.Duration  // since the run began
		Timers         map[int]string `json:"-"` // what each is for, in a word, for reports
		effects, trace [][]byte
		state          []byte
		Event          struct { // under way
			Kind, Data                      Text
			Incarnation, From, Timer, Token int
			Files                           []File
			Message                         map[string]json.RawMessage
			Request                         json.RawMessage
		}
	}
)

// Send sends a message to a node of your own kind, SendWire one of the volume: SendWire(7, "appended", Fields{"epoch": 2, "scl": 101}).
func (p *Process) Send(to int, kind string, body any) {
	p.do(`"send","to":%d,"message":{"opaque":{"kind":%q,"bytes":%s}}`, to, kind, text(Encode(body)))
}
func (p *Process) SendWire(to int, kind string, fields any) {
	p.do(`"send","to":%d,"message":{%q:%s}`, to, kind, Encode(fields))
}

// SetTimer has OnTimer called once; setting a timer again moves it. ClearTimer has it not called.
func (p *Process) SetTimer(t int, d time.Duration) { p.do(`"set-timer","timer":%d,"after":%d`, t, d) }
func (p *Process) ClearTimer(t int)                { p.do(`"clear-timer","timer":%d`, t) }

// Append adds data at the end of a file, durable once a later Sync is done; Replace puts it in the place of a file, as a whole, or not at all.
func (p *Process) Append(file string, data []byte) {
	p.do(`"append","file":%q,"data":%s`, file, text(data))
}
func (p *Process) Sync(token int) { p.do(`"sync","token":%d`, token) }
func (p *Process) Replace(file string, data []byte, token int) {
	p.do(`"replace","file":%q,"data":%s,"token":%d`, file, text(data), token)
}
func (p *Process) Read(file string, from, size int, token int) {
	p.do(`"read","file":%q,"from":%d,"size":%d,"token":%d`, file, from, size, token)
}

// Respond answers a request, with Fields{"status": "refused", "reason": "busy"} for example; the status may also be ok, aborted, unknown.
func (p *Process) Respond(client int, request []byte, reply Fields) {
	var of map[string]json.RawMessage
	Decode(request, &of)
	reply["id"], reply["op"], reply["txn"] = of["id"], of["op"], of["txn"]
	p.do(`"respond","to":%d,"reply":%s`, client, Encode(reply))
}

// Tell tells a step of the model, as Fields{"action": "Store", "epoch": 2}; Show says how the node is, for reports.
func (p *Process) Tell(step Fields)  { p.trace = append(p.trace, Encode(step)) }
func (p *Process) Show(state Fields) { p.state = append([]byte(`,"state":`), Encode(state)...) }
func (p *Process) do(what string, args ...any) {
	p.effects = append(p.effects, fmt.Appendf(nil, `{"kind":`+what+`}`, args...))
}
func text(b []byte) []byte {
	if utf8.Valid(b) {
		return Encode(string(b))
	}
	return Encode(map[string][]byte{"base64": b})
}
func (t Text) MarshalJSON() ([]byte, error) { return text([]byte(t)), nil }
func (t *Text) UnmarshalJSON(b []byte) (err error) {
	if of := (map[string][]byte{}); b[0] == '{' {
		err = json.Unmarshal(b, &of)
		*t = Text(of["base64"])
		return err
	}
	return json.Unmarshal(b, (*string)(t))
}

// Encode returns JSON, and Decode reads it into what into points at. A mistake ends the program.
func Encode(v any) []byte       { return must(json.Marshal(v)) }
func Decode(b []byte, into any) { must(0, json.Unmarshal(b, into)) }
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
func (p *Process) handle(n Node) {
	switch e := &p.Event; e.Kind {
	case "started":
		n.OnStart(e.Incarnation, e.Files)
	case "received":
		for kind, body := range e.Message {
			m := struct{ Kind, Bytes Text }{Text(kind), Text(body)}
			if kind == "opaque" {
				Decode(body, &m)
			}
			n.OnMessage(e.From, string(m.Kind), []byte(m.Bytes))
		}
	case "fired":
		n.OnTimer(e.Timer)
	case "requested":
		n.OnRequest(e.From, e.Request)
	default:
		n.OnDisk(e.Token, map[string]string{"disk-done": "ok", "disk-failed": "failed", "disk-full": "full"}[string(e.Kind)], []byte(e.Data))
	}
}

// Run says hello and serves events until there are no more.
func Run(start func(*Process) Node) {
	in, out, p := bufio.NewReader(os.Stdin), os.Stdout, &Process{Timers: map[int]string{}}
	os.Stdout = os.Stderr
	Decode(must(in.ReadBytes('\n')), p)
	n := start(p)
	must(out.Write(append(Encode(Fields{"firstgap": 1, "timers": p.Timers}), '\n')))
	for line, err := in.ReadBytes('\n'); err == nil; line, err = in.ReadBytes('\n') {
		*p = Process{Hello: p.Hello, Timers: p.Timers}
		Decode(line, p)
		p.handle(n)
		must(fmt.Fprintf(out, `{"effects":[%s],"trace":[%s]%s}`+"\n", bytes.Join(p.effects, []byte(",")), bytes.Join(p.trace, []byte(",")), p.state))
	}
}
