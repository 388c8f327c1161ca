// Package grade grades submissions: it builds one and runs it in a box, holds it against a lab's tests, searches for the smallest
// set of faults that breaks it, and says what each lost mark was lost for.
//
// Use package labs to read or write what is graded, and package campaign when an engineer asks whether a system is right and
// needs no marks.
package grade

// A Result is how one submission was graded. The same submission, lab and secret give the same bytes, on any machine: it holds no
// time and no path of this machine.
type Result struct {
	Format     string `json:"format"` // Format
	Lab        int    `json:"lab"`
	Title      string `json:"title"`
	Submission string `json:"submission"` // its name
	Score      int    `json:"score"`
	Most       int    `json:"most"`
	Tests      []Test `json:"tests"`
	// BreakPoint is the smallest set of faults that broke it; nil where nothing could be run.
	BreakPoint *BreakPoint `json:"breakPoint,omitempty"`
	// Problem says why nothing was graded: it could not be built, or did what no submission may. The score is 0.
	Problem string `json:"problem,omitempty"`
	// Flaky lists the tests in which the same run was another one the second time, with the first line that differs. They score 0.
	Flaky []string `json:"flaky,omitempty"`
}

// Format names the format of results, and its version.
const Format = "firstgap grade/1"

// A Test is how one test of the lab went.
type Test struct {
	Name    string `json:"name"`
	Rule    string `json:"rule"`
	Section string `json:"section"`
	Public  bool   `json:"public"`
	Passed  bool   `json:"passed"`
	Score   int    `json:"score"`
	Most    int    `json:"most"`
	Runs    int    `json:"runs"`   // made
	Failed  int    `json:"failed"` // of these
	// Says is what went wrong, in a few lines: the check, what was allowed instead, how to run it again.
	Says string `json:"says,omitempty"`
	// Page and Replay are the names of the files that explain and repeat the failure, in the folder of results; "" where none is.
	Page   string `json:"page,omitempty"`
	Replay string `json:"replay,omitempty"`
}

// A BreakPoint is the smallest set of faults that breaks a submission.
type BreakPoint struct {
	Faults int      `json:"faults"` // how many; -1: nothing that was tried broke it
	Steps  int      `json:"steps"`  // the most that were tried at once
	Set    []string `json:"set"`    // each in words
	Score  int      `json:"score"`
	Most   int      `json:"most"`
	Says   string   `json:"says"`
	Page   string   `json:"page,omitempty"`
	Replay string   `json:"replay,omitempty"`
}
