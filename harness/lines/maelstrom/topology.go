package maelstrom

import (
	"maps"
	"slices"
)

// topologies say which nodes are neighbours, as Maelstrom's do: a node's neighbours are in the same order.
func topologies() map[string]func(nodes []string) map[string][]string {
	return map[string]func([]string) map[string][]string{
		"line": lineOf, "grid": grid, "tree": tree(2), "tree2": tree(2), "tree3": tree(3), "tree4": tree(4), "total": total,
	}
}

func topologyNames() []string { return slices.Sorted(maps.Keys(topologies())) }

func lineOf(nodes []string) map[string][]string {
	out := map[string][]string{}
	if len(nodes) < 2 {
		return out
	}
	for i, n := range nodes {
		if i > 0 {
			out[n] = append(out[n], nodes[i-1])
		}
		if i+1 < len(nodes) {
			out[n] = append(out[n], nodes[i+1])
		}
	}
	return out
}

// grid is a square of rows, the last of which may be short, so that no node has more than four neighbours.
func grid(nodes []string) map[string][]string {
	side := 1
	for side*side < len(nodes) {
		side++
	}
	out := map[string][]string{}
	for i, n := range nodes {
		near := []string{}
		if i+side < len(nodes) {
			near = append(near, nodes[i+side])
		}
		if i >= side {
			near = append(near, nodes[i-side])
		}
		if i%side+1 < side && i+1 < len(nodes) {
			near = append(near, nodes[i+1])
		}
		if i%side > 0 {
			near = append(near, nodes[i-1])
		}
		out[n] = near
	}
	return out
}

// tree gives each node its parent first and then at most so many children.
func tree(children int) func([]string) map[string][]string {
	return func(nodes []string) map[string][]string {
		out := map[string][]string{}
		for i, n := range nodes {
			near := []string{}
			if i > 0 {
				near = append(near, nodes[(i-1)/children])
			}
			for c := children*i + 1; c <= children*(i+1) && c < len(nodes); c++ {
				near = append(near, nodes[c])
			}
			out[n] = near
		}
		return out
	}
}

func total(nodes []string) map[string][]string {
	out := map[string][]string{}
	for _, n := range nodes {
		out[n] = slices.DeleteFunc(slices.Clone(nodes), func(other string) bool { return other == n })
	}
	return out
}
