# SPDX-License-Identifier: GPL-2.0-or-later
"""A name server in a thread that knows what the test tells it and counts what it is asked."""

import ipaddress
import socket
import struct
import threading

A, AAAA = 1, 28


class Dns:
    """names: {name: [addresses]}; a name that is missing does not exist; None is never answered, and nothing before
    `open` is set."""

    def __init__(self, names, ttl=300, host="127.0.0.1", port=0):
        self.names, self.ttl, self.open = names, ttl, threading.Event()
        self.open.set()
        self.asked = []         # (name, type)
        self.sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind((host, port))
        self.address = f"{host}:{self.sock.getsockname()[1]}"
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        while True:
            try:
                query, who = self.sock.recvfrom(4096)
                threading.Thread(target=self._answer, args=(query, who), daemon=True).start()
            except OSError:
                return

    def reply(self, query):
        """The answer to a query, or None."""
        labels, pos = [], 12
        while query[pos]:
            labels.append(query[pos + 1:pos + 1 + query[pos]].decode())
            pos += 1 + query[pos]
        kind = struct.unpack_from(">H", query, pos + 1)[0]
        question, name = query[12:pos + 5], ".".join(labels).lower()
        self.asked.append((name, kind))
        known = self.names.get(name, ())
        if known is None:
            return None
        found = [ipaddress.ip_address(one) for one in known]
        packed = [ip.packed for ip in found if (ip.version == 4) == (kind == A) and kind in (A, AAAA)]
        head = query[:2] + struct.pack(">HHHHH", 0x8180 if name in self.names else 0x8183, 1, len(packed), 0, 0)
        records = b"".join(b"\xc0\x0c" + struct.pack(">HHIH", kind, 1, self.ttl, len(raw)) + raw for raw in packed)
        return head + question + records

    def _answer(self, query, who):
        answer = self.reply(query)
        self.open.wait()
        try:
            if answer:
                self.sock.sendto(answer, who)
        except OSError:
            pass

    def count(self, name):
        return sum(1 for asked, _ in self.asked if asked == name)

    def close(self):
        self.open.set()
        self.sock.close()
