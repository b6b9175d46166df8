# SPDX-License-Identifier: GPL-2.0-or-later
"""Rules: which outbound takes what, seen by the target; what is rejected; lists that change."""

import os
import re
import signal
import time

import pytest

from anytls import FIN, PSH, SYN, SYNACK, UOT_V1, UOT_V2, addr, frame, take_uot_packet, uot_packet, uot_request
from daemon import wait_until
from socks import NOT_ALLOWED, OK

# each outbound leaves by an address of its own: the target sees which one it was
A, B, FINAL = "127.0.0.2", "127.0.0.3", "127.0.0.4"
OUTBOUNDS = [{"type": "direct", "tag": tag, "inet4_bind_address": ip}
             for tag, ip in (("final", FINAL), ("a", A), ("b", B))]


def start(world, rules, inbounds=None, **more):
    inbounds = inbounds or [{"type": "socks", "tag": "socks", "listen": "127.0.0.1", "listen_port": world.port()}]
    daemon = world.start({"inbounds": inbounds, "outbounds": OUTBOUNDS, "route": {"rules": rules}, **more})
    daemon.port = daemon.ports[0]
    return daemon


def way(listener, app, dest=None):
    """The address from which the connection of a SOCKS client arrives."""
    app.connect(dest or listener.dest)
    return listener.accept().getpeername()[0]


def rejected(app, dest):
    code = app.start(dest).reply()[0]
    assert code in (OK, NOT_ALLOWED)
    return code == NOT_ALLOWED


def write(path, text):
    """As an editor does: a reader sees the old file or the new one."""
    path.with_suffix(".new").write_text(text)
    os.rename(path.with_suffix(".new"), path)


def test_port_and_name_choose_and_the_first_rule_wins(world):
    one, two = world.listener(), world.listener()
    daemon = start(world, [{"port": one.port, "outbound": "a"},
                           {"domain_suffix": "LOCALHOST", "outbound": "b"},
                           {"ip_cidr": "127.0.0.0/8", "port_range": f"{two.port}:", "outbound": "a"}])
    assert way(one, world.socks(daemon)) == A
    assert way(one, world.socks(daemon), ("localhost", one.port)) == A
    assert way(two, world.socks(daemon), ("Localhost", two.port)) == B
    assert way(two, world.socks(daemon)) == A


def test_no_rule_fits(world):
    listener = world.listener()
    daemon = start(world, [{"ip_cidr": "10.0.0.0/8", "outbound": "a"}, {"network": "udp", "action": "reject"}])
    assert way(listener, world.socks(daemon)) == FINAL


def test_source_address_and_port(world):
    listener = world.listener()
    daemon = start(world, [{"source_ip_cidr": "127.0.0.9", "outbound": "a"},
                           {"source_ip_cidr": "127.0.0.8/31", "source_port_range": "1:1023", "outbound": "b"}])
    assert way(listener, world.socks(daemon, source="127.0.0.9")) == A
    assert way(listener, world.socks(daemon, source="127.0.0.8")) == FINAL


def test_inbound(world):
    listener = world.listener()
    inbounds = [{"type": "socks", "tag": tag, "listen": "127.0.0.1", "listen_port": world.port()}
                for tag in ("x", "y", "z")]
    daemon = start(world, [{"inbound": ["x", "z"], "outbound": "a"}, {"inbound": "y", "outbound": "b"}], inbounds)
    seen = []
    for daemon.port in daemon.ports:
        seen.append(way(listener, world.socks(daemon)))
    assert seen == [A, B, A]


def test_user_of_socks_whatever_the_length_of_the_name(world):
    listener, names = world.listener(), ["n" * 200, "n" * 64, "n" * 63]
    inbound = {"type": "socks", "tag": "socks", "listen": "127.0.0.1", "listen_port": world.port(),
               "users": [{"username": name, "password": "p"} for name in names]}
    daemon = start(world, [{"auth_user": names[0], "outbound": "a"}, {"auth_user": names[1], "outbound": "b"}],
                   [inbound])
    seen = []
    for name in names:
        app = world.socks(daemon)
        assert app.greet(b"\x02") == 2 and app.login(name.encode(), b"p") == 0
        app.request(listener.dest)
        app.finish()
        seen.append(listener.accept().getpeername()[0])
    assert seen == [A, B, FINAL]


def test_user_and_source_of_anytls(world):
    listener = world.listener()
    users = [{"name": name, "password": f"of {name}"} for name in ("alice", "bob", "carol")]
    daemon = start(world, [{"auth_user": "alice", "source_ip_cidr": "127.0.0.1", "outbound": "a"},
                           {"auth_user": "bob", "source_ip_cidr": "10.0.0.0/8", "outbound": "a"},
                           {"auth_user": "carol", "outbound": "b"}], [world.anytls_in(users=users)])
    seen = []
    for user in users:
        world.login(daemon, user["password"]).opened(1, listener.dest)
        seen.append(listener.accept().getpeername()[0])
    assert seen == [A, FINAL, B]
    daemon.wait_log(r"route\.rules\[2\]: b")


def test_rejected_socks_connection_is_told(world):
    echo, other = world.echo(), world.echo()
    daemon = start(world, [{"port": echo.port, "action": "reject"}])
    app = world.socks(daemon)
    assert rejected(app, echo.dest)
    assert app.recv_all()[0] == b""
    assert not echo.open
    assert not rejected(world.socks(daemon), other.dest)


def test_rejected_stream_has_an_error_and_the_session_goes_on(world):
    echo, other = world.echo(), world.echo()
    daemon = start(world, [{"port": echo.port, "action": "reject"}], [world.anytls_in()])
    peer = world.login(daemon)
    peer.open(1, echo.dest)
    assert b"rejected" in peer.expect(SYNACK, 1).data
    peer.expect(FIN, 1)
    peer.opened(2, other.dest)
    peer.echo(2, b"goes on")
    assert not echo.open


def test_private_addresses_are_rejected_as_a_whole(world):
    echo = world.echo()
    daemon = start(world, [{"ip_is_private": True, "action": "reject"}])
    assert rejected(world.socks(daemon), echo.dest)
    assert rejected(world.socks(daemon), ("::ffff:127.0.0.1", echo.port))
    assert rejected(world.socks(daemon), ("::1", echo.port))


def test_socks_datagrams_to_rejected_destinations_are_dropped(world):
    good, bad = world.udp_echo(), world.udp_echo()
    daemon = start(world, [{"network": "udp", "port": bad.dest[1], "action": "reject"}])
    udp = world.socks_udp(daemon)
    udp.send(b"first, rejected", bad.dest)
    udp.send(b"second", good.dest)
    assert udp.recv() == (b"second", *good.dest)
    udp.send(b"third, rejected", bad.dest)
    udp.send(b"fourth", good.dest)
    assert udp.recv()[0] == b"fourth"
    assert not bad.seen
    daemon.process.send_signal(signal.SIGUSR1)
    daemon.wait_log(r"dropped 2\)")


def uot(peer, name, head):
    peer.send(frame(SYN, 1), frame(PSH, 1, addr(name, 0) + head))


def received(peer, connect=False):
    buf = bytearray()
    while (found := take_uot_packet(buf, connect)) is None:
        buf += peer.expect(PSH, 1).data
    return found[1]


def test_udp_over_tcp_cannot_name_one_destination_and_send_to_another(world):
    good, bad = world.udp_echo(), world.udp_echo()
    daemon = start(world, [{"network": "udp", "port": bad.dest[1], "action": "reject"}], [world.anytls_in()])
    peer = world.login(daemon)
    uot(peer, UOT_V2, uot_request(*good.dest, False))
    peer.send(frame(PSH, 1, uot_packet(b"x", bad.dest) + uot_packet(b"y", good.dest)))
    assert received(peer) == b"y"
    assert not bad.seen


@pytest.mark.parametrize("head", [lambda dest: uot_request(*dest, True) + uot_packet(b"x"),
                                  lambda dest: uot_request(*dest, False) + uot_packet(b"x", dest)],
                         ids=["connect", "packets"])
def test_rejected_association_ends(world, head):
    bad = world.udp_echo()
    daemon = start(world, [{"network": "udp", "port": bad.dest[1], "action": "reject"}], [world.anytls_in()])
    peer = world.login(daemon)
    uot(peer, UOT_V2, head(bad.dest))
    peer.expect(FIN, 1)
    assert not bad.seen


def test_legacy_udp_over_tcp_is_routed_by_its_first_packet(world):
    good, bad = world.udp_echo(), world.udp_echo()
    daemon = start(world, [{"network": "udp", "port": bad.dest[1], "action": "reject"},
                           {"network": "tcp", "action": "reject"}], [world.anytls_in()])
    peer = world.login(daemon)
    uot(peer, UOT_V1, uot_packet(b"y", good.dest) + uot_packet(b"x", bad.dest))
    assert received(peer) == b"y"
    peer = world.login(daemon)
    uot(peer, UOT_V1, uot_packet(b"x", bad.dest))
    peer.expect(FIN, 1)
    assert not bad.seen


@pytest.mark.parametrize("hurry", [True, False], ids=["SIGHUP", "by itself"])
def test_changed_list_is_used_by_the_next_connection(world, tmp_path, hurry):
    echo, path = world.echo(), tmp_path / "list"
    write(path, "10.0.0.0/8 # nothing of this machine\n")
    daemon = start(world, [{"ip_cidr_file": str(path), "action": "reject"}])
    lives = world.socks(daemon).connect(echo.dest)
    write(path, "10.0.0.0/8\n127.0.0.0/8\n")
    if hurry:
        daemon.process.send_signal(signal.SIGHUP)
    began = time.monotonic()
    daemon.wait_log("lists of address prefixes reloaded")
    assert time.monotonic() - began < (1 if hurry else 4)
    wait_until(lambda: rejected(world.socks(daemon), echo.dest), what="the new list is used")
    lives.send(b"goes on")
    assert lives.recv(7) == b"goes on"


def test_broken_list_is_reported_once_and_the_old_one_stays(world, tmp_path):
    echo, path = world.echo(), tmp_path / "list"
    write(path, "127.0.0.0/8\n")
    daemon = start(world, [{"ip_cidr_file": str(path), "action": "reject"}])
    write(path, "10.0.0.0/8\nnonsense\n")
    daemon.wait_log(r"changed lists are not used: .*/list:2: no address prefix")
    time.sleep(2.5)             # another look
    assert daemon.log().count("changed lists are not used") == 1
    assert rejected(world.socks(daemon), echo.dest)
    path.unlink()
    daemon.process.send_signal(signal.SIGHUP)
    daemon.wait_log(r"changed lists are not used: .*/list: No such file")
    assert rejected(world.socks(daemon), echo.dest)
    write(path, "10.0.0.0/8\n")
    daemon.process.send_signal(signal.SIGHUP)
    daemon.wait_log("lists of address prefixes reloaded")
    assert not rejected(world.socks(daemon), echo.dest)


def test_list_that_is_missing_at_the_start_stops_it(world, tmp_path):
    config = {"inbounds": [world.anytls_in()],
              "route": {"rules": [{"ip_cidr_file": str(tmp_path / "none"), "action": "reject"}]}}
    daemon = world.start(config, ready=False)
    daemon.expected_exit = 1
    assert daemon.process.wait(10) == 1
    assert re.search(r"route\.rules\[0\]\.ip_cidr_file: .*: No such file or directory", daemon.log())
