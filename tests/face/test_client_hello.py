# SPDX-License-Identifier: GPL-2.0-or-later
"""The client's ClientHello is, byte for byte, that of `openssl s_client` with the same name and protocols."""

import json
import socket
import struct
import subprocess

import pytest

from conftest import PASSWORD, make_cert
from daemon import Daemon, listening, wait_until
from nginx import free_ports

KEY_SHARE = 0x33


def first_record(listener):
    conn, _ = listener.accept()
    with conn:
        conn.settimeout(10)
        data = b""
        while len(data) < 5 or len(data) < 5 + struct.unpack_from(">H", data, 3)[0]:
            more = conn.recv(4096)
            assert more, "no whole record"
            data += more
        return data


def same_for_all(record):
    """The ClientHello with zeros where numbers are drawn."""
    out = bytearray(record)
    out[11:43] = bytes(32)
    at = 44 + out[43]
    out[44:at] = bytes(out[43])
    at += 2 + struct.unpack_from(">H", out, at)[0]
    at += 1 + out[at] + 2
    while at < len(out):
        kind, size = struct.unpack_from(">HH", out, at)
        if kind == KEY_SHARE:
            out[at + 10:at + 4 + size] = bytes(size - 6)
        at += 4 + size
    return bytes(out)


@pytest.fixture
def listener():
    with socket.create_server(("127.0.0.1", 0)) as made:
        made.settimeout(10)
        yield made


def of_openssl(listener, name, alpn):
    command = ["openssl", "s_client", "-connect", f"127.0.0.1:{listener.getsockname()[1]}"]
    command += ["-servername", name] if name else ["-noservername"]
    command += ["-alpn", ",".join(alpn)] if alpn else []
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        return first_record(listener)
    finally:
        process.kill()
        process.wait()


def client(folder, port, server_port, tls):
    config = {"inbounds": [{"type": "socks", "listen": "127.0.0.1", "listen_port": port}],
              "outbounds": [{"type": "anytls", "server": "127.0.0.1", "server_port": server_port, "password": PASSWORD,
                             "tls": {"enabled": True, "insecure": True, **tls}}]}
    daemon = Daemon(json.dumps(config), folder, [port])
    try:
        return daemon.wait_ready()
    except BaseException:
        daemon.finish()
        raise


def ask(port):
    """An application that wants a connection."""
    app = socket.create_connection(("127.0.0.1", port), 10)
    app.sendall(b"\5\1\0")
    assert app.recv(2) == b"\5\0"
    app.sendall(b"\5\1\0\1" + bytes([127, 0, 0, 1, 0, 80]))
    return app


def of_client(listener, folder, name, alpn):
    port, = free_ports(1)
    daemon = client(folder, port, listener.getsockname()[1],
                    {"alpn": alpn, **({"server_name": name} if name else {"disable_sni": True})})
    try:
        with ask(port):
            return first_record(listener)
    finally:
        assert daemon.finish() is None


@pytest.mark.parametrize("name", ["face.test", None])
@pytest.mark.parametrize("alpn", [[], ["http/1.1"], ["h2", "http/1.1"]])
def test_client_hello_is_that_of_openssl(tmp_path, listener, name, alpn):
    stock = of_openssl(listener, name, alpn)
    ours = of_client(listener, tmp_path, name, alpn)
    assert same_for_all(ours) == same_for_all(stock)
    assert ours != stock, "the random is in it"


@pytest.mark.parametrize("suites, why", [("AES128-SHA", "too old"), ("ALL", "legacy sigalg|too old")])
def test_a_version_that_is_offered_for_looks_is_refused(tmp_path, suites, why):
    """The hello names TLS 1.1 because others do; a server that takes it is not talked to."""
    cert, key = make_cert(tmp_path, "old", ["rsa:2048"])
    port, local = free_ports(2)
    server = subprocess.Popen(["openssl", "s_server", "-accept", f"127.0.0.1:{port}", "-cert", cert, "-key", key, "-tls1_1",
                               "-cipher", f"{suites}:@SECLEVEL=0"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL)
    daemon = None
    try:
        wait_until(lambda: listening(port), 10, "the old server listens")
        daemon = client(tmp_path, local, port, {})
        ask(local).close()
        daemon.wait_log(why)
    finally:
        assert daemon is None or daemon.finish() is None
        server.kill()
        server.wait()
