package check_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/spec/check"
)

type tills struct{ Coins [3]uint8 }

// Three tills, one coin at a time, at most two more in one than in another.
func tillsModel(bound uint8) check.Plain[tills] {
	return check.Plain[tills]{
		Title: "tills",
		Moves: []check.Move[tills]{{Name: "Put", Next: func(s tills, yield func(tills, ...int)) {
			for i := range s.Coins {
				next := s
				if next.Coins[i]++; next.Coins[i] <= 4 {
					yield(next, i+1)
				}
			}
		}}},
		Must: []check.Must[tills]{{Name: "Bound", Guarantee: "no till has too much", Holds: func(s tills) bool {
			return s.Coins[0]+s.Coins[1]+s.Coins[2] <= bound
		}}},
		Reach: []check.Must[tills]{{Name: "Full", Guarantee: "a till is full", Holds: func(s tills) bool { return s.Coins[0] == 4 || s.Coins[1] == 4 || s.Coins[2] == 4 }}},
		Same: func(s tills) tills {
			c := &s.Coins
			for range 2 {
				for i := range 2 {
					c[i], c[i+1] = min(c[i], c[i+1]), max(c[i], c[i+1])
				}
			}
			return s
		},
		Symmetry: "tills are interchangeable",
	}
}

func coded(p check.Plain[tills]) check.Model {
	return check.Coded[tills]{Plain: p, Code: func(dst []byte, s *tills) []byte {
		same := p.Same(*s)
		return append(dst, same.Coins[:]...)
	}, Decode: func(code []byte, s *tills) error {
		if len(code) != len(s.Coins) {
			return fmt.Errorf("code of %d bytes; expected %d", len(code), len(s.Coins))
		}
		copy(s.Coins[:], code)
		return nil
	}}.Model()
}

// A model finds the same with an encoding of its own as without: states, reductions, witnesses, and the counterexample.
func TestCodedFindsWhatPlainFinds(t *testing.T) {
	for _, bound := range []uint8{12, 7} {
		plain, err := check.Run(t.Context(), tillsModel(bound).Model(), check.Options{})
		require.NoError(t, err)
		own, err := check.Run(t.Context(), coded(tillsModel(bound)), check.Options{})
		require.NoError(t, err)
		require.Equal(t, plain.Verdict, own.Verdict)
		require.Equal(t, plain.Invariant, own.Invariant)
		require.Equal(t, plain.Distinct, own.Distinct)
		require.Equal(t, plain.Generated, own.Generated)
		require.Equal(t, plain.Reductions, own.Reductions)
		require.Equal(t, []string{"tills are interchangeable"}, own.Reductions)
		require.Equal(t, plain.Witnesses, own.Witnesses)
		require.Len(t, own.Trace, len(plain.Trace))
	}
	p := tillsModel(12)
	p.Symmetry = ""
	require.Empty(t, coded(p).Reductions())
	require.Error(t, coded(p).NewMachine().Load([]byte{1}))
}
