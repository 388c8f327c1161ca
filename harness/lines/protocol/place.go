// Package protocol holds nodes in other programs: one line of JSON in for each event, one out with its effects. The lines carry what
// the node contract has (package node): messages, timers, a disk with all its faults, requests of clients, steps of a trace. Clock,
// network and disk stay the harness's, so that a program in any language is as repeatable as a node in this process.
//
// Use package lines/maelstrom instead when a program speaks Maelstrom's protocol, and harness.Replicas when a node is written in Go.
package protocol

import (
	"github.com/firstgap/firstgap/harness/aurora"
	"github.com/firstgap/firstgap/impl/node"
)

// A Role is what a program is in its system.
type Role string

// The roles. A Replica is one of a group of nodes that all do the same; the others are those of our own volume, whose other nodes
// are ours.
const (
	Replica  Role = "replica"
	Segment  Role = "segment"
	Writer   Role = "writer"
	Reader   Role = "reader"
	Register Role = "register"
)

// A Place is where a node runs. The first line to a program carries it.
type Place struct {
	Role    Role
	ID      node.ID
	Index   int       // from 0, of Members
	Members []node.ID // of its role, or, of a segment, of its group, itself among them
	Seed    uint64    // of the run: what the node must draw it draws from this and its ID
	// Volume and Nodes are what a node of the volume has to know; nil and zero for a replica.
	Volume *node.Volume
	Nodes  aurora.Nodes
	Hook   node.Hook // of nodes in this process
}

// A Maker makes the node of one incarnation: in this process, or a program that is one.
type Maker func(Place) node.Node
