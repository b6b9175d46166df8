# SPDX-License-Identifier: GPL-2.0-or-later
"""Streams at a server: opening, data, FIN in both directions (scenarios 25-33)."""

import threading
import time

import pytest

import anytls
from anytls import FIN, PSH, SERVER_SETTINGS, SYN, SYNACK, WASTE, addr, frame, psh
from daemon import wait_until
from socks import recv_all, recv_exact


@pytest.fixture
def peer(world):
    return world.login(world.server())


def test_duplicate_syn_of_an_open_stream_is_ignored(world, peer):
    echo = world.echo()
    peer.opened(1, echo.dest)
    peer.send(frame(SYN, 1))
    peer.echo(1, b"still the same stream")
    assert peer.sync() == []


def test_syn_of_a_closed_stream_opens_a_new_one(world, peer):
    echo = world.echo()
    peer.opened(1, echo.dest)
    peer.send(frame(FIN, 1))
    peer.opened(1, echo.dest)
    peer.echo(1, b"second life")


def test_syn_with_id_zero_closes_the_session(peer):
    peer.send(frame(SYN, 0))
    peer.wait_end(5)


def test_ids_need_not_be_in_order(world, peer):
    echo = world.echo()
    for sid in (0xffffffff, 5, 2, 0x80000000):
        peer.opened(sid, echo.dest)
        peer.echo(sid, b"stream %d" % sid)


def test_destination_split_over_frames(world, peer):
    echo = world.echo()
    whole = addr("localhost", echo.port) + b"payload"
    peer.send(frame(SYN, 1))
    for part in (whole[:1], whole[1:5], whole[5:]):
        peer.send(frame(PSH, 1, part))
    assert peer.expect(SYNACK, 1).data == b""
    assert peer.read(1, 7) == b"payload"


def test_destination_one_byte_per_frame(world, peer):
    echo = world.echo()
    peer.send(frame(SYN, 1))
    for byte in addr(*echo.dest) + b"xyz":
        peer.send(frame(PSH, 1, bytes([byte])))
    assert peer.read(1, 3) == b"xyz"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::ffff:127.0.0.1"])
def test_destination_forms(world, peer, host):
    echo = world.echo()
    data = addr(host, echo.port)
    if host.startswith("::ffff"):
        data = b"\x04" + bytes(10) + b"\xff\xff\x7f\0\0\1" + data[-2:]
    peer.send(frame(SYN, 1), frame(PSH, 1, data + b"hello"))
    assert peer.read(1, 5) == b"hello"


def test_ip_literal_in_a_name_is_that_address(world, peer):
    echo = world.echo()
    name = b"127.0.0.1"
    peer.send(frame(SYN, 1), frame(PSH, 1, bytes([3, len(name)]) + name + addr(*echo.dest)[-2:] + b"hello"))
    assert peer.read(1, 5) == b"hello"


@pytest.mark.parametrize("bad", [b"\x02\x7f\0\0\1\0\x50", b"\xff", b"\x03\0\0\x50", b"\0" * 7])
def test_malformed_destination_ends_the_stream_with_an_error(world, peer, bad):
    echo = world.echo()
    peer.send(frame(SYN, 1), frame(PSH, 1, bad))
    assert peer.expect(SYNACK, 1).data
    peer.expect(FIN, 1)
    peer.opened(2, echo.dest)
    peer.echo(2, b"session lives")


def test_payload_before_the_dial_finishes_arrives_in_order(world, peer):
    echo, data = world.echo(), anytls.pattern(16384 + 65535 + 3)
    peer.open(1, echo.dest, data[:16384])
    peer.send(psh(1, data[16384:]))
    assert peer.read(1, len(data)) == data


def test_zero_length_and_unknown_frames_are_ignored(world, peer):
    echo = world.echo()
    peer.opened(1, echo.dest)
    peer.send(frame(PSH, 9, b"never opened"), frame(FIN, 9), frame(PSH, 1), frame(77, 1, b"12345"), frame(255),
              frame(WASTE, 0, bytes(65535)), frame(WASTE, 1, b"x"), frame(WASTE))
    peer.echo(1, b"in step")
    assert peer.sync() == []


def test_empty_push_before_the_address_is_ignored(world, peer):
    echo = world.echo()
    peer.send(frame(SYN, 1), frame(PSH, 1), frame(PSH, 1, addr(*echo.dest)), frame(PSH, 1), frame(PSH, 1, b"hello"))
    assert peer.read(1, 5) == b"hello"


def test_largest_push_is_echoed(world, peer):
    echo, data = world.echo(), anytls.pattern(65535)
    peer.opened(1, echo.dest)
    peer.send(frame(PSH, 1, data))
    assert peer.read(1, len(data)) == data


def test_fin_purges_a_download_and_pipelined_stream_works_at_once(world):
    echo, source = world.echo(), world.source(bytes(50 << 20))
    peer = world.login(world.server(), rcvbuf=65536)
    peer.opened(1, source.dest)
    peer.read(1, 1 << 20)
    conn = source.open[0]
    peer.left.clear()
    start = time.monotonic()
    peer.send(frame(FIN, 1), frame(SYN, 2), frame(PSH, 2, addr(*echo.dest) + b"next"))
    assert peer.read(2, 4) == b"next"
    assert time.monotonic() - start < 5
    stale = sum(len(one.data) for one in peer.inbox if one.sid == 1 and one.cmd == PSH)
    assert stale < 8 << 20
    assert not any(one.cmd == FIN and one.sid == 1 for one in peer.sync())
    wait_until(lambda: conn.fileno() < 0, what="the target's connection ended")


def test_upload_then_fin_arrives_whole_and_ends_cleanly(world, peer):
    listener, data = world.listener(), anytls.pattern(10 << 20)
    peer.opened(1, listener.dest)
    conn = listener.accept()
    got = []
    reader = threading.Thread(target=lambda: got.append(recv_all(conn)))
    reader.start()
    peer.send(psh(1, data), frame(FIN, 1))
    reader.join(30)
    assert got[0][1] == "eof"
    assert got[0][0] == data
    assert peer.sync() == [], "a FIN is not answered"


def test_upload_then_fin_to_a_slow_target(world, peer):
    listener, data = world.listener(rcvbuf=8192), anytls.pattern(1 << 20)
    peer.opened(1, listener.dest)
    conn = listener.accept()
    peer.send(psh(1, data), frame(FIN, 1))
    peer.sync()
    assert recv_all(conn) == (data, "eof")


def test_download_then_target_end_arrives_whole(world, peer):
    data = anytls.pattern(1 << 20)
    source = world.source(data)
    peer.opened(1, source.dest)
    assert peer.read(1, len(data)) == data
    peer.expect(FIN, 1)
    peer.send(frame(PSH, 1, b"too late"), frame(FIN, 1))
    echo = world.echo()
    peer.opened(2, echo.dest)
    peer.echo(2, b"next")
    assert peer.sync() == []


def test_target_half_close_ends_the_stream(world, peer):
    listener = world.listener()
    peer.opened(1, listener.dest)
    conn = listener.accept()
    conn.sendall(b"last words")
    conn.shutdown(1)
    assert peer.read(1, 10) == b"last words"
    peer.expect(FIN, 1)


def test_many_frames_in_one_record(world, peer):
    echo = world.echo()
    peer.opened(1, echo.dest)
    peer.conn.send(b"".join(frame(PSH, 1, bytes([i % 256])) for i in range(2000)))
    assert peer.read(1, 2000) == bytes(i % 256 for i in range(2000))


def test_frame_header_split_over_records(world, peer):
    echo = world.echo()
    peer.opened(1, echo.dest)
    for _ in range(20):
        data = frame(PSH, 1, b"hello")
        peer.send_each(data[:1], data[1:5], data[5:7], data[7:])
    assert peer.read(1, 100) == b"hello" * 20


def test_sequential_streams_reuse_one_session(world, peer):
    echo = world.echo()
    for sid in range(1, 201):
        peer.opened(sid, echo.dest, b"%d" % sid)
        assert peer.read(sid, len(str(sid))) == b"%d" % sid
        peer.send(frame(FIN, sid))
    assert peer.sync() == []


def test_target_data_before_any_payload(world, peer):
    listener = world.listener()
    peer.opened(1, listener.dest)
    conn = listener.accept()
    conn.sendall(b"220 hello\r\n")
    assert peer.read(1, 11) == b"220 hello\r\n"
    peer.send(psh(1, b"EHLO"))
    assert recv_exact(conn, 4) == b"EHLO"


def test_server_settings_come_before_the_first_synack(world):
    echo, peer = world.echo(), world.dial(world.server())
    peer.send(anytls.preamble(), anytls.settings(), frame(SYN, 1), frame(PSH, 1, addr(*echo.dest)))
    peer.expect(SYNACK, 1)
    assert [one.cmd for one in peer.inbox] == [SERVER_SETTINGS]
