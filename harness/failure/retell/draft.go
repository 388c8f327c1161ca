package retell

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/aurora"
	"github.com/firstgap/firstgap/harness/failure/why"
	"github.com/firstgap/firstgap/harness/scenario"
	"github.com/firstgap/firstgap/harness/sim"
	"github.com/firstgap/firstgap/impl/node"
)

// A draft is what happened in a run, as far as the commands of a scenario can say it.
type draft struct {
	volume  aurora.Volume
	bug     string
	happens []happening
	stored  map[node.LSN][]stored // in the order of events
}

// A happening is one event of a draft.
type happening struct {
	event   uint64
	kind    happens
	who     string // by its name in scenarios
	request node.Request
	lsns    []node.LSN // of a request: the records that its step issued
	group   map[node.LSN]int
	answers []string // of a decision: the segments that it was made from
}

type happens int

const (
	starts happens = iota
	restarts
	crashes
	asks
	decides
	promotes
)

type stored struct {
	event uint64
	by    string
}

// draftOf makes the smallest run once more and writes down what happens up to where it fails.
func draftOf(s harness.System, x *why.Explanation) (*draft, error) {
	c, err := aurora.Read(&x.Configuration)
	if err != nil {
		return nil, err
	}
	d := &draft{volume: c.Volume, bug: x.Configuration.Bug, stored: map[node.LSN][]stored{}}
	by := map[uint64]int{} // the event of a request → its happening
	result := harness.RunWith(s, x.Configuration, harness.Options{Only: x.What.Target.Check, Listen: func(w *sim.World, e *sim.Event) { d.hear(w, e, by) }})
	failed := x.What.Target.In(&result)
	if failed == nil {
		return nil, fmt.Errorf("the smallest run no longer fails by %s", x.What.Target)
	}
	if failed.Event > 0 {
		d.happens = slices.DeleteFunc(d.happens, func(h happening) bool { return h.event > failed.Event })
		for l, all := range d.stored {
			d.stored[l] = slices.DeleteFunc(all, func(s stored) bool { return s.event > failed.Event })
		}
	}
	return d, nil
}

// hear writes down one event.
func (d *draft) hear(w *sim.World, e *sim.Event, by map[uint64]int) {
	if e.Kind == sim.EventMessage {
		if _, promote := e.Message.(*node.Promote); promote {
			d.happens = append(d.happens, happening{event: e.Seq, kind: promotes, who: d.name(w.Name(e.Process))})
		}
		return
	}
	who := d.name(w.Name(e.Process))
	if who == "" {
		return
	}
	h := happening{event: e.Seq, who: who}
	switch e.Kind {
	case sim.EventStart:
		h.kind = starts
		if e.Incarnation > 1 {
			h.kind = restarts
		} else if !strings.HasPrefix(who, "writer-") {
			return // a volume begins with all of them
		}
	case sim.EventCrash:
		h.kind = crashes
	case sim.EventRequest:
		h.kind, h.request = asks, *e.Request
		h.request.Rows, h.group = slices.Clone(e.Request.Rows), map[node.LSN]int{}
		by[e.Seq] = len(d.happens)
	case sim.EventTrace:
		t := e.Trace
		switch t.Action {
		case node.ActDecide:
			h.kind = decides
			for _, id := range node.DetailOf[node.DecideStep](t).Answers {
				h.answers = append(h.answers, d.name(w.Name(id)))
			}
		case node.ActStore:
			if t.Record != nil {
				d.stored[t.Record.LSN] = append(d.stored[t.Record.LSN], stored{e.Seq, who})
			}
			return
		case node.ActWrite, node.ActCommit, node.ActUndo, node.ActStructure:
			if t.Record == nil {
				return
			}
			// A put that waits, for a page or a lock, is carried out by what ends its wait: the last one that was asked, more often than not.
			i, asked := by[e.Cause]
			if !asked {
				i = -1
				for j := range d.happens {
					if h := &d.happens[j]; h.kind == asks && h.request.Txn == t.Record.Txn {
						i = j
					}
				}
			}
			if i >= 0 {
				d.happens[i].lsns = append(d.happens[i].lsns, t.Record.LSN)
				d.happens[i].group[t.Record.LSN] = int(t.Record.Group)
			}
			return
		default:
			return
		}
	default:
		return
	}
	d.happens = append(d.happens, h)
}

// name is what scenarios call a process, "" for one that they do not have.
func (d *draft) name(of string) string {
	role, number, _ := strings.Cut(of, " ")
	switch role {
	case "writer", "reader":
		if _, err := strconv.Atoi(number); err == nil {
			return role + "-" + number
		}
	case "register":
		return role
	case "segment":
		group, replica, _ := strings.Cut(number, "/")
		r, err := strconv.Atoi(replica)
		if g, wrong := strconv.Atoi(group); errors.Join(err, wrong) == nil && r >= 1 && r <= 26 {
			return d.segment(g-1, r-1)
		}
	}
	return ""
}

func (d *draft) segment(group, replica int) string {
	name := string(rune('A' + replica))
	if d.volume.Groups > 1 {
		name += strconv.Itoa(group + 1)
	}
	return name
}

// A variant is one way to say what happened. A run has delays, and timers that fire by the clock, where a scenario has an order and
// ticks; which of them it takes to fail alike is tried.
type variant struct {
	reach string // when a record is kept from segments: "" never, "phase" until the next upheaval, "all" to the end, "heal" as phase, and all are connected then
	ticks string // "" never, "upheaval" after each, "always" after every command
	holds bool   // disks of segments that crash were held before
	// lost is a type of message that arrives nowhere from a take-over to the end of the next crash: what a crash in the middle of a
	// recovery came before. Empty is none.
	lost string
}

func variants() []variant {
	var all []variant
	for _, lost := range []string{"", "join", "fenced"} {
		for _, holds := range []bool{false, true} {
			for _, ticks := range []string{"", "upheaval", "always"} {
				for _, reach := range []string{"", "phase", "all", "heal"} {
					all = append(all, variant{reach, ticks, holds, lost})
				}
			}
		}
	}
	return all
}

// mostCommands bounds a draft; a smallest run has a few dozen.
const mostCommands = 2_000

// commands says what happened by commands.
func (d *draft) commands(v variant) []scenario.Step {
	var all []scenario.Step
	add := func(words ...string) {
		all = append(all, scenario.Step{Line: strings.Join(words, " ")})
	}
	add(d.volumeLine())
	names := map[node.Txn]string{}
	writer, asked := "", 1 // whom clients ask; where the last request is
	losing := false
	upheaval := func(times string) {
		if v.reach == "heal" || losing {
			add("heal")
		}
		if v.ticks != "" {
			add("tick", "times="+times)
		}
	}
	for i := range d.happens {
		h := &d.happens[i]
		if len(all) > mostCommands {
			break
		}
		switch h.kind {
		case starts:
			away := d.unheard(i)
			if len(away) > 0 {
				add(append([]string{"cut-off"}, away...)...)
			}
			asked = len(all)
			if v.lost != "" {
				add("lose", v.lost)
			}
			if writer == "" {
				add("start")
			} else {
				add("take-over")
			}
			writer = h.who
			if len(away) > 0 {
				add(append([]string{"heal"}, away...)...)
			}
			if v.lost == "" {
				upheaval("3")
			}
			losing = v.lost != ""
		case restarts:
			add("restart", h.who)
			upheaval("2")
			losing = false
		case crashes:
			if v.holds && !strings.HasPrefix(h.who, "writer-") && !strings.HasPrefix(h.who, "reader-") {
				at := min(max(asked, 1), len(all))
				all = slices.Insert(all, at, scenario.Step{Line: "hold " + h.who})
			}
			add("crash", h.who)
			if !losing {
				upheaval("1")
			}
		case promotes:
			add("tick")
			add("promote", h.who)
			writer = h.who
			upheaval("3")
		case asks:
			lines, sayable := lineOf(&h.request)
			if !sayable {
				continue
			}
			for _, l := range h.lsns {
				if line, kept := d.reach(v, i, l, h.group[l]); kept {
					add(line)
				}
			}
			name, known := names[h.request.Txn]
			if !known {
				name = fmt.Sprintf("t%d", len(names)+1)
				names[h.request.Txn] = name
			}
			words := []string{"txn", name}
			if h.who != writer {
				words = append(words, "at="+h.who)
			}
			asked = len(all)
			add(words...)
			all[len(all)-1].Input = lines + "\n"
			if v.ticks == "always" {
				add("tick")
			}
		}
	}
	if v.ticks != "" {
		add("tick", "times=5")
	}
	add("pages")
	return all
}

func (d *draft) volumeLine() string {
	v := &d.volume
	line := fmt.Sprintf("volume groups=%d replicas=%d write-quorum=%d read-quorum=%d page-size=%d", v.Groups, v.Replicas, v.WriteQuorum, v.ReadQuorum, v.PageSize)
	for _, k := range []struct {
		key   string
		value int
	}{{"spares", v.Spares}, {"in-use", v.InUse}, {"group-pages", v.GroupPages}, {"readers", v.Readers}} {
		if k.value > 0 {
			line += fmt.Sprintf(" %s=%d", k.key, k.value)
		}
	}
	tails := ""
	for i := range v.Tails {
		tails += string(rune('A' + 2*i + 1))
	}
	if tails != "" {
		line += " tails=" + tails
	}
	if d.bug != "" {
		line += " bug=" + d.bug // the last one: see without
	}
	return line
}

// unheard lists the segments that the recovery of the writer that starts at a happening did not hear before its cut.
func (d *draft) unheard(i int) []string {
	for _, h := range d.happens[i+1:] {
		switch {
		case h.kind == starts:
			return nil
		case h.kind == decides && h.who == d.happens[i].who:
			var away []string
			for g := range d.volume.Groups {
				for r := range d.volume.Replicas - d.volume.Spares {
					if name := d.segment(g, r); !slices.Contains(h.answers, name) {
						away = append(away, name)
					}
				}
			}
			if len(away) == d.volume.Groups*(d.volume.Replicas-d.volume.Spares) {
				return nil // the first writer of a new volume asks no segment
			}
			return away
		}
	}
	return nil
}

// reach says which segments a record reached before the next upheaval, or in all, unless it reached all of its group.
func (d *draft) reach(v variant, i int, l node.LSN, group int) (string, bool) {
	if v.reach == "" {
		return "", false
	}
	end := uint64(1<<64 - 1)
	if v.reach != "all" {
		for _, h := range d.happens[i+1:] {
			if h.kind != asks && h.kind != decides {
				end = h.event
				break
			}
		}
	}
	var by []string
	for _, s := range d.stored[l] {
		if s.event <= end && !slices.Contains(by, s.by) {
			by = append(by, s.by)
		}
	}
	slices.Sort(by)
	if len(by) >= d.volume.Replicas-d.volume.Spares {
		return "", false
	}
	if len(by) == 0 {
		by = []string{"nobody"}
	}
	return fmt.Sprintf("reach lsn=%d %s", l, strings.Join(by, " ")), true
}

// lineOf says what a client asks as a line below txn; a begin is said by the first line of its transaction.
func lineOf(r *node.Request) (string, bool) {
	word := func(s string) bool { return s != "" && !strings.ContainsAny(s, " \t\r\n=*\"`#") && s != "----" }
	switch r.Op {
	case node.OpPut:
		line := "put"
		for _, row := range r.Rows {
			if !word(row.Key) || row.Value.Exists && strings.ContainsAny(row.Value.Bytes, " \t\r\n*\"`#") {
				return "", false
			}
			if !row.Value.Exists {
				if len(r.Rows) > 1 {
					return "", false
				}
				return "delete " + row.Key, true
			}
			line += " " + row.Key + "=" + row.Value.Bytes
		}
		return line, len(r.Rows) > 0
	case node.OpGet:
		if len(r.Rows) != 1 || !word(r.Rows[0].Key) {
			return "", false
		}
		return "get " + r.Rows[0].Key, true
	case node.OpScan:
		from, to := cmp.Or(r.From, "-"), cmp.Or(r.To, "-")
		if !word(from) || !word(to) {
			return "", false
		}
		line := "scan " + from + " " + to
		if r.Most > 0 {
			line += " " + strconv.Itoa(r.Most)
		}
		return line, true
	case node.OpSavepoint:
		return "savepoint", true
	case node.OpRollback:
		return fmt.Sprintf("rollback %d", r.Savepoint), r.Savepoint > 0
	case node.OpCommit:
		return "commit", true
	case node.OpAbort:
		return "abort", true
	}
	return "", false
}
