# SPDX-License-Identifier: GPL-2.0-or-later
"""What a prober sees of a server: the bytes, the way the connection ends, and when."""

import dataclasses
import re
import select
import socket
import ssl
import struct
import threading
import time

HOST = "127.0.0.1"
OPEN_SECONDS = 8        # a connection that is still open then is called open
SAME_SECONDS = 0.4      # less than the half second after which a silent client is joined with its fallback
LATE_MS = 400           # so long a byte that comes after the end may take to be refused
DATA_SEGS_IN = 152      # in struct tcp_info
VOLATILE = [(re.compile(rb"(Date|Last-Modified|ETag): [^\r]*"), rb"\1: -")]


@dataclasses.dataclass
class Transcript:
    """sent: what came of the server, decrypted where TLS was agreed on. end: how it stopped. late: what it says to
    bytes that come after that. seconds: from the connection to its end. records: type and size of each."""
    data: bytes = b""
    end: str = "open"
    late: str = ""
    seconds: float = 0
    records: list = dataclasses.field(default_factory=list)

    def compared(self):
        data = self.data
        for pattern, by in VOLATILE:
            data = pattern.sub(by, data)
        return {"data": data, "end": self.end, "late": self.late}


class Socket:
    def __init__(self, port):
        self.sock = socket.create_connection((HOST, port), 10)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.started = time.monotonic()
        self.raw = bytearray()          # all that came
        self.end = None                 # "fin" or "rst"

    def read(self, until):
        """Some bytes; b"" at the end; None where the time is over."""
        left = until - time.monotonic()
        if self.end or not select.select([self.sock], [], [], max(0, left))[0]:
            return b"" if self.end else None
        try:
            data = self.sock.recv(1 << 16)
        except OSError:
            self.end = "rst"
            return b""
        if not data:
            self.end = "fin"
        self.raw += data
        return data

    def write(self, data):
        try:
            self.sock.sendall(data)
        except OSError:
            pass                        # the end says why

    def segments(self):
        """How many segments with data have come: what a listener counts."""
        info = self.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
        return struct.unpack_from("=I", info, DATA_SEGS_IN)[0]

    def late(self, data):
        """What the server says to bytes after its FIN: "rst" or "" for nothing."""
        self.write(data)
        poll = select.poll()
        poll.register(self.sock, 0)     # errors and hang-ups are always told
        return "rst" if poll.poll(LATE_MS) else ""


def records(raw):
    """(type, size) of each whole record."""
    found, at = [], 0
    while at + 5 <= len(raw):
        size, = struct.unpack_from(">H", raw, at + 3)
        found.append((raw[at], size))
        at += 5 + size
    return found


def bare(port, pieces=(), half_close=False, late=b"late"):
    """Bytes without TLS of our own. A piece that is a number is a pause in seconds."""
    sock, out = Socket(port), Transcript()
    for piece in pieces:
        if isinstance(piece, bytes):
            sock.write(piece)
        else:
            sock.read(time.monotonic() + piece)
    if half_close:
        sock.sock.shutdown(socket.SHUT_WR)
    until = sock.started + OPEN_SECONDS
    while sock.read(until):
        pass
    out.seconds = time.monotonic() - sock.started
    out.data, out.end = bytes(sock.raw), sock.end or "open"
    if sock.end == "fin" and late and not half_close:
        out.late = sock.late(late)
    sock.sock.close()
    return out


class Tls:
    """A handshake in memory over a Socket."""

    def __init__(self, port, context, name=None, session=None):
        self.sock = Socket(port)
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.obj = context.wrap_bio(self.incoming, self.outgoing, server_hostname=name, session=session)
        self.data, self.end = b"", None         # "notify", "alert: ...", or the socket's

    def flush(self):
        data = self.outgoing.read()
        if data:
            self.sock.write(data)

    def handshake(self, seconds=5):
        until = time.monotonic() + seconds
        while True:
            try:
                self.obj.do_handshake()
                self.flush()
                return self
            except ssl.SSLWantReadError:
                self.flush()
                data = self.sock.read(until)
                assert data, f"the handshake ends: {self.sock.end}, {bytes(self.sock.raw)!r}"
                self.incoming.write(data)

    def read(self, until):
        """Takes what comes; False at the end, None where the time is over."""
        data = self.sock.read(until)
        if not data:
            return data if data is None else False
        self.incoming.write(data)
        try:
            while not self.end:
                plain = self.obj.read(1 << 16)
                self.data += plain
                if not plain:
                    self.end = "notify"
        except ssl.SSLWantReadError:
            self.flush()
        except ssl.SSLZeroReturnError:
            self.end = "notify"
        except ssl.SSLError as error:
            self.end = f"alert: {error.reason}"
        return True

    def read_until(self, what, seconds=5):
        until = time.monotonic() + seconds
        while what not in self.data:
            assert self.read(until), f"no {what!r} in {self.data!r}"

    def write(self, data):
        self.obj.write(data)
        self.flush()

    def notify(self):
        """close_notify; the TCP connection stays open."""
        try:
            self.obj.unwrap()
        except (ssl.SSLError, OSError):
            pass
        self.flush()

    def finish(self, late=True):
        out, until = Transcript(), self.sock.started + OPEN_SECONDS
        while self.read(until):
            pass
        out.seconds = time.monotonic() - self.sock.started
        out.data, out.records = self.data, records(self.sock.raw)
        out.end = "+".join(filter(None, [self.end, self.sock.end])) or "open"
        if self.sock.end == "fin" and late:
            try:
                self.obj.write(b"late")
            except ssl.SSLError:                # there is no TLS any more after an alert
                pass
            out.late = self.sock.late(self.outgoing.read() or b"late")
        self.sock.sock.close()
        return out


def context(version=None, alpn=("http/1.1",), ciphers=None):
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.check_hostname = False
    made.verify_mode = ssl.CERT_NONE
    if version:
        made.minimum_version = made.maximum_version = version
    if alpn:
        made.set_alpn_protocols(list(alpn))
    if ciphers:
        made.set_ciphers(ciphers)
    return made


def side_by_side(probe, *ports):
    """The probe's results at all ports, run at the same time."""
    results = [None] * len(ports)

    def run(i):
        try:
            results[i] = probe(ports[i])
        except BaseException as error:          # told by the caller's thread
            results[i] = error
    threads = [threading.Thread(target=run, args=(i,)) for i in range(len(ports))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return results
