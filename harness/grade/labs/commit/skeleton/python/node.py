"""Lab 4: commit and undo.

A writer: it gives records their LSNs, sends them to the segments, counts what a write quorum has, and answers clients.
Volume lists the segments by protection group, the quorums, and the address of the epoch register.
Run it against the lab's tests: firstgap grade --lab 4 --submission .
"""
from firstgap import Node, run


class Writer(Node):
    def on_start(self, incarnation, files):
        # A writer has no disk: recover first, as in lab 3. What transactions had changed without a commit is undone after Open, with
        # compensation records, while their rows stay locked.
        pass

    def on_message(self, sender, kind, body):
        # appended {epoch, scl} of the segments moves the VCL, and with it the VDL, the last CPL at or below. A commit is answered
        # when the VDL has passed its record: tell Ack at this moment. stale {promise}: you were replaced, and commits under way are unknown.
        # page-image and behind answer your read-page: read from one segment whose SCL is high enough.
        pass

    def on_timer(self, timer):
        # Send again what segments have not acknowledged, every nodes.retryEvery. Transactions whose client is silent end after nodes.idleAfter.
        pass

    def on_disk(self, token, result, data):
        # A writer has no disk.
        pass

    def on_request(self, client, request):
        # begin, get, put, scan, savepoint, rollback, commit, abort. Rows are locked until the end; a cycle of waiting transactions
        # is a deadlock, and one of them is aborted for that reason.
        self.respond(client, request, "refused", reason="not open")


run(Writer())
