package store

import (
	"flag"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/harness/campaign/coverage"
	"github.com/firstgap/firstgap/harness/campaign/job"
	"github.com/firstgap/firstgap/harness/judge"
)

// benchLines is how many lines the store of the benchmarks has: 10,000,000 are some 8 GB, and take a quarter of an hour to write.
var benchLines = flag.Int("firstgap.store-lines", 250_000, "lines of the store that benchmarks read")

// like returns lines that are as long as those of real runs: two counters of three are not zero, and little is new.
func like(h *Header, from uint64, n int) []job.Line {
	lines := make([]job.Line, n)
	for i := range lines {
		number := from + uint64(i)
		r := rand.New(rand.NewPCG(number, 0))
		l := job.Line{Number: number, Arm: []job.Arm{job.Random, job.Guided}[number%2], Seed: number, Hash: r.Uint64(), Verdict: judge.Pass,
			Work: 5000 + r.Uint64N(5000), Seconds: r.Float64() / 100, At: 1_700_000_000_000 + int64(number), By: "worker-1", Made: []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, Shapes: 4}
		l.Counts = make([]uint64, len(h.Counters))
		for j := range l.Counts {
			l.Counts[j] = max(r.Uint64N(300), 100) - 100
		}
		if r.IntN(20) == 0 {
			l.New = coverage.Features{coverage.At(0, r.Uint64N(500)), coverage.At(coverage.Shapes, r.Uint64N(1<<40))}
			l.Kept = true
		}
		lines[i] = l
	}
	return lines
}

// filled makes a store of so many lines. The lines of every segment but for their numbers are those of the first.
func filled(b *testing.B, number int) string {
	folder := filepath.Join(b.TempDir(), "campaign")
	h := toy()
	h.Segment = 0
	s, err := Create(folder, h)
	require.NoError(b, err)
	for from := 0; from < number; from += 1000 {
		require.NoError(b, s.Append(like(s.Header(), uint64(from), min(1000, number-from))...))
	}
	require.NoError(b, s.Close())
	size := int64(0)
	files, err := filepath.Glob(filepath.Join(folder, "lines", "*"))
	require.NoError(b, err)
	for _, f := range files {
		info, err := os.Stat(f)
		require.NoError(b, err)
		size += info.Size()
	}
	b.Logf("%d lines are %d files, %d bytes", number, len(files), size)
	return folder
}

// How long firstgap serve takes to say what a campaign came to, a resumed campaign to begin, and a reader of everything to end.
func BenchmarkReading(b *testing.B) {
	// The last file is nearly full: the worst case, of which every line is read.
	number := *benchLines - 1
	folder := filled(b, number)
	b.Run("fold", func(b *testing.B) {
		for b.Loop() {
			r, err := Read(folder)
			require.NoError(b, err)
			f, err := r.Fold()
			require.NoError(b, err)
			require.Equal(b, uint64(number), f.Lines)
		}
	})
	b.Run("open", func(b *testing.B) {
		for b.Loop() {
			s, err := Open(folder)
			require.NoError(b, err)
			require.NoError(b, s.Close())
		}
	})
	b.Run("lines", func(b *testing.B) {
		for b.Loop() {
			r, err := Read(folder)
			require.NoError(b, err)
			n := 0
			require.NoError(b, r.Lines(0, func(*job.Line) error { n++; return nil }))
			require.Equal(b, number, n)
		}
		b.ReportMetric(float64(number)*float64(b.N)/b.Elapsed().Seconds(), "lines/s")
	})
}

// What a line costs the coordinator, one by one as outcomes come.
func BenchmarkAppend(b *testing.B) {
	h := toy()
	h.Segment = 0
	s, err := Create(b.TempDir(), h)
	require.NoError(b, err)
	defer s.Close()
	lines := like(s.Header(), 0, 10_000)
	n := uint64(0)
	for b.Loop() {
		l := lines[n%10_000]
		l.Number = n
		require.NoError(b, s.Append(l))
		n++
	}
}

// What a kept configuration costs the coordinator: it is on the disk when PutEntry returns.
func BenchmarkPutEntry(b *testing.B) {
	s, err := Create(b.TempDir(), toy())
	require.NoError(b, err)
	defer s.Close()
	line := job.Line{}
	n := uint64(0)
	for b.Loop() {
		require.NoError(b, s.PutEntry(anEntry(n, &line)))
		n++
	}
}
