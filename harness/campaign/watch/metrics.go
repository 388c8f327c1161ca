package watch

import (
	"context"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/firstgap/firstgap/harness/campaign/job"
	"github.com/firstgap/firstgap/harness/internal/loopback"
	"github.com/firstgap/firstgap/harness/judge"
)

// Metrics are a campaign's for Prometheus: what it asks for is made of the last status. They have a registry of their own, so that nothing
// else of the process is among them.
type Metrics struct {
	last     atomic.Pointer[Status]
	registry *prometheus.Registry
}

// NewMetrics returns the metrics of a campaign of which nothing is known yet.
func NewMetrics() *Metrics {
	m := &Metrics{registry: prometheus.NewRegistry()}
	m.registry.MustRegister(collector{m})
	return m
}

// Show says how the campaign stands now. The status is not to be changed any more.
func (m *Metrics) Show(s *Status) { m.last.Store(s) }

// Handler answers what Prometheus asks for, at /metrics.
func (m *Metrics) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/metrics", promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4}))
	return mux
}

// Listen listens where metrics are to be asked for: at HOST:PORT, on loopback where no host is named. Prometheus on another machine needs an
// address that it reaches, and then everybody who reaches it can read them.
func Listen(ctx context.Context, address string) (net.Listener, error) {
	return loopback.Listen(ctx, address)
}

// Serve answers Prometheus until the context ends, and returns nil then. It takes the listener over.
func (m *Metrics) Serve(ctx context.Context, l net.Listener) error {
	return loopback.Serve(ctx, l, m.Handler())
}

// Begin serves metrics at an address (see Listen) until the function that it returns is called, which says what went wrong meanwhile:
// also while an interrupted campaign comes to its end.
func (m *Metrics) Begin(ctx context.Context, address string) (end func() error, err error) {
	l, err := Listen(ctx, address)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	served := make(chan error, 1)
	go func() { served <- m.Serve(ctx, l) }()
	return func() error {
		cancel()
		return <-served
	}, nil
}

// A family is a metric with all its labels' values.
type family struct {
	name, help string
	kind       prometheus.ValueType
	labels     []string
	samples    []sample
}

type sample struct {
	value  float64
	labels []string
}

func (f *family) add(value float64, labels ...string) {
	for i := range labels {
		labels[i] = strings.ToValidUTF8(labels[i], "�") // one that is not would spoil all that is asked for
	}
	f.samples = append(f.samples, sample{value, labels})
}

func (f *family) desc() *prometheus.Desc {
	return prometheus.NewDesc("firstgap_campaign_"+f.name, f.help, f.labels, nil)
}

// families are the metrics of a status. Every one is there from the first status on, with 0 where nothing happened: of what appears late,
// Prometheus knows no rate of its first step.
func families(s *Status) []*family {
	var all []*family
	of := func(kind prometheus.ValueType, name, help string, labels ...string) *family {
		f := &family{name: name, help: help, kind: kind, labels: labels}
		all = append(all, f)
		return f
	}
	gauge := func(name, help string, value float64) { of(prometheus.GaugeValue, name, help).add(value) }
	counter := func(name, help string, value float64) { of(prometheus.CounterValue, name, help).add(value) }

	of(prometheus.GaugeValue, "info", "Always 1: which campaign of which system this is, and by which build.", "campaign", "system", "build").add(1, s.Campaign, s.System, s.Build)
	gauge("elapsed_seconds", "How long processes have worked for the campaign.", s.Elapsed.Seconds())
	gauge("left_seconds", "How long until the campaign ends by itself; 0 where it does not.", s.Left.Seconds())
	counter("jobs_done_total", "Jobs whose lines are kept.", float64(s.Done))
	gauge("jobs_in_progress", "Jobs that went to workers and did not come back.", float64(s.InProgress))
	gauge("jobs_asked", "Jobs that were asked for; 0 where there is no bound.", float64(s.Asked))

	runs := of(prometheus.CounterValue, "runs_total", "Jobs that were done, by the arm that chose them and their verdict.", "arm", "verdict")
	work := of(prometheus.CounterValue, "work_total", "What the jobs of an arm cost, in units that are the same on every machine.", "arm")
	fresh := of(prometheus.CounterValue, "new_features_total", "Features that jobs of an arm were the first to reach.", "arm")
	for _, name := range []job.Arm{job.Random, job.Guided, job.Kept, job.Model} {
		a := Arm{Arm: name}
		if i := slices.IndexFunc(s.Arms, func(x Arm) bool { return x.Arm == name }); i >= 0 {
			a = s.Arms[i]
		}
		runs.add(float64(a.Passed), string(name), string(judge.Pass))
		runs.add(float64(a.Violations), string(name), string(judge.Violation))
		runs.add(float64(a.Untold), string(name), string(judge.CouldNotTell))
		work.add(float64(a.Work), string(name))
		fresh.add(float64(a.New), string(name))
	}

	reached := of(prometheus.GaugeValue, "features_reached", "Features of an enumerated space that were reached.", "world", "kind")
	known := of(prometheus.GaugeValue, "features_known", "Features that an enumerated space has.", "world", "kind")
	for i := range s.Spaces {
		x := &s.Spaces[i]
		reached.add(float64(x.Reached), x.World, x.Kind)
		known.add(float64(x.Size), x.World, x.Kind)
	}
	gauge("shapes", "Shapes that at least one run had.", float64(s.Shapes.Had))
	gauge("unseen_ratio", "Good and Turing's estimate of the share of a run's shapes that no run has had.", s.Shapes.Unseen)

	gauge("failures_distinct", "Failures, each once by rule and causal signature.", float64(s.Failures.Distinct))
	failures := of(prometheus.CounterValue, "failures_total", "Jobs that failed, by the check that objected.", "check")
	for _, check := range checks(s) {
		failures.add(float64(s.Failures.ByCheck[check]), string(check))
	}
	gauge("failures_shrinking", "Failures that are made smaller now.", float64(s.Failures.Shrinking))
	gauge("failures_explaining", "Failures that are explained now.", float64(s.Failures.Explaining))
	gauge("failures_waiting", "Failures that wait to be made smaller and explained.", float64(s.Failures.Waiting))

	counter("jobs_given_up_total", "Jobs that several workers began and no worker came to the end of.", float64(s.GivenUp))
	gauge("workers", "Workers that were heard of lately.", float64(s.Workers))
	gauge("queue_waiting", "Jobs that no worker has begun.", float64(s.Queue.Waiting))
	gauge("queue_out", "Jobs that workers have begun.", float64(s.Queue.Out))
	counter("queue_redelivered_total", "Times that a job was handed out once more.", float64(s.Queue.Redelivered))
	gauge("store_bytes", "What the campaign's folder takes on disk.", float64(s.Bytes))
	gauge("store_set_aside", "Files and lines that were damaged and are kept apart.", float64(s.SetAside))
	return all
}

// checks are those that every run is held to, and those that jobs failed besides.
func checks(s *Status) []judge.Check {
	all := append(judge.Checks(), slices.Sorted(maps.Keys(s.Failures.ByCheck))...)
	slices.Sort(all)
	return slices.Compact(all)
}

// A collector is what the registry asks.
type collector struct{ *Metrics }

// Describe implements prometheus.Collector.
func (c collector) Describe(to chan<- *prometheus.Desc) {
	for _, f := range families(&Status{}) {
		to <- f.desc()
	}
}

// Collect implements prometheus.Collector.
func (c collector) Collect(to chan<- prometheus.Metric) {
	s := c.last.Load()
	if s == nil {
		return
	}
	for _, f := range families(s) {
		d := f.desc()
		for _, x := range f.samples {
			to <- prometheus.MustNewConstMetric(d, f.kind, x.value, x.labels...)
		}
	}
}
