package reader

import (
	"encoding/json"

	"github.com/firstgap/firstgap/spec/check"
)

// large returns the worlds that no search comes to the end of (see check.Subject).
func large() []check.World {
	return []check.World{
		{Name: "two-groups-of-four", Constants: json.RawMessage(`{"groups": 2, "members": 4, "writeQuorum": 3, "readQuorum": 2, "pages": 3, "readers": 3, "txns": 3, "maxLSN": 5, "maxEpoch": 3, "mtr": true, "leases": true, "symmetry": true}`)},
		{Name: "four-members", Constants: json.RawMessage(`{"groups": 1, "members": 4, "writeQuorum": 3, "readQuorum": 2, "pages": 2, "readers": 2, "txns": 3, "maxLSN": 5, "maxEpoch": 3, "mtr": true, "leases": false, "symmetry": true}`)},
	}
}
