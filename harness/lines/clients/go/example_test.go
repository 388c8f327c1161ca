package firstgap_test

import (
	"io"
	"os"
	"time"

	firstgap "github.com/firstgap/firstgap/harness/lines/clients/go"

	_ "github.com/firstgap/firstgap/harness/internal/runflags"
)

// An echo answers every request with what it was asked, and rings once.
type echo struct{ *firstgap.Process }

func (e echo) OnStart(int, []firstgap.File)  { e.SetTimer(1, 5*time.Millisecond) }
func (e echo) OnMessage(int, string, []byte) {}
func (e echo) OnTimer(int)                   {}
func (e echo) OnDisk(int, string, []byte)    {}
func (e echo) OnRequest(client int, request []byte) {
	var asked struct {
		Rows []struct{ Value firstgap.Fields }
	}
	firstgap.Decode(request, &asked)
	e.Respond(client, request, firstgap.Fields{"status": "ok", "value": asked.Rows[0].Value})
}

// Run reads the standard input, which a harness writes.
func Example() {
	in, harness, err := os.Pipe()
	if err != nil {
		panic(err)
	}
	_, err = io.WriteString(harness, `{"firstgap":1,"wire":2,"hello":{"role":"replica","id":1,"index":0,"members":[1],"seed":7}}
{"now":0,"event":{"kind":"started","incarnation":1}}
{"now":90,"event":{"kind":"requested","from":9,"request":{"id":3,"op":"write","rows":[{"key":"x","value":{"bytes":"1","exists":true}}]}}}
`)
	if err != nil {
		panic(err)
	}
	harness.Close()
	os.Stdin = in
	firstgap.Run(func(p *firstgap.Process) firstgap.Node { return echo{p} })
	// Output:
	// {"firstgap":1,"timers":{}}
	// {"effects":[{"kind":"set-timer","timer":1,"after":5000000}],"trace":[]}
	// {"effects":[{"kind":"respond","to":9,"reply":{"id":3,"op":"write","status":"ok","txn":null,"value":{"bytes":"1","exists":true}}}],"trace":[]}
}
