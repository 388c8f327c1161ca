package check

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// forbidden is a grid in which one point must not be reached.
type forbidden struct {
	grid
	point [3]int
}

func (m forbidden) NewMachine() Machine {
	return &forbiddenMachine{m.grid.NewMachine().(*gridMachine), m.point}
}

type forbiddenMachine struct {
	*gridMachine
	point [3]int
}

func (m *forbiddenMachine) Broken() int {
	if m.at == m.point {
		return 0
	}
	return -1
}

// alike returns pairs of points that the same link names, those that are found early first.
func alike(t *testing.T, g grid) [][2][3]int {
	m := gridMachine{grid: g}
	byLink := map[uint32][3]int{}
	var pairs [][2][3]int
	for x := range g.size + 1 {
		for y := range g.size + 1 {
			for z := range g.size + 1 {
				m.at = [3]int{x, y, z}
				link := linkTo(fingerprintOf(m.Encode(nil)))
				if other, ok := byLink[link]; ok {
					pairs = append(pairs, [2][3]int{other, m.at})
				}
				byLink[link] = m.at
			}
		}
	}
	slices.SortStableFunc(pairs, func(a, b [2][3]int) int { return level(a[0]) + level(a[1]) - level(b[0]) - level(b[1]) })
	require.Greater(t, len(pairs), 3)
	return pairs
}

func level(p [3]int) int { return p[0] + p[1] + p[2] }

// A trace goes by the right state where a link names another one too, be it of another level and nowhere near.
func TestTraceWhereLinksNameSeveralStates(t *testing.T) {
	g := grid{size: 79, limit: 1000}
	for _, pair := range alike(t, g)[:3] {
		for _, point := range pair {
			if level(point) == 0 {
				continue
			}
			for axis := range point {
				end := point
				if end[axis]++; end[axis] > g.size {
					continue
				}
				m := forbidden{g, end}
				r, err := Run(t.Context(), m, Options{Workers: 2})
				require.NoError(t, err)
				require.Equal(t, Violation, r.Verdict)
				require.Len(t, r.Trace, level(end))
				var at [3]int
				for _, step := range r.Trace {
					at[slices.Index(g.Actions(), step.Action)]++
				}
				require.Equal(t, end, at)
			}
		}
	}
}

// When a state on the way is not there, the trace is lost and says so; it does not make one up.
func TestLostTrace(t *testing.T) {
	s := &search{model: grid{size: 9, limit: 2}, visited: newVisited(), initial: 1 << 40}
	s.visited.insert(1<<40, 1<<40, fresh(1))
	s.visited.insert(2<<40, 1<<40, fresh(2))
	s.visited.insert(9<<40, 5<<40, fresh(4))
	_, err := s.trace(finding{fingerprint: 9 << 40, level: 4})
	var lost *LostTraceError
	require.ErrorAs(t, err, &lost)
	require.Equal(t, "Near", lost.Invariant)
}
