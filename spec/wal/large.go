package wal

import (
	"encoding/json"

	"github.com/firstgap/firstgap/spec/check"
)

// large returns the worlds that no search comes to the end of (see check.Subject).
func large() []check.World {
	return []check.World{
		{Name: "four-deposits", Constants: json.RawMessage(`{"work": "deposit", "txns": 4, "samePage": false, "steal": true, "force": false, "redoPass": true, "undoPass": true, "aborts": true, "maxLSN": 12, "maxCrashes": 4}`)},
		{Name: "three-cross-same-page", Constants: json.RawMessage(`{"work": "cross", "txns": 3, "samePage": true, "steal": true, "force": false, "redoPass": true, "undoPass": true, "aborts": true, "maxLSN": 12, "maxCrashes": 3}`)},
	}
}
