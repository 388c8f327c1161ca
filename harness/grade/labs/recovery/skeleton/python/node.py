"""Lab 3: recovery.

A new writer over the log that another one has left: it recovers, tells Open, and is replaced by one that serves.
Volume lists the segments by protection group, the quorums, and the address of the epoch register.
Run it against the lab's tests: firstgap grade --lab 3 --submission .
"""
from firstgap import Node, run


class Writer(Node):
    def on_start(self, incarnation, files):
        # A writer has no disk. Ask the register for its epoch: read-epoch {token}. The token must differ from that of every other start.
        pass

    def on_message(self, sender, kind, body):
        # current-epoch {token, epoch}: go for the next one with swap {expect, token}. swapped {token, won, epoch, geometry}: if won, tell Start,
        # and send fence {epoch} to every segment of every group.
        # fenced {epoch, history, scl, vdl, floor, held}: with a read quorum of every group, decide. The newest history among the answers says
        # which held records count. Cut before the first LSN that no answer has, then down to the last CPL (held: last), and never below a
        # VDL that an answer names. Tell Decide, and send join {epoch, history} with the whole new history.
        # joined {epoch, scl}: a segment that lacks something of what is kept is given it: read-log from those that have it, append to those
        # that have not. appended {epoch, scl}: when a write quorum of every group has all that is kept, tell Open.
        # stale {promise}: another writer has taken over, and you stop.
        pass

    def on_timer(self, timer):
        # Messages are lost: ask again the register and the segments that have not answered, every nodes.retryEvery.
        pass

    def on_disk(self, token, result, data):
        # A writer has no disk.
        pass

    def on_request(self, client, request):
        # Nothing is served before Open, and then another writer does.
        self.respond(client, request, "refused", reason="not open")


run(Writer())
