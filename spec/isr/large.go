package isr

import (
	"encoding/json"

	"github.com/firstgap/firstgap/spec/check"
)

// large returns the worlds that no search comes to the end of (see check.Subject).
func large() []check.World {
	return []check.World{
		{Name: "three-six-epochs", Constants: json.RawMessage(`{"replicas": 3, "maxOffset": 5, "maxEpoch": 6, "alter": true}`)},
		{Name: "five", Constants: json.RawMessage(`{"replicas": 5, "maxOffset": 4, "maxEpoch": 5, "alter": true}`)},
	}
}
