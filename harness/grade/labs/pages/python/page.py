"""Pages: how a log record changes one, and the bytes of its image. Every node of a volume has to make the same bytes of the same log.

An image is, in little-endian order: the page's number (4 bytes), the LSN of the last record that changed it (8), its level (1), the
page that follows it (4), how many cells it has (4), the cells, and the XXH3-64 checksum of all that (8). A cell is its key and its
value, each behind its length as a varint. Cells are in the order of their keys.
"""
import bisect
import struct


class Mismatch(Exception):
    """A record does not continue the page that it was applied to."""


class Page:
    def __init__(self, number):
        self.number, self.lsn, self.level, self.next, self.cells = number, 0, 0, 0, []  # cells: [(key, value)]

    def apply(self, record):
        """Changes the page by a record of the wire that follows it in the log, or raises Mismatch."""
        if record["lsn"] <= self.lsn or record.get("page", 0) != self.number:
            raise Mismatch(f"page {self.number} at LSN {self.lsn}: record {record['lsn']} of page {record.get('page', 0)}")
        kind, key = record["kind"], octets(record.get("key", ""))
        old, new = value(record.get("old", {})), value(record.get("new", {}))
        first = bisect.bisect_left(self.cells, (key,))
        if kind in ("write", "undo"):
            held = self.cells[first][1] if first < len(self.cells) and self.cells[first][0] == key else None
            if held != old:
                raise Mismatch(f"page {self.number}: record {record['lsn']} expects {old}, the row holds {held}")
            self.cells[first:first + (held is not None)] = [] if new is None else [(key, new)]
        elif kind == "structure":  # one run of cells, and the header, in the place of another
            level, next, cells = fragment(old)
            if (level, next, cells) != (self.level, self.next, self.cells[first:first + len(cells)]):
                raise Mismatch(f"page {self.number}: record {record['lsn']} expects other cells or another header")
            end = first + len(cells)
            self.level, self.next, self.cells[first:end] = fragment(new)
        self.lsn = record["lsn"]

    def image(self):
        head = struct.pack("<IQBII", self.number, self.lsn, self.level, self.next, len(self.cells))
        body = head + b"".join(varint(len(part)) + part for cell in self.cells for part in cell)
        return body + struct.pack("<Q", xxh3(body))


def octets(text):
    return text.encode() if isinstance(text, str) else text


def value(of):
    """The bytes of a value, or None where it does not exist."""
    return octets(of.get("bytes", "")) if of.get("exists") else None


def varint(n):
    out = bytearray()
    while n >= 0x80:
        out.append(n & 0x7f | 0x80)
        n >>= 7
    out.append(n)
    return bytes(out)


def fragment(b):
    """Level, next page and cells, as a structural record has them."""
    at = 1

    def number():
        nonlocal at
        n = shift = 0
        while True:
            byte = b[at]
            at += 1
            n |= (byte & 0x7f) << shift
            if byte < 0x80:
                return n
            shift += 7

    def text():
        nonlocal at
        n = number()
        at += n
        return b[at - n:at]

    next, count = number(), number()
    return b[0], next, [(text(), text()) for _ in range(count)]


KINDS = {"write": 1, "commit": 2, "undo": 3, "structure": 4}


def intact(record):
    """Whether a record fits its checksum: the XXH3-64 of its other fields, in the order in which the wire's bytes have them."""
    def number(field):
        return varint(int(record.get(field, 0)))

    def held(field):
        of = record.get(field, {})
        return bytes([bool(of.get("exists"))]) + text(of.get("bytes", ""))

    def text(of):
        return varint(len(octets(of))) + octets(of)

    body = b"".join(map(number, ("lsn", "epoch", "group", "prev"))) + bytes([KINDS.get(record.get("kind"), 0), bool(record.get("last"))])
    body += number("txn") + number("page") + text(record.get("key", "")) + held("old") + held("new") + number("undoes") + number("oldestActive")
    return xxh3(body) == int(record.get("sum", 0))


# XXH3, 64 bits, without a seed, of 17 bytes and more: every page has as many.
SECRET = bytes.fromhex(
    "b8fe6c3923a44bbe7c01812cf721ad1cded46de9839097db7240a4a4b7b3671fcb79e64eccc0e578825ad07dccff7221b8084674f743248ee03590e6813a264c"
    "3c2852bb91c300cb88d0658b1b532ea371644897a20df94e3819ef46a9deacd8a8fa763fe39c343ff9dcbbc7c70b4f1d8a51e04bcdb45931c89f7ec9d9787364"
    "eac5ac8334d3ebc3c581a0fffa1363eb170ddd51b7f0da49d316552629d4689e2b16be587d47a1fc8ff8b8d17ad031ce45cb3a8f95160428afd7fbcabb4b407e")
PRIME32 = (2654435761, 2246822519, 3266489917)
PRIME64 = (11400714785074694791, 14029467366897019727, 1609587929392839161, 9650029242287828579, 2870177450012600261)
ALL = (1 << 64) - 1


def word(b, at):
    return int.from_bytes(b[at:at + 8], "little")


def fold(a, b):
    product = a * b
    return product & ALL ^ product >> 64


def mix(b, at, secret):
    return fold(word(b, at) ^ word(SECRET, secret), word(b, at + 8) ^ word(SECRET, secret + 8))


def avalanche(h):
    h &= ALL
    h = (h ^ h >> 37) * 0x165667919e3779f9 & ALL
    return h ^ h >> 32


def xxh3(b):
    n = len(b)
    h = n * PRIME64[0]
    if n <= 128:
        for i in range((n - 1) // 32 + 1):  # pairs from both ends inwards
            h += mix(b, 16 * i, 32 * i) + mix(b, n - 16 * i - 16, 32 * i + 16)
        return avalanche(h)
    if n <= 240:
        h = avalanche(h + sum(mix(b, 16 * i, 16 * i) for i in range(8)))
        h += sum(mix(b, 16 * i, 16 * i - 125) for i in range(8, n // 16))
        return avalanche(h + mix(b, n - 16, 119))
    sums = [PRIME32[2], PRIME64[0], PRIME64[1], PRIME64[2], PRIME64[3], PRIME32[1], PRIME64[4], PRIME32[0]]
    for stripe in range((n - 1) // 64):
        accumulate(sums, b, 64 * stripe, stripe % 16 * 8)
        if stripe % 16 == 15:  # the end of a block
            for i in range(8):
                sums[i] = (sums[i] ^ sums[i] >> 47 ^ word(SECRET, 128 + 8 * i)) * PRIME32[0] & ALL
    accumulate(sums, b, n - 64, 121)
    return avalanche(h + sum(fold(sums[2 * i] ^ word(SECRET, 11 + 16 * i), sums[2 * i + 1] ^ word(SECRET, 19 + 16 * i)) for i in range(4)))


def accumulate(sums, b, at, secret):
    for i in range(8):
        data = word(b, at + 8 * i)
        key = data ^ word(SECRET, secret + 8 * i)
        sums[i ^ 1] = sums[i ^ 1] + data & ALL
        sums[i] = sums[i] + (key & 0xffffffff) * (key >> 32) & ALL
