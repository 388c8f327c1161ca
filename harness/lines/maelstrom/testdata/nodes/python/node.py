"""A node of Maelstrom's workloads echo, broadcast, lin-kv and kafka that owns no thread and no clock, and keeps what it has
acknowledged in a file of its folder. The first node has the data of lin-kv and kafka, and the others forward to it. A set of
broadcast is read from all nodes. An argument --broken NAME makes one mistake."""
import json
import os
import sys

broken = sys.argv[sys.argv.index("--broken") + 1] if "--broken" in sys.argv else ""
me, nodes = "", []
done = {}  # by client and call: the answer, so that a request that arrives twice is carried out once
messages = set()  # of broadcast
reads = {}  # by client and call: the nodes that have not told their set yet
values, seen = {}, {}  # of lin-kv; seen is for the mistake "stale" alone
logs, committed = {}, {}  # of kafka: by key, pairs of offset and message
sends = 0


def send(dest, body):
    print(json.dumps({"src": me, "dest": dest, "body": body}), flush=True)


def answer(client, request, body):
    send(client, {**body, "in_reply_to": request["msg_id"]})


def keep(entry):
    """Puts what was done on the disk before anyone is told of it."""
    if broken == "forget":
        return
    with open("kept", "a") as f:
        f.write(json.dumps(entry) + "\n")
        f.flush()
        os.fsync(f.fileno())


def kept():
    """What is on the disk; a last line that was cut off was never acknowledged."""
    try:
        with open("kept") as f:
            lines = f.read().split("\n")
    except FileNotFoundError:
        return
    for line in lines[:-1]:
        yield json.loads(line)
    if lines[-1]:
        with open("kept", "r+") as f:
            f.truncate(sum(len(line) + 1 for line in lines[:-1]))


def error(code, text):
    return {"type": "error", "code": code, "text": text}


def carry_out(r):
    """Carries a request of lin-kv or kafka out on the data, and returns its answer."""
    global sends
    kind = r["type"]
    key = json.dumps(r.get("key"))
    if kind == "read":
        return {"type": "read_ok", "value": values[key]} if key in values else error(20, "no such key")
    if kind == "write":
        values[key] = r["value"]
    elif kind == "cas":
        if key not in values:
            return error(20, "no such key")
        if values[key] != r["from"]:
            return error(22, "another value")
        values[key] = r["to"]
    elif kind == "send":
        log = logs.setdefault(r["key"], [])
        offset = log[-1][0] + 1 if log else 0
        sends += 1
        if broken == "same-offset" and sends % 4 == 0 and log:
            offset -= 1
        if not (broken == "lose" and sends % 4 == 0):
            log.append([offset, r["msg"]])
        return {"type": "send_ok", "offset": str(offset) if broken == "malformed" else offset}
    elif kind == "poll":
        found = {}
        for k, start in r["offsets"].items():
            found[k] = [m for m in logs.get(k, []) if m[0] >= start and not (broken == "skip" and m[0] % 4 == 1)][:10]
        return {"type": "poll_ok", "msgs": found}
    elif kind == "commit_offsets":
        for k, offset in r["offsets"].items():
            if k not in committed or broken != "back" and committed[k] < offset:
                committed[k] = offset
    elif kind == "list_committed_offsets":
        return {"type": "list_committed_offsets_ok", "offsets": {k: committed[k] for k in r["keys"] if k in committed}}
    return {"type": kind + "_ok"}


def once(call, r):
    if call not in done or broken == "no-dedupe":
        done[call] = carry_out(r)
        if r["type"] not in ("read", "poll", "list_committed_offsets"):
            keep({"call": call, "request": r})
    return done[call]


def learn(some):
    new = [m for m in some if m not in messages]
    if new:
        messages.update(new)
        keep({"messages": new})


def told(call):
    if not reads[call]["missing"]:
        read = reads.pop(call)
        answer(read["client"], read["request"], {"type": "read_ok", "messages": sorted(messages)})


def take(src, body):
    global me, nodes
    kind, call = body["type"], f"{src}/{body.get('msg_id')}"
    if kind == "init":
        me, nodes = body["node_id"], body["node_ids"]
        for entry in kept():
            if "messages" in entry:
                messages.update(entry["messages"])
            else:
                done[entry["call"]] = carry_out(entry["request"])
        answer(src, body, {"type": "init_ok"})
    elif kind == "echo":
        answer(src, body, {"type": "echo_ok", "echo": "what?" if broken == "wrong-echo" else body["echo"]})
    elif kind == "topology":
        answer(src, body, {"type": "topology_ok"})
    elif kind == "broadcast":
        learn([body["message"]])
        answer(src, body, {"type": "broadcast_ok"})
    elif kind == "read" and "key" not in body:
        others = [] if broken == "no-gossip" else [n for n in nodes if n != me]
        reads[call] = {"client": src, "request": body, "missing": set(others)}
        for n in others:
            send(n, {"type": "pull", "call": call})
        told(call)
    elif kind == "pull":
        send(src, {"type": "pulled", "call": body["call"], "messages": sorted(messages)})
    elif kind == "pulled":
        learn(body["messages"])
        if body["call"] in reads:
            reads[body["call"]]["missing"].discard(src)
            told(body["call"])
    elif kind == "forward":
        send(src, {"type": "forwarded", "client": body["client"], "request": body["request"],
                   "answer": once(f"{body['client']}/{body['request']['msg_id']}", body["request"])})
    elif kind == "forwarded":
        if body["answer"]["type"] == "read_ok":
            seen[json.dumps(body["request"]["key"])] = body["answer"]["value"]
        answer(body["client"], body["request"], body["answer"])
    elif broken == "stale" and kind == "read" and json.dumps(body["key"]) in seen:
        answer(src, body, {"type": "read_ok", "value": seen[json.dumps(body["key"])]})
    elif me == nodes[0]:
        answer(src, body, once(call, body))
    else:
        send(nodes[0], {"type": "forward", "client": src, "request": body})


for line in sys.stdin:
    message = json.loads(line)
    take(message["src"], message["body"])
