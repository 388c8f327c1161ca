// Package loopback serves pages to people and programs on this machine: on loopback unless somebody names another address, with limits on
// what a client may cost, and deaf to what a page from elsewhere has a browser ask for.
package loopback

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// Limits of a client.
const (
	readFor   = 10 * time.Second // a request
	writeFor  = time.Minute      // its answer
	idleFor   = 2 * time.Minute
	endIn     = 3 * time.Second // requests that are being answered when the server ends
	mostAsked = 16 << 10        // bytes of a request's head
)

// An AddressError says that nothing can be served at an address.
type AddressError struct {
	Address string
	Err     error
}

func (e *AddressError) Error() string {
	return fmt.Sprintf("the address %q: %v", e.Address, e.Err)
}

func (e *AddressError) Unwrap() error { return e.Err }

var errForm = errors.New("expected HOST:PORT, :PORT or PORT, with a port from 0 to 65535 (0 is any that is free)")

// Listen listens at HOST:PORT. Without a host that is loopback: who wants other machines to reach it names an address, such as 0.0.0.0:9090.
// Errors are *AddressError.
func Listen(ctx context.Context, address string) (net.Listener, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		host, port = "", address
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || strconv.FormatUint(n, 10) != port {
		return nil, &AddressError{address, errForm}
	}
	if host == "" {
		host = "127.0.0.1"
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", net.JoinHostPort(host, port))
	if err != nil {
		var op *net.OpError
		if errors.As(err, &op) {
			err = op.Err // without the address once more
		}
		return nil, &AddressError{address, err}
	}
	return l, nil
}

// Serve answers with a handler until the context ends, gives requests that are being answered a moment then, and returns nil. It takes the
// listener over.
func Serve(ctx context.Context, l net.Listener, h http.Handler) error {
	s := &http.Server{
		Handler:           Guard(l.Addr(), h),
		ReadHeaderTimeout: readFor,
		ReadTimeout:       readFor,
		WriteTimeout:      writeFor,
		IdleTimeout:       idleFor,
		MaxHeaderBytes:    mostAsked,
	}
	ended := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(ended)
		late, cancel := context.WithTimeout(context.WithoutCancel(ctx), endIn)
		defer cancel()
		if s.Shutdown(late) != nil {
			s.Close()
		}
	})
	err := s.Serve(l)
	if !stop() {
		<-ended
	}
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// Guard lets requests that only read through to a handler. Where the address is loopback, they must also ask for loopback by its number or as
// localhost: a page of evil.example whose name points to 127.0.0.1 has the browser send Host: evil.example, and could read every answer.
func Guard(at net.Addr, h http.Handler) http.Handler {
	local := false
	if a, err := netip.ParseAddrPort(at.String()); err == nil {
		local = a.Addr().Unmap().IsLoopback()
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method != http.MethodGet && r.Method != http.MethodHead:
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "expected GET or HEAD: nothing is written here", http.StatusMethodNotAllowed)
		case local && !isLoopback(r.Host):
			http.Error(w, "expected a request for localhost or 127.0.0.1: this server is for this machine alone", http.StatusMisdirectedRequest)
		default:
			h.ServeHTTP(w, r)
		}
	})
}

// isLoopback says whether a request's Host names loopback. Its port may be another one than the server's, as behind a tunnel.
func isLoopback(host string) bool {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	if strings.EqualFold(host, "localhost") {
		return true
	}
	a, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil && a.Unmap().IsLoopback()
}
