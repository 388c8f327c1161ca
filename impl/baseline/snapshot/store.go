package snapshot

import (
	"slices"

	"github.com/firstgap/firstgap/impl/node"
)

// A Store is an object store: it keeps named objects, each of which is there as a whole or not at all.
type Store struct {
	objects map[string][]byte // durable
	under   []storing
	token   node.Token
	newest  map[node.ID]uint64 // by sender, whose tokens rise: what it sent before and comes again is no news
}

type storing struct {
	token node.Token
	from  node.ID
	m     *node.StoreObject
}

// NewStore returns a store that has not started.
func NewStore() *Store { return &Store{objects: map[string][]byte{}, newest: map[node.ID]uint64{}} }

// Step implements node.Node.
func (s *Store) Step(_ node.Time, ev node.Event, out *node.Effects) {
	switch ev.Kind {
	case node.Started:
		for _, f := range ev.Files {
			s.objects[f.Name] = f.Data
		}
	case node.DiskDone:
		i := slices.IndexFunc(s.under, func(u storing) bool { return u.token == ev.Token })
		u := s.under[i]
		s.under = slices.Delete(s.under, i, i+1)
		s.objects[u.m.Name] = u.m.Data
		out.Send(u.from, &node.ObjectStored{Token: u.m.Token})
	case node.Received:
		switch m := ev.Message.(type) {
		case *node.StoreObject:
			if m.Token < s.newest[ev.From] {
				return
			}
			s.newest[ev.From] = m.Token
			s.token++
			s.under = append(s.under, storing{s.token, ev.From, m})
			out.Replace(m.Name, m.Data, s.token)
		case *node.FetchObject:
			data, found := s.objects[m.Name]
			out.Send(ev.From, &node.ObjectFetched{Token: m.Token, Found: found, Data: data})
		}
	}
}
