// Package runflags declares the flags of the simulated runs in go test. Every test package below harness imports it, so
// that `go test ./harness/... -firstgap.runs=1000` is understood by all, and not refused by those that make no run.
package runflags

import "flag"

var (
	runs = flag.Uint64("firstgap.runs", 400, "how many simulated runs TestRuns makes")
	seed = flag.Uint64("firstgap.seed", 1, "seed of the first of them")
)

// Runs is how many simulated runs to make.
func Runs() uint64 { return *runs }

// Seed is that of the first run; the others follow.
func Seed() uint64 { return *seed }
