"""Lab 6: a reader.

A read replica: it follows the writer's stream of records, keeps pages of its own, and serves snapshots at read points.
Members lists the readers. Volume says which segments hold which pages.
Run it against the lab's tests: firstgap grade --lab 6 --submission .
"""
from firstgap import Node, run


class Reader(Node):
    def on_start(self, incarnation, files):
        # A reader has no disk: it begins with what the writer tells it.
        pass

    def on_message(self, sender, kind, body):
        # offer {epoch, history, anew}: follow that writer. Answer follow {epoch, number, began, wants, have, low}; number grows for ever.
        # anew {epoch, number, answer, from, ready, lasts}: begin above from; serve from ready on. What you had is void.
        # stream {epoch, records, vdl}: apply records to the pages that you have, a mini-transaction as a whole, up to the VDL and not beyond.
        # page-image answers your read-snapshot {epoch, page, readPoint, need, attempt} to a segment; behind and below-floor refuse it.
        # promote: become the writer. This lab does not ask for it.
        pass

    def on_timer(self, timer):
        # Acknowledge the stream, ask for what did not come, and say how low your queries read: follow, every nodes.retryEvery.
        pass

    def on_disk(self, token, result, data):
        # A reader has no disk.
        pass

    def on_request(self, client, request):
        # begin opens a snapshot; get and scan read in it: the committed prefix of the log at its read point, and nothing else; commit and
        # abort end it. put is refused: read only. Read points never go back.
        self.respond(client, request, "refused", reason="not open")


run(Reader())
