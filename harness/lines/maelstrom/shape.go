package maelstrom

import (
	"encoding/json"
	"fmt"
	"math/big"
	"strconv"
	"strings"
)

// The rules that hold for every workload.
const (
	// MalformedReply: an answer lacks a field that the request's documentation names, or has it in another type.
	MalformedReply = "malformed-reply"
	// NothingAnswered: of the requests of one type, not one was answered, so the run says nothing of them. It is never decided.
	NothingAnswered = "nothing-answered"
)

// problemsPerRule is how many problems of one rule are told; the last of them says how many more there are.
const problemsPerRule = 8

// findings collects the problems of one check.
type findings struct {
	calls    []Call
	problems []Problem
	last     map[string]int // by rule, the place of its last problem
	count    map[string]int // by rule
}

func newFindings(calls []Call) *findings {
	return &findings{calls: calls, last: map[string]int{}, count: map[string]int{}}
}

func (f *findings) add(rule string, calls []int, format string, args ...any) {
	f.count[rule]++
	if f.count[rule] > problemsPerRule {
		return
	}
	f.last[rule] = len(f.problems)
	f.problems = append(f.problems, Problem{Rule: rule, Says: fmt.Sprintf(format, args...), Calls: calls})
}

// undecided adds a problem that is neither a pass nor a violation.
func (f *findings) undecided(rule string, calls []int, format string, args ...any) {
	before := len(f.problems)
	f.add(rule, calls, format, args...)
	for i := before; i < len(f.problems); i++ {
		f.problems[i].Undecided = true
	}
}

func (f *findings) done() []Problem {
	for rule, place := range f.last {
		if more := f.count[rule] - problemsPerRule; more > 0 {
			f.problems[place].Says += fmt.Sprintf("; %d more of this rule are not told", more)
		}
	}
	return f.problems
}

// call names a call in a sentence, as "call 12 (send of client 1 to n2)".
func (f *findings) call(i int) string {
	c := &f.calls[i]
	return fmt.Sprintf("call %d (%s of client %d to %s)", i, c.kind(), c.Client, c.Node)
}

// kind is the type of the request.
func (c *Call) kind() string {
	name, _ := c.Request["type"].(string)
	return name
}

// A shapeError says what is wrong with an answer.
type shapeError struct{ expected, found string }

func (e *shapeError) Error() string { return "expected " + e.expected + ", found " + e.found }

// answer is the reply of a call that was OK, when it is of the type that the request asks for; a reply of another type is a
// shapeError.
func (c *Call) answer() (Body, error) {
	want := c.kind() + "_ok"
	if c.Reply == nil {
		return nil, &shapeError{"an answer of the type " + want, "none"}
	}
	got, present := c.Reply["type"]
	if name, _ := got.(string); name != want {
		return nil, &shapeError{"an answer of the type " + want, show(got, present)}
	}
	return c.Reply, nil
}

// malformed reports an answer of the wrong shape.
func (f *findings) malformed(i int, err error) {
	f.add(MalformedReply, []int{i}, "%s has a malformed answer: %v", f.call(i), err)
}

func show(v any, present bool) string {
	if !present {
		return "no such field"
	}
	const most = 120
	s := text(v)
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "…"
	}
	return s
}

// list reads a field that has to be an array.
func (b Body) list(field string) ([]any, error) {
	v, present := b[field]
	list, ok := v.([]any)
	if !ok {
		return nil, &shapeError{"an array in " + field, show(v, present)}
	}
	return list, nil
}

// object reads a field that has to be an object.
func (b Body) object(field string) (map[string]any, error) {
	v, present := b[field]
	object, ok := asObject(v)
	if !ok {
		return nil, &shapeError{"an object in " + field, show(v, present)}
	}
	return object, nil
}

func asObject(v any) (map[string]any, bool) {
	switch object := v.(type) {
	case map[string]any:
		return object, object != nil
	case Body:
		return object, object != nil
	}
	return nil, false
}

// integer reads a field that has to be a whole number of 64 bits.
func (b Body) integer(field string) (int64, error) {
	v, present := b[field]
	n, ok := integer(v)
	if !ok {
		return 0, &shapeError{"a whole number in " + field, show(v, present)}
	}
	return n, nil
}

// value reads a field that may be of any type and has to be there.
func (b Body) value(field string) (any, error) {
	v, present := b[field]
	if !present {
		return nil, &shapeError{"a value in " + field, show(v, present)}
	}
	return v, nil
}

func integer(v any) (int64, bool) {
	n, ok := v.(json.Number)
	if !ok {
		return 0, false
	}
	i, err := strconv.ParseInt(string(n), 10, 64)
	return i, err == nil
}

// mostDigits bounds the numbers that are read as whole ones, because reading takes long for a line full of digits.
const mostDigits = 100

// whole tells whether a number has no fraction and no exponent, and at most mostDigits digits.
func whole(v any) (*big.Int, bool) {
	n, ok := v.(json.Number)
	if !ok || len(n) > mostDigits {
		return nil, false
	}
	return new(big.Int).SetString(string(n), 10)
}

func number(n int64) json.Number { return json.Number(strconv.FormatInt(n, 10)) }

// text is a JSON value as text, the same for equal values: the keys of objects are sorted.
func text(v any) string {
	switch v := v.(type) {
	case string:
		return strconv.Quote(v)
	case json.Number:
		return string(v)
	}
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprintf("%v", v) // no value of a parsed line; a caller's own
	}
	return string(b)
}

// answered reports the types of request of which the run learned nothing, and tells that there were calls at all.
func (f *findings) answered() {
	type tally struct{ asked, answered, last int }
	kinds := map[string]*tally{}
	var order []string
	for i := range f.calls {
		c := &f.calls[i]
		t := kinds[c.kind()]
		if t == nil {
			t = &tally{}
			kinds[c.kind()] = t
			order = append(order, c.kind())
		}
		t.asked++
		t.last = i
		if c.Outcome == OK || c.Outcome == Failed && saysOfState(c.Code) {
			t.answered++
		}
	}
	if len(f.calls) == 0 {
		f.undecided(NothingAnswered, nil, "no client asked for anything, so there is nothing to check")
	}
	for _, kind := range order {
		if t := kinds[kind]; t.answered == 0 {
			f.undecided(NothingAnswered, []int{t.last}, "not one of %d requests %s was answered, so the run says nothing of them", t.asked, kind)
		}
	}
}

// Codes of errors that are as good as an answer: they say what the state was.
const (
	keyDoesNotExist    = 20
	preconditionFailed = 22
)

func saysOfState(code int) bool { return code == keyDoesNotExist || code == preconditionFailed }

// figures counts the calls by the type of their request.
func figures(calls []Call) []Figure {
	var order []string
	count := map[string]*[3]int{}
	for i := range calls {
		kind := calls[i].kind()
		if count[kind] == nil {
			count[kind] = &[3]int{}
			order = append(order, kind)
		}
		count[kind][calls[i].Outcome]++
	}
	var out []Figure
	for _, kind := range order {
		for _, outcome := range []Outcome{OK, Failed, Unknown} {
			out = append(out, Figure{Name: kind + " " + outcome.String(), Value: count[kind][outcome]})
		}
	}
	return out
}
