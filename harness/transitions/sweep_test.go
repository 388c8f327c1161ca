//go:build failpoints

package transitions

import (
	"fmt"
	"testing"
	"time"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/aurora"
)

func TestSweep(t *testing.T) {
	fmt.Println(harness.HasPoints())
	for _, b := range faults.PlantedBugs() {
		began := time.Now()
		r, err := Run(t.Context(), Options{Implementation: aurora.Ours(), Scope: Scopes()[0], Bug: b.Name})
		switch {
		case err != nil:
			fmt.Println(b.Name, "ERR", err)
		case r.Parted != nil:
			fmt.Println(b.Name, "PARTED", len(r.Parted.Schedule), r.Parted.Problem, r.Parted.Differences, time.Since(began))
		default:
			fmt.Println(b.Name, r.Verdict(), r.Driven, r.Explained(), len(r.Unexplained), r.Stray, time.Since(began))
		}
	}
}
