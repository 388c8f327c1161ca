// Lab 4: commit and undo.
//
// A writer: it gives records their LSNs, sends them to the segments, counts what a write quorum has, and answers clients.
// Volume lists the segments by protection group, the quorums, and the address of the epoch register.
// Run it against the lab's tests: firstgap grade --lab 4 --submission .
package main

import firstgap "github.com/firstgap/firstgap/harness/lines/clients/go"

type writer struct{ *firstgap.Process }

func main() {
	firstgap.Run(func(p *firstgap.Process) firstgap.Node { return &writer{p} })
}

func (w *writer) OnStart(incarnation int, files []firstgap.File) {
	// A writer has no disk: recover first, as in lab 3. What transactions had changed without a commit is undone after Open, with
	// compensation records, while their rows stay locked.
}

func (w *writer) OnMessage(sender int, kind string, body []byte) {
	// appended {epoch, scl} of the segments moves the VCL, and with it the VDL, the last CPL at or below. A commit is answered
	// when the VDL has passed its record: tell Ack at this moment. stale {promise}: you were replaced, and commits under way are unknown.
	// page-image and behind answer your read-page: read from one segment whose SCL is high enough.
}

func (w *writer) OnTimer(timer int) {
	// Send again what segments have not acknowledged, every nodes.retryEvery. Transactions whose client is silent end after nodes.idleAfter.
}

func (w *writer) OnDisk(token int, result string, data []byte) {
	// A writer has no disk.
}

func (w *writer) OnRequest(client int, request []byte) {
	// begin, get, put, scan, savepoint, rollback, commit, abort. Rows are locked until the end; a cycle of waiting transactions
	// is a deadlock, and one of them is aborted for that reason.
	w.Respond(client, request, firstgap.Fields{"status": "refused", "reason": "not open"})
}
