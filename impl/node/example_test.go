package node_test

import (
	"fmt"

	"github.com/firstgap/firstgap/impl/node"
)

// A node in another language is told an event as a line of JSON, and answers with another.
func ExampleDecodeWireJSON() {
	line, err := node.AppendWireJSON(nil, &node.Event{Kind: node.Received, From: 3, Message: &node.Appended{Epoch: 2, SCL: 101}})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%s\n", line)

	var answer node.Effects
	err = node.DecodeWireJSON([]byte(`{"version":2,"effects":{"list":[{"kind":"set-timer","timer":1,"after":2000000}]}}`), &answer)
	fmt.Println(answer.List[0].Kind, answer.List[0].After, err)

	err = node.DecodeWireJSON([]byte(`{"version":2,"effects":{"list":[{"kind":"set-timer","time":1}]}}`), &answer)
	fmt.Println(err)
	// Output:
	// {"version":2,"event":{"kind":"received","from":3,"message":{"appended":{"epoch":2,"scl":101}}}}
	// set-timer 2ms <nil>
	// wire: effects.list[0] at byte 52: unknown key: expected one of kind, to, message, timer, after, file, data, from, size, token, reply, found "time"
}
