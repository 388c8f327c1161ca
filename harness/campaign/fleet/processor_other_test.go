//go:build !unix

package fleet

import (
	"testing"
	"time"
)

// processor tells nothing here.
func processor(*testing.B) time.Duration { return 0 }
