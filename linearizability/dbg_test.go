package linearizability

import (
	"context"
	"fmt"
	"testing"
	"time"
)

func TestDbg(t *testing.T) {
	for _, n := range []int{2000, 20000} {
		h := load{operations: n, clients: 20, keys: 1000, lost: 0.03, seed: 1}.transactions(true)
		s := time.Now()
		c, _, _ := compile(h)
		b := newBudget(context.Background(), Limits{})
		fmt.Println("compile", time.Since(s))
		s = time.Now()
		fmt.Println("cert", c.certificate() != nil, time.Since(s))
		s = time.Now()
		ps := c.parts(StrictSerializable)
		fmt.Println("parts", len(ps), time.Since(s))
		s = time.Now()
		for _, p := range ps {
			if len(p.steps) < 100 {
				continue
			}
			g, _ := arrange(p, StrictSerializable, b)
			fmt.Println("arrange", len(p.steps), time.Since(s))
			s = time.Now()
			fmt.Println("forbidden", g.forbidden(), time.Since(s))
			s = time.Now()
			g.lay()
			fmt.Println("lay", time.Since(s))
			s = time.Now()
			b.start(1<<30, 1)
			for range 100 {
				sat, dec := g.solver.solve(func() bool { g.conflicts++; return true })
				fmt.Print("solve ", sat, dec, len(g.solver.clauses), " vars ", len(g.solver.level), " conf ", g.conflicts, time.Since(s))
				s = time.Now()
				if !sat {
					break
				}
				g.take()
				fmt.Print(" take ", time.Since(s))
				s = time.Now()
				cs := g.cycles()
				fmt.Println(" cycles ", len(cs), time.Since(s))
				s = time.Now()
				if len(cs) == 0 {
					break
				}
				for _, cy := range cs {
					g.solver.add(g.clause(cy))
				}
			}
		}
	}
}
