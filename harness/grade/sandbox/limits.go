package sandbox

import (
	"cmp"
	"fmt"
	"time"
)

// Limits bound one start of a program, with all processes that it starts, or one build.
type Limits struct {
	Wall      time.Duration // of the clock on the wall, builds only: a run is limited by the answers that it owes (lines.Limits)
	CPU       time.Duration // of its processes together
	Memory    int64         // bytes that its processes hold together
	Processes int           // processes and threads at one time
	Scratch   int64         // bytes in its /tmp; of a build also in its folder, and as many again
	Names     int           // files and folders in its /tmp
	OpenFiles int           // of one process
	Output    int64         // bytes, builds only: a run is limited line by line (lines.Limits)
}

// The defaults of runs and builds. Node takes 11 threads and 60 MB to say hello, a Go compiler 20 threads and 200 MB.
var (
	runDefaults = Limits{CPU: 5 * time.Minute, Memory: 512 << 20, Processes: 64, Scratch: 64 << 20, Names: 10_000, OpenFiles: 256}

	buildDefaults = Limits{Wall: 2 * time.Minute, CPU: 4 * time.Minute, Memory: 2 << 30, Processes: 512, Scratch: 512 << 20, Names: 100_000, OpenFiles: 4096, Output: 1 << 20}
)

// or returns the limits with those of d in the place of zeros.
func (l Limits) or(d Limits) Limits {
	return Limits{Wall: cmp.Or(l.Wall, d.Wall), CPU: cmp.Or(l.CPU, d.CPU), Memory: cmp.Or(l.Memory, d.Memory), Processes: cmp.Or(l.Processes, d.Processes),
		Scratch: cmp.Or(l.Scratch, d.Scratch), Names: cmp.Or(l.Names, d.Names), OpenFiles: cmp.Or(l.OpenFiles, d.OpenFiles), Output: cmp.Or(l.Output, d.Output)}
}

// A Limit names what a program has used too much of.
type Limit string

// The limits.
const (
	Wall         Limit = "time"
	CPU          Limit = "processor time"
	Memory       Limit = "memory"
	Processes    Limit = "processes and threads"
	Scratch      Limit = "space in /tmp"
	Folder       Limit = "space in its folder"
	SharedMemory Limit = "space in /dev/shm"
	Names        Limit = "files in /tmp"
	Output       Limit = "output"
)

// A LimitError is a program that has used more than it may. It holds what was allowed and no measure of what was found: that
// depends on the moment of the look, and a reason must be the same each time.
type LimitError struct {
	Limit Limit
	Most  string // that is allowed
	Build bool   // it was a build, and else a run
}

func (e *LimitError) Error() string {
	what := "the program"
	if e.Build {
		what = "the build"
	}
	return fmt.Sprintf("%s used more %s than the %s that it may", what, e.Limit, e.Most)
}

func bytesInWords(n int64) string {
	switch {
	case n >= 1<<30 && n%(1<<30) == 0:
		return fmt.Sprintf("%d GiB", n>>30)
	case n >= 1<<20 && n%(1<<20) == 0:
		return fmt.Sprintf("%d MiB", n>>20)
	case n >= 1<<10 && n%(1<<10) == 0:
		return fmt.Sprintf("%d KiB", n>>10)
	}
	return fmt.Sprintf("%d bytes", n)
}
