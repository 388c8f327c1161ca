package why

import (
	"fmt"
	"maps"
	"slices"

	"github.com/firstgap/firstgap/harness/sim"
	"github.com/firstgap/firstgap/impl/node"
)

// A Speaker says the events of a run in words, of operations of disks with file and size.
type Speaker struct {
	world     *sim.World
	appended  map[node.ID]map[string]int // by process and file: the bytes that no sync has taken up
	operation map[operationName]string
}

type operationName struct {
	process node.ID
	token   node.Token
}

// NewSpeaker returns one that says all events of a run from now on. It is the one that hears of the disks' operations
// (sim.World.ListenDisk).
func NewSpeaker(w *sim.World) *Speaker {
	s := &Speaker{world: w, appended: map[node.ID]map[string]int{}, operation: map[operationName]string{}}
	w.ListenDisk(s.begun)
	return s
}

// Words says what an event is, in plain words without its time, and whose event it is: of a message that was lost the sender's. The name of
// an action of the harness is what its plan calls it. It has to be called for every crash and every completed operation of a disk, in order.
func (s *Speaker) Words(e *sim.Event) (whose, words string) {
	operation := ""
	switch e.Kind {
	case sim.EventDisk:
		name := operationName{e.Process, e.Token}
		if operation = s.operation[name]; operation == "" {
			operation = "a read" // the rest is heard of when it begins
		}
		delete(s.operation, name)
	case sim.EventCrash:
		s.forget(e.Process)
	}
	return wordsOf(e, s.world.Name, operation)
}

func (s *Speaker) begun(id node.ID, b *sim.Begun) {
	switch name := (operationName{id, b.Token}); {
	case b.Replace:
		s.operation[name] = fmt.Sprintf("the replacement of its file %s by one of %d bytes", b.File, b.Bytes)
	case b.Sync:
		s.operation[name] = "the sync of " + synced(s.appended[id])
		delete(s.appended, id)
	default:
		if s.appended[id] == nil {
			s.appended[id] = map[string]int{}
		}
		s.appended[id][b.File] += b.Bytes
	}
}

// synced says what a sync makes durable.
func synced(appended map[string]int) string {
	var parts []string
	for _, file := range slices.Sorted(maps.Keys(appended)) {
		parts = append(parts, fmt.Sprintf("%d new bytes of its file %s", appended[file], file))
	}
	if parts == nil {
		return "what it had synced before"
	}
	return join(parts)
}

// forget takes away what a process had begun when it crashed.
func (s *Speaker) forget(id node.ID) {
	delete(s.appended, id)
	maps.DeleteFunc(s.operation, func(name operationName, _ string) bool { return name.process == id })
}
