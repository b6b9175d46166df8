# SPDX-License-Identifier: GPL-2.0-or-later
"""TLS on both sides: versions, ALPN, names, verification, pins, resumption, reload of certificates."""

import base64
import os
import shutil
import socket
import ssl
import time

import pytest

import anytls
from daemon import wait_until
from peers import Client
from test_client_auth import failed
from test_client_streams import DEST, first_stream
from world import make_cert


def tls_of(cert, **keys):
    return {"enabled": True, "certificate_path": cert.cert, "key_path": cert.key, **keys}


def served_cert(daemon, name=None, **options):
    """What certificate a client gets, as DER."""
    peer = Client.dial(daemon.port, name=name, **options)
    der = peer.conn.obj.getpeercert(True)
    peer.close()
    return der


def der_of(cert):
    return ssl.PEM_cert_to_DER_cert(open(cert.cert, encoding="ascii").read())


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_versions_of_a_client(world, version):
    daemon, echo = world.server(), world.echo()
    peer = world.login(daemon, version=version)
    assert peer.conn.obj.version() == version.name.replace("v1_", "v1.")
    peer.opened(1, echo.dest)
    peer.echo(1, anytls.pattern(500000))


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_versions_of_a_server(world, version):
    server = world.scripted(version=version)
    app, session, sid = first_stream(world, server, world.client(server.port))
    assert session.conn.obj.version() == version.name.replace("v1_", "v1.")
    data = anytls.pattern(500000)
    session.send(anytls.psh(sid, data))
    assert app.recv(len(data)) == data


def test_minimum_version(world):
    daemon = world.server(tls=tls_of(world.cert, min_version="1.3"))
    with pytest.raises((ssl.SSLError, OSError)):
        world.dial(daemon, version=ssl.TLSVersion.TLSv1_2)
    world.login(daemon)


def test_maximum_version(world):
    daemon = world.server(tls=tls_of(world.cert, max_version="1.2"))
    assert world.login(daemon).conn.obj.version() == "TLSv1.2"


@pytest.mark.parametrize("offer, agreed", [(["h2", "http/1.1"], "h2"), (["http/1.1"], "http/1.1"), (None, None)])
def test_alpn_of_a_server(world, offer, agreed):
    daemon = world.server(tls=tls_of(world.cert, alpn=["h2", "http/1.1"]))
    assert world.login(daemon, alpn=offer).conn.obj.selected_alpn_protocol() == agreed


def test_alpn_without_overlap_is_refused(world):
    daemon = world.server(tls=tls_of(world.cert, alpn=["h2", "http/1.1"]))
    with pytest.raises(ssl.SSLError, match="(?i)no.application.protocol"):
        world.dial(daemon, alpn=["ftp", "xmpp-client"])


def test_alpn_without_configuration_is_ignored(world):
    assert world.login(world.server(), alpn=["h2"]).conn.obj.selected_alpn_protocol() is None


@pytest.mark.parametrize("name", [None, "server.test", "other.test"])
def test_any_server_name_is_served(world, name):
    world.login(world.server(), name=name)


def test_certificates_by_name(world):
    other = make_cert(world.folder, "other.test")
    daemon = world.server(tls=tls_of(world.cert, certificates=[
        {"certificate_path": other.cert, "key_path": other.key}]))
    assert served_cert(daemon, "other.test") == der_of(other)
    for name in ("server.test", "unknown.test", None):
        assert served_cert(daemon, name) == der_of(world.cert)


def test_session_is_resumed(world):
    daemon = world.server()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with context.wrap_socket(socket.create_connection(("127.0.0.1", daemon.port))) as first:
        session = first.session
    for _ in range(4):
        with context.wrap_socket(socket.create_connection(("127.0.0.1", daemon.port)), session=session) as again:
            assert again.session_reused


def handshake_outcome(world, server, **tls):
    """Whether the client under test takes the scripted server's certificate."""
    daemon = world.client(server.port, tls=tls)
    app = world.socks(daemon).start(DEST)
    try:
        session = world.keep(server.accept(5))
        session.hello()
        session.accepted()
        app.finish()
        return True
    except (OSError, AssertionError):
        server.close()
        failed(app)
        return False


def test_unknown_authority_is_refused_by_default(world):
    assert not handshake_outcome(world, world.scripted(), insecure=False)
    assert "certificate" in world.daemons[0].log().lower()


@pytest.mark.parametrize("name, accepted", [("server.test", True), ("localhost", True), ("other.test", False),
                                            (None, True)])
def test_name_is_verified_against_the_own_authority(world, name, accepted):
    """Without a name the address of the server is verified as such: the certificate has it."""
    tls = {"server_name": name} if name else {}
    tls.update(insecure=False, certificate_path=world.cert.cert)
    assert handshake_outcome(world, world.scripted(), **tls) == accepted


def test_address_that_the_certificate_lacks_is_refused(world):
    server = world.scripted()
    daemon = world.client(server.port, server="127.0.0.2", tls={"insecure": False, "certificate_path": world.cert.cert})
    server.sock.close()
    server.sock = socket.create_server(("0.0.0.0", server.port))
    app = world.socks(daemon).start(DEST)
    with pytest.raises((OSError, AssertionError)):
        world.keep(server.accept(5))
    server.close()
    failed(app)


@pytest.mark.parametrize("right", [True, False])
def test_pin_replaces_authority_and_name(world, right):
    pin = world.cert.pin if right else base64.b64encode(bytes(32)).decode()
    assert handshake_outcome(world, world.scripted(), insecure=False, server_name="other.test",
                             certificate_public_key_sha256=[pin]) == right


@pytest.mark.parametrize("keys, sni", [({"server_name": "front.test"}, "front.test"), ({}, None),
                                       ({"server_name": "127.0.0.1"}, None),
                                       ({"server_name": "front.test", "disable_sni": True}, None)])
def test_server_name_on_the_wire(world, keys, sni):
    server, seen = world.scripted(), []
    server.context.sni_callback = lambda obj, name, context: seen.append(name)
    world.socks(world.client(server.port, tls=keys)).start(DEST)
    world.keep(server.accept())
    assert seen == [sni]


def test_alpn_of_a_client(world):
    server = world.scripted()
    server.context.set_alpn_protocols(["http/1.1", "h2"])
    world.socks(world.client(server.port, tls={"alpn": ["h2", "http/1.1"]})).start(DEST)
    assert world.keep(server.accept()).conn.obj.selected_alpn_protocol() in ("h2", "http/1.1")


def test_client_resumes_its_tls_session(world):
    server = world.scripted()
    daemon = world.client(server.port, disable_session_reuse=True, workers=1)   # tickets are a worker's own
    reused = []
    for _ in range(3):
        app, session, _ = first_stream(world, server, daemon)
        session.send(anytls.psh(1, b"x"))
        app.recv(1)
        reused.append(session.conn.obj.session_reused)
        session.send(anytls.frame(anytls.FIN, 1))
        session.wait_end(5)
    assert reused[0] is False and reused[-1] is True


def test_new_certificate_is_taken_without_dropping_sessions(world):
    old, new = make_cert(world.folder, "old.test"), make_cert(world.folder, "new.test")
    live = make_cert(world.folder, "live.test")
    for source, target in zip(old, live[:2]):
        shutil.copy(source, target)
    daemon, echo = world.server(tls=tls_of(live)), world.echo()
    peer = world.login(daemon)
    peer.opened(1, echo.dest)
    assert served_cert(daemon) == der_of(old)
    for source, target in zip(new, live[:2]):
        shutil.copy(source, target + ".tmp")
        os.replace(target + ".tmp", target)
    wait_until(lambda: served_cert(daemon) == der_of(new), 15, "the new certificate is served")
    peer.echo(1, b"still open")


def test_broken_certificate_file_keeps_the_old_one(world):
    live = make_cert(world.folder, "live.test")
    daemon, before = world.server(tls=tls_of(live)), der_of(live)
    size = len(daemon.log())
    with open(live.cert, "w", encoding="ascii") as file:
        file.write("no certificate")
    wait_until(lambda: live.cert in daemon.log()[size:] or "certificate" in daemon.log()[size:].lower(), 15,
               "the log says that the file is no good")
    assert served_cert(daemon) == before
    time.sleep(0.2)
    world.login(daemon)


def test_key_that_does_not_match_is_refused_at_start(world):
    other = make_cert(world.folder, "other.test")
    tls = {"enabled": True, "certificate_path": world.cert.cert, "key_path": other.key}
    daemon = world.start({"inbounds": [world.anytls_in(tls=tls)]}, ready=False)
    assert daemon.process.wait(10) > 0
    daemon.expected_exit = None
    assert "key" in daemon.log().lower()


def test_certificate_and_key_inline(world):
    tls = {"enabled": True, "certificate": open(world.cert.cert, encoding="ascii").read().splitlines(),
           "key": open(world.cert.key, encoding="ascii").read()}
    daemon = world.server(tls=tls)
    assert served_cert(daemon) == der_of(world.cert)
