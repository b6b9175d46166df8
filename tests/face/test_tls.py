# SPDX-License-Identifier: GPL-2.0-or-later
"""Probes that speak TLS and then no AnyTLS: bytes, the end of the connection and its time are those of nginx alone."""

import hashlib
import random
import ssl
import time

import pytest

from conftest import HEADER_SECONDS, KEEPALIVE_SECONDS
from probe import SAME_SECONDS, Tls, context, side_by_side

GET = b"GET / HTTP/1.1\r\nHost: face.test\r\n\r\n"
GET_10 = b"GET / HTTP/1.0\r\n\r\n"
GET_LAST = b"GET / HTTP/1.1\r\nHost: face.test\r\nConnection: close\r\n\r\n"
ANSWERED = "Nothing to see here"


def visit(steps, late=True, **options):
    """A probe: bytes are sent, a text is waited for, a number is a pause, a function gets the connection."""
    def run(port):
        peer = Tls(port, context(**options)).handshake()
        for step in steps:
            if isinstance(step, bytes):
                peer.write(step)
            elif isinstance(step, str):
                peer.read_until(step.encode())
            elif callable(step):
                step(peer)
            else:
                until = time.monotonic() + step
                while peer.read(until):
                    pass
        return peer.finish(late)
    return run


def fin(peer):
    peer.sock.sock.shutdown(1)


def together(data):
    """The bytes and close_notify in one segment."""
    def run(peer):
        peer.obj.write(data)
        Tls.notify(peer)
    return run


# name: steps, how the connection ends, after how many seconds
PROBES = {
    "silence": ([], "notify+fin", HEADER_SECONDS),
    "HTTP/1.0": ([GET_10], "notify+fin", 0),
    "HTTP/1.1": ([GET], "notify+fin", KEEPALIVE_SECONDS),
    "HTTP/1.1, last": ([GET_LAST], "notify+fin", 0),
    "HTTP/1.1 bytewise": ([GET[i:i + 1] for i in range(len(GET))], "notify+fin", KEEPALIVE_SECONDS),
    "HTTP/1.1 pipelined": ([GET + GET + GET_LAST], "notify+fin", 0),
    "something behind the last request": ([GET_LAST + GET], "notify+fin", 0),
    "half a request": ([GET[:20]], "fin", HEADER_SECONDS),
    "half a request, late": ([1.0, GET[:20]], "fin", HEADER_SECONDS),
    "half a second request": ([GET, ANSWERED, GET[:20]], "fin", HEADER_SECONDS),
    "no such page": ([b"GET /nothing HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"], "notify+fin", 0),
    "a large page": ([b"GET /large.bin HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"], "notify+fin", 0),
    "HTTP/2 preface": ([b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(9)], "notify+fin", 0),
    "random bytes": ([random.Random(2).randbytes(300)], "notify+fin", 0),
    "zeros": ([bytes(64)], "notify+fin", 0),
    "wrong password": ([hashlib.sha256(b"wrong").digest() + b"\0\x1e" + bytes(30)], "notify+fin", 0),
    "close_notify at once": ([Tls.notify], "fin", 0),
    "close_notify after silence": ([1.0, Tls.notify], "fin", 1),
    "close_notify after an answer": ([GET, ANSWERED, Tls.notify], "fin", 0),
    "close_notify behind a request": ([together(GET_10)], "fin", 0),
    "close_notify behind half a request": ([together(GET[:9])], "fin", 0),
    "FIN at once": ([fin], "fin", 0),
    "FIN after an answer": ([GET, ANSWERED, fin], "fin", 0),
    "FIN behind half a request": ([GET[:9], fin], "fin", 0),
}


def compare(face, probe, end, seconds):
    nginx, ours = side_by_side(probe, *face.pairs["rsa"])
    assert ours.compared() == nginx.compared()
    assert abs(ours.seconds - nginx.seconds) < SAME_SECONDS
    assert nginx.end == end and abs(nginx.seconds - seconds) < 0.9


@pytest.mark.parametrize("name", PROBES)
def test_tls_probe_gets_what_nginx_gives(face, name):
    steps, end, seconds = PROBES[name]
    left = any(step in (Tls.notify, fin) or getattr(step, "__name__", "") == "run" for step in steps)
    compare(face, visit(steps, late=not left), end, seconds)


@pytest.mark.parametrize("name", ["silence", "HTTP/1.0", "half a request", "wrong password"])
def test_tls_12_probe_gets_what_nginx_gives(face, name):
    steps, end, seconds = PROBES[name]
    compare(face, visit(steps, version=ssl.TLSVersion.TLSv1_2), end, seconds)


@pytest.mark.parametrize("alpn", [(), ("http/1.0",), ("h2", "http/1.1"), ("http/0.9", "http/1.0")])
def test_any_protocol_that_nginx_takes(face, alpn):
    compare(face, visit([GET_10], alpn=alpn), "notify+fin", 0)
    chosen = side_by_side(lambda port: Tls(port, context(alpn=alpn)).handshake().obj.selected_alpn_protocol(),
                          *face.pairs["rsa"])
    assert chosen[0] == chosen[1]


def test_slow_handshake_takes_from_the_time_of_a_request(face):
    def probe(port):
        peer = Tls(port, context())
        time.sleep(1.2)                         # what is tested is a pause
        peer.handshake().write(GET[:20])
        return peer.finish()
    compare(face, probe, "fin", HEADER_SECONDS)


def test_a_body_may_take_longer_than_a_head(face):
    """nginx answers a PUT at once and reads on; what bounds the head must not bound that."""
    def probe(port):
        peer = Tls(port, context()).handshake()
        peer.write(b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\nConnection: close\r\n\r\n0")
        for byte in (b"1", b"2", b"3", b"4"):
            until = time.monotonic() + 1
            while peer.read(until):
                pass
            peer.write(byte)
        peer.write(b"5")
        return peer.finish(late=False)
    nginx, ours = side_by_side(probe, *face.pairs["rsa"])
    assert ours.data and ours.compared()["data"] == nginx.compared()["data"]
    assert ours.seconds > HEADER_SECONDS and abs(ours.seconds - nginx.seconds) < 0.5


# Records that no peer would send behind a handshake, in the clear.
BAD_RECORDS = {
    "no ciphertext": b"\x17\3\3\0\x20" + bytes(32),
    "too short": b"\x17\3\3\0\x03" + bytes(3),
    "empty": b"\x17\3\3\0\0",
    "too long": b"\x17\3\3\x48\0" + bytes(50),
    "just too long": b"\x17\3\3\x41\x01" + bytes(50),
    "another version": b"\x17\3\1\0\x20" + bytes(32),
    "no version": b"\x17\2\0\0\x20" + bytes(32),
    "ChangeCipherSpec": b"\x14\3\3\0\1\1",
    "an alert": b"\x15\3\3\0\2\1\0",
    "a fatal alert": b"\x15\3\3\0\2\2\x28",
    "a handshake message": b"\x16\3\3\0\4\0\0\0\0",
    "no type": b"\0\3\3\0\x20" + bytes(32),
    "a request": GET,
}


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("before", [[], [GET, ANSWERED]], ids=["first", "after an answer"])
@pytest.mark.parametrize("name", BAD_RECORDS)
def test_a_bad_record_gets_the_alert_of_nginx(face, name, before, version):
    def bad(peer):
        peer.sock.write(BAD_RECORDS[name])
    # in TLS 1.2 that one is long but good, and what comes late would be the rest of it
    late = name != "just too long"
    nginx, ours = side_by_side(visit([*before, bad], late, version=version), *face.pairs["rsa"])
    assert ours.compared() == nginx.compared()
    assert ours.records[-1] == nginx.records[-1] and len(ours.records) == len(nginx.records)
    assert abs(ours.seconds - nginx.seconds) < SAME_SECONDS
