# SPDX-License-Identifier: GPL-2.0-or-later
"""Network namespaces: client - gateway - internet, over veth pairs with an MTU of 1500.

Each is kept by a process that ends with this one, so that nothing is left behind whatever happens."""
import subprocess

from procs import LIBC, CLONE_NEWNET, Failure, beginning, die_with_parent

CLIENT, INTERNET = "10.81.1.2", "10.81.2.2"  # of the two ends
GATEWAY = {"client": "10.81.1.1", "internet": "10.81.2.1"}  # of the gateway, towards them
SIX = {"10.81.1.": "fd81:1::", "10.81.2.": "fd81:2::"}
LAN, UPLINK = "g0", "g1"  # interfaces of the gateway
# All addresses of these are the internet's. By family: what gateways capture, and what they let through.
CAPTURED = {4: "198.51.100.0/24", 6: "2001:db8:1::/64"}
BYPASSED = {4: "203.0.113.0/24", 6: "2001:db8:2::/64"}

COMMANDS = {
    "client": """
ip link set lo up
ip link set c0 up
ip address add {client}/24 dev c0
ip address add {client6}/64 dev c0 nodad
ip route add default via {lan}
ip -6 route add default via {lan6}
""", "gateway": """
echo 1 >/proc/sys/net/ipv4/ip_forward
echo 1 >/proc/sys/net/ipv6/conf/all/forwarding
ip link set lo up
ip link set g0 up
ip link set g1 up
ip address add {lan}/24 dev g0
ip address add {lan6}/64 dev g0 nodad
ip address add {uplink}/24 dev g1
ip address add {uplink6}/64 dev g1 nodad
ip route add default via {internet}
ip -6 route add default via {internet6}
""", "internet": """
ip link set lo up
ip link set i0 up
ip address add {internet}/24 dev i0
ip address add {internet6}/64 dev i0 nodad
ip route add default via {uplink}
ip -6 route add default via {uplink6}
ip route add local {captured} dev lo
ip -6 route add local {captured6} dev lo
ip route add local {bypassed} dev lo
ip -6 route add local {bypassed6} dev lo
"""}


def six(address):
    """The IPv6 address beside one of the bed's."""
    net, host = address.rsplit(".", 1)
    return f"{SIX[net + '.']}{host}"


def first(prefix):
    """An address of a prefix, with room for a few hundred after it."""
    return prefix.split("/")[0].removesuffix("0").removesuffix("::") + ("::1" if ":" in prefix else "1")


def own_netns():
    die_with_parent()
    if LIBC.unshare(CLONE_NEWNET):
        raise OSError("unshare")


class Bed:
    """`pid`: of a process in each namespace."""

    def __init__(self):
        self.keepers, self.pid = [], {}
        try:
            for place in COMMANDS:
                keeper = subprocess.Popen(["sleep", "infinity"], preexec_fn=own_netns)
                self.keepers.append(keeper)
                self.pid[place] = keeper.pid
            self.wire(LAN, "c0", "client")
            self.wire(UPLINK, "i0", "internet")
            for place, script in COMMANDS.items():
                self.shell(place, script.format(**self.addresses()))
        except BaseException:
            self.close()
            raise

    def wire(self, near, far, place):
        self.shell("gateway", f"ip link add {near} type veth peer name {far} netns {self.pid[place]}")

    def addresses(self):
        four = {"client": CLIENT, "internet": INTERNET, "lan": GATEWAY["client"], "uplink": GATEWAY["internet"]}
        nets = {"captured": CAPTURED[4], "captured6": CAPTURED[6], "bypassed": BYPASSED[4], "bypassed6": BYPASSED[6]}
        return {**four, **{f"{name}6": six(address) for name, address in four.items()}, **nets}

    def shell(self, place, script):
        """Lines of commands in one of the namespaces."""
        self.run(place, ["sh", "-ec", script])

    def run(self, place, argv, text=None):
        done = subprocess.run(argv, input=text, capture_output=True, text=True,
                              preexec_fn=beginning(self.pid[place]))
        if done.returncode:
            raise Failure(f"{' '.join(argv)}: {done.stderr.strip()}")
        return done.stdout

    def close(self):
        for keeper in self.keepers:
            keeper.kill()
            keeper.wait()
        self.keepers = []
