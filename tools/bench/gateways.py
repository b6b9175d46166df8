# SPDX-License-Identifier: GPL-2.0-or-later
"""Who is compared as a gateway: the daemon and sing-box with each kind of steering, and plain forwarding."""
import json
import os
import re
import shutil
import subprocess
import time

import bed
import contenders
from procs import Failure, Process, tcp_sockets

SERVER_PORT, LISTEN_PORT, SOCKS_PORT = 443, 7893, 1080
TARGET_PORT = 4433
BPFFS = "/sys/fs/bpf"
PRIVATE = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7", "fe80::/10", "ff00::/8", "224.0.0.0/4"]
LIMITS = {"auth_failures_per_minute": 1000000}

SETS = """
table inet bench {{
	set direct4 {{ type ipv4_addr; flags interval; elements = {{ {four} }}; }}
	set direct6 {{ type ipv6_addr; flags interval; elements = {{ {six} }}; }}
	chain capture {{
		{hook}
		iifname != "{lan}" return
		fib daddr type local return
		ip daddr @direct4 return
		ip6 daddr @direct6 return
{verdict}
	}}
}}
"""
HOOKS = {"tproxy": "type filter hook prerouting priority mangle;",
         "redirect": "type nat hook prerouting priority dstnat;"}
# Established connections find their socket without a search for the listener.
VERDICTS = {"tproxy": """
		meta l4proto tcp socket transparent 1 meta mark set 1 accept
		meta l4proto { tcp, udp } meta mark set 1 tproxy to :%d accept
		meta l4proto { tcp, udp } drop""",
            "redirect": "		meta l4proto tcp redirect to :%d"}
MARKED = """
ip rule add fwmark 1 lookup 100
ip route add local default dev lo table 100
ip -6 rule add fwmark 1 lookup 100
ip -6 route add local default dev lo table 100
"""
SHOW = "ip rule show; nft list tables"
TRACKED = """
table inet bench {
	chain forward {
		type filter hook forward priority filter;
		ct state invalid drop
	}
}
"""


class Way:
    """How load gets to the target: captured, bypassed, or through SOCKS; procs.run_load() takes it for a contender."""

    def __init__(self, gateway, kind, family):
        self.name, self.processes = gateway.name, gateway.processes
        self.netns = gateway.bed.pid["client"]
        nets = bed.BYPASSED if kind == "bypassed" else bed.CAPTURED
        self.target = ["--target", str(TARGET_PORT), "--target-address", bed.first(nets[family]), "--spread", "200",
                       "--target-netns", f"/proc/{gateway.bed.pid['internet']}/ns/net"]
        self.proxy = ["--socks", str(SOCKS_PORT), "--proxy-address", bed.GATEWAY["client"]] if kind == "socks" else []

    def route(self):
        return [*self.proxy, *self.target]


class Gateway(contenders.Contender):
    """Base: plain forwarding. The server in the internet is the same program for all."""

    captures = ()  # protocols

    def __init__(self, name, program, server, folder, family):
        super().__init__(name, program, folder)
        self.server, self.family, self.bed, self.shown = server, family, None, []

    def way(self, kind):
        return Way(self, kind, self.family)

    def start(self):
        self.bed = bed.Bed()
        if self.captures:
            self.start_server()
            self.start_gateway()
        self.set_up()

    def start_server(self):
        config = contenders.server_config(self.folder, SERVER_PORT, limits=LIMITS)
        config["inbounds"][0]["listen"] = bed.INTERNET
        config["state"] = self.state("srv")
        self.run("server", self.server, config, SERVER_PORT, "internet")

    def start_gateway(self):
        config = contenders.client_config(self.folder, SOCKS_PORT, SERVER_PORT)
        config["inbounds"][0]["listen"] = bed.GATEWAY["client"]
        config["outbounds"][0]["server"] = bed.INTERNET
        self.adapt(config)
        self.run("gateway", self.program, config, SOCKS_PORT, "gateway")

    def state(self, role):
        """Where the daemon keeps what it shows: maps outlive it, until stop()."""
        name = f"bench{os.getpid()}-{self.name}-{role}"
        self.shown.append(name)
        return {"name": name, "directory": f"{self.folder}/{name}"}

    def pins(self):
        return f"{BPFFS}/bench{os.getpid()}-{self.name}-pins"

    def journals(self):
        return f"{self.folder}/{self.name}-steering"

    def run(self, role, program, config, port, place):
        path = f"{self.folder}/{self.name}-{role}.json"
        with open(path, "w") as f:
            json.dump(config, f, indent=1)
        self.processes[role] = Process([program, "run", "-c", path], f"{self.folder}/{self.name}-{role}.log", port,
                                       netns=self.bed.pid[place])

    def adapt(self, config):
        """Adds what captures to the configuration of a client."""

    def set_up(self):
        """The kernel's part of capturing, where the program does not see to it."""

    def sessions(self):
        """Connections to the server that are established."""
        return sum(state == "01" and remote == SERVER_PORT
                   for state, _, remote in tcp_sockets(self.bed.pid["gateway"]))

    def files(self):
        return len(os.listdir(f"/proc/{self.processes['gateway'].child.pid}/fd"))

    def stop(self):
        super().stop()
        if self.bed:
            self.bed.close()
        self.bed = None
        for path in (self.pins(), self.journals(), *(f"{BPFFS}/{name}" for name in self.shown)):
            shutil.rmtree(path, ignore_errors=True)
        self.shown = []


class Tracking(Gateway):
    """Plain forwarding with conntrack, which every router that translates addresses has."""

    def set_up(self):
        self.bed.run("gateway", ["nft", "-f", "-"], TRACKED)


class SingBox(Gateway):
    """With rules as its users write them."""

    def __init__(self, steering, *args):
        super().__init__(f"sing-box-{steering}", *args)
        self.steering = steering
        self.captures = ("tcp", "udp") if steering == "tproxy" else ("tcp",)

    def adapt(self, config):
        config["inbounds"].append({"type": self.steering, "tag": "gw", "listen": "::", "listen_port": LISTEN_PORT})

    def set_up(self):
        direct = [*PRIVATE, *bed.BYPASSED.values()]
        rules = SETS.format(four=", ".join(p for p in direct if ":" not in p),
                            six=", ".join(p for p in direct if ":" in p), lan=bed.LAN,
                            hook=HOOKS[self.steering], verdict=VERDICTS[self.steering] % LISTEN_PORT)
        self.bed.run("gateway", ["nft", "-f", "-"], rules)
        if self.steering == "tproxy":
            self.bed.shell("gateway", MARKED)


class Daemon(Gateway):
    """It sets itself up."""

    def __init__(self, steering, *args):
        super().__init__(steering, *args)
        self.steering = steering
        self.captures = ("tcp",) if steering == "redirect" else ("tcp", "udp")

    def adapt(self, config):
        config["inbounds"].append({"type": "transparent", "tag": "gw", "steering": self.steering,
                                   "listen": "::", "listen_port": LISTEN_PORT, "network": list(self.captures),
                                   "interfaces": [bed.LAN], "bypass": list(bed.BYPASSED.values())})
        config["state"] = self.state("gw")
        config["steering"] = {"directory": self.journals(), "pins": self.pins()}


    def set_up(self):
        """The listeners are there before the rules."""
        limit = time.monotonic() + 100
        while not re.search("lookup 7893|table inet bench", self.bed.run("gateway", ["sh", "-c", SHOW])):
            if time.monotonic() > limit:
                raise Failure(f"{self.name} sets nothing up:\n{self.processes['gateway'].tail()}")
            time.sleep(0.05)


OURS = ("sk_lookup", "tproxy", "redirect")
NAMES = (*OURS, "sing-box-tproxy", "sing-box-redirect", "forward", "forward-conntrack")


def make(names, build, folder, family):
    server = os.path.abspath(f"{build}/anytlsd")
    made = []
    for name in names:
        if name in OURS:
            made.append(Daemon(name, server, server, folder, family))
        elif name.startswith("sing-box-"):
            made.append(SingBox(name.removeprefix("sing-box-"), contenders.find_singbox(), server, folder, family))
        else:
            kind = Tracking if name == "forward-conntrack" else Gateway
            made.append(kind(name, "", server, folder, family))
    return made


def versions(those):
    out = {}
    for g in those:
        if g.program and g.program not in out.values():
            done = subprocess.run([g.program, "version"], capture_output=True, text=True)
            out[os.path.basename(g.program)] = (done.stdout.splitlines() or ["unknown"])[0]
    return out
