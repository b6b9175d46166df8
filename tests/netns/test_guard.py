# SPDX-License-Identifier: GPL-2.0-or-later
"""Rules that other programs delete, and the daemon makes again."""

import fcntl
import os
import time

import pytest

import flows
from bed import FAMILIES, V6
from daemon import wait_until
from gateway import MODES, SK_LOOKUP


def flush(bed):
    """What a firewall does that is loaded again, and a network manager that knows no rules but its own."""
    bed.gateway.run("nft", "flush", "ruleset")
    for v in ("-4", "-6"):
        for one in bed.gateway.ip_json(v, "rule"):
            if one["priority"] in range(4800, 4808):
                bed.gateway.run("ip", v, "rule", "del", "pref", one["priority"])


@pytest.mark.parametrize("mode", MODES)
def test_rules_that_another_program_deletes_come_back(bed, gateway, mode):
    made = gateway(mode, inbound={"spare_replies": True})
    flush(bed)
    wait_until(lambda: not made.problems(), 20, "they stand again")
    for f in FAMILIES:
        assert flows.peers(bed, bed.client, f, f.target) == {f.server}
    made.rules("remove")
    bed.gateway.ip("rule add pref 33 lookup 33", "rule del pref 33")
    time.sleep(1)
    assert {**bed.snapshot(), "pins": None} == {**bed.before, "pins": None}, "a removal is no loss"


def test_ipv6_that_comes_later_is_captured(bed, gateway):
    keep = bed.gateway.ip_json("-6", "addr", "show", "scope", "global")
    bed.gateway.sysctl("net.ipv6.conf.all.disable_ipv6", 1)
    made = gateway(SK_LOOKUP)
    bed.gateway.sysctl("net.ipv6.conf.all.disable_ipv6", 0)
    for link in keep:
        for a in link["addr_info"]:
            if a:
                bed.gateway.ip(f"-6 addr add {a['local']}/{a['prefixlen']} dev {link['ifname']} nodad")
    bed.gateway.ip(f"-6 route replace default via {V6.uplink}")
    wait_until(lambda: not made.problems(), 20, "IPv6 has rules, too")
    assert flows.peers(bed, bed.client, V6, V6.target) == {V6.server}
    bed.before["routes"] = bed.before["routes6"] = None


@pytest.mark.parametrize("mode", MODES)
def test_what_cannot_be_made_again_at_once_is_tried_again(bed, gateway, mode):
    """Somebody holds the lock of the journals for longer than the daemon waits for it."""
    bypass = bed.folder / "bypass.txt"
    bypass.write_text("192.0.2.0/24\n")
    made = gateway(mode, inbound={"bypass_files": [str(bypass)]})
    folder = os.open(made.folder, os.O_RDONLY)
    fcntl.flock(folder, fcntl.LOCK_EX)
    flush(bed)
    bypass.write_text("192.0.2.0/24\n198.51.100.0/24\n")
    made.daemon.wait_log("cannot be made again", 20)
    made.daemon.wait_log("the new bypass list is not in place", 20)
    os.close(folder)
    wait_until(lambda: not made.problems(), 20, "they stand again")
    for f in FAMILIES:
        assert flows.peers(bed, bed.client, f, f.target) == {f.server}


def test_what_fails_again_is_said_once(bed, gateway):
    bypass = bed.folder / "bypass.txt"
    bypass.write_text("192.0.2.0/24\n")
    made = gateway(SK_LOOKUP, inbound={"bypass_files": [str(bypass)]})
    journals = made.folder.rename(made.folder.with_suffix(".away"))
    made.folder.write_text("no folder")
    flush(bed)
    bypass.write_text("192.0.2.0/24\n198.51.100.0/24\n")
    for what in ("cannot be made again", "the new bypass list is not in place"):
        made.daemon.wait_log(what, 20)
    time.sleep(7)               # another try
    made.folder.unlink()
    journals.rename(made.folder)
    for what in ("in place again", "networks are bypassed now"):
        made.daemon.wait_log(what, 20)
    assert not made.problems()
    for what in ("cannot be made again", "is not in place", "in place again"):
        assert made.daemon.log().count(what) == 1, what
