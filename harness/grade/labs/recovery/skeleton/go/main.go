// Lab 3: recovery.
//
// A new writer over the log that another one has left: it recovers, tells Open, and is replaced by one that serves.
// Volume lists the segments by protection group, the quorums, and the address of the epoch register.
// Run it against the lab's tests: firstgap grade --lab 3 --submission .
package main

import firstgap "github.com/firstgap/firstgap/harness/lines/clients/go"

type writer struct{ *firstgap.Process }

func main() {
	firstgap.Run(func(p *firstgap.Process) firstgap.Node { return &writer{p} })
}

func (w *writer) OnStart(incarnation int, files []firstgap.File) {
	// A writer has no disk. Ask the register for its epoch: read-epoch {token}. The token must differ from that of every other start.
}

func (w *writer) OnMessage(sender int, kind string, body []byte) {
	// current-epoch {token, epoch}: go for the next one with swap {expect, token}. swapped {token, won, epoch, geometry}: if won, tell Start,
	// and send fence {epoch} to every segment of every group.
	// fenced {epoch, history, scl, vdl, floor, held}: with a read quorum of every group, decide. The newest history among the answers says
	// which held records count. Cut before the first LSN that no answer has, then down to the last CPL (held: last), and never below a
	// VDL that an answer names. Tell Decide, and send join {epoch, history} with the whole new history.
	// joined {epoch, scl}: a segment that lacks something of what is kept is given it: read-log from those that have it, append to those
	// that have not. appended {epoch, scl}: when a write quorum of every group has all that is kept, tell Open.
	// stale {promise}: another writer has taken over, and you stop.
}

func (w *writer) OnTimer(timer int) {
	// Messages are lost: ask again the register and the segments that have not answered, every nodes.retryEvery.
}

func (w *writer) OnDisk(token int, result string, data []byte) {
	// A writer has no disk.
}

func (w *writer) OnRequest(client int, request []byte) {
	// Nothing is served before Open, and then another writer does.
	w.Respond(client, request, firstgap.Fields{"status": "refused", "reason": "not open"})
}
