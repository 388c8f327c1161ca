// Package text writes for people: numbers, lines and tables that fit the terminal, progress on a line of its own.
//
// A Screen says how wide the place is that is written to, and whether it shows colours. On finds out about a writer: a
// terminal has a width and, unless NO_COLOR is set, colours; a pipe or a file has neither, so that what is read by programs
// does not depend on who looks on. Everything that this package wraps is wrapped between words, and no number is cut.
//
// Use package report instead when a program reads what is written: nothing here is a format.
package text
