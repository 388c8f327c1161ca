// Package control is the control plane: for now the epoch register, by which writers take over from each other.
package control

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"

	"github.com/firstgap/firstgap/impl/node"
)

const registerFile = "register"

// Config is what a register needs to know.
type Config struct{ ID node.ID }

// A Register holds the volume's newest epoch and moves it by compare-and-swap. It is what makes epochs unique: two
// recoveries can fence disjoint read quorums (ABC and DEF), so no quorum of segments could.
type Register struct {
	id      node.ID
	hook    node.Hook
	durable cell
	next    cell // what is being written, when writing
	asker   node.ID
	writing bool
}

// A cell is what the register stores: the epoch, and the writer that won it.
type cell struct {
	epoch node.Epoch
	token uint64
}

// New returns a register that has not started.
func New(c Config, hook node.Hook) *Register { return &Register{id: c.ID, hook: hook} }

// Epoch returns the durable epoch.
func (g *Register) Epoch() node.Epoch { return g.durable.epoch }

// Step implements node.Node.
func (g *Register) Step(_ node.Time, ev node.Event, out *node.Effects) {
	switch ev.Kind {
	case node.Started:
		g.start(ev.Files, out)
	case node.DiskDone:
		g.written(out)
	case node.Received:
		switch m := ev.Message.(type) {
		case *node.ReadEpoch:
			out.Send(ev.From, &node.CurrentEpoch{Token: m.Token, Epoch: g.durable.epoch})
		case *node.Swap:
			g.swap(ev.From, m, out)
		}
	}
}

func (g *Register) start(files []node.File, out *node.Effects) {
	for _, f := range files {
		if f.Name != registerFile {
			continue
		}
		c, err := decodeCell(f.Data)
		if err != nil {
			// A register that guesses an epoch would hand one out twice.
			panic(fmt.Sprintf("epoch register %d: %v", g.id, err))
		}
		g.durable = c
	}
	// A crash between the write and its completion leaves an epoch that was won and never told.
	for e := node.Epoch(2); e <= g.durable.epoch; e++ {
		out.Tell(node.Trace{Action: node.ActStart, Epoch: e, Position: uint64(e)})
	}
}

func (g *Register) swap(from node.ID, m *node.Swap, out *node.Effects) {
	if g.writing {
		return // it asks again
	}
	if m.Expect != g.durable.epoch {
		// The winner may ask again when its answer was lost. Anybody else has lost.
		won := m.Token == g.durable.token && m.Expect+1 == g.durable.epoch
		out.Send(from, &node.Swapped{Token: m.Token, Won: won, Epoch: g.durable.epoch})
		return
	}
	g.next = cell{epoch: m.Expect + 1, token: m.Token}
	g.asker = from
	g.writing = true
	// gofail: var registerBeforeSwap struct{}
	// g.hook.Hit("registerBeforeSwap")

	out.Replace(registerFile, g.next.encode(), 1)
}

func (g *Register) written(out *node.Effects) {
	g.durable, g.writing = g.next, false
	if g.durable.epoch > 1 { // epoch 1 is open from the start: there is nothing to recover
		out.Tell(node.Trace{Action: node.ActStart, Epoch: g.durable.epoch, Position: uint64(g.durable.epoch)})
	}
	// gofail: var registerAfterSwap struct{}
	// g.hook.Hit("registerAfterSwap")

	out.Send(g.asker, &node.Swapped{Token: g.durable.token, Won: true, Epoch: g.durable.epoch})
}

func (c cell) encode() []byte {
	b := binary.LittleEndian.AppendUint32(nil, uint32(c.epoch))
	b = binary.LittleEndian.AppendUint64(b, c.token)
	return binary.LittleEndian.AppendUint32(b, crc32.ChecksumIEEE(b))
}

func decodeCell(b []byte) (cell, error) {
	if len(b) != 16 {
		return cell{}, fmt.Errorf("file of %d bytes, want 16", len(b))
	}
	if crc32.ChecksumIEEE(b[:12]) != binary.LittleEndian.Uint32(b[12:]) {
		return cell{}, fmt.Errorf("checksum does not fit")
	}
	return cell{epoch: node.Epoch(binary.LittleEndian.Uint32(b)), token: binary.LittleEndian.Uint64(b[4:])}, nil
}
