package forms_test

import (
	"fmt"
	"os"

	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/campaign/forms"
	"github.com/firstgap/firstgap/harness/campaign/fuzz"
	"github.com/firstgap/firstgap/harness/campaign/store"
	"github.com/firstgap/firstgap/harness/judge"
)

// A campaign that was ended before its first run could not tell, and its forms say so.
func Example() {
	folder, err := os.MkdirTemp("", "campaign")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(folder)
	s := &fuzz.Summary{Header: &store.Header{System: "aurora"}, Fold: &store.Fold{}, Verdict: judge.CouldNotTell, Reasons: []string{"no run was made"}, Stop: fuzz.Interrupted}
	f, err := forms.Write(folder, s, harness.About{}, "")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(f.Result.Verdict, f.Result.Reasons)
	files, err := os.ReadDir(folder + "/" + forms.Folder)
	for _, file := range files {
		fmt.Println(file.Name(), err)
	}
	// Output:
	// could not tell [no run was made]
	// junit.xml <nil>
	// report.sarif <nil>
	// summary.md <nil>
}
