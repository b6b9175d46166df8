# SPDX-License-Identifier: GPL-2.0-or-later
"""What the operator's own firewall and policy rules do to a capture is said, before somebody looks for it."""

import re

import pytest

import flows
import internet
from bed import FAMILIES, GUEST, LAN, V4
from gateway import DATAGRAMS, MODES, REDIRECT, SK_LOOKUP

CLOSED = """table inet operator {
	chain input {
		type filter hook input priority filter; policy drop;
		iif lo accept
		ct state established,related accept
		meta l4proto { icmp, ipv6-icmp } accept
		tcp dport 22 accept
		jump more
	}
	chain more {
		iifname "%s" accept
	}
}
""" % GUEST


@pytest.mark.parametrize("mode", MODES)
def test_an_input_chain_that_drops_is_named_with_the_rule_that_helps(bed, gateway, mode):
    bed.gateway.nft(CLOSED)
    bed.before = bed.snapshot()
    made = gateway(mode)
    assert flows.fails(bed.client, (V4.target, internet.ECHO))
    advice = re.search(r"chain input of nft table inet operator .*, by (iifname .*)", made.said())
    assert advice and advice[1] in made.daemon.log()
    bed.gateway.nft(f"add rule inet operator more {advice[1]}\n")
    bed.before = {**bed.before, "nft": None}
    assert "inet operator" not in made.said()
    for f in FAMILIES:
        flows.all_tcp(bed, f, flows.MIB)
        if mode != REDIRECT:
            flows.all_udp(bed, f)
        assert flows.seen(bed, f) == {f.server}


@pytest.mark.parametrize("rule", ["iifname \"br-lan\" accept", "iifname { \"br-lan\", \"x\" } accept", "accept",
                                  "meta l4proto tcp accept", "iifname \"br-*\" accept"])
def test_a_chain_that_accepts_is_not_named(bed, gateway, rule):
    bed.gateway.nft(CLOSED + f"add rule inet operator more {rule}\n")
    bed.before = bed.snapshot()
    assert "operator" not in gateway.make(SK_LOOKUP).said()


@pytest.mark.parametrize("policy, end, named", [("accept", "drop", True), ("accept", "reject", True),
                                                ("accept", "tcp dport 23 drop", False), ("drop", "", True)])
def test_a_chain_may_drop_by_its_last_rule(bed, gateway, policy, end, named):
    bed.gateway.nft("table inet operator { chain input {\ntype filter hook input priority filter; "
                    f"policy {policy};\nct state established accept\n{end}\n}}; }}\n")
    bed.before = bed.snapshot()
    assert ("inet operator" in gateway.make(REDIRECT).said()) == named


@pytest.mark.parametrize("mode", DATAGRAMS)
def test_earlier_rules_for_a_part_are_named(bed, gateway, mode):
    rules = {"fwmark 0x100/0xff00": True, "from 10.77.1.0/24": True, "sport 1000-2000 ipproto tcp": True,
             f"from {V4.wan}": False, "iif elsewhere fwmark 0x100/0xff00": False,
             f"iif {LAN} from 10.77.1.2": True}
    made = gateway.make(mode)
    for rule, named in rules.items():
        bed.gateway.ip(f"rule add {rule} lookup 77 pref 1000")
        assert ("IPv4 rule of priority 1000 comes first" in made.said()) == named, rule
        bed.gateway.ip("rule del pref 1000")


def test_check_names_obstacles_before_anything_is_set_up(bed, gateway):
    made = gateway.make(SK_LOOKUP)
    bed.gateway.ip("rule add from 10.98.0.1 lookup main pref 4800")
    assert "nothing is set up" in made.said() and "priority 4800" in made.said()
    bed.gateway.ip("rule del pref 4800")


@pytest.mark.parametrize("mode", MODES)
def test_an_interface_that_is_not_there_is_named(bed, gateway, mode):
    made = gateway(mode, inbound={"interfaces": [LAN, "br-lam"]})
    assert "warning: there is no interface br-lam" in made.daemon.log()
    assert "no interface br-lam" in made.said() and f"no interface {LAN}" not in made.said()
