package maelstrom

import "strconv"

// The rules of the workloads echo and unique-ids.
const (
	// WrongEcho: an answer has another payload than its request.
	WrongEcho = "wrong-echo"
	// DuplicateID: two requests were given the same ID.
	DuplicateID = "duplicate-id"
)

func echo() Workload {
	return Workload{
		Name:      "echo",
		What:      "Clients send a payload.",
		Guarantee: "Each answer has the payload of its request.",
		Begin: func(p Parameters) (Session, error) {
			_, err := p.filled("echo")
			return asking(func(draw func(n int) int) Body {
				return Body{"type": "echo", "echo": "Please echo " + strconv.Itoa(draw(128))}
			}), err
		},
		Check: func(_ Parameters, calls []Call) []Problem { return checkEcho(calls) },
		Count: figures,
	}
}

func uniqueIDs() Workload {
	return Workload{
		Name:      "unique-ids",
		What:      "Clients ask for IDs.",
		Guarantee: "No two requests are given the same ID.",
		Begin: func(p Parameters) (Session, error) {
			_, err := p.filled("unique-ids")
			return asking(func(func(n int) int) Body { return Body{"type": "generate"} }), err
		},
		Check: func(_ Parameters, calls []Call) []Problem { return checkUniqueIDs(calls) },
		Count: figures,
	}
}

// asking are clients whose requests depend on no answer.
type asking func(draw func(n int) int) Body

func (a asking) Setup(int) []Body                      { return nil }
func (a asking) Next(_ int, draw func(n int) int) Body { return a(draw) }
func (a asking) Final(int) Body                        { return nil }
func (a asking) Answered(*Call)                        {}

func checkEcho(calls []Call) []Problem {
	f := newFindings(calls)
	f.answered()
	for i := range calls {
		got, ok := f.field(i, "echo")
		if want := calls[i].Request["echo"]; ok && text(got) != text(want) {
			f.add(WrongEcho, []int{i}, "%s: expected the payload %s back, found %s", f.call(i), show(want, true), show(got, true))
		}
	}
	return f.done()
}

func checkUniqueIDs(calls []Call) []Problem {
	f := newFindings(calls)
	f.answered()
	first := map[string]int{}
	for i := range calls {
		got, ok := f.field(i, "id")
		if !ok {
			continue
		}
		if before, has := first[text(got)]; has {
			f.add(DuplicateID, []int{before, i}, "%s: expected an ID that no other request was given, found %s, which %s was given", f.call(i), show(got, true), f.call(before))
			continue
		}
		first[text(got)] = i
	}
	return f.done()
}

// field is a field of any type of the answer to a call, if it was answered.
func (f *findings) field(i int, name string) (any, bool) {
	if f.calls[i].Outcome != OK {
		return nil, false
	}
	answer, err := f.calls[i].answer()
	if err == nil {
		var v any
		if v, err = answer.value(name); err == nil {
			return v, true
		}
	}
	f.malformed(i, err)
	return nil, false
}
