# SPDX-License-Identifier: GPL-2.0-or-later
"""Without a word about times on either side they are the same: a minute from the connection to the end of a request."""

import threading

from conftest import Face
from probe import Tls, bare, context, side_by_side
from test_bare import HELLO

MINUTE = 60


def silent_tls(port):
    return Tls(port, context()).handshake().finish()


def half_request(port):
    peer = Tls(port, context()).handshake()
    peer.write(b"GET / HT")
    return peer.finish()


PROBES = [bare, lambda port: bare(port, [HELLO[:99]]), lambda port: bare(port, [b"GET / HT"]), silent_tls, half_request]


def test_default_times_are_those_of_nginx(tmp_path, monkeypatch):
    """All at once, or it would take five minutes."""
    monkeypatch.setattr("probe.OPEN_SECONDS", MINUTE + 10)
    face, found = Face(tmp_path, default_times=True), [None] * len(PROBES)

    def run(i):
        found[i] = side_by_side(PROBES[i], *face.pairs["rsa"])
    try:
        threads = [threading.Thread(target=run, args=(i,)) for i in range(len(PROBES))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        wrong = face.close()
    assert not wrong, wrong
    for nginx, ours in found:
        assert ours.compared() == nginx.compared() and nginx.end != "open"
        assert abs(ours.seconds - nginx.seconds) < 0.5 and abs(nginx.seconds - MINUTE) < 1
