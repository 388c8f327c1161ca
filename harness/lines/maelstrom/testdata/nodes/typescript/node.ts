// A node of Maelstrom's workloads echo, broadcast, lin-kv and kafka that owns no thread and no clock, and keeps what it has
// acknowledged in a file of its folder. The first node has the data of lin-kv and kafka, and the others forward to it. A set of
// broadcast is read from all nodes. An argument --broken NAME makes one mistake.

// What it needs of node is declared here, so that no package of types has to be installed.
declare const process: any;
declare const require: (name: string) => any;
const { closeSync, existsSync, fsyncSync, openSync, readFileSync, truncateSync, writeSync } = require("fs");
const { createInterface } = require("readline");
const { Buffer } = require("buffer");

type Body = { type: string; msg_id?: number; [field: string]: any };
type Reading = { client: string; request: Body; missing: Set<string> };

const at = process.argv.indexOf("--broken");
const broken = at < 0 ? "" : process.argv[at + 1];
let me = "";
let nodes: string[] = [];
const done = new Map<string, Body>(); // by client and call: the answer, so that a request that arrives twice is carried out once
const messages = new Set<number>(); // of broadcast
const reads = new Map<string, Reading>(); // by client and call: the nodes that have not told their set yet
const values = new Map<string, any>(); // of lin-kv
const seen = new Map<string, any>(); // for the mistake "stale" alone
const logs = new Map<string, [number, any][]>(); // of kafka: by key, pairs of offset and message
const committed = new Map<string, number>();
let sends = 0;

function send(dest: string, body: Body): void {
  process.stdout.write(JSON.stringify({ src: me, dest, body }) + "\n");
}

function answer(client: string, request: Body, body: Body): void {
  send(client, { ...body, in_reply_to: request.msg_id });
}

// keep puts what was done on the disk before anyone is told of it.
function keep(entry: object): void {
  if (broken === "forget") return;
  const file = openSync("kept", "a");
  writeSync(file, JSON.stringify(entry) + "\n");
  fsyncSync(file);
  closeSync(file);
}

// kept is what is on the disk; a last line that was cut off was never acknowledged.
function kept(): any[] {
  if (!existsSync("kept")) return [];
  const text = readFileSync("kept", "utf8");
  const whole = text.slice(0, text.lastIndexOf("\n") + 1);
  if (whole.length < text.length) truncateSync("kept", Buffer.byteLength(whole));
  return whole.split("\n").slice(0, -1).map((line: string) => JSON.parse(line));
}

const error = (code: number, text: string): Body => ({ type: "error", code, text });

// carryOut carries a request of lin-kv or kafka out on the data, and returns its answer.
function carryOut(r: Body): Body {
  const key = JSON.stringify(r.key);
  switch (r.type) {
    case "read":
      return values.has(key) ? { type: "read_ok", value: values.get(key) } : error(20, "no such key");
    case "write":
      values.set(key, r.value);
      break;
    case "cas":
      if (!values.has(key)) return error(20, "no such key");
      if (values.get(key) !== r.from) return error(22, "another value");
      values.set(key, r.to);
      break;
    case "send": {
      const log = logs.get(r.key) ?? [];
      logs.set(r.key, log);
      let offset = log.length > 0 ? log[log.length - 1][0] + 1 : 0;
      sends++;
      if (broken === "same-offset" && sends % 4 === 0 && log.length > 0) offset--;
      if (!(broken === "lose" && sends % 4 === 0)) log.push([offset, r.msg]);
      return { type: "send_ok", offset: broken === "malformed" ? String(offset) : offset };
    }
    case "poll": {
      const found: Record<string, [number, any][]> = {};
      for (const [k, from] of Object.entries<number>(r.offsets)) {
        found[k] = (logs.get(k) ?? []).filter(([o]) => o >= from && !(broken === "skip" && o % 4 === 1)).slice(0, 10);
      }
      return { type: "poll_ok", msgs: found };
    }
    case "commit_offsets":
      for (const [k, offset] of Object.entries<number>(r.offsets)) {
        const old = committed.get(k);
        if (old === undefined || (broken !== "back" && old < offset)) committed.set(k, offset);
      }
      break;
    case "list_committed_offsets": {
      const found: Record<string, number> = {};
      for (const k of r.keys) if (committed.has(k)) found[k] = committed.get(k)!;
      return { type: "list_committed_offsets_ok", offsets: found };
    }
  }
  return { type: r.type + "_ok" };
}

function once(call: string, r: Body): Body {
  let result = done.get(call);
  if (result === undefined || broken === "no-dedupe") {
    result = carryOut(r);
    done.set(call, result);
    if (!["read", "poll", "list_committed_offsets"].includes(r.type)) keep({ call, request: r });
  }
  return result;
}

function learn(some: number[]): void {
  const fresh = some.filter((m) => !messages.has(m));
  if (fresh.length === 0) return;
  fresh.forEach((m) => messages.add(m));
  keep({ messages: fresh });
}

const all = (): number[] => [...messages].sort((a, b) => a - b);

function told(call: string): void {
  const read = reads.get(call)!;
  if (read.missing.size > 0) return;
  reads.delete(call);
  answer(read.client, read.request, { type: "read_ok", messages: all() });
}

function take(src: string, body: Body): void {
  const call = `${src}/${body.msg_id}`;
  switch (body.type) {
    case "init":
      me = body.node_id;
      nodes = body.node_ids;
      for (const entry of kept()) {
        if (entry.messages) entry.messages.forEach((m: number) => messages.add(m));
        else done.set(entry.call, carryOut(entry.request));
      }
      return answer(src, body, { type: "init_ok" });
    case "echo":
      return answer(src, body, { type: "echo_ok", echo: broken === "wrong-echo" ? "what?" : body.echo });
    case "topology":
      return answer(src, body, { type: "topology_ok" });
    case "broadcast":
      learn([body.message]);
      return answer(src, body, { type: "broadcast_ok" });
    case "pull":
      return send(src, { type: "pulled", call: body.call, messages: all() });
    case "pulled":
      learn(body.messages);
      if (reads.get(body.call)?.missing.delete(src)) told(body.call);
      return;
    case "forward":
      return send(src, { type: "forwarded", client: body.client, request: body.request, answer: once(`${body.client}/${body.request.msg_id}`, body.request) });
    case "forwarded":
      if (body.answer.type === "read_ok") seen.set(JSON.stringify(body.request.key), body.answer.value);
      return answer(body.client, body.request, body.answer);
  }
  if (body.type === "read" && !("key" in body)) {
    const others = broken === "no-gossip" ? [] : nodes.filter((n) => n !== me);
    reads.set(call, { client: src, request: body, missing: new Set(others) });
    others.forEach((n) => send(n, { type: "pull", call }));
    told(call);
  } else if (broken === "stale" && body.type === "read" && seen.has(JSON.stringify(body.key))) {
    answer(src, body, { type: "read_ok", value: seen.get(JSON.stringify(body.key)) });
  } else if (me === nodes[0]) {
    answer(src, body, once(call, body));
  } else {
    send(nodes[0], { type: "forward", client: src, request: body });
  }
}

createInterface({ input: process.stdin }).on("line", (line: string) => {
  const message = JSON.parse(line);
  take(message.src, message.body);
});
