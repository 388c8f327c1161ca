package command

import (
	"fmt"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/aurora"
)

// plantable tells whether this build can plant the bug that --bug names in our own system; "" is none.
func plantable(bug string) error {
	about := aurora.System().About()
	if err := about.Knows(bug); err != nil {
		return fmt.Errorf("--bug: %w", err)
	}
	if bug != "" && !harness.HasPoints() {
		return fmt.Errorf("--bug %s: %w", bug, faults.ErrNoOverlay)
	}
	return nil
}
