package linearizability

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
)

// online judges keys while calls come in, and keeps of each key only what a later call can contradict.
type online struct {
	keys map[string]*keyState
	err  error // the first thing found
	// answered tells that something is known to have happened.
	answered bool
}

// A keyState is what is kept of one key.
type keyState struct {
	name  string
	done  []Call // answered, or of unknown outcome
	open  map[*Pending]bool
	due   int  // the number of kept calls at which they are judged again
	waits bool // for a moment in which its value can be told
}

// firstDue is how many calls of a key are gathered before they are judged.
const firstDue = 64

func (o *online) begin(p *Pending) *keyState {
	if o.keys == nil {
		o.keys = make(map[string]*keyState)
	}
	k := o.keys[p.call.Key]
	if k == nil {
		k = &keyState{name: p.call.Key, open: make(map[*Pending]bool), due: firstDue}
		o.keys[p.call.Key] = k
	}
	k.open[p] = true
	return k
}

func (o *online) end(r *Recorder, p *Pending) {
	k := p.key
	delete(k.open, p)
	if p.call.Kind == 0 || p.call.Kind == Get && p.call.Unknown {
		return
	}
	k.done = append(k.done, p.call)
	o.answered = o.answered || !p.call.Unknown
	switch {
	case o.err != nil:
	case len(k.done) >= k.due:
		o.err = k.judge(r)
	case k.waits && !k.observed():
		k.collapse(r)
	}
}

func (o *online) check(r *Recorder) error {
	names := make([]string, 0, len(o.keys))
	for name := range o.keys {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		if o.err == nil {
			o.err = o.keys[name].judge(r)
		}
	}
	return o.err
}

func (o *online) size() int {
	n := 0
	for _, k := range o.keys {
		n += len(k.done) + len(k.open)
	}
	return n
}

func (o *online) retained() []Call {
	var calls []Call
	for _, k := range o.keys {
		calls = append(calls, k.history()...)
	}
	slices.SortFunc(calls, func(a, b Call) int { return int(a.Begin - b.Begin) })
	return calls
}

// history is all that is kept of the key, with what is not answered yet.
func (k *keyState) history() []Call {
	calls := slices.Clone(k.done)
	for p := range k.open {
		calls = append(calls, p.call)
	}
	slices.SortFunc(calls, func(a, b Call) int { return int(a.Begin - b.Begin) })
	return calls
}

// judge decides what is kept of the key, and then forgets what is settled.
func (k *keyState) judge(r *Recorder) error {
	model := r.model()
	if model != ModelRegister && model != ModelKV {
		return fmt.Errorf("linearizability: expected model %q or %q to forget what is settled, found %q", ModelRegister, ModelKV, model)
	}
	ctx := context.Background()
	rec := &Recording{Name: "recorded", Model: model, Options: r.Options, Calls: k.history()}
	result := rec.Check(ctx, "", "", r.limits())
	switch {
	case result.Verdict == Illegal:
		return rec.illegal(ctx, result)
	case result.Verdict == Unknown && !errors.Is(result.Reason, ErrEmpty):
		return result.Err()
	case result.Verdict == Legal && !k.forgetClusters():
		k.waits = true
		if !k.observed() {
			k.collapse(r)
		}
	}
	k.due = max(firstDue, 2*len(k.done))
	most := r.Most
	if most == 0 {
		most = 100_000
	}
	if len(k.done) > most {
		return &LimitError{Limit: "operations", Max: fmt.Sprintf("%d kept of key %q, as calls on it that observe its value never pause", most, k.name)}
	}
	return nil
}

// observed tells that a call is under way that will say what it saw.
func (k *keyState) observed() bool {
	for p := range k.open {
		if p.call.Kind != Put && p.call.Kind != Append && p.call.Kind != Discard {
			return true
		}
	}
	return false
}

// A valueCluster is a write and the reads of its value.
type valueCluster struct {
	write   int   // -1 of what a key held at first
	calls   []int // all of them, in done
	guessed bool  // the write had no answer
}

// mark keeps of the cluster what can matter, given the begin of the last write that has ended for everybody.
func (v *valueCluster) mark(done []Call, keep []bool, latest int64, pending bool) {
	if len(v.calls) == 0 {
		return
	}
	earliest, begun, ended := v.calls[0], v.calls[0], v.calls[0]
	for _, i := range v.calls {
		if done[i].End < done[earliest].End {
			earliest = i
		}
		if done[i].Begin > done[begun].Begin {
			begun = i
		}
		if done[i].End > done[ended].End {
			ended = i
		}
	}
	if !pending && done[ended].End < latest {
		return
	}
	keep[earliest], keep[begun], keep[ended] = true, true, true
	if v.write >= 0 {
		keep[v.write] = true
	}
}

// forgetClusters forgets of a key with puts and gets only, of values that are written once, the values that are overwritten
// for good. It is false when the key is not such a one.
//
// All that matters of a value is when its first call ended and when its last one began (Gibbons and Korach 1997). A value can
// be forgotten when a write that began after all its calls ended has itself ended before any call that is still to be
// answered began: whatever contradicts the forgotten value later, contradicts that write too, as it lies between.
func (k *keyState) forgetClusters() bool {
	clusters := make(map[string]*valueCluster)
	for i := range k.done {
		if c := &k.done[i]; c.Kind == Put {
			if clusters[c.Value] != nil {
				return false
			}
			clusters[c.Value] = &valueCluster{write: i, calls: []int{i}}
		} else if c.Kind != Get {
			return false
		}
	}
	underWay := make(map[string]bool) // values
	answer := int64(math.MaxInt64)    // calls that are still to say what they saw began then or later
	for p := range k.open {
		switch p.call.Kind {
		case Put:
			if clusters[p.call.Value] != nil || underWay[p.call.Value] {
				return false
			}
			underWay[p.call.Value] = true
		case Get:
			answer = min(answer, p.call.Begin)
		default:
			return false
		}
	}
	keep := make([]bool, len(k.done))
	first := &valueCluster{write: -1} // what the key held at first
	for i := range k.done {
		c := &k.done[i]
		if c.Kind != Get {
			continue
		}
		at := clusters[c.Value]
		switch {
		case c.Found && underWay[c.Value]:
			keep[i] = true
		case !c.Found || at == nil:
			first.calls = append(first.calls, i)
		default:
			at.calls = append(at.calls, i)
			if w := &k.done[at.write]; w.Unknown || c.End < w.End && at.guessed {
				w.Unknown, w.End, at.guessed = false, c.End, true // it happened before the end of whoever saw it
			}
		}
	}
	latest := int64(-1) // the begin of the last write that ended in time
	for _, at := range clusters {
		if w := &k.done[at.write]; !w.Unknown && w.End < answer {
			latest = max(latest, w.Begin)
		}
	}
	for _, at := range clusters {
		at.mark(k.done, keep, latest, k.done[at.write].Unknown)
	}
	first.mark(k.done, keep, latest, false)
	kept := k.done[:0]
	for i, c := range k.done {
		if keep[i] {
			kept = append(kept, c)
		}
	}
	clear(k.done[len(kept):])
	k.done = kept
	return true
}

// collapse makes one write of all that is done, if that leaves one value only. No call is under way that observes the key;
// writes that are not answered may come before or after.
func (k *keyState) collapse(r *Recorder) {
	history := k.history()
	read := make(map[string]bool)
	last := int64(-1)
	for i := range history {
		switch c := &history[i]; {
		case c.Kind == Get && !c.Unknown:
			read[c.Value] = true
		case c.Kind == CompareAndSwap && !c.Unknown && c.Swapped:
			read[c.From] = true
			last = max(last, c.Begin)
		case !c.Unknown && c.Kind != Get && c.Kind != CompareAndSwap:
			last = max(last, c.Begin)
		}
	}
	// A write of unknown outcome that nobody must have seen may still come: it stays, and the value is what the others leave.
	var certain, pending []Call
	for _, c := range history {
		switch {
		case c.Unknown && c.End == Unfinished && (read[c.Value] || c.Kind == Append):
			return // it may have been seen, and is not forgotten while it is under way
		case c.Unknown && c.End == Unfinished:
		case c.Unknown && c.Kind != Append && !read[c.Value]:
			pending = append(pending, c)
		default:
			certain = append(certain, c)
		}
	}
	for i := 0; i < len(certain); {
		if !certain[i].Unknown {
			i++
			continue
		}
		without := slices.Delete(slices.Clone(certain), i, i+1)
		switch CheckCalls(context.Background(), r.model(), without, r.Options, r.limits()).Verdict {
		case Unknown:
			return
		case Legal:
			pending, certain = append(pending, certain[i]), without
		default:
			i++ // it was seen, and so it happened
		}
	}
	now := r.clock
	value, found, ok := k.only(r, certain, last, now)
	if !ok {
		return
	}
	k.done, k.waits, k.due = pending, false, max(firstDue, 2*len(pending))
	switch {
	case found:
		k.done = append(k.done, Call{Client: -1, Begin: now, End: now, Kind: Put, Key: k.name, Value: value})
	case r.Options.Initial != nil || len(pending)+len(k.open) > 0:
		k.done = append(k.done, Call{Client: -1, Begin: now, End: now, Kind: Discard, Key: k.name})
	}
}

// only is the one value that the calls can leave; ok is false when there are several, or when it was not found.
func (k *keyState) only(r *Recorder, certain []Call, last, now int64) (value string, found, ok bool) {
	model := r.model()
	type state struct {
		value string
		found bool
	}
	possible := []state{{}}
	if r.Options.Initial != nil {
		possible = []state{{*r.Options.Initial, true}}
	}
	appended := false
	for _, c := range certain {
		switch {
		case c.Kind == Append:
			appended = true
		case c.Kind == Get && c.Begin > last && model == ModelKV:
			possible = append(possible, state{c.Value, true})
		case c.Kind == Put && c.end() >= last || c.Kind == CompareAndSwap && (c.Swapped || c.Unknown) && c.end() >= last:
			possible = append(possible, state{c.Value, true})
		case c.Kind == Discard:
			possible = append(possible, state{})
		}
	}
	if appended && !slices.ContainsFunc(certain, func(c Call) bool {
		return c.Kind == Get && !slices.ContainsFunc(certain, func(w Call) bool { return w.Kind != Get && w.end() >= c.Begin })
	}) {
		return "", false, false // after an append, only a read behind all writes tells the value
	}
	slices.SortFunc(possible, func(a, b state) int {
		return cmp.Or(cmp.Compare(a.value, b.value), cmp.Compare(fmt.Sprint(a.found), fmt.Sprint(b.found)))
	})
	for _, s := range slices.Compact(possible) {
		if model == ModelKV {
			s.found = s.value != ""
		}
		test := append(slices.Clone(certain), Call{Client: -1, Begin: now, End: now, Kind: Get, Key: k.name, Value: s.value, Found: s.found})
		switch CheckCalls(context.Background(), model, test, r.Options, r.limits()).Verdict {
		case Legal:
			if ok {
				return "", false, false
			}
			value, found, ok = s.value, s.found, true
		case Unknown:
			return "", false, false
		}
	}
	return value, found, ok
}
