package coverage

import "fmt"

// Restore folds a run in of which Add has told what was new then: first, the features that no run before it had reached, second, those
// that one run had, and how many shapes the run had. Runs that are restored in the order in which they were added leave the same
// coverage. A feature of no space, or one that other runs than these have reached, is refused with a *FeaturesError, and changes nothing.
func (s *Seen) Restore(first, second Features, shapes int) error {
	new := 0
	for _, part := range []struct {
		features Features
		count    int
	}{{first, 0}, {second, 1}} {
		for _, f := range part.features {
			switch n := f.Space(); {
			case n == Shapes:
				new++
			case n >= len(s.counts) || f.Index() >= uint64(len(s.counts[n])):
				return &FeaturesError{fmt.Sprintf("features of %d spaces", len(s.spaces)), fmt.Sprintf("index %d of space %d", f.Index(), n)}
			}
			if found := s.Count(f); found != part.count {
				return &FeaturesError{fmt.Sprintf("index %d of space %d as %d runs before reached it", f.Index(), f.Space(), part.count), fmt.Sprint(found)}
			}
		}
	}
	if shapes < new {
		return &FeaturesError{fmt.Sprintf("at least the %d shapes that were new or seen once", new), fmt.Sprint(shapes)}
	}
	s.Runs++
	s.incident += uint64(shapes - new) // note counts the others
	for _, features := range []Features{first, second} {
		for _, f := range features {
			s.note(f)
		}
	}
	return nil
}
