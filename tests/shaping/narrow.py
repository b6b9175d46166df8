# SPDX-License-Identifier: GPL-2.0-or-later
"""A scripted server that can stop reading while hardly anything fits into the kernel, and that keeps every record."""

import itertools
import os
import pathlib
import socket
import time

import anytls
import scheme
from anytls import PSH, SETTINGS, SYN, UPDATE, WASTE, frame, psh
from daemon import wait_until
from peers import Server
from tlsconn import TlsConn, server_context

OWN_NETWORK = "SHAPING_NETNS" in os.environ
WRITE_BUFFERS = pathlib.Path("/proc/sys/net/ipv4/tcp_wmem")
TCP_INFO_BYTES_RECEIVED = slice(128, 136)       # of struct tcp_info


class Recorder(TlsConn):
    """Keeps what is in each record with data, and the length of each record as it came."""

    def __init__(self, *args, **options):
        self.plain, self.lengths = [], []
        super().__init__(*args, **options)

    def _next_record(self, deadline):
        record = super()._next_record(deadline)
        if record:
            self.lengths.append(len(record))
        return record

    def recv(self, timeout=10):
        data = super().recv(timeout)
        if data:
            self.plain.append(data)
        return data

    def received(self):
        """Bytes that have reached this end, read or not."""
        info = self.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
        return int.from_bytes(info[TCP_INFO_BYTES_RECEIVED], "little")


class Wide(Server):
    """Keeps records; buffers are what they are."""

    def __init__(self, cert):
        super().__init__(server_context(cert))

    def accept_tls(self, timeout=10):
        return Recorder(self.accept_raw(timeout), self.context, server_side=True)


class Narrow(Wide):
    """While it lives, sockets that are made in this namespace have a send buffer of 4 KiB; its own window is as small."""

    def __init__(self, cert):
        self.before = WRITE_BUFFERS.read_text()
        WRITE_BUFFERS.write_text("4096 4096 4096")
        super().__init__(cert)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)

    def close(self):
        super().close()
        WRITE_BUFFERS.write_text(self.before)


def taught(world, server, text, **keys):
    """A client that knows the scheme: its first session, which brought it, has ended."""
    daemon = world.client(server.port, **keys)
    app = world.socks(daemon).start(("127.0.0.1", 80))
    session = world.keep(server.accept())
    session.hello()
    session.accepted()
    session.send(frame(UPDATE, 0, text.encode()), psh(1, b"x"))
    app.finish().recv(1)
    session.close()
    app.recv_all()
    return daemon


def queues(local, remote):
    """(sent and not acknowledged, received and not read) of the connected socket with these ports; None without."""
    with open("/proc/net/tcp", encoding="ascii") as table:
        for line in itertools.islice(table, 1, None):
            fields = line.split()
            ports = tuple(int(one.rsplit(":", 1)[1], 16) for one in fields[1:3])
            if ports == (local, remote) and fields[3] != "06":      # TIME_WAIT has no queue
                return tuple(int(one, 16) for one in fields[4].split(":"))
    return None


def taken(daemon, app):
    """Waits until the daemon has read all that the application has written."""
    port, deadline = app.sock.getsockname()[1], time.monotonic() + 10
    while queues(port, daemon.port)[0] or queues(daemon.port, port)[1]:
        assert time.monotonic() < deadline, "the daemon does not read on"
        time.sleep(0.001)


def paused(daemon, app):
    """Waits until the daemon leaves unread what the application has written."""
    port, seen = app.sock.getsockname()[1], [None, None]

    def still():
        seen.append((queues(port, daemon.port), queues(daemon.port, port)))
        return seen[-1][1][1] > 0 and seen[-1] == seen[-2] == seen[-3]
    wait_until(still, 10, "the daemon stops reading")


def gone(daemon, port):
    """Waits until the daemon has closed its end of an application's connection."""
    wait_until(lambda: queues(daemon.port, port) is None, 10, "the daemon closes the connection")


def in_kernel(server, conn):
    """How many bytes of the client's the kernel has taken in all."""
    return conn.received() + queues(conn.sock.getpeername()[1], server.port)[0]


def stalled(server, conn):
    """The same, once it stands still: what is on its way to being acknowledged is counted twice."""
    seen = [None, in_kernel(server, conn)]

    def still():
        seen.append(in_kernel(server, conn))
        return seen[-1] == seen[-2] == seen[-3]
    wait_until(still, 10, "a stalled connection")
    return seen[-1]


def packets_of(frames):
    """The sizes of the packets that the frames were (protocol notes 4.4)."""
    sizes, before = [], None
    for one in frames:
        joins = before and (before.cmd == SETTINGS and one.cmd == SYN or
                            before.cmd == SYN and one.cmd == PSH and one.sid == before.sid)
        if joins:
            sizes[-1] += 7 + len(one.data)
        else:
            sizes.append(7 + len(one.data))
        before = one
    return sizes


def everything(session, timeout=30):
    """Reads on until all that a client has queued has come, to the last record of an answered HeartRequest."""
    session.sync(timeout)
    session.sync(timeout)       # a Waste frame may follow the answer, but not this one's


def judge(text, session, stopped=False):
    """Judges a session's records after everything(); `stop` must not have ended them unless told so.

    Returns the sizes of its packets. The last HeartResponse is not among them: not all of it may have come.
    """
    first, *records = session.conn.plain
    assert len(first) == 34 + session.padding, "the preamble is a record"
    buf, ends = bytearray().join(records), set(itertools.accumulate(map(len, records)))
    frames, at = anytls.take_frames(buf), 0
    assert not buf or buf[0] == WASTE, f"{len(buf)} bytes of a frame that is not whole"
    for one in frames:
        at += 7 + len(one.data)
        if one.cmd == WASTE:
            assert one.sid == 0 and not any(one.data) and at in ends, f"{one} up to {at}"
    packets = packets_of([one for one in frames if one.cmd != WASTE])[:-1]
    rules = scheme.parse(text)
    assert stopped or len(packets) < rules[0], "the last packets were not shaped"
    scheme.judge(rules, packets, list(map(len, session.conn.plain)), True)
    return packets
