package command

import (
	"os"
	"runtime"
	"runtime/debug"
)

// collectLess has the garbage collector wait until there is four times as much garbage as there is in use, unless GOGC
// says something else. A run holds little at a time and makes a lot of garbage: with the usual setting, an eighth of the
// processor's time goes to looking through the same few megabytes.
func collectLess() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(400)
	}
}

// collectForRuns is collectLess for a command that makes runs, so many at a time, and nothing beside.
func collectForRuns(workers int) {
	collectLess()
	holdLittle(workers)
}

// memoryOfWorker is how much memory the runs of one worker need at most without a collection at every turn: nine runs of ten hold 7 MB
// or less, and one of hundreds, which is many times as long, up to 30 MB.
const memoryOfWorker = 32 << 20

// holdLittle has the garbage collector come by earlier while a long run is made, unless GOMEMLIMIT says something else: five times what
// such a run holds would be most of the memory of a campaign, for the sake of a few collections. What checks the model holds
// far more, and all of it is in use.
func holdLittle(workers int) {
	if workers == 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(int64(max(2, workers)) * memoryOfWorker)
	}
}

// collectForFuzz is collectForRuns for a campaign, which holds the worlds that its coverage is measured by, and looks at failures, beside
// its runs.
func collectForFuzz(workers int) {
	collectLess()
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memoryOfCampaign + int64(max(2, workers))*memoryOfWorker)
	}
}

// memoryOfCampaign is about what the nine worlds, the queue's server and the looking at one failure take.
const memoryOfCampaign = 256 << 20
