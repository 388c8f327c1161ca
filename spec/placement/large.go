package placement

import (
	"encoding/json"

	"github.com/firstgap/firstgap/spec/check"
)

// large returns the worlds that no search comes to the end of (see check.Subject).
func large() []check.World {
	return []check.World{
		{Name: "nine-silent", Constants: json.RawMessage(`{"azs": [[1, 2, 3], [4, 5, 6], [7, 8, 9]], "writeQuorum": 7, "readQuorum": 4, "maxLSN": 3, "maxSilent": 1}`)},
	}
}
