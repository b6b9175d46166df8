# SPDX-License-Identifier: GPL-2.0-or-later
"""Packets as they are on a wire: what passes an interface, and ones made by hand."""

import collections
import ctypes
import ipaddress
import socket
import struct
import threading

ETH_P_ALL, ETH_P_IP, ETH_P_IPV6 = 0x0003, 0x0800, 0x86DD
SO_ATTACH_FILTER, SO_RCVBUFFORCE, SOL_PACKET, PACKET_STATISTICS, PACKET_OUTGOING = 26, 33, 263, 6, 4
TCP, UDP, ICMP, ICMPV6, FRAGMENT = 6, 17, 1, 58, 44
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16


class Packet(collections.namedtuple("Packet", "src dst protocol sport dport flags fragment data")):
    """protocol: of the transport layer; ports are 0 where the packet has none; fragment: its offset, None if whole."""

    def __repr__(self):
        names = "".join(name for bit, name in zip((SYN, ACK, FIN, RST), "SAFR") if self.flags & bit)
        part = "" if self.fragment is None else f" fragment at {self.fragment}"
        return f"{self.src}:{self.sport}>{self.dst}:{self.dport} protocol {self.protocol} {names}{part}"


def parse(frame):
    """A Packet, or None for what is not IP."""
    kind = struct.unpack_from(">H", frame, 12)[0]
    part = None
    if kind == ETH_P_IP:
        head = (frame[14] & 15) * 4
        where, protocol = struct.unpack_from(">H", frame, 20)[0], frame[23]
        src, dst = (str(ipaddress.ip_address(frame[at:at + 4])) for at in (26, 30))
        if where & 0x3FFF:
            part = (where & 0x1FFF) * 8
        body = frame[14 + head:]
    elif kind == ETH_P_IPV6:
        protocol, body = frame[20], frame[54:]
        src, dst = (str(ipaddress.ip_address(frame[at:at + 16])) for at in (22, 38))
        if protocol == FRAGMENT:
            protocol, part, body = body[0], struct.unpack_from(">H", body, 2)[0] & 0xFFF8, body[8:]
    else:
        return None
    sport = dport = flags = 0
    if protocol in (TCP, UDP) and not part and len(body) >= 8:
        sport, dport = struct.unpack_from(">HH", body)
        flags = body[13] if protocol == TCP and len(body) > 13 else 0
    return Packet(src, dst, protocol, sport, dport, flags, part, bytes(body))


def source_filter(v4, v6):
    """A classic BPF program that passes what comes from the /16 v4 or the /32 v6."""
    net4, net6 = (int.from_bytes(ipaddress.ip_address(net).packed[:4], "big") for net in (v4, v6))
    code = [(0x28, 0, 0, 12),
            (0x15, 0, 3, ETH_P_IP), (0x20, 0, 0, 26), (0x54, 0, 0, 0xFFFF0000), (0x15, 3, 4, net4),
            (0x15, 0, 3, ETH_P_IPV6), (0x20, 0, 0, 22), (0x15, 0, 1, net6),
            (0x06, 0, 0, 0x40000), (0x06, 0, 0, 0)]
    return b"".join(struct.pack("HBBI", *one) for one in code)


class Capture:
    """Notes what comes in by an interface from the sources; the kernel's filter keeps the rest away."""

    def __init__(self, ns, device, v4, v6):
        self.sock = ns.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        code = source_filter(v4, v6)
        held = ctypes.create_string_buffer(code)
        self.sock.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER,
                             struct.pack("HxxxxxxP", len(code) // 8, ctypes.addressof(held)))
        self.sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 64 << 20)
        self.sock.bind((device, ETH_P_ALL))
        self.sock.settimeout(0.2)       # or a thread that waits would keep a closed socket open
        self.seen, self.news, self.closing = [], threading.Condition(), False
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        while not self.closing:
            try:
                frame, where = self.sock.recvfrom(2048)
            except TimeoutError:
                continue
            packet = parse(frame) if where[2] != PACKET_OUTGOING else None
            if packet:
                with self.news:
                    self.seen.append(packet)
                    self.news.notify_all()

    def wait(self, condition, timeout=10):
        """Until a packet that came is like that."""
        with self.news:
            assert self.news.wait_for(lambda: any(condition(p) for p in self.seen), timeout), self.seen[-20:]

    def transport(self):
        """TCP, UDP and every fragment that was seen."""
        with self.news:
            return [p for p in self.seen if p.protocol in (TCP, UDP) or p.fragment is not None]

    def clear(self):
        with self.news:
            self.seen.clear()

    def dropped(self):
        """How many packets the kernel could not keep for us since the last call."""
        return struct.unpack("II", self.sock.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8))[1]

    def close(self):
        self.closing = True
        self.thread.join()
        self.sock.close()


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def pseudo(src, dst, protocol, size):
    return (ipaddress.ip_address(src).packed + ipaddress.ip_address(dst).packed
            + struct.pack(">II", size, protocol))


def tcp(src, dst, flags, seq=1000, ack=2000, data=b""):
    """A TCP segment; src and dst are (address, port)."""
    def segment(check):
        return struct.pack(">HHIIBBHHH", src[1], dst[1], seq, ack if flags & ACK else 0, 5 << 4, flags, 65000,
                           check, 0) + data
    return segment(checksum(pseudo(src[0], dst[0], TCP, 20 + len(data)) + segment(0)))


def udp(src, dst, data):
    def datagram(check):
        return struct.pack(">HHHH", src[1], dst[1], 8 + len(data), check) + data
    return datagram(checksum(pseudo(src[0], dst[0], UDP, 8 + len(data)) + datagram(0)) or 0xFFFF)


def ip(src, dst, protocol, body, offset=None, more=False, ident=0x4242):
    """One IP packet; offset (of 8 bytes each): it is a fragment."""
    src, dst = ipaddress.ip_address(src), ipaddress.ip_address(dst)
    if src.version == 4:
        where = 0 if offset is None else offset | (0x2000 if more else 0)
        head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(body), ident, where, 64, protocol, 0)
        head += src.packed + dst.packed
        return head[:10] + struct.pack(">H", checksum(head)) + head[12:] + body
    if offset is not None:
        body = struct.pack(">BBHI", protocol, 0, offset << 3 | more, ident) + body
        protocol = FRAGMENT
    return struct.pack(">IHBB", 6 << 28, len(body), protocol, 64) + src.packed + dst.packed + body


def fragments(src, dst, protocol, body, step=1400, ident=0x4243):
    """An IP packet in pieces."""
    step -= step % 8
    return [ip(src, dst, protocol, body[at:at + step], at // 8, at + step < len(body), ident)
            for at in range(0, len(body), step)]


class Wire:
    """Puts packets onto a device, to a neighbour, past everything that the sender's own kernel would do."""

    def __init__(self, ns, device, neighbour):
        self.sock = ns.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        self.sock.bind((device, 0))
        self.ends = neighbour + ns.mac(device)

    def send(self, packet):
        kind = ETH_P_IP if packet[0] >> 4 == 4 else ETH_P_IPV6
        self.sock.send(self.ends + struct.pack(">H", kind) + packet)

    def close(self):
        self.sock.close()
