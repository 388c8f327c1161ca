package transitions

import "fmt"

func torn(s *search) {
	n := 0
	kinds := map[string]int{}
	for place, l := range s.locals {
		for st, row := range l.steps {
			for ev, r := range row {
				if r != 0 && place < 4 && place > 0 {
					kinds[fmt.Sprint(l.events[ev].kind, l.events[ev].crash, len(l.made[r-1].actions))]++
				}
				if r == 0 || l.events[ev].crash != tornCrash {
					continue
				}
				plain := l.step(int32(st), s.arrival(l.events[ev].number))
				if len(l.made[plain].actions) > 1 && n < 10 {
					n++
					fmt.Println(s.c.describe(place, &l.events[ev]), "PLAIN", l.made[plain].actions, "TORN", l.made[r-1].actions, l.made[r-1].failed)
				}
			}
		}
	}
	fmt.Println("KINDS", kinds)
}
