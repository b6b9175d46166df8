# SPDX-License-Identifier: GPL-2.0-or-later
"""What a handshake that succeeds looks like on the wire: sizes of records, tickets, session identifiers."""

import ssl
import time

import pytest

from probe import Tls, context, records, side_by_side

FLIGHT = 6              # ServerHello to Finished in TLS 1.3
TICKET_VISITS = 8       # their sizes vary: random numbers in them are shorter now and then
HANDSHAKE, CHANGE_CIPHER_SPEC = 22, 20


def visit(port, name=None, session=None, **options):
    """(connection, records of the server before it answers a request)"""
    made = options.pop("context", None) or context(**options)
    peer = Tls(port, made, name, session).handshake()
    peer.write(b"GET / HTTP/1.0\r\n\r\n")
    return peer, peer.finish(late=False).records[:-2]   # the answer, close_notify


@pytest.mark.parametrize("name", [None, "face.test", "other.test"])
@pytest.mark.parametrize("alpn", [(), ("http/1.1",)])
def test_flight_of_tls_13(face, name, alpn):
    nginx, ours = (visit(port, name, alpn=alpn)[1] for port in face.pairs["rsa"])
    assert ours[:FLIGHT] == nginx[:FLIGHT] and len(ours) == len(nginx) == FLIGHT + 2


@pytest.mark.parametrize("name", [None, "face.test", "other.test"])
def test_tickets_of_tls_13(face, name):
    nginx, ours = (max(record for _ in range(TICKET_VISITS) for record in visit(port, name)[1][FLIGHT:])
                   for port in face.pairs["rsa"])
    assert ours == nginx


def tls_12(port, name=None, tickets=True):
    made = context(ssl.TLSVersion.TLSv1_2, ciphers="ECDHE-RSA-AES256-GCM-SHA384")
    if not tickets:
        made.options |= ssl.OP_NO_TICKET
    return visit(port, name, context=made)


@pytest.mark.parametrize("tickets", [True, False])
@pytest.mark.parametrize("name", [None, "other.test"])
def test_server_hello_of_tls_12(face, name, tickets):
    """But for its random, and for the session identifier where there is no ticket."""
    nginx, ours = (bytes(tls_12(port, name, tickets)[0].sock.raw) for port in face.pairs["rsa"])
    size = 5 + records(nginx)[0][1]
    identifier = slice(44, 44 + nginx[43])
    assert len(nginx[identifier]) == (0 if tickets else 32)
    same = [bytearray(hello[:size]) for hello in (nginx, ours)]
    for hello in same:
        hello[11:43] = bytes(32)
        hello[identifier] = bytes(nginx[43])
    assert same[0] == same[1]


def ticket_12(raw):
    """(lifetime hint, size) of the NewSessionTicket."""
    at = 0
    for kind, size in records(raw):
        if kind == HANDSHAKE and raw[at + 5] == 4:
            return int.from_bytes(raw[at + 9:at + 13], "big"), size
        at += 5 + size
    return None


def test_ticket_of_tls_12(face):
    def largest(port):
        return max(ticket_12(tls_12(port)[0].sock.raw) for _ in range(TICKET_VISITS))
    nginx, ours = (largest(port) for port in face.pairs["rsa"])
    assert ours == nginx and nginx[0] == 300


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_resumption(face, version):
    def again(port):
        made = context(version)
        first, _ = visit(port, context=made)
        second, found = visit(port, context=made, session=first.obj.session)
        # the last two of TLS 1.3 are tickets, of which the sizes vary
        return second.obj.session_reused, found[:4], len(found)
    nginx, ours = (again(port) for port in face.pairs["rsa"])
    assert ours == nginx and ours[0]


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("kind", ["ec", "rsa"])
def test_servers_choice_of_suites(face, kind, version):
    """Each suite that nginx takes, from its first choice to its last."""
    def choices(port):
        made, found = context(version, ciphers="ALL:COMPLEMENTOFALL:@SECLEVEL=0"), []
        if version == ssl.TLSVersion.TLSv1_3:
            return [Tls(port, made).handshake().obj.cipher()[0]]
        while True:
            peer = Tls(port, made)
            try:
                peer.handshake()
            except (ssl.SSLError, AssertionError):
                return found
            found.append(peer.obj.cipher()[0])
            peer.sock.sock.close()
            made.set_ciphers(":".join(["ALL", "COMPLEMENTOFALL"] + [f"!{name}" for name in found]) + "@SECLEVEL=0")
    nginx, ours = side_by_side(choices, *face.pairs[kind])
    assert ours == nginx and len(ours) >= (1 if version == ssl.TLSVersion.TLSv1_3 else 5)


def segments(port, version):
    """Segments with data of a handshake, an answer and an end."""
    peer = Tls(port, context(version)).handshake()
    peer.write(b"GET / HTTP/1.0\r\n\r\n")
    while peer.read(time.monotonic() + 5):
        pass
    found = peer.sock.segments()
    peer.sock.sock.close()
    return found


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("kind", ["ec", "rsa", "chain"])
def test_packets(face, kind, version):
    """Flights, tickets, answer and close_notify: each in a packet of its own, but when the kernel joins two, which a busy
    machine's often does."""
    most = [0, 0]
    for visits in range(1, 41):
        most = [max(so_far, segments(port, version)) for so_far, port in zip(most, face.pairs[kind])]
        if visits >= 5 and most[0] == most[1]:
            break
    assert most[0] == most[1]
