package trace

import (
	"context"
	"fmt"

	"github.com/zeebo/xxh3"
)

// covered counts the states and the transitions of the model, and those that lie on the way to a place.
func (v *validator[E]) covered(ctx context.Context, last *place) error {
	if v.o.Cover == 0 {
		v.receipt.Uncounted = "the states of the model were not counted; what was counted is which of its actions were taken"
		return nil
	}
	all, err := v.reachable(ctx)
	if err != nil || all == nil {
		v.receipt.Uncounted = fmt.Sprintf("the model has more than %d states; what was counted is which of its actions were taken", v.o.Cover)
		return err
	}
	c := &Coverage{AllStates: uint64(len(all))}
	for _, successors := range all {
		c.AllTransitions += uint64(len(successors))
	}
	states, transitions := map[uint64]bool{}, map[[2]uint64]bool{}
	for p := last; p != nil; p = p.parent {
		if _, reachable := all[p.print]; reachable {
			states[p.print] = true
		}
		if p.parent != nil && all[p.parent.print][p.print] {
			transitions[[2]uint64{p.parent.print, p.print}] = true
		}
	}
	c.States, c.Transitions = uint64(len(states)), uint64(len(transitions))
	v.receipt.Covered = c
	return nil
}

// reachable returns each reachable state with its successors, by fingerprints; nil when there are more than Cover.
func (v *validator[E]) reachable(ctx context.Context) (map[uint64]map[uint64]bool, error) {
	k := v.m.NewMachine()
	k.Init()
	all := map[uint64]map[uint64]bool{}
	first := k.Encode(nil)
	queue := [][]byte{first}
	all[xxh3.Hash(first)] = map[uint64]bool{}
	for len(queue) > 0 {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		code := queue[0]
		queue = queue[1:]
		if err := k.Load(code); err != nil {
			return nil, err
		}
		successors := all[xxh3.Hash(code)]
		k.Next(func(int, int) bool {
			to := k.Encode(nil)
			print := xxh3.Hash(to)
			successors[print] = true
			if all[print] == nil {
				all[print] = map[uint64]bool{}
				queue = append(queue, to)
			}
			return len(all) <= v.o.Cover
		})
		if len(all) > v.o.Cover {
			return nil, nil
		}
	}
	return all, nil
}
