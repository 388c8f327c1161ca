package configuration

import (
	"math"
	"time"

	fuzz "github.com/google/gofuzz"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness/sim"
)

// What follows draws the parts of a configuration that every system has, for gofuzz (fuzz.Fuzzer.Funcs). Every part has a fuzzer of
// its own, seeded by the run's seed and the part's name (PartSeed), so that what one part draws does not change the others.

// Draw draws the network, the disks and the ending of a configuration from its seed.
func (c *Configuration) Draw() {
	for _, part := range []struct {
		name string
		into any
	}{{"network", &c.Network}, {"disk", &c.Disk}, {"ending", &c.Ending}} {
		fuzz.NewWithSeed(PartSeed(c.Seed, part.name)).Funcs(FuzzNetwork, FuzzDisk, FuzzEnding).Fuzz(part.into)
	}
}

// PartSeed derives a part's seed, not negative, from that of the run.
func PartSeed(seed uint64, part string) int64 {
	h := seed ^ 0x9e3779b97f4a7c15
	for _, b := range []byte(part) {
		h = (h ^ uint64(b)) * 0xbf58476d1ce4e5b9
		h ^= h >> 29
	}
	h *= 0x94d049bb133111eb
	return int64((h ^ h>>32) & math.MaxInt64)
}

// FuzzNetwork draws a network.
func FuzzNetwork(n *sim.Network, c fuzz.Continue) {
	*n = sim.Network{Latency: Micros(c, 50, 400), Jitter: Micros(c, 10, 600), CrossZone: Micros(c, 0, 800),
		LateDelivery: c.RandBool()}
	if c.Intn(2) == 0 {
		n.TailRate, n.Tail = Percent(c, 5), Micros(c, 500, 3000)
	}
	if c.Intn(3) == 0 {
		n.Loss = Percent(c, 5)
	}
	if c.Intn(3) == 0 {
		n.Duplicate = Percent(c, 10)
	}
}

// FuzzDisk draws disks.
func FuzzDisk(d *sim.Disk, c fuzz.Continue) {
	*d = sim.Disk{Append: Micros(c, 0, 20), Sync: Micros(c, 50, 1000), Replace: Micros(c, 100, 1500), Jitter: Micros(c, 0, 500),
		SurviveRate: Percent(c, 100), EffectRate: Percent(c, 100), TornRate: Percent(c, 50)}
	if c.Intn(3) == 0 {
		d.TailRate, d.Tail = Percent(c, 5), Micros(c, 1000, 4000)
	}
}

// FuzzEnding draws an ending.
func FuzzEnding(e *Ending, c fuzz.Continue) {
	*e = Ending{Bound: faults.Duration(20 * time.Second), Calm: Micros(c, 20_000, 120_000), Settle: faults.Duration(100 * time.Millisecond), Crash: c.RandBool()}
}

// Micros draws a duration, in whole microseconds so that a configuration can be read.
func Micros(c fuzz.Continue, low, high int) faults.Duration {
	return faults.Duration(time.Duration(low+c.Intn(high-low+1)) * time.Microsecond)
}

// Percent draws a rate in whole percent, from 0 to most.
func Percent(c fuzz.Continue, most int) float64 { return float64(c.Intn(most+1)) / 100 }
