package store_test

import (
	"fmt"
	"os"

	"github.com/firstgap/firstgap/harness/campaign/job"
	"github.com/firstgap/firstgap/harness/campaign/store"
	"github.com/firstgap/firstgap/harness/judge"

	_ "github.com/firstgap/firstgap/harness/internal/runflags"
)

// A campaign keeps two lines and ends. Another process goes on where it ended.
func Example() {
	folder, err := os.MkdirTemp("", "campaign")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(folder)
	s, err := store.Create(folder, store.Header{System: "aurora", Seed: 1, Batch: 256})
	if err != nil {
		fmt.Println(err)
		return
	}
	err = s.Append(
		job.Line{Number: 0, Arm: job.Random, Seed: 1, Verdict: judge.Pass, Work: 1000},
		job.Line{Number: 1, Arm: job.Random, Seed: 2, Verdict: judge.Pass, Work: 2000})
	fmt.Println("appended:", err)
	_, err = store.Open(folder)
	fmt.Printf("a second campaign there: %T\n", err)
	fmt.Println("closed:", s.Close())

	s, err = store.Open(folder)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer s.Close()
	fmt.Println("next:", s.Next(), "work:", s.Fold().Work)
	// Output:
	// appended: <nil>
	// a second campaign there: *store.LockedError
	// closed: <nil>
	// next: 2 work: 3000
}
