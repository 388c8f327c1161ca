package maelstrom

import (
	"cmp"
	"slices"
	"strconv"
)

// The requests of the kafka workload.
const (
	kafkaSend   = "send"
	kafkaPoll   = "poll"
	kafkaCommit = "commit_offsets"
	kafkaList   = "list_committed_offsets"
)

// kafkaKeys is how many keys are in use at one time, as in Jepsen's generator.
const kafkaKeys = 10

func kafka() Workload {
	return Workload{
		Name:      "kafka",
		What:      "Clients append messages to logs, one a key, poll the logs from the offsets that they have reached, commit these offsets, and after the faults read every log from its begin.",
		Guarantee: "A message that was acknowledged stays at its offset, is polled by whoever passes that offset, and no log shows anything else.",
		Begin:     beginKafka,
		Check:     func(_ Parameters, calls []Call) []Problem { return checkKafka(calls) },
		Count:     countKafka,
	}
}

// kafkaSession are producers and consumers. A consumer takes over some keys: it asks which offsets are committed and goes on
// behind them, polls, and commits what it was given. A poll whose outcome is unknown ends it, and a new one begins, as a client
// that has crashed is replaced.
type kafkaSession struct {
	keys    *rotation
	clients []consumer
	highest map[string]int64 // by key, the highest offset that an answer showed
	polled  map[string]int64 // by key, the highest offset that a poll showed
}

type consumer struct {
	at      map[string]int64 // the keys that it has, and the offset that it polls next
	commit  map[string]int64 // what it was given and has not committed yet
	taking  []string         // the keys that it is about to take
	final   map[string]int64 // by key, the offset that it reads next after the faults
	idle    int              // final polls without progress, one after another
	listed  bool             // it has asked for all committed offsets after the faults
	started bool
}

func beginKafka(p Parameters) (Session, error) {
	p, err := p.filled("kafka")
	if err != nil {
		return nil, err
	}
	if p.KeyCount == 0 {
		p.KeyCount = kafkaKeys
	}
	return &kafkaSession{
		keys: newRotation(p.KeyCount, p.MaxWritesPerKey), clients: make([]consumer, p.Clients),
		highest: map[string]int64{}, polled: map[string]int64{},
	}, nil
}

func (s *kafkaSession) Setup(int) []Body { return nil }

func (s *kafkaSession) Next(client int, draw func(n int) int) Body {
	c := &s.clients[client]
	switch {
	case len(c.commit) > 0:
		return Body{"type": kafkaCommit, "offsets": offsets(c.commit)}
	case !c.started:
		c.started = true
		return s.take(c, draw)
	case draw(64) == 0:
		*c = consumer{started: true} // another consumer begins, which knows no offset
		return s.take(c, draw)
	case draw(16) == 0:
		return s.take(c, draw)
	case draw(2) == 0:
		if len(c.at) == 0 {
			return s.take(c, draw)
		}
		return Body{"type": kafkaPoll, "offsets": offsets(c.at)}
	}
	key, value := s.keys.write(s.keys.pick(draw))
	return Body{"type": kafkaSend, "key": strconv.Itoa(key), "msg": number(int64(value))}
}

// take asks for the committed offsets of a few keys. One time in three it adds those keys of which messages are known that no
// poll has shown, so that they are not left behind when their keys give way to new ones.
func (s *kafkaSession) take(c *consumer, draw func(n int) int) Body {
	keys := map[string]bool{}
	for n := 1 + draw(3); n > 0; n-- {
		keys[strconv.Itoa(s.keys.pick(draw))] = true
	}
	if draw(3) == 0 {
		for key, high := range s.highest {
			if shown, ok := s.polled[key]; !ok || shown < high {
				keys[key] = true
			}
		}
	}
	c.taking = sorted(keys)
	return Body{"type": kafkaList, "keys": asList(c.taking)}
}

// idleFinals is how many final polls in a row may bring nothing before a client gives up: a system need not show a message at
// once, but it had time to recover when the final polls begin.
const idleFinals = 20

func (s *kafkaSession) Final(client int) Body {
	c := &s.clients[client]
	behind := map[string]int64{}
	for key, high := range s.highest {
		if c.final[key] <= high {
			behind[key] = c.final[key]
		}
	}
	if len(behind) > 0 && c.idle < idleFinals {
		return Body{"type": kafkaPoll, "offsets": offsets(behind)}
	}
	if len(s.highest) > 0 && !c.listed {
		c.listed = true
		return Body{"type": kafkaList, "keys": asList(sorted(s.highest))}
	}
	return nil
}

func (s *kafkaSession) Answered(call *Call) {
	c := &s.clients[call.Client]
	op, err := readKafka(call)
	answered := call.Outcome == OK && err == nil
	if call.kind() == kafkaCommit {
		c.commit = nil
	}
	if call.Final && call.kind() == kafkaPoll {
		c.idle++
	}
	if !answered {
		if call.Outcome == Unknown && !call.Final {
			*c = consumer{} // the next one begins
		}
		return
	}
	switch call.kind() {
	case kafkaSend:
		s.reached(s.highest, op.key, op.offset)
	case kafkaList:
		if call.Final {
			return
		}
		at := map[string]int64{}
		for _, key := range c.taking {
			if next, has := c.at[key]; has {
				at[key] = next
			} else if committed, has := op.listed[key]; has {
				at[key] = committed + 1
			} else {
				at[key] = 0
			}
		}
		c.at = at
	case kafkaPoll:
		for key, shown := range op.shown {
			for _, m := range shown {
				s.reached(s.highest, key, m.offset)
				s.reached(s.polled, key, m.offset)
			}
			if len(shown) == 0 {
				continue
			}
			last := slices.MaxFunc(shown, func(a, b message) int { return cmp.Compare(a.offset, b.offset) }).offset
			if call.Final {
				if c.final == nil {
					c.final = map[string]int64{}
				}
				if last >= c.final[key] {
					c.final[key] = last + 1
					c.idle = 0
				}
				continue
			}
			if next, has := c.at[key]; has && last >= next {
				c.at[key] = last + 1
				if c.commit == nil {
					c.commit = map[string]int64{}
				}
				c.commit[key] = last
			}
		}
	}
}

func (s *kafkaSession) reached(m map[string]int64, key string, offset int64) {
	if high, ok := m[key]; !ok || high < offset {
		m[key] = offset
	}
}

func offsets(m map[string]int64) map[string]any {
	out := make(map[string]any, len(m))
	for k, v := range m {
		out[k] = number(v)
	}
	return out
}

func asList(keys []string) []any {
	out := make([]any, len(keys))
	for i, k := range keys {
		out[i] = k
	}
	return out
}

// A message is one of a log.
type message struct {
	offset int64
	text   string
}

// A kafkaOp is a request with its answer.
type kafkaOp struct {
	key    string // of a send
	text   string // of a send: its message
	offset int64  // of a send
	from   map[string]int64
	shown  map[string][]message // of a poll
	commit map[string]int64     // of a commit
	keys   []string             // of a list
	listed map[string]int64     // of a list
}

// mostOffset bounds offsets, so that the one behind an offset is one, too.
const mostOffset = 1<<53 - 1

// readKafka reads a request and, when the call was OK, its answer. The error is about the answer.
func readKafka(c *Call) (kafkaOp, error) {
	var op kafkaOp
	switch c.kind() {
	case kafkaSend:
		op.key, _ = c.Request["key"].(string)
		op.text = text(c.Request["msg"])
	case kafkaPoll:
		op.from = offsetsIn(c.Request)
	case kafkaCommit:
		op.commit = offsetsIn(c.Request)
	case kafkaList:
		keys, _ := c.Request["keys"].([]any)
		for _, k := range keys {
			key, _ := k.(string)
			op.keys = append(op.keys, key)
		}
	}
	if c.Outcome != OK {
		return op, nil
	}
	answer, err := c.answer()
	if err != nil {
		return op, err
	}
	switch c.kind() {
	case kafkaSend:
		if op.offset, err = answer.integer("offset"); err == nil && (op.offset < 0 || op.offset > mostOffset) {
			err = &shapeError{"an offset from 0 to 2^53-1 in offset", show(answer["offset"], true)}
		}
	case kafkaPoll:
		op.shown, err = readMessages(answer)
	case kafkaList:
		var listed map[string]any
		if listed, err = answer.object("offsets"); err != nil {
			break
		}
		op.listed = map[string]int64{}
		for _, key := range sorted(listed) {
			n, ok := integer(listed[key])
			if !ok || n < 0 || n > mostOffset {
				return op, &shapeError{"an offset from 0 to 2^53-1 for key " + strconv.Quote(key) + " in offsets", show(listed[key], true)}
			}
			op.listed[key] = n
		}
	}
	return op, err
}

func offsetsIn(request Body) map[string]int64 {
	out := map[string]int64{}
	given, _ := request.object("offsets")
	for key, v := range given {
		if n, ok := integer(v); ok {
			out[key] = n
		}
	}
	return out
}

func readMessages(answer Body) (map[string][]message, error) {
	msgs, err := answer.object("msgs")
	if err != nil {
		return nil, err
	}
	shown := make(map[string][]message, len(msgs))
	for _, key := range sorted(msgs) {
		list, ok := msgs[key].([]any)
		if !ok {
			return nil, &shapeError{"an array of pairs of offset and message for key " + strconv.Quote(key) + " in msgs", show(msgs[key], true)}
		}
		for _, v := range list {
			pair, ok := v.([]any)
			if !ok || len(pair) != 2 {
				return nil, &shapeError{"a pair of offset and message for key " + strconv.Quote(key) + " in msgs", show(v, true)}
			}
			offset, ok := integer(pair[0])
			if !ok || offset < 0 || offset > mostOffset {
				return nil, &shapeError{"an offset from 0 to 2^53-1 for key " + strconv.Quote(key) + " in msgs", show(pair[0], true)}
			}
			shown[key] = append(shown[key], message{offset, text(pair[1])})
		}
	}
	return shown, nil
}
