# SPDX-License-Identifier: GPL-2.0-or-later
"""The AnyTLS wire as bytes: frames, preamble, settings, addresses, UDP over TCP."""

import collections
import hashlib
import ipaddress
import random
import struct

WASTE, SYN, PSH, FIN, SETTINGS, ALERT, UPDATE, SYNACK, HEART, HEART_REPLY, SERVER_SETTINGS = range(11)
NAMES = ("WASTE SYN PSH FIN SETTINGS ALERT UPDATE SYNACK HEART HEART_REPLY SERVER_SETTINGS").split()

DEFAULT_SCHEME = (b"stop=8\n0=30-30\n1=100-400\n2=400-500,c,500-1000,c,500-1000,c,500-1000,c,500-1000\n"
                  b"3=9-9,500-1000\n4=500-1000\n5=500-1000\n6=500-1000\n7=500-1000")
DEFAULT_MD5 = "75cff2ad89aadf5e257059ee571ebe11"
MISSING_SETTINGS = bytes.fromhex(
    "05000000000020636c69656e7420646964206e6f742073656e64206974732073657474696e6773")
UOT_V2 = "sp.v2.udp-over-tcp.arpa"
UOT_V1 = "sp.udp-over-tcp.arpa"
PASSWORD = "password"


class Frame(collections.namedtuple("Frame", "cmd sid data")):
    """One frame; its repr is short enough for an assertion message."""

    def __repr__(self):
        name = NAMES[self.cmd] if self.cmd < len(NAMES) else str(self.cmd)
        data = bytes(self.data[:40]) if self.data else b""
        return f"{name}(id {self.sid}, {len(self.data)} bytes {data!r})"


def frame(cmd, sid=0, data=b""):
    return struct.pack(">BIH", cmd, sid, len(data)) + data


def psh(sid, data, limit=65535):
    """Data as as many PSH frames as it takes."""
    return b"".join(frame(PSH, sid, data[i:i + limit]) for i in range(0, len(data), limit))


def take_frames(buf):
    """Cuts the whole frames off the front of a bytearray."""
    found, pos = [], 0
    while len(buf) - pos >= 7:
        cmd, sid, size = struct.unpack_from(">BIH", buf, pos)
        if len(buf) - pos < 7 + size:
            break
        found.append(Frame(cmd, sid, bytes(buf[pos + 7:pos + 7 + size])))
        pos += 7 + size
    del buf[:pos]
    return found


def preamble(password=PASSWORD, padding=30):
    return hashlib.sha256(password.encode()).digest() + struct.pack(">H", padding) + bytes(padding)


def settings_text(v="2", md5=DEFAULT_MD5, client="test/1"):
    return f"v={v}\nclient={client}\npadding-md5={md5}".encode()


def settings(sid=0, **keys):
    return frame(SETTINGS, sid, settings_text(**keys))


def parse_settings(data):
    return dict(line.split("=", 1) for line in data.decode().split("\n") if "=" in line)


def _encode(host, port, v4, v6, name):
    try:
        ip = ipaddress.ip_address(host)
    except ValueError:
        raw = host.encode()
        return bytes([name, len(raw)]) + raw + struct.pack(">H", port)
    return bytes([v4 if ip.version == 4 else v6]) + ip.packed + struct.pack(">H", port)


def addr(host, port):
    """A destination as SOCKS5 writes it."""
    return _encode(host, port, 1, 4, 3)


def uot_addr(host, port):
    """An address in front of a UDP-over-TCP packet: other type numbers than SOCKS5."""
    return _encode(host, port, 0, 1, 2)


def _decode(buf, v4, v6, name):
    if not buf:
        return None
    kind = buf[0]
    start, size = 1, {v4: 4, v6: 16}.get(kind)
    if kind == name:
        if len(buf) < 2:
            return None
        start, size = 2, buf[1]
    assert size is not None, f"address type {kind}"
    if len(buf) < start + size + 2:
        return None
    raw = bytes(buf[start:start + size])
    host = raw.decode() if kind == name else str(ipaddress.ip_address(raw))
    port = struct.unpack_from(">H", buf, start + size)[0]
    return host, port, start + size + 2


def parse_addr(buf):
    """(host, port, bytes used), or None when more is needed."""
    return _decode(buf, 1, 4, 3)


def parse_uot_addr(buf):
    return _decode(buf, 0, 1, 2)


def uot_request(host, port, connect):
    return bytes([1 if connect else 0]) + addr(host, port)


def uot_packet(data, to=None):
    """A packet: with an address outside connect mode, without one in it."""
    head = uot_addr(*to) if to else b""
    return head + struct.pack(">H", len(data)) + data


def take_uot_packet(buf, connect):
    """Cuts one packet off the front: ((host, port) or None, data); None when it is not whole."""
    where, pos = None, 0
    if not connect:
        found = parse_uot_addr(buf)
        if found is None:
            return None
        where, pos = found[:2], found[2]
    if len(buf) < pos + 2:
        return None
    size = struct.unpack_from(">H", buf, pos)[0]
    if len(buf) < pos + 2 + size:
        return None
    data = bytes(buf[pos + 2:pos + 2 + size])
    del buf[:pos + 2 + size]
    return where, data


def pattern(size, seed=1):
    """Bytes that are the same in every run and never repeat."""
    return random.Random(seed).randbytes(size)
