package shrink_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/configuration"
	"github.com/firstgap/firstgap/harness/failure"
	"github.com/firstgap/firstgap/harness/failure/shrink"
	"github.com/firstgap/firstgap/harness/workload"
)

// ddmin is plain delta debugging (Zeller and Hildebrandt, Simplifying and isolating failure-inducing input, 2002, §3.2): of the
// indices of so many things it returns a smallest set with which the test fails, which no single one can leave.
func ddmin(things int, fails func(kept []int) bool) []int {
	kept := make([]int, things)
	for i := range kept {
		kept[i] = i
	}
	for n := 2; len(kept) >= 2; {
		chunks := slices.Collect(slices.Chunk(kept, (len(kept)+n-1)/n))
		reduced := false
		for i, c := range chunks {
			if fails(c) {
				kept, n, reduced = c, 2, true
				break
			}
			rest := slices.Concat(slices.Concat(chunks[:i]...), slices.Concat(chunks[i+1:]...))
			if len(chunks) > 2 && fails(rest) {
				kept, n, reduced = rest, max(n-1, 2), true
				break
			}
		}
		if !reduced {
			if n >= len(kept) {
				break
			}
			n = min(2*n, len(kept))
		}
	}
	return kept
}

func TestDdminFindsASmallestSet(t *testing.T) {
	tests := 0
	kept := ddmin(50, func(kept []int) bool {
		tests++
		return slices.Contains(kept, 3) && slices.Contains(kept, 29) && slices.Contains(kept, 30)
	})
	require.Equal(t, []int{3, 29, 30}, kept)
	require.Less(t, tests, 150)
}

// mostPlain is where plain delta debugging is given up: it needs that many runs at least.
const mostPlain = 2000

// plainly makes a failure smaller by ddmin over one list of the same things: transactions, requests, faults, single nodes of faults,
// nodes, features, and what is not ordinary. It counts the runs that are not the same as an earlier one.
func plainly(b *testing.B, s harness.System, f *failure.Failure) int {
	target, _ := failure.TargetOf(f.Findings)
	base := f.Configuration
	run := harness.RunWith(s, base, harness.Options{Only: target.Check})
	parts, err := shrink.PartsOf(s, base, run.Evidence.Begun)
	require.NoError(b, err)
	type thing struct{ part, index int }
	var things []thing
	for i, p := range parts {
		if p.Kind == harness.ClientPart || p.Slows && target.Check == faults.Progress {
			continue // all transactions of one client
		}
		for j := range p.Names {
			things = append(things, thing{i, j})
		}
	}
	ordinaries := shrink.Ordinaries()
	for j := range ordinaries {
		things = append(things, thing{len(parts), j})
	}
	without := func(gone []thing) configuration.Configuration {
		of := make([][]int, len(parts)+1)
		for _, t := range gone {
			of[t.part] = append(of[t.part], t.index)
		}
		c := base
		begun := slices.Clone(run.Evidence.Begun)
		slices.SortFunc(begun, func(x, y workload.Begun) int { return x.Compare(y.Pick) })
		for i, p := range parts {
			if p.Kind == harness.OperationPart {
				n := 0
				for j := range begun {
					steps := []int{}
					for _, step := range begun[j].All() {
						if !slices.Contains(of[i], n) {
							steps = append(steps, step)
						}
						n++
					}
					begun[j].Steps, begun[j].Requests = steps, len(steps)
				}
			}
		}
		strikes := true
		for i, p := range parts {
			if p.Kind == harness.OperationPart || p.Kind == harness.ClientPart {
				continue
			}
			out := of[i]
			if p.Kind == harness.FaultPart {
				// The single nodes first, which are numbered by the faults.
				at := i + 1
				if !strikes {
					at = i - 1
				}
				strikes, out = false, of[at]
			}
			now, err := shrink.PartsOf(s, c, begun)
			require.NoError(b, err)
			j := i
			if p.Kind == harness.FaultPart {
				j = map[bool]int{true: i + 1, false: i - 1}[i+1 < len(parts) && parts[i+1].Kind == harness.FaultPart]
			}
			if p.Kind != harness.TransactionPart && len(out) == 0 || len(now[j].Names) <= slices.Max(append(out, -1)) {
				continue // all that it is about has gone with something else
			}
			if cs := now[j].Without(out); len(cs) > 0 {
				c = shrink.Fitted(s, cs[0])
			}
		}
		for _, j := range of[len(parts)] {
			ordinaries[j](&c)
		}
		return c
	}
	runs := 0
	known := map[string]bool{}
	ddmin(len(things), func(kept []int) bool {
		if runs >= mostPlain {
			return false
		}
		var gone []thing
		for i := range things {
			if _, found := slices.BinarySearch(kept, i); !found {
				gone = append(gone, things[i])
			}
		}
		c := without(gone)
		if harness.Validate(s, &c) != nil {
			return false
		}
		key := c.String()
		if failed, ran := known[key]; ran {
			return failed
		}
		runs++
		r := harness.RunWith(s, c, harness.Options{Only: target.Check, Events: 2*f.Counts.World.Events + 10_000})
		known[key] = target.In(&r) != nil
		return known[key]
	})
	return runs
}

// compare makes failures smaller both ways, and reports the runs of each.
func compare(b *testing.B, all map[string]broken) {
	for b.Loop() {
		clever, plain := 0, 0
		for name, of := range all {
			r, err := shrink.Shrink(b.Context(), of.system, of.failure, shrink.Options{})
			require.NoError(b, err)
			require.True(b, r.Minimal, name)
			runs := plainly(b, of.system, of.failure)
			b.Logf("%s: %d runs, plainly %d", name, r.Runs, runs)
			clever, plain = clever+r.Runs, plain+runs
		}
		b.ReportMetric(float64(clever)/float64(len(all)), "runs")
		b.ReportMetric(float64(plain)/float64(len(all)), "plain-runs")
		b.ReportMetric(float64(clever)/float64(plain), "ratio")
	}
}

// BenchmarkShrink says how many runs it takes to make a failure smaller, and how many plain delta debugging takes over the same things:
// ratio is to be at most 0.5.
func BenchmarkShrink(b *testing.B) {
	all := failures(b)
	s := system(3, 3)
	all["brittle"] = broken{s, failed(b, s, planned(b, s))}
	compare(b, all)
}
