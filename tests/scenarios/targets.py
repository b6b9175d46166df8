# SPDX-License-Identifier: GPL-2.0-or-later
"""Destinations behind the daemon: TCP and UDP servers in threads, or driven by the test."""

import select
import socket
import struct
import threading

from socks import recv_all


class Listener:
    """A TCP destination whose connections the test accepts itself."""

    def __init__(self, host="127.0.0.1", port=0, rcvbuf=None, backlog=128):
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.sock = socket.socket(family)
        if rcvbuf:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
        self.sock.bind((host, port))
        self.sock.listen(backlog)
        self.host, self.port = host, self.sock.getsockname()[1]
        self.dest = (host, self.port)
        self.open = []

    def accept(self, timeout=10):
        self.sock.settimeout(timeout)
        conn = self.sock.accept()[0]
        conn.settimeout(20)
        self.open.append(conn)
        return conn

    def close(self):
        try:
            self.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.sock.close()
        for conn in self.open:
            conn.close()


class Threaded(Listener):
    """A TCP destination that serves each connection in a thread."""

    def __init__(self, serve, **options):
        super().__init__(**options)
        self.serve = serve
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        while True:
            try:
                conn = self.accept(None)
            except OSError:
                return
            threading.Thread(target=self._serve, args=(conn,), daemon=True).start()

    def _serve(self, conn):
        try:
            self.serve(conn)
        except OSError:
            pass
        conn.close()


def echo(**options):
    """Sends back what it gets; ends when the other side does."""
    def serve(conn):
        conn.settimeout(None)
        while data := conn.recv(1 << 18):
            conn.sendall(data)
    return Threaded(serve, **options)


def source(data, **options):
    """Sends the data and closes."""
    def serve(conn):
        conn.settimeout(60)
        conn.sendall(data)
        conn.shutdown(socket.SHUT_WR)
        recv_all(conn)
    return Threaded(serve, **options)


def reset(conn):
    """Ends a connection with RST."""
    conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    conn.close()


class Blackhole(Listener):
    """A port whose connections are never completed, until release()."""

    def __init__(self):
        super().__init__(backlog=0)
        # a backlog of 0 holds one connection; once that is there, SYNs are dropped
        self.filler = socket.create_connection(self.dest, 20)
        assert select.select([self.sock], [], [], 20)[0]

    def release(self):
        """Makes room, so that the next SYN that is repeated gets through."""
        self.sock.listen(16)
        self.accept()

    def close(self):
        super().close()
        self.filler.close()


class UdpEcho:
    """Sends datagrams back to where they came from; keeps them in `seen`."""

    def __init__(self, host="127.0.0.1", answer=lambda data: data, port=0, through=None):
        self.sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind((host, port))
        self.out = through or self.sock         # the socket that answers
        self.dest = (host, self.sock.getsockname()[1])
        self.answer = answer
        self.seen = []
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        while True:
            try:
                data, who = self.sock.recvfrom(65535)
                if who is None:         # shut down
                    return
                self.seen.append((data, who))
                self.out.sendto(self.answer(data), who)
            except OSError:
                return

    def close(self):
        try:
            self.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.sock.close()
        self.out.close()


def refused_port():
    """A port on which nobody listens: held by a socket that never calls listen()."""
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    return sock, sock.getsockname()[1]
