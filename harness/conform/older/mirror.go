package older

import (
	"fmt"
	"slices"

	"github.com/zeebo/xxh3"

	"github.com/firstgap/firstgap/impl/baseline/block"
	"github.com/firstgap/firstgap/impl/baseline/mirrored"
	"github.com/firstgap/firstgap/impl/node"
	"github.com/firstgap/firstgap/spec/mirror"
)

const (
	ruleView  = "a manager has one view an epoch, and goes from one to the next"
	ruleHolds = "a restarted server holds what it stored"
)

// A Disk is a replicated disk of a run: its manager, and its servers in the order in which a write goes through them.
type Disk struct {
	Manager node.ID
	Servers []node.ID
}

// A Pair is who mirrors: the manager of the two instances, and the instance of each disk.
type Pair struct {
	Manager   node.ID
	Instances []node.ID
}

// Mirror holds one replicated disk, or a mirrored pair of them, against spec/mirror. Writes of the log and of pages pass
// each other, so each of the two lanes is a volume of the model by itself; who may write and who counts is the same for
// both. What an instance reads of the pages is only what every copy has: the rest is in its log.
//
// An instance is attached when the last server of its view has opened it, and, of a pair, the pair's manager has named it: from
// then on nothing is stored for another. In the same moment the servers that the view leaves out are dropped. One that told
// that it is blank is lost then, for until then what it had sent may arrive, or when no other is left. A volume is mirrored to
// when its first server stores the first write of another instance than before.
//
// What a server holds when it starts again is compared, byte for byte, with the writes that it told. A write
// that it did not tell may have reached its disk: the one under way or, of a server that was left behind, the one that was then.
type Mirror struct {
	disks     []*disk // by zone, from 1
	pair      *Pair
	pairView  *node.DiskStep
	lanes     [2]*mirror.Volume
	instances map[start]int
	// named are the starts of the primary that the pair's manager has named, and overtaken the instances whose disk was open when
	// another one had taken their place already. Nothing that these do counts.
	named, overtaken map[start]bool
	writes           map[node.WriteID]*write
	numbers          mirror.Write
	servers          map[node.ID]*server
	follower
}

type start struct {
	by    node.ID
	start uint32
}

type disk struct {
	Disk
	views     map[node.Epoch]*viewed
	newest    node.Epoch // of the manager
	installed *node.DiskStep
	chain     []node.ID
}

// viewed is a view of a manager, and who has opened it.
type viewed struct {
	*node.DiskStep
	opened []node.ID
}

type write struct {
	number mirror.Write // 0 for all that an instance had read
	what   *node.DiskWrite
	lane   uint8
}

// server is what a server has told that it holds.
type server struct {
	zone   int
	base   uint64
	log    []byte
	blocks map[uint32]uint64 // hashes
	stored map[node.WriteID]bool
	of     [2]int // by lane: the newest instance of which it has stored a write
	blank  bool   // it has told that it lost them
	lost   bool   // and that was taken
}

// NewMirror returns a validator for a run that begins with empty disks. Without a pair there is one disk.
func NewMirror(disks []Disk, pair *Pair) (*Mirror, error) {
	m := &Mirror{disks: []*disk{nil}, pair: pair, instances: map[start]int{}, named: map[start]bool{}, overtaken: map[start]bool{}, writes: map[node.WriteID]*write{},
		servers:  map[node.ID]*server{},
		follower: follower{guarantee: "what is acknowledged is on every copy that was waited for, in one order"}}
	for a, d := range disks {
		m.disks = append(m.disks, &disk{Disk: d, views: map[node.Epoch]*viewed{}, chain: slices.Clone(d.Servers)})
		for _, id := range d.Servers {
			m.servers[id] = &server{zone: a + 1, blocks: map[uint32]uint64{}, stored: map[node.WriteID]bool{}}
		}
	}
	copies := 0
	if len(disks) > 0 {
		copies = len(disks[0].Servers)
	}
	for _, d := range disks {
		if len(d.Servers) != copies {
			return nil, fmt.Errorf("older: disks of %d and %d servers; expected as many in each", copies, len(d.Servers))
		}
	}
	if (pair == nil) != (len(disks) == 1) || pair != nil && len(pair.Instances) != len(disks) {
		return nil, fmt.Errorf("older: expected one disk, or a pair with an instance for each; found %d disks", len(disks))
	}
	for lane := range m.lanes {
		var err error
		if m.lanes[lane], err = mirror.NewVolume(len(disks), copies); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// Tell implements Validator.
func (m *Mirror) Tell(now node.Time, from node.ID, t *node.Trace) error {
	return m.follow(now, from, t, m.step)
}

func (m *Mirror) step(from node.ID, t *node.Trace) error {
	s, _ := t.Detail.(*node.DiskStep)
	if t.Action == node.ActDiskBlank {
		if s != nil {
			return violation("Store", "a write that goes on where the copy ends", fmt.Sprintf("%+v behind a hole", s.Write), "server %d was sent what it lacks the beginning of", from)
		}
		return m.blank(from)
	}
	if s == nil {
		return violation(ruleComplete, "what the disk did", "nothing", "node %d told %s", from, t.Action)
	}
	if int(s.Lane) >= len(m.lanes) {
		return violation(ruleComplete, "a lane", fmt.Sprint(s.Lane), "node %d told %s", from, t.Action)
	}
	switch t.Action {
	case node.ActDiskView:
		return m.view(from, s)
	case node.ActDiskOpen:
		return m.open(from, s)
	case node.ActDiskHolds:
		return m.holds(from, s)
	case node.ActDiskRead:
		return m.read(from, s)
	case node.ActDiskIssue:
		return m.issue(from, s)
	case node.ActDiskStore:
		return m.store(from, s)
	case node.ActDiskAck:
		e, w, err := m.written(s)
		if err != nil {
			return err
		}
		return m.took(m.lanes[s.Lane].Ack(e, w.number))
	}
	return violation(ruleAction, "an action of a replicated disk", t.Action.String(), "node %d told %s", from, t.Action)
}

// both takes a step of both lanes.
func (m *Mirror) both(take func(v *mirror.Volume) error) error {
	for _, v := range m.lanes {
		if err := m.took(take(v)); err != nil {
			return err
		}
	}
	return nil
}

func (m *Mirror) server(id node.ID) (*server, *disk, error) {
	s := m.servers[id]
	if s == nil {
		return nil, nil, violation(ruleKnown, "a server of a disk", fmt.Sprint(id), "node %d is none", id)
	}
	return s, m.disks[s.zone], nil
}

func (m *Mirror) view(from node.ID, s *node.DiskStep) error {
	if m.pair != nil && from == m.pair.Manager {
		if m.pairView != nil && (s.View.Epoch < m.pairView.View.Epoch || s.View.Epoch == m.pairView.View.Epoch && s.View.Holder != m.pairView.View.Holder) {
			return violation(ruleView, fmt.Sprintf("epoch %d or later", m.pairView.View.Epoch), fmt.Sprintf("epoch %d", s.View.Epoch), "a manager went back")
		}
		m.pairView = s
		m.named[start{s.View.Holder, s.Start}] = true
		return m.reconcile()
	}
	for _, d := range m.disks[1:] {
		if d.Manager != from {
			continue
		}
		known := d.views[s.View.Epoch]
		if s.View.Epoch < d.newest || known != nil && (known.View.Holder != s.View.Holder || !slices.Equal(known.View.Members, s.View.Members)) {
			expected := fmt.Sprintf("epoch %d or later", d.newest)
			if known != nil {
				expected = fmt.Sprintf("%+v", known.View)
			}
			return violation(ruleView, expected, fmt.Sprintf("%+v", s.View), "a manager went back, or has two views of an epoch")
		}
		d.newest = max(d.newest, s.View.Epoch)
		if known != nil {
			known.DiskStep = s
		} else {
			d.views[s.View.Epoch] = &viewed{DiskStep: s}
		}
		return nil
	}
	return violation(ruleKnown, "a manager of a disk, or of the pair", fmt.Sprint(from), "node %d is none", from)
}

func (m *Mirror) open(from node.ID, s *node.DiskStep) error {
	_, d, err := m.server(from)
	if err != nil {
		return err
	}
	v := d.views[s.View.Epoch]
	if v == nil || v.View.Holder != s.View.Holder || !slices.Contains(v.View.Members, from) {
		return violation(ruleView, "a view of the disk's manager that has the server", fmt.Sprintf("%+v", s.View), "server %d opened it", from)
	}
	if slices.Contains(v.opened, from) {
		return nil
	}
	v.opened = append(v.opened, from)
	if len(v.opened) < len(v.View.Members) {
		return nil
	}
	// The manager may have a newer view by now. Until servers open that one, they serve the instance of this one.
	if d.installed != nil && d.installed.View.Epoch > v.View.Epoch {
		m.overtaken[start{v.View.Holder, v.Start}] = true
		return nil
	}
	d.installed = v.DiskStep
	for _, id := range d.chain {
		if err := m.lose(d, id); err != nil {
			return err
		}
	}
	for _, id := range slices.Clone(d.chain) {
		if slices.Contains(v.View.Members, id) {
			continue
		}
		if err := m.both(func(v *mirror.Volume) error { return v.Drop(m.zone(d), slices.Index(d.chain, id)+1) }); err != nil {
			return err
		}
		d.chain = slices.DeleteFunc(d.chain, func(x node.ID) bool { return x == id })
	}
	return m.reconcile()
}

func (m *Mirror) zone(d *disk) int { return slices.Index(m.disks, d) }

// instance tells whether the view of zone a is that of an instance, and not of one that another has write there.
func (m *Mirror) instance(a int, s *node.DiskStep) bool {
	switch {
	case m.pair == nil:
		return true
	case m.pairView == nil || m.pairView.View.Holder != s.View.Holder || m.pair.Instances[a-1] != s.View.Holder:
		return false
	}
	if a == 1 { // the primary asks the pair's manager at each start, and a standby once, before it takes over
		return m.pairView.Start == s.Start
	}
	return mirrored.Promoted(s.Start)
}

// reconcile attaches the instances that have come to be, and degrades by what the pair's manager has.
func (m *Mirror) reconcile() error {
	for a, d := range m.disks {
		if d == nil || d.installed == nil {
			continue
		}
		key := start{d.installed.View.Holder, d.installed.Start}
		if m.instances[key] != 0 {
			continue
		}
		if !m.instance(a, d.installed) {
			if m.named[key] && m.pairView.View.Holder != key.by {
				m.overtaken[key] = true
			}
			continue
		}
		if err := m.both(func(v *mirror.Volume) error {
			e, err := v.Attach(a)
			m.instances[key] = e
			return err
		}); err != nil {
			return err
		}
	}
	if m.pairView == nil {
		return nil
	}
	newest := m.lanes[0].Newest()
	home := m.lanes[0].Home(newest)
	if newest == 1 || m.pair.Instances[home-1] != m.pairView.View.Holder {
		return nil
	}
	for b := 1; b < len(m.disks); b++ {
		if b == home || slices.Contains(m.pairView.View.Members, m.pair.Instances[b-1]) || !m.lanes[0].InSync(b) {
			continue
		}
		if err := m.both(func(v *mirror.Volume) error { return v.Degrade(newest, b) }); err != nil {
			return err
		}
	}
	return nil
}

func (m *Mirror) read(from node.ID, s *node.DiskStep) error {
	e := m.instances[start{from, s.Start}]
	if e == 0 && m.overtaken[start{from, s.Start}] {
		return nil // it reads what servers have that do not count any more, and no write of it will
	}
	if e == 0 {
		return violation("Read", "an instance that is attached", fmt.Sprintf("start %d of node %d", s.Start, from), "an instance reads when it has the disk")
	}
	mirrors := false
	for b := 1; b < len(m.disks); b++ {
		mirrors = mirrors || b != m.lanes[0].Home(e) && m.lanes[0].InSync(b)
	}
	if err := m.took(m.lanes[block.LogLane].Read(e, false)); err != nil {
		return err
	}
	return m.took(m.lanes[block.PageLane].Read(e, mirrors))
}

func (m *Mirror) issue(from node.ID, s *node.DiskStep) error {
	e := m.instances[start{s.Write.By, s.Write.Start}]
	void := m.overtaken[start{s.Write.By, s.Write.Start}]
	if e == 0 && !void || s.Write.By != from {
		return violation("Issue", "an instance that is attached", fmt.Sprintf("%+v", s.Write), "node %d makes a write", from)
	}
	if s.What == nil {
		return violation(ruleComplete, "a write", "none", "node %d told one", from)
	}
	w := &write{what: s.What, lane: s.Lane}
	if m.writes[s.Write] != nil {
		return violation("Issue", "a new write", fmt.Sprintf("%+v", s.Write), "a write is made once")
	}
	m.writes[s.Write] = w
	if s.Write.Count == 0 || e == 0 {
		return nil // what it had read is known, and what one does that was overtaken comes to nothing
	}
	m.numbers++
	w.number = m.numbers
	return m.took(m.lanes[s.Lane].Issue(e, w.number))
}

func (m *Mirror) written(s *node.DiskStep) (e int, w *write, err error) {
	w, e = m.writes[s.Write], m.instances[start{s.Write.By, s.Write.Start}]
	if w == nil || e == 0 || w.lane != s.Lane {
		return 0, nil, violation(ruleKnown, "a write that was made", fmt.Sprintf("%+v in lane %d", s.Write, s.Lane), "nobody made it")
	}
	return e, w, nil
}

func (m *Mirror) store(from node.ID, s *node.DiskStep) error {
	x, d, err := m.server(from)
	if err != nil {
		return err
	}
	if w := m.writes[s.Write]; w != nil && w.lane == s.Lane && m.instances[start{s.Write.By, s.Write.Start}] == 0 && m.overtaken[start{s.Write.By, s.Write.Start}] {
		// A primary that was replaced still has its own disk, which is no part of the mirror any more.
		if m.pair == nil || slices.Contains(m.pairView.View.Members, m.pair.Instances[x.zone-1]) {
			return violation("Store", "a write of the instance that has the disk", fmt.Sprintf("%+v", s.Write), "server %d stored what one made that was overtaken", from)
		}
		x.apply(w.what)
		x.stored[s.Write] = true
		return nil
	}
	e, w, err := m.written(s)
	if err != nil {
		return err
	}
	x.apply(w.what)
	x.stored[s.Write], x.of[s.Lane] = true, max(x.of[s.Lane], e)
	v := m.lanes[s.Lane]
	i := slices.Index(d.chain, from) + 1
	if i == 0 {
		return nil // it was taken out: what it still stores does not count
	}
	if owner := v.Owner(x.zone); e > owner && x.zone != v.Home(e) {
		if !v.InSync(x.zone) && !v.Waits(e, x.zone) {
			return nil // the instance goes on without that zone
		}
		if err := m.took(v.Mirror(e, x.zone)); err != nil {
			return err
		}
	}
	if w.number == 0 {
		n, err := v.Caught(x.zone, i, e)
		m.steps += uint64(n)
		return err
	}
	return m.tookIf(v.Stored(x.zone, i, w.number))
}

// Gone tells whether a server's disk has no copy left: each server that counts has told that it is blank. What was sent before
// may still arrive.
func (m *Mirror) Gone(server node.ID) bool {
	x, d, err := m.server(server)
	return err == nil && x.blank && !slices.ContainsFunc(d.chain, func(id node.ID) bool { return !m.servers[id].blank })
}

func (m *Mirror) blank(from node.ID) error {
	x, d, err := m.server(from)
	if err != nil {
		return err
	}
	x.blank = true
	if slices.ContainsFunc(d.chain, func(id node.ID) bool { return !m.servers[id].blank }) {
		return nil
	}
	for _, id := range d.chain {
		if err := m.lose(d, id); err != nil {
			return err
		}
	}
	return nil
}

// lose takes the loss of a server's copy, if it has told one that was not taken yet.
func (m *Mirror) lose(d *disk, id node.ID) error {
	x := m.servers[id]
	if !x.blank || x.lost {
		return nil
	}
	x.lost = true
	return m.both(func(v *mirror.Volume) error { return v.Lose(m.zone(d), slices.Index(d.chain, id)+1) })
}

// apply makes the write on what is known to be there.
func (x *server) apply(w *node.DiskWrite) {
	end := x.base + uint64(len(x.log))
	if w.Writes && w.LogAt >= x.base && w.LogAt <= end {
		x.log = append(x.log[:w.LogAt-x.base:w.LogAt-x.base], w.Log...)
		end = x.base + uint64(len(x.log))
	}
	if base := min(w.Base, end); base > x.base {
		x.log, x.base = x.log[base-x.base:], base
	}
	for _, b := range w.Blocks {
		x.blocks[b.Number] = xxh3.Hash(b.Data)
	}
}

func (m *Mirror) holds(from node.ID, s *node.DiskStep) error {
	x, _, err := m.server(from)
	if err != nil {
		return err
	}
	base, end := x.base, x.base+uint64(len(x.log))
	known := end
	maybe := map[uint32][]uint64{}
	for id, w := range m.writes { // in any order: what they may have changed is the same
		by := start{id.By, id.Start}
		if x.stored[id] || !m.overtaken[by] && m.instances[by] < x.of[w.lane] {
			continue
		}
		base = max(base, min(w.what.Base, s.Base))
		if w.what.Writes {
			known = min(known, w.what.LogAt)
		}
		for _, b := range w.what.Blocks {
			maybe[b.Number] = append(maybe[b.Number], xxh3.Hash(b.Data))
		}
	}
	found := s.Base + uint64(len(s.Log))
	if s.Base > base || found < known {
		return violation(ruleHolds, fmt.Sprintf("the log from %d or before to %d", base, known), fmt.Sprintf("from %d to %d", s.Base, found), "what server %d told as durable is gone", from)
	}
	for p := max(x.base, s.Base); p < known; p++ {
		if s.Log[p-s.Base] != x.log[p-x.base] {
			return violation(ruleHolds, "the log that it stored", fmt.Sprintf("another byte at %d", p), "what server %d told as durable is something else", from)
		}
	}
	there := map[uint32]uint64{}
	for _, b := range s.Blocks {
		there[b.Number] = xxh3.Hash(b.Data)
	}
	for number := range x.blocks {
		if _, is := there[number]; !is {
			return violation(ruleHolds, fmt.Sprintf("block %d", number), "none", "what server %d told as durable is gone", from)
		}
	}
	for _, b := range s.Blocks {
		if h := there[b.Number]; h != x.blocks[b.Number] && !slices.Contains(maybe[b.Number], h) {
			return violation(ruleHolds, fmt.Sprintf("block %d as it was stored", b.Number), "another one", "what server %d told as durable is something else", from)
		}
	}
	// What it stored and never told is there from now on as well: a successor reads it and writes its own log behind it.
	x.base, x.log, x.blocks = s.Base, slices.Clone(s.Log), there
	return nil
}
