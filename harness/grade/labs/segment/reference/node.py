"""A segment: one copy of one protection group. It keeps all of its log, and makes pages of it when it is asked.

The log is on the disk in batches, each a file that is there as a whole or not at all, written one after the other. So a crash leaves no
torn end, and a batch that cannot be read, or a missing one, is damage.
"""
import zlib

from firstgap import Node, decode, encode, run
from page import Mismatch, Page, intact

GOSSIP = 1  # the timer
MOST_WAITING, MOST_GIVEN = 4096, 64  # entries that wait for the disk, records in one message


class Segment(Node):
    timers = {GOSSIP: "gossip"}

    def on_start(self, incarnation, files):
        """Reads the disk. It serves when a sync says that what was read is durable: it may still have been in the disk's cache."""
        self.group = next(g for g, ids in enumerate(self.volume["segments"]) if self.id in ids)
        self.peers = self.members[self.index + 1:] + self.members[:self.index]
        first = {"promise": 1, "history": [{"epoch": 1, "from": 1}]}
        # durable is what the disk holds for certain, ahead what it will hold when all that waits is written. What may be taken is
        # judged by ahead, or a record of an old epoch would be written behind the promise to take no more of them.
        self.durable, self.ahead = dict(first), dict(first)
        self.log, self.scl, self.told, self.position, self.asked = {}, 0, 0, 0, 0
        self.waiting, self.batches, self.writers = [], 0, {}
        self.serving, self.full, self.damaged = False, False, incarnation > 1 and not files
        for name in sorted(files):
            text, sum = files[name][:-8], files[name][-8:]
            if name != batch(self.batches) or checksum(text) != sum:
                self.damaged = True  # its answer to a fence, "I do not have it", would let a recovery cut what was acknowledged
                break
            self.waiting += decode(text.decode())
            self.batches += 1
        for entry in self.waiting:
            self.foresee(entry)
        self.writing = len(self.waiting)
        if files:
            self.sync(0)
        else:
            self.write_batch([])
        self.set_timer(GOSSIP, self.nodes["gossipEvery"])

    def on_timer(self, timer):
        self.set_timer(GOSSIP, self.nodes["gossipEvery"])
        if self.full:
            self.full = False
            self.write_batch(self.waiting[:self.writing] if self.serving else [])
        if self.serving and not self.damaged and self.ahead["promise"] == line(self.ahead):
            self.asked += 1
            self.send_wire(self.peers[self.asked % len(self.peers)], "gossip-ask", {"line": line(self.durable), "scl": self.scl})

    # What waits for the disk: records, promises and histories, in the order in which they become true.

    def take(self, entry):
        self.foresee(entry)
        self.waiting.append(entry)

    def foresee(self, entry):
        if "history" in entry:
            self.ahead = {"promise": entry["history"][-1]["epoch"], "history": entry["history"]}
        elif "promise" in entry:
            self.ahead["promise"] = entry["promise"]

    def write(self):
        if not self.writing and self.waiting and self.serving:
            self.writing = len(self.waiting)
            self.write_batch(self.waiting)

    def write_batch(self, entries):
        text = encode(entries).encode()
        self.batches += 1
        self.replace(batch(self.batches - 1), text + checksum(text), self.batches)

    def on_disk(self, token, result, data):
        if result == "failed":
            self.serving = False  # it says nothing any more, until it starts again
        elif result == "full":
            self.batches, self.full = self.batches - 1, True  # there may be room later
        else:
            self.written()
            self.write()
        self.report()

    def report(self):
        self.show(role="segment", promise=self.durable["promise"], line=line(self.durable), scl=self.scl, serving=self.serving and not self.damaged,
                  damaged=self.damaged)

    def written(self):
        """Makes what was written count, tells it, and answers."""
        started, self.serving, stored = not self.serving, True, False
        if self.damaged:
            return  # it serves to answer that it is
        for entry in self.waiting[:self.writing]:
            self.position += 1
            if "record" in entry:
                record = entry["record"]
                self.log[record["lsn"]] = record
                self.advance()
                stored = True
                self.tell("Store", epoch=line(self.durable), record=record, position=self.position, **{"from": entry["from"]})
            elif "history" in entry:
                self.durable = {"promise": entry["history"][-1]["epoch"], "history": entry["history"]}
                self.log = {lsn: r for lsn, r in self.log.items() if owner(entry["history"], lsn) == r["epoch"]}
                self.scl = 0
                self.advance()
                epoch = line(self.durable)
                self.tell("Join", epoch=epoch, position=self.position, detail={"join": {"history": entry["history"]}})
                self.answer(epoch, "joined", {"epoch": epoch, "scl": self.scl})
            else:
                self.durable["promise"] = entry["promise"]
                self.tell("Fence", epoch=entry["promise"], position=self.position)
                self.answer(entry["promise"], "fenced", self.fenced(entry["promise"]))
        self.waiting, self.writing = self.waiting[self.writing:], 0
        if stored and not started:
            self.answer(line(self.durable), "appended", {"epoch": line(self.durable), "scl": self.scl})

    def answer(self, epoch, kind, fields):
        """To the writer of an epoch. After a start it may know none, and who asked asks again."""
        if epoch in self.writers:
            self.send_wire(self.writers[epoch], kind, fields)

    def advance(self):
        """Moves the SCL as far as the back-links reach."""
        for record in self.above(self.scl):
            if record.get("prev", 0) != self.scl:
                return
            self.scl = record["lsn"]

    def above(self, lsn):
        return [self.log[l] for l in sorted(self.log) if l > lsn]

    def on_message(self, sender, kind, m):
        if not self.serving:
            return
        handler = getattr(self, "on_" + kind.replace("-", "_"), None)
        if handler:
            handler(sender, m)
        self.write()
        self.report()

    def allowed(self, sender, epoch, follows):
        """Whether a writer of that epoch may ask: not one that was replaced, and, where follows says so, not one of another log."""
        if self.damaged:
            self.send_wire(sender, "damaged", {"epoch": epoch})
        elif epoch < self.ahead["promise"]:
            self.send_wire(sender, "stale", {"promise": self.ahead["promise"]})
        elif follows and line(self.durable) != epoch:
            self.send_wire(sender, "not-joined", {"epoch": epoch, "line": line(self.durable)})
        else:
            self.writers[epoch] = sender
            return True
        return False

    def on_append(self, sender, m):
        if self.allowed(sender, m["epoch"], True):
            self.told = max(self.told, m.get("vdl", 0))
            if not self.store(m.get("records", []), 0):
                self.answer(m["epoch"], "appended", {"epoch": m["epoch"], "scl": self.scl})

    def store(self, records, sender):
        """Takes the records that belong to its history and that it has not, and says whether there were any."""
        some = False
        for record in records:
            lsn, epoch = record.get("lsn", 0), record.get("epoch", 0)  # damage on the way may be anywhere
            has = self.log.get(lsn, {}).get("epoch") == epoch or any(
                "record" in e and e["record"]["lsn"] == lsn and e["record"]["epoch"] == epoch for e in self.waiting)
            if not has and record.get("group", 0) == self.group and owner(self.ahead["history"], lsn) == epoch and \
                    len(self.waiting) < MOST_WAITING and intact(record):
                self.take({"record": record, "from": sender})
                some = True
        return some

    def on_fence(self, sender, m):
        epoch = m["epoch"]
        if not self.allowed(sender, epoch, False):
            return
        if epoch > self.ahead["promise"]:
            self.take({"promise": epoch})
        elif epoch == self.durable["promise"] and line(self.durable) < epoch:
            self.answer(epoch, "fenced", self.fenced(epoch))

    def fenced(self, epoch):
        """All that a recovery may ask: what it holds above the VDL that it knows, and the last record at or below."""
        below = [lsn for lsn in self.log if lsn <= self.told]
        held = ([self.log[max(below)]] if below else []) + self.above(self.told)
        return {"epoch": epoch, "history": self.durable["history"], "scl": self.scl, "vdl": self.told,
                "held": [{key: r[key] for key in ("lsn", "epoch", "last", "oldestActive") if key in r} for r in held]}

    def on_join(self, sender, m):
        if not self.allowed(sender, m["epoch"], False):
            return
        if line(self.ahead) < m["epoch"]:
            self.take({"history": m["history"]})
        elif line(self.durable) == m["epoch"]:
            self.send_wire(sender, "joined", {"epoch": m["epoch"], "scl": self.scl})

    def on_read_log(self, sender, m):
        if self.allowed(sender, m["epoch"], False) and self.durable["promise"] == m["epoch"]:
            low, high = m.get("from", 0), m.get("to", 0)
            records, through = [r for r in self.above(low - 1) if r["lsn"] <= high], high
            if len(records) > MOST_GIVEN:
                records = records[:MOST_GIVEN]
                through = records[-1]["lsn"]
            self.send_wire(sender, "log-records", {"epoch": m["epoch"], "from": low, "through": through, "records": records})

    def on_read_page(self, sender, m):
        if self.allowed(sender, m["epoch"], True):
            self.give_page(sender, m, True)

    def on_read_snapshot(self, sender, m):  # of a reader: what was durable in one epoch every later one has kept
        self.give_page(sender, m, not self.damaged and line(self.durable) >= m["epoch"])

    def give_page(self, sender, m, may):
        """Makes a page as of a read point out of the log, and sends it if it may and has all of the log that this takes."""
        number, at, about = m.get("page", 0), m.get("readPoint", 0), {k: m[k] for k in ("epoch", "page", "attempt") if k in m}
        page = Page(number)
        if may and self.scl >= m.get("need", 0):
            records = [r for r in self.above(0) if r.get("page", 0) == number and r["lsn"] <= at]
            try:
                for record in records:
                    page.apply(record)
                if not records or records[-1]["lsn"] <= self.scl:
                    return self.send_wire(sender, "page-image", {**about, "readPoint": at, "image": page.image()})
            except Mismatch:
                pass  # a record in between is missing
        self.send_wire(sender, "behind", {**about, "scl": self.scl})

    def on_confirm(self, sender, m):
        if self.allowed(sender, m["epoch"], False):
            self.send_wire(sender, "confirmed", m)

    def on_ping(self, sender, m):
        self.send_wire(sender, "pong", {"round": m.get("round", 0), "lost": self.damaged})

    def on_gossip_ask(self, sender, m):
        lacks = self.above(m.get("scl", 0))[:MOST_GIVEN]
        if m["line"] == line(self.durable) and not self.damaged and lacks:
            self.send_wire(sender, "gossip-give", {"line": m["line"], "records": lacks})

    def on_gossip_give(self, sender, m):
        # Only on one line: an LSN of another may name another record. And none once it promised an epoch that it does not follow yet:
        # what it answered to the fence has to stay true.
        if m["line"] == line(self.ahead) == self.ahead["promise"] and not self.damaged:
            self.store(m.get("records", []), sender)


def line(state):
    """The epoch whose log a history is of."""
    return state["history"][-1]["epoch"]


def owner(history, lsn):
    """The epoch whose record stands at an LSN."""
    return next((span["epoch"] for span in reversed(history) if span["from"] <= lsn), None)


def batch(number):
    return f"log-{number:08}"


def checksum(text):
    return b"%08x" % zlib.crc32(text)


run(Segment())
