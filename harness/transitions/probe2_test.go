package transitions

import (
	"fmt"
	"reflect"
)

func dump(s *search) {
	l := s.locals[s.c.writer(2)]
	groups := map[string][]int{}
	for i, st := range l.states {
		w := st.view.writer
		if w == nil || w.phase != "repairing" {
			continue
		}
		k := fmt.Sprint(w.knowledge.History, w.end, w.knowledge.First, len(w.knowledge.Log), w.knowledge.Groups)
		for _, r := range w.knowledge.Log {
			k += fmt.Sprint(r != nil)
		}
		groups[k] = append(groups[k], i)
	}
	fmt.Println("groups", len(groups))
	shown := 0
	for k, g := range groups {
		if len(g) > 3 && shown < 4 {
			shown++
			fmt.Println(k, len(g))
			for _, n := range g[:3] {
				p, _ := l.at(int32(n))
				l.live = nil
				v := reflect.ValueOf(p.node).Elem()
				for i := range v.NumField() {
					name := v.Type().Field(i).Name
					switch name {
					case "Config", "hook", "view", "log", "cache", "locks", "counters":
						continue
					}
					fmt.Printf(" %s=%v", name, v.Field(i))
				}
				fmt.Println()
			}
		}
	}
}
