package store

import (
	"bytes"
	"math"
	"strconv"

	"github.com/firstgap/firstgap/harness/campaign/coverage"
	"github.com/firstgap/firstgap/harness/campaign/job"
	"github.com/firstgap/firstgap/harness/judge"
)

// A quick reader reads the lines that nearly all lines are: those of runs that passed, as this package writes them. It leaves all others
// to encoding/json, which takes ten times as long, and with which it must agree: a campaign of ten million lines goes on after a minute
// and not after a quarter of an hour.
type quick struct {
	text []byte
	ok   bool
}

// line reads a line's JSON. It is false where the text has anything that this reader does not know; into is not to be used then.
func (q *quick) line(text []byte, into *job.Line, counts int) bool {
	*q = quick{text, true}
	q.skip('{')
	for q.ok {
		switch string(q.string()) { // which allocates nothing
		case "sum":
			q.skip(':')
			q.string()
		case "n":
			into.Number = q.number()
		case "arm":
			into.Arm = job.Arm(known(q.value(), string(job.Random), string(job.Guided), string(job.Kept), string(job.Model)))
		case "seed":
			into.Seed = q.number()
		case "parent":
			into.Parent = new(uint64)
			*into.Parent = q.number()
		case "hash":
			into.Hash = q.digits(q.value())
		case "verdict":
			into.Verdict = judge.Verdict(known(q.value(), string(judge.Pass), string(judge.Violation), string(judge.CouldNotTell)))
		case "work":
			into.Work = q.number()
		case "counts":
			into.Counts = make([]uint64, 0, counts)
			q.list(func(n uint64) { into.Counts = append(into.Counts, n) })
		case "made":
			into.Made = make([]int, 0, 16)
			q.list(func(n uint64) { into.Made = append(into.Made, int(q.small(n))) })
		case "new":
			q.features(&into.New)
		case "second":
			q.features(&into.Second)
		case "shapes":
			into.Shapes = int(q.small(q.number()))
		case "kept":
			q.skip(':')
			q.ok = q.ok && bytes.HasPrefix(q.text, []byte("true"))
			q.text = bytes.TrimPrefix(q.text, []byte("true"))
			into.Kept = true
		case "by":
			into.By = string(q.value())
		case "seconds":
			into.Seconds = q.seconds()
		case "at":
			into.At = int64(q.small(q.number()))
		default:
			return false
		}
		if len(q.text) > 0 && q.text[0] == ',' {
			q.text = q.text[1:]
			continue
		}
		q.skip('}')
		return q.ok && len(q.text) == 0
	}
	return false
}

func known(value []byte, names ...string) string {
	for _, n := range names {
		if string(value) == n {
			return n
		}
	}
	return string(value)
}

func (q *quick) skip(c byte) {
	if q.ok = q.ok && len(q.text) > 0 && q.text[0] == c; q.ok {
		q.text = q.text[1:]
	}
}

// string reads a string in which no character is written in another way.
func (q *quick) string() []byte {
	q.skip('"')
	to := 0
	for q.ok && to < len(q.text) && q.text[to] != '"' {
		q.ok = q.text[to] >= ' ' && q.text[to] < 0x7f && q.text[to] != '\\'
		to++
	}
	if !q.ok || to == len(q.text) {
		q.ok = false
		return nil
	}
	s := q.text[:to]
	q.text = q.text[to+1:]
	return s
}

func (q *quick) value() []byte {
	q.skip(':')
	return q.string()
}

// token reads what a number is written with.
func (q *quick) token() []byte {
	to := 0
	for to < len(q.text) && q.text[to] != ',' && q.text[to] != '}' && q.text[to] != ']' {
		to++
	}
	s := q.text[:to]
	q.text = q.text[to:]
	return s
}

func (q *quick) number() uint64 {
	q.skip(':')
	return q.digits(q.token())
}

// digits reads a whole number below 10^18, or one that the standard library has to look at.
func (q *quick) digits(s []byte) (n uint64) {
	if len(s) == 0 || len(s) > 1 && s[0] == '0' {
		q.ok = false
		return 0
	}
	if len(s) > 18 {
		n, err := strconv.ParseUint(string(s), 10, 64)
		q.ok = q.ok && err == nil
		return n
	}
	for _, c := range s {
		if c < '0' || c > '9' {
			q.ok = false
			return 0
		}
		n = 10*n + uint64(c-'0')
	}
	return n
}

// small refuses a number that has no room in 63 bits.
func (q *quick) small(n uint64) uint64 {
	q.ok = q.ok && n <= math.MaxInt64
	return n
}

// list reads a list of whole numbers. It keeps its place in a variable of its own: to store it for every number would take longer than
// to read the number.
func (q *quick) list(add func(uint64)) {
	q.skip(':')
	q.skip('[')
	text, ok := q.text, q.ok
	for ok {
		n, size := uint64(0), 0
		for size < len(text) && text[size] >= '0' && text[size] <= '9' {
			n = 10*n + uint64(text[size]-'0')
			size++
		}
		ok = size > 0 && size <= 18 && size < len(text) && (size == 1 || text[0] != '0')
		if !ok {
			break
		}
		add(n)
		end := text[size]
		text = text[size+1:]
		if end == ']' {
			break
		}
		ok = end == ','
	}
	q.text, q.ok = text, ok
}

func (q *quick) features(into *coverage.Features) {
	if err := into.UnmarshalText(q.value()); err != nil {
		q.ok = false
	}
}

// seconds reads a number of digits with a point among them, or none.
func (q *quick) seconds() float64 {
	q.skip(':')
	s := q.token()
	whole, part, point := bytes.Cut(s, []byte("."))
	q.digits(whole)
	q.ok = q.ok && (!point || len(part) > 0)
	for _, c := range part {
		q.ok = q.ok && c >= '0' && c <= '9'
	}
	f, err := strconv.ParseFloat(string(s), 64)
	q.ok = q.ok && err == nil
	return f
}
