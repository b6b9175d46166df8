# SPDX-License-Identifier: GPL-2.0-or-later
"""What one test makes: daemons, peers, targets, certificates, ports; all closed after it."""

import collections
import json
import os
import socket
import subprocess

import targets
from anytls import PASSWORD
from auto import AutoServer
from daemon import Daemon
from peers import Client, Server
from socks import Socks, SocksUdp
from tlsconn import server_context

Cert = collections.namedtuple("Cert", "cert key pin")


def make_cert(folder, name):
    """A self-signed certificate for `name`, localhost and 127.0.0.1."""
    cert, key = folder / f"{name}.pem", folder / f"{name}.key"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                    "-nodes", "-days", "30", "-subj", f"/CN={name}", "-keyout", key, "-out", cert,
                    "-addext", f"subjectAltName=DNS:{name},DNS:localhost,IP:127.0.0.1"],
                   check=True, capture_output=True)
    pin = subprocess.run(f"openssl x509 -in {cert} -pubkey -noout | openssl pkey -pubin -outform der | "
                         "openssl dgst -sha256 -binary | openssl base64",
                         shell=True, check=True, capture_output=True, text=True).stdout.strip()
    return Cert(str(cert), str(key), pin)


class World:
    """What a test makes: each thing is closed in reverse order, the daemons last."""

    def __init__(self, folder, cert):
        self.folder, self.cert = folder, cert
        self.things, self.daemons = [], []

    def keep(self, thing):
        self.things.append(thing)
        return thing

    def port(self):
        """A free port below the ephemeral range; workers of a parallel run never share one."""
        worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:])
        while True:
            World.last_port = (getattr(World, "last_port", os.getpid() * 7) + 1) % 1000
            port = 20000 + worker % 10 * 1000 + World.last_port
            with socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
                try:
                    tcp.bind(("127.0.0.1", port))
                    udp.bind(("127.0.0.1", port))
                except OSError:
                    continue
            return port

    def start(self, config=None, ready=True, env=None, text=None, ports=(), wrapper=()):
        """A daemon with a configuration, or with its text as it stands (then with the ports that it will have)."""
        if config:
            ports = [inbound["listen_port"] for inbound in config.get("inbounds", [])]
            state = {"backing": "file", "directory": str(self.folder / f"state-{len(self.daemons)}")}
            text = json.dumps({"log": {"level": "debug"}, **config,
                               "state": {**state, **config.get("state", {})}}, indent=1)
        daemon = Daemon(text, self.folder, list(ports), env, wrapper)
        self.daemons.append(daemon)
        return daemon.wait_ready() if ready else daemon

    def anytls_in(self, tls=True, **keys):
        inbound = {"type": "anytls", "tag": "in", "listen": "127.0.0.1", "listen_port": self.port(),
                   "users": [{"name": "alice", "password": PASSWORD}]}
        if tls is True:
            inbound["tls"] = {"enabled": True, "certificate_path": self.cert.cert, "key_path": self.cert.key}
        elif tls:
            inbound["tls"] = tls
        inbound.update(keys)
        return inbound

    def server(self, tls=True, limits=None, outbound=None, **keys):
        """A daemon in the server role; its port is daemon.port."""
        config = {"inbounds": [self.anytls_in(tls, **keys)],
                  "outbounds": [{"type": "direct", "tag": "direct", **(outbound or {})}]}
        if limits:
            config["limits"] = limits
        daemon = self.start(config)
        daemon.port = daemon.ports[0]
        return daemon

    def client(self, server_port, limits=None, tls=None, workers=None, **keys):
        """A daemon in the client role with a SOCKS inbound at daemon.port."""
        outbound = {"type": "anytls", "tag": "out", "server": "127.0.0.1", "server_port": server_port,
                    "password": PASSWORD, "tls": {"enabled": True, "insecure": True, **(tls or {})}, **keys}
        config = {"inbounds": [{"type": "socks", "tag": "socks", "listen": "127.0.0.1",
                                "listen_port": self.port()}], "outbounds": [outbound]}
        if limits:
            config["limits"] = limits
        if workers:
            config["workers"] = workers
        daemon = self.start(config)
        daemon.port = daemon.ports[0]
        return daemon

    def socks_only(self, outbound="direct", limits=None, **keys):
        """A daemon with a SOCKS inbound and no AnyTLS."""
        config = {"inbounds": [{"type": "socks", "tag": "socks", "listen": "127.0.0.1",
                                "listen_port": self.port(), **keys}],
                  "outbounds": [{"type": outbound, "tag": "out"}]}
        if limits:
            config["limits"] = limits
        daemon = self.start(config)
        daemon.port = daemon.ports[0]
        return daemon

    def dial(self, daemon, **options):
        return self.keep(Client.dial(daemon.port, **options))

    def login(self, daemon, password=PASSWORD, v="2", **options):
        return self.dial(daemon, **options).login(password, v)

    def scripted(self, **options):
        return self.keep(Server(server_context(self.cert, **options)))

    def auto(self, **options):
        return self.keep(AutoServer(server_context(self.cert), **options))

    def socks(self, daemon, **options):
        return self.keep(Socks(daemon.port, **options))

    def socks_udp(self, daemon):
        return self.keep(SocksUdp(daemon.port))

    def echo(self, **options):
        return self.keep(targets.echo(**options))

    def source(self, data, **options):
        return self.keep(targets.source(data, **options))

    def listener(self, **options):
        return self.keep(targets.Listener(**options))

    def udp_echo(self, **options):
        return self.keep(targets.UdpEcho(**options))

    def blackhole(self):
        return self.keep(targets.Blackhole())

    def refused(self):
        sock, port = targets.refused_port()
        self.keep(sock)
        return "127.0.0.1", port
