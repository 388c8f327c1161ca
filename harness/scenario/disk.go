package scenario

import (
	"fmt"
	"slices"

	"github.com/firstgap/firstgap/impl/node"
)

// A disk completes everything at once, and loses what was not synced.
type disk struct {
	files    []node.File
	unsynced []node.Effect // appends, in their order
	held     bool          // it does nothing
	waiting  []node.Effect // while it is held, in their order
}

// wait takes what a disk that is held has to do later.
func (d *disk) wait(e *node.Effect) {
	later := *e
	later.Data = slices.Clone(e.Data)
	d.waiting = append(d.waiting, later)
}

// crash loses what was not synced. The disk of a process that starts again is held no more.
func (d *disk) crash() { d.unsynced, d.held, d.waiting = nil, false, nil }

// copied returns files with bytes of their own.
func copied(files []node.File) []node.File {
	all := slices.Clone(files)
	for i := range all {
		all[i].Data = slices.Clone(all[i].Data)
	}
	return all
}

// do carries out one effect and returns the completion that the node is to get, or nil for one that has none.
func (d *disk) do(e *node.Effect) (*node.Event, error) {
	done := &node.Event{Kind: node.DiskDone, Token: e.Token}
	switch e.Kind {
	case node.DoAppend:
		d.unsynced = append(d.unsynced, node.Effect{File: e.File, Data: slices.Clone(e.Data)})
		return nil, nil
	case node.DoSync:
		for _, a := range d.unsynced {
			f := d.file(a.File)
			f.Data = append(f.Data, a.Data...)
		}
		d.unsynced = nil
	case node.DoReplace:
		d.file(e.File).Data = slices.Clone(e.Data)
	case node.DoRead:
		data := slices.Clone(d.file(e.File).Data)
		for _, a := range d.unsynced {
			if a.File == e.File {
				data = append(data, a.Data...)
			}
		}
		from := min(max(e.From, 0), len(data))
		done.Data = data[from:min(from+max(e.Size, 0), len(data))]
	default:
		return nil, fmt.Errorf("expected an effect of package node, found one of kind %d", e.Kind)
	}
	return done, nil
}

// file returns the file of a name, an empty one where there was none.
func (d *disk) file(name string) *node.File {
	for i := range d.files {
		if d.files[i].Name == name {
			return &d.files[i]
		}
	}
	d.files = append(d.files, node.File{Name: name})
	return &d.files[len(d.files)-1]
}
