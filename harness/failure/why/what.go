// Package why explains a failing run: what went wrong first, what was allowed instead, and what led there.
//
// Of makes the run again and says it; What.WriteText writes it for people.
//
// Use package failure instead when somebody wants to see whether a recorded run still fails: it replays and compares, and explains nothing.
package why

import (
	"fmt"

	"github.com/firstgap/firstgap/harness/failure"
	"github.com/firstgap/firstgap/harness/judge"
	"github.com/firstgap/firstgap/impl/node"
)

// What says what went wrong in a run, causes before symptoms.
type What struct {
	Target   failure.Target `json:"target"`
	Finding  judge.Finding  `json:"finding"`  // by which the run fails
	Headline string         `json:"headline"` // one sentence: which node did what, and when, that it must not have done
	Rule     Rule           `json:"rule"`
	Allowed  []string       `json:"allowed"`           // what the model allowed in the place of the bad step: the nearest legal steps
	Bad      *Link          `json:"bad"`               // the first step that is not allowed; nil where nothing happened that should have
	Refused  bool           `json:"refused,omitempty"` // the bad step is one that the model does not allow, whatever the run fails by
	Causes   []Link         `json:"causes"`            // what lies behind the symptom: the write that was lost, and the crash that lost it
	Chain    []Link         `json:"chain"`             // what led there by happened-before, oldest first, at most MostChain
	Beliefs  []Belief       `json:"beliefs"`           // of every node that matters at the bad step
	Waits    []Wait         `json:"waits,omitempty"`   // of a stall: who waits for what of whom

	hash uint64 // of the run
}

// MostChain is the most events of a chain.
const MostChain = 12

// A Rule is what was broken.
type Rule struct {
	Text   string `json:"text"`
	Reason string `json:"reason"` // why it exists: what is lost without it
	Source string `json:"source"` // the paper's or the lecture's section
}

// A Link is one event in plain words.
type Link struct {
	Event uint64    `json:"event"` // its number in the run
	At    node.Time `json:"at"`
	Node  string    `json:"node"`
	Words string    `json:"words"` // without node and time: "promised epoch 2, and answered before it was on disk"
	// From is the number of the event that this one is an effect of, in the chain; 0 for none.
	From uint64 `json:"from,omitempty"`
}

// clause is the event as a part of a sentence, with time and node.
func (l Link) clause() string { return fmt.Sprintf("at %s %s %s", at(l.At), l.Node, l.Words) }

// A Belief is what a node held to be true at a moment, beside what the model has of it.
type Belief struct {
	Node  string `json:"node"`
	Holds string `json:"holds"`           // as the node tells it
	Model string `json:"model,omitempty"` // as the model has it; empty where the model has nothing of it
}

// A Wait is one node that does not go on.
type Wait struct {
	Node  string    `json:"node"`
	For   string    `json:"for"` // what
	Of    string    `json:"of"`  // whom
	Since node.Time `json:"since"`
	Ends  string    `json:"ends"` // what would end it
}
