// Package pool is the buffer pool of writers, readers and databases: values by key, in the order of their use. What was used
// longest ago goes first. It bounds nothing by itself, for only its owner knows what may go: a page with changes that are not
// durable has to stay, and so may more pages than there is room for.
//
// Not for a caller who wants a cache that evicts by itself: nothing leaves a Pool that its owner does not take out.
package pool

import "iter"

// A Pool holds values by key. It is for one goroutine.
type Pool[K comparable, V any] struct {
	frames map[K]*Frame[K, V]
	ends   Frame[K, V] // of the ring of all frames: the one used last is ends.next, the one used longest ago ends.prev
}

// A Frame holds one value. It stays in the pool while it is pinned.
type Frame[K comparable, V any] struct {
	Value      V
	key        K
	pins       int
	next, prev *Frame[K, V]
}

// New returns an empty pool.
func New[K comparable, V any]() *Pool[K, V] {
	p := &Pool[K, V]{frames: map[K]*Frame[K, V]{}}
	p.ends.next, p.ends.prev = &p.ends, &p.ends
	return p
}

// Len returns how many frames there are.
func (p *Pool[K, V]) Len() int { return len(p.frames) }

// Find returns the frame of a key, nil if the pool has none. Finding a frame does not count as its use.
func (p *Pool[K, V]) Find(k K) *Frame[K, V] { return p.frames[k] }

// Use makes f the frame used last. It must be in the pool.
func (p *Pool[K, V]) Use(f *Frame[K, V]) {
	f.unlink()
	p.link(f)
}

// Add puts a value into the pool, as the one used last, in the place of one of that key.
func (p *Pool[K, V]) Add(k K, v V) *Frame[K, V] {
	if old := p.frames[k]; old != nil {
		old.unlink()
	}
	f := &Frame[K, V]{Value: v, key: k}
	p.frames[k] = f
	p.link(f)
	return f
}

// Shrink gives frames back until there are no more than most, and returns how many: first the one used longest ago, of those
// that are not pinned and whose value may go.
func (p *Pool[K, V]) Shrink(most int, may func(V) bool) int {
	before := len(p.frames)
	for f := p.ends.prev; len(p.frames) > most && f != &p.ends; {
		victim := f
		f = f.prev
		if victim.pins > 0 || !may(victim.Value) {
			continue
		}
		victim.unlink()
		delete(p.frames, victim.key)
	}
	return before - len(p.frames)
}

// All yields the values, the one used last first.
func (p *Pool[K, V]) All() iter.Seq[V] {
	return func(yield func(V) bool) {
		for f := p.ends.next; f != &p.ends; f = f.next {
			if !yield(f.Value) {
				return
			}
		}
	}
}

// Pin keeps the frame in the pool until Unpin was called as often.
func (f *Frame[K, V]) Pin() { f.pins++ }

// Unpin takes back one Pin.
func (f *Frame[K, V]) Unpin() {
	if f.pins == 0 {
		panic("a frame that is not pinned was unpinned")
	}
	f.pins--
}

// Pinned tells whether the frame is pinned.
func (f *Frame[K, V]) Pinned() bool { return f.pins > 0 }

func (f *Frame[K, V]) unlink() { f.prev.next, f.next.prev = f.next, f.prev }

func (p *Pool[K, V]) link(f *Frame[K, V]) {
	f.prev, f.next = &p.ends, p.ends.next
	f.prev.next, f.next.prev = f, f
}
