package text

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"

	"golang.org/x/term"
)

// A Terminal is a place where what was written can be overwritten.
type Terminal struct {
	io.Writer
	// Size says how wide and high it is now, in characters; 0 where it does not say.
	Size   func() (width, height int)
	Colour bool // whether it shows colours
}

// TerminalOf returns the terminal that a writer is, nil where it is none, or one that only prints ($TERM is "dumb").
func TerminalOf(w io.Writer) *Terminal {
	f, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) || os.Getenv("TERM") == "dumb" {
		return nil
	}
	return &Terminal{
		Writer: f,
		Size:   func() (int, int) { width, height, _ := term.GetSize(int(f.Fd())); return width, height },
		Colour: os.Getenv("NO_COLOR") == "",
	}
}

// A Panel is some lines at the end of what a terminal shows, which each drawing overwrites in one write, and without clearing what stays,
// so that nothing flickers. It may be used from many goroutines.
type Panel struct {
	mu    sync.Mutex
	to    *Terminal
	lines []string // that are drawn
	width int      // of the terminal when they were
}

// NewPanel returns a panel of no lines.
func NewPanel(to *Terminal) *Panel { return &Panel{to: to} }

// Screen is where lines for the panel are laid out: as wide as the terminal is now, but for the last column, since some terminals begin a
// line of their own behind it.
func (p *Panel) Screen(w io.Writer) *Screen {
	width, _ := p.to.Size()
	return &Screen{Writer: w, Width: max(width-1, 0), Colour: p.to.Colour}
}

// Draw draws the lines in the place of those before. What is wider than the terminal is cut, and so are lines that it has no rows for: those
// that scroll out of it could not be overwritten.
func (p *Panel) Draw(lines []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.draw("", lines)
}

// Above puts a line above the panel, to stay there.
func (p *Panel) Above(line string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.draw(line+"\x1b[K\n", p.lines)
}

func (p *Panel) draw(before string, lines []string) {
	width, height := p.to.Size()
	var frame strings.Builder
	if up := p.rows(width, height); up > 0 {
		fmt.Fprintf(&frame, "\x1b[%dA", up)
	}
	frame.WriteString("\r" + before)
	if height > 1 && len(lines) > height-1 {
		lines = lines[:height-1]
	}
	p.lines, p.width = nil, width
	for _, line := range lines {
		if width > 1 {
			line = clip(line, width-1)
		}
		p.lines = append(p.lines, line)
		frame.WriteString(line + "\x1b[K\n")
	}
	frame.WriteString("\x1b[J")
	io.WriteString(p.to, frame.String())
}

// rows says how many rows the lines take that were drawn. A terminal that became narrower has broken some of them.
func (p *Panel) rows(width, height int) int {
	if width <= 0 || width >= p.width {
		return len(p.lines)
	}
	rows := 0
	for _, line := range p.lines {
		rows += max((shown(line)+width-1)/width, 1)
	}
	if height > 1 {
		rows = min(rows, height-1)
	}
	return rows
}

// shown counts the characters of a line that take room, not those that set colours.
func shown(line string) int {
	n := 0
	each(line, func(_ string, room bool) bool {
		if room {
			n++
		}
		return true
	})
	return n
}

// clip cuts a line to a width. Colours that it sets end with it.
func clip(line string, width int) string {
	if shown(line) <= width {
		return line
	}
	var b strings.Builder
	left, coloured := width-1, false
	each(line, func(part string, room bool) bool {
		if room {
			left--
		} else {
			coloured = true
		}
		if left >= 0 {
			b.WriteString(part)
		}
		return left >= 0
	})
	b.WriteString(ellipsis)
	if coloured {
		b.WriteString("\x1b[0m")
	}
	return b.String()
}

// each yields the characters of a line, and what sets a colour as a whole, which takes no room.
func each(line string, yield func(part string, room bool) bool) {
	for line != "" {
		n := len(line)
		room := !strings.HasPrefix(line, "\x1b[")
		if room {
			for i := range line {
				if i > 0 {
					n = i
					break
				}
			}
		} else if end := strings.IndexByte(line, 'm'); end >= 0 {
			n = end + 1
		}
		if !yield(line[:n], room) {
			return
		}
		line = line[n:]
	}
}
