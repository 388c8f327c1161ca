package linearizability

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"

	"github.com/anishathalye/porcupine"
)

// DrawLimit is how many operations are drawn at most. A drawing takes up to the square of their number in partial
// orders, each with the text of a state, and a browser has to hold it.
const DrawLimit = 300

// drawText bounds the text of an operation or a state, in bytes.
const drawText = 160

// A Drawing says what was drawn.
type Drawing struct {
	Drawn, Of int // operations
}

func (d Drawing) String() string {
	if d.Drawn == d.Of {
		return fmt.Sprintf("drawn: all %d operations", d.Of)
	}
	return fmt.Sprintf("drawn: %d of %d operations (at most %d, and only keys that are not independent of each other)", d.Drawn, d.Of, DrawLimit)
}

// Draw writes an HTML page by porcupine's visualizer: of an illegal history the part that is illegal, up to the answer
// that makes it so, else the largest part. The page holds the first DrawLimit operations of it.
func (r *FileResult) Draw(ctx context.Context, w io.Writer, limits Limits) (Drawing, error) {
	if r.recording == nil {
		return Drawing{}, errors.New("nothing to draw: " + r.Reason)
	}
	b := newBudget(ctx, limits)
	var (
		model porcupine.Model
		ops   []porcupine.Operation
	)
	if r.Model.Transactional() {
		c, err := worstTxns(r.recording.Txns, b)
		if err != nil {
			return Drawing{}, err
		}
		if len(c.steps) > DrawLimit {
			c.steps = slices.Clone(c.steps)
			slices.SortStableFunc(c.steps, func(x, y step) int { return cmp.Compare(x.begin, y.begin) })
			c = c.until(c.steps[DrawLimit-1].begin)
			c.steps = c.steps[:min(len(c.steps), DrawLimit)]
		}
		ops, model = c.operations()
	} else {
		k := worstCalls(r.recording.Calls, r.Model, r.recording.Options.Initial, b)
		if len(k.at) > DrawLimit {
			slices.SortStableFunc(k.at, func(x, y int32) int { return cmp.Compare(k.history[x].Begin, k.history[y].Begin) })
			k = k.until(k.call(DrawLimit - 1).Begin)
			k.at = k.at[:min(len(k.at), DrawLimit)]
		}
		ops, model = k.operations(r.Model, r.recording.Options.Initial)
	}
	if len(ops) == 0 {
		return Drawing{}, errors.New("nothing to draw: no operation has a known outcome")
	}
	return draw(w, model, ops, Drawing{Drawn: len(ops), Of: r.Operations}, newBudget(ctx, limits))
}

func draw(w io.Writer, model porcupine.Model, ops []porcupine.Operation, d Drawing, b *budget) (Drawing, error) {
	describe, state := model.DescribeOperation, model.DescribeState
	model.DescribeOperation = func(input, output any) string { return shorten(describe(input, output)) }
	model.DescribeState = func(st any) string { return shorten(state(st)) }
	searched := model
	searched.Step = func(state, input, output any) (bool, any) {
		if !b.step() {
			return false, state
		}
		return model.Step(state, input, output)
	}
	_, info := porcupine.CheckOperationsVerbose(searched, ops, 0)
	note := d.String()
	if b.over != nil {
		note += "; " + b.over.Error()
	}
	first := ops[0].Call
	for _, op := range ops {
		first = min(first, op.Call)
	}
	info.AddAnnotations([]porcupine.Annotation{{Tag: "firstgap", Start: first, End: first, Description: note}})
	return d, porcupine.Visualize(model, info, w)
}

// worstTxns is the part to draw.
func worstTxns(history []Txn, b *budget) (*compiled, error) {
	c, violation, err := compile(history)
	if err != nil {
		return nil, err
	}
	if violation != nil {
		return nil, fmt.Errorf("nothing to draw, as the order does not matter: %w", violation)
	}
	parts := c.parts(StrictSerializable)
	if len(parts) == 0 {
		return nil, ErrEmpty
	}
	worst := parts[0]
	for _, p := range parts {
		g, violation := arrange(p, StrictSerializable, b)
		if violation == nil {
			violation = g.forbidden()
		}
		if a := (&attempt{orders: g}); violation != nil || !a.laid() && a.search(b, math.MaxInt32) == Illegal {
			s, _ := p.impossible(b)
			return p.until(s.end), nil
		}
		if len(p.steps) > len(worst.steps) {
			worst = p
		}
	}
	copied := *worst
	return &copied, nil
}

// worstCalls is the key to draw.
func worstCalls(history []Call, model Model, initial *string, b *budget) part {
	keys := byKey(history)
	var worst part
	for _, k := range keys {
		verdict, v := k.decide(model, initial)
		if verdict == Unknown && k.search(model, initial, b, math.MaxInt32) == Illegal {
			v = k.impossible(model, initial, b)
		}
		if v != nil {
			return k.until(v.Call.End)
		}
		if len(k.at) > len(worst.at) {
			worst = k
		}
	}
	return worst
}

func shorten(text string) string {
	if len(text) <= drawText {
		return text
	}
	return text[:drawText] + "…"
}
