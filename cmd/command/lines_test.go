package command

import (
	"fmt"
	"io"
	"os"
	"regexp"

	"github.com/firstgap/firstgap/harness/lines/protocol"
	"github.com/firstgap/firstgap/impl/node"
)

// alone is a program for scripts: a replica that asks no other. With the word "misspelt" behind it, its replies are.
func alone() {
	var out io.Writer = os.Stdout
	if len(os.Args) > 1 && os.Args[1] == "misspelt" {
		out = misspelling{}
	}
	err := protocol.Serve(func(protocol.Place) node.Node { return &lonely{rows: map[string]node.Value{}} }, os.Stdin, out)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
}

type misspelling struct{}

var status = regexp.MustCompile(`"status"`)

func (misspelling) Write(b []byte) (int, error) {
	_, err := os.Stdout.Write(status.ReplaceAll(b, []byte(`"state"`)))
	return len(b), err
}

type lonely struct{ rows map[string]node.Value }

func (l *lonely) Step(_ node.Time, ev node.Event, out *node.Effects) {
	if ev.Kind != node.Requested {
		return
	}
	row := ev.Request.Rows[0]
	r := node.Reply{ID: ev.Request.ID, Op: ev.Request.Op, Status: node.OK}
	if ev.Request.Op == node.OpRead {
		r.Value = l.rows[row.Key]
	} else {
		l.rows[row.Key] = row.Value
	}
	out.Respond(ev.From, r)
}
