// Package snapshot is a database on a disk of its own that is copied to an object store every now and then. When the disk
// is lost, a new one begins with the latest copy: everything that was durable when that was taken, exactly, and nothing of
// what came later.
//
// Use package backup instead when an operator must be able to restore every acknowledged commit: here, those since the
// last copy are gone.
package snapshot

import (
	"encoding/binary"
	"fmt"
	"time"

	"github.com/firstgap/firstgap/impl/baseline/block"
	"github.com/firstgap/firstgap/impl/baseline/database"
	"github.com/firstgap/firstgap/impl/node"
)

// Config is what an instance needs to know.
type Config struct {
	Database database.Config
	Store    node.ID       // the object store
	Every    time.Duration // between the end of one copy and the begin of the next
}

const (
	timer        node.Timer = 2 // the database has the first
	again                   = 20 * time.Millisecond
	manifest                = "manifest"
	restoreToken node.Token = 1
)

// An Instance is a database and the one who copies its disk.
type Instance struct {
	config Config
	db     *database.Database
	disk   *block.Local
	start  node.Event
	now    node.Time

	asks     uint64 // names what is asked of the store
	asked    node.Message
	fetching bool        // there is no disk yet
	files    []node.File // of the copy that is fetched
	names    []string    // of the objects that are still to come
	objects  []node.File // of the copy that is made, still to be sent
	slot     int         // of the copy that counts; the next one goes to the other, so that one is always whole
	taken    uint64      // copies that were completed
	restored bool
}

// New returns an instance that has not started.
func New(c Config) *Instance { return &Instance{config: c} }

// Taken returns how many copies this start has completed.
func (i *Instance) Taken() uint64 { return i.taken }

// Phase says what the instance is doing: as its database does, or restoring.
func (i *Instance) Phase() string {
	if i.db == nil {
		return "restoring"
	}
	return i.db.Phase()
}

// State implements node.Teller.
func (i *Instance) State() node.State {
	if i.db == nil {
		return node.State{Role: "database", Phase: i.Phase()}
	}
	return i.db.State()
}

// Step implements node.Node.
func (i *Instance) Step(now node.Time, ev node.Event, out *node.Effects) {
	i.now = now
	switch {
	case ev.Kind == node.Started:
		i.start = ev
		out.SetTimer(timer, again)
		i.asks = uint64(ev.Incarnation) << 32
		i.fetching = block.Empty(ev.Files)
		if !i.fetching {
			i.begin(out)
		}
		// With a disk it still has to know which slot counts.
		i.fetch(manifest, out)
	case ev.Kind == node.Fired && ev.Timer == timer:
		i.tick(out)
	case ev.Kind == node.Received && ev.From == i.config.Store:
		i.answered(ev.Message, out)
	case i.db != nil:
		i.db.Step(now, ev, out)
	case ev.Kind == node.DiskDone && ev.Token == restoreToken:
		i.begin(out)
	case ev.Kind == node.Requested:
		r := ev.Request
		out.Respond(ev.From, node.Reply{ID: r.ID, Op: r.Op, Txn: r.Txn, Status: node.Refused, Reason: node.ReasonNotOpen})
	}
}

// begin starts the database on the disk that there is.
func (i *Instance) begin(out *node.Effects) {
	i.fetching = false
	i.disk = block.NewLocal()
	i.db = database.New(i.config.Database, i.disk)
	ev := i.start
	if i.restored {
		ev.Files = i.files
	}
	i.db.Step(i.now, ev, out)
}

func (i *Instance) tick(out *node.Effects) {
	switch {
	case i.asked != nil:
		out.Send(i.config.Store, i.asked)
		out.SetTimer(timer, again)
	case i.db != nil && i.db.Phase() == "open":
		i.copy(out)
		out.SetTimer(timer, again)
	default:
		out.SetTimer(timer, again)
	}
}

func (i *Instance) fetch(name string, out *node.Effects) {
	i.asks++
	i.names = append([]string{name}, i.names...)
	i.asked = &node.FetchObject{Token: i.asks, Name: name}
	out.Send(i.config.Store, i.asked)
}

func objectName(slot int, name string) string { return fmt.Sprintf("%d/%s", slot, name) }

// copy takes the disk as it is at this moment, and sends it piece by piece; the list of the pieces goes last and makes
// it the copy that counts.
func (i *Instance) copy(out *node.Effects) {
	slot := 1 - i.slot
	list := binary.AppendUvarint(nil, uint64(slot))
	i.objects = nil
	for _, f := range block.Files(i.disk.Image()) {
		i.objects = append(i.objects, node.File{Name: objectName(slot, f.Name), Data: f.Data})
		list = append(binary.AppendUvarint(list, uint64(len(f.Name))), f.Name...)
	}
	i.objects = append(i.objects, node.File{Name: manifest, Data: node.AppendSum(list)})
	i.slot = slot
	i.store(out)
}

func (i *Instance) store(out *node.Effects) {
	i.asks++
	i.asked = &node.StoreObject{Token: i.asks, Name: i.objects[0].Name, Data: i.objects[0].Data}
	out.Send(i.config.Store, i.asked)
}

func (i *Instance) answered(m node.Message, out *node.Effects) {
	switch m := m.(type) {
	case *node.ObjectStored:
		if s, ok := i.asked.(*node.StoreObject); !ok || s.Token != m.Token {
			return
		}
		i.asked = nil
		if i.objects = i.objects[1:]; len(i.objects) > 0 {
			i.store(out)
			return
		}
		i.taken++
		out.SetTimer(timer, i.config.Every)
	case *node.ObjectFetched:
		if f, ok := i.asked.(*node.FetchObject); !ok || f.Token != m.Token {
			return
		}
		i.asked = nil
		i.fetched(m, out)
	}
}

// fetched takes an object of the copy that counts: its list first, and where there is no disk, all that it names.
func (i *Instance) fetched(m *node.ObjectFetched, out *node.Effects) {
	name := i.names[0]
	i.names = i.names[1:]
	if name != manifest {
		if !m.Found {
			panic("snapshot: object " + name + " of the copy that counts is not there") // the list is written last
		}
		i.files = append(i.files, node.File{Name: name[len(objectName(i.slot, "")):], Data: m.Data})
		i.restore(out)
		return
	}
	if m.Found {
		body, ok := node.CutSum(m.Data)
		if !ok {
			panic("snapshot: the list of the copy cannot be read")
		}
		slot, n := binary.Uvarint(body)
		i.slot = int(slot)
		for body = body[n:]; len(body) > 0; {
			l, n := binary.Uvarint(body)
			i.names = append(i.names, objectName(i.slot, string(body[n:n+int(l)])))
			body = body[n+int(l):]
		}
	}
	switch {
	case !i.fetching:
		i.names = nil
	case !m.Found:
		i.begin(out) // a new database
	default:
		i.restore(out)
	}
}

// restore fetches what is still missing; with all of it, it writes the disk, and begins when that is durable.
func (i *Instance) restore(out *node.Effects) {
	if len(i.names) > 0 {
		name := i.names[0]
		i.names = i.names[1:]
		i.fetch(name, out)
		return
	}
	for n, f := range i.files {
		t := node.Token(0)
		if n == len(i.files)-1 {
			t = restoreToken
		}
		out.Replace(f.Name, f.Data, t)
	}
	i.restored = true
}
