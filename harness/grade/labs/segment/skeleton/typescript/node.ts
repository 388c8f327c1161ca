/**
 * Lab 2: a segment.
 *
 * One of the six copies of a protection group: it keeps log records, acknowledges how far it has them all, and makes pages of them.
 * Members lists the segments of the group. Volume says who else is there, nodes how often to gossip.
 * Run it against the lab's tests: firstgap grade --lab 2 --submission .
 */
import { Node, Request, run, Text } from "./firstgap";

class Segment extends Node {
  onStart(incarnation: number, files: Map<string, Text>): void {
    // Read the log, the promised epoch and the history from the files. Serve when a sync says that what you have read is durable:
    // it may still be in the disk's cache. One that has lost what it acknowledged answers damaged, and claims nothing.
  }

  onMessage(sender: number, kind: string, body: any): void {
    // append {epoch, records, vdl}: keep the records, and answer appended {epoch, scl} when they are durable: the SCL is the last LSN
    // up to which the back-links (prev) miss none. A lower epoch than you have promised gets stale {promise}.
    // fence {epoch}: promise to serve no lower epoch, and answer fenced {epoch, history, scl, vdl, held} when the promise is durable.
    // join {epoch, history}: drop what is not on that history, and answer joined {epoch, scl} when that is durable.
    // read-log {epoch, from, to}: answer log-records. read-page, read-snapshot: answer page-image, or behind {epoch, page, attempt, scl}.
    // gossip-ask {line, scl} of a peer: answer gossip-give {line, records} with what it lacks, and only on the same history.
    // confirm {epoch, round}: answer confirmed. ping {round}: answer pong {round}.
  }

  onTimer(timer: number): void {
    // Every nodes.gossipEvery, ask a peer for what you may lack: gossip-ask {line, scl}.
  }

  onDisk(token: number, result: "ok" | "failed" | "full", data: Text): void {
    // Now the records, the promise or the history are durable, and what you owe may leave. Tell Store, Fence and Join at this moment.
  }

  onRequest(client: number, request: Request): void {
    // Clients ask writers, and never a segment.
    this.respond(client, request, { status: "refused", reason: "malformed" });
  }
}

run(new Segment());
