/**
 * firstgap's line protocol, version 1: a node is a program that reads events and writes effects, one JSON object a line.
 *
 * Copy this file beside your program, which derives a class from Node, overrides the handlers that it needs, and ends with run(new MyNode()).
 * A handler says what is to be done by calling send, setTimer, append, sync, replace, read, respond, tell and show: all of it is done, in
 * that order, when the handler has returned. Nothing else may reach the outside: no clock, no Math.random, no promises, no files. What
 * console prints goes to the standard error, the program's log. Times are in nanoseconds: 5 * MS.
 *
 * Numbers are exact up to 2^53. Integers above come as decimal strings: BigInt(x) reads both, and a bigint is written as such a string.
 */

// What it needs of node itself is declared here, so that no package of types has to be installed.
declare const process: { stderr: unknown };
declare const require: (name: string) => any;
const fs = require("fs"), { Buffer, isUtf8 } = require("buffer");

export const US = 1_000, MS = 1_000_000, SECOND = 1_000_000_000;

/** Bytes: a string where they are valid UTF-8, and else in base64. */
export type Text = string | { base64: string };
/** Fields of a message, a reply, a step of the trace or a state. What is zero, false or empty is left out: read it as body.scl ?? 0. */
export type Fields = { [name: string]: any };
export type Value = { bytes?: Text; exists?: boolean };
export type Row = { key?: Text; value?: Value };
/** A client's request; which other fields count, op says: "read", "write", "get", "put", "commit" and so on. */
export type Request = { id?: number | string; op: string; txn?: number | string; rows?: Row[] } & Fields;

export function bytes(text: Text): Uint8Array {
  return typeof text === "string" ? Buffer.from(text) : Buffer.from(text.base64, "base64");
}
export function text(bytes: Uint8Array): Text {
  const buffer = Buffer.from(bytes);
  return isUtf8(buffer) ? buffer.toString() : { base64: buffer.toString("base64") };
}

/** One node. From its first event on it has what the hello tells of it. */
export class Node {
  role = ""; id = 0; index = 0; now = 0;
  seed = 0n;
  members: number[] = []; // of its role, or, of a segment, of its group, itself among them
  volume: Fields = {}; nodes: Fields = {}; // of a node of the volume
  name = ""; // of the program, for reports
  timers: { [timer: number]: string } = {}; // what each timer is for, in a word
  out: { effects: Fields[]; trace: Fields[]; state?: Fields } = { effects: [], trace: [] };

  /** The first event. files: what the disk holds, by name. incarnation: 1, and one more after each crash. */
  onStart(incarnation: number, files: Map<string, Text>): void {}
  /** A message: of your own nodes, as it was given to send; of the volume, its type and its fields. */
  onMessage(sender: number, kind: string, body: any): void {}
  /** A timer that was set has run down. */
  onTimer(timer: number): void {}
  /** A sync, replace or read is done: "failed" is followed by failures alone. data: what was read. */
  onDisk(token: number, result: "ok" | "failed" | "full", data: Text): void {}
  /** A client asks: {id: 3, op: "write", rows: [{key: "x", value: {bytes: "1", exists: true}}]}. */
  onRequest(client: number, request: Request): void {}

  private do(kind: string, effect: Fields): void {
    this.out.effects.push({ kind, ...effect });
  }
  /** Sends a message to a node of your own kind; body is anything that JSON can hold. */
  send(to: number, kind: string, body: unknown = null): void {
    this.do("send", { to, message: { opaque: { kind, bytes: JSON.stringify(body) } } });
  }
  /** Sends a message of the volume: sendWire(7, "appended", {epoch: 2, scl: 101}). */
  sendWire(to: number, kind: string, fields: Fields): void {
    this.do("send", { to, message: { [kind]: fields } });
  }
  /** Has onTimer(timer) called once, after so many nanoseconds. Setting a timer again moves it. */
  setTimer(timer: number, after: number): void {
    this.do("set-timer", { timer, after });
  }
  /** Has a timer that was set not run down. */
  clearTimer(timer: number): void {
    this.do("clear-timer", { timer });
  }
  /** Adds data at the end of a file. A crash may lose it, or parts of it, until a later sync is done. */
  append(file: string, data: Text | Uint8Array): void {
    this.do("append", { file, data: data instanceof Uint8Array ? text(data) : data });
  }
  /** Makes durable all that was appended before; then onDisk(token, …). */
  sync(token: number): void {
    this.do("sync", { token });
  }
  /** Puts data in the place of a file: after a crash it is the old or the new one, as a whole. onDisk(token, …) when it is durable. */
  replace(file: string, data: Text | Uint8Array, token: number): void {
    this.do("replace", { file, data: data instanceof Uint8Array ? text(data) : data, token });
  }
  /** Reads size bytes of a file from byte from on; then onDisk(token, "ok", data). */
  read(file: string, from: number, size: number, token: number): void {
    this.do("read", { file, from, size, token });
  }
  /** Answers a request: respond(client, request, {status: "refused", reason: "busy"}); the status may also be ok, aborted, unknown. */
  respond(to: number, request: Request, reply: Fields): void {
    this.do("respond", { to, reply: { id: request.id, op: request.op, txn: request.txn, ...reply } });
  }
  /** Tells a step of the model: tell("Store", {epoch: 2, record}). */
  tell(action: string, fields: Fields): void {
    this.out.trace.push({ action, ...fields });
  }
  /** Says how the node is, for reports: show({serving: true, phase: "open"}). */
  show(state: Fields): void {
    this.out.state = state;
  }
}

function handle(node: Node, event: Fields): unknown {
  switch (event.kind) {
    case "started":
      return node.onStart(event.incarnation, new Map((event.files ?? []).map((f: Fields) => [f.name, f.data ?? ""])));
    case "received":
      const [kind, body] = Object.entries<any>(event.message)[0]!;
      return kind === "opaque" ? node.onMessage(event.from, body.kind, JSON.parse(body.bytes)) : node.onMessage(event.from, kind, body);
    case "fired":
      return node.onTimer(event.timer ?? 0);
    case "requested":
      return node.onRequest(event.from, event.request);
  }
  return node.onDisk(event.token ?? 0, event.kind === "disk-done" ? "ok" : event.kind === "disk-full" ? "full" : "failed", event.data ?? "");
}

function* lines(): Generator<string> {
  const chunk = Buffer.alloc(1 << 16);
  for (let rest = Buffer.alloc(0), n = 0; (n = fs.readSync(0, chunk)) > 0; ) {
    rest = Buffer.concat([rest, chunk.subarray(0, n)]);
    for (let end; (end = rest.indexOf(10)) >= 0; rest = rest.subarray(end + 1)) yield rest.toString("utf8", 0, end);
  }
}

/** Says hello and serves events until there are no more. */
export function run(node: Node): void {
  Object.defineProperty(process, "stdout", { get: () => process.stderr }); // node would not wait for a pipe that it has opened as a stream
  (BigInt.prototype as any).toJSON = function () { return this.toString(); };
  const say = (answer: Fields) => {
    const line = Buffer.from(JSON.stringify(answer) + "\n");
    for (let at = 0; at < line.length; ) at += fs.writeSync(1, line, at);
  };
  for (const line of lines()) {
    const { hello, now, event } = JSON.parse(line);
    if (hello) {
      Object.assign(node, hello, { seed: BigInt(hello.seed ?? 0), index: hello.index ?? 0 });
      say({ firstgap: 1, name: node.name || node.constructor.name, timers: node.timers });
      continue;
    }
    node.now = now ?? 0;
    node.out = { effects: [], trace: [] };
    if (handle(node, event) instanceof Promise) throw new Error(`${event.kind}: a handler must not be async`);
    say(node.out);
  }
}
