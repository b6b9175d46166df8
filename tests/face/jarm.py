# SPDX-License-Identifier: GPL-2.0-or-later
"""JARM: ten ClientHellos, and a fingerprint of what a server answers to each (as its authors have described it)."""

import hashlib
import os
import socket
import struct

# The suites in the order in which they are offered where that is "forward".
SUITES = [int(text, 16) for text in """
    0016 0033 0067 c09e c0a2 009e 0039 006b c09f c0a3 009f 0045 00be 0088 00c4 009a c008 c009 c023 c0ac c0ae c02b c00a
    c024 c0ad c0af c02c c072 c073 cca9 1302 1301 cc14 c007 c012 c013 c027 c02f c014 c028 c030 c060 c061 c076 c077 cca8
    1305 1304 1303 cc13 c011 000a 002f 003c c09c c0a0 009c 0035 003d c09d c0a1 009d 0041 00ba 0084 00c0 0007 0004 0005
    """.split()]
# What stands in one text stays together when the order changes: the original does so, and the sum depends on it.
RARE_ALPN = ["http/0.9", "http/1.0", "spdy/1", "spdy/2", "spdy/3", "h2c", "hq"]
ALPN = ["http/0.9", "http/1.0", "http/1.1", "spdy/1", "spdy/2", "spdy/3 h2", "h2c", "hq"]
GREASE = 0x2a2a
TLS11, TLS12, TLS13 = 0x0302, 0x0303, 0x0304

# version, order of suites, with those of TLS 1.3, GREASE, ALPN, versions offered, order of ALPN and versions
PROBES = [
    (TLS12, "forward", True, False, ALPN, TLS12, "reverse"),
    (TLS12, "reverse", True, False, ALPN, TLS12, "forward"),
    (TLS12, "top half", True, False, ALPN, None, "forward"),
    (TLS12, "bottom half", True, False, RARE_ALPN, None, "forward"),
    (TLS12, "middle out", True, True, RARE_ALPN, None, "reverse"),
    (TLS11, "forward", True, False, ALPN, None, "forward"),
    (TLS13, "forward", True, False, ALPN, TLS13, "reverse"),
    (TLS13, "reverse", True, False, ALPN, TLS13, "forward"),
    (TLS13, "forward", False, False, ALPN, TLS13, "forward"),
    (TLS13, "middle out", True, True, ALPN, TLS13, "reverse"),
]


def arrange(items, order):
    middle, odd = len(items) // 2, len(items) % 2
    if order == "reverse":
        return items[::-1]
    if order == "bottom half":
        return items[middle + odd:]
    if order == "top half":
        return items[middle::-1] if odd else items[:middle][::-1]
    if order == "middle out":
        out = [items[middle]] if odd else []
        for i in range(1, middle + 1):
            out += [items[middle + i], items[middle - i]] if odd else [items[middle - 1 + i], items[middle - i]]
        return out
    return list(items)


def vector(data, width):
    return len(data).to_bytes(width, "big") + data


def extension(kind, data=b""):
    return struct.pack(">H", kind) + vector(data, 2)


def numbers(items):
    return b"".join(struct.pack(">H", item) for item in items)


def hello(probe, host, suites=None):
    """One ClientHello as a record; with other suites than JARM's where told."""
    version, order, with_13, grease, alpn, newest, other_order = probe
    suites = suites or arrange([s for s in SUITES if with_13 or s >> 8 != 0x13], order)
    extensions = extension(GREASE) if grease else b""
    extensions += extension(0x00, vector(b"\0" + vector(host.encode(), 2), 2))
    extensions += extension(0x17) + extension(0x01, b"\1") + extension(0xff01, b"\0")
    extensions += extension(0x0a, vector(numbers([0x1d, 0x17, 0x18, 0x19]), 2)) + extension(0x0b, b"\1\0")
    extensions += extension(0x23)
    protocols = b"".join(vector(name.encode(), 1) for names in arrange(alpn, other_order) for name in names.split())
    extensions += extension(0x10, vector(protocols, 2))
    extensions += extension(0x0d, vector(numbers([0x403, 0x804, 0x401, 0x503, 0x805, 0x501, 0x806, 0x601, 0x201]), 2))
    shares = numbers([GREASE]) + b"\0\1\0" if grease else b""
    extensions += extension(0x33, vector(shares + numbers([0x1d]) + vector(os.urandom(32), 2), 2))
    extensions += extension(0x2d, b"\1\1")
    if newest:
        versions = arrange([0x301, *range(TLS11, newest + 1)], other_order)
        extensions += extension(0x2b, vector(numbers(([GREASE] if grease else []) + versions), 1))
    body = numbers([min(version, TLS12)]) + os.urandom(32) + vector(os.urandom(32), 1)
    body += vector(numbers(([GREASE] if grease else []) + suites), 2) + b"\1\0" + vector(extensions, 2)
    record = {TLS11: TLS11, TLS12: TLS12, TLS13: 0x301}[version]
    return b"\x16" + numbers([record]) + vector(b"\1" + vector(body, 3), 2)


def answer(data):
    """(suite, version, ALPN, extensions) of a ServerHello in the first record, or None for anything else."""
    if len(data) < 50 or data[0] != 0x16 or data[5] != 2:
        return None
    at = 44 + data[43]
    suite, = struct.unpack_from(">H", data, at)
    size, = struct.unpack_from(">H", data, at + 3)
    end = 9 + int.from_bytes(data[6:9], "big")
    alpn, kinds = "", []
    at += 5
    while size and at < end:
        kind, length = struct.unpack_from(">HH", data, at)
        kinds.append(f"{kind:04x}")
        if kind == 0x10:
            alpn = data[at + 7:at + 4 + length].decode()
        at += 4 + length
    return suite, struct.unpack_from(">H", data, 9)[0], alpn, "-".join(kinds)


def ask(port, probe, host="127.0.0.1"):
    with socket.create_connection(("127.0.0.1", port), 10) as sock:
        sock.sendall(hello(probe, host))
        data = b""
        try:
            while len(data) < 1484 and (more := sock.recv(1484 - len(data))):
                data += more
                if len(data) > 5 and len(data) >= 5 + struct.unpack_from(">H", data, 3)[0]:
                    break
        except ConnectionResetError:
            pass
    return answer(data)


def answers(port, host="127.0.0.1"):
    return [ask(port, probe, host) for probe in PROBES]


def fingerprint(found):
    """The 62 characters."""
    if not any(found):
        return "0" * 62
    known = sorted(SUITES[:], key=lambda suite: (suite >> 8 == 0x13, suite))
    head, tail = "", ""
    for one in found:
        suite, version, alpn, kinds = one or (0, 0, "", "")
        head += f"{known.index(suite) + 1:02x}{'abcdef'[version & 15]}" if one else "000"
        tail += alpn + kinds
    return head + hashlib.sha256(tail.encode()).hexdigest()[:32]
