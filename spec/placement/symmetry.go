package placement

import (
	"bytes"
	"cmp"
	"slices"
)

// A block is replicas that move together, as indexes into the arrays of a state.
type block []int

// A stage is blocks that are placed alike, and so may change places with one another.
type stage []block

// A shaped block says how its replicas are placed: blocks of the same shape are alike, replica by replica.
type shaped struct {
	block
	shape string
}

// stages returns how a state is sorted into one that stands for all those that differ by a permutation of the module's
// Sym: first the replicas of a host that are alike, then the hosts of an AZ, then the AZs. Stages in which nothing can
// change places are left out; without any there is no symmetry.
func (m *module) stages() []stage {
	var inHosts, inAZs []stage
	var azs []shaped
	for _, a := range m.azs {
		var hosts []shaped
		for _, h := range m.hosts {
			if !h.within(a) {
				continue
			}
			full, tails := indexes(h&m.full), indexes(h&^m.full)
			inHosts = append(inHosts, singles(full), singles(tails))
			hosts = append(hosts, shaped{append(full, tails...), string([]byte{'(', byte('0' + len(full)), byte('0' + len(tails)), ')'})})
		}
		inAZs = append(inAZs, alike(hosts)...)
		var az shaped // with its hosts in the order of their shapes, in which alike has left them
		for _, h := range hosts {
			az.block = append(az.block, h.block...)
			az.shape += h.shape
		}
		azs = append(azs, az)
	}
	all := slices.Concat(inHosts, inAZs, alike(azs))
	return slices.DeleteFunc(all, func(s stage) bool { return len(s) < 2 })
}

func indexes(s set) block {
	b := block{}
	for _, r := range s.members() {
		b = append(b, r-1)
	}
	return b
}

func singles(b block) stage {
	var s stage
	for _, i := range b {
		s = append(s, block{i})
	}
	return s
}

// alike sorts the blocks by shape and returns a stage for each shape.
func alike(blocks []shaped) []stage {
	slices.SortStableFunc(blocks, func(a, b shaped) int { return cmp.Compare(a.shape, b.shape) })
	var stages []stage
	for i, b := range blocks {
		if i == 0 || b.shape != blocks[i-1].shape {
			stages = append(stages, nil)
		}
		last := &stages[len(stages)-1]
		*last = append(*last, b.block)
	}
	return stages
}

// sorted returns the state that stands for s.
func sorted(s state, stages []stage) state {
	for _, blocks := range stages {
		for i := 1; i < len(blocks); i++ {
			for j := i; j > 0 && compare(&s, blocks[j], blocks[j-1]) < 0; j-- {
				swap(&s, blocks[j], blocks[j-1])
			}
		}
	}
	return s
}

func compare(s *state, a, b block) int {
	for i := range a {
		x, y := a[i], b[i]
		c := bytes.Compare([]byte{s.Status[x], s.Store[x], s.Told[x]}, []byte{s.Status[y], s.Store[y], s.Told[y]})
		if c != 0 {
			return c
		}
	}
	return 0
}

func swap(s *state, a, b block) {
	for i := range a {
		x, y := a[i], b[i]
		s.Status[x], s.Status[y] = s.Status[y], s.Status[x]
		s.Store[x], s.Store[y] = s.Store[y], s.Store[x]
		s.Told[x], s.Told[y] = s.Told[y], s.Told[x]
	}
}
