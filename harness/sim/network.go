package sim

import (
	"time"

	"github.com/zeebo/xxh3"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/impl/node"
)

// side is one end of the links that a fault strikes: the listed processes, or all but them. Processes that are
// added later belong to the second kind.
type side struct {
	listed  []bool // by index of the process
	outside bool
}

func (s *side) add(index int32) {
	for int(index) >= len(s.listed) {
		s.listed = append(s.listed, false)
	}
	s.listed[index] = true
}

func (s *side) has(index int32) bool {
	return (int(index) < len(s.listed) && s.listed[index]) != s.outside
}

// linkFault is a fault of the network while it lasts.
type linkFault struct {
	kind     faults.Kind
	from, to side
	both     bool // strikes both directions
	rate     float64
	factor   float64
	extra    time.Duration
	salt     uint64

	bandwidth, queue int64     // bytes a second, and bytes that may wait; 0: any number
	end              node.Time // what waits then is let through
	busy             map[[2]int32]node.Time
}

// passes returns how long a message of so many bytes takes on its link with those before it, and whether it may wait for them.
func (l *linkFault) passes(now node.Time, src, dst int32, size int) (time.Duration, bool) {
	busy := max(l.busy[[2]int32{src, dst}], now)
	if l.queue > 0 && busy.Sub(now) > transfer(l.queue, l.bandwidth) {
		return 0, false
	}
	if l.busy == nil {
		l.busy = map[[2]int32]node.Time{}
	}
	busy = busy.Add(transfer(int64(size), l.bandwidth))
	l.busy[[2]int32{src, dst}] = busy
	return max(0, min(busy, l.end).Sub(now)), true
}

// strikes tells whether the fault strikes what goes from one to another. What a process is sent by itself, such as the order to be
// the active one, does not go over the network, also where both sides of the fault are the same process: a reader that is the
// writer.
func (l *linkFault) strikes(src, dst int32) bool {
	return src != dst && (l.from.has(src) && l.to.has(dst) || l.both && l.from.has(dst) && l.to.has(src))
}

func (l *linkFault) cuts() bool {
	return l.kind == faults.Partition || l.kind == faults.PartitionOneWay || l.kind == faults.AZCutOff
}

// isGone tells whether a party is one of the clients that the rest of the run has no more.
func (w *World) isGone(index int32) bool { return index < w.gone && w.parties[index].actor != nil }

// cut tells whether no message passes from src to dst now.
func (w *World) cut(src, dst int32) bool {
	if w.severed {
		return src != dst
	}
	if w.gone > 0 && (w.isGone(src) || w.isGone(dst)) {
		return true
	}
	for _, l := range w.links {
		if l.cuts() && l.strikes(src, dst) {
			return true
		}
	}
	return false
}

// A fate is what the network does with one message.
type fate struct {
	lost   Reason // not lost when zero
	delay  time.Duration
	again  bool // a second copy arrives
	second time.Duration
	damage uint64 // which bit of what it carries flips; 0: none
	cut    uint64 // where its frame is cut short; 0: nowhere
	old    bool   // its frame is of the wire's oldest version
}

// fateOf decides over a message of so many bytes from src to dst whose randomness is d.
func (w *World) fateOf(src, dst *process, d draw, size int) fate {
	n := &w.network
	f := fate{delay: w.travel(src, dst, d, 0)}
	if d.chance(askLoss, n.Loss) {
		f.lost = ByLoss
	}
	if d.chance(askDuplicate, n.Duplicate) {
		f.again, f.second = true, w.travel(src, dst, d, askSecond)
	}
	if len(w.links) == 0 {
		return f
	}
	factor, extra := 1.0, time.Duration(0)
	for _, l := range w.links {
		if !l.strikes(src.index, dst.index) {
			continue
		}
		own := d.of(l.salt)
		switch l.kind {
		case faults.Partition, faults.PartitionOneWay, faults.AZCutOff:
			f.lost = ByCut
		case faults.Loss:
			if f.lost == 0 && own.chance(askFault, l.rate) {
				f.lost = ByLoss
			}
		case faults.Duplicate:
			if own.chance(askFault, l.rate) {
				f.again, f.second = true, f.delay+own.span(askJitter, l.extra)
			}
		case faults.Damage:
			if own.chance(askFault, l.rate) {
				f.damage = max(own.bits(askPosition), 1)
			}
		case faults.Truncate:
			if own.chance(askFault, l.rate) {
				f.cut = max(own.bits(askPosition), 1)
			}
		case faults.Throttle:
			if f.lost != 0 {
				break
			}
			waits, fits := l.passes(w.now, src.index, dst.index, size)
			if !fits {
				f.lost = ByQueue
			}
			extra += waits
		case faults.OldWire:
			f.old = true
		case faults.Delay:
			factor, extra = factor*max(l.factor, 1), extra+l.extra
		case faults.Reorder:
			extra += own.span(askJitter, l.extra)
		}
	}
	factor = min(factor, faults.MaxFactor)
	f.delay = scaled(f.delay, factor) + extra
	if f.again {
		f.second = scaled(f.second, factor) + extra
	}
	return f
}

func (w *World) travel(src, dst *process, d draw, q question) time.Duration {
	n := &w.network
	t := time.Duration(n.Latency) + d.span(askJitter+q, time.Duration(n.Jitter))
	if src.zone != dst.zone && src.zone != "" && dst.zone != "" {
		t += time.Duration(n.CrossZone)
	}
	return t + d.tail(q, n.TailRate, time.Duration(n.Tail))
}

// messageType is what the world keeps of a type of message.
type messageType struct {
	name     string
	hash     uint64
	messages uint64
	bytes    uint64
}

func (w *World) typeOf(name string) *messageType {
	i, ok := w.typeIndex[name]
	if !ok {
		i = len(w.types)
		w.typeIndex[name] = i
		w.types = append(w.types, messageType{name: name, hash: xxh3.HashString(name)})
	}
	return &w.types[i]
}

// send puts a message on its way.
func (w *World) send(src *process, to node.ID, m node.Message) {
	t := w.typeOf(m.Type())
	w.scratch = m.AppendDigest(w.scratch[:0])
	size := len(w.scratch)
	digest := mix(xxh3.Hash(w.scratch), t.hash)
	key := digest
	if node.DigestLeavesOut(m) {
		digest = mix(digest, xxh3.Hash(w.identity.Of(m)))
	}
	t.messages++
	t.bytes += uint64(size)
	w.counts.Messages++
	dst := w.find(to)
	if dst == nil || dst.actor != nil {
		w.lose(src, to, m, digest, ByNobody)
		return
	}
	// A record keeps its fate when what travels with it changes, such as the VDL.
	if c, ok := m.(node.Carrier); ok {
		if low, high := c.LSNs(); low != 0 {
			key = mix(mix(t.hash, uint64(low)), uint64(high))
		}
	}
	p := pending{kind: EventMessage, from: src.index, to: dst.index, incarnation: dst.incarnation,
		value: digest, message: m, bytes: int32(pendingBytes + size)}
	if src == dst {
		w.schedule(w.now, p) // what a process tells itself does not travel
		return
	}
	wait := w.give(src, dst, m, size, &p)
	f := w.fateOf(src, dst, w.draw(mix(key, uint64(src.id)<<16|uint64(to))), size)
	if f.old && f.lost == 0 {
		taken, err := w.inOldWire(m)
		if err != nil {
			w.lose(src, to, m, digest, ByVersion)
			return
		}
		m = taken
		p.message, p.value = m, mix(digest, uint64(node.WireOldest)) // without the fields that are newer
	}
	if f.cut != 0 && f.lost == 0 {
		taken, err := w.cutShort(m, &f)
		if err != nil {
			w.lose(src, to, m, digest, ByDamage)
			return
		}
		p.message, p.value = taken, mix(p.value, f.cut) // what the wire took for a message is what arrives
	}
	if f.damage != 0 && f.lost == 0 {
		damaged, carries := node.DamagedCopy(m, f.damage)
		if !carries {
			w.lose(src, to, m, digest, ByDamage)
			return
		}
		w.counts.Damaged++
		p.message, p.value = damaged, mix(p.value, f.damage)
	}
	f.delay += wait
	f.second += wait
	if f.lost != 0 {
		w.lose(src, to, m, digest, f.lost)
		return
	}
	w.schedule(w.now.Add(f.delay), p)
	if f.again {
		w.counts.Duplicated++
		w.schedule(w.now.Add(f.second), p)
	}
}

// inOldWire returns what comes of a message that crosses a link in the wire's oldest version, or why nothing does.
func (w *World) inOldWire(m node.Message) (node.Message, error) {
	frame, err := node.AppendWireAs(nil, m, node.WireOldest)
	if err != nil {
		return nil, err
	}
	w.counts.OldWire++
	var taken node.Message
	err = node.DecodeWire(frame, &taken)
	return taken, err
}

// cutShort returns what the wire takes a message for whose frame, of the version that the link speaks, has lost its end, or why it
// takes it for none.
func (w *World) cutShort(m node.Message, f *fate) (node.Message, error) {
	version := node.WireVersion
	if f.old {
		version = node.WireOldest
	}
	frame, err := node.AppendWireAs(nil, m, version)
	if err != nil {
		return nil, err // it has no frame: all of it is lost
	}
	w.counts.Truncated++
	var taken node.Message
	err = node.DecodeWire(frame[:f.cut%uint64(len(frame))], &taken)
	return taken, err
}

// lose notes that a message will not arrive.
func (w *World) lose(src *process, to node.ID, m node.Message, digest uint64, why Reason) {
	w.lost(why)
	w.note(Event{Kind: EventLost, Process: to, From: src.id, Message: m, Reason: why}, digest)
}
