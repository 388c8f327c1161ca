package control

import (
	"time"

	"github.com/firstgap/firstgap/impl/node"
)

// DefaultSuspectAfter is after how many unanswered questions in a row a segment is suspected.
const DefaultSuspectAfter = 3

const monitorTimer node.Timer = 1

// A monitor asks every segment in turn whether it is alive, and tells the newest writer whom it suspects. It only
// suspects: a segment that is slow, paused or cut off from the monitor alone looks dead, too. That is why a replacement
// can be taken back, and why the monitor decides nothing (SIGMOD 2018 §4.1).
type monitor struct {
	volume  *node.Volume
	every   time.Duration
	after   int
	round   uint64
	sights  []sight // by group, then replica
	told    uint64  // of the last Health
	watcher node.ID // the newest writer that asked to be told, or 0
	epoch   node.Epoch
}

// A sight is what the monitor has of one segment.
type sight struct {
	id     node.ID
	heard  uint64 // the newest round that it answered
	missed int    // rounds in a row that it did not
	lost   bool
}

func newMonitor(c Config) monitor {
	m := monitor{volume: c.Volume, every: c.MonitorEvery, after: c.SuspectAfter}
	if m.after == 0 {
		m.after = DefaultSuspectAfter
	}
	for _, members := range c.Volume.Segments {
		for _, id := range members {
			m.sights = append(m.sights, sight{id: id})
		}
	}
	return m
}

// start begins to ask. Rounds go on growing across restarts, so that answers and tidings of before are known as old.
func (m *monitor) start(incarnation uint32, out *node.Effects) {
	m.round = uint64(incarnation) << 32
	m.told = m.round
	if m.every > 0 {
		m.ask(out)
	}
}

func (m *monitor) ask(out *node.Effects) {
	m.round++
	question := &node.Ping{Round: m.round}
	for i := range m.sights {
		out.Send(m.sights[i].id, question)
	}
	out.SetTimer(monitorTimer, m.every)
}

// fired counts who has not answered the last question, and asks the next.
func (m *monitor) fired(out *node.Effects) {
	changed := false
	for i := range m.sights {
		s := &m.sights[i]
		if s.heard == m.round {
			continue
		}
		before := m.suspected(s)
		s.missed = min(s.missed+1, m.after)
		changed = changed || m.suspected(s) != before
	}
	if changed {
		m.tell(out)
	}
	m.ask(out)
}

func (m *monitor) suspected(s *sight) bool { return s.lost || s.missed >= m.after }

func (m *monitor) pong(from node.ID, p *node.Pong, out *node.Effects) {
	for i := range m.sights {
		s := &m.sights[i]
		if s.id != from || p.Round <= s.heard || p.Round > m.round || p.Round>>32 != m.round>>32 {
			continue // late, doubled, or of before a restart
		}
		before := m.suspected(s)
		s.heard, s.missed, s.lost = p.Round, 0, p.Lost
		if m.suspected(s) != before {
			m.tell(out)
		}
	}
}

// watch remembers the newest writer, and tells it at once. It asks again now and then, in case something that it was
// told was lost.
func (m *monitor) watch(from node.ID, w *node.Watch, out *node.Effects) {
	if w.Epoch < m.epoch {
		return // a newer one took over
	}
	m.watcher, m.epoch = from, w.Epoch
	m.tell(out)
}

func (m *monitor) tell(out *node.Effects) {
	if m.watcher == 0 {
		return
	}
	m.told++
	out.Send(m.watcher, &node.Health{Round: m.told, Suspects: m.suspects()})
}

func (m *monitor) suspects() []node.ID {
	var who []node.ID
	for i := range m.sights {
		if s := &m.sights[i]; m.suspected(s) {
			who = append(who, s.id)
		}
	}
	return who
}
