package mutation_test

import (
	"os"

	"github.com/firstgap/firstgap/faults/mutants"
	"github.com/firstgap/firstgap/harness/mutation"
)

func ExampleSum() {
	all := []mutants.Mutant{
		{Number: 1, Package: "impl/lock", File: "impl/lock/lock.go", Line: 4, Func: "free", Kind: mutants.Negated, Source: "held < most"},
		{Number: 2, Package: "impl/lock", File: "impl/lock/lock.go", Line: 4, Func: "free", Kind: mutants.Boundary, Source: "held < most"},
	}
	report := mutation.Sum(all, &mutation.Survey{}, map[int]mutation.Outcome{1: {Number: 1, Noticed: true}, 2: {Number: 2, Runs: 100}}, nil)
	if err := report.WriteText(os.Stdout); err != nil {
		panic(err)
	}
	// Output:
	// package    mutants  tried  noticed  by usage  argued  survived  not carried out  score  with usage
	// impl/lock        2      2        1         0       0         1                0  50.0%       50.0%
	// all              2      2        1         0       0         1                0  50.0%       50.0%
	//
	// survivors (- would have changed no run, = changed none):
	// = impl/lock/lock.go:4: boundary: held < most
}
