package fleet

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/zeebo/xxh3"

	"github.com/firstgap/firstgap/harness/campaign/job"
)

// version is that of the messages. A worker of another one refuses the campaign.
const version = 1

// An announcement is what a server tells workers of a campaign.
type announcement struct {
	Version int    `json:"version"`
	ID      string `json:"id"`      // of the campaign: a digest of Campaign
	Session string `json:"session"` // of the coordinator's process
	// Round is larger than that of any announcement before. Workers hear of one when it is made, which may be before or after they read it
	// from the server's stream.
	Round    int64           `json:"round"`
	Ended    bool            `json:"ended,omitempty"`
	Campaign json.RawMessage `json:"campaign"`

	Lease      time.Duration `json:"lease"`
	Gather     time.Duration `json:"gather"`
	Deliveries int           `json:"deliveries"`
}

// after tells whether a takes the place of b, which may be nil.
func (a *announcement) after(b *announcement) bool {
	return b == nil || a.Round > b.Round || a.Round == b.Round && a.Ended
}

func (a *announcement) check() error {
	switch {
	case a.Version != version:
		return &VersionError{version, a.Version}
	case a.ID != idOf(a.Campaign):
		return fmt.Errorf("expected the campaign %s, found %s", a.ID, idOf(a.Campaign))
	case a.Lease < leastLease || a.Deliveries < 1 || a.Gather < 0:
		return fmt.Errorf("expected a lease of %v and a delivery at least, found %v and %d", leastLease, a.Lease, a.Deliveries)
	}
	return nil
}

// idOf returns what a campaign is called in subjects, so that no job or outcome of another one is taken for its own.
func idOf(campaign json.RawMessage) string { return fmt.Sprintf("%016x", xxh3.Hash(campaign)) }

// names are those of the streams and subjects on a server.
type names string

var nameForm = regexp.MustCompile(`^[A-Za-z0-9_]{1,32}$`)

func (n names) check() error {
	if !nameForm.MatchString(string(n)) {
		return &OptionError{"the name", "1 to 32 letters, digits and underscores", strconv.Quote(string(n))}
	}
	return nil
}

func (n names) campaignStream() string { return string(n) + "-campaign" }
func (n names) jobStream() string      { return string(n) + "-jobs" }
func (n names) outcomeStream() string  { return string(n) + "-outcomes" }

func (n names) campaign() string         { return string(n) + ".campaign" }
func (n names) jobs() string             { return string(n) + ".job.*.*" }
func (n names) outcomes() string         { return string(n) + ".outcome.*" }
func (n names) begins() string           { return string(n) + ".begun.*.*" }
func (n names) outcome(id string) string { return string(n) + ".outcome." + id }
func (n names) jobOf(id string) string   { return string(n) + ".job." + id + "." }
func (n names) begunOf(id string) string { return string(n) + ".begun." + id + "." }
func (n names) job(id string, number uint64) string {
	return n.jobOf(id) + strconv.FormatUint(number, 10)
}
func (n names) begun(id string, number uint64) string {
	return n.begunOf(id) + strconv.FormatUint(number, 10)
}

// workers is the consumer of the jobs.
const workers = "workers"

// numberOf reads the number of a job at the end of a subject.
func numberOf(subject, prefix string) (number uint64, ok bool) {
	rest, ok := strings.CutPrefix(subject, prefix)
	if !ok {
		return 0, false
	}
	number, err := strconv.ParseUint(rest, 10, 64)
	return number, err == nil
}

// encode writes a value as one that fits into a message.
func encode(what string, v any, limit int) ([]byte, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("fleet: %s: %w", what, err)
	}
	if len(text) > limit {
		return nil, &TooLargeError{what, len(text), limit}
	}
	return text, nil
}

// outcomesIn reads a message of outcomes.
func outcomesIn(subject string, data []byte) ([]job.Outcome, error) {
	var outcomes []job.Outcome
	if err := json.Unmarshal(data, &outcomes); err != nil {
		return nil, &MessageError{subject, "a list of outcomes", err}
	}
	return outcomes, nil
}

// A parcel gathers encoded outcomes into one message, a list.
type parcel struct {
	text  bytes.Buffer
	limit int
}

// add takes an outcome in, and tells whether it fits.
func (p *parcel) add(outcome []byte) bool {
	if p.text.Len() > 0 && p.text.Len()+1+len(outcome)+1 > p.limit {
		return false
	}
	if p.text.Len() == 0 {
		p.text.WriteByte('[')
	} else {
		p.text.WriteByte(',')
	}
	p.text.Write(outcome)
	return true
}

// message returns the message, and begins another.
func (p *parcel) message() []byte {
	p.text.WriteByte(']')
	text := bytes.Clone(p.text.Bytes())
	p.text.Reset()
	return text
}
