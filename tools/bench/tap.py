# SPDX-License-Identifier: GPL-2.0-or-later
"""Which cipher two processes agree on: a relay between them that reads the ServerHello."""
import contextlib
import socket
import threading

from procs import run_load

SUITES = {0x1301: "TLS_AES_128_GCM_SHA256", 0x1302: "TLS_AES_256_GCM_SHA384",
          0x1303: "TLS_CHACHA20_POLY1305_SHA256"}
HELLO_RETRY = bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")


def suite_of(data):
    """The suite in the first ServerHello of a server's bytes; None until there is one."""
    while len(data) >= 5:
        size = 5 + int.from_bytes(data[3:5], "big")
        record, data = data[:size], data[size:]
        if len(record) < size or record[0] == 23:
            return None
        if record[0] == 22 and record[5] == 2 and record[11:43] != HELLO_RETRY:
            at = 44 + record[43]
            code = int.from_bytes(record[at:at + 2], "big")
            return SUITES.get(code, f"0x{code:04x}, below TLS 1.3")
    return None


class Tap:
    """Accepts connections for the server behind it until close(); `suite` is what it saw."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.suite, self.server_port = None, 0

    def open(self, server_port):
        self.server_port = server_port
        threading.Thread(target=self.accept, daemon=True).start()
        return self.listener.getsockname()[1]

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                client = self.listener.accept()[0]
                server = socket.create_connection(("127.0.0.1", self.server_port))
                for args in ((client, server, False), (server, client, True)):
                    threading.Thread(target=self.pump, args=args, daemon=True).start()

    def pump(self, source, sink, from_server):
        seen = b""
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
                if from_server and not self.suite:
                    seen += data
                    self.suite = suite_of(seen)
        for s in (source, sink):
            with contextlib.suppress(OSError):
                s.shutdown(socket.SHUT_RDWR)

    def close(self):
        self.listener.close()


def negotiated(load, contender):
    """Starts the contender with a tap between its roles, moves one stream, and says the suite."""
    tap = Tap()
    try:
        contender.start(tap.open)
        run_load(load, "new", contender, "--count", 1, timeout=20)
    finally:
        contender.stop()
        tap.close()
    return tap.suite or "not seen"
