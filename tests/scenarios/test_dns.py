# SPDX-License-Identifier: GPL-2.0-or-later
"""Destinations by name: both families, the cache, dead addresses, slow and silent name servers."""

import time

import pytest

from anytls import FIN, PSH, SYN, SYNACK, UOT_V2, addr, frame, uot_packet, uot_request
from dns import Dns


def server_with(world, dns, **keys):
    world.keep(dns)
    config = {"dns": {"servers": [dns.address]}, "inbounds": [world.anytls_in()],
              "outbounds": [{"type": "direct", "tag": "direct", **keys}]}
    daemon = world.start(config)
    daemon.port = daemon.ports[0]
    return daemon


def test_name_is_asked_once_and_remembered(world):
    dns, echo = Dns({"echo.test": ["127.0.0.1"]}), world.echo()
    peer = world.login(server_with(world, dns))
    for sid in range(1, 11):
        peer.open(sid, ("echo.test", echo.port), b"hello")
        assert peer.read(sid, 5) == b"hello"
    assert 1 <= dns.count("echo.test") <= 2


def test_memory_ends_with_the_ttl(world):
    dns, echo = Dns({"echo.test": ["127.0.0.1"]}, ttl=1), world.echo()
    peer = world.login(server_with(world, dns))
    peer.open(1, ("echo.test", echo.port), b"hello")
    peer.read(1, 5)
    before = dns.count("echo.test")
    time.sleep(2.1)
    peer.open(2, ("echo.test", echo.port), b"hello")
    peer.read(2, 5)
    assert dns.count("echo.test") > before


def test_unknown_name_is_refused(world):
    peer = world.login(server_with(world, Dns({})))
    peer.open(1, ("missing.test", 80))
    assert peer.expect(SYNACK, 1, 5).data
    peer.expect(FIN, 1)


def test_silent_name_server_does_not_delay_synack_or_other_streams(world):
    dns, echo = Dns({"silent.test": None}), world.echo()
    peer = world.login(server_with(world, dns, connect_timeout="4s"))
    peer.open(1, ("silent.test", 80))
    peer.opened(2, echo.dest)
    peer.echo(2, b"not held up")
    assert not any(one.sid == 1 and one.data for one in peer.inbox), "only once the look-up had failed"
    assert peer.expect(SYNACK, 1).data == b""
    assert peer.expect(SYNACK, 1).data
    peer.expect(FIN, 1)


def test_slow_name_server(world):
    dns, echo = Dns({"slow.test": ["127.0.0.1"]}), world.echo()
    dns.open.clear()
    peer = world.login(server_with(world, dns))
    peer.open(1, ("slow.test", echo.port), b"patient")
    assert peer.expect(SYNACK, 1).data == b""
    dns.open.set()
    assert peer.read(1, 7) == b"patient"


@pytest.mark.parametrize("addresses", [["127.0.0.9", "127.0.0.1"], ["::1", "127.0.0.1"],
                                       ["127.0.0.9", "127.0.0.8", "127.0.0.1"]])
def test_refused_address_is_followed_by_the_next(world, addresses):
    dns, echo = Dns({"two.test": addresses}), world.echo()
    peer = world.login(server_with(world, dns))
    peer.opened(1, ("two.test", echo.port), b"hello")
    assert peer.read(1, 5) == b"hello"


def test_address_that_does_not_answer_costs_a_fraction_of_a_second(world):
    hole = world.blackhole()
    dns = Dns({"two.test": ["127.0.0.1", "127.0.0.2"]})
    alive = world.listener(host="127.0.0.2", port=hole.port)
    peer, start = world.login(server_with(world, dns)), time.monotonic()
    peer.opened(1, ("two.test", hole.port), b"hello")
    conn = alive.accept()
    assert conn.recv(5) == b"hello" and time.monotonic() - start < 3


def test_udp_target_by_name(world):
    dns, echo = Dns({"echo.test": ["127.0.0.1"]}), world.udp_echo()
    peer = world.login(server_with(world, dns))
    dest = ("echo.test", echo.dest[1])
    peer.send(frame(SYN, 1), frame(PSH, 1, addr(UOT_V2, 0) + uot_request(*dest, True) + uot_packet(b"hi")))
    assert peer.read(1, 4) == uot_packet(b"hi")


def test_udp_packets_to_other_targets_do_not_wait_for_a_name(world):
    dns, echo = Dns({"silent.test": None}), world.udp_echo()
    peer = world.login(server_with(world, dns))
    peer.send(frame(SYN, 1), frame(PSH, 1, addr(UOT_V2, 0) + uot_request(*echo.dest, False) +
                                   uot_packet(b"lost", ("silent.test", 1)) + uot_packet(b"kept", echo.dest)))
    start = time.monotonic()
    assert peer.read(1, 13).endswith(b"kept")
    assert time.monotonic() - start < 2


STRANGE = ["a" * 64 + ".test", "..", "-", "sp ace.test", "nul\0.test", "ü.test", "x" * 255, "1.2.3.4.5"]


@pytest.mark.parametrize("name", STRANGE)
def test_strange_names_are_refused_and_logged_harmlessly(world, name):
    daemon = server_with(world, Dns({}))
    peer, echo = world.login(daemon), world.echo()
    peer.open(1, (name, 80))
    assert peer.expect(SYNACK, 1, 8).data
    peer.expect(FIN, 1)
    assert b"\0" not in daemon.log_path.read_bytes()
    peer.opened(2, echo.dest)
