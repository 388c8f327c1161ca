package volume

import "fmt"

// An Identity tells the states of a world apart, for those who step a State themselves and do not go through a Model. Two
// states have the same code if and only if they are equal or, in a world with Symmetry, if replicas of one group taken for one
// another make them equal. It is for one goroutine.
type Identity struct {
	layout layout
	tuples []uint64
}

// NewIdentity returns the identity of the states of a world. It refuses a world that contradicts itself, or whose states do
// not fit, with a WorldError.
func NewIdentity(w World) (*Identity, error) {
	if err := w.Validate(); err != nil {
		return nil, fmt.Errorf("identity of states: %w", err)
	}
	l := newLayout(w)
	return &Identity{layout: l, tuples: make([]uint64, l.words*w.Groups*w.Replicas)}, nil
}

// Append appends the code of s, a state of the same world but for Symmetry, to dst.
func (i *Identity) Append(dst []byte, s *State) []byte { return i.layout.encode(s, dst, i.tuples) }

// Load makes s the state, or one of the interchangeable states, of a code that Append wrote.
func (i *Identity) Load(s *State, code []byte) error {
	return i.layout.decode(s, code, i.tuples[:i.layout.words])
}
