package sim

import (
	"github.com/zeebo/xxh3"

	"github.com/firstgap/firstgap/impl/node"
)

// registerDigest covers all of a step of the versioned register.
func registerDigest(s *node.RegisterStep) uint64 {
	h := mix(mix(stringHash(s.Key), s.Op), mix(s.Token, uint64(bit(s.Writes))))
	h = mix(h, mix(s.Version.Number, s.Version.By))
	for _, rows := range [][]node.RegisterRow{s.Heard, s.Rows} {
		h = mix(h, uint64(len(rows)))
		for _, r := range rows {
			h = mix(mix(h, uint64(r.Replica)), mix(stringHash(r.Key), mix(r.Version.Number, r.Version.By)))
		}
	}
	return h
}

// diskDigest covers all of a step of a replicated disk.
func diskDigest(s *node.DiskStep) uint64 {
	h := mix(stringHash(string(s.View.AppendBinary(nil))), uint64(s.Start)<<8|uint64(s.Lane))
	h = mix(h, mix(uint64(s.Write.By)<<32|uint64(s.Write.Start), s.Write.Count))
	if s.What != nil {
		w := node.WriteDisk{Write: *s.What}
		h = mix(h, xxh3.Hash(w.AppendDigest(nil)))
	}
	h = mix(h, mix(s.Base, uint64(len(s.Log))))
	h = mix(h, xxh3.Hash(s.Log))
	for _, b := range s.Blocks {
		h = mix(h, mix(uint64(b.Number), xxh3.Hash(b.Data)))
	}
	return h
}
