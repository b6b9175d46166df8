# SPDX-License-Identifier: GPL-2.0-or-later
"""The rows of full TLS 1.3 handshakes: each role beside openssl's own server and client."""
import json
import os
import re
import subprocess

import contenders
import sink
from procs import Failure, Process, die_with_parent, free_port, run_load

GENERATOR_SUITE = "TLS_AES_128_GCM_SHA256"
# Else s_server looks through the folder of the system's authorities in each handshake.
NO_STORE = ["-no-CAfile", "-no-CApath", "-no-CAstore"]
PLENTY = {"limits": {"auth_failures_per_minute": 1000000}, "log": {"level": "error"}}


def served(process, port, s, count):
    """CPU seconds of the server for each handshake; the first ones are not counted."""
    shake = os.path.join(os.path.dirname(s.load), "shake")
    for n in (50, count):
        before = process.cpu()
        done = subprocess.run([shake, str(port), str(n), GENERATOR_SUITE], capture_output=True,
                              text=True, preexec_fn=die_with_parent)
        if done.returncode:
            raise Failure(f"handshakes with {process.name}: {done.stderr.strip()}\n{process.tail()}")
        if json.loads(done.stdout)["handshakes"] != n:
            raise Failure(f"{process.name} served fewer handshakes than {n}")
    return (process.cpu() - before) / count


def streams_cpu(c, s, count):
    """CPU seconds of the client for each stream, one at a time, after some that are not counted."""
    run_load(s.load, "new", c, "--count", 50)
    before = c.processes["client"].cpu()
    run_load(s.load, "new", c, "--count", count)
    return (c.processes["client"].cpu() - before) / count


def our_server(c, pair, s):
    port = free_port()
    c.run("server", contenders.server_config(c.folder, port, pair, **PLENTY), port)
    try:
        return served(c.processes["server"], port, s, s.handshakes)
    finally:
        c.stop()


def our_client(c, pair, s, reuse):
    """Through SOCKS to a plain server behind the sink; without reuse each stream is a session."""
    c.port, c.target, plain = free_port(), free_port(), free_port()
    front = sink.Sink(*contenders.pair_paths(c.folder, pair), plain)
    try:
        c.run("server", contenders.server_config(c.folder, plain, None), plain)
        c.run("client", contenders.client_config(c.folder, c.port, front.port, pair,
                                                 disable_session_reuse=not reuse), c.port)
        cost = streams_cpu(c, s, s.handshakes)
    finally:
        c.stop()
        front.close()
    check_suite(front)
    return cost


def check_suite(front):
    if front.suites != {sink.SUITE}:
        raise Failure(f"the handshakes of a client agreed on {front.suites}, not on {sink.SUITE}")


def run_child(argv):
    """Output, status and CPU seconds of a program."""
    with subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
                          stderr=subprocess.STDOUT, preexec_fn=die_with_parent) as child:
        text = child.stdout.read()
        _, status, used = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    return text, child.returncode, used.ru_utime + used.ru_stime


def our_handshake(c, pair, s):
    """The daemon's handshake and nothing else of it; the start of the program does not count."""
    cert, key = contenders.pair_paths(c.folder, pair)
    front, spent = sink.Sink(cert, key), []
    try:
        for count in (50, 50 + s.handshakes):
            argv = [os.path.join(os.path.dirname(s.load), "shake_own"), str(front.port), str(count), cert]
            text, code, used = run_child(argv)
            if code:
                raise Failure(f"shake_own: {text}")
            spent.append(used)
    finally:
        front.close()
    check_suite(front)
    return (spent[1] - spent[0]) / s.handshakes


def openssl_server(c, pair, s):
    cert, key = contenders.pair_paths(c.folder, pair)
    port = free_port()
    argv = ["openssl", "s_server", "-accept", f"127.0.0.1:{port}", "-cert", cert, "-key", key,
            "-tls1_3", "-quiet", *NO_STORE]
    # it reads its terminal: one that has ended would keep it busy
    server = Process(argv, f"{c.folder}/s_server.log", port, stdin=subprocess.PIPE)
    try:
        return served(server, port, s, s.handshakes)
    finally:
        server.stop()


def time_openssl(argv):
    """Connections and CPU seconds of one run of s_time."""
    text, code, used = run_child(argv)
    found = re.search(r"^(\d+) connections in", text, re.M)
    if code or not found or found.group(1) == "0":
        raise Failure(f"openssl s_time: {text}")
    return int(found.group(1)), used


def openssl_client(c, pair, s):
    """The difference of a long run and a short one, so that its start does not count."""
    cert, key = contenders.pair_paths(c.folder, pair)
    front = sink.Sink(cert, key)
    argv = ["openssl", "s_time", "-connect", f"127.0.0.1:{front.port}", "-new", "-tls1_3",
            "-verify", "1", "-CAfile", cert, *NO_STORE[1:], "-time"]
    try:
        few, short = time_openssl([*argv, "1"])
        many, long = time_openssl([*argv, str(1 + s.handshake_s)])
    finally:
        front.close()
    check_suite(front)
    return (long - short) / (many - few)


def row(pair):
    def run(c, s):
        if c.name == "openssl":
            client = openssl_client(c, pair, s) * 1e6
            return {"server_cpu": openssl_server(c, pair, s) * 1e6, "client_cpu": client,
                    "client_more": client, "client_alone": client}
        new = our_client(c, pair, s, reuse=False) * 1e6
        warm = our_client(c, pair, s, reuse=True) * 1e6
        return {"server_cpu": our_server(c, pair, s) * 1e6, "client_cpu": new,
                "client_more": new - warm, "client_alone": our_handshake(c, pair, s) * 1e6}
    return run


ROWS = {"handshake-p256": row("p256"), "handshake-rsa": row("rsa")}
