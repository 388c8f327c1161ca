// Package objects is the object store that a volume is backed up to: a node that keeps objects under names, each one
// durable before its putting is acknowledged, none ever changed.
//
// Use package backup instead when a program asks what the objects are called and what is in them: the store does not
// know.
package objects

import (
	"encoding/binary"
	"slices"
	"strings"

	"github.com/zeebo/xxh3"

	"github.com/firstgap/firstgap/impl/backup"
	"github.com/firstgap/firstgap/impl/node"
)

// Limits of an object store. What goes past one is dropped, and its sender asks again.
const (
	maxName   = 256     // bytes
	maxObject = 8 << 20 // bytes
	maxOnWay  = 1024    // objects that are not durable yet
	listMany  = 256     // names in one ObjectList
)

// A Store is one object store.
type Store struct {
	objects map[string][]byte
	names   []string // ascending
	onWay   []put    // to the disk, in the order in which it will be durable
	token   node.Token
	serving bool
	stopped bool // its disk failed: until the process starts again it does nothing
	stored  uint64
	// restarts is 1 when it did not start for the first time.
	restarts uint64
	hook     node.Hook
}

type put struct {
	token   node.Token
	name    string
	data    []byte
	waiting []node.ID
}

// New returns an object store that has not started.
func New(hook node.Hook) *Store { return &Store{objects: map[string][]byte{}, hook: hook} }

// Stored returns how many objects it has made durable since it started.
func (s *Store) Stored() uint64 { return s.stored }

// Get implements backup.Source, for who can look into the node.
func (s *Store) Get(name string) ([]byte, error) {
	data, found := s.objects[name]
	if !found {
		return nil, &backup.MissingError{Name: name}
	}
	return data, nil
}

// List implements backup.Source.
func (s *Store) List(prefix string) ([]string, error) {
	var names []string
	for _, n := range s.names[s.from(prefix):] {
		if !strings.HasPrefix(n, prefix) {
			break
		}
		names = append(names, n)
	}
	return names, nil
}

// from returns the place of the first name that is not less than name.
func (s *Store) from(name string) int {
	i, _ := slices.BinarySearch(s.names, name)
	return i
}

// Step implements node.Node.
func (s *Store) Step(_ node.Time, ev node.Event, out *node.Effects) {
	if s.stopped {
		return
	}
	switch ev.Kind {
	case node.DiskFailed:
		s.stopped, s.serving = true, false // what is on the disk is not known: the next start reads it
	case node.DiskFull:
		// Who put it hears nothing, and asks again.
		s.onWay = slices.DeleteFunc(s.onWay, func(p put) bool { return p.token == ev.Token })
	case node.Started:
		s.restarts = min(1, uint64(ev.Incarnation)-1)
		for _, f := range ev.Files {
			s.found(f)
		}
		// gofail: var objectsBeforeSettle struct{}
		// s.hook.Hit("objectsBeforeSettle")

		out.Sync(0) // what survived a crash may still be in a cache
	case node.DiskDone:
		s.durable(ev.Token, out)
	case node.Received:
		if s.serving {
			s.receive(ev.From, ev.Message, out)
		}
	}
}

func (s *Store) keep(name string, data []byte) {
	s.name(name)
	s.objects[name] = data
}

func (s *Store) name(name string) {
	if i, found := slices.BinarySearch(s.names, name); !found {
		s.names = slices.Insert(s.names, i, name)
	}
}

// sealed is what the disk has of an object: its bytes and their checksum. What an object holds is for those who put it to know, and
// so is whether that is whole; the store knows whether it is what it was given.
func sealed(data []byte) []byte {
	return binary.LittleEndian.AppendUint64(append(make([]byte, 0, len(data)+sealBytes), data...), xxh3.Hash(data))
}

const sealBytes = 8

// found takes a file that a start finds. One that is not what was written is still listed, so that a restore knows that there was an
// object, and is never given. Who asks whether it is there hears that it is not, and may put it again.
func (s *Store) found(f node.File) {
	n := len(f.Data) - sealBytes
	if n < 0 || binary.LittleEndian.Uint64(f.Data[n:]) != xxh3.Hash(f.Data[:n]) {
		s.name(f.Name)
		return
	}
	s.keep(f.Name, f.Data[:n:n])
}

// Rotten lists the objects that can no longer be read.
func (s *Store) Rotten() []string {
	return slices.DeleteFunc(slices.Clone(s.names), func(name string) bool {
		_, whole := s.objects[name]
		return whole
	})
}

func (s *Store) receive(from node.ID, m node.Message, out *node.Effects) {
	switch m := m.(type) {
	case *node.PutObject:
		s.put(from, m, out)
	case *node.GetObject:
		data, found := s.objects[m.Name]
		answer := &node.ObjectRead{Name: m.Name, Found: found}
		if found {
			answer.Sum = xxh3.Hash(data)
			if !m.Head {
				answer.Data = data
			}
		}
		out.Send(from, answer)
	case *node.ListObjects:
		answer := &node.ObjectList{Prefix: m.Prefix, After: m.After}
		for _, n := range s.names[s.from(max(m.Prefix, m.After)):] {
			if n <= m.After {
				continue
			}
			if !strings.HasPrefix(n, m.Prefix) {
				break
			}
			if len(answer.Names) == listMany {
				answer.More = true
				break
			}
			answer.Names = append(answer.Names, n)
		}
		out.Send(from, answer)
	}
}

func (s *Store) put(from node.ID, m *node.PutObject, out *node.Effects) {
	if m.Name == "" || len(m.Name) > maxName || len(m.Data) > maxObject {
		return
	}
	if data, found := s.objects[m.Name]; found {
		out.Send(from, &node.ObjectKept{Name: m.Name, Sum: xxh3.Hash(data)})
		return
	}
	for i := range s.onWay {
		if p := &s.onWay[i]; p.name == m.Name {
			if !slices.Contains(p.waiting, from) {
				p.waiting = append(p.waiting, from)
			}
			return
		}
	}
	if len(s.onWay) >= maxOnWay {
		return
	}
	s.token++
	// gofail: var objectsBeforeKeep struct{}
	// s.hook.Hit("objectsBeforeKeep")

	s.onWay = append(s.onWay, put{token: s.token, name: m.Name, data: m.Data, waiting: []node.ID{from}})
	out.Replace(m.Name, sealed(m.Data), s.token)
}

func (s *Store) durable(token node.Token, out *node.Effects) {
	if !s.serving {
		// gofail: var objectsAfterSettle struct{}
		// s.hook.Hit("objectsAfterSettle")

		s.serving = true
		return
	}
	i := slices.IndexFunc(s.onWay, func(p put) bool { return p.token == token })
	if i < 0 {
		return
	}
	// gofail: var objectsAfterKeep struct{}
	// s.hook.Hit("objectsAfterKeep")

	p := s.onWay[i]
	s.onWay = slices.Delete(s.onWay, i, i+1)
	s.keep(p.name, p.data)
	s.stored++
	for _, to := range p.waiting {
		out.Send(to, &node.ObjectKept{Name: p.name, Sum: xxh3.Hash(p.data)})
	}
}
