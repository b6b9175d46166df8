# SPDX-License-Identifier: GPL-2.0-or-later
"""The SOCKS5 dialogue with local applications."""

import socket
import time

import pytest

import anytls
import socks
from anytls import addr
from daemon import wait_until
from socks import Socks, recv_exact
from targets import reset


@pytest.fixture
def daemon(world):
    return world.socks_only()


def test_byte_by_byte(world, daemon):
    echo, app = world.echo(), world.socks(daemon)
    for byte in b"\x05\x02\x01\x00":
        app.send(bytes([byte]))
    assert app.recv(2) == b"\x05\x00"
    for byte in b"\x05\x01\x00" + addr(*echo.dest):
        app.send(bytes([byte]))
    app.finish()
    app.send(b"hello")
    assert app.recv(5) == b"hello"


def test_everything_in_one_segment(world, daemon):
    echo, app = world.echo(), world.socks(daemon)
    app.send(b"\x05\x01\x00" + b"\x05\x01\x00" + addr(*echo.dest) + b"early payload")
    assert app.recv(2) == b"\x05\x00"
    app.finish()
    assert app.recv(13) == b"early payload"


def test_payload_behind_the_request_through_anytls(world):
    echo = world.echo()
    app = world.socks(world.client(world.server().port))
    assert app.greet() == 0
    data = anytls.pattern(100000)
    app.send(b"\x05\x01\x00" + addr(*echo.dest) + data)
    app.finish()
    assert app.recv(len(data)) == data


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_destination_forms(world, daemon, host):
    echo = world.echo()
    app = world.socks(daemon).connect((host, echo.port))
    app.send(b"hello")
    assert app.recv(5) == b"hello"


def test_ipv6_destination(world, daemon):
    try:
        echo = world.echo(host="::1")
    except OSError:
        pytest.skip("no IPv6 loopback")
    app = world.socks(daemon).connect(echo.dest)
    app.send(b"six")
    assert app.recv(3) == b"six"


def test_ip_literal_as_a_name(world, daemon):
    echo = world.echo()
    app = world.socks(daemon)
    app.greet()
    app.send(b"\x05\x01\x00\x03\x09127.0.0.1" + addr(*echo.dest)[-2:])
    app.finish()


def test_refused_destination(world, daemon):
    app = world.socks(daemon).start(world.refused())
    assert app.reply()[0] == socks.REFUSED
    assert app.recv_all()[0] == b""


def test_unknown_name(world, daemon):
    app = world.socks(daemon).start(("no-such-host.invalid", 80))
    assert app.reply()[0] in (socks.HOST_UNREACHABLE, socks.FAILURE)


def test_bind_is_refused(world, daemon):
    app = world.socks(daemon).start(("127.0.0.1", 80), socks.BIND)
    assert app.reply()[0] == socks.BAD_COMMAND
    assert app.recv_all()[0] == b""


@pytest.mark.parametrize("command", [0, 4, 255])
def test_unknown_command_is_refused(world, daemon, command):
    app = world.socks(daemon).start(("127.0.0.1", 80), command)
    assert app.reply()[0] == socks.BAD_COMMAND


def test_unknown_address_type_is_refused(world, daemon):
    app = world.socks(daemon)
    app.greet()
    app.send(b"\x05\x01\x00\x09abcdef")
    assert app.reply()[0] == socks.BAD_ADDRESS


@pytest.mark.parametrize("noise", [b"\x04\x01\x00\x50\x7f\0\0\1\0", b"GET / HTTP/1.1\r\n\r\n", b"\x05\x00",
                                   b"\xff" * 300])
def test_other_protocols_are_closed(world, daemon, noise):
    app = world.socks(daemon)
    app.send(noise)
    answer = app.recv_all(5)[0]
    assert len(answer) <= 8


def test_no_acceptable_method(world, daemon):
    app = world.socks(daemon)
    assert app.greet(b"\x01\x80") == 0xff
    assert app.recv_all(5)[0] == b""


def test_user_and_password(world):
    echo = world.echo()
    daemon = world.socks_only(users=[{"username": "eve", "password": "s3cret-of-eve"},
                                     {"username": "bob", "password": "b"}])
    app = world.socks(daemon)
    assert app.greet(b"\x00\x02") == 2
    assert app.login(b"eve", b"s3cret-of-eve") == 0
    app.request(echo.dest)
    app.finish()
    for user, password in ((b"eve", b"wrong-of-eve"), (b"eve", b""), (b"", b"b"), (b"bob", b"s3cret-of-eve"),
                           (b"x" * 255, b"y" * 255)):
        app = world.socks(daemon)
        assert app.greet(b"\x02") == 2
        assert app.login(user, password) != 0
        assert app.recv_all(5)[0] == b""
    app = world.socks(daemon)
    assert app.greet(b"\x00") == 0xff, "users are configured: no login, no service"
    assert "s3cret-of-eve" not in daemon.log() and "wrong-of-eve" not in daemon.log()


def test_login_byte_by_byte_and_pipelined(world):
    echo = world.echo()
    daemon = world.socks_only(users=[{"username": "bob", "password": "builder"}])
    app = world.socks(daemon)
    for byte in b"\x05\x01\x02\x01\x03bob\x07builder\x05\x01\x00" + addr(*echo.dest) + b"hello":
        app.send(bytes([byte]))
    assert app.recv(4) == b"\x05\x02\x01\x00"
    app.finish()
    assert app.recv(5) == b"hello"


def test_block_outbound_refuses(world):
    echo = world.echo()
    app = world.socks(world.socks_only("block")).start(echo.dest)
    assert app.reply()[0] != 0
    assert app.recv_all()[0] == b""
    assert not echo.open


def test_half_close_works_both_ways(world, daemon):
    listener, app = world.listener(), world.socks(daemon)
    app.connect(listener.dest)
    conn = listener.accept()
    app.send(b"question")
    app.shutdown()
    assert socks.recv_all(conn) == (b"question", "eof")
    data = anytls.pattern(1 << 20)
    conn.sendall(data)
    conn.close()
    assert app.recv_all() == (data, "eof")


def test_target_half_close_leaves_the_upload_open(world, daemon):
    listener = world.listener()
    app = world.socks(daemon).connect(listener.dest)
    conn = listener.accept()
    conn.sendall(b"done")
    conn.shutdown(socket.SHUT_WR)
    assert app.recv_all() == (b"done", "eof")
    app.send(b"late upload")
    app.shutdown()
    assert socks.recv_all(conn) == (b"late upload", "eof")


@pytest.mark.parametrize("side", ["target", "application"])
def test_reset_is_passed_on(world, daemon, side):
    listener = world.listener()
    app = world.socks(daemon).connect(listener.dest)
    conn = listener.accept()
    app.send(b"x")
    recv_exact(conn, 1)
    if side == "target":
        reset(conn)
        assert app.recv_all(5) == (b"", "reset")
    else:
        reset(app.sock)
        assert socks.recv_all(conn, 5) == (b"", "reset")


def test_silent_application_is_closed_at_the_deadline(world):
    daemon = world.socks_only(limits={"auth_timeout": "1s", "handshake_timeout": "1s"})
    start = time.monotonic()
    app = world.socks(daemon)
    app.send(b"\x05")
    app.recv_all(10)
    assert 0.8 < time.monotonic() - start < 4


def test_abandoned_dialogues_leak_nothing(world, daemon):
    Socks(daemon.port).close()
    before = daemon.fds()
    for sent in (b"", b"\x05", b"\x05\x01\x00", b"\x05\x01\x00\x05\x01\x00\x03\xff",
                 b"\x05\x01\x00\x05\x03\x00\x01\0\0\0\0\0\0"):
        for _ in range(10):
            app = Socks(daemon.port)
            app.send(sent)
            app.close()
    wait_until(lambda: daemon.fds() <= before, what="descriptors are given back")


def test_udp_direct(world, daemon):
    echo, udp = world.udp_echo(), world.socks_udp(daemon)
    for size in (0, 1, 1400, 20000):
        data = anytls.pattern(size)
        udp.send(data, echo.dest)
        assert udp.recv() == (data, *echo.dest)
    udp.send(b"fragment", echo.dest, frag=1)
    udp.send(b"by name", ("localhost", echo.dest[1]))
    assert udp.recv()[0] == b"by name"


def test_udp_association_ends_after_udp_timeout(world):
    daemon, echo = world.socks_only(udp_timeout="1s"), world.udp_echo()
    udp = world.socks_udp(daemon)
    udp.send(b"x", echo.dest)
    udp.recv()
    assert udp.control.recv_all(6)[0] == b""


def test_many_at_once(world, daemon):
    echo = world.echo()
    apps = [world.socks(daemon).connect(echo.dest) for _ in range(100)]
    for i, app in enumerate(apps):
        app.send(anytls.pattern(3000, i))
    for i, app in enumerate(apps):
        assert app.recv(3000) == anytls.pattern(3000, i)
