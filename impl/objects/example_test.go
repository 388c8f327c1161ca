package objects_test

import (
	"fmt"

	"github.com/firstgap/firstgap/impl/internal/instant"
	"github.com/firstgap/firstgap/impl/node"
	"github.com/firstgap/firstgap/impl/objects"
)

// An object is there for good: a second one of its name does not change it, and a crash does not lose it.
func Example() {
	const store = node.ID(1)
	var w instant.World
	w.Start(store, objects.New(node.NoHook{}))
	w.Send(store, &node.PutObject{Name: "log/0/1-16", Data: []byte("records")})
	w.Send(store, &node.PutObject{Name: "log/0/1-16", Data: []byte("others")})

	w.Start(store, objects.New(node.NoHook{}))
	fmt.Println(w.Send(store, &node.ListObjects{})[0].(*node.ObjectList).Names)
	fmt.Printf("%s\n", w.Send(store, &node.GetObject{Name: "log/0/1-16"})[0].(*node.ObjectRead).Data)
	// Output:
	// [log/0/1-16]
	// records
}
