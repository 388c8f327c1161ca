// Lab 5: groups, membership and repair.
//
// The segment of lab 2 in a volume of several protection groups, whose members are replaced when they are lost.
// Members lists all segments of the group, its spares last. Volume says who else is there, nodes how often to gossip.
// Run it against the lab's tests: firstgap grade --lab 5 --submission .
package main

import firstgap "github.com/firstgap/firstgap/harness/lines/clients/go"

type segment struct{ *firstgap.Process }

func main() {
	firstgap.Run(func(p *firstgap.Process) firstgap.Node { return &segment{p} })
}

func (s *segment) OnStart(incarnation int, files []firstgap.File) {
	// As in lab 2. A spare that becomes a member has nothing: it is filled by its peers.
}

func (s *segment) OnMessage(sender int, kind string, body []byte) {
	// All of lab 2, of records of your own group alone. A member that was lost and is new asks its peers for what they have:
	// gossip-ask and gossip-give, and where they have collected the log, fill-ask and fill-give with page images.
	// ping {round}: answer pong {round, lost}: lost says that what you promised or acknowledged is gone, and that you need to be replaced.
	// Never claim an SCL that you do not have: a membership changes only when the new member has everything.
}

func (s *segment) OnTimer(timer int) {
	// Every nodes.gossipEvery, ask a peer of your group for what you may lack.
}

func (s *segment) OnDisk(token int, result string, data []byte) {
	// Now the records, the promise or the history are durable, and what you owe may leave.
}

func (s *segment) OnRequest(client int, request []byte) {
	// Clients ask writers, and never a segment.
	s.Respond(client, request, firstgap.Fields{"status": "refused", "reason": "malformed"})
}
