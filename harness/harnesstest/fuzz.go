package harnesstest

import (
	"testing"

	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/campaign"
	"github.com/firstgap/firstgap/harness/campaign/guide"
	"github.com/firstgap/firstgap/harness/judge"
)

// mostChanges is how many changes an input of `go test -fuzz` makes to a configuration, at most: with more, hardly anything is left of
// the plan that its system drew.
const mostChanges = 12

// Fuzz lets `go test -fuzz` search for configurations of which a run fails:
//
//	func FuzzMySystem(f *testing.F) {
//		harnesstest.Fuzz(f, mysystem.System(), harness.Generation{})
//	}
//
// The first byte of an input says from which seed's configuration it starts, and the others change that, as package campaign/guide does in
// a campaign, by one draw a byte. Go's coverage of the system's code says which inputs are kept. A run that fails fails the test as Run
// does, with its failure file. Without -fuzz, the configurations of a few seeds are run, and the inputs that were found before.
func Fuzz(f *testing.F, system harness.System, g harness.Generation) {
	f.Helper()
	for seed := range byte(3) {
		f.Add([]byte{seed})
		f.Add(append([]byte{seed}, "changed by bytes"...))
	}
	m := &guide.Material{System: system, Generation: g}
	f.Fuzz(func(t *testing.T, data []byte) { fuzzed(t, m, data) })
}

// fuzzed makes the run that bytes stand for.
func fuzzed(t testing.TB, m *guide.Material, data []byte) {
	t.Helper()
	c, err := m.OfBytes(data, mostChanges)
	if err != nil {
		t.Fatal(err)
	}
	if r := harness.Run(m.System, c); r.Verdict == judge.Pass {
		return
	}
	// Once more as a campaign of one run, which records it, writes its file and explains it.
	Run(t, campaign.Options{System: m.System, Given: &c, Workers: 1})
}
