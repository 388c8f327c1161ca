"""A recovery: a new writer over the log that another one has left, up to the moment at which it could serve."""
from firstgap import Node, run

RETRY = 1  # the timer
MOST_GIVEN = 64  # records in one message
PATIENCE = 200  # ticks without progress, after which it gives up: what it has decided to keep is nowhere any more


class Recovery(Node):
    timers = {RETRY: "retry"}

    def on_start(self, incarnation, files):
        self.token = self.id << 32 | incarnation  # no other start has the same
        self.phase, self.epoch, self.expect = "competing", 0, None
        self.where = {id: (g, r) for g, ids in enumerate(self.volume["segments"]) for r, id in enumerate(ids)}
        self.answers = {}  # to the fence, by segment
        self.compete()
        self.tick()

    def tick(self):
        self.set_timer(RETRY, self.nodes["retryEvery"])
        self.show(role="writer", phase=self.phase, epoch=self.epoch, serving=self.phase == "open", deposed=self.phase == "deposed")

    def on_timer(self, timer):
        """Messages are lost: asks again whoever has not answered."""
        if self.phase == "competing":
            self.compete()
        elif self.phase == "fencing":
            self.fence()
        elif self.phase in ("repairing", "open"):
            self.join()
        if self.phase == "repairing":
            self.idle += 1
            self.attempt += 1
            if self.idle > PATIENCE:
                self.phase = "deposed"  # who watches starts another one, which decides anew
            self.load()
            for id in self.joined:
                self.repair(id)
        self.tick()

    # It wins an epoch of the register.

    def compete(self):
        if self.expect is None:
            self.send_wire(self.volume["register"], "read-epoch", {"token": self.token})
        else:
            self.send_wire(self.volume["register"], "swap", {"expect": self.expect, "token": self.token})

    def on_message(self, sender, kind, m):
        handler = getattr(self, "on_" + kind.replace("-", "_"), None)
        if handler:
            handler(sender, m)

    def on_current_epoch(self, sender, m):
        if self.phase == "competing" and self.expect is None and m.get("token") == self.token:
            self.expect = m.get("epoch", 0)
            self.compete()

    def on_swapped(self, sender, m):
        if self.phase != "competing" or m.get("token") != self.token:
            return
        if m.get("won"):
            self.epoch, self.phase = m["epoch"], "fencing"
            self.sets = [group["sets"] for group in m["geometry"]["groups"]]  # of members, by group: bits by replica
            self.fence()
        elif m["epoch"] > self.expect:
            self.expect = m["epoch"]
            self.compete()

    # It fences: the read of a recovery is the fence. Read first and fence later, and the old writer gets its last acknowledgement in
    # between.

    def segments(self):
        return [id for id, (g, r) in self.where.items() if g < len(self.sets) and any(s >> r & 1 for s in self.sets[g])]

    def fence(self):
        for id in self.segments():
            if id not in self.answers:
                self.send_wire(id, "fence", {"epoch": self.epoch})

    def among(self, group, set, ids):
        """How many of the segments with these addresses are in a set of a group."""
        return sum(1 for id in ids if self.where[id][0] == group and set >> self.where[id][1] & 1)

    def on_fenced(self, sender, m):
        if self.phase != "fencing" or m["epoch"] != self.epoch or sender in self.answers:
            return
        self.answers[sender] = m
        for group, sets in enumerate(self.sets):
            settled = sets[0]
            for other in sets:
                settled &= other  # one that is about to be a member, or to be none, has no vote
            if self.among(group, settled, self.answers) < self.volume["readQuorum"]:
                return
        self.decide()

    # It decides: by the newest history, before the first LSN that no answer has, and down to the last CPL.

    def decide(self):
        history = max((a["history"] for a in self.answers.values()), key=lambda h: h[-1]["epoch"])
        vdl = max(a.get("vdl", 0) for a in self.answers.values())  # all up to there is on a write quorum
        self.floor = max(a.get("floor", 0) for a in self.answers.values())  # records at or below may be gone, and are in pages
        held = {(self.where[id][0], h["lsn"]): h for id, a in self.answers.items() for h in a.get("held", []) if owner(history, h["lsn"]) == h["epoch"]}
        ends = {lsn: h.get("last", False) for (_, lsn), h in held.items()}
        base = vdl
        while base + 1 in ends:
            base += 1
        while base > vdl and not ends[base]:
            base -= 1
        self.base, self.phase = base, "repairing"
        self.history = [span for span in history if span["from"] <= base] + [{"epoch": self.epoch, "from": base + 1}]
        self.last = [max((lsn for g, lsn in held if g == group and lsn <= base), default=0) for group in range(len(self.sets))]
        self.records = [{} for _ in self.sets]  # of what is kept, by group and LSN
        self.joined = {}  # how far each segment that follows the new history is complete
        self.idle, self.attempt = 0, 0
        self.tell("Decide", epoch=self.epoch, lsn=base, detail={"decide": {"answers": sorted(self.answers), "history": self.history}})
        self.join()
        self.try_open()

    def join(self):
        for id in self.segments():
            if id not in self.joined:
                self.send_wire(id, "join", {"epoch": self.epoch, "history": self.history})

    # It repairs: whoever lacks something of what is kept is given it.

    def on_joined(self, sender, m):
        if self.phase not in ("repairing", "open") or m.get("epoch") != self.epoch:
            return
        if m.get("scl", 0) > self.joined.get(sender, -1):
            self.joined[sender], self.idle = m.get("scl", 0), 0
        if self.phase == "repairing":
            self.repair(sender)
            self.try_open()

    on_appended = on_joined

    def lacking(self, group):
        """From where on records of a group have to be read: what some segment lacks and this recovery has not read yet."""
        scls = [scl for id, scl in self.joined.items() if self.where[id][0] == group]
        return max(self.floor, min(scls, default=self.last[group])) + 1

    def load(self):
        for group in range(len(self.sets)):
            if self.lacking(group) <= self.last[group]:
                sources = [id for id in self.answers if self.where[id][0] == group]
                self.ask(sources[self.attempt % len(sources)], self.lacking(group))

    def ask(self, source, start):
        self.send_wire(source, "read-log", {"epoch": self.epoch, "from": start, "to": self.base})

    def on_log_records(self, sender, m):
        if self.phase != "repairing" or m.get("epoch") != self.epoch:
            return
        group = self.where[sender][0]
        for record in m.get("records", []):
            if record["lsn"] <= self.base and owner(self.history, record["lsn"]) == record["epoch"]:
                self.records[group][record["lsn"]] = record
        if m.get("through", 0) < self.base:
            self.ask(sender, m.get("through", 0) + 1)
        for id in self.joined:
            if self.where[id][0] == group:
                self.repair(id)

    def repair(self, id):
        group, scl = self.where[id][0], self.joined[id]
        if scl < self.last[group]:
            records = [self.records[group][lsn] for lsn in sorted(self.records[group]) if lsn > scl][:MOST_GIVEN]
            if records:
                # No VDL: told before it opens, it would keep a record that the next recovery finds nowhere.
                self.send_wire(id, "append", {"epoch": self.epoch, "records": records})

    def try_open(self):
        """Opens when all that is kept is on a write quorum of every group: what is on fewer, the next recovery may not find."""
        for group, sets in enumerate(self.sets):
            complete = [id for id, scl in self.joined.items() if scl >= self.last[group]]
            if any(self.among(group, set, complete) < self.volume["writeQuorum"] for set in sets):
                return
        self.phase = "open"
        self.tell("Open", epoch=self.epoch)
        self.tick()

    def on_stale(self, sender, m):
        if m.get("promise", 0) > self.epoch > 0:
            self.phase = "deposed"

    def on_request(self, client, request):
        self.respond(client, request, "refused", reason="not open")


def owner(history, lsn):
    """The epoch whose record stands at an LSN."""
    return next((span["epoch"] for span in reversed(history) if span["from"] <= lsn), None)


run(Recovery())
