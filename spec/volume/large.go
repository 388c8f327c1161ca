package volume

import (
	"encoding/json"

	"github.com/firstgap/firstgap/spec/check"
)

// large returns the worlds that no search comes to the end of (see check.Subject).
func large() []check.World {
	return []check.World{
		{Name: "two-groups-of-six", Constants: json.RawMessage(`{"groups": 2, "replicas": 6, "writeQuorum": 4, "readQuorum": 3, "keys": 2, "txns": 2, "maxLSN": 5, "maxEpoch": 3, "aborts": true, "mtr": true, "symmetry": true}`)},
		{Name: "two-groups-of-six-acks", Constants: json.RawMessage(`{"groups": 2, "replicas": 6, "writeQuorum": 4, "readQuorum": 3, "keys": 2, "txns": 3, "maxLSN": 6, "maxEpoch": 3, "mtr": true, "symmetry": true, "recordAcks": true, "lal": 3}`)},
		{Name: "two-groups-of-six-all", Constants: json.RawMessage(`{"groups": 2, "replicas": 6, "writeQuorum": 4, "readQuorum": 3, "keys": 3, "txns": 3, "maxLSN": 6, "maxEpoch": 4, "aborts": true, "mtr": true, "rewrites": true, "answers": true, "structures": true, "moves": true, "savepoints": true}`)},
		{Name: "six-with-tails", Constants: json.RawMessage(`{"groups": 1, "replicas": 6, "writeQuorum": 4, "readQuorum": 3, "keys": 2, "txns": 2, "maxLSN": 4, "maxEpoch": 3, "members": 2, "spares": 1, "tails": [3, 4, 5], "answers": true}`)},
		{Name: "members-and-groups-change", Constants: json.RawMessage(`{"groups": 2, "replicas": 7, "writeQuorum": 4, "readQuorum": 3, "keys": 2, "txns": 2, "maxLSN": 4, "maxEpoch": 3, "members": 4, "spares": 1, "grows": true, "inUse": 1, "moves": true, "answers": true}`)},
	}
}
