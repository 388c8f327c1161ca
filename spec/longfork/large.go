package longfork

import (
	"encoding/json"

	"github.com/firstgap/firstgap/spec/check"
)

// large returns the worlds that no search comes to the end of (see check.Subject).
func large() []check.World {
	return []check.World{
		{Name: "four-nodes-four-txns", Constants: json.RawMessage(`{"txns": 4, "rows": 3, "secondaries": 3, "acks": 2, "snapshots": 3, "losses": 2, "secondariesWait": true, "symmetry": true}`)},
		{Name: "rds-four", Constants: json.RawMessage(`{"txns": 4, "rows": 4, "secondaries": 2, "acks": 1, "snapshots": 3, "losses": 1, "secondariesWait": false, "symmetry": true}`)},
	}
}
