package text

import (
	"bytes"
	"io"
	"os"
	"strconv"

	"golang.org/x/term"
)

// A Screen is a place that is written to.
type Screen struct {
	io.Writer
	Width  int  // in characters; 0 where there is no limit
	Colour bool // whether it shows colours
}

// On returns the screen of a writer: the writer itself when it is one. A file is as wide as $COLUMNS says, or else as its
// terminal is, and shows colours when it is a terminal and $NO_COLOR is unset or empty. Anything else has no limit and no
// colours.
func On(w io.Writer) *Screen {
	if s, ok := w.(*Screen); ok {
		return s
	}
	f, ok := w.(*os.File)
	if !ok {
		return &Screen{Writer: w}
	}
	width, terminal := 0, term.IsTerminal(int(f.Fd()))
	if terminal {
		width, _, _ = term.GetSize(int(f.Fd()))
	}
	return screen(w, terminal, width, os.Getenv)
}

// screen is On with what the machine says given to it.
func screen(w io.Writer, terminal bool, width int, env func(string) string) *Screen {
	if n, err := strconv.Atoi(env("COLUMNS")); err == nil && n > 0 {
		width = n
	}
	return &Screen{Writer: w, Width: width, Colour: terminal && env("NO_COLOR") == ""}
}

// A Mark says what text tells, so that a screen with colours shows it in one. The zero Mark is Plain.
type Mark uint8

// The marks: a verdict is one of the last three.
const (
	Plain  Mark = iota
	Good        // green
	Bad         // red
	Unsure      // yellow
)

// Paint returns s in the colour of the mark where the screen shows colours.
func (s *Screen) Paint(m Mark, text string) string {
	if !s.Colour || m == Plain || text == "" {
		return text
	}
	return map[Mark]string{Good: "\x1b[32m", Bad: "\x1b[31m", Unsure: "\x1b[33m"}[m] + text + "\x1b[0m"
}

// Folded gives write a buffer, and writes what it wrote there with its lines folded to the width.
func (s *Screen) Folded(write func(io.Writer) error) error {
	var b bytes.Buffer
	err := write(&b)
	if _, broken := io.WriteString(s.Writer, Fold(b.String(), s.Width)); err == nil {
		err = broken
	}
	return err
}
