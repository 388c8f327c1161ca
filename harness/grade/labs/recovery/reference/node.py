"""A recovery, written of the handout of lab 3 alone."""
from firstgap import Node, run


class Recovery(Node):
    def on_start(self, incarnation, files):
        self.token = self.id << 32 | incarnation
        self.groups = self.volume["segments"]
        self.group = {s: g for g, all in enumerate(self.groups) for s in all}
        self.phase, self.expect, self.epoch = "competing", None, 0
        self.answers, self.scl, self.log, self.last, self.asked = {}, {}, {}, [], 0
        self.tick()

    def on_timer(self, timer):
        self.asked += 1
        self.tick()

    def tick(self):
        self.set_timer(1, self.nodes["retryEvery"])
        if self.phase == "competing":
            self.compete()
        elif self.phase == "fencing":
            for s in self.group:
                if s not in self.answers:
                    self.send_wire(s, "fence", {"epoch": self.epoch})
        elif self.phase == "repairing":
            for s in self.group:
                if s not in self.scl:
                    self.send_wire(s, "join", {"epoch": self.epoch, "history": self.history})
            self.repair(True)

    def compete(self):
        if self.expect is None:
            self.send_wire(self.volume["register"], "read-epoch", {"token": self.token})
        else:
            self.send_wire(self.volume["register"], "swap", {"expect": self.expect, "token": self.token})

    def on_message(self, sender, kind, m):
        if kind == "current-epoch":
            if int(m["token"]) == self.token and self.expect is None:
                self.expect = m.get("epoch", 0)
                self.compete()
            return
        if kind == "swapped":
            if int(m["token"]) != self.token or self.phase != "competing":
                return
            if m.get("won"):
                self.epoch, self.phase = m["epoch"], "fencing"
                for s in self.group:
                    self.send_wire(s, "fence", {"epoch": self.epoch})
            elif m.get("epoch", 0) > self.expect:
                self.expect = m["epoch"]
                self.compete()
            return
        if kind == "stale":
            if m["promise"] > self.epoch > 0:
                self.phase = "replaced"
            return
        if m.get("epoch", 0) != self.epoch:
            return
        if kind == "fenced" and self.phase == "fencing":
            self.answers[sender] = m
            if all(sum(s in self.answers for s in g) >= self.volume["readQuorum"] for g in self.groups):
                self.decide()
        elif kind in ("joined", "appended") and self.phase == "repairing":
            self.scl[sender] = max(self.scl.get(sender, 0), m.get("scl", 0))
            if not self.open():
                if kind == "joined":
                    self.repair(False)
        elif kind == "not-joined":
            self.scl.pop(sender, None)
        elif kind == "log-records" and self.phase == "repairing":
            for r in m.get("records", ()):
                if r["lsn"] <= self.base and self.owner(r["lsn"]) == r["epoch"]:
                    self.log[r["lsn"]] = r
            if m["through"] < self.base and m["through"] >= m["from"]:
                self.send_wire(sender, "read-log", {"epoch": self.epoch, "from": m["through"] + 1, "to": self.base})
            self.repair(False)

    def owner(self, lsn):
        return [s["epoch"] for s in self.history if s["from"] <= lsn][-1]

    def decide(self):
        newest = max((a["history"] for a in self.answers.values()), key=lambda h: h[-1]["epoch"])
        self.history = newest
        vdl = max(a.get("vdl", 0) for a in self.answers.values())
        held = {}
        for s, a in self.answers.items():
            for h in a.get("held", ()):
                if self.owner(h["lsn"]) == h["epoch"]:
                    held[h["lsn"]] = h
        base, at = vdl, vdl
        while at + 1 in held:
            at += 1
            if held[at].get("last"):
                base = at
        self.base = base
        self.last = [0] * len(self.groups)
        for s, a in self.answers.items():
            for h in a.get("held", ()):
                if h["lsn"] <= base and self.owner(h["lsn"]) == h["epoch"]:
                    self.last[self.group[s]] = max(self.last[self.group[s]], h["lsn"])
        self.history = [s for s in newest if s["from"] <= base] + [{"epoch": self.epoch, "from": base + 1}]
        self.phase = "repairing"
        self.tell("Decide", epoch=self.epoch, lsn=base, detail={"decide": {"answers": sorted(self.answers), "history": self.history}})
        for s in self.group:
            self.send_wire(s, "join", {"epoch": self.epoch, "history": self.history})
        self.open()

    def repair(self, again):
        for g, all in enumerate(self.groups):
            behind = [s for s in all if s in self.scl and self.scl[s] < self.last[g]]
            whole = [s for s in all if self.scl.get(s, -1) >= self.last[g]]
            if not behind:
                continue
            low = min(self.scl[s] for s in behind)
            source = whole or [s for s in all if s in self.answers]
            have = [r for l, r in sorted(self.log.items()) if r.get("group", 0) == g and l > low]
            if again or not have:
                self.send_wire(source[self.asked % len(source)], "read-log", {"epoch": self.epoch, "from": low + 1, "to": self.base})
            if have:
                for s in behind:
                    mine = [r for r in have if r["lsn"] > self.scl[s]][:64]
                    self.send_wire(s, "append", {"epoch": self.epoch, "records": mine})

    def open(self):
        for g, all in enumerate(self.groups):
            if sum(self.scl.get(s, -1) >= self.last[g] for s in all) < self.volume["writeQuorum"]:
                return False
        self.phase = "open"
        self.tell("Open", epoch=self.epoch)
        return True

    def on_request(self, client, request):
        self.respond(client, request, status="refused", reason="not open")

run(Recovery())
