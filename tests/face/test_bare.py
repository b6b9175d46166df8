# SPDX-License-Identifier: GPL-2.0-or-later
"""Probes that are no TLS, half of it, or refused by it: nginx alone and the daemon in front of it give the same."""

import random

import pytest

import jarm
from conftest import HEADER_SECONDS
from probe import SAME_SECONDS, bare, side_by_side

RANDOM = random.Random(1).randbytes(300)
HELLO = jarm.hello(jarm.PROBES[6], "face.test")
REQUEST = b"GET / HTTP/1.1\r\nHost: face.test\r\n\r\n"
TLS_12 = (jarm.TLS12, "forward", True, False, jarm.ALPN, None, "forward")
SSL2 = b"\x80\x2e\x01\x03\x01\x00\x15\x00\x00\x00\x10"
RC4, AES_128_SHA = [0x0004, 0x0005], [0x002f]


# name: what is sent (a number is a pause), how the connection ends, whether at once
PROBES = {
    "random bytes": ([RANDOM], "fin", True),
    "random bytes, first one a letter": ([b"A" + RANDOM], "fin", True),
    "random bytes, first one above 127": ([b"\x80" + RANDOM], "fin", True),
    "random bytes behind 0x16": ([b"\x16" + RANDOM], "fin", True),
    "30 KB of random bytes behind 0x16": ([b"\x16" + RANDOM * 100], "rst", True),
    "random bytes behind a record header": ([b"\x16\3\1\0\x40" + RANDOM], "fin", True),
    "one zero": ([b"\0"], "fin", True),
    "HTTP/1.0": ([b"GET / HTTP/1.0\r\n\r\n"], "fin", True),
    "HTTP/1.1": ([REQUEST], "fin", True),
    "HTTP/1.1 pipelined": ([REQUEST * 3], "fin", True),
    "HTTP/1.1 bytewise": ([REQUEST[i:i + 1] for i in range(len(REQUEST))], "fin", True),
    "half a request": ([REQUEST[:9]], "fin", False),
    "half a request, late": ([1.0, REQUEST[:9]], "fin", False),
    "HTTP/2 preface": ([b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"], "fin", True),
    "nothing": ([], "fin", False),
    "one byte of TLS": ([b"\x16"], "fin", False),
    "a record header": ([HELLO[:5]], "fin", False),
    "half a ClientHello": ([HELLO[:len(HELLO) // 2]], "fin", False),
    "half a ClientHello in pieces": ([HELLO[:50], 0.5, HELLO[50:90]], "fin", False),
    "an empty record": ([b"\x16\3\1\0\0"], "fin", False),
    "a record too long": ([b"\x16\3\1\x42\0" + RANDOM], "fin", True),
    "a record of another protocol": ([b"\x16\2\1\0\x10" + RANDOM], "fin", True),
    "an alert first": ([b"\x15\3\1\0\2\2\x28"], "fin", True),
    "data first": ([b"\x17\3\3\0\x10" + bytes(16)], "fin", True),
    "an SSLv2 hello": ([SSL2 + bytes(37)], "fin", True),
    "TLS 1.1": ([jarm.hello(jarm.PROBES[5], "face.test")], "fin", True),
    "TLS 1.1 with 20 KB behind it": ([jarm.hello(jarm.PROBES[5], "face.test") + bytes(20000)], "rst", True),
    "no common cipher suite": ([jarm.hello(TLS_12, "face.test", RC4)], "fin", True),
    "no common protocol": ([HELLO.replace(b"http/", b"hxxp/")], "fin", True),
}


@pytest.mark.parametrize("name", PROBES)
def test_bare_probe_gets_what_nginx_gives(face, name):
    pieces, end, at_once = PROBES[name]
    nginx, ours = side_by_side(lambda port: bare(port, pieces), *face.pairs["ec"])
    assert ours.compared() == nginx.compared()
    assert abs(ours.seconds - nginx.seconds) < SAME_SECONDS
    assert nginx.end == end
    assert (nginx.seconds < 1) == at_once and nginx.seconds < HEADER_SECONDS + 1


@pytest.mark.parametrize("kind", ["ec", "rsa"])
@pytest.mark.parametrize("suites", [AES_128_SHA, None], ids=["RSA key exchange", "all"])
def test_old_version_is_refused_as_nginx_refuses_it(face, kind, suites):
    """Without a signature, too, which is what else it fails for."""
    hello = jarm.hello(jarm.PROBES[5], "face.test", suites)
    nginx, ours = side_by_side(lambda port: bare(port, [hello]), *face.pairs[kind])
    assert ours.compared() == nginx.compared()
    assert nginx.data[:5] == b"\x15\3\2\0\2", "an alert"


def test_half_a_hello_and_fin_is_closed_at_once(face):
    nginx, ours = side_by_side(lambda port: bare(port, [HELLO[:100]], half_close=True), *face.pairs["ec"])
    assert ours.compared() == nginx.compared() and nginx.end == "fin" and ours.seconds < 0.5
