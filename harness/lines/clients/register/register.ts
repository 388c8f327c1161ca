/**
 * A replicated register for each key: the versioned quorum register (multi-writer ABD, Lynch and Shvartsman 1997).
 *
 * Any node takes reads and writes. It asks a majority for the newest version, then has a majority store the version that it answers with:
 * a write's own, which is newer, or, for a read, the one it found, or else a later read could ask another majority and find an older one.
 */
import { MS, Node, Request, run, Text, Value } from "./firstgap";

type Version = [number: number, node: number, operation: number]; // no two writes have the same
type Copy = { version: Version; value: Value };
type Message = { number: number; key: string; copy: Copy };

/** A client's request under way: it asks, then stores. A crash loses it, and its client asks again. */
type Operation = { number: number; client: number; request: Request; key: string; phase: "ask" | "store"; copy: Copy; answered: Set<number> };
type Owed = { to: number; number: number }; // who is to hear that a copy is stored once the disk has it

const RETRY = 1; // the timer
const NOTHING: Copy = { version: [0, 0, 0], value: {} };

class Register extends Node {
  timers = { [RETRY]: "retry" };
  copies = new Map<string, Copy>(); // by key: the newest version that this node has, and its value
  operations = new Map<number, Operation>(); // by number, in the order in which they began
  owed: Owed[] = [];
  writing: Owed[] = []; // those for whom the write under way is
  writes = 0; // numbers the writes of this incarnation
  last = 0; // operation: no other of this node ever has its number
  broken = false; // what this node has acknowledged is lost to it, so it takes no part any more

  onStart(incarnation: number, files: Map<string, Text>): void {
    this.last = incarnation * 2 ** 32;
    const file = files.get("copies"); // a disk without it has acknowledged nothing
    if (file === undefined) return;
    this.broken = typeof file !== "string" || checksum(file.slice(8)) !== file.slice(0, 8);
    if (typeof file === "string" && !this.broken) this.copies = new Map(JSON.parse(file.slice(8)));
  }

  onRequest(client: number, request: Request): void {
    if (this.broken) return;
    if ((request.op !== "read" && request.op !== "write") || request.rows?.length !== 1) {
      return this.respond(client, request, { status: "refused", reason: "malformed" });
    }
    const operation: Operation = { number: ++this.last, client, request, key: JSON.stringify(request.rows[0]!.key), phase: "ask", copy: NOTHING, answered: new Set() };
    this.operations.set(operation.number, operation);
    if (this.operations.size > 64) this.operations.delete(this.operations.keys().next().value!); // its client has long given up
    this.goOn(operation);
    this.setTimer(RETRY, 15 * MS);
  }

  /** Sends the operation's message to all who have not answered it: messages are lost. */
  goOn({ number, key, copy, phase, answered }: Operation): void {
    for (const member of this.members) {
      if (!answered.has(member)) this.send(member, phase, { number, key, copy });
    }
  }

  onTimer(): void {
    for (const operation of this.operations.values()) this.goOn(operation);
    if (this.operations.size > 0) this.setTimer(RETRY, 15 * MS);
  }

  onMessage(sender: number, kind: string, { number, key, copy }: Message): void {
    if (this.broken) return;
    const operation = this.operations.get(number);
    if (kind === "ask") {
      // What it has may not be durable yet: the client hears of it only when a majority has stored it.
      this.send(sender, "ask-ok", { number, copy: this.copies.get(key) ?? NOTHING });
    } else if (kind === "store") {
      this.copies.set(key, newest(this.copies.get(key) ?? NOTHING, copy));
      this.owed.push({ to: sender, number }); // also when it is old: what a start has read may still be in the disk's cache
      this.write();
    } else if (operation && kind === operation.phase + "-ok") {
      operation.answered.add(sender);
      operation.copy = newest(operation.copy, copy ?? NOTHING);
      if (operation.answered.size > this.members.length / 2) this.nextPhase(operation);
    }
  }

  nextPhase(operation: Operation): void {
    if (operation.phase === "store") {
      this.operations.delete(operation.number);
      return this.respond(operation.client, operation.request, { status: "ok", value: operation.copy.value });
    }
    if (operation.request.op === "write") {
      const version: Version = [operation.copy.version[0] + 1, this.id, operation.number];
      operation.copy = { version, value: operation.request.rows![0]!.value ?? {} };
    }
    operation.phase = "store";
    operation.answered = new Set();
    this.goOn(operation);
  }

  /** Writes all copies, when no write is under way: the next one then covers all that has come meanwhile. */
  write(): void {
    if (this.owed.length === 0 || this.writing.length > 0) return;
    [this.writing, this.owed] = [this.owed, []];
    const text = JSON.stringify([...this.copies]);
    this.replace("copies", checksum(text) + text, ++this.writes);
  }

  onDisk(token: number, result: "ok" | "failed" | "full"): void {
    if (result === "failed") this.broken = true; // the disk may have it or not, and will fail from now on
    if (this.broken) return;
    if (result === "ok") {
      for (const { to, number } of this.writing) this.send(to, "store-ok", { number }); // when it is full, those who wait will ask again
    }
    this.writing = [];
    this.write();
  }
}

function newest(a: Copy, b: Copy): Copy {
  const at = a.version.findIndex((part, i) => part !== b.version[i]);
  return at < 0 || a.version[at]! > b.version[at]! ? a : b;
}

/** FNV-1a of the text, in eight digits. */
function checksum(text: string): string {
  let sum = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) sum = Math.imul(sum ^ text.charCodeAt(i), 0x01000193);
  return (sum >>> 0).toString(16).padStart(8, "0");
}

run(new Register());
