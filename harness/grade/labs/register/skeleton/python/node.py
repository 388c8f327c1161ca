"""Lab 1: the versioned quorum register.

Three replicas keep a value under each key. Clients may ask any of them to read or to write.
Run it against the lab's tests: firstgap grade --lab 1 --submission .
"""
from firstgap import Node, run


class Register(Node):
    def on_start(self, incarnation, files):
        # Files holds what was durable before the crash: versions that this node has acknowledged must not be forgotten.
        # What clients had asked is lost, and they ask again. A disk that cannot be read must not be taken for an empty one.
        pass

    def on_message(self, sender, kind, body):
        # The other replicas' messages are yours to design: send takes a kind and any JSON. Two phases do: ask a majority for the newest
        # version of a key, then have a majority store a version. An acknowledgement leaves when the disk has what it acknowledges.
        pass

    def on_timer(self, timer):
        # Messages are lost, late, doubled and overtaken: ask again whoever has not answered.
        pass

    def on_disk(self, token, result, data):
        # Now what was appended before the sync, or put in a file's place, survives a crash. Whom did you owe an answer?
        pass

    def on_request(self, client, request):
        # Op is read or write, of rows[0]. A write needs a version that no other write ever has. A read, too, has to have its version
        # stored by a majority before it answers: a later read may not find an older one.
        self.respond(client, request, "refused", reason="not open")


run(Register())
