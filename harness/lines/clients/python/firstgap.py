"""firstgap's line protocol, version 1: a node is a program that reads events and writes effects, one JSON object a line.

Copy this file beside your program, which derives a class from Node, overrides the handlers that it needs, and ends with run(MyNode()).
A handler says what is to be done by calling send, set_timer, append, sync, replace, read, respond, tell and show: all of it is done, in
that order, when the handler has returned. Nothing else may reach the outside: no clock, no randomness but random.Random(node.seed), no
threads, no files. Whatever the program prints goes to the standard error, its log.

Text is a str where it is valid UTF-8, and bytes where it is not; either may be given. Times are in nanoseconds: 5 * MS. A field that is
zero, false or empty is left out of a message: read it as body.get("scl", 0). Integers above 2**53 come as decimal strings: int() reads both.
"""
import base64
import json
import os
import sys

US, MS, SECOND = 1_000, 1_000_000, 1_000_000_000


class Node:
    """One node. From its first event on it has role, id, index, members, seed, volume and nodes, as the hello tells them, and now."""

    name = ""    # of the program, for reports; "" is that of the class
    timers = {}  # what each timer is for, in a word: {1: "gossip"}

    def on_start(self, incarnation, files):
        """The first event. files: what the disk holds, {name: bytes}. incarnation: 1, and one more after each crash."""

    def on_message(self, sender, kind, body):
        """A message: of your own nodes, as it was given to send; of the volume, its type and its fields."""

    def on_timer(self, timer):
        """A timer that was set has run down."""

    def on_disk(self, token, result, data):
        """A sync, replace or read is done. result: "ok", "failed" (and so will be all that follows) or "full". data: bytes that were read."""

    def on_request(self, client, request):
        """A client asks: {"id": 3, "op": "write", "rows": [{"key": "x", "value": {"bytes": "1", "exists": True}}]}."""

    def send(self, to, kind, body=None):
        """Sends a message to a node of your own kind; body is anything that JSON can hold, and bytes."""
        self._effects.append({"kind": "send", "to": to, "message": {"opaque": {"kind": kind, "bytes": encode(body)}}})

    def send_wire(self, to, kind, fields):
        """Sends a message of the volume: send_wire(7, "appended", {"epoch": 2, "scl": 101})."""
        self._effects.append({"kind": "send", "to": to, "message": {kind: fields}})

    def set_timer(self, timer, after):
        """Has on_timer(timer) called once, after so many nanoseconds. Setting a timer again moves it."""
        self._effects.append({"kind": "set-timer", "timer": timer, "after": after})

    def clear_timer(self, timer):
        """Has a timer that was set not run down."""
        self._effects.append({"kind": "clear-timer", "timer": timer})

    def append(self, file, data):
        """Adds data at the end of a file. A crash may lose it, or parts of it, until a later sync is done."""
        self._effects.append({"kind": "append", "file": file, "data": data})

    def sync(self, token):
        """Makes durable all that was appended before; then on_disk(token, …)."""
        self._effects.append({"kind": "sync", "token": token})

    def replace(self, file, data, token):
        """Puts data in the place of a file: after a crash it is the old or the new one, as a whole. on_disk(token, …) when it is durable."""
        self._effects.append({"kind": "replace", "file": file, "data": data, "token": token})

    def read(self, file, start, size, token):
        """Reads size bytes of a file from byte start on; then on_disk(token, "ok", data)."""
        self._effects.append({"kind": "read", "file": file, "from": start, "size": size, "token": token})

    def respond(self, client, request, status="ok", **fields):
        """Answers a request. status: ok, aborted, refused or unknown; fields: value={"bytes": "1", "exists": True}, reason="busy"."""
        self._effects.append({"kind": "respond", "to": client, "reply": {
            "id": request.get("id", 0), "op": request["op"], "txn": request.get("txn", 0), "status": status, **fields}})

    def tell(self, action, **fields):
        """Tells a step of the model: tell("Store", epoch=2, record=record)."""
        self._trace.append({"action": action, **fields})

    def show(self, **fields):
        """Says how the node is, for reports: show(serving=True, phase="open")."""
        self._state = fields


def _text(data):
    """What the wire has for bytes."""
    if not isinstance(data, (bytes, bytearray)):
        raise TypeError(f"expected what JSON can hold, or bytes, found {type(data).__name__}")
    try:
        return data.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(data).decode()}


def _plain(fields):
    """Bytes for what the wire has for them."""
    return base64.b64decode(fields["base64"]) if len(fields) == 1 and "base64" in fields else fields


def _bytes(text):
    return text.encode() if isinstance(text, str) else text


encode = json.JSONEncoder(default=_text, separators=(",", ":"), check_circular=False).encode
parse, parse_bytes = json.JSONDecoder().decode, json.JSONDecoder(object_hook=_plain).decode


def decode(text):
    """Reads JSON; encode(value) writes it, as a str. Both take bytes, as the wire has them."""
    return parse_bytes(text) if '"base64":' in text else parse(text)


def _dispatch(node, event):
    kind = event["kind"]
    if kind == "received":
        (name, body), = event["message"].items()
        if name == "opaque":
            name, body = body["kind"], decode(body["bytes"])
        node.on_message(event.get("from", 0), name, body)
    elif kind == "fired":
        node.on_timer(event.get("timer", 0))
    elif kind == "requested":
        node.on_request(event.get("from", 0), event["request"])
    elif kind == "started":
        node.on_start(event["incarnation"], {f.get("name", ""): _bytes(f.get("data", b"")) for f in event.get("files", ())})
    else:
        node.on_disk(event.get("token", 0), {"disk-done": "ok", "disk-failed": "failed", "disk-full": "full"}[kind], _bytes(event.get("data", b"")))


def run(node):
    """Says hello and serves events until there are no more."""
    lines, out = os.fdopen(os.dup(0), encoding="utf-8", newline="\n"), os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what anything prints goes to the log
    sys.stdout = sys.stderr
    hello = json.loads(lines.readline())["hello"]
    node.hello, node.role, node.id, node.index = hello, hello["role"], hello["id"], hello.get("index", 0)
    node.members, node.seed = hello["members"], int(hello.get("seed", 0))
    node.volume, node.nodes, node.now = hello.get("volume"), hello.get("nodes"), 0
    print(encode({"firstgap": 1, "name": node.name or type(node).__name__, "timers": node.timers}), file=out, flush=True)
    for line in lines:
        frame = decode(line)
        node.now = frame.get("now", 0)
        node._effects, node._trace, node._state = [], [], None
        _dispatch(node, frame["event"])
        answer = {"effects": node._effects, "trace": node._trace}
        if node._state is not None:
            answer["state"] = node._state
        print(encode(answer), file=out, flush=True)
