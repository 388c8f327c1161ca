// Package rebuild computes and simulates the repair of a lost host: how long it takes until every piece of data that it
// held is on another host again. It takes as long as the largest load on any one link. So one host that takes over everything waits
// for its own link, and a hundred hosts that take over a piece each from a hundred others are done in a hundredth of the
// time: the reason for small segments that are spread wide (SIGMOD 2017 §2.2).
//
// Use package spec/placement instead when an architect asks which failures a placement survives and not how long a
// repair takes.
package rebuild

import (
	"fmt"
	"math"
	"slices"
	"time"
)

// A Shape is what was lost and who repairs it: piece i is read from source i mod Sources and goes to destination
// i mod Destinations. No host is both, and each has one link, in and out, of Bandwidth.
type Shape struct {
	Pieces       int   `json:"pieces"`
	PieceBytes   int64 `json:"pieceBytes"`
	Sources      int   `json:"sources"`
	Destinations int   `json:"destinations"`
	Bandwidth    int64 `json:"bandwidth"` // bytes a second
}

// Limits of a shape: what a table can say, and a load that fits its number.
const (
	MaxPieces = 100_000
	MaxHosts  = 10_000
	maxBytes  = 1 << 42 // of a piece
)

// A ShapeError says which value of a shape makes no sense.
type ShapeError struct {
	Field string
	Found int64
	Most  int64
}

func (e *ShapeError) Error() string {
	return fmt.Sprintf("%s is %d; expected 1 to %d", e.Field, e.Found, e.Most)
}

// Validate refuses, with a *ShapeError, what no host could repair.
func (s Shape) Validate() error {
	for _, f := range []ShapeError{
		{"pieces", int64(s.Pieces), MaxPieces},
		{"bytes of a piece", s.PieceBytes, maxBytes},
		{"source hosts", int64(s.Sources), MaxHosts},
		{"destination hosts", int64(s.Destinations), MaxHosts},
		{"bandwidth in bytes a second", s.Bandwidth, math.MaxInt64},
	} {
		if f.Found < 1 || f.Found > f.Most {
			return &f
		}
	}
	return nil
}

// Load returns the largest load on any one link, in bytes: what a source sends, or a destination receives.
func (s Shape) Load() int64 {
	out, in := make([]int64, s.Sources), make([]int64, s.Destinations)
	for i := range s.Pieces {
		out[i%s.Sources] += s.PieceBytes
		in[i%s.Destinations] += s.PieceBytes
	}
	return max(slices.Max(out), slices.Max(in))
}

// Time returns how long the repair takes, by calculation.
func (s Shape) Time() time.Duration {
	return time.Duration(float64(s.Load()) / float64(s.Bandwidth) * float64(time.Second))
}

// The units of the lecture are decimal.
const (
	gigabyte = 1_000_000_000
	gigabit  = gigabyte / 8
)

// GB and Gbit return bytes, and bytes a second.
func GB(n float64) int64   { return int64(n * gigabyte) }
func Gbit(n float64) int64 { return int64(n * gigabit) }

// Lecture returns the lecture's cases: 10 TB from one host to one other; 1 TB in a hundred pieces the same way; and each
// of the hundred from a host of its own to a host of its own.
func Lecture() []Shape {
	return []Shape{
		{Pieces: 1000, PieceBytes: GB(10), Sources: 1, Destinations: 1, Bandwidth: Gbit(10)},
		{Pieces: 100, PieceBytes: GB(10), Sources: 1, Destinations: 1, Bandwidth: Gbit(10)},
		{Pieces: 100, PieceBytes: GB(10), Sources: 100, Destinations: 1, Bandwidth: Gbit(10)},
		{Pieces: 100, PieceBytes: GB(10), Sources: 100, Destinations: 100, Bandwidth: Gbit(10)},
		{Pieces: 1000, PieceBytes: GB(10), Sources: 100, Destinations: 100, Bandwidth: Gbit(10)},
	}
}

// The small scale, at which a repair is really made.
const (
	smallPieces    = 20
	smallPages     = 12        // of a piece
	smallPage      = 4 << 10   // bytes
	smallBandwidth = 1_000_000 // bytes a second
)

// Small returns the shape that stands for s in the simulator: fewer and smaller pieces, and as many fewer hosts.
func (s Shape) Small() Shape {
	by := max(1, (s.Pieces+smallPieces-1)/smallPieces)
	shrink := func(n int) int { return max(1, min(n, s.Pieces)/by) }
	return Shape{Pieces: max(1, s.Pieces/by), PieceBytes: smallPages * smallPage, Sources: shrink(s.Sources), Destinations: shrink(s.Destinations), Bandwidth: smallBandwidth}
}
