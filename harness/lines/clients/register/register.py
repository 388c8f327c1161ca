"""A replicated register for each key: the versioned quorum register (multi-writer ABD, Lynch and Shvartsman 1997).

Any node takes reads and writes. It asks a majority for the newest version, then has a majority store the version that it answers with:
a write's own, which is newer, or, for a read, the one it found, or else a later read could ask another majority and find an older one.
"""
import zlib

from firstgap import MS, Node, decode, encode, run

RETRY = 1  # the timer
NOTHING = {"version": [0, 0, 0], "value": {}}


class Operation:
    """A client's request under way: it asks, then stores. What it waits for is lost with a crash, and its client asks again."""

    def __init__(self, number, client, request):
        self.number, self.client, self.request = number, client, request
        self.key, self.writes = request["rows"][0].get("key", ""), request["op"] == "write"
        self.phase, self.copy, self.answered = "ask", NOTHING, set()


class Register(Node):
    timers = {RETRY: "retry"}

    def on_start(self, incarnation, files):
        self.copies = {}      # by key: the newest version that this node has, and its value
        self.operations = {}  # by number
        self.owed = []        # who is to hear that a copy is stored once the disk has it: (node, operation's number)
        self.writing = []     # those for whom the write under way is
        self.writes = 0       # numbers the writes of this incarnation
        self.last = incarnation << 32  # the last operation's number: no other operation of this node ever has it
        self.broken = False   # what this node has acknowledged is lost to it, so it takes no part any more
        if "copies" in files:  # a disk without the file has acknowledged nothing
            text, sum = files["copies"][:-8], files["copies"][-8:]
            self.broken = checksum(text) != sum
            if not self.broken:
                self.copies = dict(decode(text.decode()))

    def on_request(self, client, request):
        if self.broken:
            return
        if request["op"] not in ("read", "write") or len(request.get("rows", ())) != 1:
            self.respond(client, request, "refused", reason="malformed")
            return
        self.last += 1
        operation = self.operations[self.last] = Operation(self.last, client, request)
        if len(self.operations) > 64:  # the oldest one's client has long given up
            del self.operations[min(self.operations)]
        self.go_on(operation)
        self.set_timer(RETRY, 15 * MS)

    def go_on(self, operation):
        """Sends the operation's message to all who have not answered it: messages are lost."""
        for member in self.members:
            if member not in operation.answered:
                self.send(member, operation.phase, {"number": operation.number, "key": operation.key, "copy": operation.copy})

    def on_timer(self, timer):
        for operation in self.operations.values():
            self.go_on(operation)
        if self.operations:
            self.set_timer(RETRY, 15 * MS)

    def on_message(self, sender, kind, body):
        if self.broken:
            return
        if kind == "ask":  # what it has may not be durable yet: the client hears of it only when a majority has stored it
            self.send(sender, "ask-ok", {"number": body["number"], "copy": self.copies.get(body["key"], NOTHING)})
        elif kind == "store":
            self.copies[body["key"]] = newest(self.copies.get(body["key"], NOTHING), body["copy"])
            self.owed.append((sender, body["number"]))  # also when it is old: what a start has read may still be in the disk's cache
            self.write()
        elif (operation := self.operations.get(body["number"])) and kind == operation.phase + "-ok":
            operation.answered.add(sender)
            operation.copy = newest(operation.copy, body.get("copy", NOTHING))
            if len(operation.answered) > len(self.members) // 2:
                self.next_phase(operation)

    def next_phase(self, operation):
        if operation.phase == "ask":
            if operation.writes:
                version = [operation.copy["version"][0] + 1, self.id, operation.number]  # no other write ever has the same
                operation.copy = {"version": version, "value": operation.request["rows"][0].get("value", {})}
            operation.phase, operation.answered = "store", set()
            self.go_on(operation)
        else:
            del self.operations[operation.number]
            self.respond(operation.client, operation.request, value=operation.copy["value"])

    def write(self):
        """Writes all copies, when no write is under way: then the next one covers all that has come meanwhile."""
        if self.owed and not self.writing:
            self.writing, self.owed = self.owed, []
            self.writes += 1
            text = encode(list(self.copies.items())).encode()
            self.replace("copies", text + checksum(text), self.writes)

    def on_disk(self, token, result, data):
        if result == "failed":  # the disk may have it or not, and will fail from now on
            self.broken = True
            return
        if result == "ok":  # when it is full, those who wait will ask again
            for sender, number in self.writing:
                self.send(sender, "store-ok", {"number": number})
        self.writing = []
        self.write()


def newest(a, b):
    return max(a, b, key=lambda copy: copy["version"])


def checksum(text):
    return b"%08x" % zlib.crc32(text)


run(Register())
