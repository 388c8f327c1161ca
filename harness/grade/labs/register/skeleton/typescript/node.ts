/**
 * Lab 1: the versioned quorum register.
 *
 * Three replicas keep a value under each key. Clients may ask any of them to read or to write.
 * Run it against the lab's tests: firstgap grade --lab 1 --submission .
 */
import { Node, Request, run, Text } from "./firstgap";

class Register extends Node {
  onStart(incarnation: number, files: Map<string, Text>): void {
    // Files holds what was durable before the crash: versions that this node has acknowledged must not be forgotten.
    // What clients had asked is lost, and they ask again. A disk that cannot be read must not be taken for an empty one.
  }

  onMessage(sender: number, kind: string, body: any): void {
    // The other replicas' messages are yours to design: send takes a kind and any JSON. Two phases do: ask a majority for the newest
    // version of a key, then have a majority store a version. An acknowledgement leaves when the disk has what it acknowledges.
  }

  onTimer(timer: number): void {
    // Messages are lost, late, doubled and overtaken: ask again whoever has not answered.
  }

  onDisk(token: number, result: "ok" | "failed" | "full", data: Text): void {
    // Now what was appended before the sync, or put in a file's place, survives a crash. Whom did you owe an answer?
  }

  onRequest(client: number, request: Request): void {
    // Op is read or write, of rows[0]. A write needs a version that no other write ever has. A read, too, has to have its version
    // stored by a majority before it answers: a later read may not find an older one.
    this.respond(client, request, { status: "refused", reason: "not open" });
  }
}

run(new Register());
