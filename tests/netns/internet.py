# SPDX-License-Identifier: GPL-2.0-or-later
"""What is behind the gateway: servers of every kind, each with a record of whom it saw."""

import hashlib
import http.server
import ipaddress
import socket
import struct
import threading

import targets
from anytls import pattern
from dns import Dns
from socks import recv_all, recv_exact

ECHO, SINK, SOURCE, GREETER, TURNED, HTTP, HTTPS, DNS = 7, 9, 19, 25, 26, 80, 443, 53
CONE, CONE_FROM = 3478, 3479
GREETING = b"220 who speaks first is served first\r\n"
NAMES = {"one.test": ["11.10.0.1", "2a07:10::1"], "two.test": ["11.10.0.2"]}


def plain(host):
    """An address as one writes it: IPv4-mapped ones as IPv4."""
    ip = ipaddress.ip_address(host.split("%")[0])
    return str(getattr(ip, "ipv4_mapped", None) or ip)


class Service(targets.Threaded):
    """A TCP server on all addresses; `seen` is (peer, port of the peer, address it was asked on) of each connection."""

    def __init__(self, serve, port, host="::"):
        self.seen = []
        super().__init__(self._note, host=host, port=port, backlog=1024)
        self.inner = serve

    def _note(self, conn):
        peer, own = conn.getpeername(), conn.getsockname()
        self.seen.append((plain(peer[0]), peer[1], plain(own[0])))
        conn.settimeout(60)
        self.inner(conn)

    def peers(self):
        return {peer for peer, _, _ in self.seen}


def echo(conn):
    while data := conn.recv(1 << 18):
        conn.sendall(data)


def sink(conn):
    """Told a size, answers with the digest of that much."""
    size = struct.unpack(">Q", recv_exact(conn, 8, 60))[0]
    conn.sendall(hashlib.sha256(recv_exact(conn, size, 60)).digest())


def source(conn):
    """Asked for a size, sends that much and closes."""
    size = struct.unpack(">Q", recv_exact(conn, 8, 60))[0]
    conn.sendall(pattern(size, 7))


def greeter(conn):
    conn.sendall(GREETING)
    echo(conn)


def turned(heard):
    """Says all it has to say at once and ends, but listens on: what comes then is noted when it ends."""
    def serve(conn):
        conn.sendall(GREETING)
        conn.shutdown(socket.SHUT_WR)
        heard.append(recv_all(conn, 60))
    return serve


def dns_over_tcp(dns):
    def serve(conn):
        while size := conn.recv(2, socket.MSG_WAITALL):
            answer = dns.reply(recv_exact(conn, struct.unpack(">H", size)[0], 60))
            conn.sendall(struct.pack(">H", len(answer)) + answer)
    return serve


class Http(http.server.ThreadingHTTPServer):
    """Answers every path with what was asked of whom by whom."""

    address_family = socket.AF_INET6
    daemon_threads = True
    request_queue_size = 256

    def __init__(self, port=HTTP, tls=None):
        self.seen = []
        super().__init__(("::", port), HttpAnswer)
        if tls:                 # the handshake is for the connection's own thread
            self.socket = tls.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    def peers(self):
        return {peer for peer, _, _ in self.seen}

    def close(self):
        self.shutdown()
        self.server_close()


class HttpAnswer(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        peer = plain(self.client_address[0])
        self.server.seen.append((peer, self.headers["Host"], self.path))
        size = int(self.path[1:]) if self.path[1:].isdigit() else 0
        text = pattern(size, 3) if size else f"{plain(self.connection.getsockname()[0])} to {peer}\n".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


class Udp(targets.UdpEcho):
    """An echo that knows whom it saw."""

    def peers(self):
        return {plain(who[0]) for _, who in self.seen}


def cone(host):
    """Answers come from another port than the one that was asked."""
    out = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
    out.bind((host, CONE_FROM))
    return Udp(host, port=CONE, through=out)


class Internet:
    """All of it, in the namespace of the caller."""

    def __init__(self, keep, addresses, tls):
        self.echo = keep(Service(echo, ECHO))
        self.sink = keep(Service(sink, SINK))
        self.source = keep(Service(source, SOURCE))
        self.greeter = keep(Service(greeter, GREETER))
        self.heard = []
        self.turned = keep(Service(turned(self.heard), TURNED))
        self.http = keep(Http())
        self.https = keep(Http(HTTPS, tls))
        self.udp = {host: keep(Udp(host, port=ECHO)) for host in addresses}
        self.cone = {host: keep(cone(host)) for host in addresses}
        self.dns = {host: keep(Dns(NAMES, host=host, port=DNS)) for host in addresses}
        self.dns_tcp = keep(Service(dns_over_tcp(self.dns[addresses[0]]), DNS))
