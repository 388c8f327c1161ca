//go:build unix

package check_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/firstgap/firstgap/spec/check"
	"github.com/firstgap/firstgap/spec/volume"
)

// A pace is how much was searched in what time. On a machine that does something else as well, the rate to a second
// of a core says more than the rate to a second.
type pace struct {
	states, transitions float64
	wall, cpu           time.Duration
}

func (p pace) report(b *testing.B, name string) {
	b.ReportMetric(p.states/p.wall.Seconds(), name+"states/s")
	b.ReportMetric(p.states/p.cpu.Seconds(), name+"states/core-s")
	b.ReportMetric(p.transitions/p.wall.Seconds(), name+"transitions/s")
}

func (p *pace) add(q pace) {
	p.states += q.states
	p.transitions += q.transitions
	p.wall += q.wall
	p.cpu += q.cpu
}

func spent(u *syscall.Rusage) time.Duration {
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func measured(b *testing.B, m check.Model, workers int, distinct uint64) pace {
	var before, after syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &before); err != nil {
		b.Fatal(err)
	}
	begun := time.Now()
	r, err := check.Run(b.Context(), m, check.Options{Workers: workers, NoReduction: true}) // as SPIN and TLC count
	wall := time.Since(begun)
	if err != nil {
		b.Fatal(err)
	}
	if r.Verdict != check.Pass || r.Distinct != distinct {
		b.Fatalf("expected pass with %d states, found %s with %d", distinct, r.Verdict, r.Distinct)
	}
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &after); err != nil {
		b.Fatal(err)
	}
	return pace{float64(r.Distinct), float64(r.Generated), wall, spent(&after) - spent(&before)}
}

func model(b *testing.B, w volume.World) check.Model {
	m, err := volume.NewModel(w)
	if err != nil {
		b.Fatal(err)
	}
	return m
}

// BenchmarkWorkers searches the world that TLC needs 72 s for on two idle cores, with one worker and with two.
func BenchmarkWorkers(b *testing.B) {
	m := model(b, volume.World{Groups: 1, Replicas: 3, WriteQuorum: 2, ReadQuorum: 2, Keys: 2, Txns: 2, MaxLSN: 3, MaxEpoch: 2,
		Aborts: true, Symmetry: true})
	var one, two pace
	for b.Loop() {
		one.add(measured(b, m, 1, 611_325))
		two.add(measured(b, m, 2, 611_325))
	}
	b.ReportMetric(two.wall.Seconds()/float64(b.N), "s/search-2-workers")
	one.report(b, "1-worker-")
	two.report(b, "2-workers-")
	b.ReportMetric(one.wall.Seconds()/two.wall.Seconds(), "speedup")
}

// A world of one group of four replicas, under symmetry, with aborts and mini-transactions.
var (
	largeWorld = volume.World{Groups: 1, Replicas: 4, WriteQuorum: 2, ReadQuorum: 3, Keys: 2, Txns: 2, MaxLSN: 3, MaxEpoch: 2,
		Aborts: true, Mtr: true, Symmetry: true}
	largeDistinct uint64 = 20_129_658
)

// BenchmarkMemory searches a world of more than twenty million states and divides the most memory that the process had by
// their number. The limit on that is part of what the search promises.
func BenchmarkMemory(b *testing.B) {
	const limit = 9
	m := model(b, largeWorld)
	var peak, states float64
	for b.Loop() {
		debug.FreeOSMemory()
		// What the process had before does not count.
		if err := os.WriteFile("/proc/self/clear_refs", []byte("5"), 0); err != nil {
			notMeasured(b, "expected a system that forgets a process's peak: %v", err)
		}
		states = measured(b, m, 2, largeDistinct).states
		peak = max(peak, peakMemory(b))
	}
	b.ReportMetric(states, "states")
	b.ReportMetric(peak/states, "bytes/state")
	if peak/states > limit {
		b.Errorf("expected at most %d bytes a state, found %.1f", limit, peak/states)
	}
}

// notMeasured skips a benchmark where everyone sees it: what Skip says is shown to those who ask for details only.
func notMeasured(b *testing.B, format string, args ...any) {
	fmt.Printf("\n%s NOT MEASURED: %s\n", b.Name(), fmt.Sprintf(format, args...))
	b.SkipNow()
}

func peakMemory(b *testing.B) float64 {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		b.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		var kilobytes float64
		if n, _ := fmt.Sscanf(line, "VmHWM: %f kB", &kilobytes); n == 1 {
			return kilobytes * 1024
		}
	}
	b.Fatal("/proc/self/status: expected a line VmHWM, found none")
	return 0
}

// BenchmarkSPIN has SPIN and this package search the same states: testdata/peer.pml and peer.
func BenchmarkSPIN(b *testing.B) {
	const distinct = 2_799_685
	for _, workers := range []int{1, 2} {
		b.Run(fmt.Sprintf("firstgap/workers=%d", workers), func(b *testing.B) {
			var p pace
			for b.Loop() {
				p.add(measured(b, peer{}, workers, distinct))
			}
			p.report(b, "")
		})
	}
	for _, search := range []struct {
		name  string
		flags []string
	}{{"spin", nil}, {"spin-parallel-breadth-first", []string{"-DBFS_PAR"}}} {
		b.Run(search.name, func(b *testing.B) {
			for _, tool := range []string{"spin", "gcc"} {
				if _, err := exec.LookPath(tool); err != nil {
					notMeasured(b, "expected %s on the path, found none; on Debian: apt-get install spin gcc", tool)
				}
			}
			pan := compiled(b, search.flags...)
			var p pace
			for b.Loop() {
				p.add(searchedBySPIN(b, pan, distinct))
			}
			p.report(b, "")
		})
	}
}

// compiled returns the program that SPIN makes of the model.
func compiled(b *testing.B, flags ...string) string {
	text, err := os.ReadFile("testdata/peer.pml")
	if err != nil {
		b.Fatal(err)
	}
	folder := b.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "peer.pml"), text, 0o666); err != nil {
		b.Fatal(err)
	}
	for _, command := range [][]string{{"spin", "-a", "peer.pml"}, slices.Concat([]string{"gcc", "-O2", "-DSAFETY"}, flags, []string{"-o", "pan", "pan.c"})} {
		c := exec.CommandContext(b.Context(), command[0], command[1:]...)
		c.Dir = folder
		if out, err := c.CombinedOutput(); err != nil {
			b.Fatalf("%s: %v\n%s", strings.Join(command, " "), err, out)
		}
	}
	return filepath.Join(folder, "pan")
}

var panSays = regexp.MustCompile(`(?s)errors: 0\n\s*(\d+) states, stored.*?(\d+) transitions`)

func searchedBySPIN(b *testing.B, pan string, distinct int) pace {
	c := exec.CommandContext(b.Context(), pan, "-m1000", "-w23")
	c.Dir = filepath.Dir(pan)
	begun := time.Now()
	out, err := c.CombinedOutput()
	wall := time.Since(begun)
	if err != nil {
		b.Fatalf("pan: %v\n%s", err, out)
	}
	said := panSays.FindStringSubmatch(string(out))
	if said == nil || said[1] != strconv.Itoa(distinct) {
		b.Fatalf("expected that pan stores %d states and finds no error, found\n%s", distinct, out)
	}
	transitions, err := strconv.ParseFloat(said[2], 64)
	if err != nil {
		b.Fatal(err)
	}
	return pace{float64(distinct), transitions, wall, c.ProcessState.UserTime() + c.ProcessState.SystemTime()}
}

// peer is the model of testdata/peer.pml.
type peer struct{}

const (
	peerReplicas = 6
	peerLast     = 3
	peerQuorum   = 4
)

func (peer) Name() string         { return "peer" }
func (peer) World() any           { return nil }
func (peer) Actions() []string    { return []string{"Write", "Store", "Advance", "Crash", "Restart"} }
func (peer) Reductions() []string { return nil }
func (peer) Invariants() []check.Invariant {
	return []check.Invariant{{Name: "Durable", Guarantee: "Four replicas have every record up to the VCL."}}
}
func (peer) NewMachine() check.Machine { return &peerMachine{} }

type peerMachine struct {
	store          [peerReplicas]byte
	lsn, vcl, down byte
}

func (m *peerMachine) Init() { *m = peerMachine{} }

func (m *peerMachine) Load(code []byte) error {
	if len(code) != peerReplicas+3 {
		return fmt.Errorf("expected %d bytes, found %d", peerReplicas+3, len(code))
	}
	copy(m.store[:], code)
	m.lsn, m.vcl, m.down = code[peerReplicas], code[peerReplicas+1], code[peerReplicas+2]
	return nil
}

func (m *peerMachine) Encode(dst []byte) []byte {
	return append(append(dst, m.store[:]...), m.lsn, m.vcl, m.down)
}

func (m *peerMachine) copies(l byte) int {
	n := 0
	for _, s := range m.store {
		n += int(s >> l & 1)
	}
	return n
}

func (m *peerMachine) Next(visit func(action, times int) bool) {
	before := *m
	step := func(action int) bool {
		if !visit(action, 1) {
			return false
		}
		*m = before
		return true
	}
	if m.lsn < peerLast {
		m.lsn++
		if !step(0) {
			return
		}
	}
	for r := range byte(peerReplicas) {
		for l := range m.lsn {
			if m.down == r+1 || m.store[r]>>l&1 == 1 {
				continue
			}
			m.store[r] |= 1 << l
			if !step(1) {
				return
			}
		}
	}
	if m.vcl < m.lsn && m.copies(m.vcl) >= peerQuorum {
		m.vcl++
		if !step(2) {
			return
		}
	}
	if m.down != 0 {
		m.down = 0
		step(4)
		return
	}
	for r := range byte(peerReplicas) {
		m.down = r + 1
		if !step(3) {
			return
		}
	}
}

func (m *peerMachine) Broken() int {
	if m.vcl > m.lsn || m.vcl > 0 && m.copies(m.vcl-1) < peerQuorum {
		return 0
	}
	return -1
}

func (m *peerMachine) Step() string      { return "" }
func (m *peerMachine) Vars() []check.Var { return nil }
