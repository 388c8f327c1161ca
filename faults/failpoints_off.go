//go:build !failpoints

package faults

// Without the tag the program has no points, and does without gofail's runtime, which brings an HTTP server: a fifth of the
// program.

// EnableAll finds no point in such a build.
func EnableAll() ([]string, error) { return nil, ErrNoOverlay }

// Unhit finds no point in such a build.
func Unhit() ([]string, error) { return nil, ErrNoOverlay }
