package fleet

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"
	"github.com/stretchr/testify/require"
)

func address(t testing.TB, u string) string {
	t.Helper()
	p, err := url.Parse(u)
	require.NoError(t, err)
	return p.Host
}

// certificates writes a certificate authority, and a certificate of the server and one of a client that it signed. They are valid for an hour.
func certificates(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	write := func(name, kind string, der []byte) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600))
	}
	var parent *x509.Certificate
	var signer *ecdsa.PrivateKey
	for i, name := range []string{"ca", "server", "client"} {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		require.NoError(t, err)
		c := &x509.Certificate{
			SerialNumber: big.NewInt(int64(i + 1)), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Minute), NotAfter: time.Now().Add(time.Hour),
			KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
			IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, BasicConstraintsValid: true,
		}
		if parent == nil {
			c.IsCA, c.KeyUsage, c.ExtKeyUsage = true, x509.KeyUsageCertSign, nil
			parent, signer = c, key
		}
		der, err := x509.CreateCertificate(rand.Reader, c, parent, &key.PublicKey, signer)
		require.NoError(t, err)
		write(name+".pem", "CERTIFICATE", der)
		text, err := x509.MarshalECPrivateKey(key)
		require.NoError(t, err)
		write(name+"-key.pem", "EC PRIVATE KEY", text)
	}
	return dir
}

// configured opens a queue with a server of a configuration, with a lease that does not end in a test.
func configured(t *testing.T, text string, more ...func(*Options)) *Queue {
	t.Helper()
	file := filepath.Join(t.TempDir(), "nats.conf")
	require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	o := Options{Dir: t.TempDir(), Config: file, Campaign: toy, Lease: time.Minute}
	for _, f := range more {
		f(&o)
	}
	q, err := Open(t.Context(), o)
	require.NoError(t, err)
	t.Cleanup(func() { q.Close() })
	return q
}

// tries works with a login until the campaign's next job is done, or returns what Work fails with.
func tries(t *testing.T, q *Queue, number uint64, l Login) error {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- Work(ctx, WorkerOptions{Login: l, Accept: accept, Do: hash}) }()
	require.NoError(t, q.Put(t.Context(), jobsOf(number, number+1)...))
	select {
	case o := <-q.Outcomes():
		require.Equal(t, number, o.Number)
		cancel()
		return <-done
	case err := <-done:
		return err
	}
}

// at returns a URL of the queue's server with a user.
func at(t *testing.T, q *Queue, scheme, user string) string {
	t.Helper()
	if user != "" {
		user += "@"
	}
	return scheme + "://" + user + address(t, q.URL())
}

// The password is in the server's configuration as a hash, and the connection is encrypted. The coordinator, which is in the process of the
// server, needs neither.
func TestAServerWithPasswordsAndTLS(t *testing.T) {
	dir := certificates(t)
	// Of "segment", with the least cost.
	const hashed = "$2a$04$qGhpxPVLY9QDAV/ol6S9M.CdtS2Eje7/MM4kvVWO0cGG3BqN2se.K"
	q := configured(t, fmt.Sprintf("listen: \"127.0.0.1:-1\"\ntls { cert_file: %q, key_file: %q }\nauthorization { users = [ {user: fleet, password: %q} ] }\n",
		filepath.Join(dir, "server.pem"), filepath.Join(dir, "server-key.pem"), hashed))
	ca := filepath.Join(dir, "ca.pem")
	require.NoError(t, tries(t, q, 0, Login{Server: at(t, q, "nats", "fleet:segment"), CA: ca}))
	require.NoError(t, tries(t, q, 1, q.Login()))

	var refused *LoginError
	err := Work(t.Context(), WorkerOptions{Login: Login{Server: at(t, q, "nats", "fleet:sediment"), CA: ca}, Accept: accept, Do: hash, Wait: time.Hour})
	require.ErrorAs(t, err, &refused)
	require.ErrorContains(t, err, "expected a user and password, credentials or key that it knows, found nats: ")
	require.NotContains(t, err.Error(), "sediment")
	err = Work(t.Context(), WorkerOptions{Login: Login{Server: at(t, q, "nats", ""), CA: ca}, Accept: accept, Do: hash, Wait: time.Hour})
	require.ErrorAs(t, err, &refused)

	var server *ServerError
	err = Work(t.Context(), WorkerOptions{Login: Login{Server: at(t, q, "nats", "fleet:segment")}, Accept: accept, Do: hash, Wait: time.Hour})
	require.ErrorAs(t, err, &server)
	require.ErrorContains(t, err, "certificate signed by unknown authority")
	require.NotContains(t, err.Error(), "segment")
}

// A server that asks for certificates knows its clients by them.
func TestAServerThatAsksForCertificates(t *testing.T) {
	dir := certificates(t)
	in := func(name string) string { return filepath.Join(dir, name) }
	q := configured(t, fmt.Sprintf("listen: \"127.0.0.1:-1\"\ntls { cert_file: %q, key_file: %q, ca_file: %q, verify: true }\n", in("server.pem"), in("server-key.pem"), in("ca.pem")))
	require.NoError(t, tries(t, q, 0, Login{Server: at(t, q, "tls", ""), CA: in("ca.pem"), Cert: in("client.pem"), Key: in("client-key.pem")}))
	require.Error(t, tries(t, q, 1, Login{Server: at(t, q, "tls", ""), CA: in("ca.pem")}))
}

func TestAServerThatKnowsKeys(t *testing.T) {
	key, err := nkeys.CreateUser()
	require.NoError(t, err)
	public, err := key.PublicKey()
	require.NoError(t, err)
	seed, err := key.Seed()
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "user.nk")
	require.NoError(t, os.WriteFile(file, seed, 0o600))
	q := configured(t, "listen: \"127.0.0.1:-1\"\naccounts { FLEET { jetstream: enabled, users = [ {nkey: "+public+"} ] } }\n")
	require.NoError(t, tries(t, q, 0, Login{Server: q.URL(), NKey: file}))

	var refused *LoginError
	require.ErrorAs(t, tries(t, q, 1, Login{Server: q.URL()}), &refused)
	var option *OptionError
	require.NoError(t, os.WriteFile(file, []byte("frogs"), 0o600))
	require.ErrorAs(t, tries(t, q, 1, Login{Server: q.URL(), NKey: file}), &option)
	require.ErrorIs(t, tries(t, q, 1, Login{Server: q.URL(), NKey: file + "s"}), fs.ErrNotExist)
}

// A server whose users an operator signs for. There the coordinator needs credentials as well.
func TestAServerWithAnOperator(t *testing.T) {
	pair := func(make func() (nkeys.KeyPair, error)) (nkeys.KeyPair, string) {
		k, err := make()
		require.NoError(t, err)
		public, err := k.PublicKey()
		require.NoError(t, err)
		return k, public
	}
	operator, operatorKey := pair(nkeys.CreateOperator)
	system, systemKey := pair(nkeys.CreateAccount)
	account, accountKey := pair(nkeys.CreateAccount)
	user, userKey := pair(nkeys.CreateUser)
	signed := func(c interface {
		Encode(nkeys.KeyPair) (string, error)
	}, by nkeys.KeyPair) string {
		text, err := c.Encode(by)
		require.NoError(t, err)
		return text
	}
	ofOperator := jwt.NewOperatorClaims(operatorKey)
	ofOperator.SystemAccount = systemKey
	ofAccount := jwt.NewAccountClaims(accountKey)
	ofAccount.Limits.JetStreamLimits = jwt.JetStreamLimits{MemoryStorage: -1, DiskStorage: -1, Streams: -1, Consumer: -1}
	seed, err := user.Seed()
	require.NoError(t, err)
	creds, err := jwt.FormatUserConfig(signed(jwt.NewUserClaims(userKey), account), seed)
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "user.creds")
	require.NoError(t, os.WriteFile(file, creds, 0o600))
	text := fmt.Sprintf("listen: \"127.0.0.1:-1\"\noperator: %s\nsystem_account: %s\nresolver: MEMORY\nresolver_preload { %s: %s\n %s: %s }\n", signed(ofOperator, operator), systemKey,
		systemKey, signed(jwt.NewAccountClaims(systemKey), operator), accountKey, signed(ofAccount, operator))
	_ = system
	q := configured(t, text, func(o *Options) { o.Credentials = file })
	require.NoError(t, tries(t, q, 0, Login{Server: q.URL(), Credentials: file}))
	require.NoError(t, tries(t, q, 1, q.Login()))
	var refused *LoginError
	require.ErrorAs(t, tries(t, q, 2, Login{Server: q.URL()}), &refused)
}

func TestAPasswordInTheAddress(t *testing.T) {
	q, err := Open(t.Context(), Options{Dir: t.TempDir(), Listen: "nats://fleet:segment@0.0.0.0:0", Campaign: toy})
	require.NoError(t, err)
	defer q.Close()
	require.NotContains(t, q.URL(), "segment")
	_, port, err := net.SplitHostPort(address(t, q.URL()))
	require.NoError(t, err)
	require.NoError(t, tries(t, q, 0, Login{Server: "nats://fleet:segment@127.0.0.1:" + port}))
	var refused *LoginError
	require.ErrorAs(t, tries(t, q, 1, Login{Server: "nats://127.0.0.1:" + port}), &refused)
}

// Without authentication a server is for this machine alone.
func TestAnOpenServerIsRefused(t *testing.T) {
	var open *OpenError
	for _, listen := range []string{"0.0.0.0:0", ":0", "[::]:0", "192.0.2.7:0", "nats://0.0.0.0:0"} {
		_, err := Open(t.Context(), Options{Dir: t.TempDir(), Listen: listen, Campaign: toy})
		require.ErrorAs(t, err, &open, listen)
		require.ErrorContains(t, err, "expected authentication, or an address of this machine alone, found neither; give it users")
	}
	file := filepath.Join(t.TempDir(), "nats.conf")
	for _, text := range []string{
		"listen: \"0.0.0.0:-1\"\n",
		"listen: \"0.0.0.0:-1\"\nauthorization { users = [ {user: fleet, password: segment} ] }\nno_auth_user: fleet\n",
	} {
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
		_, err := Open(t.Context(), Options{Dir: t.TempDir(), Config: file, Campaign: toy})
		require.ErrorAs(t, err, &open, text)
	}
	q, err := Open(t.Context(), Options{Dir: t.TempDir(), Listen: "0.0.0.0:0", Login: Login{Insecure: true}, Campaign: toy})
	require.NoError(t, err)
	require.NoError(t, q.Close())

	// Those who connect to one refuse as well.
	for _, c := range []struct {
		address  string
		required bool
		login    Login
		refused  bool
	}{
		{"127.0.0.1:4222", false, Login{}, false},
		{"[::1]:4222", false, Login{}, false},
		{"192.0.2.7:4222", false, Login{}, true},
		{"192.0.2.7:4222", true, Login{}, false},
		{"192.0.2.7:4222", false, Login{Insecure: true}, false},
		{"192.0.2.7:4222", false, Login{Cert: "client.pem"}, false},
		{"no address", false, Login{}, true},
	} {
		require.Equal(t, c.refused, errors.As(c.login.trusts(c.address, c.required), &open), c)
	}
}

func TestNoServerAndNoCampaign(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	nowhere := "nats://fleet:segment@" + l.Addr().String()
	require.NoError(t, l.Close())
	var said []string
	err = Work(t.Context(), WorkerOptions{Login: Login{Server: nowhere}, Accept: accept, Do: hash, Wait: 20 * time.Millisecond, Say: func(s string) { said = append(said, s) }})
	var server *ServerError
	require.ErrorAs(t, err, &server)
	require.ErrorIs(t, err, nats.ErrNoServers)
	require.Equal(t, 20*time.Millisecond, server.Wait)
	require.Len(t, said, 1)
	require.True(t, strings.HasPrefix(said[0], "no server at nats://fleet:xxxxx@127.0.0.1:"), said[0])
	require.NotContains(t, err.Error(), "segment")
	_, err = Open(t.Context(), Options{Login: Login{Server: nowhere}, Campaign: toy})
	require.ErrorAs(t, err, &server)

	e, err := embed(Options{Dir: t.TempDir(), Listen: "127.0.0.1:0"})
	require.NoError(t, err)
	defer e.close()
	err = Work(t.Context(), WorkerOptions{Login: Login{Server: e.url()}, Name: "frogs", Accept: accept, Do: hash, Wait: 20 * time.Millisecond})
	require.Equal(t, &NoCampaignError{e.url(), "frogs", 20 * time.Millisecond}, err)

	// Who is told to leave does not mind.
	ctx, cancel := context.WithCancel(t.Context())
	err = Work(ctx, WorkerOptions{Login: Login{Server: e.url()}, Accept: accept, Do: hash, Wait: time.Hour, Say: func(string) { cancel() }})
	require.NoError(t, err)
	ctx, cancel = context.WithCancel(t.Context())
	err = Work(ctx, WorkerOptions{Login: Login{Server: nowhere}, Accept: accept, Do: hash, Wait: time.Hour, Say: func(string) { cancel() }})
	require.NoError(t, err)

	// A server that answers and has no JetStream for the user.
	file := filepath.Join(t.TempDir(), "nats.conf")
	require.NoError(t, os.WriteFile(file, []byte("listen: \"127.0.0.1:-1\"\naccounts { FLEET { users = [ {user: fleet, password: segment} ] } }\n"), 0o600))
	_, err = Open(t.Context(), Options{Dir: t.TempDir(), Config: file, Campaign: toy})
	require.ErrorAs(t, err, &server)
	require.EqualError(t, err, "fleet: the server at this process: expected JetStream for this user, found none")
}

func TestOptionsThatCannotBe(t *testing.T) {
	for name, o := range map[string]Options{
		"a lease":                  {Campaign: toy, Lease: time.Millisecond},
		"no delivery":              {Campaign: toy, Deliveries: -1},
		"gathers too long":         {Campaign: toy, Lease: time.Second, Gather: time.Second},
		"a name":                   {Campaign: toy, Name: "a.b"},
		"a campaign that is none":  {Campaign: json.RawMessage("frogs")},
		"two servers":              {Campaign: toy, Login: Login{Server: "nats://127.0.0.1"}, Listen: "127.0.0.1:0"},
		"no folder":                {Campaign: toy, Dir: ""},
		"an address":               {Campaign: toy, Listen: "frogs"},
		"a port":                   {Campaign: toy, Listen: "127.0.0.1:frogs"},
		"a port that is too large": {Campaign: toy, Listen: "127.0.0.1:65536"},
		"a scheme":                 {Campaign: toy, Listen: "http://127.0.0.1:1"},
		"a server":                 {Campaign: toy, Login: Login{Server: "127.0.0.1:4222"}},
		"another server":           {Campaign: toy, Login: Login{Server: "http://127.0.0.1"}},
		"half a certificate":       {Campaign: toy, Login: Login{Server: "nats://127.0.0.1", Cert: "login_test.go"}},
	} {
		t.Run(name, func(t *testing.T) {
			if name != "no folder" {
				o.Dir = t.TempDir()
			}
			_, err := Open(t.Context(), o)
			var option *OptionError
			require.ErrorAs(t, err, &option)
			require.NotEmpty(t, option.Expected)
			require.NotEmpty(t, option.Found)
		})
	}
	_, err := Open(t.Context(), Options{Dir: t.TempDir(), Campaign: toy, Config: "none.conf"})
	require.ErrorContains(t, err, "none.conf")
}
