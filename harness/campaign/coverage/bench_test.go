package coverage_test

import (
	"testing"
	"time"

	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/aurora"
	"github.com/firstgap/firstgap/harness/campaign/coverage"
	"github.com/firstgap/firstgap/impl/node"

	_ "github.com/firstgap/firstgap/harness/internal/runflags"
)

// BenchmarkEnumerate enumerates all worlds that a campaign measures by.
func BenchmarkEnumerate(b *testing.B) {
	states := uint64(0)
	for b.Loop() {
		u, err := coverage.Enumerate(b.Context(), coverage.All()...)
		if err != nil {
			b.Fatal(err)
		}
		states = 0
		for _, s := range u.Spaces() {
			if s.Kind == coverage.States {
				states += s.Size
			}
		}
	}
	b.ReportMetric(float64(states)*float64(b.N)/b.Elapsed().Seconds(), "states/s")
}

// BenchmarkFollow makes runs plainly and with a follower that looks at them through all worlds; follow-% is what following takes more.
func BenchmarkFollow(b *testing.B) {
	u, err := coverage.Enumerate(b.Context(), coverage.All()...)
	if err != nil {
		b.Fatal(err)
	}
	f, s := u.NewFollower(), aurora.System()
	var plain, followed time.Duration
	seed := uint64(9000)
	for b.Loop() {
		for range 20 {
			seed++
			c, err := s.Generate(seed, harness.Generation{})
			if err != nil {
				b.Fatal(err)
			}
			start := time.Now()
			harness.Run(s, c)
			plain += time.Since(start)
			start = time.Now()
			harness.RunWith(s, c, harness.Options{Built: func(s *harness.Stage) { f.Begin(s.Volume, c.Seed) }, Traced: func(from node.ID, t *node.Trace) { f.Tell(from, t) }})
			if len(f.Features()) == 0 {
				b.Fatal("expected features of a run, found none")
			}
			followed += time.Since(start)
		}
	}
	b.ReportMetric(100*(followed.Seconds()/plain.Seconds()-1), "follow-%")
}
