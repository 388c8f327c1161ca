// Package serve shows campaigns in a browser: the folders of campaigns (package store) and of reports (package report) below one folder,
// each with its figures, curves and failures, and two campaigns side by side. It reads, and changes nothing; it reads nothing outside of
// its folder; and its pages need no network and no script.
//
// Use package watch instead when the campaign of this process is to be watched.
package serve

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/firstgap/firstgap/harness/campaign/store"
	"github.com/firstgap/firstgap/harness/internal/loopback"
)

// A Server answers with pages about what is in a folder.
type Server struct {
	dir     string
	root    *os.Root
	now     func() time.Time
	folding chan struct{} // those who fold at a time

	mu    sync.Mutex
	folds map[string]folded
}

// A folded is the fold of a campaign's lines, as long as they are the same.
type folded struct {
	stamp string
	fold  *store.Fold
	err   error
}

// Limits of what is kept, and of what is done at a time.
const (
	mostFolds   = 200
	mostFolding = 2
)

// A FolderError says that a folder cannot be shown.
type FolderError struct {
	Folder string
	Err    error
}

func (e *FolderError) Error() string {
	return fmt.Sprintf("the folder %s cannot be shown: %v", e.Folder, e.Err)
}

func (e *FolderError) Unwrap() error { return e.Err }

// New returns the server of a folder. An error is a *FolderError.
func New(dir string) (*Server, error) {
	absolute, err := filepath.Abs(dir)
	if err != nil {
		return nil, &FolderError{dir, err}
	}
	root, err := os.OpenRoot(absolute)
	if err != nil {
		var p *fs.PathError
		if errors.As(err, &p) {
			err = p.Err
		}
		return nil, &FolderError{dir, err}
	}
	return &Server{dir: absolute, root: root, now: time.Now, folding: make(chan struct{}, mostFolding), folds: map[string]folded{}}, nil
}

// Close lets the folder go.
func (s *Server) Close() error { return s.root.Close() }

// Listen listens where pages are to be: at HOST:PORT, on loopback where no host is named.
func Listen(ctx context.Context, address string) (net.Listener, error) {
	return loopback.Listen(ctx, address)
}

// Serve answers with pages until the context ends, and returns nil then. It takes the listener over.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	return loopback.Serve(ctx, l, s.Handler())
}

// policy is what a page may do: show itself, with the style of this server, and ask it for other pages.
const policy = "default-src 'none'; style-src 'self'; img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// Handler answers requests that read. Whoever serves it on loopback guards it against rebound names, as Serve does.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", s.list)
	mux.HandleFunc("GET /campaign", s.campaign)
	mux.HandleFunc("GET /lines", s.lines)
	mux.HandleFunc("GET /unvisited", s.unvisited)
	mux.HandleFunc("GET /compare", s.compare)
	mux.HandleFunc("GET /report", s.report)
	mux.HandleFunc("GET /file", s.file)
	mux.HandleFunc("GET /style.css", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/css; charset=utf-8")
		_, _ = w.Write(styleCSS)
	})
	mux.HandleFunc("GET /", func(w http.ResponseWriter, r *http.Request) {
		problem(w, http.StatusNotFound, "There is no such page", r.URL.Path)
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		mux.ServeHTTP(w, r)
	})
}

// problem answers with a page that says what is wrong.
func problem(w http.ResponseWriter, code int, title, what string) {
	(&page{Title: title, Bad: []string{what}}).write(w, code)
}

// wrong answers a request that cannot be answered.
func wrong(w http.ResponseWriter, err error) {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		problem(w, http.StatusNotFound, "There is nothing of that name", err.Error())
	default:
		problem(w, http.StatusUnprocessableEntity, "It cannot be shown", err.Error())
	}
}
