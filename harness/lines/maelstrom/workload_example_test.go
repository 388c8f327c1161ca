package maelstrom_test

import (
	"encoding/json"
	"fmt"

	"github.com/firstgap/firstgap/harness/lines/maelstrom"
)

// A check is a function of calls, wherever they were recorded: here, of a log that has lost what it acknowledged.
func ExampleWorkload() {
	kafka, err := maelstrom.Named("kafka")
	if err != nil {
		panic(err)
	}
	first, second := json.Number("0"), json.Number("1")
	calls := []maelstrom.Call{
		{Client: 0, Node: "n0", Invoked: 1, Returned: 2, Outcome: maelstrom.OK,
			Request: maelstrom.Body{"type": "send", "key": "k", "msg": json.Number("7")}, Reply: maelstrom.Body{"type": "send_ok", "offset": first}},
		{Client: 0, Node: "n0", Invoked: 3, Returned: 4, Outcome: maelstrom.OK,
			Request: maelstrom.Body{"type": "send", "key": "k", "msg": json.Number("8")}, Reply: maelstrom.Body{"type": "send_ok", "offset": second}},
		{Client: 1, Node: "n1", Invoked: 5, Returned: 6, Outcome: maelstrom.OK,
			Request: maelstrom.Body{"type": "poll", "offsets": map[string]any{"k": first}},
			Reply:   maelstrom.Body{"type": "poll_ok", "msgs": map[string]any{"k": []any{[]any{second, json.Number("8")}}}}},
	}
	for _, p := range kafka.Check(maelstrom.Parameters{}, calls) {
		fmt.Println(p.Rule, p.Calls)
		fmt.Println(" ", p.Says)
	}
	// Output:
	// poll-skip [2 0]
	//   call 2 (poll of client 1 to n1) asked for key "k" from offset 0: expected offset 0 (message 7) first, found offset 1: it skips offset 0 (message 7)
	// lost-write [0 2]
	//   call 0 (send of client 0 to n0) was acknowledged at offset 0 of key "k" with message 7: expected a poll to show it, and none does, though call 2 (poll of client 1 to n1) shows offset 1
}
