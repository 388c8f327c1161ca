package command

import (
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/firstgap/firstgap/spec/check"
)

// searchFlags say how a search goes about it.
type searchFlags struct {
	workers int
	limit   time.Duration
	memory  string
	whole   bool
}

func (s *searchFlags) flags(f *pflag.FlagSet) {
	f.IntVar(&s.workers, "workers", 0, "how many search at a time (default: one on each core)")
	f.DurationVar(&s.limit, "for", 0, "stop after this long, with the verdict incomplete")
	f.StringVar(&s.memory, "memory", "", "most memory for the states, such as 512MB or 4GB (default: three quarters of what is free)")
	f.BoolVar(&s.whole, "no-reduction", false, "take every step, also where a partial-order reduction would leave some out")
}

// options returns what the flags say to a search.
func (s *searchFlags) options(*cobra.Command) (check.Options, error) {
	o := check.Options{Workers: s.workers, For: s.limit, Memory: availableMemory(), NoReduction: s.whole}
	if s.workers < 0 || s.limit < 0 {
		return o, fmt.Errorf("--workers is %d and --for is %s; expected no negative number", s.workers, s.limit)
	}
	if s.memory != "" {
		var err error
		if o.Memory, err = bytesOf(s.memory); err != nil {
			return o, fmt.Errorf("--memory: %w", err)
		}
	}
	return o, nil
}

// longFlags are for worlds that are too large for a search in one go, or for any.
type longFlags struct {
	folder string
	resume bool
	depth  int
	walks  int
	seed   uint64
	most   int // states that are enumerated after walks
}

// After walks the world is enumerated to say what share of it they saw: unless told otherwise up to so many states, and for so long.
const (
	enumerateStates = 1_000_000
	enumerateFor    = 30 * time.Second
)

func (l *longFlags) flags(f *pflag.FlagSet) {
	f.StringVar(&l.folder, "folder", "", "keep what is on disk in this `folder`; a search that is stopped leaves a checkpoint there")
	f.BoolVar(&l.resume, "resume", false, "go on from the checkpoint in --folder, to the same numbers")
	f.IntVar(&l.depth, "depth", 0, fmt.Sprintf("find no more than this many levels, or states on a walk (default for walks: %d)", check.DefaultDepth))
	f.IntVar(&l.walks, "walks", 0, "in place of a search, take this many random walks; never a pass")
	f.Uint64Var(&l.seed, "seed", 1, "choose random steps by this seed")
	f.IntVar(&l.most, "enumerate", enumerateStates, fmt.Sprintf("after --walks, find all of up to this many `states`, to say what share of the world they saw; 0 for not at all (default: for at most %s)", enumerateFor))
}

// add adds what the flags say to the options.
func (l *longFlags) add(f *pflag.FlagSet, o *check.Options) error {
	o.Folder, o.Resume, o.Depth, o.Walks, o.Seed = l.folder, l.resume, l.depth, l.walks, l.seed
	o.Enumerate = check.Enumeration{States: l.most, For: enumerateFor}
	if f.Changed("enumerate") {
		if l.most < 0 || l.walks == 0 {
			return fmt.Errorf("--enumerate is %d with --walks %d; expected no negative number, and walks of which a share is to be told", l.most, l.walks)
		}
		o.Enumerate.For = 0
	}
	return nil
}

// bytesOf reads a size such as 512MB.
func bytesOf(size string) (int64, error) {
	digits := strings.TrimRight(size, "kKMGTiB")
	shift, known := map[string]uint{"": 0, "B": 0, "K": 10, "M": 20, "G": 30, "T": 40}[strings.ToUpper(
		strings.TrimSuffix(strings.TrimSuffix(size[len(digits):], "B"), "i"))]
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || !known || n <= 0 || n > math.MaxInt64>>shift {
		return 0, fmt.Errorf("%q is not a size; expected a number of bytes, or one with kB, MB, GB or TB, such as 512MB", size)
	}
	return n << shift, nil
}

// availableMemory returns how many bytes a search may take: three quarters of what the machine says is free, so
// that a world that is too large ends with a verdict and not by the system's hand. It is 0, no limit, where the
// machine does not say.
func availableMemory() int64 {
	text, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		var kilobytes int64
		if n, err := fmt.Sscanf(line, "MemAvailable: %d kB", &kilobytes); n == 1 && err == nil {
			return kilobytes << 10 / 4 * 3
		}
	}
	return 0
}
