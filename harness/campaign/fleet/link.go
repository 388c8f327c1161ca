package fleet

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// A Login says how a server is reached, and as whom. A user and password, or a token, are part of the URL.
type Login struct {
	Server      string // its URL, such as nats://user:password@host:4222; several are separated by commas
	Credentials string // the file of a user's JWT and key (.creds)
	NKey        string // the file of a user's key
	CA          string // the file of the certificates that sign the server's, if the system does not know them
	Cert, Key   string // the files of a certificate of the client and its key
	// Insecure accepts a server without authentication on an address that other machines reach.
	Insecure bool

	process *embedded // in the place of a URL
}

// attempt bounds how long one attempt to reach a server, or one request to it, may take.
const attempt = 5 * time.Second

// confirmed bounds how long a server may take to say that it has outcomes on its disk.
const confirmed = 30 * time.Second

// A link is a connection to a server, made again as often as it breaks.
type link struct {
	nc     *nats.Conn
	js     jetstream.JetStream
	server string // its URL, without a password
	wait   time.Duration

	mu    sync.Mutex
	again chan struct{} // closed when the connection has been made again
	lost  *time.Timer   // runs while there is none

	closing bool
	dead    chan struct{} // closed when there will be no other
	err     error         // why
}

// connect makes a connection. It goes on trying for the time given, and so it does when it breaks; zero is one attempt, and for ever
// when it breaks. What it waits for is told once.
func connect(ctx context.Context, l Login, name string, wait time.Duration, say func(string)) (*link, error) {
	k := &link{server: redacted(l), wait: wait, again: make(chan struct{}), dead: make(chan struct{})}
	options, err := l.options(name)
	if err != nil {
		return nil, err
	}
	options = append(options, nats.DisconnectErrHandler(k.disconnected), nats.ReconnectHandler(k.reconnected), nats.ClosedHandler(k.closed))
	begin := time.Now()
	for first := true; ; first = false {
		k.nc, err = nats.Connect(l.Server, options...)
		if err == nil {
			break
		}
		if lasting(err) {
			return nil, k.refused(err)
		}
		if time.Since(begin) >= wait {
			return nil, &ServerError{k.server, wait, err}
		}
		if first {
			say(fmt.Sprintf("no server at %s yet: %v; trying for %v", k.server, err, wait))
		}
		if !pause(ctx, min(pauseFor, wait)) {
			return nil, ctx.Err()
		}
	}
	if l.process == nil {
		if err := l.trusts(k.nc.ConnectedAddr(), k.nc.AuthRequired()); err != nil {
			k.close()
			return nil, err
		}
	}
	if k.js, err = jetstream.New(k.nc, jetstream.WithDefaultTimeout(attempt), jetstream.WithPublishAsyncMaxPending(window), jetstream.WithPublishAsyncTimeout(attempt)); err != nil {
		k.close()
		return nil, err
	}
	return k, nil
}

// trusts refuses a server at an address that lets in anyone who reaches it: anyone may have put its jobs there. A server that asks clients
// for certificates does not say so; one that is shown to it stands for that.
func (l Login) trusts(address string, authenticates bool) error {
	if host, _, err := net.SplitHostPort(address); l.Insecure || authenticates || l.Cert != "" || err == nil && local(host) {
		return nil
	}
	return &OpenError{address}
}

// pauseFor is how long a thing is left alone before it is tried again.
const pauseFor = 100 * time.Millisecond

// pause waits, and tells whether ctx is still good.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

func (l Login) options(name string) ([]nats.Option, error) {
	options := []nats.Option{
		nats.Name(name),
		nats.Timeout(attempt),
		nats.MaxReconnects(-1),
		nats.ReconnectWait(pauseFor),
		nats.ReconnectJitter(pauseFor, pauseFor),
		// What is published while there is no connection fails at once and is published again: it is not kept for later, when it may be
		// out of date.
		nats.ReconnectBufSize(-1),
	}
	for _, file := range []string{l.Credentials, l.NKey, l.CA, l.Cert, l.Key} {
		if file == "" {
			continue
		}
		if _, err := os.Stat(file); err != nil {
			return nil, err
		}
	}
	if l.process != nil {
		options = append(options, nats.InProcessServer(l.process.server))
		if key := l.process.key; key != nil && l.Credentials == "" && l.NKey == "" {
			public, err := key.PublicKey()
			if err != nil {
				return nil, err
			}
			options = append(options, nats.Nkey(public, key.Sign))
		}
	} else if err := checkServers(l.Server); err != nil {
		return nil, err
	}
	if l.Credentials != "" {
		options = append(options, nats.UserCredentials(l.Credentials))
	}
	if l.NKey != "" {
		o, err := nats.NkeyOptionFromSeed(l.NKey)
		if err != nil {
			return nil, &OptionError{"the key " + l.NKey, "the seed of a user's NKey", err.Error()}
		}
		options = append(options, o)
	}
	if l.CA != "" {
		options = append(options, nats.RootCAs(l.CA))
	}
	if (l.Cert == "") != (l.Key == "") {
		return nil, &OptionError{"the client's certificate", "a certificate and its key", "one of them"}
	}
	if l.Cert != "" {
		options = append(options, nats.ClientCert(l.Cert, l.Key))
	}
	return options, nil
}

func checkServers(servers string) error {
	for s := range strings.SplitSeq(servers, ",") {
		u, err := url.Parse(strings.TrimSpace(s))
		if err != nil {
			return &OptionError{"the server", "a URL, such as nats://host:4222", "none that can be read"} // it may hold a password
		}
		switch u.Scheme {
		case "nats", "tls", "ws", "wss":
		default:
			return &OptionError{"the server", "a URL, such as nats://host:4222", u.Redacted()}
		}
		if u.Host == "" {
			return &OptionError{"the server", "a URL with a host, such as nats://host:4222", u.Redacted()}
		}
	}
	return nil
}

// redacted returns what a message calls the server.
func redacted(l Login) string {
	if l.process != nil {
		return "this process"
	}
	var all []string
	for s := range strings.SplitSeq(l.Server, ",") {
		u, err := url.Parse(strings.TrimSpace(s))
		if err != nil {
			return "an unreadable URL"
		}
		if _, has := u.User.Password(); !has && u.User != nil {
			u.User = url.User("xxxxx") // a token
		}
		all = append(all, u.Redacted())
	}
	return strings.Join(all, ",")
}

// lasting tells whether another attempt would fail as well.
func lasting(err error) bool {
	var record tls.RecordHeaderError
	var authority x509.UnknownAuthorityError
	var host x509.HostnameError
	var invalid x509.CertificateInvalidError
	return unauthorized(err) || errors.Is(err, nats.ErrSecureConnRequired) || errors.Is(err, nats.ErrSecureConnWanted) ||
		errors.As(err, &record) || errors.As(err, &authority) || errors.As(err, &host) || errors.As(err, &invalid) ||
		errors.Is(err, nats.ErrNkeysNotSupported) || errors.Is(err, nats.ErrClientCertOrRootCAsRequired)
}

func unauthorized(err error) bool {
	return errors.Is(err, nats.ErrAuthorization) || errors.Is(err, nats.ErrAuthExpired) || errors.Is(err, nats.ErrAuthRevoked) ||
		errors.Is(err, nats.ErrAccountAuthExpired)
}

func (k *link) refused(err error) error {
	if unauthorized(err) {
		return &LoginError{k.server, err}
	}
	return &ServerError{k.server, 0, err}
}

func (k *link) disconnected(*nats.Conn, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.wait > 0 && k.lost == nil && !k.closing {
		k.lost = time.AfterFunc(k.wait, func() { k.give(&ServerError{k.server, k.wait, errors.New("the connection was lost")}) })
	}
}

func (k *link) reconnected(*nats.Conn) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.lost != nil {
		k.lost.Stop()
		k.lost = nil
	}
	close(k.again)
	k.again = make(chan struct{})
}

func (k *link) closed(nc *nats.Conn) {
	err := nc.LastError()
	if err == nil {
		err = nats.ErrConnectionClosed
	}
	k.give(k.refused(err))
}

func (k *link) give(err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.err == nil {
		k.err = err
		close(k.dead)
	}
}

// failure returns why there will be no other connection; nil while one may be made.
func (k *link) failure() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.err
}

// renewed returns what is closed when the connection has been made again the next time.
func (k *link) renewed() <-chan struct{} {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.again
}

// request returns the context of a request to the server: it ends when the request has taken too long, and when the connection has been made
// again, since the answer went to the one before.
func (k *link) request(parent context.Context, limit time.Duration) (context.Context, context.CancelFunc) {
	renewed := k.renewed()
	ctx, cancel := context.WithTimeout(parent, limit)
	go func() {
		select {
		case <-renewed:
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, cancel
}

func (k *link) close() {
	k.mu.Lock()
	k.closing = true
	if k.lost != nil {
		k.lost.Stop()
	}
	k.mu.Unlock()
	k.nc.Close()
}
