package block

import (
	"slices"

	"github.com/firstgap/firstgap/impl/node"
)

// logChunk is how many bytes of the log area one message holds at most.
const logChunk = 1 << 16

// A Server holds one copy of a disk behind the network. The copies are a chain: the first server takes a write, makes it
// durable and passes it on; the last one answers, and is read from. So what it has, every one has.
type Server struct {
	id     node.ID
	store  store
	view   node.View // durable, or on its way to the disk
	open   bool      // the view was opened since the last start, and what it found is durable
	blank  bool      // nothing of what it took can be relied on
	opener node.ID
	opens  node.Token // the completion by which the view is durable
	seqs   [lanes]uint64
	under  []underWay
	before []underWay // of an older view
	told   bool       // what it found when it started
}

// An underWay is a write that the disk is busy with.
type underWay struct {
	token node.Token
	m     *node.WriteDisk
}

// NewServer returns a server that has not started.
func NewServer(id node.ID) *Server { return &Server{id: id} }

// Blank tells that the server has lost what it had.
func (s *Server) Blank() bool { return s.blank }

// State implements node.Teller.
func (s *Server) State() node.State {
	return node.State{Role: "server", Promise: s.view.Epoch, Serving: s.open && !s.blank, Damaged: s.blank}
}

// Step implements node.Node.
func (s *Server) Step(_ node.Time, ev node.Event, out *node.Effects) {
	switch ev.Kind {
	case node.Started:
		s.start(ev, out)
	case node.DiskDone:
		s.done(ev.Token, out)
	case node.Received:
		s.receive(ev.From, ev.Message, out)
	}
}

func (s *Server) start(ev node.Event, out *node.Effects) {
	found, err := s.store.load(ev.Files)
	for _, f := range ev.Files {
		if f.Name != viewFile {
			continue
		}
		body, ok := node.CutSum(f.Data)
		if ok {
			s.view, _, ok = node.DecodeView(body)
		}
		if !ok {
			s.lost(out)
		}
	}
	switch {
	case err != nil || !found && s.view.Epoch > 0 || found && s.view.Epoch == 0 && len(s.store.log)+len(s.store.blocks) > 0:
		s.lost(out)
	case !found:
		s.store.format(out)
	}
	// A disk that is empty may be new or may have been lost. Which of the two, the view that is opened tells.
}

// lost says that nothing of what it took can be relied on.
func (s *Server) lost(out *node.Effects) {
	if !s.blank {
		s.blank = true
		out.Tell(node.Trace{Action: node.ActDiskBlank})
	}
}

func (s *Server) receive(from node.ID, m node.Message, out *node.Effects) {
	switch m := m.(type) {
	case *node.OpenDisk:
		s.opening(from, &m.View, out)
	case *node.WriteDisk:
		if s.serves(from, m.Epoch, out) {
			s.write(from, m, out)
		}
	case *node.ReadBlock:
		if s.serves(from, m.Epoch, out) {
			out.Send(from, &node.BlockData{Epoch: m.Epoch, Number: m.Number, Data: s.store.blocks[m.Number]})
		}
	case *node.ReadDiskLog:
		if s.serves(from, m.Epoch, out) {
			at := min(max(m.From, s.store.base), s.store.end())
			data := s.store.log[at-s.store.base:]
			out.Send(from, &node.DiskLog{Epoch: m.Epoch, Base: s.store.base, End: s.store.end(), From: at,
				Data: slices.Clone(data[:min(len(data), logChunk)])})
		}
	}
}

// serves tells whether the server goes by that view, and says so to a sender that goes by another one.
func (s *Server) serves(from node.ID, e node.Epoch, out *node.Effects) bool {
	switch {
	case s.blank:
		out.Send(from, &node.DiskBlank{Epoch: e})
	case !s.open || e != s.view.Epoch:
		out.Send(from, &node.DiskClosed{Epoch: e})
	default:
		return true
	}
	return false
}

// opening takes a newer view. One that the server has had before it last started is not opened again: a write of it that
// was overtaken by its successors might still be on its way, and the server does not remember which came last.
func (s *Server) opening(from node.ID, v *node.View, out *node.Effects) {
	if s.view.Epoch == 0 && v.Used {
		s.lost(out) // there was something on it
	}
	switch {
	case s.blank:
		out.Send(from, &node.DiskBlank{Epoch: v.Epoch})
	case v.Epoch < s.view.Epoch:
		out.Send(from, &node.DiskClosed{Epoch: v.Epoch})
	case v.Epoch == s.view.Epoch && s.open:
		s.opened(from, out)
	case v.Epoch > s.view.Epoch:
		s.view, s.open, s.opener = *v, false, from
		s.seqs = [lanes]uint64{}
		s.before = append(s.before, s.under...) // durable before the view is
		s.under = nil
		if !s.told {
			// What a crash has left of writes that no sync covered is read from now on, and the next crash could still lose it.
			s.store.token++
			out.Sync(s.store.token)
		}
		s.store.token++
		s.opens = s.store.token
		out.Replace(viewFile, node.AppendSum(v.AppendBinary(nil)), s.opens)
	case s.opens == 0:
		out.Send(from, &node.DiskClosed{Epoch: v.Epoch})
	}
}

func (s *Server) opened(to node.ID, out *node.Effects) {
	out.Send(to, &node.DiskOpened{Epoch: s.view.Epoch, Base: s.store.base, End: s.store.end()})
}

func (s *Server) write(from node.ID, m *node.WriteDisk, out *node.Effects) {
	if m.Lane >= lanes {
		return
	}
	switch seq := &s.seqs[m.Lane]; {
	case m.Seq == *seq+1:
		token, err := s.store.write(&m.Write, out)
		if err != nil {
			// What the writer was told is durable is not here.
			s.blank = true
			out.Tell(node.Trace{Action: node.ActDiskBlank, Detail: &node.DiskStep{Lane: m.Lane, Write: m.Write.ID}})
			out.Send(from, &node.DiskBlank{Epoch: m.Epoch})
			return
		}
		*seq = m.Seq
		if token == 0 {
			s.stored(m, out)
			s.passOn(m, out)
			return
		}
		s.under = append(s.under, underWay{token: token, m: m})
	case m.Seq == *seq && !s.busy(m.Lane):
		s.passOn(m, out) // the answer was lost, here or further on
	}
}

func (s *Server) busy(lane uint8) bool {
	return slices.ContainsFunc(s.under, func(u underWay) bool { return u.m.Lane == lane })
}

func (s *Server) stored(m *node.WriteDisk, out *node.Effects) {
	tellWrite(node.ActDiskStore, m.Lane, m.Write.ID, out)
}

// passOn sends a write that is durable here to the next server, or the answer to the holder.
func (s *Server) passOn(m *node.WriteDisk, out *node.Effects) {
	if next := s.view.After(s.id); next != 0 {
		out.Send(next, m)
		return
	}
	out.Send(s.view.Holder, &node.DiskWritten{Epoch: m.Epoch, Lane: m.Lane, Seq: m.Seq})
}

func (s *Server) done(t node.Token, out *node.Effects) {
	if t == s.opens {
		s.open, s.opens = true, 0
		if !s.told {
			s.told = true
			out.Tell(node.Trace{Action: node.ActDiskHolds, Detail: &node.DiskStep{Base: s.store.base, Log: slices.Clone(s.store.log), Blocks: s.store.image()}})
		}
		out.Tell(node.Trace{Action: node.ActDiskOpen, Detail: &node.DiskStep{View: s.view}})
		s.opened(s.opener, out)
		return
	}
	ended := func(u underWay) bool { return u.token == t }
	if i := slices.IndexFunc(s.before, ended); i >= 0 {
		s.stored(s.before[i].m, out)
		s.before = slices.Delete(s.before, i, i+1)
	}
	if i := slices.IndexFunc(s.under, ended); i >= 0 {
		m := s.under[i].m
		s.under = slices.Delete(s.under, i, i+1)
		s.stored(m, out)
		s.passOn(m, out)
	}
}
