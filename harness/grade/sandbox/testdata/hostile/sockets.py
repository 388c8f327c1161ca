"""Reaches for what its arguments name: a port of the machine's loopback, a socket's file, an abstract one; and says what it got."""
import socket
import sys

port, file, abstract = sys.argv[1:]
got = []


def reach(what, family, address, kind=socket.SOCK_STREAM):
    try:
        with socket.socket(family, kind) as s:
            s.settimeout(2)
            s.connect(address)
            got.append(what)
    except OSError:
        pass


reach("loopback", socket.AF_INET, ("127.0.0.1", int(port)))
reach("file", socket.AF_UNIX, file)
reach("abstract", socket.AF_UNIX, "\0" + abstract)
for family in (socket.AF_PACKET, socket.AF_ALG, socket.AF_VSOCK, 31):  # 31: Bluetooth
    try:
        socket.socket(family, socket.SOCK_STREAM).close()
        got.append(family)
    except OSError:
        pass
print("got", got, [name for _, name in socket.if_nameindex()])
