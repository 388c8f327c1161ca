//go:build failpoints

package faults

import (
	"fmt"
	"slices"

	"go.etcd.io/gofail/runtime"
)

// EnableAll switches on every gofail point of the program for good and returns their names, sorted. From then on a
// point's body runs whenever it is passed and asks its node's own hook whether to act, so that runs side by side in
// one process do not see each other's faults. Without the overlay there is no point, and the error is ErrNoOverlay.
func EnableAll() ([]string, error) {
	names := runtime.List()
	if len(names) == 0 {
		return nil, ErrNoOverlay
	}
	slices.Sort(names)
	for _, name := range names {
		// Neither a count nor a probability: both are global, and the latter draws from the global random source.
		if err := runtime.Enable(name, "return"); err != nil {
			return nil, fmt.Errorf("enable failpoint %s: %w", name, err)
		}
	}
	return names, nil
}

// Unhit returns the points that no run has passed since EnableAll, sorted. Call it when no run is going on: gofail
// counts under a lock that it does not take for reading.
func Unhit() ([]string, error) {
	names := runtime.List()
	if len(names) == 0 {
		return nil, ErrNoOverlay
	}
	slices.Sort(names)
	var unhit []string
	for _, name := range names {
		_, count, err := runtime.Status(name)
		if err != nil {
			return nil, fmt.Errorf("status of failpoint %s: %w", name, err)
		}
		if count == 0 {
			unhit = append(unhit, name)
		}
	}
	return unhit, nil
}
