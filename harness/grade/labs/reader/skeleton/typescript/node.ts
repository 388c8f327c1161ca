/**
 * Lab 6: a reader.
 *
 * A read replica: it follows the writer's stream of records, keeps pages of its own, and serves snapshots at read points.
 * Members lists the readers. Volume says which segments hold which pages.
 * Run it against the lab's tests: firstgap grade --lab 6 --submission .
 */
import { Node, Request, run, Text } from "./firstgap";

class Reader extends Node {
  onStart(incarnation: number, files: Map<string, Text>): void {
    // A reader has no disk: it begins with what the writer tells it.
  }

  onMessage(sender: number, kind: string, body: any): void {
    // offer {epoch, history, anew}: follow that writer. Answer follow {epoch, number, began, wants, have, low}; number grows for ever.
    // anew {epoch, number, answer, from, ready, lasts}: begin above from; serve from ready on. What you had is void.
    // stream {epoch, records, vdl}: apply records to the pages that you have, a mini-transaction as a whole, up to the VDL and not beyond.
    // page-image answers your read-snapshot {epoch, page, readPoint, need, attempt} to a segment; behind and below-floor refuse it.
    // promote: become the writer. This lab does not ask for it.
  }

  onTimer(timer: number): void {
    // Acknowledge the stream, ask for what did not come, and say how low your queries read: follow, every nodes.retryEvery.
  }

  onDisk(token: number, result: "ok" | "failed" | "full", data: Text): void {
    // A reader has no disk.
  }

  onRequest(client: number, request: Request): void {
    // begin opens a snapshot; get and scan read in it: the committed prefix of the log at its read point, and nothing else; commit and
    // abort end it. put is refused: read only. Read points never go back.
    this.respond(client, request, { status: "refused", reason: "not open" });
  }
}

run(new Reader());
