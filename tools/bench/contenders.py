# SPDX-License-Identifier: GPL-2.0-or-later
"""Who is compared: the daemon and sing-box, with the same configuration, and the floor."""
import json
import os
import shutil
import subprocess
from functools import partial

from procs import Failure, Process, free_port

TREE = os.path.dirname(os.path.realpath(__file__)) + "/../.."
NAME, PASSWORD = "bench.test", "only-for-the-benchmark"
CIPHERS = {"floor": "aes-128-gcm", "floor-aes-256": "aes-256-gcm", "floor-chacha20": "chacha20",
           "relay": "none"}


KEYS = {"p256": ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"], "rsa": ["rsa:2048"]}


def pair_paths(folder, pair="p256"):
    return f"{folder}/{pair}.pem", f"{folder}/{pair}.key"


def make_certificates(folder):
    for pair, kind in KEYS.items():
        cert, key = pair_paths(folder, pair)
        subprocess.run(["openssl", "req", "-x509", "-newkey", *kind, "-nodes", "-days", "30",
                        "-subj", f"/CN={NAME}", "-addext", f"subjectAltName=DNS:{NAME}",
                        "-keyout", key, "-out", cert], check=True, capture_output=True)


def tls(**more):
    return {"enabled": True, "server_name": NAME, "min_version": "1.3", **more}


def server_config(folder, port, pair="p256", **more):
    """Without a pair: no TLS."""
    inbound = {
        "type": "anytls", "tag": "in", "listen": "127.0.0.1", "listen_port": port,
        "users": [{"name": "bench", "password": PASSWORD}],
    }
    if pair:
        cert, key = pair_paths(folder, pair)
        inbound["tls"] = tls(certificate_path=cert, key_path=key)
    return {"log": {"level": "warn"}, "inbounds": [inbound], "outbounds": [{"type": "direct"}], **more}


def client_config(folder, port, server_port, pair="p256", **more):
    """Idle sessions outlive the measurement, so that new streams find warm ones. `more` is for the
    outbound."""
    inbound = {"type": "socks", "tag": "in", "listen": "127.0.0.1", "listen_port": port}
    outbound = {
        "type": "anytls", "tag": "out", "server": "127.0.0.1", "server_port": server_port,
        "password": PASSWORD, "idle_session_check_interval": "30s", "idle_session_timeout": "10m",
        "tls": tls(certificate_path=pair_paths(folder, pair)[0]), **more,
    }
    return {"log": {"level": "warn"}, "inbounds": [inbound], "outbounds": [outbound]}


class Contender:
    """Base: `processes` maps a role to its process; route() says how the load generator gets in.
    netns: a process in the network namespace of the load generator; None: there is one for all."""

    netns = None

    def __init__(self, name, program, folder):
        self.name, self.program, self.folder = name, program, folder
        self.processes, self.port, self.target = {}, 0, 0

    def cpu(self):
        return {role: p.cpu() for role, p in self.processes.items()}

    def stop(self):
        for process in self.processes.values():
            process.stop()
        self.processes = {}


class Proxy(Contender):
    """One process for each role; client leads to server, or to a tap in front of it."""

    def run(self, role, config, port):
        path = f"{self.folder}/{self.name}-{role}.json"
        with open(path, "w") as f:
            json.dump(config, f, indent=1)
        argv = [self.program, "run", "-c", path]
        self.processes[role] = Process(argv, f"{self.folder}/{self.name}-{role}.log", port)

    def start(self, tap=None, **outbound):
        self.port, self.target, server_port = free_port(), free_port(), free_port()
        self.run("server", server_config(self.folder, server_port), server_port)
        entry = tap(server_port) if tap else server_port
        self.run("client", client_config(self.folder, self.port, entry, **outbound),
                 self.port)

    def route(self):
        return ["--socks", str(self.port), "--target", str(self.target)]

    def version(self):
        done = subprocess.run([self.program, "version"], capture_output=True, text=True)
        return (done.stdout.splitlines() or ["unknown"])[0]


class Floor(Contender):
    """A single relay between source and sink: what either role costs at the very least."""

    def __init__(self, name, program, folder, *options):
        super().__init__(name, program, folder)
        self.options = options

    def start(self):
        self.port, self.target = free_port(), free_port()
        argv = [self.program, *self.options, str(self.port), str(self.target)]
        relay = Process(argv, f"{self.folder}/{self.name}.log", self.port)
        self.processes = {"relay": relay}

    def cpu(self):
        spent = self.processes["relay"].cpu()
        return {"server": spent, "client": spent}

    def route(self):
        return ["--direct", str(self.port), "--target", str(self.target)]


class OpenSSL(Contender):
    """What openssl's own server and client need for a handshake; each row starts them itself."""

    def start(self):
        pass


def find_singbox():
    """$SINGBOX, or the one that the interoperability tests build and keep."""
    if "SINGBOX" in os.environ:
        return os.environ["SINGBOX"]
    done = subprocess.run([f"{TREE}/tests/interop/programs", "sing-box"], stdout=subprocess.PIPE,
                          text=True)
    if done.returncode:
        raise Failure("no sing-box: set SINGBOX to its path")
    return f"{done.stdout.strip()}/sing-box"


def make(names, build, folder):
    makers = {
        "anytlsd": lambda: Proxy("anytlsd", f"{build}/anytlsd", folder),
        "sing-box": lambda: Proxy("sing-box", find_singbox(), folder),
        "openssl": lambda: OpenSSL("openssl", shutil.which("openssl") or "openssl", folder),
    }
    for name, cipher in CIPHERS.items():
        makers[name] = partial(Floor, name, f"{build}/bench/floor", folder, "--cipher", cipher)
    unknown = set(names) - set(makers)
    if unknown:
        raise Failure(f"no such contender: {', '.join(sorted(unknown))}; there are "
                      f"{', '.join(makers)}")
    those = [makers[name]() for name in names]
    for c in those:
        if not os.access(c.program, os.X_OK):
            raise Failure(f"{c.program} is not there: build it first")
    return those
