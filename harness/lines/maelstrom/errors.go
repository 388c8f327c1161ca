package maelstrom

import (
	"encoding/json"
	"slices"
)

// definite lists the codes of errors by which a call was not carried out and will not be (Maelstrom's doc/protocol.md, Errors). All others,
// a program's own among them, leave it open.
func definite() []int { return []int{1, 10, 11, 12, 14, 20, 21, 22, 30} }

// Codes by which a node that lives says that it cannot serve now.
const (
	codeTimeout     = 0
	codeUnavailable = 11
	codeCrash       = 13
)

// ended says how a call ended that was answered by a body.
func ended(reply Body) (Outcome, int) {
	if reply["type"] != "error" {
		return OK, 0
	}
	code := codeCrash
	if n, is := reply["code"].(json.Number); is {
		if c, err := n.Int64(); err == nil {
			code = int(c)
		}
	}
	if slices.Contains(definite(), code) {
		return Failed, code
	}
	return Unknown, code
}

// serves tells whether an answer shows that its node serves: it was carried out, or refused for a reason that lies in the call.
func serves(o Outcome, code int) bool {
	return o == OK || o == Failed && code != codeUnavailable
}
