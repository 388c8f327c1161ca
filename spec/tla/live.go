package tla

import _ "embed"

// LiveWorlds is TLC's result for worlds of VolumeLive: whether Opens and Answers hold.
//
//go:embed worlds-live.tsv
var LiveWorlds string

// VolumeLive is the module of progress.
//
//go:embed VolumeLive.tla
var VolumeLive string
