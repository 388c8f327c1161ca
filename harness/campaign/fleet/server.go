package fleet

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nkeys"

	"github.com/firstgap/firstgap/harness/internal/filelock"
)

// A embedded is a NATS server in this process.
type embedded struct {
	server *server.Server
	log    *lastWords
	mark   *os.File // locked
	key    nkeys.KeyPair
}

// lockFile is what a server has locked while it is on its folder.
const lockFile = "firstgap.lock"

// started bounds how long a server may take to start: it reads its folder first.
const started = time.Minute

// embed starts a server in this process.
func embed(o Options) (e *embedded, err error) {
	so, err := serverOptions(o)
	if err != nil {
		return nil, err
	}
	e = &embedded{log: &lastWords{}}
	if e.mark, err = take(so.StoreDir); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			e.close()
		}
	}()
	if len(so.TrustedKeys) == 0 && len(so.TrustedOperators) == 0 {
		if err := e.ownUser(so); err != nil {
			return nil, err
		}
	}
	if e.server, err = server.NewServer(so); err != nil {
		return nil, fmt.Errorf("fleet: the server on %s: %w", so.StoreDir, err)
	}
	e.server.SetLoggerV2(e.log, false, false, false)
	e.server.Start()
	if !e.server.ReadyForConnections(started) || !e.server.JetStreamEnabled() {
		return nil, fmt.Errorf("fleet: the server on %s: expected it to start within %v with JetStream, found %w", so.StoreDir, started, e.log.err())
	}
	return e, nil
}

func (e *embedded) close() {
	if e.server != nil {
		e.server.Shutdown()
		e.server.WaitForShutdown()
	}
	e.mark.Close()
}

// url returns where workers on other machines reach the server; empty if it has no socket.
func (e *embedded) url() string {
	if e.server.Addr() == nil {
		return ""
	}
	return e.server.ClientURL()
}

// serverOptions makes nats-server's options of ours.
func serverOptions(o Options) (*server.Options, error) {
	so := &server.Options{}
	if o.Config != "" {
		read, err := server.ProcessConfigFile(o.Config)
		if err != nil {
			return nil, fmt.Errorf("fleet: the configuration of the server: %w", err)
		}
		so = read
		if o.Listen != "" {
			return nil, &OptionError{"the address to listen on", "that of the server's configuration " + o.Config, o.Listen + " beside it"}
		}
	} else if err := listen(so, o.Listen); err != nil {
		return nil, err
	}
	if so.ServerName == "" {
		so.ServerName = "firstgap"
	}
	if so.StoreDir == "" {
		so.StoreDir = o.Dir
	}
	if so.StoreDir == "" {
		return nil, &OptionError{"the folder of the server", "one", "none"}
	}
	so.JetStream, so.DisableJetStreamBanner = true, true
	so.SyncAlways = true // by default it syncs every two minutes
	so.NoSigs = true     // signals are the command's
	so.MaxPayload = payload(so.MaxPayload)
	if !so.DontListen && !local(so.Host) && !authenticates(so) && !o.Insecure {
		return nil, &OpenError{net.JoinHostPort(so.Host, strconv.Itoa(so.Port))}
	}
	return so, nil
}

func payload(configured int32) int32 {
	if configured == 0 {
		return server.MAX_PAYLOAD_SIZE
	}
	return configured
}

// listen sets the address of a server: none, HOST:PORT, or nats://USER:PASSWORD@HOST:PORT. Port 0 is any that is free.
func listen(so *server.Options, address string) error {
	if address == "" {
		so.DontListen = true
		return nil
	}
	bad := func(found any) error {
		return &OptionError{"the address to listen on", "HOST:PORT or nats://USER:PASSWORD@HOST:PORT", fmt.Sprint(found)}
	}
	if strings.Contains(address, "://") {
		u, err := url.Parse(address)
		if err != nil || u.Scheme != "nats" || u.Path != "" {
			return bad("another URL") // which may hold a password
		}
		if password, has := u.User.Password(); has {
			so.Username, so.Password = u.User.Username(), password
		} else {
			so.Authorization = u.User.Username()
		}
		address = u.Host
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return bad(err)
	}
	if so.Host = host; host == "" {
		so.Host = "0.0.0.0"
	}
	if so.Port, err = strconv.Atoi(port); err != nil || so.Port < 0 || so.Port > 65535 {
		return bad(address)
	}
	if so.Port == 0 {
		so.Port = server.RANDOM_PORT
	}
	return nil
}

// local tells whether only this machine reaches an address.
func local(host string) bool {
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// authenticates tells whether a server lets in only whom it knows.
func authenticates(so *server.Options) bool {
	if so.NoAuthUser != "" {
		return false
	}
	return so.Username != "" || so.Authorization != "" || len(so.Users) > 0 || len(so.Nkeys) > 0 || len(so.TrustedKeys) > 0 ||
		len(so.TrustedOperators) > 0 || so.AuthCallout != nil || so.TLSVerify
}

// ownUser adds a user for this process alone, with a key that is made here: the passwords in a server's configuration are hashed, if its
// owner is careful, and so this process could not log in with them.
func (e *embedded) ownUser(so *server.Options) error {
	if !authenticates(so) && so.NoAuthUser == "" {
		return nil
	}
	var accounts []*server.Account
	for _, u := range so.Users {
		if !slices.Contains(accounts, u.Account) {
			accounts = append(accounts, u.Account)
		}
	}
	for _, u := range so.Nkeys {
		if !slices.Contains(accounts, u.Account) {
			accounts = append(accounts, u.Account)
		}
	}
	accounts = slices.DeleteFunc(accounts, func(a *server.Account) bool { return a != nil && a.Name == so.SystemAccount })
	if len(accounts) > 1 {
		return &OptionError{"the configuration of the server", "users of one account", fmt.Sprintf("users of %d", len(accounts))}
	}
	if so.TLSVerify && so.Username == "" && so.Authorization == "" && len(so.Users) == 0 && len(so.Nkeys) == 0 {
		return nil // clients show certificates and have no names
	}
	key, err := nkeys.CreateUser()
	if err != nil {
		return err
	}
	public, err := key.PublicKey()
	if err != nil {
		return err
	}
	own := &server.NkeyUser{Nkey: public}
	if len(accounts) == 1 {
		own.Account = accounts[0]
	}
	so.Nkeys = append(so.Nkeys, own)
	e.key = key
	return nil
}

// take locks a folder for a server of this process.
func take(dir string) (*os.File, error) {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(filepath.Join(dir, lockFile), os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return nil, err
	}
	held, err := filelock.Take(f)
	switch {
	case err != nil:
		f.Close()
		return nil, fmt.Errorf("fleet: the folder %s: %w", dir, err)
	case held:
		by, _ := io.ReadAll(io.LimitReader(f, 20))
		f.Close()
		return nil, &LockedError{dir, strings.TrimSpace(string(by))}
	}
	if err := f.Truncate(0); err != nil {
		f.Close()
		return nil, err
	}
	if _, err := fmt.Fprintln(f, os.Getpid()); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// lastWords keeps the last thing that a server complained of: it says in no other way why it gave up its disk.
type lastWords struct {
	mu   sync.Mutex
	last string
}

func (l *lastWords) note(format string, v ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.last = fmt.Sprintf(format, v...)
}

func (l *lastWords) err() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.last == "" {
		return errors.New("no answer")
	}
	return errors.New(l.last)
}

func (l *lastWords) Errorf(format string, v ...any) { l.note(format, v...) }
func (l *lastWords) Fatalf(format string, v ...any) { l.note(format, v...) }
func (l *lastWords) Warnf(string, ...any)           {}
func (l *lastWords) Noticef(string, ...any)         {}
func (l *lastWords) Debugf(string, ...any)          {}
func (l *lastWords) Tracef(string, ...any)          {}
