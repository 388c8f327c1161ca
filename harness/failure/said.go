package failure

import (
	"bytes"
	"strings"

	"github.com/zeebo/xxh3"

	"github.com/firstgap/firstgap/impl/node"
)

// said are the lines by which programs have answered in a run, in their order.
type said struct {
	all  []line
	kept int // bytes
}

type line struct {
	node  node.ID
	event uint64
	hash  uint64
	text  []byte // nil beyond mostKept
}

// mostKept is how many bytes of lines are kept of a run, to be shown. Beyond, it is still known which line differs.
const mostKept = 32 << 20

func (s *said) hear(id node.ID, event uint64, text []byte) {
	l := line{node: id, event: event, hash: xxh3.Hash(text)}
	if s.kept += len(text); s.kept <= mostKept {
		l.text = bytes.Clone(text)
	}
	s.all = append(s.all, l)
}

// An Answered is the first line by which a program answered otherwise the second time.
type Answered struct {
	Node     string
	Event    uint64 // number of the event that it answered, from 1
	Expected string // the line of the first run, around the place where they differ; "" where there is none, or it was not kept
	Found    string // of the second
}

// apart returns the first line that differs, nil where none does.
func (s *said) apart(again *said, name func(node.ID) string) *Answered {
	for i := range max(len(s.all), len(again.all)) {
		var a, b line
		if i < len(s.all) {
			a = s.all[i]
		}
		if i < len(again.all) {
			b = again.all[i]
		}
		if a.node == b.node && a.event == b.event && a.hash == b.hash {
			continue
		}
		if a.node == 0 {
			a.node, a.event = b.node, b.event
		}
		x := &Answered{Node: name(a.node), Event: a.event}
		at := 0
		for at < min(len(a.text), len(b.text)) && a.text[at] == b.text[at] {
			at++
		}
		x.Expected = around(a.text, at)
		if a.node == b.node && a.event == b.event {
			x.Found = around(b.text, at)
		}
		return x
	}
	return nil
}

// around is what stands around a place of a line.
func around(text []byte, at int) string {
	const before, behind = 40, 120
	from, to := max(0, at-before), min(len(text), at+behind)
	s := strings.ToValidUTF8(string(text[from:to]), "\ufffd")
	if from > 0 {
		s = "…" + s
	}
	if to < len(text) {
		s += "…"
	}
	return s
}
