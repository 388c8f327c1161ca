package transitions

import (
	"fmt"

	"github.com/firstgap/firstgap/spec/volume"
)

func classes(s *search, taken []bool) {
	st, _ := volume.NewState(s.c.scope.Model)
	count, refuted := map[int]int{}, map[int]int{}
	for i := range s.graph.list {
		ways, err := s.graph.ways(st, s.model.orbits, &s.graph.list[i])
		if err != nil || len(ways) == 0 {
			fmt.Println("NO WAY", s.graph.steps[i], err)
		}
		n := s.graph.classOf(st, ways)
		if !taken[i] {
			count[n]++
			if n < 0 {
				fmt.Println("UNEXPLAINED", s.graph.steps[i], st.Vars())
			}
		} else if n >= 0 {
			refuted[n]++
			for _, c := range s.plan(&s.witness[i]) {
				fmt.Println("   >", s.c.describe(int(c.place), &s.locals[c.place].events[c.event]))
			}
			fmt.Println("REFUTED", n, s.graph.steps[i], st.Vars())
		}
	}
	fmt.Println("classes", count, refuted)
}
