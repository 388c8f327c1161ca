// Package sandbox runs a stranger's program in a box: it sees the system's programs and its own folder, both read-only, and nothing
// else of this machine; it has no network, no privileges, no neighbours, a small private /tmp, and limits on all that it can use up.
//
// Each start of a program is a box of its own. Two programs of one submission share no file, no process and no socket: what one
// replica wants another to know it must send through the harness, and what it wants to find after a crash it must write to the
// disk that the harness gives it.
//
// Use package lines instead when a program is trusted: its commands are the same with and without a box.
package sandbox

import (
	"fmt"
	"strings"
	"sync"
)

// prefix begins the names of the folders of boxes.
const prefix = "firstgap-box-"

// Inside is where a program finds the submission's folder, while it is built and when it runs. It is the same on each machine, so
// that what a program says of its files is too.
const Inside = "/submission"

// Options say what is put into a box.
type Options struct {
	// Submission is the stranger's folder. The box works on a copy and leaves the folder as it is. "" is an empty one.
	Submission string
	// Toolchains are what the submission is built and run with, beyond the system's own programs.
	Toolchains []Toolchain
	// Hidden are folders of this machine that no program may see, like those of seeds, results and other submissions. A box shows
	// none of them unless one lies in what it does show, such as a folder below /usr: then it puts an empty one in its place.
	Hidden []string
	// Mechanism is how to shut the box; "" is the first that works here.
	Mechanism Mechanism
	// Run limits each start of the program, Build each build; zero values are the defaults.
	Run, Build Limits
	// Temp is the folder for what the box itself keeps; "" is that of the system.
	Temp string
}

// A Mechanism is what a box is shut with.
type Mechanism string

// The mechanisms.
const (
	Bubblewrap Mechanism = "bubblewrap" // Debian's package: bwrap
	Namespaces Mechanism = "namespaces" // of the kernel, entered by this program itself
	Unsafe     Mechanism = "unsafe"     // no box: the program runs as the grader does, with a few limits
)

func (m Mechanism) says() string {
	switch m {
	case Bubblewrap:
		return "submissions run in a box made with bubblewrap"
	case Namespaces:
		return "submissions run in a box made with the kernel's namespaces"
	}
	return "submissions run WITHOUT a box: they can read and write what the grader can, reach the network, and outlive it; time, memory and processes are still limited"
}

// A MissingError is a machine on which no box can be shut.
type MissingError struct {
	Tried []string // each mechanism with what went wrong
	Needs []string // what to do about it, each in a sentence
}

func (e *MissingError) Error() string {
	return "expected a way to shut a stranger's program into a box, found none: " + strings.Join(e.Tried, "; ") + ". " + strings.Join(e.Needs, " ")
}

// A BuildError is a build that ended with another status than 0.
type BuildError struct {
	Args   []string
	Status string
}

func (e *BuildError) Error() string {
	return fmt.Sprintf("%s ended with %s", strings.Join(e.Args, " "), e.Status)
}

// A LeftError is what a box has left behind.
type LeftError struct{ What []string }

func (e *LeftError) Error() string {
	return "expected nothing left of the box, found " + strings.Join(e.What, ", ")
}

// A capped writer keeps what is written first, up to a limit, and tells when that is passed.
type capped struct {
	most   int64
	passed func()

	mu   sync.Mutex
	kept []byte
	seen int64
}

func (c *capped) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.seen += int64(len(p))
	c.kept = append(c.kept, p[:min(len(p), int(c.most)-len(c.kept))]...)
	if c.seen > c.most {
		c.passed()
	}
	return len(p), nil
}

func (c *capped) bytes() []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.kept
}
