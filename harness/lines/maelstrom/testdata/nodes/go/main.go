// Command node is a node for Maelstrom's workloads echo, broadcast, kafka and lin-kv: node WORKLOAD [MISTAKE].
//
// It owns no clock and no goroutine. Of kafka and lin-kv, n0 has the state, and the others pass calls on to it. What changes the state is
// in a file before it is answered, so that a crash takes nothing.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
)

type body = map[string]any

type message struct {
	Src  string `json:"src"`
	Dest string `json:"dest"`
	Body body   `json:"body"`
}

type node struct {
	workload, mistake string
	me                string
	nodes             []any
	sent              float64
	all               map[any]bool        // of broadcast
	passed            map[float64]message // calls passed on, by number
	done              map[string]body     // by who passed them on, and its number
	state             state
	log               *os.File
}

// state is that of one node alone.
type state interface{ apply(body) body }

func (n *node) send(dest string, b body) {
	line, err := json.Marshal(message{n.me, dest, b})
	if err != nil {
		panic(err)
	}
	fmt.Println(string(line))
}

func (n *node) answer(m message, reply body) {
	reply = maps.Clone(reply)
	reply["in_reply_to"] = m.Body["msg_id"]
	n.send(m.Src, reply)
}

func failed(code int, text string) body { return body{"type": "error", "code": code, "text": text} }

// broadcast tells all that there is to all others, whenever the node is asked something: what was lost is told again.
func (n *node) broadcast(m message) {
	var told []any
	switch m.Body["type"] {
	case "topology":
		n.answer(m, body{"type": "topology_ok"})
		return
	case "broadcast":
		if x := m.Body["message"]; !n.all[x] {
			n.all[x] = true
			told = []any{x}
		}
		n.answer(m, body{"type": "broadcast_ok"})
	case "read":
		n.answer(m, body{"type": "read_ok", "messages": n.sorted()})
	}
	if n.mistake != "once" {
		told = n.sorted()
	}
	for _, other := range n.nodes {
		if other != n.me && len(told) > 0 {
			n.send(other.(string), body{"type": "gossip", "messages": told})
		}
	}
}

func (n *node) sorted() []any {
	all := slices.Collect(maps.Keys(n.all))
	slices.SortFunc(all, func(a, b any) int { return int(a.(float64) - b.(float64)) })
	if all == nil {
		all = []any{}
	}
	return all
}

type kafka struct {
	logs      map[string][]any
	committed map[string]float64
}

func (k *kafka) apply(b body) body {
	switch b["type"] {
	case "send":
		key := b["key"].(string)
		k.logs[key] = append(k.logs[key], b["msg"])
		return body{"type": "send_ok", "offset": len(k.logs[key]) - 1}
	case "poll":
		found := body{}
		for key, at := range b["offsets"].(body) {
			pairs := []any{}
			for i := int(at.(float64)); i < min(len(k.logs[key]), int(at.(float64))+5); i++ {
				pairs = append(pairs, []any{i, k.logs[key][i]})
			}
			found[key] = pairs
		}
		return body{"type": "poll_ok", "msgs": found}
	case "commit_offsets":
		for key, at := range b["offsets"].(body) {
			k.committed[key] = max(k.committed[key], at.(float64))
		}
		return body{"type": "commit_offsets_ok"}
	}
	offsets := body{}
	for _, key := range b["keys"].([]any) {
		if at, has := k.committed[key.(string)]; has {
			offsets[key.(string)] = at
		}
	}
	return body{"type": "list_committed_offsets_ok", "offsets": offsets}
}

type linKV map[any]any

func (kv linKV) apply(b body) body {
	key := b["key"]
	value, has := kv[key]
	switch {
	case b["type"] == "write":
		kv[key] = b["value"]
		return body{"type": "write_ok"}
	case !has:
		return failed(20, "key does not exist")
	case b["type"] == "read":
		return body{"type": "read_ok", "value": value}
	case value != b["from"]:
		return failed(22, fmt.Sprintf("the value is %v", value))
	}
	kv[key] = b["to"]
	return body{"type": "cas_ok"}
}

// kept is a call that was carried out: who passed it on, if anybody did.
type kept struct {
	Key  string `json:"key"`
	Call body   `json:"call"`
}

// carryOut carries a call out, and has it on disk before it is answered. One that was doubled is carried out once.
func (n *node) carryOut(key string, call body) body {
	if reply := n.done[key]; reply != nil && key != "" {
		return reply
	}
	if t := call["type"]; n.mistake != "forgets" && t != "read" && t != "poll" && t != "list_committed_offsets" {
		n.write(kept{key, call})
	}
	reply := n.state.apply(call)
	if key != "" {
		n.done[key] = reply
	}
	return reply
}

func (n *node) write(k kept) {
	line, err := json.Marshal(k)
	if err == nil {
		_, err = n.log.Write(append(line, '\n'))
	}
	if err == nil {
		err = n.log.Sync()
	}
	if err != nil {
		panic(err)
	}
}

// start reads what the process before this one has kept.
func (n *node) start() {
	var err error
	if n.log, err = os.OpenFile("log", os.O_RDWR|os.O_APPEND|os.O_CREATE, 0o600); err != nil {
		panic(err)
	}
	in := bufio.NewScanner(n.log)
	starts := 0.0
	for in.Scan() {
		var k kept
		if json.Unmarshal(in.Bytes(), &k) != nil {
			break // the last line, which was answered to nobody
		}
		if k.Call == nil {
			starts++
			continue
		}
		if reply := n.state.apply(k.Call); k.Key != "" {
			n.done[k.Key] = reply
		}
	}
	// Numbers of calls that were passed on are those of no process before.
	n.sent = 1_000_000 * (starts + 1)
	n.write(kept{})
}

func (n *node) led(m message) {
	switch {
	case m.Body["type"] == "pass":
		n.answer(m, body{"type": "passed", "reply": n.carryOut(fmt.Sprint(m.Src, " ", m.Body["msg_id"]), m.Body["call"].(body))})
	case m.Body["type"] == "passed":
		number, _ := m.Body["in_reply_to"].(float64)
		if asked, has := n.passed[number]; has {
			delete(n.passed, number)
			n.answer(asked, m.Body["reply"].(body))
		}
	case n.me == n.nodes[0] || n.mistake == "alone":
		n.answer(m, n.carryOut("", m.Body))
	default:
		n.sent++
		n.passed[n.sent] = m
		n.send(n.nodes[0].(string), body{"type": "pass", "msg_id": n.sent, "call": m.Body})
	}
}

func (n *node) take(m message) {
	switch {
	case m.Body["type"] == "init":
		n.me, n.nodes = m.Body["node_id"].(string), m.Body["node_ids"].([]any)
		n.answer(m, body{"type": "init_ok"})
	case m.Body["type"] == "echo":
		n.answer(m, body{"type": "echo_ok", "echo": m.Body["echo"]})
	case m.Body["type"] == "gossip":
		for _, x := range m.Body["messages"].([]any) {
			n.all[x] = true
		}
	case n.workload == "broadcast":
		n.broadcast(m)
	default:
		n.led(m)
	}
}

func main() {
	n := &node{workload: os.Args[1], all: map[any]bool{}, passed: map[float64]message{}, done: map[string]body{}}
	if len(os.Args) > 2 {
		n.mistake = os.Args[2]
	}
	switch n.workload {
	case "kafka":
		n.state = &kafka{map[string][]any{}, map[string]float64{}}
		n.start()
	case "lin-kv":
		n.state = linKV{}
		n.start()
	}
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, 16<<20)
	for in.Scan() {
		var m message
		if err := json.Unmarshal(in.Bytes(), &m); err != nil {
			panic(err)
		}
		n.take(m)
	}
}
