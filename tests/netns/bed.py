# SPDX-License-Identifier: GPL-2.0-or-later
"""A gateway between a LAN and an internet, in network namespaces of the test's own."""

import collections
import difflib
import os
import pathlib
import subprocess

import flows
from daemon import wait_until
from internet import Internet
from netns import Namespace, processes_in
from packets import Capture, Wire
from tlsconn import server_context
from world import World

# The internet's addresses are none that a bypass list has by default.
Addresses = collections.namedtuple("Addresses", "client lan guest gateway wan uplink server target second other")
V4 = Addresses("10.77.1.2", "10.77.1.3", "10.77.2.2", "10.77.1.1", "11.2.0.1", "11.2.0.2", "11.3.0.2",
               "11.10.0.1", "11.10.0.2", "11.20.0.1")
V6 = Addresses("fd77:1::2", "fd77:1::3", "fd77:1:2::2", "fd77:1::1", "2a07:2::1", "2a07:2::2", "2a07:3::2",
               "2a07:10::1", "2a07:10::2", "2a07:20::1")
FAMILIES = (V4, V6)
GUEST_GATEWAY, SERVER_GATEWAY = ("10.77.2.1", "fd77:1:2::1"), ("11.3.0.1", "2a07:3::1")
LAN4, LAN6 = "10.77.0.0", "fd77:1::"        # a /16 and a /32: where the clients are
LAN, WAN, GUEST = "br-lan", "wan0", "guest0"
TUNNEL_PORT, GATEWAY_PORT = 8443, 7893


class Bed(World):
    """client and lan are two hosts at the bridge br-lan of the gateway, guest is one at guest0; the
    internet is at wan0, and behind it is the tunnel's server."""

    def __init__(self, folder, cert, pins=None):
        super().__init__(folder, cert)
        self.pins = pins
        self.spaces, self.gateways, self.fences = [], [], 0
        self.client, self.lan, self.guest, self.gateway, self.inet, self.far = (
            self._space(name) for name in ("client", "lan", "guest", "gateway", "internet", "far"))
        self._links()
        with self.inet:
            self.internet = Internet(self.keep, [a for f in FAMILIES for a in (f.target, f.second, f.other)],
                                     server_context(cert))
        self.capture = self.keep(Capture(self.inet, "eth0", LAN4, LAN6))
        wait_until(self._settled, 10, "the links are up")
        self.before = self.snapshot()

    def _space(self, name):
        space = Namespace(name)
        self.spaces.append(space)
        # addresses are usable at once
        for kind in ("all", "default"):
            space.sysctl(f"net.ipv6.conf.{kind}.accept_dad", 0)
            space.sysctl(f"net.ipv6.conf.{kind}.router_solicitations", 0)
        space.sysctl("net.ipv4.ping_group_range", "0 2147483647")
        return space

    def bridge_filter(self, value):
        """Whether nft's IP hooks see what the bridge forwards; tproxy cannot work at a bridge where they do."""
        for kind in ("iptables", "ip6tables"):
            try:
                self.gateway.sysctl(f"net.bridge.bridge-nf-call-{kind}", value)
            except FileNotFoundError:       # no such module, so they do not
                pass

    def _links(self):
        self.gateway.sysctl("net.ipv4.ip_forward", 1)
        self.gateway.sysctl("net.ipv6.conf.all.forwarding", 1)
        self.bridge_filter(0)
        self.gateway.ip(
            f"link add {LAN} type bridge stp_state 0 forward_delay 0 mcast_snooping 0",
            f"link add port1 type veth peer name eth0 netns {self.client.path}",
            f"link add port2 type veth peer name eth0 netns {self.lan.path}",
            f"link add {GUEST} type veth peer name eth0 netns {self.guest.path}",
            f"link add {WAN} type veth peer name eth0 netns {self.inet.path}",
            f"link set port1 master {LAN} up", f"link set port2 master {LAN} up",
            f"link set {LAN} up", f"link set {GUEST} up", f"link set {WAN} up",
            f"addr add {V4.gateway}/24 dev {LAN}", f"-6 addr add {V6.gateway}/64 dev {LAN} nodad",
            f"addr add {GUEST_GATEWAY[0]}/24 dev {GUEST}", f"-6 addr add {GUEST_GATEWAY[1]}/64 dev {GUEST} nodad",
            f"addr add {V4.wan}/24 dev {WAN}", f"-6 addr add {V6.wan}/64 dev {WAN} nodad",
            f"route add default via {V4.uplink}", f"-6 route add default via {V6.uplink}")
        self.host(self.client, V4.client, V6.client, V4.gateway, V6.gateway)
        self.host(self.lan, V4.lan, V6.lan, V4.gateway, V6.gateway)
        self.host(self.guest, V4.guest, V6.guest, *GUEST_GATEWAY)
        self.host(self.inet, V4.uplink, V6.uplink, V4.wan, V6.wan)
        self.inet.sysctl("net.ipv4.ip_forward", 1)
        self.inet.sysctl("net.ipv6.conf.all.forwarding", 1)
        self.inet.ip(f"link add srv0 type veth peer name eth0 netns {self.far.path}", "link set srv0 up",
                     f"addr add {SERVER_GATEWAY[0]}/24 dev srv0", f"-6 addr add {SERVER_GATEWAY[1]}/64 dev srv0 nodad",
                     *(f"addr add {a} dev lo" for a in (V4.target, V4.second, V4.other)),
                     *(f"-6 addr add {a} dev lo nodad" for a in (V6.target, V6.second, V6.other)))
        self.host(self.far, V4.server, V6.server, *SERVER_GATEWAY)

    def _settled(self):
        """The kernel tells routes of a link's state, and gives link-local addresses, when it gets round to it."""
        routes = self.gateway.run("ip", "-6", "route", "show", "table", "main").stdout
        links = ("port1", "port2", LAN, GUEST, WAN)
        return "linkdown" not in routes and all(f"fe80::/64 dev {link} " in routes for link in links) and \
            "linkdown" not in self.gateway.run("ip", "-4", "route").stdout

    @staticmethod
    def host(space, v4, v6, gateway4, gateway6):
        space.ip("link set eth0 up", f"addr add {v4}/24 dev eth0", f"-6 addr add {v6}/64 dev eth0 nodad",
                 f"route add default via {gateway4}", f"-6 route add default via {gateway6}")

    def start_in(self, space, config=None, **options):
        """A daemon in a namespace, that dies with us."""
        with space:
            return self.start(config, wrapper=("setpriv", "--pdeathsig", "KILL"), **options)

    def tunnel_server(self, **top):
        """The far end of the tunnel."""
        return self.start_in(self.far, {"inbounds": [self.anytls_in(listen="::", listen_port=TUNNEL_PORT)], **top})

    def process(self, space, *command):
        """Another program in a namespace; ended with the bed."""
        log = self.folder / f"{pathlib.Path(command[0]).name}.log"
        with space, open(log, "wb") as out:
            made = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", *(str(word) for word in command)],
                                    stdout=out, stderr=out)
        made.log_path = log
        self.keep(Ended(made))
        return made

    def wire(self, space=None):
        """Packets by hand from a host (the client) to the gateway."""
        neighbour = self.gateway.mac(GUEST if space is self.guest else LAN)
        return self.keep(Wire(space or self.client, "eth0", neighbour))

    def fence(self):
        """Until everything that the clients have sent before has passed the internet's device, if it does at all."""
        allowed = os.sched_getaffinity(0)
        try:
            for cpu in allowed:             # each has its own queue between two namespaces
                os.sched_setaffinity(0, {cpu})
                for f in FAMILIES:
                    self.fences += 1
                    mark = b"fence %d." % self.fences
                    assert flows.ping(self.client, f.target, mark), "ICMP is not forwarded"
                    self.capture.wait(lambda p, mark=mark: p.data.endswith(mark))
        finally:
            os.sched_setaffinity(0, allowed)
        assert self.capture.dropped() == 0, "the capture lost packets"

    def leaks(self):
        """Packets of clients that reached the internet under their own addresses."""
        self.fence()
        return self.capture.transport()

    def close(self):
        """Ends everything; what was wrong with how the daemons lived and died, and what they left."""
        for thing in reversed(self.things):
            thing.close()
        wrong = [found for found in (daemon.finish() for daemon in reversed(self.daemons)) if found]
        wrong += [found for found in (one.undo() for one in self.gateways) if found]
        after = self.snapshot()
        wrong += ["\n".join(difflib.unified_diff(self.before[name].splitlines(), after[name].splitlines(),
                                                 f"{name} before", "and after it", n=0, lineterm=""))
                  for name in after if self.gateways and self.before[name] not in (None, after[name])]
        for space in self.spaces:
            wrong += [f"process {pid} is left in {space.name}" for pid in processes_in(space.inode)]
            space.close()
        return wrong

    def snapshot(self):
        """All that a set-up could change at the gateway, as text."""
        look = {"rules": "ip rule", "rules6": "ip -6 rule", "routes": "ip route show table all",
                "routes6": "ip -6 route show table all", "nft": "nft list ruleset"}
        found = {name: self.gateway.run(*command.split()).stdout for name, command in look.items()}
        if self.pins:
            found["pins"] = "\n".join(sorted(os.path.join(at, name) for at, dirs, files in os.walk(self.pins.parent)
                                             for name in dirs + files))
        return found


class Ended:
    """A process as a thing to be closed."""

    def __init__(self, process):
        self.process = process

    def close(self):
        self.process.kill()
        self.process.wait()
