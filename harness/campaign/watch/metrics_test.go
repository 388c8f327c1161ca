package watch

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/faults"
)

// scrape is what Prometheus gets.
func scrape(t *testing.T, m *Metrics) string {
	t.Helper()
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	require.Equal(t, http.StatusOK, w.Code, w.Body.String())
	return w.Body.String()
}

func TestMetricsOfAStatus(t *testing.T) {
	m := NewMetrics()
	require.Empty(t, scrape(t, m), "of a campaign of which nothing is known, nothing is said")
	m.Show(full())
	got := scrape(t, m)
	for _, want := range []string{
		`firstgap_campaign_info{build="876857f12ab3",campaign="nightly",system="aurora"} 1`,
		`firstgap_campaign_elapsed_seconds 7980`,
		`firstgap_campaign_jobs_done_total 1.234567e+06`,
		`firstgap_campaign_runs_total{arm="guided",verdict="violation"} 1045`,
		`firstgap_campaign_runs_total{arm="model",verdict="pass"} 0`,
		`firstgap_campaign_runs_total{arm="random",verdict="could not tell"} 2`,
		`firstgap_campaign_work_total{arm="random"} 1.23456789e+09`,
		`firstgap_campaign_new_features_total{arm="guided"} 48111`,
		`firstgap_campaign_features_reached{kind="states",world="six"} 6165`,
		`firstgap_campaign_features_known{kind="states",world="six"} 8808`,
		`firstgap_campaign_unseen_ratio 0.0312`,
		`firstgap_campaign_failures_total{check="durability"} 1000`,
		`firstgap_campaign_failures_total{check="pages"} 0`,
		`firstgap_campaign_queue_redelivered_total 12`,
		`firstgap_campaign_store_bytes 1.23456789e+09`,
	} {
		require.Contains(t, got, want+"\n")
	}
	for _, line := range strings.Split(strings.TrimSpace(got), "\n") {
		require.Regexp(t, `^(# (HELP|TYPE) )?firstgap_campaign_`, line, "the registry is the campaign's alone")
	}
	next := full()
	next.Failures.ByCheck["of its own"] = 7
	next.Campaign = "a \"name\"\n\xff"
	m.Show(next)
	got = scrape(t, m)
	require.Contains(t, got, `firstgap_campaign_failures_total{check="of its own"} 7`, "a check that only some systems have")
	require.Contains(t, got, `campaign="a \"name\"\n�"`)
	require.Contains(t, got, `firstgap_campaign_failures_total{check="`+string(faults.Trace)+`"} 67`)
}

func TestMetricsAreAsPrometheusAdvises(t *testing.T) {
	m := NewMetrics()
	m.Show(full())
	got := scrape(t, m)
	problems, err := promlint.New(strings.NewReader(got)).Lint()
	require.NoError(t, err)
	require.Empty(t, problems)
	helped := regexp.MustCompile(`(?m)^# HELP (\S+) \S.*$`).FindAllStringSubmatch(got, -1)
	require.Len(t, helped, len(families(&Status{})), "every metric says what it is")

	problems, err = promlint.New(strings.NewReader(strings.ReplaceAll(got, "features_known", "features_total"))).Lint()
	require.NoError(t, err)
	require.NotEmpty(t, problems, "the lint objects to nothing")
}

// ofCampaign finds the names of metrics in an expression.
var ofCampaign = regexp.MustCompile(`firstgap_[a-z_]+`)

// asks lists the metrics that a dashboard asks for, by what asks for them: every string of it that is an expression or a query.
func asks(dashboard any, key string, found map[string][]string) {
	switch x := dashboard.(type) {
	case map[string]any:
		for k, v := range x {
			asks(v, k, found)
		}
	case []any:
		for _, v := range x {
			asks(v, key, found)
		}
	case string:
		if key == "expr" || key == "query" || key == "definition" {
			for _, name := range ofCampaign.FindAllString(x, -1) {
				found[name] = append(found[name], x)
			}
		}
	}
}

func TestTheDashboardAsksForWhatThereIs(t *testing.T) {
	file, err := os.Open("../../../examples/grafana/firstgap-campaign.json")
	require.NoError(t, err)
	defer file.Close()
	raw, err := io.ReadAll(file)
	require.NoError(t, err)
	var dashboard map[string]any
	require.NoError(t, json.Unmarshal(raw, &dashboard))
	found := map[string][]string{}
	asks(dashboard, "", found)
	have := map[string]bool{}
	m := NewMetrics()
	m.Show(full())
	for _, x := range regexp.MustCompile(`(?m)^# TYPE (\S+)`).FindAllStringSubmatch(scrape(t, m), -1) {
		have[x[1]] = true
	}
	for name, by := range found {
		require.True(t, have[name], "%s is asked for by %q; there is no such metric", name, by)
	}
	for name := range have {
		require.NotEmpty(t, found[name], "the dashboard does not show %s", name)
	}
	// Rates are of counters alone, and every panel has a title, a target, and a place of its own.
	counters := regexp.MustCompile(`(?:rate|increase)\((\w+)`)
	places := map[[2]float64]bool{}
	for _, p := range dashboard["panels"].([]any) {
		panel := p.(map[string]any)
		require.NotEmpty(t, panel["title"])
		at := panel["gridPos"].(map[string]any)
		place := [2]float64{at["x"].(float64), at["y"].(float64)}
		require.False(t, places[place], "%s stands on another panel", panel["title"])
		places[place] = true
		require.NotEmpty(t, panel["targets"], panel["title"])
		for _, x := range panel["targets"].([]any) {
			expr := x.(map[string]any)["expr"].(string)
			require.Equal(t, strings.Count(expr, "("), strings.Count(expr, ")"), expr)
			require.Equal(t, strings.Count(expr, "firstgap_"), strings.Count(expr, `{instance=~"$instance"`), expr)
			for _, c := range counters.FindAllStringSubmatch(expr, -1) {
				require.True(t, strings.HasSuffix(c[1], "_total"), expr)
			}
		}
	}
}

func TestMetricsAreServedOnLoopback(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	m := NewMetrics()
	m.Show(full())
	l, err := Listen(ctx, ":0")
	require.NoError(t, err)
	require.True(t, l.Addr().(*net.TCPAddr).IP.IsLoopback(), "an address without a host is that of all of the machine's networks")
	ended := make(chan error, 1)
	go func() { ended <- m.Serve(ctx, l) }()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	for host, want := range map[string]int{"": http.StatusOK, "evil.example": http.StatusMisdirectedRequest} {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+l.Addr().String()+"/metrics", nil)
		require.NoError(t, err)
		r.Host = host
		answer, err := client.Do(r)
		require.NoError(t, err)
		require.NoError(t, answer.Body.Close())
		require.Equal(t, want, answer.StatusCode, host)
	}
	cancel()
	require.NoError(t, <-ended)
}
