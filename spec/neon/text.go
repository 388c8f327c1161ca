package neon

import (
	"fmt"
	"strings"

	"github.com/firstgap/firstgap/spec/check"
)

// Vars returns the state in words.
func (m *machine) Vars() []check.Var {
	var vars []check.Var
	add := func(name, format string, args ...any) {
		vars = append(vars, check.Var{Name: name, Value: fmt.Sprintf(format, args...)})
	}
	m.confVars(add)
	for p := range m.Proposers {
		q := &m.proposers[p]
		if q.leader {
			add(fmt.Sprintf("p%d", p+1), "leader of term %d, history %s, WAL %s", q.term, m.historyText(q.history), m.walText(q.wal))
		} else {
			add(fmt.Sprintf("p%d", p+1), "asks for term %d", q.term)
		}
		for a := range m.Acceptors {
			if flush, h := m.voteOf(m.acceptors[a], p); flush != 0 {
				add(fmt.Sprintf("vote of a%d for p%d", a+1, p+1), "history %s, flush LSN %d", m.historyText(h), flush)
			}
			if next := m.nextOf(m.acceptors[a], p); next != 0 {
				add(fmt.Sprintf("p%d sends a%d", p+1, a+1), "LSN %d next", next)
			}
		}
	}
	for a := range m.Acceptors {
		if acc := m.acceptors[a]; acc&(1<<m.votes-1) != 0 {
			add(fmt.Sprintf("a%d", a+1), "term %d, history %s, WAL %s", m.termOf(acc), m.historyText(m.historyOf(acc)), m.walText(m.walOf(acc)))
		}
	}
	var entries []string
	for lsn := 1; lsn <= m.Entries; lsn++ {
		for term := uint(1); term <= uint(m.Terms); term++ {
			if m.committed&m.entry(term, lsn) != 0 {
				entries = append(entries, fmt.Sprintf("%d@%d", term, lsn))
			}
		}
	}
	if len(entries) > 0 {
		add("committed", "%s", strings.Join(entries, " "))
	}
	var elections []string
	for term := uint(1); term <= uint(m.Terms); term++ {
		switch n := m.timesElected(term); n {
		case 0:
		case 1:
			elections = append(elections, fmt.Sprintf("term %d", term))
		default:
			elections = append(elections, fmt.Sprintf("term %d more than once", term))
		}
	}
	if len(elections) > 0 {
		add("elected", "%s", strings.Join(elections, ", "))
	}
	return vars
}

// historyText writes a history as term@LSN, for each term the LSN at which it begins.
func (l *layout) historyText(h history) string {
	text := "0@1"
	for term := l.after(h, 0); term != 0; term = l.after(h, term) {
		text += fmt.Sprintf(" %d@%d", term, l.begin(h, term))
	}
	return text
}

// walText writes the terms of the entries.
func (l *layout) walText(w wal) string {
	if w == 0 {
		return "empty"
	}
	var terms []string
	for lsn := 1; lsn < l.flush(w); lsn++ {
		terms = append(terms, fmt.Sprint(l.at(w, lsn)))
	}
	return strings.Join(terms, " ")
}
