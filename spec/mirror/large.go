package mirror

import (
	"encoding/json"

	"github.com/firstgap/firstgap/spec/check"
)

// large returns the worlds that no search comes to the end of (see check.Subject).
func large() []check.World {
	return []check.World{
		{Name: "mirrored-three-losses", Constants: json.RawMessage(`{"zones": 2, "copies": 2, "maxWrite": 4, "maxEpoch": 4, "copyLosses": 3, "zoneLosses": 0, "repair": true, "suspect": false, "overwrite": false}`)},
		{Name: "mirrored-overwrite-losses", Constants: json.RawMessage(`{"zones": 2, "copies": 2, "maxWrite": 4, "maxEpoch": 4, "copyLosses": 1, "zoneLosses": 1, "repair": true, "suspect": false, "overwrite": true}`)},
	}
}
