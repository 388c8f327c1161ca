package older

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	fuzz "github.com/google/gofuzz"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/configuration"
	"github.com/firstgap/firstgap/harness/sim"
	"github.com/firstgap/firstgap/harness/workload"
	"github.com/firstgap/firstgap/impl/baseline/database"
)

// Settings are those of a design under a database.
type Settings struct {
	Database Database          `json:"database"`
	Workload workload.Workload `json:"workload"`
}

// Database configures each instance.
type Database struct {
	Pages         int             `json:"pages"`
	PageSize      int             `json:"pageSize"`   // bytes
	CachePages    int             `json:"cachePages"` // fewer than there are to make it read
	KeepLog       int             `json:"keepLog"`    // bytes of log before what no recovery needs is dropped
	DoubleWrite   bool            `json:"doubleWrite"`
	FlushAfter    faults.Duration `json:"flushAfter"` // how long a page may be ahead of the disk
	TickEvery     faults.Duration `json:"tickEvery"`  // how often overdue things are looked after
	IdleAfter     faults.Duration `json:"idleAfter"`  // for how long it is patient with a silent client
	SnapshotEvery faults.Duration `json:"snapshotEvery,omitempty"`
}

// RegisterSettings are those of the versioned registers.
type RegisterSettings struct {
	Register   Register        `json:"register"`
	RetryEvery faults.Duration `json:"retryEvery"` // of a front, when replicas do not answer
	IdleAfter  faults.Duration `json:"idleAfter"`  // for how long it is patient with a silent client
	Workload   Calls           `json:"workload"`
}

// Limits of settings: what fits a run in memory.
const (
	maxPages    = 1 << 12
	maxPageSize = 1 << 16
	maxLog      = 1 << 24
	maxReplicas = 9 // of the registers' model
)

func within(field string, found, low, high int) error {
	if found < low || found > high {
		return &configuration.Error{Field: field, Found: fmt.Sprint(found), Want: fmt.Sprintf("%d to %d", low, high)}
	}
	return nil
}

// patient refuses a node that is more patient than its clients: a transaction that its client has given up would keep its rows
// for longer than the next one waits for them, and so on for ever.
func patient(field string, idle, timeout faults.Duration) error {
	if idle >= timeout {
		return &configuration.Error{Field: field, Found: idle.String(), Want: "less than workload.timeout, " + timeout.String()}
	}
	return nil
}

// validate refuses settings that cannot be run: all that is wrong with them.
func (s *Settings) validate() error {
	d := &s.Database
	broken := []error{
		within("database.pages", d.Pages, 1, maxPages), within("database.pageSize", d.PageSize, 512, maxPageSize),
		within("database.cachePages", d.CachePages, 1, maxPages), within("database.keepLog", d.KeepLog, 512, maxLog),
		configuration.Within("database.flushAfter", d.FlushAfter), configuration.Within("database.tickEvery", d.TickEvery),
		configuration.Within("database.idleAfter", d.IdleAfter), patient("database.idleAfter", d.IdleAfter, s.Workload.Timeout),
		configuration.Within("database.snapshotEvery", max(d.SnapshotEvery, faults.Duration(time.Microsecond))), s.Workload.Validate(),
	}
	if m := s.Workload.Mix; m.Savepoint > 0 || m.Wrong > 0 {
		broken = append(broken, &configuration.Error{Field: "workload.mix", Found: "one with savepoints or wrong requests", Want: "neither: these databases have no savepoints, and forget a transaction that has ended"})
	}
	if most := min(d.PageSize/4, database.DefaultLimits().Value); s.Workload.MostBytes() > most {
		broken = append(broken, &configuration.Error{Field: "workload.valueBytes", Found: fmt.Sprintf("so large that a row has %d bytes", s.Workload.MostBytes()),
			Want: fmt.Sprintf("at most %d bytes of a row in pages of %d", most, d.PageSize)})
	}
	return errors.Join(broken...)
}

func (s *RegisterSettings) validate() error {
	q := s.Register
	broken := []error{within("register.n", q.N, 1, maxReplicas), within("register.r", q.R, 1, q.N), within("register.w", q.W, 1, q.N),
		configuration.Within("retryEvery", s.RetryEvery), configuration.Within("idleAfter", s.IdleAfter), patient("idleAfter", s.IdleAfter, s.Workload.Timeout)}
	return errors.Join(append(broken, s.Workload.validate()...)...)
}

// Generate implements harness.System.
func (s *databases) Generate(seed uint64, g harness.Generation) (configuration.Configuration, error) {
	set := Settings{}
	draw(seed, "settings", func(f fuzz.Continue) {
		set.Workload = fuzzWorkload(f)
		set.Database = fuzzDatabase(f)
	})
	set.Workload.ValueBytes = min(set.Workload.ValueBytes, 200)
	c, err := generate(s.name, seed, g, &set, s.shape(&set))
	if s.only {
		// The disk is the only copy, and an empty one is a new database: it forgets everything and does not know that it did.
		// No budget forgives that, and no plan that is drawn asks for it.
		c.Plan.Faults = slices.DeleteFunc(c.Plan.Faults, func(f faults.Fault) bool { return f.Kind == faults.DiskLost })
	}
	return c, errors.Join(err, harness.Validate(s, &c))
}

// Generate implements harness.System.
func (s registers) Generate(seed uint64, g harness.Generation) (configuration.Configuration, error) {
	set := RegisterSettings{}
	draw(seed, "settings", func(f fuzz.Continue) {
		all := []Register{{3, 2, 2, true}, {3, 2, 2, true}, {3, 2, 2, true}, {5, 3, 3, true}, {5, 2, 4, true}, {4, 2, 3, true}, {3, 3, 1, true}, {3, 1, 3, true}, {6, 3, 4, true}}
		set.Register = all[f.Intn(len(all))]
		set.RetryEvery, set.IdleAfter = micros(f, 4_000, 10_000), micros(f, 20_000, 50_000)
		set.Workload = Calls{Clients: 2 + f.Intn(6), Keys: 1 + f.Intn(6), Writes: 3 + f.Intn(5), Timeout: micros(f, 60_000, 120_000)}
		set.Workload.Each = (40 + f.Intn(60)) / set.Workload.Clients
		set.Workload.Think = micros(f, 500, 3_000) * faults.Duration(set.Workload.Clients)
	})
	c, err := generate(s.Name(), seed, g, &set, set.topology())
	return c, errors.Join(err, harness.Validate(s, &c))
}

// generate draws what every design has, and makes a configuration of it.
func generate(name string, seed uint64, g harness.Generation, settings any, t faults.Topology) (configuration.Configuration, error) {
	c := configuration.Configuration{Version: configuration.Version, System: name, Seed: seed, Bug: g.Bug,
		Limits: sim.Limits{Events: 1_000_000, Time: faults.Duration(2 * time.Minute), Bytes: 256 << 20}}
	text, err := json.Marshal(settings)
	if err != nil {
		return c, err
	}
	c.Settings = text
	draw(seed, "machines", func(f fuzz.Continue) { c.Network, c.Disk = fuzzNetwork(f), fuzzDisk(f) })
	draw(seed, "ending", func(f fuzz.Continue) {
		c.Ending = configuration.Ending{Bound: faults.Duration(5 * time.Second), Calm: micros(f, 20_000, 120_000),
			Settle: faults.Duration(time.Millisecond), Crash: t.Active() == "" || f.RandBool()}
	})
	plans := faults.Generator{Topology: t, Faults: 5, Lost: true, Horizon: faults.Duration(300+seed%5*50) * faults.Duration(time.Millisecond),
		Beyond: partSeed(seed, "beyond")%8 == 0}
	c.Plan, err = plans.Plan(partSeed(seed, "plan"))
	return c, err
}

// draw fills a part of a configuration by a fuzzer of its own, so that what one part draws does not change the others.
func draw(seed uint64, part string, fill func(fuzz.Continue)) {
	var drawn struct{ any int }
	fuzz.NewWithSeed(partSeed(seed, part)).Funcs(func(_ *struct{ any int }, f fuzz.Continue) { fill(f) }).Fuzz(&drawn)
}

// partSeed derives a part's seed, not negative, from that of the run.
func partSeed(seed uint64, part string) int64 {
	h := seed ^ 0x9e3779b97f4a7c15
	for _, b := range []byte(part) {
		h = (h ^ uint64(b)) * 0xbf58476d1ce4e5b9
		h ^= h >> 29
	}
	h *= 0x94d049bb133111eb
	return int64((h ^ h>>32) & math.MaxInt64)
}

func fuzzDatabase(f fuzz.Continue) Database {
	sizes := []int{4096, 8192, 16384}
	pages := 16 << f.Intn(2)
	return Database{Pages: pages, PageSize: sizes[f.Intn(len(sizes))], CachePages: 2 + f.Intn(pages), KeepLog: 4096 << f.Intn(4), DoubleWrite: f.Intn(4) > 0,
		FlushAfter: micros(f, 2_000, 30_000), TickEvery: micros(f, 3_000, 8_000), IdleAfter: micros(f, 20_000, 50_000), SnapshotEvery: micros(f, 20_000, 100_000)}
}

func fuzzWorkload(f fuzz.Continue) workload.Workload {
	w := workload.Workload{Clients: 1 + f.Intn(6), Accounts: 2 + f.Intn(5), Rows: 2 + f.Intn(18), Balance: 100 * (1 + f.Intn(10)),
		Churn: 20 + f.Intn(60), KeyBytes: 12 + f.Intn(40), ValueBytes: 24 + f.Intn(1<<(4+f.Intn(4))), Timeout: micros(f, 60_000, 150_000),
		Mix: workload.Mix{Transfer: 1 + f.Intn(8), Put: f.Intn(5), MultiPut: f.Intn(5), Delete: f.Intn(4), Rewrite: f.Intn(4),
			Read: 1 + f.Intn(5), Abort: f.Intn(3), Tangle: f.Intn(4), Silent: f.Intn(2), Scan: 1 + f.Intn(3), Churn: 1 + f.Intn(4), Long: f.Intn(2)},
	}
	// About as many transactions, over about as long, whether few clients ask for them or many.
	w.Transactions = (40 + f.Intn(40)) / w.Clients
	w.Think = micros(f, 1_000, 6_000) * faults.Duration(w.Clients)
	return w
}

func fuzzNetwork(f fuzz.Continue) sim.Network {
	n := sim.Network{Latency: micros(f, 50, 400), Jitter: micros(f, 10, 600), CrossZone: micros(f, 0, 800), LateDelivery: f.RandBool()}
	if f.Intn(2) == 0 {
		n.TailRate, n.Tail = percent(f, 5), micros(f, 500, 3000)
	}
	if f.Intn(3) == 0 {
		n.Loss = percent(f, 3)
	}
	if f.Intn(3) == 0 {
		n.Duplicate = percent(f, 10)
	}
	return n
}

func fuzzDisk(f fuzz.Continue) sim.Disk {
	return sim.Disk{Append: micros(f, 0, 20), Sync: micros(f, 50, 1000), Replace: micros(f, 100, 1500), Jitter: micros(f, 0, 500),
		SurviveRate: percent(f, 100), EffectRate: percent(f, 100), TornRate: percent(f, 50)}
}

// micros draws a duration, in whole microseconds so that a configuration can be read.
func micros(f fuzz.Continue, low, high int) faults.Duration {
	return faults.Duration(time.Duration(low+f.Intn(high-low+1)) * time.Microsecond)
}

// percent draws a rate in whole percent, from 0 to most.
func percent(f fuzz.Continue, most int) float64 { return float64(f.Intn(most+1)) / 100 }
