// Lab 2: a segment.
//
// One of the six copies of a protection group: it keeps log records, acknowledges how far it has them all, and makes pages of them.
// Members lists the segments of the group. Volume says who else is there, nodes how often to gossip.
// Run it against the lab's tests: firstgap grade --lab 2 --submission .
package main

import firstgap "github.com/firstgap/firstgap/harness/lines/clients/go"

type segment struct{ *firstgap.Process }

func main() {
	firstgap.Run(func(p *firstgap.Process) firstgap.Node { return &segment{p} })
}

func (s *segment) OnStart(incarnation int, files []firstgap.File) {
	// Read the log, the promised epoch and the history from the files. Serve when a sync says that what you have read is durable:
	// it may still be in the disk's cache. One that has lost what it acknowledged answers damaged, and claims nothing.
}

func (s *segment) OnMessage(sender int, kind string, body []byte) {
	// append {epoch, records, vdl}: keep the records, and answer appended {epoch, scl} when they are durable: the SCL is the last LSN
	// up to which the back-links (prev) miss none. A lower epoch than you have promised gets stale {promise}.
	// fence {epoch}: promise to serve no lower epoch, and answer fenced {epoch, history, scl, vdl, held} when the promise is durable.
	// join {epoch, history}: drop what is not on that history, and answer joined {epoch, scl} when that is durable.
	// read-log {epoch, from, to}: answer log-records. read-page, read-snapshot: answer page-image, or behind {epoch, page, attempt, scl}.
	// gossip-ask {line, scl} of a peer: answer gossip-give {line, records} with what it lacks, and only on the same history.
	// confirm {epoch, round}: answer confirmed. ping {round}: answer pong {round}.
}

func (s *segment) OnTimer(timer int) {
	// Every nodes.gossipEvery, ask a peer for what you may lack: gossip-ask {line, scl}.
}

func (s *segment) OnDisk(token int, result string, data []byte) {
	// Now the records, the promise or the history are durable, and what you owe may leave. Tell Store, Fence and Join at this moment.
}

func (s *segment) OnRequest(client int, request []byte) {
	// Clients ask writers, and never a segment.
	s.Respond(client, request, firstgap.Fields{"status": "refused", "reason": "malformed"})
}
