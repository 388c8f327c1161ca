package membership

import (
	"encoding/json"

	"github.com/firstgap/firstgap/spec/check"
)

// large returns the worlds that no search comes to the end of (see check.Subject).
func large() []check.World {
	return []check.World{
		{Name: "six-with-a-zone", Constants: json.RawMessage(`{"steady": 2, "zone": 2, "doubtful": 2, "writeQuorum": 4, "readQuorum": 3, "shortWrite": 3, "shortRead": 2, "maxLSN": 3, "maxEpoch": 6, "staleReads": false, "symmetry": true}`)},
	}
}
