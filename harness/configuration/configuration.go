// Package configuration says what a run is: everything that it depends on, as plain JSON. The same configuration gives the
// same run, event by event, in any process.
//
// Read reads one that an engineer wrote. Use Generate of harness.System instead when a configuration is to be drawn from a seed.
package configuration

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness/sim"
	"github.com/firstgap/firstgap/harness/strict"
)

// Version is that of Configuration. It changes whenever the same configuration would give another run.
const Version = 4

// A Configuration is everything that a run depends on.
type Configuration struct {
	Version int    `json:"version"`
	System  string `json:"system"` // the name of the system under test
	Seed    uint64 `json:"seed"`   // of all randomness of the run
	// Settings are the system's own: how many nodes it has, what its clients do. The system reads and refuses them.
	Settings json.RawMessage `json:"settings,omitempty"`
	Network  sim.Network     `json:"network"`
	Disk     sim.Disk        `json:"disk"`
	Plan     faults.Plan     `json:"plan"`
	Ending   Ending          `json:"ending"`
	Bug      string          `json:"bug,omitempty"` // the planted bug, or several with commas between them
	Limits   sim.Limits      `json:"limits"`
}

// Ending says how a run ends, once the faults have.
type Ending struct {
	// Bound is how much virtual time the system has to serve again after the faults, and once more after the last upheaval.
	Bound faults.Duration `json:"bound"`
	// Calm is for how long, at least, the clients work on after the faults, before the last upheaval.
	Calm faults.Duration `json:"calm"`
	// Settle is how long the nodes go on before what they hold is compared.
	Settle faults.Duration `json:"settle"`
	// Crash makes the last upheaval a crash. A system that replaces its active node starts the next one then, and with Crash
	// the old one dies, without it lives on and learns what happened. Of any other system every node crashes at once and
	// starts again, so that what was acknowledged has to be on disks.
	Crash bool `json:"crash"`
}

// An Error says what makes a configuration unfit to run.
type Error struct {
	Field string // as in JSON
	Found string
	Want  string
}

func (e *Error) Error() string {
	return fmt.Sprintf("configuration: %s is %s, want %s", e.Field, e.Found, e.Want)
}

// Validate refuses what does not depend on the system: all that is wrong, joined. The system validates its settings, and the
// plan against its topology.
func (c *Configuration) Validate() error {
	if c.Version != Version {
		return &Error{"version", fmt.Sprint(c.Version), fmt.Sprint(Version)} // the rest may mean something else
	}
	var broken []error
	if c.System == "" {
		broken = append(broken, &Error{"system", "missing", "the name of a system"})
	}
	for _, d := range []struct {
		field string
		found faults.Duration
	}{{"ending.bound", c.Ending.Bound}, {"ending.calm", c.Ending.Calm}, {"ending.settle", c.Ending.Settle}} {
		broken = append(broken, Within(d.field, d.found))
	}
	return errors.Join(append(broken, c.Network.Validate(), c.Disk.Validate(), c.Limits.Validate())...)
}

// Within returns an *Error unless a duration is from a microsecond to an hour, as all are that a configuration must give.
func Within(field string, d faults.Duration) error {
	if d < faults.Duration(time.Microsecond) || d > faults.Duration(time.Hour) {
		return &Error{field, d.String(), "1µs to 1h"}
	}
	return nil
}

// maxBytes bounds what Read reads.
const maxBytes = 16 << 20

// Read reads a configuration, refuses what it does not know, and validates what does not depend on the system.
func Read(r io.Reader) (Configuration, error) {
	var c Configuration
	if err := strict.Decode(io.LimitReader(r, maxBytes), &c); err != nil {
		return c, fmt.Errorf("configuration: %w", err)
	}
	return c, c.Validate()
}

// ReadSettings reads the settings of a configuration into a pointer.
func (c *Configuration) ReadSettings(into any) error {
	if len(c.Settings) == 0 {
		return &Error{"settings", "missing", "those of the system " + c.System}
	}
	if err := strict.Unmarshal(c.Settings, into); err != nil {
		return fmt.Errorf("configuration: settings of %s: %w", c.System, err)
	}
	return nil
}

// With returns the configuration with other settings, which JSON can render, and another plan.
func (c Configuration) With(settings any, p faults.Plan) Configuration {
	text, err := json.Marshal(settings)
	if err != nil {
		panic(fmt.Sprintf("configuration: %v", err)) // the system's own type
	}
	c.Settings, c.Plan = text, p
	return c
}

// String renders the configuration as JSON.
func (c Configuration) String() string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetIndent("", "  ")
	if err := e.Encode(c); err != nil {
		return fmt.Sprintf("configuration: %v", err) // settings that are no JSON
	}
	return b.String()
}
