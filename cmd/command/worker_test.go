package command

import (
	"bytes"
	"context"
	"encoding/json"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/aurora"
	"github.com/firstgap/firstgap/harness/campaign/coverage"
	"github.com/firstgap/firstgap/harness/campaign/fleet"
	"github.com/firstgap/firstgap/harness/campaign/fuzz"
	"github.com/firstgap/firstgap/harness/campaign/job"
	"github.com/firstgap/firstgap/harness/failure"
)

// campaignOf is a small one, of this build.
func campaignOf(t *testing.T, u *coverage.Universe, world string) fuzz.Campaign {
	t.Helper()
	g, err := harness.WithPoints()
	require.NoError(t, err)
	return fuzz.Campaign{System: aurora.Name, Needs: failure.Needs{System: aurora.Name}, Generation: g, Worlds: []string{world}, Universe: u.Digest(), Build: failure.ThisBuild()}
}

func queueOf(t *testing.T, c fuzz.Campaign, listen string) *fleet.Queue {
	t.Helper()
	text, err := json.Marshal(c)
	require.NoError(t, err)
	q, err := fleet.Open(t.Context(), fleet.Options{Dir: t.TempDir(), Listen: listen, Campaign: text})
	require.NoError(t, err)
	t.Cleanup(func() { q.Close() })
	return q
}

// A worker of another process makes the runs that this process makes, and leaves when the campaign ends, or when it is told to.
func TestAWorkerMakesTheRunsOfACampaign(t *testing.T) {
	const world = "tiny"
	u, err := coverage.Enumerate(t.Context(), world)
	require.NoError(t, err)
	c := campaignOf(t, u, world)
	q := queueOf(t, c, "127.0.0.1:0")
	maker := fuzz.NewMaker(aurora.System(), c.Generation, u, 1)

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var first, second bytes.Buffer
	left := make(chan int, 2)
	go func() {
		left <- run(ctx, Systems(), []string{"worker", "--server", q.URL(), "--id", "first", "--workers", "1"}, nil, &first)
	}()
	outcome := func(n uint64, id string) {
		j := job.Job{Number: n, Arm: job.Random, Seed: 100 + n}
		require.NoError(t, q.Put(t.Context(), j))
		select {
		case o := <-q.Outcomes():
			require.Equal(t, id, o.By)
			want := maker.Do(t.Context(), j)
			o.By, o.Seconds, want.Seconds = "", 0, 0
			require.Equal(t, want, o)
		case code := <-left:
			require.FailNow(t, "the worker left", "with %d: %s", code, first.String()+second.String())
		}
	}
	outcome(0, "first")
	outcome(1, "first")
	cancel() // as SIGTERM does
	require.Zero(t, <-left)
	require.Equal(t, "firstgap worker: works for the campaign, 1 runs at a time\nfirstgap worker: leaves after 2 runs\n", first.String())

	t.Setenv(serverVariable, q.URL())
	go func() { left <- run(t.Context(), Systems(), []string{"worker", "--id", "second"}, nil, &second) }()
	outcome(2, "second")
	require.NoError(t, q.End(t.Context()))
	require.Zero(t, <-left)
	require.True(t, strings.HasSuffix(second.String(), "firstgap worker: leaves after 1 runs\n"), second.String())
}

// A campaign makes no runs itself, a worker makes them, and both end well.
func TestAWorkerWorksForACampaignThatMakesNoRuns(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := l.Addr().String()
	require.NoError(t, l.Close())
	var told, lead, worker bytes.Buffer
	left := make(chan int, 1)
	go func() {
		left <- run(t.Context(), Systems(), []string{"worker", "--server", "nats://" + address, "--id", "w", "--workers", "2", "--wait", "1m"}, nil, &worker)
	}()
	code := run(t.Context(), Systems(), []string{"fuzz", filepath.Join(t.TempDir(), "campaign"), "--workers", "-1", "--runs", "8", "--batch", "4", "--world", "tiny",
		"--explain", "0s", "--listen", address}, &told, &lead)
	require.Zero(t, code, lead.String())
	require.Contains(t, told.String(), "verdict: pass (all runs made, 8 jobs")
	require.Zero(t, <-left, worker.String())
	require.Regexp(t, `firstgap worker: leaves after \d+ runs\n$`, worker.String())
}

func TestAWorkerSaysWhatItLacks(t *testing.T) {
	t.Setenv(serverVariable, "")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	nowhere := l.Addr().String()
	require.NoError(t, l.Close())
	u, err := coverage.Enumerate(t.Context(), "tiny")
	require.NoError(t, err)
	c := campaignOf(t, u, "tiny")
	q := queueOf(t, c, "nats://fleet:segment@127.0.0.1:0")
	address := strings.TrimPrefix(q.URL(), "nats://")
	c.Build.Revision = "f00"
	other := queueOf(t, c, "127.0.0.1:0")
	c.Build, c.System = failure.ThisBuild(), "frogs"
	stranger := queueOf(t, c, "127.0.0.1:0")

	for name, c := range map[string]struct {
		args []string
		want []string
	}{
		"no server told of": {nil, []string{"--server is missing, and so is NATS_URL; expected the URL of the campaign's server"}},
		"no server":         {[]string{"--server", "nats://" + nowhere, "--wait", "10ms"}, []string{"no server at nats://" + nowhere + " yet", "expected one that answers, found none for 10ms"}},
		"no URL":            {[]string{"--server", nowhere}, []string{"the server: expected a URL, such as nats://host:4222, found "}},
		"no campaign":       {[]string{"--server", other.URL(), "--name", "frogs", "--wait", "10ms"}, []string{`expected the campaign "frogs", found none for 10ms`}},
		"wrong password":    {[]string{"--server", "nats://fleet:sediment@" + address}, []string{"expected a user and password, credentials or key that it knows"}},
		"no password":       {[]string{"--server", q.URL()}, []string{"expected a user and password, credentials or key that it knows"}},
		"another build":     {[]string{"--server", other.URL(), "--id", "w"}, []string{"the worker w cannot work for this campaign: the campaign's build is ", "f00", "; this worker has "}},
		"another system":    {[]string{"--server", stranger.URL(), "--id", "w"}, []string{`the worker w cannot work for this campaign: `, `"frogs"`, "known: "}},
		"workers":           {[]string{"--server", other.URL(), "--workers", "-1"}, []string{"--workers is -1; expected no negative number"}},
		"wait":              {[]string{"--server", other.URL(), "--wait", "-1s"}, []string{"--wait is -1s; expected no negative time"}},
		"grace":             {[]string{"--server", other.URL(), "--grace", "-1s"}, []string{"--grace is -1s; expected no negative time"}},
		"credentials":       {[]string{"--server", other.URL(), "--creds", "none.creds"}, []string{"none.creds", "no such file"}},
		"key":               {[]string{"--server", other.URL(), "--nkey", "none.nk"}, []string{"none.nk", "no such file"}},
		"certificate":       {[]string{"--server", other.URL(), "--tls-cert", "worker_test.go"}, []string{"expected a certificate and its key, found one of them"}},
		"authority":         {[]string{"--server", other.URL(), "--tls-ca", "none.pem"}, []string{"none.pem", "no such file"}},
	} {
		t.Run(name, func(t *testing.T) {
			var stderr bytes.Buffer
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			require.Equal(t, 2, run(ctx, Systems(), append([]string{"worker"}, c.args...), nil, &stderr), stderr.String())
			for _, want := range c.want {
				require.Contains(t, stderr.String(), want)
			}
			require.NotContains(t, stderr.String(), "sediment")
			require.NotContains(t, stderr.String(), "fleet: ")
		})
	}
}
