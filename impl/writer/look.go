package writer

import (
	"slices"

	"github.com/firstgap/firstgap/impl/node"
)

// Knowledge is what a writer knows of its volume at a moment.
type Knowledge struct {
	History  node.History   // of its own line; nil before it has decided where to cut
	First    node.LSN       // of Log
	Log      []*node.Record // from First to the last LSN that it gave, or kept; nil where it has not loaded one yet
	VCL, VDL node.LSN
	Groups   []KnownGroup // in use
}

// A KnownGroup is what a writer knows of one protection group.
type KnownGroup struct {
	PGCL     node.LSN // up to which a write quorum is complete, as far as it has heard
	Replicas []KnownReplica
}

// A KnownReplica is what a writer knows of one segment.
type KnownReplica struct {
	Joined bool         // it follows this writer's log
	SCL    node.LSN     // that it has acknowledged to this writer
	Answer *node.Fenced // to the fence, nil when it has not come
}

// Knowledge returns what the writer knows now. Later steps of the writer do not change it.
func (w *Writer) Knowledge() Knowledge {
	k := Knowledge{History: w.history, First: w.first, Log: slices.Clone(w.log), VCL: w.vcl, VDL: w.vdl}
	for i := range w.groups {
		g := &w.groups[i]
		known := KnownGroup{PGCL: w.pgcl(g)}
		for r := range g.replicas {
			known.Replicas = append(known.Replicas, KnownReplica{g.replicas[r].joined, g.replicas[r].scl, w.answers[i][r]})
		}
		k.Groups = append(k.Groups, known)
	}
	return k
}
