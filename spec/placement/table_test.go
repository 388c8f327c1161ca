package placement

import (
	"math/bits"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/spec/check"
)

func TestTable(t *testing.T) {
	text, err := Table(Designs())
	require.NoError(t, err)
	require.Equal(t, `design                             N  AZs  W            R              sets  writes  reads  data  silent  AZ: writes  reads  data  AZ+1: reads  data
local disk                         1  1    1            1              2     1       1      1     1       no          no     no    no           no
EBS pair                           2  1    2            1              4     1       3      3     1       no          no     no    no           no
mirrored MySQL                     4  2    4            1              16    1       15     15    1       no          yes    yes   yes          yes
one in each AZ                     3  3    2            2              8     4       4      4     1       yes         yes    yes   no           no
Aurora                             6  3    4            3              64    22      42     42    1       yes         yes    yes   yes          yes
Aurora, full and tail              6  3    4 or 3 full  3 with 1 full  64    23      41     41    1       yes         yes    yes   yes          yes
full and tail, two full in one AZ  6  3    4 or 3 full  3 with 1 full  64    23      41     41    1       yes         yes    yes   no           no
Aurora, two of an AZ on one host   6  3    4            3              64    22      42     42    1       yes         yes    yes   no           no
Aurora's quorums in two AZs        6  2    4            3              64    22      42     42    1       no          yes    yes   no           no
reads as strong as writes          6  3    4            4              64    22      22     42    7       yes         yes    yes   no           yes
quorums that do not meet           6  3    3            3              64    42      42     22    0       yes         yes    yes   yes          no
three in each AZ                   9  3    6            4              512   130     382    382   1       yes         yes    yes   yes          yes

sets         all sets of replicas, the empty one included
writes       of those, how many may be out while a write quorum is left
reads        how many may be out while a read quorum is left
data         how many may lose their disks while every acknowledged record is on another, and its page, too
silent       how many may forget without a word while every read still finds every acknowledged record
AZ, AZ+1     what goes on with one AZ gone, and with one more host gone as well
W, R         a quorum of so many replicas; "full" counts those with pages only
`, text)

	bad := Designs()[:1]
	bad[0].World.WriteQuorum = 2
	_, err = Table(bad)
	require.EqualError(t, err, `design "local disk": world: writeQuorum is 2; expected 1 to 1 (replicas)`)
}

func design(t *testing.T, name string) World {
	t.Helper()
	for _, d := range Designs() {
		if d.Name == name {
			return d.World
		}
	}
	require.Fail(t, "no such design", name)
	return World{}
}

// Aurora by hand: of the 64 sets of failures, writes go on in those of at most two replicas, reads in those of at most
// three; data is kept in those of at most three; and not one replica may forget.
func TestAurorasFigures(t *testing.T) {
	f, err := design(t, "Aurora").Figures()
	require.NoError(t, err)
	require.Equal(t, 64, f.Sets)
	require.Equal(t, 1+6+15, f.Writes)
	require.Equal(t, 1+6+15+20, f.Reads)
	require.Equal(t, 1+6+15+20, f.Data)
	require.Equal(t, 1, f.Silent)

	w, err := design(t, "Aurora").complete()
	require.NoError(t, err)
	m := newModule(w)
	for d := range 64 {
		require.Equal(t, bits.OnesCount(uint(d)) <= 2, m.writes[m.replica&^set(d)], "writes without %v", set(d))
		require.Equal(t, bits.OnesCount(uint(d)) <= 3, m.reads[m.replica&^set(d)], "reads without %v", set(d))
	}
}

// What the table says without a search, a search finds: a design keeps a promise in every behaviour exactly when the
// table says so; and all but the one whose quorums do not meet are durable.
func TestTableAgreesWithTheSearch(t *testing.T) {
	for _, d := range Designs() {
		if d.World.replicas() > 6 {
			continue // more states than a test should search
		}
		t.Run(d.Name, func(t *testing.T) {
			w := d.World
			w.Symmetry = true
			f, err := w.Figures()
			require.NoError(t, err)
			meet := f.Silent > 0
			for _, p := range Promises() {
				w.Promise = []Promise{p}
				r := search(t, w)
				switch {
				case !f.Keeps[p]:
					require.Equal(t, check.Violation, r.Verdict, p)
					if meet {
						require.NotEqual(t, "Durable", r.Invariant, p)
					}
				case meet:
					require.Equal(t, check.Pass, r.Verdict, "%s: %s", p, r.Invariant)
				default:
					require.Equal(t, "Durable", r.Invariant)
				}
			}
			w.Promise = nil
			w.WritesIn, w.ReadsIn, w.DataIn, w.SilentIn = f.Writes, f.Reads, f.Data, f.Silent
			if meet {
				require.Equal(t, check.Pass, search(t, w).Verdict)
			}
			// One replica may forget exactly when the table has room for all sets of one.
			if meet && w.replicas() > 1 {
				w.MaxSilent = 1
				if f.Silent > w.replicas() {
					require.Equal(t, check.Pass, search(t, w).Verdict)
				} else {
					require.Equal(t, "Durable", search(t, w).Invariant)
				}
			}
		})
	}
}

// The figures again, by the dumbest definitions: quorums as lists, and nothing shared with the package.
func TestFiguresByDefinition(t *testing.T) {
	for _, d := range Designs() {
		w, err := d.World.complete()
		require.NoError(t, err)
		n := w.replicas()
		full := map[int]bool{}
		for _, r := range w.Full {
			full[r] = true
		}
		size := func(q int) (all, pages int) {
			for r := 1; r <= n; r++ {
				if q>>(r-1)&1 == 1 {
					all++
					if full[r] {
						pages++
					}
				}
			}
			return all, pages
		}
		writes := func(q int) bool {
			all, pages := size(q)
			return all >= w.WriteQuorum || w.WriteFull > 0 && pages >= w.WriteFull
		}
		reads := func(q int) bool {
			all, pages := size(q)
			return all >= w.ReadQuorum && pages >= w.ReadFull
		}
		var want Figures
		for d := range 1 << n {
			want.Sets++
			kept, harmless := true, true
			for p := range 1 << n {
				if !writes(p) {
					continue
				}
				kept = kept && p&^d != 0
				if n > 6 {
					continue // too many pairs of quorums: Silent is then not compared
				}
				for q := range 1 << n {
					harmless = harmless && (!reads(q) || p&q&^d != 0)
				}
			}
			_, pages := size(1<<n - 1 - d)
			for _, c := range []struct {
				kept  bool
				count *int
			}{{writes(1<<n - 1 - d), &want.Writes}, {reads(1<<n - 1 - d), &want.Reads}, {kept && pages > 0, &want.Data}, {harmless, &want.Silent}} {
				if c.kept {
					*c.count++
				}
			}
		}
		f, err := d.World.Figures()
		require.NoError(t, err)
		f.Keeps = nil
		if n > 6 {
			want.Silent = f.Silent
		}
		require.Equal(t, want, f, d.Name)
	}
}
