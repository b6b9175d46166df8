# SPDX-License-Identifier: GPL-2.0-or-later
"""Fixtures: nginx alone, and the daemon with the same certificates in front of it, once a test process."""

import collections
import json
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "tests" / "scenarios"))

import suite                                    # noqa: E402
from daemon import Daemon                       # noqa: E402
from nginx import Nginx, free_ports             # noqa: E402

TEST_SECONDS = 90
HEADER_SECONDS, KEEPALIVE_SECONDS = 3, 2        # what nginx allows; the daemon is told the first one
TIMES = f"client_header_timeout {HEADER_SECONDS}s;\n\tkeepalive_timeout {KEEPALIVE_SECONDS}s;"
PASSWORD = "long and random"

Pair = collections.namedtuple("Pair", "nginx ours")     # two ports


def make_cert(folder, name, kind):
    cert, key = folder / f"{name}.pem", folder / f"{name}.key"
    subprocess.run(["openssl", "req", "-x509", "-newkey", *kind, "-nodes", "-days", "30", "-subj", "/CN=face.test",
                    "-addext", "subjectAltName=DNS:face.test", "-keyout", key, "-out", cert],
                   check=True, capture_output=True)
    return str(cert), str(key)


def long_chain(folder, cert, key):
    """So many certificates that OpenSSL's buffer for a flight, 4 KiB, is too small."""
    chain = folder / "chain.pem"
    chain.write_text(pathlib.Path(cert).read_text() * 8)
    return str(chain), key


def inbound(port, cert, fallback, fallback_tls):
    return {"type": "anytls", "tag": f"in-{port}", "listen": "127.0.0.1", "listen_port": port,
            "users": [{"name": "alice", "password": PASSWORD}],
            "tls": {"enabled": True, "certificate_path": cert[0], "key_path": cert[1], "alpn": ["http/1.1"]},
            "fallback": {"server": "127.0.0.1", "server_port": fallback},
            "fallback_tls": {"server": "127.0.0.1", "server_port": fallback_tls}}


class Face:
    """Pairs of ports by the kind of certificate."""

    def __init__(self, folder, default_times=False):
        certs = {"ec": make_cert(folder, "ec", ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"]),
                 "rsa": make_cert(folder, "rsa", ["rsa:2048"])}
        certs["chain"] = long_chain(folder, *certs["rsa"])
        plain, *ports = free_ports(1 + 2 * len(certs))
        self.pairs = {name: Pair(ports[2 * i], ports[2 * i + 1]) for i, name in enumerate(certs)}
        self.nginx = Nginx(folder, plain, {name: (self.pairs[name].nginx, *pem) for name, pem in certs.items()},
                           "" if default_times else TIMES)
        self.daemon = None
        try:
            self.nginx.wait_ready()
            limits = {} if default_times else {"handshake_timeout": f"{HEADER_SECONDS}s"}
            config = {"log": {"level": "debug"}, "limits": limits,
                      "inbounds": [inbound(pair.ours, certs[name], plain, pair.nginx)
                                   for name, pair in self.pairs.items()]}
            self.daemon = Daemon(json.dumps(config), folder, [pair.ours for pair in self.pairs.values()])
            self.daemon.wait_ready()
        except BaseException:
            self.close()
            raise

    def close(self):
        """What was wrong with how the daemon lived and died, or None."""
        wrong = self.daemon.finish() if self.daemon else None
        self.nginx.close()
        return wrong


@pytest.fixture(scope="session")
def face(tmp_path_factory):
    made = Face(tmp_path_factory.mktemp("face"))
    yield made
    wrong = made.close()
    assert not wrong, wrong


@pytest.fixture(autouse=True)
def limited():
    with suite.time_limit(TEST_SECONDS):
        yield


def pytest_terminal_summary(terminalreporter):
    suite.write_counts(terminalreporter, "FACE_SUMMARY")
