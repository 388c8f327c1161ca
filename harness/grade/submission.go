package grade

import (
	"context"
	"errors"

	"github.com/firstgap/firstgap/harness/lines/protocol"
)

// A Submission is what is graded, ready to run.
type Submission struct {
	Name  string
	Maker protocol.Maker
	// Again is the command of the program, as it stands behind "firstgap replay FILE --"; "" of nodes in this process.
	Again string
	// Check holds the program against the protocol before anything of it is graded; nil: it is none. A *RefusedError is the
	// program's fault, any other error this machine's.
	Check func(context.Context) error
	// Trouble is asked after each batch of runs: a *RefusedError says that the program did what no submission may, any other error that
	// this machine could not run it. It may be nil.
	Trouble func() error
	// holds starts something harmless where the program is started, and says why it could not be; nil: nothing shuts the program in.
	holds func() error
}

// A RefusedError says why a submission scores 0 without any test: it could not be built, breaks the protocol from the first line on, or
// did what no submission may.
type RefusedError struct{ Reason string }

func (e *RefusedError) Error() string { return e.Reason }

// refused returns the reason of a *RefusedError, and any other error.
func refused(err error) (string, error) {
	var r *RefusedError
	if errors.As(err, &r) {
		return r.Reason, nil
	}
	return "", err
}
