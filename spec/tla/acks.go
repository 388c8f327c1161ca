package tla

import _ "embed"

// AckWorlds is TLC's result for worlds of VolumeAcks.
//
//go:embed worlds-acks.tsv
var AckWorlds string

// AckBugs is as Bugs, for the broken variants of VolumeAcks.
//
//go:embed bugs-acks.tsv
var AckBugs string
