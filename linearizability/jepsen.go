package linearizability

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// A jepsenReader reads Jepsen's console log of a register, as the tests of etcd left it:
//
//	INFO  jepsen.util - 3	:invoke	:cas	[1 2]
//	INFO  jepsen.util - 3	:ok	:cas	[1 2]
//
// Functions are :read, :write and :cas. A failed :cas has found another value; a :fail :timed-out read shows nothing;
// any other :fail did not happen; :info leaves the outcome unknown. Lines of the :nemesis tell of faults and are no
// client's. Processes are clients; the register is the key "".
type jepsenReader struct{ callLog }

var jepsenKinds = map[string]CallKind{":read": Get, ":write": Put, ":cas": CompareAndSwap}

func (r *jepsenReader) line(text string, number int) error {
	words := strings.Fields(text)
	if len(words) < 6 || words[0] != "INFO" || words[1] != "jepsen.util" || words[2] != "-" {
		return fmt.Errorf("expected INFO jepsen.util - process :type :f value, found %s", clip(text))
	}
	if words[3] == ":nemesis" {
		return nil
	}
	client, err := strconv.Atoi(words[3])
	if err != nil || client < 0 {
		return fmt.Errorf("expected the number of a process, found %q", words[3])
	}
	event, kind, args := words[4], jepsenKinds[words[5]], words[6:]
	if kind == 0 {
		return fmt.Errorf("unknown function %q; known: :read, :write, :cas", words[5])
	}
	if !slices.Contains([]string{":invoke", ":ok", ":fail", ":info"}, event) {
		return fmt.Errorf("unknown type %q; known: :invoke, :ok, :fail, :info", event)
	}
	timedOut := len(args) == 1 && args[0] == ":timed-out"
	var values []string // nil where the value tells what went wrong
	if event != ":info" && (event != ":fail" || !timedOut) {
		if values, err = jepsenValues(kind, args); err != nil {
			return err
		}
	}
	if event == ":invoke" {
		c := Call{Client: client, Kind: kind}
		switch kind {
		case Get:
			if values[0] != "nil" {
				return fmt.Errorf("a :read is invoked with nil, found %q", values[0])
			}
		case Put:
			c.Value = values[0]
		case CompareAndSwap:
			c.From, c.Value = values[0], values[1]
		}
		return r.invoke(c, int64(number), number)
	}
	c, err := r.open(client)
	if err != nil {
		return err
	}
	if err := same("function", jepsenName(c.Kind), words[5]); err != nil {
		return err
	}
	if values != nil && kind != Get {
		asked := []string{c.Value}
		if kind == CompareAndSwap {
			asked = []string{c.From, c.Value}
		}
		if err := same("value", strings.Join(asked, " "), strings.Join(values, " ")); err != nil {
			return err
		}
	}
	r.answered(c, int64(number))
	switch {
	case event == ":info" || kind == Get && event == ":fail":
		// Unknown, as it was.
	case kind == CompareAndSwap && values != nil:
		c.Swapped, c.Unknown = event == ":ok", false
	case event == ":fail":
		c.gone = true
	case kind == Get && values[0] != "nil":
		c.Found, c.Value, c.Unknown = true, values[0], false
	default:
		c.Unknown = false
	}
	return nil
}

func jepsenName(kind CallKind) string {
	for name, k := range jepsenKinds {
		if k == kind {
			return name
		}
	}
	return kind.String()
}

func (r *jepsenReader) finish(rec *Recording) {
	r.callLog.finish(rec)
	rec.Model = ModelRegister
}

// jepsenValues are the one value of :read and :write or the two of :cas: nil or a number.
func jepsenValues(kind CallKind, args []string) ([]string, error) {
	text := strings.Join(args, " ")
	values, form := args, "a number or nil"
	if kind == CompareAndSwap {
		form = "[number number]"
		inner, ok := strings.CutPrefix(text, "[")
		inner, ok2 := strings.CutSuffix(inner, "]")
		if !ok || !ok2 {
			return nil, fmt.Errorf("expected %s, found %q", form, text)
		}
		values = strings.Fields(inner)
		if len(values) != 2 {
			return nil, fmt.Errorf("expected %s, found %q", form, text)
		}
	} else if len(values) != 1 {
		return nil, fmt.Errorf("expected %s, found %q", form, text)
	}
	for _, v := range values {
		if _, err := strconv.ParseInt(v, 10, 64); err != nil && (v != "nil" || kind != Get) {
			return nil, fmt.Errorf("expected %s, found %q", form, text)
		}
	}
	return values, nil
}
