package raft

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/firstgap/firstgap/spec/trace"
)

// Limits on a trace, beside trace.Limits.
const (
	mostServers = 64      // a Set has room for them
	mostEntries = 1 << 24 // of a log
)

// wire is an event as the library writes it (state_trace.go, TracingEvent), under the key event of its line.
type wire struct {
	Name  string `json:"name"`
	NID   string `json:"nid"`
	State struct {
		Term   uint64 `json:"term"`
		Vote   string `json:"vote"`
		Commit uint64 `json:"commit"`
	} `json:"state"`
	Role string     `json:"role"`
	Log  uint64     `json:"log"`
	Conf [][]string `json:"conf"`
	Msg  *wireMsg   `json:"msg"`
	Prop struct {
		Match *uint64 `json:"match"`
		Next  *uint64 `json:"next"`
		CC    *struct {
			Changes []struct {
				NID    string `json:"nid"`
				Action string `json:"action"`
			} `json:"changes"`
			NewConf []string `json:"newconf"`
		} `json:"cc"`
	} `json:"prop"`
}

type wireMsg struct {
	Type       string `json:"type"`
	Term       uint64 `json:"term"`
	From       string `json:"from"`
	To         string `json:"to"`
	Entries    uint64 `json:"entries"`
	LogTerm    uint64 `json:"logTerm"`
	Index      uint64 `json:"index"`
	Commit     uint64 `json:"commit"`
	Vote       string `json:"vote"`
	Reject     bool   `json:"reject"`
	RejectHint uint64 `json:"rejectHint"`
}

// An event is a line of a trace. Servers are numbered by their ids.
type event struct {
	name    string
	i       int // the server that tells it
	term    uint64
	vote    int
	commit  uint64
	role    Role
	pre     bool // it is a pre-candidate, which the model takes for a follower
	log     uint64
	conf    [2]Set
	msg     Message // without entries
	entries uint64  // of the message
	hasMsg  bool
	changes []Single
	newConf Set
	hasCC   bool
	match   *uint64 // of the leader's own progress
	text    string
}

// The events' names.
const (
	evInit                  = "InitState"
	evBecomeCandidate       = "BecomeCandidate"
	evBecomeFollower        = "BecomeFollower"
	evBecomeLeader          = "BecomeLeader"
	evCommit                = "Commit"
	evReplicate             = "Replicate"
	evChangeConf            = "ChangeConf"
	evApplyConfChange       = "ApplyConfChange"
	evReady                 = "Ready"
	evSendAppend            = "SendAppendEntriesRequest"
	evReceiveAppend         = "ReceiveAppendEntriesRequest"
	evSendAppendResponse    = "SendAppendEntriesResponse"
	evReceiveAppendResponse = "ReceiveAppendEntriesResponse"
	evSendVote              = "SendRequestVoteRequest"
	evReceiveVote           = "ReceiveRequestVoteRequest"
	evSendVoteResponse      = "SendRequestVoteResponse"
	evReceiveVoteResponse   = "ReceiveRequestVoteResponse"
)

// kindsOf returns the events and the kinds of messages that each may be of; none for an event without a message.
func kindsOf() map[string][]Kind {
	requests, answers := []Kind{AppendEntriesRequest, HeartbeatRequest, SnapshotRequest}, []Kind{AppendEntriesResponse, HeartbeatResponse}
	return map[string][]Kind{
		evInit: nil, evBecomeCandidate: nil, evBecomeFollower: nil, evBecomeLeader: nil, evCommit: nil, evReplicate: nil, evChangeConf: nil,
		evApplyConfChange: nil, evReady: nil,
		evSendAppend: requests, evReceiveAppend: requests, evSendAppendResponse: answers, evReceiveAppendResponse: answers,
		evSendVote: {RequestVoteRequest}, evReceiveVote: {RequestVoteRequest}, evSendVoteResponse: {RequestVoteResponse}, evReceiveVoteResponse: {RequestVoteResponse},
	}
}

// parseWire reads a line. A line without the tag trace, such as another message of a program's log, is none of the trace.
func parseWire(text []byte) (wire, bool, error) {
	var line struct {
		Tag   string          `json:"tag"`
		Event json.RawMessage `json:"event"`
	}
	if err := json.Unmarshal(text, &line); err != nil {
		return wire{}, false, &trace.EventError{Expected: `an object with "tag" and "event"`, Found: err.Error()}
	}
	if line.Tag != "trace" {
		return wire{}, false, nil
	}
	if line.Event == nil {
		return wire{}, false, &trace.EventError{Expected: `"event" beside the tag trace`, Found: "none"}
	}
	var e wire
	d := json.NewDecoder(bytes.NewReader(line.Event))
	d.DisallowUnknownFields()
	if err := d.Decode(&e); err != nil {
		return e, false, &trace.EventError{Expected: "an event as state_trace.go of the library writes it", Found: err.Error()}
	}
	return e, true, nil
}

// ids numbers the servers of a trace: the least id is 0.
type ids struct {
	number map[string]int
	names  []string
}

// serversOf returns every server that the events name.
func serversOf(events []trace.Numbered[wire]) (ids, error) {
	known := map[uint64]bool{}
	for _, e := range events {
		w := e.Event
		all := []string{w.NID}
		for _, c := range w.Conf {
			all = append(all, c...)
		}
		if w.Msg != nil {
			all = append(all, w.Msg.From, w.Msg.To)
		}
		if w.Prop.CC != nil {
			all = append(all, w.Prop.CC.NewConf...)
			for _, c := range w.Prop.CC.Changes {
				all = append(all, c.NID)
			}
		}
		for _, id := range append(all, w.State.Vote) {
			n, err := strconv.ParseUint(id, 10, 64)
			if err != nil || strconv.FormatUint(n, 10) != id {
				return ids{}, &trace.LineError{Line: e.Line, Expected: "the id of a server in decimal digits", Found: fmt.Sprintf("%q", id)}
			}
			if n != 0 {
				known[n] = true
			}
		}
		if len(known) > mostServers {
			return ids{}, &trace.LineError{Line: e.Line, Expected: fmt.Sprintf("at most %d servers", mostServers), Found: "more"}
		}
	}
	s := ids{number: map[string]int{}}
	for _, n := range slices.Sorted(maps.Keys(known)) {
		id := strconv.FormatUint(n, 10)
		s.number[id] = len(s.names)
		s.names = append(s.names, id)
	}
	return s, nil
}

// events makes events of what was read.
func (s ids) events(lines []trace.Numbered[wire]) ([]trace.Numbered[event], error) {
	list := make([]trace.Numbered[event], len(lines))
	kinds := kindsOf()
	for k, l := range lines {
		e, expected, found := s.event(l.Event, kinds)
		if expected != "" {
			return nil, &trace.LineError{Line: l.Line, Expected: expected, Found: found}
		}
		list[k] = trace.Numbered[event]{Line: l.Line, Event: e}
	}
	return list, nil
}

// event makes an event, or says what was expected and found instead.
func (s ids) event(w wire, kinds map[string][]Kind) (e event, expected, found string) {
	kind, known := kinds[w.Name]
	if !known {
		return e, "an event of " + strings.Join(slices.Sorted(maps.Keys(kinds)), ", "), fmt.Sprintf("%q", w.Name)
	}
	e = event{name: w.Name, term: w.State.Term, commit: w.State.Commit, log: w.Log, match: w.Prop.Match}
	server := func(id string) int { return s.number[id] }
	set := func(ids []string) (all Set) {
		for _, id := range ids {
			all = all.with(server(id))
		}
		return all
	}
	if w.NID == "0" {
		return e, "a server that tells it", "0"
	}
	e.i = server(w.NID)
	if w.State.Vote != "0" {
		e.vote = server(w.State.Vote) + 1
	}
	switch w.Role {
	case "StateFollower":
	case "StatePreCandidate":
		e.pre = true
	case "StateCandidate":
		e.role = Candidate
	case "StateLeader":
		e.role = Leader
	default:
		return e, "a role of StateFollower, StatePreCandidate, StateCandidate, StateLeader", fmt.Sprintf("%q", w.Role)
	}
	if len(w.Conf) != 2 || slices.Contains(w.Conf[0], "0") || slices.Contains(w.Conf[1], "0") {
		return e, "conf with the incoming and the outgoing voters", fmt.Sprint(w.Conf)
	}
	e.conf = [2]Set{set(w.Conf[0]), set(w.Conf[1])}
	if e.log > mostEntries || e.commit > mostEntries {
		return e, fmt.Sprintf("log and commit of at most %d", mostEntries), fmt.Sprintf("%d and %d", e.log, e.commit)
	}
	if (w.Msg != nil) != (kind != nil) {
		return e, "a message with those events that send or receive, and only with them", w.Name
	}
	if w.Msg != nil {
		if expected, found := s.message(&e, w.Msg, kind); expected != "" {
			return e, expected, found
		}
	}
	if c := w.Prop.CC; c != nil {
		e.hasCC = true
		if slices.Contains(c.NewConf, "0") {
			return e, "voters in newconf", "0"
		}
		e.newConf = set(c.NewConf)
		for _, x := range c.Changes {
			verb := slices.Index([]string{"AddNewServer", "AddLearner", "RemoveServer"}, x.Action)
			if verb < 0 {
				return e, "an action of AddNewServer, AddLearner, RemoveServer", fmt.Sprintf("%q", x.Action)
			}
			one := Single{Verb(verb), server(x.NID)}
			if x.NID == "0" {
				one = Single{Verb: Update} // as the library has it, of a change that the application does not want
			}
			e.changes = append(e.changes, one)
		}
	}
	if w.Name == evChangeConf && e.newConf != 0 || w.Name == evApplyConfChange && len(e.changes) > 0 {
		return e, "changes with ChangeConf, and newconf with ApplyConfChange", "the other"
	}
	if hasCC := w.Name == evChangeConf || w.Name == evApplyConfChange; hasCC != e.hasCC || w.Name == evChangeConf && len(e.changes) == 0 {
		return e, "cc with ChangeConf, where it has changes, and ApplyConfChange, and only with them", w.Name
	}
	e.text = e.name + " of server " + w.NID
	if e.hasMsg {
		e.text += fmt.Sprintf(" (%s %s → %s term %d)", w.Msg.Type, w.Msg.From, w.Msg.To, w.Msg.Term)
	}
	return e, "", ""
}

func (s ids) message(e *event, w *wireMsg, kinds []Kind) (expected, found string) {
	at := slices.IndexFunc(kinds, func(k Kind) bool { return k.String() == w.Type })
	if at < 0 {
		return fmt.Sprintf("a message of %v", kinds), w.Type
	}
	if w.From == "0" || w.To == "0" {
		return "a message from one server to another", w.From + " → " + w.To
	}
	if w.Vote != "0" {
		return `a message whose vote is "0": the library sets it in no message that it traces`, w.Vote
	}
	if w.Entries > mostEntries || w.Index > mostEntries {
		return fmt.Sprintf("entries and index of at most %d", mostEntries), fmt.Sprintf("%d and %d", w.Entries, w.Index)
	}
	e.hasMsg, e.entries = true, w.Entries
	e.msg = Message{Kind: kinds[at], From: s.number[w.From], To: s.number[w.To], Term: w.Term, Index: w.Index, LogTerm: w.LogTerm,
		Commit: w.Commit, Reject: w.Reject, Hint: w.RejectHint}
	teller := e.msg.From
	if strings.HasPrefix(e.name, "Receive") {
		teller = e.msg.To
	}
	if teller != e.i {
		return "a message that the server itself sends or receives", fmt.Sprintf("%s → %s, told by %s", w.From, w.To, s.names[e.i])
	}
	return "", ""
}
