package linearizability

import (
	"cmp"
	"slices"
)

// threads are the sessions of a history: for each, its committed steps in their order; and for each step its session and the
// steps of that before it. A step that comes before none, as it has no end or may not have happened, is in no session, but
// comes after what its session had committed.
func (g *orders) threads() (threads [][]int32, thread, before []int32) {
	n := len(g.c.steps)
	thread, before = make([]int32, n), make([]int32, n)
	clients := make(map[int][]int32)
	for i := range n {
		client := g.c.history[g.c.steps[i].txn].Client
		clients[client] = append(clients[client], int32(i))
	}
	names := make([]int, 0, len(clients))
	for client := range clients {
		names = append(names, client)
	}
	slices.Sort(names)
	for _, client := range names {
		steps := clients[client]
		slices.SortStableFunc(steps, func(a, b int32) int { return cmp.Compare(g.c.steps[a].begin, g.c.steps[b].begin) })
		first := int32(len(threads))
		for _, i := range steps {
			s := &g.c.steps[i]
			// The session that ended last of those that had ended when it began, or a new one.
			best := none
			for k := first; k < int32(len(threads)); k++ {
				end := g.c.steps[threads[k][len(threads[k])-1]].end
				if end <= s.begin && (best == none || end > g.c.steps[threads[best][len(threads[best])-1]].end) {
					best = k
				}
			}
			last := s.must && s.end != Unfinished // others may come after it
			if best == none && last {
				best = int32(len(threads))
				threads = append(threads, nil)
			}
			thread[i] = best
			if best != none {
				before[i] = int32(len(threads[best]))
				if last {
					threads[best] = append(threads[best], i)
				}
			}
		}
	}
	return threads, thread, before
}

// connectSessions makes the edges of the sessions.
func (g *orders) connectSessions() {
	threads, thread, before := g.threads()
	for i := range g.c.steps {
		if thread[i] != none && before[i] > 0 {
			g.join(g.end(threads[thread[i]][before[i]-1]), g.begin(int32(i)), SessionOrder, none)
		}
	}
}
