//go:build !unix

package lines

// A Program is one that runs. This system has no groups of processes that end as one, so none is started.
type Program struct{}

// Start refuses.
func Start(Command) (*Program, error) {
	return nil, &Error{Problem: NotStarted, Expected: "a system with groups of processes, such as Linux or macOS", Found: "another"}
}

// PID is that of no process.
func (*Program) PID() int { return 0 }

// Write is never called: no program is started.
func (*Program) Write([]byte) error { return nil }

// Read is never called.
func (*Program) Read() ([]byte, error) { return nil, nil }

// Unread is never called.
func (*Program) Unread() ([]byte, error) { return nil, nil }

// Stderr is never called.
func (*Program) Stderr() string { return "" }

// Status is never called.
func (*Program) Status() string { return "" }

// Stop is never called.
func (*Program) Stop() {}
