package raft

import (
	_ "embed"
	"encoding/json"

	"github.com/firstgap/firstgap/spec/check"
)

// The named worlds. The figures of worlds.tsv are this checker's: TLC has not searched the twin.
//
//go:embed worlds.tsv
var worldsTSV string

// Subject returns the model as a user meets it.
func Subject() check.Subject {
	worlds := check.Named("raft", worldsTSV)
	for i := range worlds {
		worlds[i].Distinct, worlds[i].Generated = 0, 0 // of TLC there are none
	}
	return check.Subject{
		Name:   "raft",
		About:  "Raft as go.etcd.io/raft implements it: elections, logs, durable state, members that change one at a time or jointly",
		Module: "Raft",
		Large:  large(),
		Bugs:   Bugs(),
		Read:   read,
		Config: config,
		Worlds: worlds,
	}
}

// large returns the worlds that no search comes to the end of (see check.Subject).
func large() []check.World {
	return []check.World{
		{Name: "three-with-restarts", Constants: json.RawMessage(`{"servers": 3, "members": 3, "maxTerm": 4, "maxLog": 4, "requests": 4, "maxMessages": 6, "batch": 2, "changes": 0, "restarts": 2, "ready": true, "loss": true, "duplicates": true, "heartbeats": true, "snapshots": true, "stepDown": true}`)},
		{Name: "five-change-members", Constants: json.RawMessage(`{"servers": 5, "members": 3, "maxTerm": 4, "maxLog": 6, "requests": 4, "maxMessages": 4, "batch": 2, "changes": 3, "joint": true, "learners": true, "restarts": 1, "ready": false, "loss": true, "duplicates": true, "heartbeats": true, "snapshots": true, "stepDown": true}`)},
	}
}
