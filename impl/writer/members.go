package writer

import "github.com/firstgap/firstgap/impl/node"

// adopt goes by a geometry from now on: that which the writer learnt with its epoch, or one that it asked for and that is
// durable.
func (w *Writer) adopt(g node.Geometry) {
	w.geometry = g
	for i, m := range g.Groups {
		if i == len(w.groups) {
			w.addGroup(m)
		}
		w.groups[i].members = m
	}
}
