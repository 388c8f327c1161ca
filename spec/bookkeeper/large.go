package bookkeeper

import (
	"encoding/json"

	"github.com/firstgap/firstgap/spec/check"
)

// large returns the worlds that no search comes to the end of (see check.Subject).
func large() []check.World {
	return []check.World{
		{Name: "five-two-recoverers", Constants: json.RawMessage(`{"bookies": 5, "ensemble": 3, "writeQuorum": 3, "ackQuorum": 2, "entries": 4, "recoverers": 2, "maxChanges": 3, "maxWipes": 1}`)},
		{Name: "six-striped", Constants: json.RawMessage(`{"bookies": 6, "ensemble": 4, "writeQuorum": 3, "ackQuorum": 2, "entries": 5, "recoverers": 2, "maxChanges": 3, "maxWipes": 0}`)},
	}
}
