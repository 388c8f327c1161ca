//go:build !(darwin || dragonfly || freebsd || illumos || linux || netbsd || openbsd)

package store

import "os"

// hold takes nothing here, where the system has no lock that ends with its process: two campaigns on one folder are for the user to
// avoid.
func hold(*os.File) (held bool, err error) { return false, nil }

// syncFolder does nothing here, where folders cannot be synced.
func syncFolder(string) error { return nil }
