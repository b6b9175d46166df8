# SPDX-License-Identifier: GPL-2.0-or-later
"""A local application that speaks SOCKS5, step by step."""

import socket
import struct

from anytls import addr, parse_addr

OK, FAILURE, NOT_ALLOWED, NET_UNREACHABLE, HOST_UNREACHABLE, REFUSED, TTL, BAD_COMMAND, BAD_ADDRESS = range(9)
CONNECT, BIND, UDP_ASSOCIATE = 1, 2, 3


def recv_exact(sock, size, timeout=20):
    """Exactly so many bytes, or AssertionError with what came."""
    sock.settimeout(timeout)
    got = bytearray()
    while len(got) < size:
        data = sock.recv(min(size - len(got), 1 << 18))
        assert data, f"end of stream after {len(got)} of {size} bytes"
        got += data
    return bytes(got)


def recv_all(sock, timeout=20):
    """Everything up to the end and how it ended: "eof" or "reset"."""
    sock.settimeout(timeout)
    got = bytearray()
    while True:
        try:
            data = sock.recv(1 << 18)
        except (ConnectionResetError, BrokenPipeError):
            return bytes(got), "reset"
        if not data:
            return bytes(got), "eof"
        got += data


class Socks:
    """One connection to the SOCKS inbound."""

    def __init__(self, port, rcvbuf=None, source=None):
        self.sock = socket.socket()
        if source:
            self.sock.bind((source, 0))
        if rcvbuf:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
        self.sock.settimeout(20)
        self.sock.connect(("127.0.0.1", port))
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def greet(self, methods=b"\0"):
        """The method that the server chose."""
        self.sock.sendall(bytes([5, len(methods)]) + methods)
        version, method = recv_exact(self.sock, 2)
        assert version == 5
        return method

    def login(self, user, password):
        """The status of user/password; 0 is success."""
        self.sock.sendall(bytes([1, len(user)]) + user + bytes([len(password)]) + password)
        return recv_exact(self.sock, 2)[1]

    def request(self, dest, command=CONNECT):
        self.sock.sendall(bytes([5, command, 0]) + addr(*dest))

    def reply(self, timeout=20):
        """(code, bound host, bound port)"""
        head = recv_exact(self.sock, 4, timeout)
        assert head[0] == 5 and head[2] == 0
        raw = bytearray(head[3:])
        while parse_addr(raw) is None:
            raw += recv_exact(self.sock, 1, timeout)
        host, port, _ = parse_addr(raw)
        return head[1], host, port

    def start(self, dest, command=CONNECT):
        """Greeting and request, not yet the reply: that may need the far side first."""
        assert self.greet() == 0
        self.request(dest, command)
        return self

    def finish(self, timeout=20):
        code = self.reply(timeout)[0]
        assert code == OK, f"SOCKS reply {code}"
        return self

    def connect(self, dest):
        return self.start(dest).finish()

    def send(self, data):
        self.sock.sendall(data)

    def recv(self, size, timeout=20):
        return recv_exact(self.sock, size, timeout)

    def recv_all(self, timeout=20):
        return recv_all(self.sock, timeout)

    def shutdown(self):
        self.sock.shutdown(socket.SHUT_WR)

    def close(self):
        self.sock.close()


class SocksUdp:
    """A UDP association: the control connection and a socket that sends through its relay."""

    def __init__(self, port):
        self.control = Socks(port).start(("0.0.0.0", 0), UDP_ASSOCIATE)
        code, host, relay = self.control.reply()
        assert code == OK, f"SOCKS reply {code}"
        self.relay = ("127.0.0.1" if host in ("0.0.0.0", "::") else host, relay)
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind(("127.0.0.1", 0))

    def send(self, data, dest, frag=0, reserved=0):
        self.sock.sendto(struct.pack(">HB", reserved, frag) + addr(*dest) + data, self.relay)

    def recv(self, timeout=10):
        """(data, source host, source port)"""
        self.sock.settimeout(timeout)
        raw = self.sock.recv(65535)
        assert raw[:3] == b"\0\0\0"
        host, port, used = parse_addr(raw[3:])
        return raw[3 + used:], host, port

    def close(self):
        self.sock.close()
        self.control.close()
