package loopback

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	_ "github.com/firstgap/firstgap/harness/internal/runflags"
)

func TestListenIsOnLoopbackUnlessToldOtherwise(t *testing.T) {
	for address, want := range map[string]string{"0": "127.0.0.1", ":0": "127.0.0.1", "127.0.0.1:0": "127.0.0.1", "0.0.0.0:0": "0.0.0.0"} {
		l, err := Listen(t.Context(), address)
		require.NoError(t, err, address)
		at, ok := l.Addr().(*net.TCPAddr)
		require.True(t, ok)
		ip := at.IP.String()
		if at.IP.IsUnspecified() {
			ip = "0.0.0.0"
		}
		require.Equal(t, want, ip, address)
		require.NotZero(t, at.Port)
		require.NoError(t, l.Close())
	}
	for _, address := range []string{"", "frog", ":frog", "127.0.0.1", ":65536", ":-1", ":080", "1:2:3", "http://x:1"} {
		_, err := Listen(t.Context(), address)
		var wrong *AddressError
		require.ErrorAs(t, err, &wrong, address)
		require.ErrorContains(t, err, "expected HOST:PORT", address)
	}
	l, err := Listen(t.Context(), "0")
	require.NoError(t, err)
	defer l.Close()
	_, err = Listen(t.Context(), l.Addr().String())
	require.ErrorContains(t, err, "in use", "two servers at one address")
}

func TestGuard(t *testing.T) {
	page := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "page") })
	for _, c := range []struct {
		name, at, method, host string
		want                   int
	}{
		{"by number", "127.0.0.1:80", "GET", "127.0.0.1:80", 200},
		{"another number of loopback", "127.0.0.1:80", "GET", "127.9.9.9", 200},
		{"by name", "127.0.0.1:80", "HEAD", "localhost:9000", 200},
		{"by a name in capitals", "127.0.0.1:80", "GET", "LOCALHOST", 200},
		{"version 6", "[::1]:80", "GET", "[::1]:80", 200},
		{"version 6 without a port", "[::1]:80", "GET", "[::1]", 200},
		{"rebound", "127.0.0.1:80", "GET", "evil.example", 421},
		{"rebound, with a port", "127.0.0.1:80", "GET", "evil.example:80", 421},
		{"a name that looks like it", "127.0.0.1:80", "GET", "127.0.0.1.evil.example", 421},
		{"a name below it", "127.0.0.1:80", "GET", "x.localhost.evil.example", 421},
		{"no host", "127.0.0.1:80", "GET", "", 421},
		{"another machine's", "127.0.0.1:80", "GET", "10.0.0.1", 421},
		{"for all to reach", "10.0.0.1:80", "GET", "ci.example", 200},
		{"a write", "127.0.0.1:80", "POST", "localhost", 405},
		{"a write for all to reach", "10.0.0.1:80", "PUT", "ci.example", 405},
		{"what a page asks before it writes", "127.0.0.1:80", "OPTIONS", "localhost", 405},
	} {
		at, err := net.ResolveTCPAddr("tcp", c.at)
		require.NoError(t, err)
		r := httptest.NewRequest(c.method, "/", nil)
		r.Host = c.host
		w := httptest.NewRecorder()
		Guard(at, page).ServeHTTP(w, r)
		require.Equal(t, c.want, w.Code, c.name)
		if c.want == 405 {
			require.Equal(t, "GET, HEAD", w.Header().Get("Allow"), c.name)
		}
	}
}

// The server answers what it has begun to answer, and then ends without an error.
func TestServeEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	l, err := Listen(ctx, "0")
	require.NoError(t, err)
	begun, ended := make(chan struct{}), make(chan error, 1)
	go func() {
		ended <- Serve(ctx, l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			close(begun)
			<-ctx.Done()
			io.WriteString(w, "to its end")
		}))
	}()
	c, err := net.Dial("tcp", l.Addr().String())
	require.NoError(t, err)
	defer c.Close()
	_, err = io.WriteString(c, "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
	require.NoError(t, err)
	<-begun
	cancel()
	answer, err := http.ReadResponse(bufio.NewReader(c), nil)
	require.NoError(t, err)
	body, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	require.NoError(t, answer.Body.Close())
	require.Equal(t, "to its end", string(body))
	require.NoError(t, <-ended)
	_, err = net.Dial("tcp", l.Addr().String())
	require.Error(t, err, "it still listens")
}

func TestServeSaysWhatWentWrong(t *testing.T) {
	l, err := Listen(t.Context(), "0")
	require.NoError(t, err)
	require.NoError(t, l.Close())
	require.ErrorIs(t, Serve(t.Context(), l, http.NotFoundHandler()), net.ErrClosed)
}
