package volume

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// encodeWhole is Encode without what is known of the parts: for states that a test changes by other means than a step.
func (m *machine) encodeWhole() string {
	return string(m.layout.encode(m.State, nil, make([]uint64, m.layout.words*len(m.replicas))))
}

// What is made of the parts that a step leaves as they are says the same as what is made of the whole state; a state that is loaded
// after another has no trace of it; and steps that were counted in place of being taken are as many as those taken without symmetry. A
// part that was forgotten would make two states of one, or one of two, and no figure of TLC's would come out.
func TestPartsAreTheWhole(t *testing.T) {
	eachWalk(t, func(t *testing.T, w *walk) {
		plain := w.world
		plain.Symmetry = false
		one, err := NewModel(plain)
		require.NoError(t, err)
		m, err := NewModel(w.world)
		require.NoError(t, err)
		single, after, fresh := one.NewMachine().(*machine), m.NewMachine().(*machine), m.NewMachine().(*machine)
		for n := 0; n < 10 && w.step(); n++ {
			require.Equal(t, w.encodeWhole(), string(w.Encode(nil)))
			var counted, taken [actions]int
			w.Next(func(a, times int) bool {
				counted[a] += times
				code := w.Encode(nil)
				require.Equal(t, w.encodeWhole(), string(code), "%s", w.LastStep())
				fresh.parts.load = 0
				require.NoError(t, fresh.Load(code))
				require.Equal(t, fresh.Fingerprint(), w.Fingerprint(), "%s", w.LastStep())
				require.NoError(t, after.Load(code))
				require.Equal(t, fresh.Fingerprint(), after.Fingerprint(), "%s", w.LastStep())
				require.Equal(t, fresh.String(), after.String())
				require.Equal(t, string(code), after.encodeWhole())
				return true
			})
			require.NoError(t, single.Load(single.layout.encode(w.State, nil, make([]uint64, single.layout.words*len(w.replicas)))))
			single.Next(func(a, times int) bool { taken[a] += times; return true })
			require.Equal(t, taken, counted)
		}
	})
}

// Different states have different fingerprints, and interchangeable ones the same.
func TestFingerprintsTellStatesApart(t *testing.T) {
	for _, name := range []string{"tiny-sym", "undo", "two-groups-small", "six-short"} {
		t.Run(name, func(t *testing.T) {
			w := named(t, name)
			m, err := NewModel(w.World)
			require.NoError(t, err)
			machine := m.NewMachine().(*machine)
			machine.Init()
			first := string(machine.Encode(nil))
			codes, prints, queue := map[string]uint64{first: machine.Fingerprint()}, map[uint64]string{machine.Fingerprint(): first}, []string{first}
			for len(queue) > 0 {
				require.NoError(t, machine.Load([]byte(queue[0])))
				queue = queue[1:]
				machine.Next(func(int, int) bool {
					code, print := string(machine.Encode(nil)), machine.Fingerprint()
					if codes[code] == print {
						return true
					}
					_, known := codes[code]
					require.False(t, known, "one state with two fingerprints")
					_, taken := prints[print]
					require.False(t, taken, "two states with one fingerprint")
					codes[code], prints[print], queue = print, code, append(queue, code)
					return true
				})
			}
			require.Len(t, codes, int(w.Distinct))
		})
	}
}
