package protocol_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/harness/lines/protocol"
	"github.com/firstgap/firstgap/impl/node"
)

// keeper keeps rows on its disk, and asks the others for theirs now and then: the node of the conversation in docs/protocol.md. It is no
// replicated register: whoever is asked answers by itself.
type keeper struct {
	at     protocol.Place
	rows   map[string]string
	token  node.Token
	writes map[node.Token]node.Event // requests that are answered when the disk is done
}

func newKeeper(p protocol.Place) node.Node {
	return &keeper{at: p, rows: map[string]string{}, writes: map[node.Token]node.Event{}}
}

func (k *keeper) TimerName(t node.Timer) string { return map[node.Timer]string{1: "ask"}[t] }

func (k *keeper) Step(_ node.Time, ev node.Event, out *node.Effects) {
	switch ev.Kind {
	case node.Started:
		for _, f := range ev.Files {
			if err := json.Unmarshal(f.Data, &k.rows); err != nil {
				panic(err)
			}
		}
		out.SetTimer(1, 50*time.Millisecond)
	case node.Fired:
		for _, id := range k.at.Members {
			if id != k.at.ID {
				out.Send(id, &node.Opaque{Kind: "ask"})
			}
		}
		out.SetTimer(1, 50*time.Millisecond)
	case node.Received:
		if m, is := ev.Message.(*node.Opaque); is && m.Kind == "ask" {
			text, _ := json.Marshal(k.rows)
			out.Send(ev.From, &node.Opaque{Kind: "told", Bytes: text})
		}
	case node.Requested:
		row := ev.Request.Rows[0]
		if ev.Request.Op == node.OpRead {
			value, is := k.rows[row.Key]
			out.Respond(ev.From, node.Reply{ID: ev.Request.ID, Op: ev.Request.Op, Status: node.OK, Value: node.Value{Bytes: value, Exists: is}})
			return
		}
		k.rows[row.Key] = row.Value.Bytes
		text, _ := json.Marshal(k.rows)
		k.token++
		k.writes[k.token] = ev
		out.Replace("rows", text, k.token)
	case node.DiskDone:
		if asked, is := k.writes[ev.Token]; is {
			delete(k.writes, ev.Token)
			out.Respond(asked.From, node.Reply{ID: asked.Request.ID, Op: asked.Request.Op, Status: node.OK})
		}
	}
}

// A node in Go is a program in the protocol.
func ExampleServe() {
	in := strings.NewReader(`{"firstgap":1,"wire":2,"hello":{"role":"replica","id":2,"index":1,"members":[1,2,3],"seed":7}}
{"now":0,"event":{"kind":"started","incarnation":1}}
{"now":1200000,"event":{"kind":"requested","from":1001,"request":{"id":1,"op":"read","rows":[{"key":"x"}]}}}
`)
	if err := protocol.Serve(newKeeper, in, os.Stdout); err != nil {
		fmt.Println(err)
	}
	// Output:
	// {"firstgap":1,"timers":{"1":"ask"}}
	// {"effects":[{"kind":"set-timer","timer":1,"after":50000000}]}
	// {"effects":[{"kind":"respond","to":1001,"reply":{"id":1,"op":"read","status":"ok"}}]}
}

// The conversation of the page is what is said: every line of the harness is answered by the line that follows it.
func TestThePageIsWhatIsSaid(t *testing.T) {
	page, err := os.Open("../../../docs/protocol.md")
	require.NoError(t, err)
	defer page.Close()
	var ask, want []string
	processes := 0
	say := func() {
		if len(ask) == 0 {
			return
		}
		processes++
		var out strings.Builder
		require.NoError(t, protocol.Serve(newKeeper, strings.NewReader(strings.Join(ask, "\n")+"\n"), &out))
		require.Equal(t, strings.Join(want, "\n")+"\n", out.String())
		ask, want = nil, nil
	}
	s := bufio.NewScanner(page)
	for s.Scan() {
		line := s.Text()
		switch {
		case strings.HasPrefix(line, `→ {"firstgap"`):
			say() // a new process
			fallthrough
		case strings.HasPrefix(line, "→ {"):
			ask = append(ask, strings.TrimPrefix(line, "→ "))
			require.NoError(t, valid(t, map[bool]string{true: "greeting", false: "happening"}[len(ask) == 1], ask[len(ask)-1]))
		case strings.HasPrefix(line, "← {"):
			want = append(want, strings.TrimPrefix(line, "← "))
			require.NoError(t, valid(t, map[bool]string{true: "welcome", false: "answer"}[len(want) == 1], want[len(want)-1]))
			require.Len(t, want, len(ask), "one line for one line")
		}
	}
	require.NoError(t, s.Err())
	say()
	require.Equal(t, 2, processes, "one before the crash, one after it")
}
