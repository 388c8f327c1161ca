// Package lines runs programs that read lines and write lines: it starts one, gives it a line, takes what it answers, and ends it
// with all that it has started.
//
// It knows no protocol. Use package lines/protocol instead when a program is a node in our own protocol, with timers and a disk, and
// package lines/maelstrom when it is one in Maelstrom's.
package lines

import "time"

// A Command is a program and how it is started.
type Command struct {
	// Args are the program and its arguments, never through a shell.
	Args []string
	// Dir is the folder that it runs in; "" is the folder of this program.
	Dir string
	// Env is its whole environment; nil is that of this program.
	Env []string
	// Limits bound what it may do; zero values are the defaults.
	Limits Limits
}

// Limits bound one run of a program.
type Limits struct {
	Line   int           // bytes of one line that it writes, 0 is DefaultLine
	Lines  int           // lines that it writes in answer to one, 0 is DefaultLines
	Answer time.Duration // of the wall clock for the answer to one line, 0 is DefaultAnswer
	Start  time.Duration // of the wall clock for its first answer, 0 is DefaultStart: an interpreter has to load
	Errors int           // bytes that are kept of what it wrote last to its standard error, 0 is DefaultErrors
}

// The defaults of Limits.
const (
	DefaultLine   = 4 << 20
	DefaultLines  = 10_000
	DefaultAnswer = 5 * time.Second
	DefaultStart  = 20 * time.Second
	DefaultErrors = 16 << 10
)
