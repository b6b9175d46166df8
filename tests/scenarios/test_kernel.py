# SPDX-License-Identifier: GPL-2.0-or-later
"""What the daemon makes of a kernel that can do what was asked for, and of one that cannot."""

import json

import pytest

import anytls
from test_state import ctl, run, sessions

WITHOUT_BPF = ("setpriv", "--inh-caps=-all", "--bounding-set=-bpf,-sys_admin,-net_admin,-perfmon")


def verdict(feature):
    return json.loads(run("kernel", "-j").stdout)["features"][feature]["verdict"]


def exchange(world, daemon, **options):
    echo, peer = world.echo(), world.login(daemon, **options)
    peer.opened(1, echo.dest)
    peer.echo(1, anytls.pattern(300000))
    return sessions(daemon)[0]


def tls(world, **keys):
    return {"enabled": True, "certificate_path": world.cert.cert, "key_path": world.cert.key, **keys}


@pytest.mark.parametrize("key, feature", [("kernel_tx", "tls_tx_aes_128_gcm"), ("kernel_rx", "tls_rx_aes_128_gcm")])
def test_required_kernel_tls_is_had_or_the_daemon_does_not_start(world, key, feature):
    config = {"inbounds": [world.anytls_in(tls(world, **{key: True}))]}
    if verdict(feature) == "yes":
        daemon = world.start(config)
        daemon.port = daemon.ports[0]
        assert exchange(world, daemon)["wire_out" if key == "kernel_tx" else "wire_in"] == "kernel"
    else:
        daemon = world.start(config, ready=False)
        assert daemon.process.wait(20) == 1
        daemon.expected_exit = 1
        assert f"in: {key} is required, but this kernel cannot do it: " in daemon.log()


@pytest.mark.parametrize("value", ["auto", False])
def test_records_are_made_here_unless_asked_otherwise(world, value):
    daemon = world.server(tls=tls(world, kernel_tx=value, kernel_rx=value))
    session = exchange(world, daemon)
    assert session["wire_in"] == session["wire_out"] == "records"


def test_switched_off_kernel_tls_is_kept_away_from(world):
    if verdict("tls_tx_aes_128_gcm") != "yes":
        pytest.skip("no kernel TLS here")
    daemon = world.server(tls=tls(world, kernel_tx=True, kernel_rx=True))
    ctl(daemon, "ktls", "off")
    assert exchange(world, daemon)["wire_out"] == "records"
    ctl(daemon, "ktls", "on")
    exchange(world, daemon)
    assert sorted(s["wire_out"] for s in sessions(daemon)) == ["kernel", "records"]


@pytest.mark.parametrize("engine", ["splice", "sockmap"])
def test_engine_without_kernel_tls_copies_and_says_why(world, engine):
    daemon = world.server(tls=tls(world, kernel_tx=False, kernel_rx=False), datapath=engine)
    session = exchange(world, daemon)
    assert session["engine"] == "copy" and "memory" in session["why"]


def test_sockmap_without_the_right_to_use_bpf_splices_and_says_why(world):
    config = {"inbounds": [world.anytls_in(tls=False, datapath="sockmap")]}
    daemon = world.start(config, wrapper=WITHOUT_BPF)
    daemon.port = daemon.ports[0]
    session = exchange(world, daemon, tls=False)
    assert session["engine"] == "splice" and "no right to" in session["why"]
    daemon.wait_log("no sockmap engine, relays splice instead: .*no right to .*CAP_BPF")
