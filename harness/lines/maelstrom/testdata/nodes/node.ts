// A node for Maelstrom's workloads echo, broadcast, kafka and lin-kv: node.js WORKLOAD [MISTAKE].
//
// It owns no clock. Of kafka and lin-kv, n0 has the state, and the others pass calls on to it.

declare const process: {
  argv: string[];
  stdin: { setEncoding(e: string): void; on(event: "data", f: (text: string) => void): void };
  stdout: { write(text: string): void };
};

type Content = { type: string; [key: string]: any };

const [workload, mistake] = process.argv.slice(2);
let me = "";
let nodes: string[] = [];
let sent = 0;

function send(dest: string, body: Content): void {
  process.stdout.write(JSON.stringify({ src: me, dest, body }) + "\n");
}

function answer(to: string, asked: Content, reply: Content): void {
  send(to, { ...reply, in_reply_to: asked.msg_id });
}

function error(code: number, text: string): Content {
  return { type: "error", code, text };
}

interface Served {
  call(src: string, body: Content): void;
  other(src: string, body: Content): void;
}

class Echo implements Served {
  call(src: string, body: Content): void {
    answer(src, body, { type: "echo_ok", echo: mistake === "constant" ? "echo" : body.echo });
  }
  other(): void {}
}

// Whoever is asked something tells all it has to all others: what was lost is told again.
class Broadcast implements Served {
  private all = new Set<any>();
  call(src: string, body: Content): void {
    const before = new Set(this.all);
    if (body.type === "topology") return answer(src, body, { type: "topology_ok" });
    if (body.type === "broadcast") {
      this.all.add(body.message);
      answer(src, body, { type: "broadcast_ok" });
    } else {
      answer(src, body, { type: "read_ok", messages: [...this.all] });
    }
    const told = [...this.all].filter((m) => mistake !== "once" || !before.has(m));
    for (const n of nodes) if (n !== me && told.length > 0) send(n, { type: "gossip", messages: told });
  }
  other(_: string, body: Content): void {
    for (const m of body.messages) this.all.add(m);
  }
}

interface State {
  apply(body: Content): Content;
}

class Kafka implements State {
  private logs = new Map<string, any[]>();
  private committed = new Map<string, number>();
  apply(body: Content): Content {
    switch (body.type) {
      case "send": {
        const log = this.logs.get(body.key) ?? [];
        this.logs.set(body.key, log);
        log.push(body.msg);
        return { type: "send_ok", offset: log.length - 1 };
      }
      case "poll": {
        const msgs: { [key: string]: any[] } = {};
        for (const [k, at] of Object.entries<number>(body.offsets)) {
          msgs[k] = (this.logs.get(k) ?? []).map((m, i) => [i, m]).slice(at, at + 5);
        }
        return { type: "poll_ok", msgs };
      }
      case "commit_offsets":
        for (const [k, at] of Object.entries<number>(body.offsets)) {
          this.committed.set(k, Math.max(at, this.committed.get(k) ?? 0));
        }
        return { type: "commit_offsets_ok" };
    }
    const offsets: { [key: string]: number } = {};
    for (const k of body.keys) {
      const at = this.committed.get(k);
      if (at !== undefined) offsets[k] = at;
    }
    return { type: "list_committed_offsets_ok", offsets };
  }
}

class LinKV implements State {
  private values = new Map<string, any>();
  apply(body: Content): Content {
    const k = JSON.stringify(body.key);
    if (body.type === "write") {
      this.values.set(k, body.value);
      return { type: "write_ok" };
    }
    if (!this.values.has(k)) return error(20, "key does not exist");
    if (body.type === "read") return { type: "read_ok", value: this.values.get(k) };
    if (this.values.get(k) !== body.from) return error(22, `the value is ${this.values.get(k)}`);
    this.values.set(k, body.to);
    return { type: "cas_ok" };
  }
}

// One node has the state. A call that the network doubled is carried out once.
class Led implements Served {
  private passed = new Map<number, { src: string; body: Content }>();
  private done = new Map<string, Content>();
  private cache = new Map<any, any>();
  constructor(private state: State) {}
  call(src: string, body: Content): void {
    if (me === nodes[0] || mistake === "alone") return answer(src, body, this.state.apply(body));
    if (mistake === "stale" && body.type === "read" && this.cache.has(body.key)) {
      return answer(src, body, { type: "read_ok", value: this.cache.get(body.key) });
    }
    this.passed.set(++sent, { src, body });
    send(nodes[0], { type: "pass", msg_id: sent, call: body });
  }
  other(src: string, body: Content): void {
    if (body.type === "pass") {
      const key = src + " " + body.msg_id;
      const reply = this.done.get(key) ?? this.state.apply(body.call);
      this.done.set(key, reply);
      return answer(src, body, { type: "passed", reply });
    }
    const asked = this.passed.get(body.in_reply_to);
    this.passed.delete(body.in_reply_to);
    if (asked === undefined) return;
    if (body.reply.type === "read_ok") this.cache.set(asked.body.key, body.reply.value);
    answer(asked.src, asked.body, body.reply);
  }
}

const made: { [workload: string]: () => Served } = {
  echo: () => new Echo(),
  broadcast: () => new Broadcast(),
  kafka: () => new Led(new Kafka()),
  "lin-kv": () => new Led(new LinKV()),
};
const node = made[workload]();

function take(line: string): void {
  const { src, body } = JSON.parse(line) as { src: string; body: Content };
  if (body.type === "init") {
    me = body.node_id;
    nodes = body.node_ids;
    answer(src, body, { type: "init_ok" });
  } else if (["gossip", "pass", "passed"].includes(body.type)) {
    node.other(src, body);
  } else {
    node.call(src, body);
  }
}

let rest = "";
process.stdin.setEncoding("utf8");
process.stdin.on("data", (text) => {
  const lines = (rest + text).split("\n");
  rest = lines.pop() ?? "";
  lines.forEach(take);
});
