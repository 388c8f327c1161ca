package guide

import (
	fuzz "github.com/google/gofuzz"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness/configuration"
)

// bytesAStep is how many bytes there are for each mutation, about as many as one spends: with fewer mutations the last bytes would
// change nothing, and with more the last mutations would be the same for every input.
const bytesAStep = 3

// OfBytes returns the valid configuration that bytes, such as those of `go test -fuzz`, stand for: the first says of which seed it is
// generated, and the others change it, by one draw a byte. The longer they are the more is changed, by the given number of mutations at
// most.
func (m *Material) OfBytes(data []byte, most int) (c configuration.Configuration, err error) {
	seed := uint64(0)
	if len(data) > 0 {
		seed, data = uint64(data[0]), data[1:]
	}
	if c, err = m.System.Generate(seed, m.Generation); err != nil {
		return c, err
	}
	var drawn struct{}
	faults.Fuzzer(data).Funcs(func(_ *struct{}, f fuzz.Continue) {
		for range min(most, (len(data)+bytesAStep-1)/bytesAStep) {
			if c, _, err = Step(m, &c, f); err != nil {
				return
			}
		}
	}).Fuzz(&drawn)
	return c, err
}
