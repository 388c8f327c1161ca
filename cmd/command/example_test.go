package command_test

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/firstgap/firstgap/cmd/command"
	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/workload"
	"github.com/firstgap/firstgap/impl/node"
)

// A register is a node that keeps rows in memory.
type register map[string]node.Value

func (r register) Step(_ node.Time, ev node.Event, out *node.Effects) {
	if ev.Kind != node.Requested {
		return
	}
	row := ev.Request.Rows[0]
	if ev.Request.Op == node.OpWrite {
		r[row.Key] = row.Value
	}
	out.Respond(ev.From, node.Reply{ID: ev.Request.ID, Op: ev.Request.Op, Status: node.OK, Value: r[row.Key]})
}

// A program of one line is the command for its author's system: here `mine run --runs 3 --out FOLDER`. What it prints goes to a
// file, for it says how long the runs took.
func Example() {
	folder, err := os.MkdirTemp("", "mine")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(folder)
	printed, err := os.Create(filepath.Join(folder, "printed"))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer printed.Close()
	args, stdout := os.Args, os.Stdout
	os.Args, os.Stdout = []string{"mine", "run", "--runs", "3", "--out", filepath.Join(folder, "report")}, printed
	code := command.Main(harness.Replicas{Name: "register", Count: 1, Mix: workload.Registers(),
		New: func(harness.Place) node.Node { return register{} }}.System())
	os.Args, os.Stdout = args, stdout

	fmt.Println("exit code", code)
	_, err = os.Stat(filepath.Join(folder, "report", "junit.xml"))
	fmt.Println("a report for CI:", err == nil)
	// Output:
	// exit code 0
	// a report for CI: true
}
