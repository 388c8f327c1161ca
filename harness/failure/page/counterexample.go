package page

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/firstgap/firstgap/harness/failure/why"
	"github.com/firstgap/firstgap/spec/check"
)

// OfBehaviour returns the page of a behaviour of a model: a counterexample, or a walk. Its lanes are the parts of the state, each with what
// it is from which step on; the last step of a counterexample is the bad one.
func OfBehaviour(b check.Behaviour) *Page {
	f := &Film{Title: "The behaviour", Unit: "step", Wide: true, Whole: true}
	lanes := f.lanesOf(&b)
	open := map[int]int{} // by lane: its band that has not ended
	set := func(step uint64, name, value string) int {
		lane := lanes[name]
		if at, is := open[lane]; is {
			f.Bands[at].To = step
			delete(open, lane)
		}
		if value != "" {
			open[lane] = len(f.Bands)
			f.Bands = append(f.Bands, Band{Lane: lane, From: step, Kind: "operation", Words: value})
		}
		f.Model = append(f.Model, State{Moment: step, Lane: lane, Field: "is", Value: value})
		return lane
	}
	f.Moments = append(f.Moments, Moment{Number: 0, Lane: -1, From: -1, Kind: "initial", Weight: Told, Words: "the initial state"})
	for _, v := range b.Initial {
		set(0, v.Name, v.Value)
	}
	about := About{Verdict: "pass", Again: []string{"firstgap check " + b.Model + " --page FILE"}}
	for i, s := range b.Steps {
		number := uint64(i) + 1
		m := Moment{Number: number, Lane: -1, From: -1, Kind: "step", Cause: number - 1, Weight: Linked}
		words := []string{s.Action}
		for k, c := range s.Changes {
			lane := set(number, c.Var, c.To)
			if k == 0 {
				m.Lane = lane
			}
			switch {
			case c.From == "":
				words = append(words, fmt.Sprintf("%s = %s", c.Var, c.To))
			case c.To == "":
				words = append(words, fmt.Sprintf("%s: no longer %s", c.Var, c.From))
			default:
				words = append(words, fmt.Sprintf("%s: %s, was %s", c.Var, c.To, c.From))
			}
		}
		m.Words = words[0]
		if len(words) > 1 {
			m.Words += ": " + strings.Join(words[1:], "; ")
		}
		f.Moments = append(f.Moments, m)
		if i < mostSteps {
			about.Chain = append(about.Chain, why.Link{Event: number, Words: m.Words, From: number - 1})
		}
	}
	about.Headline = fmt.Sprintf("A behaviour of the model %s: %d steps", b.Model, len(b.Steps))
	if b.Invariant != "" {
		f.Bad = uint64(len(b.Steps))
		about.Verdict = "violation"
		about.Headline = fmt.Sprintf("%s does not hold after %d steps of the model %s", b.Invariant, len(b.Steps), b.Model)
		about.Rule = why.Rule{Text: b.Guarantee, Source: fmt.Sprintf("the model %s, %s", b.Model, b.Invariant)}
		if n := len(b.Steps); n > 0 {
			about.Happened = b.Steps[n-1].Action
		}
	}
	if b.Loop != nil && b.Invariant != "" {
		about.Headline = fmt.Sprintf("%s is never met: the last step leads back to the state after step %d, and so on forever", b.Invariant, *b.Loop)
		f.Bands = append(f.Bands, Band{Lane: -1, From: uint64(*b.Loop), Kind: "cut", Words: "this repeats forever"})
	}
	about.Name = about.Headline
	about.Facts = []string{"model " + b.Model, b.Origin, "world " + worldOf(&b)}
	return New(f, about)
}

// worldOf says the constants of a behaviour's model on one line.
func worldOf(b *check.Behaviour) string {
	text, err := json.Marshal(b.World)
	if err != nil {
		return err.Error()
	}
	return clip(strings.NewReplacer(`"`, "", ",", ", ", ":", " ", "{", "", "}", "").Replace(string(text)), mostText)
}

// lanesOf gives every part of the state that a behaviour names a lane, those of one name beside each other: log[1][1], log[1][2].
func (f *Film) lanesOf(b *check.Behaviour) map[string]int {
	first := map[string]int{} // by kind: when it was first named
	seen := map[string]bool{}
	add := func(name string) {
		if seen[name] {
			return
		}
		seen[name] = true
		kind, _, _ := strings.Cut(name, "[")
		kind = strings.TrimRight(kind, "0123456789 ")
		if _, known := first[kind]; !known {
			first[kind] = len(first)
		}
		f.Lanes = append(f.Lanes, Lane{Name: name, Kind: kind})
	}
	for _, v := range b.Initial {
		add(v.Name)
	}
	for _, s := range b.Steps {
		for _, c := range s.Changes {
			add(c.Var)
		}
	}
	slices.SortStableFunc(f.Lanes, func(x, y Lane) int { return cmp.Or(cmp.Compare(first[x.Kind], first[y.Kind]), natural(x.Name, y.Name)) })
	lanes := map[string]int{}
	for i, l := range f.Lanes {
		lanes[l.Name] = i
	}
	return lanes
}

// mostSteps bounds the list of steps above the film, which has all of them.
const mostSteps = 60
