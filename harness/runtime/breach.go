package runtime

import "fmt"

// A Breach is what a node that is another program panics with when that program does not do what its protocol has it do. The run ends
// with it (Breached), and what it says is a finding about the program.
type Breach struct {
	Rule     BreachRule
	Kind     string // what two breaches of one mistake have in common: no number and no text of the run is in it
	Expected string
	Found    string
	Line     string   // the offending line, as much as people can read of it; "" where there is none
	Lead     []string // what the program wrote last to its standard error, line by line
	// Ours says that the machine failed: nothing is known of the program.
	Ours bool
}

func (b *Breach) Error() string {
	s := fmt.Sprintf("expected %s, found %s", b.Expected, b.Found)
	if !b.Ours {
		s = string(b.Rule) + ": " + s
	}
	if b.Line != "" {
		s += ": " + b.Line
	}
	return s
}

// A BreachRule is what every protocol over lines asks of a program.
type BreachRule string

// The rules.
const (
	// AnswersInTime is broken by silence, by a line without its end, by lines that were not asked for, and by endless ones.
	AnswersInTime BreachRule = "a program answers in time, and writes no other lines"
	// KeepsTheForm is broken by what is no line of the protocol.
	KeepsTheForm BreachRule = "every line that a program writes has the form of its protocol"
	// LivesOn is broken by a program that ends.
	LivesOn BreachRule = "no program ends itself"
)

// MayTell is implemented by a node.Teller that is another program: whether that tells its state is known once it has.
type MayTell interface{ Tells() bool }

// A Foreign is a hook that a node in another program has more to ask of than one in this process: it cannot ask at the places of its
// code, nor be looked into.
type Foreign interface {
	// Seed is that of the run.
	Seed() uint64
	// Bug names the planted bug of the run, "" where there is none.
	Bug() string
	// Heard is told of each line that the program has answered an event by.
	Heard(line []byte)
}
