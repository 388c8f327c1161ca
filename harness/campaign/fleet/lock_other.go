//go:build !(darwin || dragonfly || freebsd || illumos || linux || netbsd || openbsd)

package fleet

import "os"

// lock takes nothing here, where the system has no lock that ends with its process: two servers on one folder are for the user to
// avoid.
func lock(*os.File) (held bool, err error) { return false, nil }
