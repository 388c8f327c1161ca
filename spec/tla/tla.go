// Package tla holds the models as TLA+ modules, and what TLC found in them.
//
// The Go packages beside it are held against these files: they have the same actions and invariants under
// the same names, and must find the same number of distinct and generated states in every world.
//
// Use the Go package of the same name instead when a program checks or steps a model: the texts here are for TLC and for
// people.
package tla

import "embed"

// Modules has every module as a file, NAME.tla: what TLC needs in one folder.
//
//go:embed *.tla
var Modules embed.FS

// Volume is the normative module of the volume.
//
//go:embed Volume.tla
var Volume string

// Worlds is TLC's result for each named world of Volume, as tab-separated values with a header line.
//
//go:embed worlds.tsv
var Worlds string

// Bugs has, for each broken variant of Volume, a world in which TLC finds a violation and the invariant
// that it named.
//
//go:embed bugs.tsv
var Bugs string

// FurtherWorlds is as Worlds, for worlds with what those lack, and for every broken variant searched past its
// violations.
//
//go:embed worlds-further.tsv
var FurtherWorlds string

// TraceWorlds is TLC's result for worlds of VolumeTrace.
//
//go:embed worlds-trace.tsv
var TraceWorlds string

// TraceBugs is as Bugs, for the broken variants of VolumeTrace.
//
//go:embed bugs-trace.tsv
var TraceBugs string
