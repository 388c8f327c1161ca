"""A register of one node, which keeps what it is told in a file, and one mistake that its argument names. It speaks the protocol by
itself, so that these tests need no client library."""
import json
import os
import sys
import time

mistake = sys.argv[1] if len(sys.argv) > 1 else ""
rows, waits, token, heard = {}, {}, 0, 0


def say(answer):
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


def respond(to, request, value=None):
    reply = {"id": request.get("id", 0), "op": request["op"], "status": "ok"}
    if value is not None:
        reply["value"] = {"bytes": value, "exists": True}
    return {"kind": "respond", "to": to, "reply": reply}


json.loads(sys.stdin.readline())
if mistake == "chatter":
    print("hello, world")
say({"firstgap": 1})
for line in sys.stdin:
    event = json.loads(line)["event"]
    kind, effects = event["kind"], []
    heard += 1
    if kind == "started":
        for f in event.get("files", ()):
            for row in f.get("data", "").split("\n"):
                key, cut, value = row.partition("=")
                if cut and value.endswith(";"):
                    rows[key] = value[:-1]
    elif kind == "disk-done":
        waiting = waits.pop(event.get("token", 0), None)
        if waiting:
            effects.append(waiting)
    elif kind == "requested":
        request, client = event["request"], event.get("from", 0)
        row = request["rows"][0]
        key = row.get("key", "")
        if mistake == "late" and heard > 70:
            time.sleep(60)
        if mistake == "memory" and heard > 70:
            hog = [bytearray(1 << 20) for _ in range(1 << 12)]
        if request["op"] == "write":
            token += 1
            rows[key] = row["value"]["bytes"]
            effects.append({"kind": "append", "file": "log", "data": f"{key}={rows[key]};\n"})
            effects.append({"kind": "sync", "token": token})
            if mistake == "hasty":
                effects.append(respond(client, request))
            else:
                waits[token] = respond(client, request)
        else:
            effects.append(respond(client, request, rows.get(key)))
        if mistake == "flaky":
            effects.append({"kind": "set-timer", "timer": 1, "after": 1000 + int.from_bytes(os.urandom(2))})
    say({"effects": effects})
