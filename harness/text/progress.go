package text

import (
	"fmt"
	"io"
	"sync"
	"time"
)

// A Progress shows how far work is. On a terminal it is one line, which each new one overwrites and End clears, so that it
// never stands among what is printed afterwards. Elsewhere it is a line every few seconds. It may be used from many
// goroutines.
type Progress struct {
	mu       sync.Mutex
	w        io.Writer
	terminal bool
	width    func() int // of the terminal now; 0 when it does not say
	now      func() time.Time
	next     time.Time // no line is shown before
	shown    bool      // there is a line on the terminal
	ended    bool
}

// How often progress is shown: on a terminal, and in a file or a pipe.
const (
	oftenShown  = time.Second / 4
	seldomShown = 5 * time.Second
)

// NewProgress returns the progress of work that begins now. now is the clock: time.Now but in tests.
func NewProgress(w io.Writer, now func() time.Time) *Progress {
	p := &Progress{w: w, now: now, width: func() int { return 0 }}
	if t := TerminalOf(w); t != nil {
		p.terminal = true
		p.width = func() int { width, _ := t.Size(); return width }
	}
	if !p.terminal {
		p.next = now().Add(seldomShown)
	}
	return p
}

// Every is how often a line can be shown.
func (p *Progress) Every() time.Duration {
	if p.terminal {
		return oftenShown
	}
	return seldomShown
}

// Show shows a line, unless another was shown just before or the work has ended.
func (p *Progress) Show(line string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if now := p.now(); !p.ended && !now.Before(p.next) {
		p.next = now.Add(p.Every())
		p.write(line)
	}
}

// Milestone shows a line that is to be kept where lines are kept, however short the time since the one before.
func (p *Progress) Milestone(line string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.ended {
		p.write(line)
	}
}

func (p *Progress) write(line string) {
	if !p.terminal {
		fmt.Fprintln(p.w, line)
		return
	}
	if width := p.width(); width > 0 {
		line = Short(line, width-1) // a longer one would go on in a second line, which nothing clears
	}
	fmt.Fprintf(p.w, "\r\x1b[K%s", line)
	p.shown = true
}

// End clears the line. Nothing is shown after it.
func (p *Progress) End() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.shown {
		fmt.Fprint(p.w, "\r\x1b[K")
	}
	p.shown, p.ended = false, true
}
