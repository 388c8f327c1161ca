"""A node for Maelstrom's workloads echo, broadcast, kafka and lin-kv: node.py WORKLOAD [MISTAKE].

It owns no clock and no thread. Of kafka and lin-kv, n0 has the state, and the others pass calls on to it.
"""

import json
import sys

workload, mistake = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else ""
me, nodes, sent = "", [], 0


def send(dest, body):
    print(json.dumps({"src": me, "dest": dest, "body": body}), flush=True)


def answer(to, body, reply):
    send(to, {**reply, "in_reply_to": body["msg_id"]})


def error(code, text):
    return {"type": "error", "code": code, "text": text}


class Broadcast:
    """Whoever is asked something tells all it has to all others: what was lost is told again."""

    def __init__(self):
        self.all = set()

    def call(self, src, body):
        new = set()
        if body["type"] == "topology":
            return answer(src, body, {"type": "topology_ok"})
        if body["type"] == "broadcast":
            new = {body["message"]} - self.all
            self.all |= new
            answer(src, body, {"type": "broadcast_ok"})
        elif body["type"] == "read":
            answer(src, body, {"type": "read_ok", "messages": sorted(self.all)})
        told = new if mistake == "once" else self.all
        for n in nodes:
            if n != me and told:
                send(n, {"type": "gossip", "messages": sorted(told)})

    def told(self, body):
        self.all |= set(body["messages"])


class Kafka:
    def __init__(self):
        self.logs, self.committed = {}, {}

    def apply(self, body):
        if body["type"] == "send":
            log = self.logs.setdefault(body["key"], [])
            log.append(body["msg"])
            return {"type": "send_ok", "offset": len(log) - 1}
        if body["type"] == "poll":
            return {"type": "poll_ok", "msgs": {k: [[i, m] for i, m in enumerate(self.logs.get(k, []))][at:at + 5] for k, at in body["offsets"].items()}}
        if body["type"] == "commit_offsets":
            for k, at in body["offsets"].items():
                self.committed[k] = max(at, self.committed.get(k, 0))
            return {"type": "commit_offsets_ok"}
        return {"type": "list_committed_offsets_ok", "offsets": {k: self.committed[k] for k in body["keys"] if k in self.committed}}


class LinKV:
    def __init__(self):
        self.values = {}

    def apply(self, body):
        k = json.dumps(body["key"])
        if body["type"] == "write":
            self.values[k] = body["value"]
            return {"type": "write_ok"}
        if k not in self.values:
            return error(20, "key does not exist")
        if body["type"] == "read":
            return {"type": "read_ok", "value": self.values[k]}
        if self.values[k] != body["from"]:
            return error(22, f"the value is {self.values[k]}")
        self.values[k] = body["to"]
        return {"type": "cas_ok"}


class Led:
    """One node has the state. A call that the network doubled is carried out once."""

    def __init__(self, state):
        self.state, self.passed, self.done, self.cache = state, {}, {}, {}

    def call(self, src, body):
        global sent
        if me == nodes[0] or mistake == "alone":
            return answer(src, body, self.state.apply(body))
        if mistake == "stale" and body["type"] == "read" and body["key"] in self.cache:
            return answer(src, body, {"type": "read_ok", "value": self.cache[body["key"]]})
        sent += 1
        self.passed[sent] = (src, body)
        send(nodes[0], {"type": "pass", "msg_id": sent, "call": body})

    def passed_on(self, src, body):
        key = (src, body["msg_id"])
        if key not in self.done:
            self.done[key] = self.state.apply(body["call"])
        answer(src, body, {"type": "passed", "reply": self.done[key]})

    def returned(self, body):
        src, asked = self.passed.pop(body["in_reply_to"], (None, None))
        if src is not None:
            if body["reply"]["type"] == "read_ok":
                self.cache[asked["key"]] = body["reply"]["value"]
            answer(src, asked, body["reply"])


class Echo:
    def call(self, src, body):
        answer(src, body, {"type": "echo_ok", "echo": body["echo"] if mistake != "constant" else "echo"})


node = {"echo": Echo, "broadcast": Broadcast, "kafka": lambda: Led(Kafka()), "lin-kv": lambda: Led(LinKV())}[workload]()
for line in sys.stdin:
    message = json.loads(line)
    src, body = message["src"], message["body"]
    kind = body["type"]
    if kind == "init":
        me, nodes = body["node_id"], body["node_ids"]
        answer(src, body, {"type": "init_ok"})
    elif kind == "gossip":
        node.told(body)
    elif kind == "pass":
        node.passed_on(src, body)
    elif kind == "passed":
        node.returned(body)
    else:
        node.call(src, body)
