# SPDX-License-Identifier: GPL-2.0-or-later
"""JARM fingerprints are equal; and ours are those that others have taken of the same server."""

import pytest

import jarm
from conftest import make_cert
from nginx import Nginx, free_ports

# Of Debian's nginx without any line about TLS in its configuration (TLS 1.2, the client's order), with an EC certificate.
KNOWN = {
    False: "1dd40d40d00040d0001dd40d1dd40dd5ccd273978ad18a14ab751b52670c0b",
    True: "1dd40d40d00040d0001dd40d1dd40d19c87d867c7769d680e54b71c8f5e7c4",
}


@pytest.mark.parametrize("kind", ["ec", "rsa"])
@pytest.mark.parametrize("host", ["127.0.0.1", "face.test", "other.test"])
def test_jarm_is_that_of_nginx(face, kind, host):
    nginx, ours = (jarm.answers(port, host) for port in face.pairs[kind])
    assert ours == nginx
    assert jarm.fingerprint(ours) == jarm.fingerprint(nginx)
    assert sum(one is not None for one in ours) >= 5, "a server that refuses all looks like any other"


@pytest.mark.parametrize("http2", [False, True])
def test_our_jarm_is_everybody_s(tmp_path, monkeypatch, http2):
    """Against figures taken with another implementation."""
    monkeypatch.setattr("nginx.CONFIG", "\n".join(
        line for line in __import__("nginx").CONFIG.split("\n") if "ssl_" not in line))
    plain, tls = free_ports(2)
    cert = make_cert(tmp_path, "ec", ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"])
    server = Nginx(tmp_path, plain, {"ec": (tls, *cert)}, http2=http2)
    try:
        server.wait_ready()
        assert jarm.fingerprint(jarm.answers(tls)) == KNOWN[http2]
    finally:
        server.close()
