package linearizability

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"sync"
)

// A Recorder records what a test's clients ask and are answered, and judges it. The zero Recorder is ready for a key-value
// store of single calls. All methods may be called by many goroutines.
//
// Each call is announced before it is sent, by a method such as Put, and ended when its answer is there:
//
//	put := recorder.Put("x", "1")
//	put.Done(store.Put("x", "1"))
//
// What is never ended has an unknown outcome. The clock is the order in which the methods are called, which is finer than a
// real one and never ties.
type Recorder struct {
	Model   Model   // empty is ModelRegister
	Options Options // Initial only
	Limits  Limits  // of every check; the zero value is FileLimits
	// Forget judges while the recording goes on, and forgets what no later call can contradict, so that a long run needs no
	// more memory than a short one: per key a few calls, and one for each write whose outcome stays unknown. It is for
	// ModelRegister and ModelKV. A key on which compare-and-swaps, appends or deletes never pause is kept whole; beyond
	// Most calls it can then not be told.
	Forget bool
	// Most is how many calls are kept at most of one key that is forgotten; 0 is 100,000.
	Most int

	mu     sync.Mutex
	clock  int64
	client int
	calls  []Call // without Forget
	online online // with it
}

// A Pending is a call that was not answered yet. One of its methods ends it; the first counts.
type Pending struct {
	recorder *Recorder
	call     Call
	at       int       // in the recorder's calls
	key      *keyState // with Forget
	ended    bool
}

// Begin announces any call of the model: its kind, key, value and from are used.
func (r *Recorder) Begin(c Call) *Pending {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.clock++
	c = Call{Client: r.client, Begin: r.clock, End: Unfinished, Kind: c.Kind, Unknown: true, Key: c.Key, Value: c.Value, From: c.From}
	r.client++
	p := &Pending{recorder: r, call: c}
	if r.Forget {
		p.key = r.online.begin(p)
		return p
	}
	p.at = len(r.calls)
	r.calls = append(r.calls, c)
	return p
}

// Get announces a read.
func (r *Recorder) Get(key string) *Pending { return r.Begin(Call{Kind: Get, Key: key}) }

// Put announces a write.
func (r *Recorder) Put(key, value string) *Pending {
	return r.Begin(Call{Kind: Put, Key: key, Value: value})
}

// Append announces that a text goes behind the value of a key (ModelKV), or an element to the end of a list (ModelList).
func (r *Recorder) Append(key, value string) *Pending {
	return r.Begin(Call{Kind: Append, Key: key, Value: value})
}

// Delete announces that a key is to have no value.
func (r *Recorder) Delete(key string) *Pending { return r.Begin(Call{Kind: Discard, Key: key}) }

// CompareAndSwap announces that a value is to replace another one, if that is there.
func (r *Recorder) CompareAndSwap(key, from, value string) *Pending {
	return r.Begin(Call{Kind: CompareAndSwap, Key: key, From: from, Value: value})
}

// Done ends a call that answers nothing but whether it was done. With an error its outcome is unknown: a timeout does not tell.
// See Failed for an error that does.
func (p *Pending) Done(err error) {
	p.end(func(c *Call) { c.Unknown = err != nil })
}

// Saw ends a Get or a Dequeue with what it found. With an error it says nothing.
func (p *Pending) Saw(value string, found bool, err error) {
	p.end(func(c *Call) {
		if c.Unknown = err != nil; !c.Unknown && found {
			c.Found, c.Value = true, value
		}
	})
}

// SawAll ends a Get of a list or set.
func (p *Pending) SawAll(elements []string, err error) {
	p.end(func(c *Call) {
		if c.Unknown = err != nil; !c.Unknown {
			c.Elements = append([]string{}, elements...)
		}
	})
}

// Swapped ends a compare-and-swap: whether the expected value was there. With an error its outcome is unknown.
func (p *Pending) Swapped(swapped bool, err error) {
	p.end(func(c *Call) { c.Unknown, c.Swapped = err != nil, err == nil && swapped })
}

// Failed ends a call that certainly did not happen and never will.
func (p *Pending) Failed() {
	p.end(func(c *Call) { c.Kind = 0 })
}

func (p *Pending) end(answer func(*Call)) {
	r := p.recorder
	r.mu.Lock()
	defer r.mu.Unlock()
	if p.ended {
		return
	}
	p.ended = true
	r.clock++
	p.call.End = r.clock
	answer(&p.call)
	if p.key != nil {
		r.online.end(r, p)
		return
	}
	r.calls[p.at] = p.call
}

// Recording is what was recorded so far. With Forget it lacks what was forgotten.
func (r *Recorder) Recording() *Recording {
	r.mu.Lock()
	defer r.mu.Unlock()
	rec := &Recording{Name: "recorded", Model: r.model(), Options: r.Options}
	calls := r.calls
	if r.Forget {
		calls = r.online.retained()
	}
	for _, c := range calls {
		if c.Kind == 0 {
			continue
		}
		if c.End == Unfinished {
			rec.Pending++
		}
		rec.Calls = append(rec.Calls, c)
	}
	return rec
}

func (r *Recorder) model() Model { return cmp.Or(r.Model, ModelRegister) }

func (r *Recorder) limits() Limits {
	if r.Limits == (Limits{}) {
		return FileLimits()
	}
	return r.Limits
}

// Retained is how many calls the recorder holds.
func (r *Recorder) Retained() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.Forget {
		return len(r.calls)
	}
	return r.online.size()
}

// Check judges what was recorded so far. It is nil when that is linearizable, an *IllegalError when it is not, and another error
// when it could not be told. With Forget, what was found before stays found.
func (r *Recorder) Check(ctx context.Context) error {
	if r.Forget {
		r.mu.Lock()
		defer r.mu.Unlock()
		if err := r.online.check(r); err != nil {
			return err
		}
		if !r.online.answered {
			return ErrEmpty
		}
		return nil
	}
	rec := r.Recording()
	result := rec.Check(ctx, "", "", r.limits())
	if result.Verdict == Illegal {
		return rec.illegal(ctx, result)
	}
	return result.Err()
}

// Report is all that can be said of what was recorded so far, such as its page, see FileResult.Draw.
func (r *Recorder) Report(ctx context.Context) FileResult {
	return r.Recording().Report(ctx, Request{Limits: r.limits()})
}

// An IllegalError says which calls contradict each other.
type IllegalError struct {
	Explanation Explanation
	Core        []CoreOperation // the operations of the explanation
}

func (e *IllegalError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n%s", e.Explanation.Violation, coreSays(e.Explanation.Minimal, len(e.Core)))
	for i, op := range e.Core[:min(len(e.Core), maxCoreLines)] {
		fmt.Fprintf(&b, "\n  %d. %s", i+1, op)
	}
	if more := len(e.Core) - maxCoreLines; more > 0 {
		fmt.Fprintf(&b, "\n  and %d more", more)
	}
	return b.String()
}

// Unwrap is the objection itself.
func (e *IllegalError) Unwrap() error { return e.Explanation.Violation }

// illegal explains an illegal history.
func (r *Recording) illegal(ctx context.Context, result Result) error {
	x, err := r.Explain(ctx, "", "", result, Limits{Steps: explainSteps})
	if err != nil {
		return result.Err()
	}
	return &IllegalError{Explanation: x, Core: r.core(x)}
}
