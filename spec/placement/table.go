package placement

import (
	"fmt"
	"strings"
)

// Figures say what a design survives, over all sets of replicas and without a search.
type Figures struct {
	Sets   int // of replicas: 2^N, the empty one included
	Writes int // sets that may be out while a write quorum is left
	Reads  int // sets that may be out while a read quorum is left
	Data   int // sets of disks that may be lost while every acknowledged record and its page are on others
	Silent int // sets that may forget while every write quorum and every read quorum still meet in a replica outside
	// Keeps has the promises that the design could make.
	Keeps map[Promise]bool
}

// Figures returns the figures of a world's design. It refuses what Validate refuses.
func (w World) Figures() (Figures, error) {
	w, err := w.complete()
	if err != nil {
		return Figures{}, err
	}
	return newModule(w).figures, nil
}

// count goes through all sets of replicas.
func (m *module) count() Figures {
	f := Figures{Keeps: map[Promise]bool{AZWrites: true, AZReads: true, AZData: true, AZPlusOneReads: true, AZPlusOneData: true}}
	keeps := func(d set, kept bool, count *int, promises ...Promise) {
		if kept {
			*count++
			return
		}
		for i, more := range [][]set{m.nothing, m.hosts} {
			if i < len(promises) && m.within(d, more) {
				f.Keeps[promises[i]] = false
			}
		}
	}
	meet := m.meetings()
	m.replica.subsets(func(d set) bool {
		f.Sets++
		keeps(d, m.writes[m.replica&^d], &f.Writes, AZWrites)
		keeps(d, m.reads[m.replica&^d], &f.Reads, AZReads, AZPlusOneReads)
		keeps(d, !m.writes[d] && !m.full.within(d), &f.Data, AZData, AZPlusOneData) // with a write quorum, d is one
		keeps(d, meet.outside(d), &f.Silent)
		return true
	})
	return f
}

// meetings are the sets in which some write quorum and some read quorum meet.
type meetings map[set]bool

func (m *module) meetings() meetings {
	all := meetings{}
	m.replica.subsets(func(p set) bool {
		m.replica.subsets(func(q set) bool {
			if m.writes[p] && m.reads[q] {
				all[p&q] = true
			}
			return true
		})
		return true
	})
	return all
}

// outside says whether all meet in a replica that is not in f, too.
func (all meetings) outside(f set) bool {
	for meeting := range all {
		if meeting.within(f) {
			return false
		}
	}
	return true
}

// A Design is a placement that is compared with others.
type Design struct {
	Name  string
	World World
}

// Designs returns what the table compares: the designs of the lecture and of the papers, from one disk to Aurora, and
// beside them the obvious alternatives.
func Designs() []Design {
	inAZs := func(of ...int) [][]int { // so many replicas in each AZ
		var azs [][]int
		r := 0
		for _, n := range of {
			var az []int
			for range n {
				r++
				az = append(az, r)
			}
			azs = append(azs, az)
		}
		return azs
	}
	plain := func(name string, w, r int, of ...int) Design {
		return Design{name, World{AZs: inAZs(of...), WriteQuorum: w, ReadQuorum: r, MaxLSN: 1}}
	}
	tails := func(name string, full ...int) Design {
		return Design{name, World{AZs: inAZs(2, 2, 2), Full: full, WriteQuorum: 4, WriteFull: 3, ReadQuorum: 3, ReadFull: 1, MaxLSN: 1}}
	}
	shared := plain("Aurora, two of an AZ on one host", 4, 3, 2, 2, 2)
	shared.World.Hosts = [][]int{{1, 2}}
	return []Design{
		plain("local disk", 1, 1, 1),
		plain("EBS pair", 2, 1, 2),
		plain("mirrored MySQL", 4, 1, 2, 2),
		plain("one in each AZ", 2, 2, 1, 1, 1),
		plain("Aurora", 4, 3, 2, 2, 2),
		tails("Aurora, full and tail", 1, 3, 5),
		tails("full and tail, two full in one AZ", 1, 2, 3),
		shared,
		plain("Aurora's quorums in two AZs", 4, 3, 3, 3),
		plain("reads as strong as writes", 4, 4, 2, 2, 2),
		plain("quorums that do not meet", 3, 3, 2, 2, 2),
		plain("three in each AZ", 6, 4, 3, 3, 3),
	}
}

// Table compares designs: one line for each, then what the columns mean. It refuses what Validate refuses, by the name of
// the design.
func Table(designs []Design) (string, error) {
	rows := [][]string{{"design", "N", "AZs", "W", "R", "sets", "writes", "reads", "data", "silent",
		"AZ: writes", "reads", "data", "AZ+1: reads", "data"}}
	for _, d := range designs {
		w, err := d.World.complete()
		if err != nil {
			return "", fmt.Errorf("design %q: %w", d.Name, err)
		}
		f := newModule(w).figures
		row := []string{d.Name, fmt.Sprint(w.replicas()), fmt.Sprint(len(w.AZs)), w.writes(), w.reads(), fmt.Sprint(f.Sets),
			fmt.Sprint(f.Writes), fmt.Sprint(f.Reads), fmt.Sprint(f.Data), fmt.Sprint(f.Silent)}
		for _, p := range Promises() {
			row = append(row, map[bool]string{true: "yes", false: "no"}[f.Keeps[p]])
		}
		rows = append(rows, row)
	}
	return aligned(rows) + legend, nil
}

const legend = `
sets         all sets of replicas, the empty one included
writes       of those, how many may be out while a write quorum is left
reads        how many may be out while a read quorum is left
data         how many may lose their disks while every acknowledged record is on another, and its page, too
silent       how many may forget without a word while every read still finds every acknowledged record
AZ, AZ+1     what goes on with one AZ gone, and with one more host gone as well
W, R         a quorum of so many replicas; "full" counts those with pages only
`

// writes returns the rule of the write quorum in words.
func (w World) writes() string {
	if w.WriteFull == 0 {
		return fmt.Sprint(w.WriteQuorum)
	}
	return fmt.Sprintf("%d or %d full", w.WriteQuorum, w.WriteFull)
}

// reads returns the rule of the read quorum in words.
func (w World) reads() string {
	if w.ReadFull == 0 {
		return fmt.Sprint(w.ReadQuorum)
	}
	return fmt.Sprintf("%d with %d full", w.ReadQuorum, w.ReadFull)
}

// aligned writes rows in columns, two blanks apart.
func aligned(rows [][]string) string {
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for c, cell := range row {
			widths[c] = max(widths[c], len(cell))
		}
	}
	var b strings.Builder
	for _, row := range rows {
		var line strings.Builder
		for c, cell := range row {
			fmt.Fprintf(&line, "%-*s  ", widths[c], cell)
		}
		b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
	return b.String()
}
