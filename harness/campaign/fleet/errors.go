package fleet

import (
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// An OptionError says that an option cannot be.
type OptionError struct{ Option, Expected, Found string }

func (e *OptionError) Error() string {
	return fmt.Sprintf("fleet: %s: expected %s, found %s", e.Option, e.Expected, e.Found)
}

// A LockedError says that another server has the folder. NATS itself would start a second one on it, and lose messages.
type LockedError struct {
	Dir string
	By  string // the process that has it, as it wrote it down; empty if it did not
}

func (e *LockedError) Error() string {
	by := ""
	if e.By != "" {
		by = " (process " + e.By + ")"
	}
	return fmt.Sprintf("fleet: the folder %s: expected no server on it, found one that runs%s", e.Dir, by)
}

// An OpenError says that a server would let in anyone who reaches its address.
type OpenError struct{ Address string }

func (e *OpenError) Error() string {
	return fmt.Sprintf("fleet: the server at %s: expected authentication, or an address of this machine alone, found neither; give it users in a file of nats-server's, or a password in its URL, or accept it with --insecure", e.Address)
}

// A ServerError says that no server can be used: none answers, or it does not do what a queue needs.
type ServerError struct {
	Server string // its URL, without a password
	Wait   time.Duration
	Err    error
}

func (e *ServerError) Error() string {
	if errors.Is(e.Err, jetstream.ErrJetStreamNotEnabled) || errors.Is(e.Err, jetstream.ErrJetStreamNotEnabledForAccount) {
		return fmt.Sprintf("fleet: the server at %s: expected JetStream for this user, found none", e.Server)
	}
	waited := ""
	if e.Wait > 0 {
		waited = fmt.Sprintf(" for %v", e.Wait)
	}
	return fmt.Sprintf("fleet: the server at %s: expected one that answers, found none%s: %v", e.Server, waited, e.Err)
}

func (e *ServerError) Unwrap() error { return e.Err }

// A RefusedError says that a server does not take outcomes: its disk is full, or it has stopped to use it.
type RefusedError struct {
	Server string // its URL, without a password
	Err    error
}

func (e *RefusedError) Error() string {
	return fmt.Sprintf("fleet: the server at %s: expected it to keep outcomes, found %v", e.Server, e.Err)
}

func (e *RefusedError) Unwrap() error { return e.Err }

// A LoginError says that a server refused the user.
type LoginError struct {
	Server string // its URL, without a password
	Err    error
}

func (e *LoginError) Error() string {
	return fmt.Sprintf("fleet: the server at %s: expected a user and password, credentials or key that it knows, found %v", e.Server, e.Err)
}

func (e *LoginError) Unwrap() error { return e.Err }

// A TooLargeError says that a message is larger than the server takes.
type TooLargeError struct {
	What        string // such as "the outcome of job 7"
	Size, Limit int    // in bytes
}

func (e *TooLargeError) Error() string {
	return fmt.Sprintf("fleet: %s: expected at most %d bytes, found %d", e.What, e.Limit, e.Size)
}

// A MessageError says that a message cannot be read.
type MessageError struct {
	Subject  string
	Expected string
	Err      error
}

func (e *MessageError) Error() string {
	return fmt.Sprintf("fleet: a message on %s: expected %s, found %v", e.Subject, e.Expected, e.Err)
}

func (e *MessageError) Unwrap() error { return e.Err }

// A CampaignError says that a worker cannot work for a campaign: it is of another build or system, or of another version of this
// package.
type CampaignError struct {
	Worker string
	Err    error
}

func (e *CampaignError) Error() string {
	return fmt.Sprintf("fleet: the worker %s cannot work for this campaign: %v", e.Worker, e.Err)
}

func (e *CampaignError) Unwrap() error { return e.Err }

// A NoCampaignError says that a server holds no campaign of a name.
type NoCampaignError struct {
	Server, Name string
	Wait         time.Duration
}

func (e *NoCampaignError) Error() string {
	return fmt.Sprintf("fleet: the server at %s: expected the campaign %q, found none for %v", e.Server, e.Name, e.Wait)
}

// An OtherCampaignError says that a server holds a campaign of this name that is another one and has not ended.
type OtherCampaignError struct{ Server, Name, Expected, Found string }

func (e *OtherCampaignError) Error() string {
	return fmt.Sprintf("fleet: the server at %s: expected the campaign %s under the name %q, found %s, which has not ended; take another name, or replace it", e.Server, e.Expected, e.Name, e.Found)
}

// A TakenOverError says that another coordinator has begun to lead the same campaign.
type TakenOverError struct{ Name string }

func (e *TakenOverError) Error() string {
	return fmt.Sprintf("fleet: the campaign %q: expected to be its only coordinator, found another that began after this one", e.Name)
}

// A VersionError says that messages are of another version of this package.
type VersionError struct{ Expected, Found int }

func (e *VersionError) Error() string {
	return fmt.Sprintf("expected version %d of the messages, found %d; coordinator and workers need the same build", e.Expected, e.Found)
}
