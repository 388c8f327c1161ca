package page_test

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/failure"
	"github.com/firstgap/firstgap/harness/failure/page"
	"github.com/firstgap/firstgap/harness/failure/why"
	"github.com/firstgap/firstgap/harness/workload"
	"github.com/firstgap/firstgap/impl/node"

	_ "github.com/firstgap/firstgap/harness/internal/runflags"
)

// alone answers from its own memory, and tells no other node of what it was told: two of them are no register.
type alone map[string]node.Value

func (a alone) Step(_ node.Time, ev node.Event, out *node.Effects) {
	if ev.Kind != node.Requested {
		return
	}
	q := ev.Request
	reply := node.Reply{ID: q.ID, Op: q.Op, Status: node.OK}
	switch q.Op {
	case node.OpRead:
		reply.Value = a[q.Rows[0].Key]
	case node.OpWrite:
		a[q.Rows[0].Key] = q.Rows[0].Value
	}
	out.Respond(ev.From, reply)
}

func twoAlone() harness.System {
	return harness.Replicas{Name: "alone", Count: 2, Mix: workload.Registers(), New: func(harness.Place) node.Node { return alone{} }}.System()
}

// failing returns an explanation, as far as one can be had without package why's work, of the first run of a system that fails.
func failing(s harness.System) (*why.Explanation, error) {
	for seed := range uint64(50) {
		c, err := s.Generate(seed, harness.Generation{})
		if err != nil {
			return nil, err
		}
		r := harness.Run(s, c)
		if target, fails := failure.TargetOf(r.Findings); fails {
			f := target.In(&r)
			return &why.Explanation{Configuration: c, What: why.What{Target: target, Finding: *f, Headline: "A client read what another had long overwritten"}}, nil
		}
	}
	return nil, fmt.Errorf("no run of 50 failed")
}

func Example() {
	system := twoAlone()
	x, err := failing(system)
	if err != nil {
		fmt.Println(err)
		return
	}
	p, err := page.Of(system, x)
	if err != nil {
		fmt.Println(err)
		return
	}
	var b bytes.Buffer
	if err := p.Write(&b); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(b.Len() <= page.MostBytes, strings.Contains(b.String(), "<h1>A client read what another had long overwritten</h1>"))
	// Output:
	// true true
}
