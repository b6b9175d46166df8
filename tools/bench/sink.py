# SPDX-License-Identifier: GPL-2.0-or-later
"""A TLS server that never lets anyone resume, with a plain server behind it."""
import contextlib
import select
import socket
import ssl
import threading

# The suite that a server with its own preference takes; both clients have to end up there.
SUITE = "TLS_AES_256_GCM_SHA384"


class Sink:
    """Does handshakes until close(); whoever sends something then is joined with the server behind.
    `suites`: those agreed on."""

    def __init__(self, cert, key, behind=0):
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(cert, key)
        self.context.minimum_version = ssl.TLSVersion.TLSv1_3
        self.context.num_tickets = 0
        self.behind, self.suites = behind, set()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                plain = self.listener.accept()[0]
                threading.Thread(target=self.serve, args=(plain,), daemon=True).start()

    def serve(self, plain):
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with contextlib.suppress(OSError), plain:
            with self.context.wrap_socket(plain, server_side=True) as client:
                self.suites.add(client.cipher()[0])
                if first := client.recv(65536):
                    with socket.create_connection(("127.0.0.1", self.behind)) as server:
                        server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                        server.sendall(first)
                        self.join(client, server)

    def join(self, client, server):
        """One thread for both directions: the TLS side bears no two at once."""
        waiting = select.poll()  # a session lives on for a second: there are too many for select()
        for s in (client, server):
            waiting.register(s, select.POLLIN)
        while True:
            # more than the socket tells may be waiting inside the TLS side
            ready = [client.fileno()] if client.pending() else [fd for fd, _ in waiting.poll()]
            for source in (s for s in (client, server) if s.fileno() in ready):
                data = source.recv(65536)
                if not data:
                    return
                (server if source is client else client).sendall(data)

    def close(self):
        self.listener.close()
