package check_test

import (
	"context"
	"fmt"
	"os"

	"github.com/firstgap/firstgap/spec/check"
)

// Clients of a lock service. The server grants the lock for a lease and numbers the grants. A client may be so slow that its
// lease has ended when it writes to the disk; so the disk refuses a write whose number is lower than one it has seen.
type lockState struct {
	Grants  uint8 // so many so far
	Holder  int8  // whom the server has granted the lock, nobody or a client
	Token   [3]uint8
	Working [3]bool // the client believes that it holds the lock
	Seen    uint8   // highest number that the disk has seen
	Late    bool    // the disk has taken a write that it must not
}

const nobody = -1

// lockService has no more than so many grants, so that it has an end. With fencing the disk looks at the number.
func lockService(grants uint8, fencing bool) check.Model {
	each := func(next func(s *lockState, c int) bool) func(lockState, func(lockState, ...int)) {
		return func(s lockState, yield func(lockState, ...int)) {
			for c := range s.Working {
				if after := s; next(&after, c) {
					yield(after, c)
				}
			}
		}
	}
	return check.Plain[lockState]{
		Title:     "lock service",
		Constants: map[string]any{"grants": grants, "fencing": fencing},
		Start:     lockState{Holder: nobody},
		Moves: []check.Move[lockState]{
			{Name: "Grant", Next: each(func(s *lockState, c int) bool {
				ok := s.Holder == nobody && s.Grants < grants && !s.Working[c]
				s.Grants++
				s.Holder, s.Working[c], s.Token[c] = int8(c), true, s.Grants
				return ok
			})},
			{Name: "Expire", Next: each(func(s *lockState, c int) bool { // the client does not notice
				ok := s.Holder == int8(c)
				s.Holder = nobody
				return ok
			})},
			{Name: "Write", Next: each(func(s *lockState, c int) bool {
				ok := s.Working[c] && (!fencing || s.Token[c] >= s.Seen)
				s.Late = s.Late || s.Token[c] < s.Seen
				s.Seen = max(s.Seen, s.Token[c])
				return ok
			})},
			{Name: "Stop", Next: each(func(s *lockState, c int) bool {
				ok := s.Working[c]
				s.Working[c], s.Token[c] = false, 0
				if s.Holder == int8(c) {
					s.Holder = nobody
				}
				return ok
			})},
		},
		Must: []check.Must[lockState]{{
			Name: "InOrder", Guarantee: "the disk takes no write of a client that a later one has overtaken",
			Holds: func(s lockState) bool { return !s.Late },
		}},
		Reach: []check.Must[lockState]{{
			Name: "TwoAtWork", Guarantee: "two clients may believe at the same time that they hold the lock",
			Holds: func(s lockState) bool { return s.Working[0] && s.Working[1] },
		}},
		Progress: []check.Leads[lockState]{{
			Name: "ComesFree", Guarantee: "a lock that is held comes free again",
			From: func(s lockState) bool { return s.Holder != nobody },
			To:   func(s lockState) bool { return s.Holder == nobody },
		}},
		// The server's clock goes on, so leases end. Nothing is promised of clients.
		Fair: func(move string, args []int) string {
			if move == "Expire" {
				return check.Instance(move, args)
			}
			return ""
		},
	}.Model()
}

// With fencing all is well; without it, a shortest counterexample says what goes wrong.
func Example() {
	for _, fencing := range []bool{true, false} {
		result, err := check.Search(context.Background(), lockService(2, fencing), check.Options{})
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("fencing %t: %s\n", fencing, result.Verdict)
		for _, w := range result.Witnesses {
			fmt.Printf("  %s is met at depth %d\n", w.Name, w.Depth)
		}
		if result.Verdict == check.Violation {
			fmt.Printf("  %s does not hold after\n", result.Invariant)
		}
		for i, step := range result.Trace {
			fmt.Printf("  %d %s\n", i+1, step.Action)
		}
	}
	// Output:
	// fencing true: pass
	//   TwoAtWork is met at depth 4
	// fencing false: violation
	//   TwoAtWork is met at depth 4
	//   InOrder does not hold after
	//   1 Grant(0)
	//   2 Expire(0)
	//   3 Grant(1)
	//   4 Write(1)
	//   5 Write(0)
}

func ExampleBehaviour_Write() {
	m := lockService(2, false)
	result, err := check.Search(context.Background(), m, check.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	if b, ok := check.Counterexample(m, result); ok {
		if err := b.Write(os.Stdout, check.Text); err != nil {
			fmt.Println(err)
		}
	}
	// Output:
	// model lock service: a shortest counterexample
	// InOrder: "the disk takes no write of a client that a later one has overtaken"
	//
	//   0  the initial state
	//        Grants = 0
	//        Holder = -1
	//        Token = [0 0 0]
	//        Working = [false false false]
	//        Seen = 0
	//        Late = false
	//   1  Grant(0)
	//        Grants: 1, was 0
	//        Holder: 0, was -1
	//        Token: [1 0 0], was [0 0 0]
	//        Working: [true false false], was [false false false]
	//   2  Expire(0)
	//        Holder: -1, was 0
	//   3  Grant(1)
	//        Grants: 2, was 1
	//        Holder: 1, was -1
	//        Token: [1 2 0], was [1 0 0]
	//        Working: [true true false], was [true false false]
	//   4  Write(1)
	//        Seen: 2, was 0
	//   5  Write(0)
	//        Late: true, was false
}
