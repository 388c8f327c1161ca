package older_test

import (
	"fmt"

	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/older"
)

// One run of each design, under the faults of one seed.
func ExampleSystems() {
	for _, s := range older.Systems() {
		c, err := s.Generate(7, harness.Generation{})
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("%s: %s\n", s.Name(), harness.Run(s, c).Verdict)
	}
	// Output:
	// local: pass
	// snapshot: pass
	// ebs: pass
	// rds: pass
	// quorum: pass
}
