//go:build !(darwin || dragonfly || freebsd || illumos || linux || netbsd || openbsd)

package store

// syncFolder does nothing here, where folders cannot be synced.
func syncFolder(string) error { return nil }
