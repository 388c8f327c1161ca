// Package block is block storage, as the designs before Aurora use it: a disk in the instance itself, and a disk behind
// the network that two servers of one zone hold as a chain, with a manager that says who may use it. It knows positions,
// blocks and bytes, and nothing of what they mean: that is what makes it general, and what makes it need whole pages.
//
// Use package segment instead when the storage is to apply the log by itself: a database then sends no page.
package block

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/firstgap/firstgap/impl/node"
)

const (
	logFile     = "log"
	blockPrefix = "block-"
	logHeader   = 8 // bytes: the position of what follows
)

// A store is one disk: a log area, of which only the end is kept, and a page area of numbered blocks. Its memory is
// ahead of the disk by what has not completed.
type store struct {
	base   uint64
	log    []byte
	blocks map[uint32][]byte
	token  node.Token // of the last disk operation
}

// A GapError says that a write of the log would leave a hole in it.
type GapError struct {
	At, Base, End uint64
}

func (e *GapError) Error() string {
	return fmt.Sprintf("log area: expected a write from %d to %d, found one at %d", e.Base, e.End, e.At)
}

func (s *store) end() uint64 { return s.base + uint64(len(s.log)) }

// load reads what a disk holds. It tells whether there was anything, and fails on files that no store wrote.
func (s *store) load(files []node.File) (bool, error) {
	s.blocks = map[uint32][]byte{}
	found := false
	for _, f := range files {
		switch number, isBlock := strings.CutPrefix(f.Name, blockPrefix); {
		case f.Name == logFile:
			if len(f.Data) < logHeader {
				return true, fmt.Errorf("log area: expected at least %d bytes, found %d", logHeader, len(f.Data))
			}
			s.base, s.log, found = binary.LittleEndian.Uint64(f.Data), slices.Clone(f.Data[logHeader:]), true
		case isBlock:
			n, err := strconv.ParseUint(number, 10, 32)
			if err != nil {
				return true, fmt.Errorf("page area: expected a block's number, found %q", f.Name)
			}
			s.blocks[uint32(n)], found = f.Data, true
		}
	}
	return found, nil
}

// write makes a write, and returns the token with which it completes: zero when there is nothing to wait for.
func (s *store) write(w *node.DiskWrite, out *node.Effects) (node.Token, error) {
	last := node.Token(0)
	base := max(s.base, min(w.Base, s.end()))
	if w.Writes {
		if w.LogAt < s.base || w.LogAt > s.end() {
			return 0, &GapError{At: w.LogAt, Base: s.base, End: s.end()}
		}
		behind := w.LogAt < s.end()
		s.log = append(s.log[:w.LogAt-s.base:w.LogAt-s.base], w.Log...)
		if base > s.base || behind {
			last = s.rewrite(base, out)
		} else if len(w.Log) > 0 {
			s.token++
			last = s.token
			out.Append(logFile, w.Log)
			out.Sync(last)
		}
	} else if base > s.base {
		last = s.rewrite(base, out)
	}
	for _, b := range w.Blocks {
		s.blocks[b.Number] = b.Data
		s.token++
		last = s.token
		out.Replace(blockPrefix+strconv.FormatUint(uint64(b.Number), 10), b.Data, last)
	}
	return last, nil
}

// rewrite puts the log area in the place of the one before, from base on.
func (s *store) rewrite(base uint64, out *node.Effects) node.Token {
	s.log = slices.Clone(s.log[base-s.base:])
	s.base = base
	s.token++
	out.Replace(logFile, append(binary.LittleEndian.AppendUint64(nil, s.base), s.log...), s.token)
	return s.token
}

// format makes an empty disk one that holds an empty log.
func (s *store) format(out *node.Effects) node.Token { return s.rewrite(s.base, out) }

// image returns the blocks in order.
func (s *store) image() []node.Block {
	all := make([]node.Block, 0, len(s.blocks))
	for n, data := range s.blocks {
		all = append(all, node.Block{Number: n, Data: data})
	}
	slices.SortFunc(all, func(a, b node.Block) int { return cmp.Compare(a.Number, b.Number) })
	return all
}

// Files returns the files of a disk that holds that, the log area last: a disk without one is empty, however many blocks
// of a copy have come back to it.
func Files(base uint64, log []byte, blocks []node.Block) []node.File {
	var files []node.File
	for _, b := range blocks {
		files = append(files, node.File{Name: blockPrefix + strconv.FormatUint(uint64(b.Number), 10), Data: b.Data})
	}
	return append(files, node.File{Name: logFile, Data: append(binary.LittleEndian.AppendUint64(nil, base), log...)})
}

// Empty tells that there is no disk in those files.
func Empty(files []node.File) bool {
	return !slices.ContainsFunc(files, func(f node.File) bool { return f.Name == logFile })
}
