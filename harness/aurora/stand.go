package aurora

import (
	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness/judge"
	"github.com/firstgap/firstgap/impl/backup"
	"github.com/firstgap/firstgap/impl/node"
)

// groupsInUse is how many groups are in use.
func (b *built) groupsInUse() int { return max(b.c.Volume.InUse, b.watch.inUse) }

// idle tells whether a segment is of a group that is not in use: nobody waits for it.
func (b *built) idle(id node.ID) bool {
	g, _, is := b.volume.Find(id)
	return is && int(g) >= b.groupsInUse()
}

// stand says how the segments of the groups in use stand now.
func (b *built) stand() *judge.Stand {
	s := &judge.Stand{Active: b.active()}
	if s.Active == nil {
		return s
	}
	log := b.watch.log()
	flips, lost := b.struck()
	for g := range b.groupsInUse() {
		members, told := b.watch.members[node.Group(g)]
		if !told {
			members = b.volume.FirstMembership()
		}
		group := judge.Group{Number: g + 1, Epoch: node.Epoch(members.Epoch), Changing: len(members.Sets) > 1, Slack: slackBytes,
			Pages: len(log.Pages(node.Group(g))) * (b.c.Volume.PageSize + imageBytes)}
		var records []*node.Record
		for r := range log.All() {
			s.Active.Wrote = s.Active.Wrote || r.Epoch == s.Active.Epoch
			if r.Group == node.Group(g) && r.LSN <= s.Active.VDL {
				records = append(records, r)
				group.Last = r.LSN
			}
		}
		may := min(s.Active.Floor, b.backedUp(node.Group(g)))
		for i, id := range b.volume.Segments[g] {
			name := b.r.Name(id)
			c := judge.CopyStand{Name: name, Member: members.Members().Has(i), Bare: i < len(b.volume.Tails) && b.volume.Tails[i],
				Running: b.r.Running(id), Flips: flips[name], Lost: lost[name], Stored: b.r.Stored(id)}
			if state, tells := b.r.State(id); tells {
				c.State = state
			}
			for _, r := range records {
				if r.LSN > c.State.Floor {
					c.Kept += bytesOf(r)
					if r.LSN <= may {
						c.Log += bytesOf(r)
					}
				}
			}
			group.Copies = append(group.Copies, c)
		}
		s.Groups = append(s.Groups, group)
	}
	for _, id := range b.volume.Readers {
		if state, tells := b.r.State(id); tells && state.Role == string(faults.Reader) {
			s.Readers = append(s.Readers, judge.ReaderStand{Name: b.r.Name(id), Running: b.r.Running(id), State: state})
		}
	}
	return s
}

const (
	// imageBytes is what the image of a page takes in a segment's file beside the page.
	imageBytes = 128
	// recordBytes is what an entry of the log takes at least beside what differs from record to record.
	recordBytes = 130
	// slackBytes is how much log a segment may keep however small its pages are.
	slackBytes = 8 << 10
)

// backedUp is up to where the log of a group may be dropped as far as the backup goes: a window less than the store has objects for.
func (b *built) backedUp(g node.Group) node.LSN {
	id := b.volume.Objects
	if id == 0 {
		return ^node.LSN(0)
	}
	names := b.names(id, backup.LogPrefix(g))
	if len(names) == 0 {
		return 0
	}
	_, _, through, _ := backup.LogSpan(names[len(names)-1])
	return through - min(through, 2*node.LSN(b.volume.Window))
}

func bytesOf(r *node.Record) int {
	return recordBytes + len(r.Key) + len(r.Old.Bytes) + len(r.New.Bytes)
}

// active is the writer of the newest epoch that serves.
func (b *built) active() *judge.Active {
	var newest *judge.Active
	for _, id := range b.directory.Writers {
		state, tells := b.r.State(id)
		if tells && state.Serving && state.Role != string(faults.Reader) && (newest == nil || state.Epoch > newest.Epoch) {
			newest = &judge.Active{Name: b.r.Name(id), Epoch: state.Epoch, VDL: state.VDL, Floor: state.Floor}
		}
	}
	return newest
}

// struck says what the plan does to the disks of the segments.
func (b *built) struck() (flips map[string]int, lost map[string]bool) {
	flips, lost = map[string]int{}, map[string]bool{}
	for _, f := range b.c.Plan.Faults {
		switch f.Kind {
		case faults.DiskCorrupt:
			flips[f.Nodes[0]]++
		case faults.DiskLost, faults.NodeLost:
			lost[f.Nodes[0]] = true
		}
	}
	return flips, lost
}

// load says what the run sent and wrote.
func (b *built) load() *judge.Load {
	n, v := &b.c.Nodes, &b.c.Volume
	c := b.r.Counts()
	l := &judge.Load{Time: faults.Duration(b.r.Now()), Records: uint64(len(b.watch.records)), Copies: uint64(v.Replicas), Readers: uint64(v.Readers),
		Segments: uint64(v.Groups * v.Replicas), Nodes: uint64(len(b.r.Processes())), Starts: c.Starts, Requests: c.Requests, PageSize: uint64(v.PageSize),
		Every: min(n.GossipEvery, n.RetryEvery, n.BackupEvery, n.MonitorEvery), Scrub: n.ScrubEvery,
		Messages: c.Messages, Carried: b.watch.carried, Appends: c.Appends, Syncs: c.Syncs, Replaces: c.Replaces, Looks: c.Reads,
		Faults:  uint64(len(b.c.Plan.Faults)),
		Spoiled: c.Corruptions + c.Misreads + c.LostWrites + c.MisplacedWrites + c.NoRoom}
	if b.validator != nil {
		l.GivenUp = b.validator.ReaderCounts().GivenUp
	}
	for _, told := range b.r.States() {
		for _, n := range told.State.Counters {
			if n.Name == "rotten" {
				l.Rotten += n.Value
			}
		}
	}
	for _, r := range b.watch.records {
		l.LogBytes += uint64(bytesOf(r))
	}
	for _, t := range c.Types {
		l.MessageBytes += t.Bytes
		if t.Type == (*node.ReadPage)(nil).Type() || t.Type == (*node.ReadSnapshot)(nil).Type() {
			l.Reads += t.Messages
		}
	}
	return l
}
