package report_test

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/firstgap/firstgap/harness/aurora"
	"github.com/firstgap/firstgap/harness/campaign"
	"github.com/firstgap/firstgap/harness/report"
)

// A campaign hands each failed run to the folder when it is found, and its summary when it has ended.
func Example() {
	temporary, err := os.MkdirTemp("", "report")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(temporary)
	folder, err := report.Open(temporary)
	if err == nil {
		err = folder.Begin()
	}
	if err != nil {
		fmt.Println(err)
		return
	}
	s, err := campaign.Run(context.Background(), campaign.Options{System: aurora.System(), Seed: 1, Runs: 2, Failed: folder.Failed})
	if err != nil {
		fmt.Println(err)
		return
	}
	r := report.New(nil, s, true, time.Second)
	if err := folder.Write(r); err != nil {
		fmt.Println(err)
		return
	}
	files, err := os.ReadDir(temporary)
	fmt.Println(r.Verdict, err)
	for _, f := range files {
		fmt.Println(f.Name())
	}
	// Output:
	// pass <nil>
	// junit.xml
	// report.json
	// report.sarif
	// summary.md
}
