//go:build !(darwin || dragonfly || freebsd || illumos || linux || netbsd || openbsd)

package filelock

import "os"

// Take takes nothing here, where the system has no lock that ends with its process: two processes on one folder are for the user to avoid.
func Take(*os.File) (held bool, err error) { return false, nil }
