package lock_test

import (
	"fmt"

	"github.com/firstgap/firstgap/impl/lock"
	"github.com/firstgap/firstgap/impl/node"
)

// Transaction 1 changes a row, transaction 2 scans a range with the row in it and has to wait. When 1 then asks for a row that 2
// holds, the two would wait for each other for ever.
func Example() {
	locks := lock.New(node.NoHook{})
	first, second := node.Txn(1), node.Txn(2)

	result, _ := locks.Acquire(first, lock.Row("b"), lock.Exclusive)
	fmt.Println(result == lock.Granted)
	result, _ = locks.Acquire(second, lock.Row("x"), lock.Exclusive)
	fmt.Println(result == lock.Granted)
	result, _ = locks.Acquire(second, lock.Range("a", "c"), lock.Shared)
	fmt.Println(result == lock.Waiting)
	result, cycle := locks.Acquire(first, lock.Row("x"), lock.Shared)
	fmt.Println(result == lock.Deadlock, len(cycle), cycle[0] == second)

	fmt.Println(locks.Release(first)[0] == second) // the scan goes on
	// Output:
	// true
	// true
	// true
	// true 1 true
	// true
}
