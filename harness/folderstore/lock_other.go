//go:build !(darwin || dragonfly || freebsd || illumos || linux || netbsd || openbsd)

package folderstore

import "os"

// lock takes nothing here, where the system has no lock that ends with its process: two copies into one folder at the
// same time are for the user to avoid.
func lock(*os.File) (held bool, err error) { return false, nil }
