// Package faults knows what can go wrong: the kinds of faults, plans of them as plain data, how much of it a volume
// must survive, the points in the implementation where a process may crash, and the bugs that are planted there.
// It knows names and plans, not how they are carried out; that is the harness's part.
//
// Use package harness instead when an engineer wants a plan to strike a system: this package has no clock, network or
// disk.
package faults
