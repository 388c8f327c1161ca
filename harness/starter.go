package harness

// A Starter is a System that names seeds with which a search does well to begin: those whose configurations reached most in runs of a
// system that is right, each more than all before it. A guided campaign without a corpus runs them first.
type Starter interface {
	// Starts lists the seeds, in the order in which they are to be run. It may change with the system, as its runs do.
	Starts() []uint64
}
