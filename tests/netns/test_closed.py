# SPDX-License-Identifier: GPL-2.0-or-later
"""Without a daemon nothing of the clients gets out under their own addresses, and nothing else is disturbed."""

import threading
import time

import pytest

import flows
import internet
from anytls import pattern
from bed import FAMILIES, V4, V6
from daemon import wait_until
from gateway import DATAGRAMS, MODES, REDIRECT
from odd import throw_odd_packets
from packets import TCP, UDP

def leaks(bed, mode, but=()):
    """What got out of what the mode captures, and is for none of these."""
    kinds = (TCP, UDP) if mode in DATAGRAMS else (TCP,)
    return [p for p in bed.leaks() if p.protocol in kinds and p.dst not in but]


class Load:
    """Clients that do not stop: echoes over connections that last, new ones all the time, and datagrams."""

    def __init__(self, bed, mode):
        self.bed, self.ended, self.rounds, self.problems = bed, False, 0, []
        self.lasting = [flows.connect(bed.client, (f.target, internet.ECHO)) for f in FAMILIES for _ in range(5)]
        self.ports = [sock.getsockname()[1] for sock in self.lasting]
        work = [self._lasting, self._new] + ([self._datagrams] if mode in DATAGRAMS else [])
        self.threads = [threading.Thread(target=self._run, args=(one,), daemon=True) for one in work]
        for thread in self.threads:
            thread.start()

    def _run(self, work):
        while not self.ended:
            try:
                work()
                self.rounds += 1
            except (OSError, AssertionError):
                time.sleep(0.01)                # as applications wait before they try again

    def _lasting(self):
        for sock in self.lasting:
            sock.settimeout(1)
            sock.sendall(pattern(20000))
            sock.recv(20000)

    def _new(self):
        for f in FAMILIES:
            with flows.connect(self.bed.client, (f.target, internet.ECHO), timeout=1) as sock:
                sock.sendall(b"new")
                sock.recv(3)

    def _datagrams(self):
        for f in FAMILIES:
            with flows.udp_socket(self.bed.client, f.target, timeout=0.2) as sock:
                flows.exchange(sock, pattern(3000))

    def close(self):
        self.ended = True
        for thread in self.threads:
            thread.join()
        for sock in self.lasting:
            sock.close()


@pytest.mark.parametrize("end", ["kill", "stop"])
@pytest.mark.parametrize("mode", MODES)
def test_nothing_gets_out_while_the_daemon_dies_is_dead_and_comes_back(bed, gateway, mode, end):
    made = gateway(mode, inbound={"bypass": [V4.other, V6.other]})
    beside = {f: flows.connect(bed.client, (f.other, internet.ECHO)) for f in FAMILIES}
    load = bed.keep(Load(bed, mode))
    wait_until(lambda: load.rounds > 20, 20, "the load is on")
    throw_odd_packets(bed, mode in DATAGRAMS, load.ports)
    getattr(made, end)()
    throw_odd_packets(bed, mode in DATAGRAMS, load.ports)
    for f in FAMILIES:
        assert flows.fails(bed.client, (f.target, internet.ECHO))
        flows.echoes(beside[f], pattern(100000))        # what is not captured does not notice
    load.close()
    assert leaks(bed, mode, but=(V4.other, V6.other)) == []
    before = bed.snapshot()
    watch = Watch(bed)
    made.start()
    for f in FAMILIES:
        flows.tcp_echo(bed.client, f.target)
        flows.echoes(beside[f], pattern(100000))
        beside[f].close()
    assert bed.snapshot() == before
    assert watch.events() == [], "a rule or route was made anew"
    assert leaks(bed, mode, but=(V4.other, V6.other)) == []
    if mode != REDIRECT:
        assert bed.internet.echo.peers() == {V4.server, V6.server, V4.client, V6.client}


class Watch:
    """What changes in the gateway's rules, routes and nft tables."""

    def __init__(self, bed):
        self.bed, self.marks = bed, 0
        self.monitors = {"ip": bed.process(bed.gateway, "ip", "monitor", "rule", "route"),
                         "nft": bed.process(bed.gateway, "nft", "monitor")}
        self._mark()

    def _mark(self):
        """Until changes of our own show up, and with them all that came before."""
        self.marks += 1
        table, mark = 100000 + self.marks, f"mark{self.marks}"

        def shown():
            self.bed.gateway.ip(f"rule add pref 32000 lookup {table}", f"rule del pref 32000 lookup {table}")
            self.bed.gateway.nft(f"add table ip {mark}\ndelete table ip {mark}\n")
            return str(table) in self._said("ip") and mark in self._said("nft")
        wait_until(shown, 10, "the monitors see what we do")

    def _said(self, which):
        return self.monitors[which].log_path.read_text()

    def events(self):
        self._mark()
        ours = ("32000:", "mark", "new generation")
        return [line for which in self.monitors for line in self._said(which).splitlines()
                if line.strip() and not any(word in line for word in ours)]


@pytest.mark.parametrize("mode", MODES)
def test_rules_without_a_daemon_hold(bed, gateway, mode):
    made = gateway.make(mode)
    made.rules("install")
    throw_odd_packets(bed, mode in DATAGRAMS)
    for f in FAMILIES:
        assert flows.fails(bed.client, (f.target, internet.ECHO))
        if mode in DATAGRAMS:
            with flows.udp_socket(bed.client, f.target, timeout=0.3) as sock, pytest.raises(OSError):
                flows.exchange(sock, b"anybody")
    assert leaks(bed, mode) == []
    made.start()
    for f in FAMILIES:
        flows.tcp_echo(bed.client, f.target)


@pytest.mark.parametrize("mode", MODES)
def test_odd_packets_do_not_get_past_a_running_daemon(bed, gateway, mode):
    gateway(mode)
    with flows.connect(bed.client, (V4.target, internet.ECHO)) as sock:
        throw_odd_packets(bed, mode in DATAGRAMS, [sock.getsockname()[1] + 1])
        flows.echoes(sock, pattern(10000))
    assert leaks(bed, mode) == []


@pytest.mark.parametrize("mode", DATAGRAMS)
def test_datagrams_and_connections_after_a_restart(bed, gateway, mode):
    made = gateway(mode)
    with flows.udp_socket(bed.client, V4.target) as sock:
        assert flows.exchange(sock, b"before") == b"before"
        made.kill()
        made.start()
        assert flows.exchange(sock, b"after") == b"after"
    for f in FAMILIES:
        flows.all_tcp(bed, f, flows.MIB)
        flows.all_udp(bed, f)
        assert flows.seen(bed, f) == {f.server}
    assert leaks(bed, mode) == []
