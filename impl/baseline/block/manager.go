package block

import (
	"fmt"
	"slices"

	"github.com/firstgap/firstgap/impl/node"
)

const viewFile = "view"

// A ManagerConfig is what a manager needs to know.
type ManagerConfig struct {
	Members []node.ID // of the first view
	// Among says that only a member may be the holder: the members are the instances of a mirrored database.
	Among bool
}

// A Manager says who holds a disk and which servers count, and is the one place where that changes: two instances that
// both take the other for dead cannot both go on. It stands outside of the zones that its disk is in.
type Manager struct {
	config  ManagerConfig
	durable managed
	next    managed
	asker   node.ID
	writing bool
}

type managed struct {
	view  node.View
	token uint64
}

// NewManager returns a manager that has not started.
func NewManager(c ManagerConfig) *Manager { return &Manager{config: c} }

// View returns the durable view.
func (m *Manager) View() node.View { return m.durable.view }

// Step implements node.Node.
func (m *Manager) Step(_ node.Time, ev node.Event, out *node.Effects) {
	switch ev.Kind {
	case node.Started:
		m.durable = managed{view: node.View{Members: m.config.Members}}
		for _, f := range ev.Files {
			if f.Name == viewFile {
				m.durable = mustDecode(f.Data)
				m.tell(out)
			}
		}
	case node.DiskDone:
		m.durable, m.writing = m.next, false
		m.tell(out)
		out.Send(m.asker, &node.DiskAttached{Token: m.durable.token, View: m.durable.view})
	case node.Received:
		if ask, ok := ev.Message.(*node.AttachDisk); ok && !m.writing {
			m.attach(ev.From, ask, out)
		}
	}
}

func (m *Manager) tell(out *node.Effects) {
	out.Tell(node.Trace{Action: node.ActDiskView, Detail: &node.DiskStep{View: m.durable.view, Start: startOf(m.durable.token)}})
}

func (m *Manager) attach(from node.ID, ask *node.AttachDisk, out *node.Effects) {
	v := m.durable.view
	if v.Holder == from && m.durable.token == ask.Token {
		out.Send(from, &node.DiskAttached{Token: ask.Token, View: v}) // the answer was lost
		return
	}
	stale := (ask.Drop != 0 && !ask.Force || ask.Uses) && ask.Over != v.Epoch
	taken := v.Holder != 0 && v.Holder != from && !ask.Force
	outsider := m.config.Among && !slices.Contains(v.Members, from)
	if stale || taken || outsider {
		out.Send(from, &node.AttachRefused{Token: ask.Token, Holder: v.Holder})
		return
	}
	next := node.View{Epoch: v.Epoch + 1, Holder: from, Used: v.Used || ask.Uses}
	if ask.Uses {
		next.Epoch = v.Epoch
	}
	for _, id := range v.Members {
		if id != ask.Drop {
			next.Members = append(next.Members, id)
		}
	}
	if len(next.Members) == 0 {
		next.Members = v.Members // the last copy is never given up
	}
	m.next = managed{view: next, token: ask.Token}
	m.asker, m.writing = from, true
	out.Replace(viewFile, m.next.encode(), 1)
}

func (m *managed) encode() []byte {
	b := m.view.AppendBinary(nil)
	return node.AppendSum(append(b, fmt.Sprint(m.token)...))
}

func mustDecode(b []byte) managed {
	var m managed
	body, ok := node.CutSum(b)
	if ok {
		var rest []byte
		if m.view, rest, ok = node.DecodeView(body); ok {
			_, err := fmt.Sscan(string(rest), &m.token)
			ok = err == nil
		}
	}
	if !ok {
		// One that guesses a view would let two instances have the disk.
		panic(fmt.Sprintf("disk manager: expected a view, found %d bytes that are none", len(b)))
	}
	return m
}
