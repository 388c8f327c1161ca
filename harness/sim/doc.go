// Package sim is a deterministic world for nodes: virtual clock, network, disks, crashes, and clients. It runs any
// node.Node.
//
// A World is one heap of events. It takes the earliest, lets the process that it belongs to make its step, and
// carries out the effects, which put new events on the heap. There is no goroutine, wall clock, shared random sequence
// or walk over a map in a run: the same options, processes and plan give the same run, in any process, on any machine.
// Hash is the chain over all that happened and so the run's identity.
//
// Randomness is keyed by identity: what happens to a message is a hash of the seed, sender, receiver, type, the LSNs
// that it carries (or its digest), and how often the like was sent before. Taking away one fault leaves everything
// else as it was, as long as the nodes themselves do the same. That is what lets a failing plan be shrunk.
//
// The network delays with a heavy tail, loses, duplicates, reorders, and is cut one way or both ways. A disk does
// appends, syncs and replaces one after the other. A crash is always as bad as a power loss: of what was appended and
// not synced, any subset survives, with zeros where something before a survivor was lost, and the last survivor may be
// torn; a sync or replace under way may have taken effect and not have told its process; a replace is never half done.
//
// A World is not safe for concurrent use; many worlds run beside each other without sharing anything.
//
// Use package harness instead when an engineer has a system to run under faults and to judge: it builds the World, and
// draws what goes wrong.
package sim
