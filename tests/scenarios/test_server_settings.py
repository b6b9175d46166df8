# SPDX-License-Identifier: GPL-2.0-or-later
"""Settings, versions and the padding scheme at a server (scenarios 20-24, 40)."""

import hashlib
import subprocess

import pytest

import anytls
from anytls import (ALERT, DEFAULT_MD5, DEFAULT_SCHEME, FIN, MISSING_SETTINGS, PSH, SERVER_SETTINGS, SETTINGS, SYN,
                    SYNACK, UPDATE, addr, frame, preamble, psh, settings)
from daemon import PROGRAM


def anonymous(world, **keys):
    """A client that has logged in and sent no settings yet."""
    peer = world.dial(world.server(**keys))
    peer.send(preamble())
    return peer


@pytest.mark.parametrize("before", [b"", frame(SETTINGS)], ids=["none", "empty"])
def test_syn_without_settings_is_answered_with_an_alert(world, before):
    echo, peer = world.echo(), anonymous(world)
    peer.send(before, frame(SYN, 1), frame(PSH, 1, addr(*echo.dest)))
    alert = peer.expect(ALERT)
    assert frame(*alert) == MISSING_SETTINGS
    peer.wait_end(5)
    assert peer.inbox == []


V2_TEXTS = [b"padding-md5=%s\nclient=\nv=2", b"client=x\nv=2\npadding-md5=%s\n",
            b"v=2\nfuture=yes\n\nnoise\npadding-md5=%s", b"v=1\npadding-md5=%s\nv=2",
            b"v=3\npadding-md5=%s", b"v=258\npadding-md5=%s", b"v=2\nclient=a=b\npadding-md5=%s"]


@pytest.mark.parametrize("text", V2_TEXTS)
def test_settings_of_a_v2_client(world, text):
    echo, peer = world.echo(), anonymous(world)
    peer.send(frame(SETTINGS, 0, text % DEFAULT_MD5.encode()))
    assert peer.expect(SERVER_SETTINGS) == (SERVER_SETTINGS, 0, b"v=2")
    peer.opened(1, echo.dest)
    assert peer.sync() == [], "no update was due"


V1_TEXTS = [b"v=1\npadding-md5=%s", b"v=2\r\npadding-md5=%s\r\n", b"V=2\npadding-md5=%s",
            b"padding-md5=%s", b" v=2\npadding-md5=%s", b"v=two\npadding-md5=%s",
            b"v=-2\npadding-md5=%s", b"v=\npadding-md5=%s", b"v=2\nv=1\npadding-md5=%s"]


@pytest.mark.parametrize("text", V1_TEXTS)
def test_settings_of_a_v1_client_get_neither_server_settings_nor_synack(world, text):
    echo, peer = world.echo(), anonymous(world)
    peer.send(frame(SETTINGS, 0, text % DEFAULT_MD5.encode()))
    peer.open(1, echo.dest, b"hello")
    assert peer.read(1, 5) == b"hello"
    assert {one.cmd for one in peer.sync()} <= {UPDATE}


@pytest.mark.parametrize("md5", [DEFAULT_MD5, "0" * 32, DEFAULT_MD5.upper(), DEFAULT_MD5 + "\r", ""])
@pytest.mark.parametrize("v", ["1", "2"])
def test_scheme_is_sent_when_the_md5_differs_and_only_then(world, md5, v):
    peer = anonymous(world)
    peer.send(settings(v=v, md5=md5))
    sent = {one.cmd: one for one in peer.sync()}
    assert (SERVER_SETTINGS in sent) == (v == "2")
    assert (UPDATE in sent) == (md5 != DEFAULT_MD5)
    if UPDATE in sent:
        assert sent[UPDATE] == (UPDATE, 0, DEFAULT_SCHEME)


def test_scheme_is_sent_when_the_md5_is_missing(world):
    peer = anonymous(world)
    peer.send(frame(SETTINGS, 0, b"v=2"))
    assert peer.expect(UPDATE).data == DEFAULT_SCHEME


def test_settings_are_processed_every_time_and_at_any_id(world):
    echo, peer = world.echo(), anonymous(world)
    for sid in (1, 2, 3):
        peer.send(settings(sid=sid, md5="1" * 32))
        peer.opened(sid, echo.dest, b"hello")
        assert peer.expect(SERVER_SETTINGS).data == b"v=2"
        assert peer.expect(UPDATE).data == DEFAULT_SCHEME
        assert peer.read(sid, 5) == b"hello"
        peer.send(frame(FIN, sid))


def test_own_scheme_is_pushed_byte_for_byte(world):
    lines = ["stop=3", "0=40-50", "1=100-200", "2=300-400,c,9-9"]
    text = "\n".join(lines).encode()
    peer = anonymous(world, padding_scheme=lines)
    peer.send(settings())
    assert peer.expect(UPDATE).data == text
    peer.send(settings(md5=hashlib.md5(text).hexdigest()))
    assert not any(one.cmd == UPDATE for one in peer.sync())


def test_scheme_as_one_string(world):
    peer = anonymous(world, padding_scheme="stop=2\n0=40-50\n1=100-200")
    peer.send(settings())
    assert peer.expect(UPDATE).data == b"stop=2\n0=40-50\n1=100-200"


def test_short_form_of_a_scheme_is_translated_and_logged(world):
    daemon = world.server(padding_scheme=["0:100", "200:500"])
    peer = world.dial(daemon)
    peer.send(preamble(), settings())
    assert peer.expect(UPDATE).data == b"stop=2\n0=1-100\n1=200-500"
    daemon.wait_log(r"0=1-100")


BAD_SCHEMES = {
    "CR at the end of a line": ["stop=2\r", "0=1-100\r"],
    "LF inside a line": ["stop=2\n0=1-100", "1=2-3"],
    "no stop": ["0=30-30", "1=100-400"],
    "both forms": ["stop=2", "0:100", "1=1-100"],
    "size 0": ["stop=2", "0=0-100"],
    "no range": ["stop=2", "0=30-30", "1=100"],
    "size above 65535": ["stop=2", "0=30-30", "1=100-65536"],
    "check first in key 0": ["stop=2", "0=c,30-30"],
    "negative stop": ["stop=-1", "0=30-30"],
    "too long": ["stop=8"] + [f"{i}=" + ",".join(["100-200"] * 100) for i in range(1, 101)],
    "not a scheme": ["padding"],
}


@pytest.mark.parametrize("lines", BAD_SCHEMES.values(), ids=BAD_SCHEMES.keys())
def test_unusable_scheme_is_refused_at_start_by_name(world, lines):
    daemon = world.start({"inbounds": [world.anytls_in(padding_scheme=lines)]}, ready=False)
    assert daemon.process.wait(20) not in (0, None)
    assert daemon.process.returncode > 0, "killed by a signal"
    daemon.expected_exit = None
    assert "padding_scheme" in daemon.log()
    checked = subprocess.run([PROGRAM, "check", "-c", str(daemon.config_path)], capture_output=True, text=True,
                             timeout=20)
    assert checked.returncode != 0
    assert "padding_scheme" in checked.stdout + checked.stderr


def test_commands_of_the_other_direction_are_ignored(world):
    echo, peer = world.echo(), world.login(world.server())
    peer.opened(1, echo.dest)
    peer.send(frame(SYNACK, 1), frame(SYNACK, 1, b"error"), frame(SERVER_SETTINGS, 0, b"v=2"),
              frame(UPDATE, 0, b"stop=1\n0=5-5"))
    peer.echo(1, b"still here")


def test_alert_of_a_client_closes_the_session_and_cannot_forge_log_lines(world):
    daemon = world.server()
    listener, peer = world.listener(), world.login(daemon)
    peer.opened(1, listener.dest)
    conn = listener.accept()
    peer.send(frame(ALERT, 0, b"first\nerror forged line\x1b[31m\r\x07\x9b\xff"))
    peer.wait_end(5)
    with pytest.raises(ConnectionResetError):
        conn.recv(1)
    daemon.wait_log("first")
    assert not any(line.startswith("error forged") for line in daemon.log().splitlines())
    raw = daemon.log_path.read_bytes()
    assert b"\x1b" not in raw and b"\r" not in raw and b"\x07" not in raw


def test_two_thousand_heartbeats(world):
    echo, peer = world.echo(), world.login(world.server())
    peer.opened(1, echo.dest)
    peer.conn.send(frame(anytls.HEART) * 2000)
    for _ in range(2000):
        assert peer.expect(anytls.HEART_REPLY).data == b""
    peer.send(frame(anytls.HEART, 7))
    assert peer.expect(anytls.HEART_REPLY).sid == 7
    peer.send(psh(1, b"hello"))
    assert peer.read(1, 5) == b"hello"
