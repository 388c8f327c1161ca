package faults

import (
	"math/rand"

	fuzz "github.com/google/gofuzz"
)

// Fuzzer returns a gofuzz fuzzer that is driven by bytes, such as those of `go test -fuzz`, and spends one byte a draw, so that
// a changed byte changes one choice and the coverage that it reached tells which. gofuzz's own reading of bytes spends 8 to 19
// a draw, of which most change nothing. When the bytes end, a fixed generator goes on.
func Fuzzer(data []byte) *fuzz.Fuzzer { return fuzz.New().RandSource(newByteSource(data)) }

// byteSource draws each number from one byte.
type byteSource struct {
	data []byte
	rest rand.Source64
}

func newByteSource(data []byte) *byteSource {
	return &byteSource{data: data, rest: rand.NewSource(int64(len(data))).(rand.Source64)}
}

// Uint64 implements rand.Source64. The byte stands in every place, because draws look at the upper bits or at the lower ones.
func (s *byteSource) Uint64() uint64 {
	if len(s.data) == 0 {
		return s.rest.Uint64()
	}
	b := s.data[0]
	s.data = s.data[1:]
	return uint64(b) * 0x0101010101010101
}

// Int63 implements rand.Source.
func (s *byteSource) Int63() int64 { return int64(s.Uint64() >> 1) }

// Seed implements rand.Source: the bytes are the seed.
func (s *byteSource) Seed(int64) {}
