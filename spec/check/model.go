package check

// A Model is what Run searches. It is used from many goroutines; the machines that it makes are not.
type Model interface {
	// Name is what the result calls the model.
	Name() string
	// World returns the constants of the model as a value that marshals to JSON.
	World() any
	// Actions returns the names of the actions, in the order that Next counts them.
	Actions() []string
	// Invariants returns what must hold in every state, in the order that Broken counts them.
	Invariants() []Invariant
	// Reductions names the reductions that Encode and Next really apply, such as a symmetry. None is an answer.
	Reductions() []string
	// NewMachine returns a machine in the initial state.
	NewMachine() Machine
}

// An Invariant is a statement about every state.
type Invariant struct {
	Name      string
	Guarantee string // what it promises, in a sentence
}

// A Machine is one mutable state of a model. A search has one for each worker.
type Machine interface {
	// Init makes it the initial state.
	Init()
	// Load makes it the state, or one of the interchangeable states, that Encode wrote.
	Load(code []byte) error
	// Encode appends the identity of the state to dst: two states have the same one if and only if they are
	// equal, or interchangeable under the reductions.
	Encode(dst []byte) []byte
	// Next takes each possible step in turn, calls visit with the step taken, and takes it back. Steps come in
	// an order that depends on the state alone. times is how many ways of taking the action, one after the
	// other, led to this same state. When visit returns false, Next stops, and stays in the state just visited.
	Next(visit func(action, times int) bool)
	// Broken returns the first invariant that does not hold in the state, or -1. It is called in the initial
	// state, and within visit for a step from a state in which every invariant holds.
	Broken() int
	// Step describes the last step taken, such as "Store(1, 2, r3)". It is called within visit only.
	Step() string
	// Vars returns the state as named values, in a fixed order.
	Vars() []Var
}

// A Fingerprinter is a Machine that tells its states apart by 64 bits without encoding them, most of which a search throws away
// again, since it knows the state already.
type Fingerprinter interface {
	Machine
	// Fingerprint returns the same number for two states if Encode writes the same for them, and otherwise for two states in 2^64.
	// It is asked after Init and Load, and within visit.
	Fingerprint() uint64
}

// A Var is one part of a state, in words. A part that has its initial or empty value may be left out.
type Var struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// A Change is how a step changed one part of a state. From or To is empty where the part is left out.
type Change struct {
	Var  string `json:"var"`
	From string `json:"from"`
	To   string `json:"to"`
}

// Diff returns what differs between two states of one model, in the order of after, then what is gone.
func Diff(before, after []Var) []Change {
	old := make(map[string]string, len(before))
	for _, v := range before {
		old[v.Name] = v.Value
	}
	var changes []Change
	for _, v := range after {
		if was, ok := old[v.Name]; !ok || was != v.Value {
			changes = append(changes, Change{v.Name, was, v.Value})
		}
		delete(old, v.Name)
	}
	for _, v := range before {
		if was, ok := old[v.Name]; ok {
			changes = append(changes, Change{v.Name, was, ""})
		}
	}
	return changes
}
