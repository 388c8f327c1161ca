package retell_test

import (
	"bytes"
	"fmt"

	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/aurora"
	"github.com/firstgap/firstgap/harness/failure"
	"github.com/firstgap/firstgap/harness/failure/retell"
	"github.com/firstgap/firstgap/harness/failure/why"
	"github.com/firstgap/firstgap/harness/judge"
	"github.com/firstgap/firstgap/impl/node"
)

// An explanation is told as a Go test, in a file of its own.
func ExampleTest() {
	c, err := aurora.System().Generate(1, harness.Generation{})
	if err != nil {
		fmt.Println(err)
		return
	}
	e := &why.Explanation{Configuration: c, What: why.What{Target: failure.Target{Check: "durability", Verdict: judge.Violation}, Headline: "segment 1/3 forgot record 7, which it had acknowledged",
		Chain: []why.Link{{Event: 12, At: node.Time(3e6), Node: "segment 1/3", Words: "acknowledged record 7 before it was on disk"}}}}
	var text bytes.Buffer
	if err := retell.Test(&text, aurora.System(), e, retell.TestOptions{File: "seed-1.fgt"}); err != nil {
		fmt.Println(err)
		return
	}
	test, _, _ := bytes.Cut(text.Bytes(), []byte("\n// smallest")) // below it is the configuration
	fmt.Printf("%s", test)
	// Output:
	// // segment 1/3 forgot record 7, which it had acknowledged
	// //
	// // fails    durability
	// //
	// // what led there:
	// //   3.000ms segment 1/3: acknowledged record 7 before it was on disk
	// //
	// // This is the smallest run of aurora that was found to fail so: 0 faults, 0 events. It was recorded as seed-1.fgt. The test fails while
	// // the mistake is there, and passes once it is mended.
	//
	// package firstgap_test
	//
	// import (
	// 	"strings"
	// 	"testing"
	//
	// 	"github.com/firstgap/firstgap/harness"
	// 	"github.com/firstgap/firstgap/harness/aurora"
	// 	"github.com/firstgap/firstgap/harness/configuration"
	// 	"github.com/firstgap/firstgap/harness/failure"
	// 	"github.com/firstgap/firstgap/harness/judge"
	// )
	//
	// func TestDurability(t *testing.T) {
	// 	c, err := configuration.Read(strings.NewReader(smallestDurability))
	// 	if err != nil {
	// 		t.Fatal(err)
	// 	}
	// 	failed := failure.Target{Check: "durability", Rule: "", Verdict: "violation"}
	// 	r := harness.Run(aurora.System(), c)
	// 	if f := failed.In(&r); f != nil {
	// 		t.Fatalf("%s: %s: %s\n  breaks: %s\n%s", f.Verdict, failed, f.Sentence(), f.Guarantee, f.Explain())
	// 	}
	// 	// It fails by something else now, or cannot be told: that is no pass either.
	// 	for i := range r.Findings {
	// 		t.Error(r.Findings[i].String())
	// 	}
	// 	if r.Verdict != judge.Pass {
	// 		t.Fatalf("the run ended with %q, want %q", r.Verdict, judge.Pass)
	// 	}
	// }
}
