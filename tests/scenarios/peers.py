# SPDX-License-Identifier: GPL-2.0-or-later
"""Scripted AnyTLS peers: a client and a server whose every frame the test decides."""

import socket
import struct
import time

import anytls
from anytls import (FIN, HEART, HEART_REPLY, PSH, SERVER_SETTINGS, SETTINGS, SYN, SYNACK, WASTE, frame,
                    psh)
from tlsconn import PlainConn, TlsConn, client_context


class Peer:
    """Frames over a connection; what the test did not ask for yet waits in `inbox`."""

    def __init__(self, conn):
        self.conn = conn
        self.buf = bytearray()
        self.inbox = []
        self.left = {}          # stream id -> data taken from PSH frames but not asked for
        self.records = []       # plaintext sizes of the received records
        self.waste = []         # padding is kept apart from the frames that mean something
        self.beat = 1000000

    def send(self, *frames):
        """All of it in one record (in as few as possible when it is longer than one)."""
        data = b"".join(frames)
        for i in range(0, len(data), 16384):
            self.conn.send(data[i:i + 16384])

    def send_each(self, *frames):
        for one in frames:
            self.conn.send(one)

    def pull(self, deadline):
        """Reads one record; False at the end of the connection."""
        data = self.conn.recv(deadline - time.monotonic())
        if not data:
            return False
        self.records.append(len(data))
        self.buf += data
        self.sort(anytls.take_frames(self.buf))
        return True

    def sort(self, frames):
        self.waste += [one for one in frames if one.cmd == WASTE]
        self.inbox += [one for one in frames if one.cmd != WASTE]

    def expect(self, cmd, sid=None, timeout=10):
        """The first such frame; others stay in the inbox."""
        deadline, seen = time.monotonic() + timeout, 0
        while True:
            for i in range(seen, len(self.inbox)):
                if self.inbox[i].cmd == cmd and sid in (None, self.inbox[i].sid):
                    return self.inbox.pop(i)
            seen = len(self.inbox)
            try:
                alive = self.pull(deadline)
            except TimeoutError:
                alive = True
                if time.monotonic() < deadline:
                    continue
            else:
                if alive:
                    continue
            raise AssertionError(f"no {anytls.NAMES[cmd]} for stream {sid} within {timeout} s "
                                 f"(connection: {self.conn.end or 'open'}); "
                                 f"instead: {self.inbox[:10]}")

    def read(self, sid, size, timeout=20):
        """`size` bytes of a stream's data."""
        got, deadline = self.left.pop(sid, bytearray()), time.monotonic() + timeout
        while len(got) < size:
            got += self.expect(PSH, sid, deadline - time.monotonic()).data
        if len(got) > size:
            self.left[sid] = got[size:]
        return bytes(got[:size])

    def sync(self, timeout=10):
        """Everything that the peer sent before it answered this; it stays in the inbox too."""
        self.beat += 1
        self.send(frame(HEART, self.beat))
        self.expect(HEART_REPLY, self.beat, timeout)
        return list(self.inbox)

    def drain(self, quiet=0.15):
        """Reads until nothing has come for a while: padding that follows the last wanted byte."""
        try:
            while self.pull(time.monotonic() + quiet):
                pass
        except TimeoutError:
            pass

    def wait_over(self, sid, timeout=10):
        """FIN of a stream, or the end of the whole session: a client may choose after an abort."""
        try:
            self.expect(FIN, sid, timeout)
        except AssertionError:
            if not self.conn.end:
                raise

    def wait_end(self, timeout=10):
        """How the connection ended: "notify", "eof" or "reset"; late frames are in the inbox."""
        deadline = time.monotonic() + timeout
        while self.pull(deadline):
            pass
        return self.conn.end

    def is_open(self):
        """Whether the connection has not ended so far."""
        try:
            while self.pull(time.monotonic() + 0.05):
                pass
        except TimeoutError:
            return True
        return False

    def close(self):
        self.conn.close()

    def reset(self):
        self.conn.reset()


class Client(Peer):
    """A client of the daemon under test."""

    @classmethod
    def dial(cls, port, tls=True, name=None, source=None, rcvbuf=None, timeout=10, **context):
        sock = socket.socket()
        if rcvbuf:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
        if source:
            sock.bind((source, 0))
        sock.settimeout(timeout)
        sock.connect(("127.0.0.1", port))
        if not tls:
            return cls(PlainConn(sock))
        return cls(TlsConn(sock, client_context(**context), name=name, timeout=timeout))

    def login(self, password=anytls.PASSWORD, v="2", **keys):
        """Preamble and settings; with v=2 waits for the server's settings."""
        self.conn.send(anytls.preamble(password))
        self.send(anytls.settings(v=v, **keys))
        if v == "2":
            self.expect(SERVER_SETTINGS)
        return self

    def open(self, sid, dest, payload=b""):
        """SYN, address and payload in one record."""
        self.send(frame(SYN, sid), frame(PSH, sid, anytls.addr(*dest) + payload))

    def opened(self, sid, dest, payload=b"", timeout=10):
        self.open(sid, dest, payload)
        answer = self.expect(SYNACK, sid, timeout)
        assert answer.data == b"", f"the server refused: {answer}"

    def echo(self, sid, data, timeout=20):
        """Sends data on a stream to an echo target and checks what comes back."""
        self.send(psh(sid, data))
        assert self.read(sid, len(data), timeout) == data


class ServerSession(Peer):
    """One session that the client under test made."""

    def __init__(self, conn, timeout=10):
        super().__init__(conn)
        deadline = time.monotonic() + timeout
        while len(self.buf) < 34 or len(self.buf) < 34 + struct.unpack_from(">H", self.buf, 32)[0]:
            data = conn.recv(deadline - time.monotonic())
            assert data, f"connection ended ({conn.end}) inside the preamble"
            self.records.append(len(data))
            self.buf += data
        self.hash = bytes(self.buf[:32])
        self.padding = struct.unpack_from(">H", self.buf, 32)[0]
        del self.buf[:34 + self.padding]
        self.sort(anytls.take_frames(self.buf))

    def hello(self, v="2"):
        """Reads the client's settings and answers them; returns them as a dictionary."""
        found = anytls.parse_settings(self.expect(SETTINGS).data)
        if v == "2":
            self.send(frame(SERVER_SETTINGS, 0, b"v=2"))
        return found

    def accept(self, sid=None, timeout=10):
        """The next SYN and the destination behind it: (id, host, port)."""
        sid = self.expect(SYN, sid, timeout).sid
        data = bytearray()
        while anytls.parse_addr(data) is None:
            data += self.expect(PSH, sid, timeout).data
        host, port, used = anytls.parse_addr(data)
        if data[used:]:
            self.left[sid] = data[used:]
        return sid, host, port

    def accepted(self, sid=None, timeout=10):
        """The same, with a SYNACK in return; only the id."""
        sid = self.accept(sid, timeout)[0]
        self.send(frame(SYNACK, sid))
        return sid


class Server:
    """A scripted server: the test accepts its connections one by one."""

    def __init__(self, context):
        self.context = context
        self.sock = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.sock.getsockname()[1]

    def accept_raw(self, timeout=10):
        self.sock.settimeout(timeout)
        return self.sock.accept()[0]

    def accept_tls(self, timeout=10):
        return TlsConn(self.accept_raw(timeout), self.context, server_side=True)

    def accept(self, timeout=10):
        """The next session, its preamble read."""
        return ServerSession(self.accept_tls(timeout), timeout)

    def pending(self, seconds):
        """How many further connections come within that time; each is closed at once."""
        count, deadline = 0, time.monotonic() + seconds
        while True:
            try:
                self.accept_raw(max(0.01, deadline - time.monotonic())).close()
                count += 1
            except TimeoutError:
                return count

    def close(self):
        self.sock.close()
