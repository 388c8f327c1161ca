package check

import (
	"fmt"
	"reflect"
	"strings"
	"unsafe"
)

// Plain is a model whose states are plain values: a state, the moves from it, and what must hold in it. It is the
// short way to write a Model; one that steps a mutable state and takes the steps back is faster.
//
// S is a type of fixed size: a struct of exported fields that are bools, sized integers, and arrays and structs of these.
// Two states are the same when all their fields are.
type Plain[S any] struct {
	Title     string
	Constants any // of the model; marshals to JSON
	Start     S
	Moves     []Move[S]
	Must      []Must[S]
	// Reach are situations that must be reachable, so that Must does not hold for want of anything that could break it. A
	// completed search that has not met one of them does not pass. The guarantee says what would be missing.
	Reach []Must[S]
	// Progress are properties that RunProgress decides, when behaviours are weakly fair to the instances that Fair names. It
	// refuses a model that has Same as well.
	Progress []Leads[S]
	// Fair returns the weakly fair instance of an action that a step belongs to, by the name and the arguments of its move,
	// "" for none. Instance is a name that tells all arguments apart; leaving some out makes one instance of several.
	Fair func(move string, args []int) string
	// Within is the state constraint: outside it a state is not gone on from, and not counted as distinct (see ConstrainedMachine). Nil
	// when every state is inside.
	Within func(s S) bool
	// Same returns one state for all those that are interchangeable with s, such as the one with its replicas sorted;
	// nil when every state stands for itself. Symmetry is then how the receipt names the reduction.
	Same     func(s S) S
	Symmetry string
	// Rises returns a number that every move makes larger. With it, and where all of Moves and Must say what they read and write, a
	// search for violations leaves out steps that commute (see the package comment). A move that does not make it larger panics.
	Rises func(s S) int
	// Show returns the state in words. Nil shows every field under its name.
	Show func(s S) []Var
}

// A Move is one action of a Plain model.
type Move[S any] struct {
	Name string
	// Next calls yield with each state that the action leads to from s, guard first, and with the action's arguments.
	Next func(s S, yield func(next S, args ...int))
	// Reads names the parts of a state that decide whether the move is possible and where it leads, Writes those that it changes; nil
	// is not declared. A part is any name that all use alike, such as that of a field and an index. One move for all replicas
	// reads and writes the parts of all of them, so that nothing is left out: make it one for each.
	Reads, Writes []string
}

// Must is an invariant of a Plain model, or a situation that it must reach.
type Must[S any] struct {
	Name      string
	Guarantee string
	Holds     func(s S) bool
	Reads     []string // the parts of a state that decide it, as in a Move; nil is not declared
}

// Leads is a progress property of a Plain model: a state in which From holds is one in which To holds, or is followed by one
// in every fair behaviour. Without From only the start of a behaviour counts.
type Leads[S any] struct {
	Name      string
	Guarantee string
	From, To  func(s S) bool
}

// Instance is the name of an instance of an action, such as "Store(1, 2)".
func Instance(move string, args []int) string {
	words := make([]string, len(args))
	for i, a := range args {
		words[i] = fmt.Sprint(a)
	}
	return move + "(" + strings.Join(words, ", ") + ")"
}

// Model returns the model that p describes. It panics when S is not of fixed size: no search could tell its states apart.
func (p Plain[S]) Model() Model {
	layout, fixed := layoutOf(reflect.TypeFor[S]())
	if !fixed {
		panic(fmt.Sprintf("check: the state of model %s is a %T; expected a struct of exported fields of fixed size", p.Title, p.Start))
	}
	return plainModel[S]{p, layout}
}

type plainModel[S any] struct {
	Plain[S]
	layout layout
}

func (m plainModel[S]) Name() string { return m.Title }
func (m plainModel[S]) World() any   { return m.Constants }

func (m plainModel[S]) Actions() []string {
	names := make([]string, len(m.Moves))
	for i, mv := range m.Moves {
		names[i] = mv.Name
	}
	return names
}

func (m plainModel[S]) Invariants() []Invariant {
	return named(m.Must)
}

// Witnesses returns the situations of Reach.
func (m plainModel[S]) Witnesses() []Invariant { return named(m.Reach) }

// Properties returns those of Progress.
func (m plainModel[S]) Properties() []Property {
	all := make([]Property, len(m.Progress))
	for i, x := range m.Progress {
		all[i] = Property{Name: x.Name, Guarantee: x.Guarantee, FromStart: x.From == nil}
	}
	return all
}

func named[S any](musts []Must[S]) []Invariant {
	all := make([]Invariant, len(musts))
	for i, x := range musts {
		all[i] = Invariant{Name: x.Name, Guarantee: x.Guarantee}
	}
	return all
}

func (m plainModel[S]) Reductions() []string {
	if m.Same == nil {
		return nil
	}
	return []string{m.Symmetry}
}

func (m plainModel[S]) NewMachine() Machine { return &plainMachine[S]{model: &m, state: m.Start} }

type plainMachine[S any] struct {
	model *plainModel[S]
	state S
	same  S // the state that stands for it
	move  int
	args  []int

	numbers   map[string]int // of instances
	instances []string
}

func (m *plainMachine[S]) Init() { m.state = m.model.Start }

func (m *plainMachine[S]) Load(code []byte) error {
	return m.model.layout.load(unsafe.Pointer(&m.state), code)
}

func (m *plainMachine[S]) Encode(dst []byte) []byte {
	if m.model.Same == nil {
		return m.model.layout.append(dst, unsafe.Pointer(&m.state))
	}
	m.same = m.model.Same(m.state)
	return m.model.layout.append(dst, unsafe.Pointer(&m.same))
}

func (m *plainMachine[S]) Next(visit func(action, times int) bool) {
	before, stopped := m.state, false
	for i := range m.model.Moves {
		m.move = i
		m.model.Moves[i].Next(before, func(next S, args ...int) {
			if stopped {
				return
			}
			m.state, m.move, m.args = next, i, args
			if !visit(i, 1) {
				stopped = true
				return
			}
			m.state = before
		})
		if stopped {
			return
		}
	}
}

// Trying names the move that is being taken, for a PanicError.
func (m *plainMachine[S]) Trying() string { return m.model.Moves[m.move].Name }

// Within says whether the state is inside the constraint.
func (m *plainMachine[S]) Within() bool { return m.model.Within == nil || m.model.Within(m.state) }

func (m *plainMachine[S]) Broken() int {
	for i := range m.model.Must {
		if !m.model.Must[i].Holds(m.state) {
			return i
		}
	}
	return -1
}

func (m *plainMachine[S]) Witnessed(situation int) bool {
	return m.model.Reach[situation].Holds(m.state)
}

func (m *plainMachine[S]) From(property int) bool {
	from := m.model.Progress[property].From
	return from != nil && from(m.state)
}

func (m *plainMachine[S]) To(property int) bool { return m.model.Progress[property].To(m.state) }

func (m *plainMachine[S]) Fair(dst []int) []int {
	if m.model.Fair == nil {
		return dst
	}
	name := m.model.Fair(m.model.Moves[m.move].Name, m.args)
	if name == "" {
		return dst
	}
	n, known := m.numbers[name]
	if !known {
		if m.numbers == nil {
			m.numbers = map[string]int{}
		}
		n = len(m.instances)
		m.numbers[name] = n
		m.instances = append(m.instances, name)
	}
	return append(dst, n)
}

func (m *plainMachine[S]) Instance(number int) string { return m.instances[number] }

func (m *plainMachine[S]) Step() string {
	return Instance(m.model.Moves[m.move].Name, m.args)
}

func (m *plainMachine[S]) Vars() []Var {
	if m.model.Show != nil {
		return m.model.Show(m.state)
	}
	v := reflect.ValueOf(m.state)
	vars := make([]Var, v.NumField())
	for i := range vars {
		vars[i] = Var{Name: v.Type().Field(i).Name, Value: fmt.Sprint(v.Field(i).Interface())}
	}
	return vars
}
