package quorum

import (
	"encoding/json"

	"github.com/firstgap/firstgap/spec/check"
)

// large returns the worlds that no search comes to the end of (see check.Subject).
func large() []check.World {
	return []check.World{
		{Name: "six-two-writers-two-readers", Constants: json.RawMessage(`{"replicas": 6, "writeQuorum": 4, "readQuorum": 3, "writers": 2, "writes": 2, "readers": 2, "reads": 2, "writeBack": true, "symmetry": true}`)},
	}
}
