package guide_test

import (
	"math/rand"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/aurora"
	"github.com/firstgap/firstgap/harness/campaign/guide"
)

// Three of five changes of one byte, as `go test -fuzz` makes them, change the configuration, and more. Of gofuzz's own way to read bytes
// one of ten does. What changes nothing is a choice of few, such as one of two, that comes out the same.
func TestFewBytesAreWasted(t *testing.T) {
	for _, s := range []harness.System{aurora.System(), registers(5)} {
		m := &guide.Material{System: s, Generation: harness.Generation{Points: points()}}
		if s.Name() != aurora.Name {
			m.Generation.Points = nil
		}
		r := rand.New(rand.NewSource(1))
		for name, change := range map[string]func(byte) byte{
			"another byte": func(b byte) byte { return b + 1 + byte(r.Intn(255)) },
			"one bit":      func(b byte) byte { return b ^ 1<<r.Intn(8) },
		} {
			dead, all := 0, 0
			for range 12 {
				data := make([]byte, 8+r.Intn(40))
				r.Read(data)
				c, err := m.OfBytes(data, 16)
				require.NoError(t, err)
				require.NoError(t, harness.Validate(s, &c))
				whole := c.String()
				for range 10 {
					other := append([]byte{}, data...)
					i := r.Intn(len(data))
					other[i] = change(data[i])
					c, err := m.OfBytes(other, 16)
					require.NoError(t, err)
					if all++; c.String() == whole {
						dead++
					}
				}
			}
			t.Logf("%s, %s: %d of %d changes change nothing", s.Name(), name, dead, all)
			require.Less(t, 5*dead, 2*all, "%s, %s: %d of %d changes change nothing", s.Name(), name, dead, all)
		}
	}
}

// Without any bytes there is a configuration too, and bytes alone decide it.
func TestBytesDecideAConfiguration(t *testing.T) {
	s := registers(3)
	m := &guide.Material{System: s}
	c, err := m.OfBytes(nil, 16)
	require.NoError(t, err)
	plain, err := s.Generate(0, m.Generation)
	require.NoError(t, err)
	require.Equal(t, plain, c)
	a, err := m.OfBytes([]byte("\x03some bytes"), 16)
	require.NoError(t, err)
	b, err := m.OfBytes([]byte("\x03some bytes"), 16)
	require.NoError(t, err)
	require.Equal(t, a.String(), b.String())
	none, err := m.OfBytes([]byte("\x03some bytes"), 0)
	require.NoError(t, err)
	require.EqualValues(t, 3, none.Seed)
	require.NotEqual(t, none.String(), a.String())
}
