# SPDX-License-Identifier: GPL-2.0-or-later
"""The preamble at a server: what is accepted, what is refused, and how (scenarios 16-19, 38)."""

import re
import time

import pytest

import anytls
from anytls import PSH, SERVER_SETTINGS, SYN, SYNACK, addr, frame, preamble, psh, settings
from daemon import wait_until
from peers import Client


def whole_session(dest, payload=b"hello"):
    return (preamble() + settings() + frame(SYN, 1) + frame(PSH, 1, addr(*dest) + payload))


@pytest.mark.parametrize("padding", [0, 30, 4062, 16350])
def test_preamble_in_one_record(world, padding):
    echo, peer = world.echo(), world.dial(world.server())
    peer.send(preamble(padding=padding))
    peer.send(settings())
    peer.opened(1, echo.dest, b"hello")
    assert peer.read(1, 5) == b"hello"


def test_preamble_settings_syn_and_data_in_one_record(world):
    echo, peer = world.echo(), world.dial(world.server())
    peer.send(whole_session(echo.dest))
    assert peer.expect(SYNACK, 1).data == b""
    assert peer.read(1, 5) == b"hello"


def test_preamble_split_over_three_records(world):
    echo, peer = world.echo(), world.dial(world.server())
    data = preamble(padding=30)
    peer.send_each(data[:32], data[32:34], data[34:])
    peer.send(settings())
    peer.opened(1, echo.dest, b"hello")
    assert peer.read(1, 5) == b"hello"


def test_padding_of_65535_bytes_over_many_records(world):
    echo, peer = world.echo(), world.dial(world.server())
    peer.send(preamble(padding=65535), settings())
    peer.opened(1, echo.dest, b"hello")
    assert peer.read(1, 5) == b"hello"


def test_everything_after_the_hash_one_byte_per_record(world):
    echo, peer = world.echo(), world.dial(world.server())
    data = whole_session(echo.dest)
    peer.send(data[:32])
    peer.send_each(*(data[i:i + 1] for i in range(32, len(data))))
    assert peer.expect(SERVER_SETTINGS).data == b"v=2"
    assert peer.expect(SYNACK, 1).data == b""
    assert peer.read(1, 5) == b"hello"


@pytest.mark.parametrize("first", [b"GET / HTTP", bytes(64), b"\x11" * 64, preamble()[:31], preamble("wrong"),
                                   preamble()[:31] + b"\0" + preamble()[32:]],
                         ids=["short", "zeros", "64 bytes", "31 right bytes", "wrong password", "last byte wrong"])
def test_strangers_are_closed_at_once_without_a_byte(world, first):
    peer = world.dial(world.server())
    start = time.monotonic()
    peer.send(first)
    peer.wait_end(5)
    assert time.monotonic() - start < 3
    assert peer.records == []


def test_hash_split_over_two_records_is_not_anytls(world):
    peer = world.dial(world.server())
    peer.send(preamble()[:16])
    peer.wait_end(5)
    assert peer.records == []


@pytest.mark.parametrize("sent", [b"", preamble()[:32], preamble(padding=30)[:50]], ids=["nothing", "hash", "padding"])
def test_silence_ends_at_the_authentication_deadline(world, sent):
    daemon, start = world.server(limits={"auth_timeout": "1s"}), time.monotonic()
    peer = world.dial(daemon)
    if sent:
        peer.send(sent)
    peer.wait_end(10)
    assert 0.8 < time.monotonic() - start < 5
    assert peer.records == []


def test_a_trickle_does_not_move_the_deadline(world):
    peer = world.dial(world.server(limits={"auth_timeout": "1s"}))
    start = time.monotonic()
    peer.send(preamble()[:32])
    peer.send(b"\xff\xff")
    with pytest.raises((OSError, AssertionError)):
        while time.monotonic() - start < 5:
            peer.send(bytes(1))
            assert peer.is_open()
    assert time.monotonic() - start < 4.5


def test_logged_in_session_without_settings_outlives_the_deadline(world):
    echo, peer = world.echo(), world.dial(world.server(limits={"auth_timeout": "1s"}))
    peer.send(preamble())
    with pytest.raises(TimeoutError):
        peer.wait_end(2)
    peer.send(settings())
    peer.opened(1, echo.dest, b"hello")
    assert peer.read(1, 5) == b"hello"


def test_session_with_settings_and_nothing_else_stays(world):
    echo, peer = world.echo(), world.login(world.server(limits={"auth_timeout": "1s"}))
    with pytest.raises(TimeoutError):
        peer.wait_end(2.5)
    peer.opened(1, echo.dest, b"hello")
    assert peer.read(1, 5) == b"hello"


def test_every_user_has_a_password(world):
    echo = world.echo()
    daemon = world.server(users=[{"name": "alice", "password": "one"}, {"name": "боб", "password": "пароль"}])
    for i, password in enumerate(("one", "пароль")):
        peer = world.login(daemon, password)
        peer.opened(1, echo.dest, b"x" * (i + 1))
        assert peer.read(1, i + 1) == b"x" * (i + 1)
    daemon.wait_log("alice")
    daemon.wait_log("боб")
    peer = world.dial(daemon)
    peer.send(preamble("password"))
    peer.wait_end(5)


def test_failure_is_logged_with_source_address_and_port_and_no_password(world):
    daemon = world.server()
    peer = world.dial(daemon)
    port = peer.conn.sock.getsockname()[1]
    peer.send(preamble("sesame-open-wide"))
    peer.wait_end(5)
    daemon.wait_log(rf"127\.0\.0\.1:{port}\b")
    lines = [one for one in daemon.log().splitlines() if f"127.0.0.1:{port}" in one]
    assert any(re.search("auth|password|user", one, re.I) for one in lines), lines
    assert "sesame" not in daemon.log()
    assert anytls.preamble("sesame-open-wide")[:8].hex() not in daemon.log().lower()


def test_a_hundred_failures_change_nothing(world):
    daemon, echo = world.server(limits={"auth_failures_per_minute": 1000}), world.echo()
    Client.dial(daemon.port).close()
    before, cpu, ends = daemon.log(), daemon.cpu_seconds(), set()
    for i in range(100):
        peer = Client.dial(daemon.port)
        peer.send(preamble(f"wrong-{i}"))
        ends.add((peer.wait_end(5), tuple(peer.records)))
        peer.close()
    assert len(ends) == 1, ends
    assert len(daemon.log()) - len(before) < 100 * 1000
    assert daemon.cpu_seconds() - cpu < 5
    world.login(daemon).opened(1, echo.dest)


def test_failures_of_one_address_are_limited_and_others_are_not_affected(world):
    daemon, echo = world.server(limits={"auth_failures_per_minute": 5}), world.echo()
    for i in range(40):
        try:
            peer = Client.dial(daemon.port, source="127.0.0.2")
            peer.send(preamble(f"wrong-{i}"))
            peer.wait_end(5)
            peer.close()
        except OSError:
            continue                        # refused before or inside the handshake: limited
    lines = [line for line in daemon.log().splitlines() if re.search("auth", line, re.I) and "127.0.0.2" in line]
    assert len(lines) < 40, "every failure beyond the limit was still treated as the first ones"
    peer = world.login(daemon, source="127.0.0.3")
    peer.opened(1, echo.dest, b"hello")
    assert peer.read(1, 5) == b"hello"


def test_plain_tcp_inbound(world):
    echo = world.echo()
    peer = world.login(world.server(tls=False), tls=False)
    peer.opened(1, echo.dest)
    peer.echo(1, anytls.pattern(300000))


def test_client_that_leaves_inside_the_handshake(world):
    daemon, echo = world.server(), world.echo()
    before = daemon.fds()
    for sent in (b"", b"\x16\x03\x01", b"\x16\x03\x01\x02\x00" + bytes(512), b"GET / HTTP/1.1\r\n\r\n"):
        peer = Client.dial(daemon.port, tls=False)
        peer.conn.send(sent)
        peer.close()
    wait_until(lambda: daemon.fds() <= before, what="all descriptors are closed")
    peer = world.login(daemon)
    peer.opened(1, echo.dest)
    peer.send(psh(1, b"still here"))
    assert peer.read(1, 10) == b"still here"


def test_only_the_first_record_counts_whatever_else_is_in_its_segment(world):
    """A hash cut by a record boundary is no AnyTLS, however the network groups the records."""
    peer = world.dial(world.server())
    data = preamble() + settings()
    peer.conn.obj.write(data[:16])
    peer.conn.obj.write(data[16:])
    peer.conn.send_raw(peer.conn.outgoing.read())
    peer.wait_end(5)
    assert peer.records == []
