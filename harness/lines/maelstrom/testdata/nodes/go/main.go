// A node of Maelstrom's workloads echo, broadcast, lin-kv and kafka that owns no goroutine and no clock, and keeps what it has
// acknowledged in a file of its folder. The first node has the data of lin-kv and kafka, and the others forward to it. A set of
// broadcast is read from all nodes. An argument -broken NAME makes one mistake.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strconv"
)

type message struct {
	Src  string `json:"src"`
	Dest string `json:"dest"`
	Body body   `json:"body"`
}

// A body has the fields of all messages that this node knows. Values are kept as they were written.
type body struct {
	Type      string                          `json:"type"`
	MsgID     int                             `json:"msg_id,omitempty"`
	InReplyTo int                             `json:"in_reply_to,omitempty"`
	NodeID    string                          `json:"node_id,omitempty"`
	NodeIDs   []string                        `json:"node_ids,omitempty"`
	Code      int                             `json:"code,omitempty"`
	Text      string                          `json:"text,omitempty"`
	Echo      json.RawMessage                 `json:"echo,omitempty"`
	Message   *int                            `json:"message,omitempty"`
	Messages  []int                           `json:"messages,omitzero"`
	Key       json.RawMessage                 `json:"key,omitempty"`
	Value     json.RawMessage                 `json:"value,omitempty"`
	From      json.RawMessage                 `json:"from,omitempty"`
	To        json.RawMessage                 `json:"to,omitempty"`
	Msg       json.RawMessage                 `json:"msg,omitempty"`
	Offset    json.RawMessage                 `json:"offset,omitempty"`
	Offsets   map[string]int                  `json:"offsets,omitzero"`
	Keys      []string                        `json:"keys,omitempty"`
	Msgs      map[string][][2]json.RawMessage `json:"msgs,omitzero"`

	// Between nodes:
	Call    string `json:"call,omitempty"`
	Client  string `json:"client,omitempty"`
	Request *body  `json:"request,omitempty"`
	Answer  *body  `json:"answer,omitempty"`
}

// An entry is one line of the file.
type entry struct {
	Call     string `json:"call,omitempty"`
	Request  *body  `json:"request,omitempty"`
	Messages []int  `json:"messages,omitempty"`
}

type record struct {
	offset int
	msg    json.RawMessage
}

type reading struct {
	client  string
	request body
	missing map[string]bool // the nodes that have not told their set yet
}

type server struct {
	broken    string
	me        string
	nodes     []string
	done      map[string]body // by client and call: the answer, so that a request that arrives twice is carried out once
	messages  map[int]bool    // of broadcast
	reads     map[string]*reading
	values    map[string]json.RawMessage // of lin-kv
	seen      map[string]json.RawMessage // for the mistake "stale" alone
	logs      map[string][]record        // of kafka
	committed map[string]int
	sends     int
	out       *json.Encoder
	file      *os.File
}

const file = "kept"

func main() {
	s := &server{done: map[string]body{}, messages: map[int]bool{}, reads: map[string]*reading{}, values: map[string]json.RawMessage{},
		seen: map[string]json.RawMessage{}, logs: map[string][]record{}, committed: map[string]int{}, out: json.NewEncoder(os.Stdout)}
	flag.StringVar(&s.broken, "broken", "", "the mistake to make")
	flag.Parse()
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, 16<<20)
	for in.Scan() {
		var m message
		check(json.Unmarshal(in.Bytes(), &m))
		s.take(m.Src, m.Body)
	}
	check(in.Err())
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func (s *server) send(dest string, b body) { check(s.out.Encode(message{s.me, dest, b})) }

func (s *server) answer(client string, request body, b body) {
	b.InReplyTo = request.MsgID
	s.send(client, b)
}

// keep puts what was done on the disk before anyone is told of it.
func (s *server) keep(e entry) {
	if s.broken == "forget" {
		return
	}
	line, err := json.Marshal(e)
	check(err)
	_, err = s.file.Write(append(line, '\n'))
	check(err)
	check(s.file.Sync())
}

// load takes in what is on the disk; a last line that was cut off was never acknowledged.
func (s *server) load() {
	text, err := os.ReadFile(file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		check(err)
	}
	whole := text[:bytes.LastIndexByte(text, '\n')+1]
	s.file, err = os.OpenFile(file, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	check(err)
	check(s.file.Truncate(int64(len(whole))))
	for line := range bytes.Lines(whole) {
		var e entry
		check(json.Unmarshal(line, &e))
		for _, m := range e.Messages {
			s.messages[m] = true
		}
		if e.Request != nil {
			s.done[e.Call] = s.carryOut(e.Request)
		}
	}
}

// carryOut carries a request of lin-kv or kafka out on the data, and returns its answer.
func (s *server) carryOut(r *body) body {
	key := string(r.Key)
	old, has := s.values[key]
	switch r.Type {
	case "read":
		if !has {
			return body{Type: "error", Code: 20, Text: "no such key"}
		}
		return body{Type: "read_ok", Value: old}
	case "write":
		s.values[key] = r.Value
	case "cas":
		if !has {
			return body{Type: "error", Code: 20, Text: "no such key"}
		}
		if !bytes.Equal(old, r.From) {
			return body{Type: "error", Code: 22, Text: "another value"}
		}
		s.values[key] = r.To
	case "send":
		log, offset := s.logs[key], 0
		if len(log) > 0 {
			offset = log[len(log)-1].offset + 1
		}
		s.sends++
		if s.broken == "same-offset" && s.sends%4 == 0 && len(log) > 0 {
			offset--
		}
		if !(s.broken == "lose" && s.sends%4 == 0) {
			s.logs[key] = append(log, record{offset, r.Msg})
		}
		given := strconv.Itoa(offset)
		if s.broken == "malformed" {
			given = strconv.Quote(given)
		}
		return body{Type: "send_ok", Offset: json.RawMessage(given)}
	case "poll":
		found := map[string][][2]json.RawMessage{}
		for k, from := range r.Offsets {
			found[k] = [][2]json.RawMessage{}
			for _, m := range s.logs[strconv.Quote(k)] {
				if m.offset >= from && len(found[k]) < 10 && !(s.broken == "skip" && m.offset%4 == 1) {
					found[k] = append(found[k], [2]json.RawMessage{json.RawMessage(strconv.Itoa(m.offset)), m.msg})
				}
			}
		}
		return body{Type: "poll_ok", Msgs: found}
	case "commit_offsets":
		for k, offset := range r.Offsets {
			if old, has := s.committed[k]; !has || s.broken != "back" && old < offset {
				s.committed[k] = offset
			}
		}
	case "list_committed_offsets":
		found := map[string]int{}
		for _, k := range r.Keys {
			if offset, has := s.committed[k]; has {
				found[k] = offset
			}
		}
		return body{Type: "list_committed_offsets_ok", Offsets: found}
	}
	return body{Type: r.Type + "_ok"}
}

func (s *server) once(call string, r *body) body {
	result, has := s.done[call]
	if !has || s.broken == "no-dedupe" {
		result = s.carryOut(r)
		s.done[call] = result
		if r.Type != "read" && r.Type != "poll" && r.Type != "list_committed_offsets" {
			s.keep(entry{Call: call, Request: r})
		}
	}
	return result
}

func (s *server) learn(some ...int) {
	var fresh []int
	for _, m := range some {
		if !s.messages[m] {
			s.messages[m] = true
			fresh = append(fresh, m)
		}
	}
	if len(fresh) > 0 {
		s.keep(entry{Messages: fresh})
	}
}

func (s *server) all() []int {
	all := []int{}
	for m := range s.messages {
		all = append(all, m)
	}
	slices.Sort(all)
	return all
}

func (s *server) told(call string) {
	if r := s.reads[call]; len(r.missing) == 0 {
		delete(s.reads, call)
		s.answer(r.client, r.request, body{Type: "read_ok", Messages: s.all()})
	}
}

func (s *server) take(src string, b body) {
	call := src + "/" + strconv.Itoa(b.MsgID)
	stale, has := s.seen[string(b.Key)]
	switch {
	case b.Type == "init":
		s.me, s.nodes = b.NodeID, b.NodeIDs
		s.load()
		s.answer(src, b, body{Type: "init_ok"})
	case b.Type == "echo":
		if s.broken == "wrong-echo" {
			b.Echo = json.RawMessage(`"what?"`)
		}
		s.answer(src, b, body{Type: "echo_ok", Echo: b.Echo})
	case b.Type == "topology":
		s.answer(src, b, body{Type: "topology_ok"})
	case b.Type == "broadcast":
		s.learn(*b.Message)
		s.answer(src, b, body{Type: "broadcast_ok"})
	case b.Type == "read" && b.Key == nil:
		r := &reading{client: src, request: b, missing: map[string]bool{}}
		s.reads[call] = r
		for _, n := range s.nodes {
			if n != s.me && s.broken != "no-gossip" {
				r.missing[n] = true
				s.send(n, body{Type: "pull", Call: call})
			}
		}
		s.told(call)
	case b.Type == "pull":
		s.send(src, body{Type: "pulled", Call: b.Call, Messages: s.all()})
	case b.Type == "pulled":
		s.learn(b.Messages...)
		if r := s.reads[b.Call]; r != nil {
			delete(r.missing, src)
			s.told(b.Call)
		}
	case b.Type == "forward":
		a := s.once(b.Client+"/"+strconv.Itoa(b.Request.MsgID), b.Request)
		s.send(src, body{Type: "forwarded", Client: b.Client, Request: b.Request, Answer: &a})
	case b.Type == "forwarded":
		if b.Answer.Type == "read_ok" {
			s.seen[string(b.Request.Key)] = b.Answer.Value
		}
		s.answer(b.Client, *b.Request, *b.Answer)
	case s.broken == "stale" && b.Type == "read" && has:
		s.answer(src, b, body{Type: "read_ok", Value: stale})
	case s.me == s.nodes[0]:
		s.answer(src, b, s.once(call, &b))
	default:
		s.send(s.nodes[0], body{Type: "forward", Client: src, Request: &b})
	}
}
