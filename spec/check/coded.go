package check

// Coded is a Plain with an encoding of its own, for a model that is searched a few hundred thousand states and more: to write
// a state field by field, and to sort it by Same, takes most of such a search.
type Coded[S any] struct {
	Plain[S]
	// Code appends the identity of the state to dst: two states have the same one if and only if they are equal, or
	// interchangeable as Symmetry says. Same is not asked.
	Code func(dst []byte, s *S) []byte
	// Decode makes s the state, or one of the interchangeable states, that Code wrote.
	Decode func(code []byte, s *S) error
}

// Model returns the model that c describes.
func (c Coded[S]) Model() Model { return codedModel[S]{c.Plain.Model().(plainModel[S]), c} }

type codedModel[S any] struct {
	plainModel[S]
	coded Coded[S]
}

func (m codedModel[S]) Reductions() []string {
	if m.Symmetry == "" {
		return nil
	}
	return []string{m.Symmetry}
}

func (m codedModel[S]) NewMachine() Machine {
	return &codedMachine[S]{plainMachine[S]{model: &m.plainModel, state: m.Start}, &m.coded}
}

type codedMachine[S any] struct {
	plainMachine[S]
	coded *Coded[S]
}

func (m *codedMachine[S]) Encode(dst []byte) []byte { return m.coded.Code(dst, &m.state) }
func (m *codedMachine[S]) Load(code []byte) error   { return m.coded.Decode(code, &m.state) }
