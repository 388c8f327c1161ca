package aurora

// Starts implements harness.Starter: the first of the greedy order (package campaign/guide) of the runs of seeds 0 to 899, each made with
// crashes at points and without, by their counters. None of these runs had a planted bug.
func (s system) Starts() []uint64 {
	return []uint64{
		578, 186, 746, 187, 841, 640, 494, 232, 10, 514, 14, 302, 768, 113, 59, 489,
		847, 218, 559, 409, 511, 557, 669, 729, 111, 129, 143, 604, 829, 858, 43, 329,
		336, 137, 167, 541, 789, 875, 30, 145, 161, 276, 298, 306, 309, 399, 432, 454,
		721, 765, 787, 797, 2, 20, 35, 58, 74, 93, 94, 183, 226, 292, 301, 317,
	}
}
