// Package maelstrom runs programs that were written for Maelstrom (github.com/jepsen-io/maelstrom), as they are: its protocol, its services,
// its workloads and their checkers, in a simulated network with the faults of this project's catalogue.
//
// System makes a harness.System of a program and a workload. In simulated time a program is given a line only when it is quiet, so that
// one without clocks and threads of its own is the same run each time; by the wall clock, runs do not repeat.
//
// Use package lines/protocol instead when a program is written anew: there it has timers and a disk that are the harness's, too, and so every
// fault of the catalogue.
package maelstrom
