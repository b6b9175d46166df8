# SPDX-License-Identifier: GPL-2.0-or-later
"""Packets that belong to no flow, or to one that is over: what gets past a gateway that looks at first packets only."""

import internet
import packets
from bed import FAMILIES
from packets import ACK, FIN, PSH, RST, SYN, TCP, UDP

ODD = {"syn": SYN, "ack": ACK, "data": ACK | PSH, "fin": FIN | ACK, "bare fin": FIN, "rst": RST, "rst ack": RST | ACK,
       "syn ack": SYN | ACK, "nothing": 0}


def throw_odd_packets(bed, datagrams=True, ports=()):
    """Packets of flows that there are not, and of those ports', of every kind, whole and in pieces."""
    wire = bed.wire()
    for f in FAMILIES:
        for port in (4000, *ports):
            for flags in ODD.values():
                body = packets.tcp((f.client, port), (f.target, internet.ECHO), flags, data=b"?" * bool(flags & PSH))
                wire.send(packets.ip(f.client, f.target, TCP, body))
        long = packets.tcp((f.client, 4001), (f.target, internet.ECHO), ACK, data=bytes(3000))
        for piece in packets.fragments(f.client, f.target, TCP, long, ident=0x1001):
            wire.send(piece)
        if datagrams:
            for size in (0, 100):
                body = packets.udp((f.client, 4002), (f.target, internet.ECHO), bytes(size))
                wire.send(packets.ip(f.client, f.target, UDP, body))
            long = packets.udp((f.client, 4003), (f.target, internet.ECHO), bytes(5000))
            for piece in packets.fragments(f.client, f.target, UDP, long, ident=0x1002):
                wire.send(piece)
            for piece in packets.fragments(f.client, f.target, UDP, long, ident=0x1003)[1:]:
                wire.send(piece)                # without their head
