package command

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net/http"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
)

// serve says where its pages are, shows them there, and ends with 0 when it is interrupted.
func TestServe(t *testing.T) {
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	out, in := io.Pipe()
	var stderr bytes.Buffer
	ended := make(chan int, 1)
	go func() {
		ended <- run(ctx, Systems(), []string{"serve", "--listen", "0", t.TempDir()}, in, &stderr)
		in.Close()
	}()
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err, "it ended before it said where its pages are: %s", &stderr)
	m := regexp.MustCompile(`^(http://127\.0\.0\.1:[0-9]+/) shows \S+; Ctrl-C ends it\n$`).FindStringSubmatch(line)
	require.NotNil(t, m, line)

	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	ask := func(method, host string) (int, string) {
		r, err := http.NewRequestWithContext(ctx, method, m[1], nil)
		require.NoError(t, err)
		r.Host = host
		answer, err := client.Do(r)
		require.NoError(t, err)
		defer answer.Body.Close()
		body, err := io.ReadAll(answer.Body)
		require.NoError(t, err)
		return answer.StatusCode, string(body)
	}
	code, body := ask(http.MethodGet, "")
	require.Equal(t, http.StatusOK, code)
	require.Contains(t, body, "<title>Campaigns and reports</title>")
	code, _ = ask(http.MethodGet, "evil.example")
	require.Equal(t, http.StatusMisdirectedRequest, code)
	code, _ = ask(http.MethodPost, "")
	require.Equal(t, http.StatusMethodNotAllowed, code)

	interrupt()
	require.Zero(t, <-ended, stderr.String())
	require.Empty(t, stderr.String())
}
