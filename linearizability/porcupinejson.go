package linearizability

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/firstgap/firstgap/linearizability/internal/data"
)

// A porcupineReader reads what encoding/json makes of porcupine's events or operations. Their values are of types of the
// user's, so the fields are found by their usual names, in upper or lower case.
type porcupineReader struct {
	in    *input
	rec   *Recording
	calls []Call
	open  map[int64]int // by event id, its call
	ids   bool          // they are events
	order int64
}

func readPorcupine(in *input, rec *Recording) error {
	r := &porcupineReader{in: in, rec: rec, open: make(map[int64]int)}
	forms := data.NewJSON(in)
	if _, err := forms.Enter(); err != nil {
		return in.formError(err)
	}
	for n := 0; ; n++ {
		form, err := forms.Next()
		if err == io.EOF {
			break
		}
		if errors.Is(err, data.ErrCut) {
			line, column := forms.Position()
			if n == 0 || !r.ids {
				return in.fail(line, column, "expected the end of an operation, found the end of the record")
			}
			rec.cut(line)
			break
		}
		if err != nil {
			return in.formError(err)
		}
		events := form.Get("Kind").Kind != 0
		if n == 0 {
			r.ids = events
		}
		switch {
		case form.Kind != data.Map || events != r.ids:
			err = unexpected(form, "events with Kind, or operations with Call and Return, and not both")
		case events:
			err = r.event(form)
		default:
			err = r.operation(form)
		}
		if err != nil {
			return in.opError(form.Line, form.Column, err)
		}
	}
	return r.finish()
}

// fold is the value of a key in upper or lower case; the first name that is there counts.
func fold(v data.Value, names ...string) data.Value {
	for _, name := range names {
		for i := 0; v.Kind == data.Map && i < len(v.Items); i += 2 {
			if strings.EqualFold(v.Items[i].Text, name) {
				return v.Items[i+1]
			}
		}
	}
	return data.Value{}
}

// porcupineOps are the numbers that porcupine's own key-value example has for its operations.
var porcupineOps = []CallKind{Get, Put, Append}

// call reads what was asked.
func (r *porcupineReader) call(form, input data.Value) (Call, error) {
	client, err := whole(form, "ClientId")
	if err != nil || client < 0 || client > maxClient {
		return Call{}, unexpected(form.Get("ClientId"), "the number of a client")
	}
	c := Call{Client: int(client), End: Unfinished, Unknown: true, Line: form.Line, Key: fold(input, "key").Text}
	op := fold(input, "op", "operation", "type", "kind")
	switch {
	case op.Kind == data.Number && len(op.Text) == 1 && op.Text[0] < '3':
		c.Kind = porcupineOps[op.Text[0]-'0']
	case op.Kind == data.String:
		c.Kind = jepsenKinds[strings.ToLower(op.Text)]
	}
	if c.Kind == 0 {
		if op.Kind == 0 {
			op = input
			op.Line, op.Column = form.Line, form.Column
		}
		return Call{}, unexpected(op, `an operation such as {"op":"put","key":"k","value":"v"}, where op may also be 0 (get), 1 (put) or 2 (append)`)
	}
	value := fold(input, "value")
	switch c.Kind {
	case Get, Dequeue, Acquire, Release, Discard:
	case CompareAndSwap:
		from, to := fold(input, "from", "old", "expected"), fold(input, "to", "new", "value")
		if from.Absent() || to.Absent() {
			return Call{}, unexpected(placedForm(input, form), "a cas with from and value")
		}
		c.From, c.Value = from.String(), to.String()
	default:
		if value.Absent() {
			return Call{}, unexpected(placedForm(input, form), fmt.Sprintf("the value of a %s", c.Kind))
		}
		c.Value = value.String()
	}
	return c, nil
}

func placedForm(v, form data.Value) data.Value {
	if v.Line == 0 {
		v.Line, v.Column = form.Line, form.Column
	}
	return v
}

// answer reads what was answered: a value, or an object with it.
func (c *Call) answer(output data.Value) error {
	value := output
	if output.Kind == data.Map {
		if fold(output, "unknown").Text == "true" {
			return nil
		}
		value = fold(output, "value")
	}
	c.Unknown = false
	switch c.Kind {
	case CompareAndSwap:
		swapped := fold(output, "swapped", "ok", "success")
		if output.Kind == data.Bool {
			swapped = output
		}
		if swapped.Kind != data.Bool {
			return unexpected(output, "whether the cas has swapped")
		}
		c.Swapped = swapped.Text == "true"
	case Get, Dequeue:
		found := fold(output, "found", "exists", "ok")
		c.Found = !value.Absent() && found.Text != "false"
		switch {
		case !c.Found:
		case value.Kind == data.Sequence && c.Kind == Get:
			c.Elements = texted(value.Items)
		default:
			c.Value = value.String()
		}
	}
	return nil
}

func (r *porcupineReader) event(form data.Value) error {
	r.order++
	id, err := whole(form, "Id")
	if err != nil {
		return err
	}
	kind := form.Get("Kind")
	if kind.Kind != data.Bool {
		return unexpected(kind, "false for a call or true for a return as Kind")
	}
	at, open := r.open[id]
	if kind.Text == "false" {
		if open {
			return fmt.Errorf("expected each Id to be called once, found %d again, first called in line %d", id, r.calls[at].Line)
		}
		c, err := r.call(form, form.Get("Value"))
		if err != nil {
			return err
		}
		c.Begin = r.order
		r.open[id] = len(r.calls)
		r.calls = append(r.calls, c)
		return nil
	}
	if !open || r.calls[at].End != Unfinished {
		return fmt.Errorf("expected the call of Id %d before its one return, found a return", id)
	}
	c := &r.calls[at]
	c.End = r.order
	return c.answer(form.Get("Value"))
}

func (r *porcupineReader) operation(form data.Value) error {
	c, err := r.call(form, form.Get("Input"))
	if err != nil {
		return err
	}
	if err := wholes(form, map[string]*int64{"Call": &c.Begin, "Return": &c.End}); err != nil {
		return err
	}
	if c.End < c.Begin {
		return unexpected(placedForm(form.Get("Return"), form), fmt.Sprintf("a Return at %d, the Call, or later", c.Begin))
	}
	if err := c.answer(form.Get("Output")); err != nil {
		return err
	}
	r.calls = append(r.calls, c)
	return nil
}

func (r *porcupineReader) finish() error {
	// Without a use for them, porcupine's users leave all clients 0.
	if !slices.ContainsFunc(r.calls, func(c Call) bool { return c.Client != 0 }) {
		for i := range r.calls {
			r.calls[i].Client = i
		}
	} else if err := r.clients(); err != nil {
		return err
	}
	for i := range r.calls {
		if c := &r.calls[i]; c.End == Unfinished {
			r.rec.Pending++
		}
	}
	r.rec.Calls, r.rec.Model = r.calls, modelOf(r.calls)
	return nil
}

// clients refuses two calls of one client at the same time.
func (r *porcupineReader) clients() error {
	type busy struct {
		until int64
		line  int
	}
	order := make([]int, len(r.calls))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		if r.calls[a].Begin < r.calls[b].Begin {
			return -1
		}
		return int(min(1, r.calls[a].Begin-r.calls[b].Begin))
	})
	last := make(map[int]busy)
	for _, i := range order {
		c := &r.calls[i]
		if before, ok := last[c.Client]; ok && before.until > c.Begin {
			return r.in.fail(c.Line, 1, "client "+strconv.Itoa(c.Client)+" calls again before the answer to its call of line "+strconv.Itoa(before.line))
		}
		last[c.Client] = busy{c.End, c.Line}
	}
	return nil
}
