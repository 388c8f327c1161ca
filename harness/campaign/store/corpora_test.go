package store

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/harness/campaign/coverage"
	"github.com/firstgap/firstgap/harness/campaign/job"
	"github.com/firstgap/firstgap/harness/configuration"
)

func begun(t *testing.T, change func(*Header)) *Store {
	t.Helper()
	h := crashing()
	if change != nil {
		change(&h)
	}
	folder := filepath.Join(t.TempDir(), "campaign")
	require.NoError(t, os.Mkdir(folder, 0o755))
	s, err := create(folder, h, record(folder))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

func entry(seed, work uint64, seen ...coverage.Feature) Entry {
	return Entry{Number: seed, Arm: job.Random, Seed: seed, Work: work, Seen: coverage.Sorted(seen), Configuration: aConfiguration(seed)}
}

func numbers(entries []Entry) (all []uint64) {
	for _, e := range entries {
		all = append(all, e.Number)
	}
	return all
}

func TestAnEntryIsThereOnceAndInOrder(t *testing.T) {
	s := begun(t, nil)
	for _, n := range []uint64{3, 1, 2, 1} {
		require.NoError(t, s.PutEntry(entry(n, 5, coverage.At(0, n))))
	}
	again := entry(7, 9, coverage.At(0, 1)) // the same configuration came up once more
	again.Configuration = aConfiguration(1)
	require.NoError(t, s.PutEntry(again))
	foreign := entry(0, 5, coverage.At(0, 9))
	foreign.Campaign = "another"
	require.NoError(t, s.PutEntry(foreign))
	foreign.Number = 50
	require.NoError(t, s.PutEntry(foreign)) // which is there
	entries, err := s.Entries()
	require.NoError(t, err)
	require.Equal(t, []uint64{1, 2, 3, 0}, numbers(entries))
	require.Equal(t, []string{s.Header().ID(), "another"}, []string{entries[0].Campaign, entries[3].Campaign})

	// What was merged stays where the campaign itself comes to it: what a campaign that was killed makes of both must not depend on when.
	require.NoError(t, s.PutEntry(entry(0, 5, coverage.At(0, 9))))
	entries, err = s.Entries()
	require.NoError(t, err)
	require.Equal(t, []uint64{0, 1, 2, 3, 0}, numbers(entries))
	require.Len(t, Cover(entries, true).Dropped, 1)

	var limit *LimitError
	e := entry(9, 5)
	e.Configuration = nil
	require.ErrorAs(t, s.PutEntry(e), &limit)
	e.Configuration = &configuration.Configuration{System: "ebs"}
	require.ErrorAs(t, s.PutEntry(e), &limit)
	require.ErrorAs(t, s.PutEntry(entry(9, 5, coverage.At(0, 500))), &limit)
}

// Entries without a line are those of a job that did not end. Those of other campaigns have no line.
func TestAnEntryWithoutItsLineIsGoneWhenTheCampaignGoesOn(t *testing.T) {
	s := begun(t, nil)
	require.NoError(t, s.PutEntry(entry(0, 5)))
	require.NoError(t, s.PutEntry(entry(1, 5)))
	foreign := entry(8, 5)
	foreign.Campaign = "another"
	require.NoError(t, s.PutEntry(foreign))
	require.NoError(t, s.Append(job.Line{Number: 0, Kept: true}))
	require.NoError(t, s.lock.Close())
	again, err := reopen(s.Folder(), record(s.Folder()))
	require.NoError(t, err)
	entries, err := again.Entries()
	require.NoError(t, err)
	require.Equal(t, []uint64{0, 8}, numbers(entries))
	require.NoError(t, again.Close())
	s.lock, err = take(s.Folder()) // for its Close
	require.NoError(t, err)
}

func TestCorporaOfOneKindAreMerged(t *testing.T) {
	into := begun(t, nil)
	from := begun(t, func(h *Header) { h.Seed = 2 })
	for n := range uint64(4) {
		require.NoError(t, from.PutEntry(entry(n, 5, coverage.At(0, n))))
	}
	require.NoError(t, into.PutEntry(entry(2, 5, coverage.At(0, 2))))
	r, err := Read(from.Folder())
	require.NoError(t, err)
	m, err := into.Merge(r)
	require.NoError(t, err)
	require.Equal(t, Merged{Taken: 3, There: 1}, m)
	m, err = into.Merge(r)
	require.NoError(t, err)
	require.Equal(t, Merged{There: 4}, m)
	entries, err := into.Entries()
	require.NoError(t, err)
	require.Len(t, entries, 4)

	// Of a copy of the campaign itself nothing is taken: it comes to what the copy has come to.
	same, err := into.Merge(into.Reader)
	require.NoError(t, err)
	require.Equal(t, Merged{There: 4}, same)

	// Damaged entries are left out and counted.
	entries, err = from.Entries()
	require.NoError(t, err)
	file, err := from.entryFile(&entries[1])
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(from.Folder(), file), []byte("{"), 0o644))
	m, err = begun(t, nil).Merge(r)
	require.NoError(t, err)
	require.Equal(t, Merged{Taken: 3, Damaged: 1}, m)
}

func TestCorporaOfDifferentThingsAreNotMerged(t *testing.T) {
	into := begun(t, nil)
	for want, change := range map[string]func(*Header){
		"the system of INTO, aurora, found ebs":                                                                        func(h *Header) { h.System = "ebs" },
		"the planted bug of INTO, none, found cut-at-highest":                                                          func(h *Header) { h.Bug = "cut-at-highest" },
		"the spaces of INTO, 2, found 1":                                                                               func(h *Header) { h.Spaces = h.Spaces[:1] },
		"the space 1 of INTO, 40 pairs of tiny with the digest d2, found 40 pairs of tiny with the digest d3":          func(h *Header) { h.Spaces[1].Digest = "d3" },
		"the space 0 of INTO, 500 states of tiny with the digest d1, found 500 transitions of tiny with the digest d1": func(h *Header) { h.Spaces[0].Kind = "transitions" },
	} {
		from := begun(t, change)
		_, err := into.Merge(from.Reader)
		var other *OtherError
		require.ErrorAs(t, err, &other)
		other.Folder, other.Other = "INTO", "FROM"
		require.EqualError(t, err, "campaign FROM: expected "+want)
	}
}

func TestCover(t *testing.T) {
	at := func(i uint64) coverage.Feature { return coverage.At(0, i) }
	shape := func(i uint64) coverage.Feature { return coverage.At(coverage.Shapes, i) }
	entries := []Entry{
		entry(0, 9, at(1), at(2)),
		entry(1, 9, at(1), at(2), at(3)),
		entry(2, 9, at(4), shape(1)),
		entry(3, 2, at(4)), // as much of the spaces, and less work
		entry(4, 1, shape(2)),
		entry(5, 1),
	}
	m := Cover(entries, true)
	require.Equal(t, []uint64{1, 2, 4}, numbers(m.Kept))
	require.Equal(t, []uint64{0, 3, 5}, numbers(m.Dropped))
	require.Equal(t, 6, m.Reached)
	m = Cover(entries, false)
	require.Equal(t, []uint64{1, 3}, numbers(m.Kept))
	require.Equal(t, 4, m.Reached)
	require.Zero(t, Cover(nil, true))
}

// greedy is Cover as one would write it first.
func greedy(entries []Entry, shapes bool) (kept []uint64) {
	left := map[coverage.Feature]bool{}
	for _, e := range entries {
		for _, f := range e.Seen {
			left[f] = shapes || f.Space() != coverage.Shapes
		}
	}
	for {
		best, most := -1, 0
		for i, e := range entries {
			gain := 0
			for _, f := range e.Seen {
				if left[f] {
					gain++
				}
			}
			if gain > most || gain == most && gain > 0 && e.Work < entries[best].Work {
				best, most = i, gain
			}
		}
		if best < 0 {
			slices.Sort(kept)
			return kept
		}
		kept = append(kept, entries[best].Number)
		for _, f := range entries[best].Seen {
			left[f] = false
		}
	}
}

// What is kept reaches all that was reached, and is what the plain way to choose keeps.
func TestCoverIsThatOfThePlainWay(t *testing.T) {
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 2))
		var entries []Entry
		for n := range uint64(r.IntN(25)) {
			var seen []coverage.Feature
			for range r.IntN(9) {
				seen = append(seen, coverage.At([]int{0, 1, coverage.Shapes}[r.IntN(3)], r.Uint64N(12)))
			}
			entries = append(entries, entry(n, r.Uint64N(3), seen...))
		}
		for _, shapes := range []bool{true, false} {
			m := Cover(entries, shapes)
			require.Equal(t, greedy(entries, shapes), numbers(m.Kept))
			require.Len(t, entries, len(m.Kept)+len(m.Dropped))
			reached := map[coverage.Feature]bool{}
			for _, e := range m.Kept {
				for _, f := range e.Seen {
					if shapes || f.Space() != coverage.Shapes {
						reached[f] = true
					}
				}
			}
			require.Len(t, reached, m.Reached)
		}
	}
}

func TestMinimiseAndExport(t *testing.T) {
	s := begun(t, nil)
	require.NoError(t, s.PutEntry(entry(0, 5, coverage.At(0, 1))))
	require.NoError(t, s.PutEntry(entry(1, 5, coverage.At(0, 1), coverage.At(0, 2))))
	out := filepath.Join(t.TempDir(), "new", "out")
	n, err := s.Export(out)
	require.NoError(t, err)
	require.Equal(t, 2, n)
	m, err := s.Minimise(true)
	require.NoError(t, err)
	require.Equal(t, []uint64{0}, numbers(m.Dropped))
	entries, err := s.Entries()
	require.NoError(t, err)
	require.Equal(t, []uint64{1}, numbers(entries))
	n, err = s.Export(out) // over the same again
	require.NoError(t, err)
	require.Equal(t, 1, n)
	files, err := filepath.Glob(filepath.Join(out, "*"))
	require.NoError(t, err)
	require.Len(t, files, 2)
	for _, f := range files {
		require.NoError(t, os.WriteFile(f, []byte("{}"), 0o644))
	}
	_, err = s.Export(out)
	var limit *LimitError
	require.ErrorAs(t, err, &limit)
}
