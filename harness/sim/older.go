package sim

import "github.com/firstgap/firstgap/impl/node"

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
