package linearizability

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Texts that calls append to are decided as registers. What a read saw is a text that was put, or the empty one, and behind it
// what was appended; where it can be put together in one way only, it names the calls that made it, and each but the first has
// swapped the text that the one before it left for its own. So an append that was seen is a compare-and-swap of one text for
// another, and the reads of all texts are reads of a register in which each comes once (as in Elle, Kingsbury and Alvaro 2020,
// section 3, where a list read names what was appended).
//
// An append that no read saw is a put of a value that no call sees. Behind it stands no append that was seen, or the read that
// shows that one would have seen it too. So in any legal order what follows it, up to the next put or delete, is not seen, and
// where a put of such a value may stand the append may stand as well. When its outcome is unknown it can be left out, and what is
// empty changes nothing and can be left out always.

// An unfolded key is a key whose appends are swaps and puts, and why.
type unfolded struct {
	part
	initial *string
	// shownBy is, by position, the read that shows what stands behind what, and seen what was put and appended to make up what a
	// read saw, both by position.
	shownBy []int32
	seen    [][]int32
}

// A composition is one way to put a text together.
type composition struct {
	calls  []int32 // positions, those of the appends last first, and at last that of a put, or none for what was there otherwise
	prefix int     // the length of what was there before the appends
}

// A parser puts texts together. It gives up on those that take too many tries.
type parser struct {
	part
	appends, puts map[string]int32 // by value; of several puts of one value, the one that began first
	lengths       []int            // of what was appended
	putLengths    map[int]bool
	bare          map[string]bool // texts that are there without a put: the first one, and the empty one after a delete
	used          map[int32]bool
	tries         int
	found         []composition
	calls         []int32
}

// unfold turns the appends of a key into swaps and puts. It is false when a value was appended twice, or a text can have come
// about in two ways.
func (p part) unfold(initial *string) (u unfolded, ok bool, _ *CallViolation) {
	texts := parser{part: p, appends: map[string]int32{}, puts: map[string]int32{}, putLengths: map[int]bool{}, bare: map[string]bool{}, used: map[int32]bool{}}
	first := ""
	if initial != nil {
		first = *initial
	}
	texts.bare[first] = true
	for i := range p.at {
		switch c := p.call(int32(i)); {
		case c.Kind == Discard:
			texts.bare[""] = true
		case c.Kind == Put:
			texts.putLengths[len(c.Value)] = true
			if at, twice := texts.puts[c.Value]; !twice || c.Begin < p.call(at).Begin {
				texts.puts[c.Value] = int32(i)
			}
		case c.Kind == Append && c.Value != "":
			if _, twice := texts.appends[c.Value]; twice {
				return u, false, nil
			}
			texts.appends[c.Value] = int32(i)
			if !slices.Contains(texts.lengths, len(c.Value)) {
				texts.lengths = append(texts.lengths, len(c.Value))
			}
		}
	}
	const unseen int32 = -2
	before, shownBy := make([]int32, len(p.at)), make([]int32, len(p.at)) // by position, of appends: what came before it, none at the front
	for i := range before {
		before[i], shownBy[i] = unseen, none
	}
	root := make(map[int32]string) // of appends at the front, the text that they were appended to
	seen := make([][]int32, len(p.at))
	reads := make([]string, len(p.at)) // what each read saw, as the value of a register
	for i := range p.at {
		c := p.call(int32(i))
		if c.Kind != Get {
			continue
		}
		found, ok := texts.compose(c)
		if !ok {
			return u, false, nil
		}
		if found == nil {
			v := p.object(ThinAir, int32(i), "no calls put it together")
			v.Expected, v.Class = "a text that was put and appended before its end", Garbage
			for k := range p.at { // what came too late for it
				if late := p.call(int32(k)); late.Begin > c.End && late.Value != "" && strings.Contains(c.Value, late.Value) {
					v.core(p, int32(k))
				}
			}
			return u, true, v
		}
		seen[i] = found.calls
		appends := found.calls[:len(found.calls)-1]
		for at, a := range appends {
			behind := none
			if at+1 < len(appends) {
				behind = appends[at+1]
			}
			if before[a] == unseen {
				before[a], shownBy[a] = behind, int32(i)
				if behind == none {
					root[a] = c.Value[:found.prefix]
				}
				continue
			}
			if before[a] != behind || behind == none && root[a] != c.Value[:found.prefix] {
				v := p.object(DisorderedList, int32(i), fmt.Sprintf("in %s it stands behind another text", p.name(shownBy[a])), shownBy[a])
				v.Expected = fmt.Sprintf("%q behind one text only", p.call(a).Value)
				v.core(p, withoutNone(slices.Concat(found.calls, seen[shownBy[a]]))...)
				return u, true, v
			}
		}
		reads[i] = value(c.Value)
		if len(appends) > 0 {
			reads[i] = appended(appends[0])
		}
	}
	u.part = part{history: p.history}
	if first != "" {
		first = value(first)
		u.initial = &first
	}
	for i := range p.at {
		c := *p.call(int32(i))
		switch {
		case c.Kind == Get:
			c.Value = reads[i]
		case c.Kind == Put:
			c.Value = value(c.Value)
		case c.Kind == Append && (c.Value == "" || c.Unknown && before[i] == unseen):
			continue
		case c.Kind == Append && before[i] == unseen:
			c.Kind, c.Value = Put, appended(int32(i))
		case c.Kind == Append:
			c.Kind, c.Value, c.Swapped, c.From = CompareAndSwap, appended(int32(i)), !c.Unknown, value(root[int32(i)])
			if before[i] != none {
				c.From = appended(before[i])
			}
		}
		u.as, u.at = append(u.as, c), append(u.at, p.at[i])
	}
	u.shownBy, u.seen = shownBy, seen
	return u, true, nil
}

// value is a text that no append made, as the value of a register.
func value(text string) string {
	if text == "" {
		return ""
	}
	return "=" + text
}

// appended is the text that an append left.
func appended(by int32) string { return "+" + strconv.Itoa(int(by)) }

func withoutNone(calls []int32) []int32 {
	return slices.DeleteFunc(calls, func(i int32) bool { return i == none })
}

// compose finds the one way in which what a read saw can have come about, nil when there is none; ok is false when there are
// several, or too many to try.
func (t *parser) compose(read *Call) (found *composition, ok bool) {
	t.found, t.calls, t.tries = nil, t.calls[:0], 4*len(read.Value)+64
	t.extend(read, len(read.Value))
	switch {
	case t.tries == 0 || len(t.found) > 1:
		return nil, false
	case len(t.found) == 0:
		return nil, true
	}
	return &t.found[0], true
}

// extend puts together the first so many bytes of what a read saw.
func (t *parser) extend(read *Call, length int) {
	if len(t.found) > 1 || t.tries == 0 {
		return
	}
	t.tries--
	text := read.Value[:length]
	put, wasPut := none, false
	if t.putLengths[length] {
		put, wasPut = t.puts[text]
		wasPut = wasPut && t.call(put).Begin <= read.End
	}
	if wasPut || t.bare[text] {
		if !wasPut {
			put = none
		}
		t.found = append(t.found, composition{append(slices.Clone(t.calls), put), length})
	}
	for _, n := range t.lengths {
		if n > length {
			continue
		}
		a, ok := t.appends[text[length-n:]]
		if !ok || t.used[a] || t.call(a).Begin > read.End {
			continue
		}
		t.used[a] = true
		t.calls = append(t.calls, a)
		t.extend(read, length-n)
		t.calls = t.calls[:len(t.calls)-1]
		delete(t.used, a)
	}
}

// appendings decides a text that calls append to, or cannot tell.
func (p part) appendings(initial *string) (Verdict, *CallViolation) {
	u, ok, v := p.unfold(initial)
	if v != nil {
		return Illegal, v
	}
	if !ok {
		return Unknown, nil
	}
	verdict, v := u.zones(ModelKV, u.initial)
	if v != nil {
		u.explain(p, v)
	}
	return verdict, v
}

// explain adds to the core of an objection why appends stand where they do: the reads that show it, and what made these up.
func (u *unfolded) explain(p part, v *CallViolation) {
	position := make(map[int]int32, len(p.at))
	for i, at := range p.at {
		position[int(at)] = int32(i)
	}
	for _, at := range slices.Clone(v.Core) {
		i := position[at]
		if by := u.shownBy[i]; by != none {
			v.core(p, by)
			v.core(p, withoutNone(slices.Clone(u.seen[by]))...)
		}
		v.core(p, withoutNone(slices.Clone(u.seen[i]))...)
	}
}
