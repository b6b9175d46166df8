# SPDX-License-Identifier: GPL-2.0-or-later
"""What an application on a client does, without knowing of any proxy; each checks what it gets."""

import hashlib
import socket
import struct
import threading

import internet
from anytls import pattern
from socks import recv_all, recv_exact

MIB = 1 << 20
SIZES = (1, 100, 1400, 3000, 16384, 20000)
TUNNEL_MAX = 16384          # more does not fit into the tunnel's form of a datagram
A, AAAA = 1, 28


def family(host):
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def connect(ns, dest, timeout=20, port=0, source=None):
    """A TCP connection from the namespace; port and source: its own end."""
    sock = ns.socket(family(dest[0]), socket.SOCK_STREAM)
    try:
        sock.settimeout(timeout)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if port or source:
            sock.bind((source or "", port))
        sock.connect(dest)
    except BaseException:
        sock.close()
        raise
    return sock


def send_beside(sock, data, end=False):
    """Sends in a thread, so that the caller can read meanwhile."""
    def work():
        try:
            sock.sendall(data)
            if end:
                sock.shutdown(socket.SHUT_WR)
        except OSError:         # the reader finds out
            pass
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


def echoes(sock, data, patience=60):
    """What is sent comes back on this connection."""
    sender = send_beside(sock, data)
    assert recv_exact(sock, len(data), patience) == data
    sender.join()


def tcp_echo(ns, host, size=1000, port=internet.ECHO, patience=60):
    with connect(ns, (host, port), min(patience, 20)) as sock:
        echoes(sock, pattern(size), patience)


def half_close(ns, host, size=300000):
    """The client ends first and gets the whole answer."""
    with connect(ns, (host, internet.SOURCE)) as sock:
        sock.sendall(struct.pack(">Q", size))
        sock.shutdown(socket.SHUT_WR)
        assert recv_all(sock, 60) == (pattern(size, 7), "eof")


def ends_apart(ns, host, size=200000):
    """Each side hears of the other's end while it still talks, which no tunnel conveys; what the server must hear."""
    data = pattern(size)
    with connect(ns, (host, internet.ECHO)) as sock:
        send_beside(sock, data, end=True)
        assert recv_all(sock, 60) == (data, "eof")
    with connect(ns, (host, internet.TURNED)) as sock:
        assert recv_all(sock, 60) == (internet.GREETING, "eof")
        sock.sendall(data)
        sock.shutdown(socket.SHUT_WR)
    return data


def speaks_first(ns, host):
    with connect(ns, (host, internet.GREETER)) as sock:
        assert recv_exact(sock, len(internet.GREETING)) == internet.GREETING
        echoes(sock, b"thanks")


def bulk_up(ns, host, size):
    data = pattern(size, 5)
    with connect(ns, (host, internet.SINK), 60) as sock:
        sock.sendall(struct.pack(">Q", size) + data)
        assert recv_exact(sock, 32, 60) == hashlib.sha256(data).digest()


def bulk_down(ns, host, size):
    with connect(ns, (host, internet.SOURCE), 60) as sock:
        sock.sendall(struct.pack(">Q", size))
        assert recv_all(sock, 60) == (pattern(size, 7), "eof")


def parallel(ns, host, count, size=5000):
    """So many connections that are open at the same time."""
    socks = [connect(ns, (host, internet.ECHO)) for _ in range(count)]
    for number, sock in enumerate(socks):
        sock.sendall(pattern(size, number))
    for number, sock in enumerate(socks):
        assert recv_exact(sock, size, 60) == pattern(size, number)
        sock.close()


def curl(ns, host, path="", *options, scheme="http"):
    """What a real curl got of the HTTP server."""
    url = f"{scheme}://[{host}]/{path}" if ":" in host else f"{scheme}://{host}/{path}"
    return ns.run("curl", "-sS", "-m", "20", "--noproxy", "*", *options, url).stdout


def udp_socket(ns, host, connected=True, port=0, timeout=10, source=None):
    sock = ns.socket(family(host), socket.SOCK_DGRAM)
    sock.settimeout(timeout)
    if port or source:
        sock.bind((source or "", port))
    if connected:
        sock.connect((host, internet.ECHO))
    return sock


def udp_echo(ns, host, sizes=(0, *(size for size in SIZES if size <= TUNNEL_MAX))):
    """Echoes to a connected socket, which takes none but its peer's, and to an open one, which is told whose."""
    with udp_socket(ns, host) as sock:
        for size in sizes:
            assert exchange(sock, pattern(size)) == pattern(size)
    with udp_socket(ns, host, connected=False) as sock:
        for size in sizes:
            sock.sendto(pattern(size), (host, internet.ECHO))
            data, who = sock.recvfrom(65535)
            assert data == pattern(size) and who[:2] == (host, internet.ECHO)


def exchange(sock, data):
    """One datagram and its answer on a connected socket."""
    sock.send(data)
    return sock.recv(65535)


def udp_cone(ns, host):
    """An answer from another port than the one that was asked reaches an open socket, under its own port."""
    with udp_socket(ns, host, connected=False) as sock:
        sock.sendto(b"who else is there", (host, internet.CONE))
        data, who = sock.recvfrom(2048)
        assert data == b"who else is there" and who[:2] == (host, internet.CONE_FROM)


def query(name, kind=A, ident=0x1234):
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    return struct.pack(">HHHHHH", ident, 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack(">HH", kind, 1)


def dns_udp(ns, host, name="one.test", kind=A):
    """As resolvers ask: once more where no answer comes."""
    with ns.socket(family(host), socket.SOCK_DGRAM) as sock:
        sock.settimeout(8)
        sock.connect((host, internet.DNS))
        try:
            return exchange(sock, query(name, kind))
        except TimeoutError:
            return exchange(sock, query(name, kind))


def dns_tcp(ns, host, name="one.test", kind=A):
    with connect(ns, (host, internet.DNS)) as sock:
        asked = query(name, kind)
        sock.sendall(struct.pack(">H", len(asked)) + asked)
        return recv_exact(sock, struct.unpack(">H", recv_exact(sock, 2))[0])


def ping(ns, host, data=b"a bed of namespaces", timeout=5):
    """Whether an echo of ICMP, which no proxy takes, is answered."""
    v6 = ":" in host
    protocol = socket.IPPROTO_ICMPV6 if v6 else socket.IPPROTO_ICMP
    with ns.socket(family(host), socket.SOCK_DGRAM, protocol) as sock:
        sock.settimeout(timeout)
        try:
            sock.sendto(struct.pack(">BBHHH", 128 if v6 else 8, 0, 0, 0, 1) + data, (host, 0))
            return sock.recv(100)[8:] == data
        except OSError:
            return False


def fails(ns, dest, timeout=1.0):
    """How a connection attempt ends that must not succeed."""
    try:
        sock = connect(ns, dest, timeout)
    except OSError as failure:
        return failure
    try:                                    # a proxy may accept before it knows
        sock.sendall(b"is anybody there")
        assert not sock.recv(100), f"{dest} answers"
    except OSError as failure:
        return failure
    finally:
        sock.close()
    return ConnectionResetError("closed")


def all_tcp(bed, f, size=8 * MIB, count=50):
    """All that a client does by TCP."""
    tcp_echo(bed.client, f.target, 200000)
    bulk_up(bed.client, f.target, size)
    bulk_down(bed.client, f.target, size)
    speaks_first(bed.client, f.target)
    parallel(bed.client, f.second, count)
    assert curl(bed.client, f.second).startswith(f"{f.second} to ")
    dns_tcp(bed.client, f.target)


def all_udp(bed, f, largest=TUNNEL_MAX):
    """All that a client does by UDP; datagrams up to that size."""
    udp_echo(bed.client, f.target, [size for size in (0, *SIZES) if size <= largest])
    dns_udp(bed.client, f.target)


def while_changing(look, *args):
    """What a look finds; None where its connection did not survive the change that is under way, and perhaps hears
    nothing of that: an answer from a destination that is captured now is dropped."""
    try:
        return look(*args, patience=2)
    except (OSError, AssertionError):
        return None


def seen(bed, f):
    """Whom of that family the servers of the internet saw."""
    net = bed.internet
    services = (net.echo, net.sink, net.source, net.greeter, net.turned, net.dns_tcp, net.http,
                *(udp[host] for udp in (net.udp, net.cone) for host in (f.target, f.second, f.other)))
    return {peer for one in services for peer in one.peers() if (":" in peer) == (":" in f.client)}


def forget(bed):
    """What the servers saw so far."""
    net = bed.internet
    for one in (net.echo, net.sink, net.source, net.greeter, net.turned, net.dns_tcp, net.http,
                *net.udp.values(), *net.cone.values()):
        one.seen.clear()
    bed.capture.clear()


def peers(bed, space, f, host, patience=60):
    """Whom the servers saw when a connection from the namespace goes there."""
    forget(bed)
    tcp_echo(space, host, patience=patience)
    return seen(bed, f)
