/**
 * Lab 5: groups, membership and repair.
 *
 * The segment of lab 2 in a volume of several protection groups, whose members are replaced when they are lost.
 * Members lists all segments of the group, its spares last. Volume says who else is there, nodes how often to gossip.
 * Run it against the lab's tests: firstgap grade --lab 5 --submission .
 */
import { Node, Request, run, Text } from "./firstgap";

class Segment extends Node {
  onStart(incarnation: number, files: Map<string, Text>): void {
    // As in lab 2. A spare that becomes a member has nothing: it is filled by its peers.
  }

  onMessage(sender: number, kind: string, body: any): void {
    // All of lab 2, of records of your own group alone. A member that was lost and is new asks its peers for what they have:
    // gossip-ask and gossip-give, and where they have collected the log, fill-ask and fill-give with page images.
    // ping {round}: answer pong {round, lost}: lost says that what you promised or acknowledged is gone, and that you need to be replaced.
    // Never claim an SCL that you do not have: a membership changes only when the new member has everything.
  }

  onTimer(timer: number): void {
    // Every nodes.gossipEvery, ask a peer of your group for what you may lack.
  }

  onDisk(token: number, result: "ok" | "failed" | "full", data: Text): void {
    // Now the records, the promise or the history are durable, and what you owe may leave.
  }

  onRequest(client: number, request: Request): void {
    // Clients ask writers, and never a segment.
    this.respond(client, request, { status: "refused", reason: "malformed" });
  }
}

run(new Segment());
