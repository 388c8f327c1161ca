package compare

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/firstgap/firstgap/harness/older"
)

// A Register says how the versioned register is replicated, one replica after the other in the three zones. Its quorums need
// not overlap: what that loses can be seen.
type Register struct{ older.Register }

// MaxReplicas is how many replicas the register's model has room for.
const MaxReplicas = 9

// DefaultRegister is the one of the lecture.
func DefaultRegister() Register { return Register{older.Register{N: 3, R: 2, W: 2, ReadRepair: true}} }

// Set reads "N/R/W".
func (q *Register) Set(text string) error {
	parts := strings.Split(text, "/")
	if len(parts) != 3 {
		return fmt.Errorf("expected N/R/W, such as 3/2/2, found %q", text)
	}
	for i, n := range []*int{&q.N, &q.R, &q.W} {
		v, err := strconv.Atoi(parts[i])
		if err != nil {
			return fmt.Errorf("expected N/R/W, such as 3/2/2, found %q", text)
		}
		*n = v
	}
	return q.Validate()
}

// Type names the form of the flag.
func (*Register) Type() string { return "N/R/W" }

func (q *Register) String() string { return fmt.Sprintf("%d/%d/%d", q.N, q.R, q.W) }

// Validate refuses, with an *OptionError, what cannot be.
func (q *Register) Validate() error {
	switch {
	case q.N < 1 || q.N > MaxReplicas:
		return &OptionError{"N of the quorum", q.N, fmt.Sprintf("1 to %d", MaxReplicas)}
	case q.R < 1 || q.R > q.N:
		return &OptionError{"R of the quorum", q.R, fmt.Sprintf("1 to %d", q.N)}
	case q.W < 1 || q.W > q.N:
		return &OptionError{"W of the quorum", q.W, fmt.Sprintf("1 to %d", q.N)}
	}
	return nil
}

// overlaps tells whether every read meets every write.
func (q *Register) overlaps() bool { return q.R+q.W > q.N }

// exact tells whether it is a register: that its model has nothing to object to.
func (q *Register) exact() bool { return q.overlaps() && q.ReadRepair }

// left returns how many replicas are left after a failure.
func (q *Register) left(f Failure) int {
	in := func(zone int) int { return (q.N + 2 - zone) / 3 }
	switch f {
	case DiskLost:
		return q.N - 1
	case OwnZone:
		return q.N - in(0)
	case OtherZone:
		return q.N - in(2)
	case ZonePlusOne:
		return max(0, q.N-in(2)-1)
	}
	return q.N
}

func (q *Register) what() string {
	repair := ""
	if !q.ReadRepair {
		repair = ", no read repair"
	}
	return fmt.Sprintf("versioned registers, N=%d R=%d W=%d in three AZs%s, one row a transaction", q.N, q.R, q.W, repair)
}

func (q *Register) build(c *cluster) {
	c.Homes = []string{"az1", "az2", "az3"}
	older.Quorum(c.Cluster, q.Register, older.Front{RetryEvery: tickEvery, IdleAfter: 100 * time.Millisecond}, nil, func(i int) string { return c.Homes[i%3] })
}

// claims holds what was measured of the register against what its quorums say.
func (q *Register) claims(x *Result, claim func(holds bool, text, found string, args ...any)) {
	rule := ""
	if x.Objection != nil {
		rule = x.Objection.Rule
	}
	switch {
	case !q.overlaps():
		claim(rule != "", "quorum: a read need not meet a write, and the model objects", "%q", rule)
	case !q.ReadRepair:
		claim(x.Traced > 0 && (rule == "" || rule == "Linearizable"), "quorum: without read repair it is no register, and does nothing else wrong", "%d steps, %q", x.Traced, rule)
	}
	for _, f := range Failures() {
		s := x.after(f)
		left := q.left(f)
		found := fmt.Sprintf("%d of %d left, %s", left, q.N, s.text())
		switch {
		case left < q.R:
			claim(s.Applies && !s.Writes && !s.Reads, fmt.Sprintf("quorum, %v: fewer than R answer nothing", f), "%s", found)
		case left < q.W:
			claim(s.Applies && !s.Writes, fmt.Sprintf("quorum, %v: fewer than W write nothing", f), "%s", found)
		case q.overlaps():
			claim(s.intact(), fmt.Sprintf("quorum, %v: nothing is lost, and it answers", f), "%s", found)
		default:
			claim(s.Writes && s.Reads, fmt.Sprintf("quorum, %v: it answers, whatever that is worth", f), "%s", found)
		}
		if q.overlaps() && s.Reads {
			claim(s.Lost == 0, fmt.Sprintf("quorum, %v: what is read was not lost", f), "%s", found)
		}
	}
}
