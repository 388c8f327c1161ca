package sim

import (
	"math/bits"
	"time"

	"github.com/firstgap/firstgap/impl/node"
)

// A link is what a host has to the network: it gives and takes one message after the other.
type link struct {
	out, in node.Time // until when it is busy
}

// linkOf returns the link of a host, or a new one for a process that has its host for itself.
func (w *World) linkOf(host string) *link {
	if host == "" {
		return &link{}
	}
	l := w.hosts[host]
	if l == nil {
		l = &link{}
		w.hosts[host] = l
	}
	return l
}

// transfer returns how long so many bytes take, rounded up: whole seconds and the rest apart, so that nothing overflows.
func transfer(bytes, bandwidth int64) time.Duration {
	if bandwidth <= 0 {
		return 0
	}
	second := int64(time.Second)
	rest := bytes % bandwidth
	whole := time.Duration(bytes/bandwidth) * time.Second
	high, low := bits.Mul64(uint64(rest), uint64(second)) // rest is below bandwidth, so the quotient is below a second
	nanos, more := bits.Div64(high, low, uint64(bandwidth))
	if more > 0 {
		nanos++
	}
	return whole + time.Duration(nanos)
}

// give has the sender's host put a message on the network, and returns how long that takes with what is before it.
func (w *World) give(src, dst *process, m node.Message, digest int, p *pending) time.Duration {
	if !w.measure && w.network.Bandwidth == 0 || src.link == nil || dst.link == nil || src.link == dst.link {
		return 0
	}
	size := digest
	if s, ok := m.(node.Sized); ok {
		size = s.WireBytes()
	}
	p.size = int32(size)
	w.counts.WireBytes += uint64(size)
	if w.network.Bandwidth == 0 {
		return 0
	}
	src.link.out = max(src.link.out, w.now).Add(transfer(int64(size), w.network.Bandwidth))
	return src.link.out.Sub(w.now)
}

// queues tells whether a message that has come to its receiver's host has to wait there for those before it. Its own
// bytes come in while they are sent, so that an idle link delays no message.
func (w *World) queues(p *process, e *pending) bool {
	if w.network.Bandwidth == 0 || e.kind != EventMessage || e.size == 0 || e.received {
		return false
	}
	begin := w.now.Add(-transfer(int64(e.size), w.network.Bandwidth))
	p.link.in = max(p.link.in, begin).Add(transfer(int64(e.size), w.network.Bandwidth))
	if p.link.in <= w.now {
		return false
	}
	again := *e
	again.received = true
	w.schedule(p.link.in, again)
	return true
}

// wrote counts what a disk was given, and has it take its time.
func (w *World) wrote(p *process, bytes int) {
	if w.measure {
		w.counts.DiskBytes += uint64(bytes)
	}
	if w.disk.Bandwidth > 0 {
		p.disk.busy = max(p.disk.busy, w.now).Add(transfer(int64(bytes), w.disk.Bandwidth))
	}
}
