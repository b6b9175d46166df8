# SPDX-License-Identifier: GPL-2.0-or-later
"""What is made is undone exactly, and nothing else is touched."""

import json
import subprocess

import pytest

import flows
import internet
from bed import FAMILIES, GUEST, LAN, V4, V6, WAN
from daemon import wait_until
from gateway import MODES, REDIRECT, SK_LOOKUP, TPROXY


def furnish(bed):
    """An operator's own rules, routes and tables, close to ours."""
    for v, to in (("", "10.99.0.0/16"), ("-6 ", "fd99::/32")):
        bed.gateway.ip(f"{v}rule add fwmark 0x10 lookup 77 pref 4790", f"{v}rule add to {to} lookup main pref 4900",
                       f"{v}route add {to} dev {GUEST} table 77", f"{v}route add blackhole {to}")
    bed.gateway.nft("""table inet filter {
 set friends {
  type ipv4_addr
  elements = { 10.77.1.3 }
 }
 chain forwarded { type filter hook forward priority 0
  ip saddr @friends meta mark set mark or 0x100
  tcp dport 25 tcp option maxseg size set 1300
 }
}
table ip nat {
 chain post { type nat hook postrouting priority srcnat
  oifname "wan0" ip saddr 10.99.0.0/16 masquerade
 }
}
""")
    bed.before = bed.snapshot()


@pytest.mark.parametrize("mode", MODES)
def test_install_and_remove_leave_nothing_and_touch_nothing(bed, gateway, mode):
    furnish(bed)
    made = gateway.make(mode, inbound={"local": True, "bypass": [V4.other, V6.other], "bypass_ports": ["22"],
                                       "bypass_sources": [f"{V4.lan} tcp:8000"], "spare_replies": True})
    said = made.rules("install", "--dry-run").stdout
    assert bed.snapshot() == bed.before and not made.folder.exists()
    assert said
    made.rules("install")
    once = bed.snapshot()
    assert once != bed.before
    for name in ("rules", "rules6", "nft"):
        assert set(bed.before[name].splitlines()) <= set(once[name].splitlines()), "something of the operator is gone"
    assert made.problems() == ""
    made.rules("install")
    assert bed.snapshot() == once
    made.rules("remove", "--dry-run")
    assert bed.snapshot() == once
    made.rules("remove")
    assert bed.snapshot() == bed.before
    made.rules("remove")
    assert bed.snapshot() == bed.before
    assert not list(made.folder.glob("*")), "a journal is left"


@pytest.mark.parametrize("mode", MODES)
def test_all_that_a_daemon_made_is_undone_after_it(bed, gateway, mode):
    furnish(bed)
    made = gateway(mode, inbound={"local": True})
    for f in FAMILIES:
        flows.tcp_echo(bed.client, f.target)
    assert made.problems() == ""
    made.stop()
    assert bed.snapshot() != bed.before
    made.rules("remove")
    assert bed.snapshot() == bed.before
    flows.forget(bed)
    for f in FAMILIES:
        flows.all_tcp(bed, f, flows.MIB)
        flows.all_udp(bed, f)
        assert flows.seen(bed, f) == {f.client}


@pytest.mark.parametrize("mode", MODES)
def test_printed_commands_are_what_is_done(bed, gateway, mode):
    made = gateway.make(mode)
    said = made.rules("print").stdout
    assert LAN in said and (" rule add" if mode == SK_LOOKUP else "table inet") in said
    assert bed.snapshot() == bed.before


@pytest.mark.parametrize("mode", MODES)
def test_a_changed_plan_replaces_the_old_one(bed, gateway, mode):
    made = gateway(mode)
    made.stop()
    made.inbound.update({"bypass": [V4.other, V6.other], "interfaces": [LAN, GUEST], "bypass_ports": ["tcp:25"]})
    made.start()
    for f in FAMILIES:
        for space, host, peer in ((bed.client, f.target, f.server), (bed.guest, f.target, f.server),
                                  (bed.guest, f.other, f.guest)):
            flows.forget(bed)
            flows.tcp_echo(space, host)
            assert flows.seen(bed, f) == {peer}
    made.stop()
    made.inbound.update({"bypass": ["11.30.0.0/16"], "interfaces": [GUEST]})
    made.start()
    for f in FAMILIES:
        for space, host, peer in ((bed.client, f.target, f.client), (bed.guest, f.other, f.server)):
            flows.forget(bed)
            flows.tcp_echo(space, host)
            assert flows.seen(bed, f) == {peer}


@pytest.mark.parametrize("mode", MODES)
def test_from_one_way_to_another(bed, gateway, mode):
    """A new start takes over what was set up in another mode."""
    made = gateway(mode)
    made.stop()
    after = {SK_LOOKUP: TPROXY, TPROXY: REDIRECT, REDIRECT: SK_LOOKUP}[mode]
    if after == SK_LOOKUP and bed.pins is None:
        pytest.skip(bed.no_pins)
    made.inbound.update({"steering": after, "network": "tcp"})
    made.start()
    for f in FAMILIES:
        flows.tcp_echo(bed.client, f.target)
        assert flows.seen(bed, f) == {f.server}
    # what redirect had conntrack note is still there, and a kernel without "list hooks" tells by that
    assert mode == REDIRECT or made.problems() == ""


@pytest.mark.parametrize("mode", MODES)
def test_check_names_what_was_deleted_by_hand(bed, gateway, mode):
    made = gateway.make(mode)
    assert made.problems(), "nothing is set up yet"
    made.rules("install")
    assert made.problems() == ""
    if mode == REDIRECT:
        bed.gateway.run("nft", "delete", "table", "inet", made.name)
    else:
        [rule, *_] = [one for one in bed.gateway.ip_json("-6", "rule") if one["priority"] in range(4800, 4808)]
        bed.gateway.ip(f"-6 rule del pref {rule['priority']}")
    assert made.problems()
    made.rules("install")
    assert made.problems() == ""


def forwarding_off(bed, mode):
    bed.gateway.sysctl("net.ipv4.ip_forward", 0)
    bed.gateway.sysctl("net.ipv6.conf.all.forwarding", 0)
    bed.before = bed.snapshot()                 # the anycast addresses of routers are gone
    return "forwarding"


def table_taken(bed, mode):
    bed.gateway.ip(f"route add 10.98.0.0/16 dev {GUEST} table 7893")
    bed.before = bed.snapshot()
    return "7893"


def priority_taken(bed, mode):
    bed.gateway.ip("rule add from 10.98.0.1 lookup main pref 4800")
    bed.before = bed.snapshot()
    return "4800"


def nft_table_taken(bed, mode):
    bed.gateway.nft("add table inet anytlsd-gw\n")
    bed.before = bed.snapshot()
    return "anytlsd-gw"


def bridge_filter(bed, mode):
    try:
        bed.bridge_filter(1)
        bed.gateway.sysctl("net.bridge.bridge-nf-call-iptables")
    except FileNotFoundError:
        pytest.skip("no bridge filter in this kernel")
    return "bridge-nf-call"


OBSTACLES = [(forwarding_off, MODES), (table_taken, (SK_LOOKUP, TPROXY)), (priority_taken, (SK_LOOKUP, TPROXY)),
             (nft_table_taken, (TPROXY, REDIRECT)), (bridge_filter, (TPROXY,))]


@pytest.mark.parametrize("obstacle, mode", [(one, mode) for one, modes in OBSTACLES for mode in modes],
                         ids=lambda value: getattr(value, "__name__", value))
def test_what_would_make_it_fail_is_refused_and_named(bed, gateway, obstacle, mode):
    made = gateway.make(mode)
    word = obstacle(bed, mode)
    before = bed.snapshot()
    done = made.rules("install", check=False)
    assert done.returncode != 0 and word in done.stdout + done.stderr
    assert bed.snapshot() == before
    made.start(ready=False)
    assert made.daemon.process.wait(20) != 0
    made.daemon.expected_exit = None
    assert word in made.daemon.log()
    assert bed.snapshot() == before


@pytest.mark.parametrize("obstacle, mode", [(forwarding_off, SK_LOOKUP), (bridge_filter, TPROXY)],
                         ids=lambda value: getattr(value, "__name__", value))
def test_check_names_what_came_between(bed, gateway, obstacle, mode):
    made = gateway.make(mode)
    made.rules("install")
    assert made.problems() == ""
    kept = bed.before
    word = obstacle(bed, mode)
    bed.before = kept if obstacle is not forwarding_off else {**kept, "routes": None, "routes6": None}
    assert word in made.problems()


@pytest.mark.parametrize("spare", [False, True], ids=["all", "spared"])
@pytest.mark.parametrize("mode", MODES)
def test_settings_of_wireguard_do_not_matter(bed, gateway, mode, spare):
    """wg-quick sets src_valid_mark: then a packet's mark counts when the way back to its source is looked up."""
    for kind in ("all", LAN, WAN):
        bed.gateway.sysctl_of(kind, "rp_filter", 1)
        bed.gateway.sysctl_of(kind, "src_valid_mark", 1)
    gateway(mode, inbound={"spare_replies": spare})
    for f in FAMILIES:
        flows.all_tcp(bed, f, flows.MIB)
        if mode != REDIRECT:
            flows.all_udp(bed, f)
        assert flows.seen(bed, f) == {f.server}


@pytest.mark.parametrize("second", MODES)
@pytest.mark.parametrize("first", MODES)
def test_two_instances_on_two_interfaces(bed, gateway, first, second):
    one = gateway(first, name="one")
    two = gateway(second, name="two", inbound={"interfaces": [GUEST], "listen_port": 7900, "table": 7900,
                                               "priority": 4900},
                  route={"final": "direct"})
    for f in FAMILIES:
        for space, peer in ((bed.client, f.server), (bed.guest, f.wan)):
            flows.forget(bed)
            flows.tcp_echo(space, f.target)
            if REDIRECT not in (first, second):
                flows.udp_echo(space, f.target, [100, 3000])
            assert flows.seen(bed, f) == {peer}
    one.stop()
    one.rules("remove")
    for f in FAMILIES:
        for space, peer in ((bed.client, f.client), (bed.guest, f.wan)):
            flows.forget(bed)
            flows.tcp_echo(space, f.target)
            assert flows.seen(bed, f) == {peer}
    two.stop()
    assert flows.fails(bed.guest, (V4.target, internet.ECHO))


@pytest.mark.parametrize("mode", MODES)
def test_a_clients_port_works_again_after_the_removal(bed, gateway, mode):
    """Sockets in TIME_WAIT that captured connections leave at the gateway would answer for what is forwarded now."""
    made = gateway(mode)
    ports = range(41000, 41012)
    for f in FAMILIES:
        for port in ports:
            with flows.connect(bed.client, (f.target, internet.SOURCE), port=port) as sock:
                sock.sendall((1000).to_bytes(8, "big"))
                assert flows.recv_all(sock)[1] == "eof"
    made.stop()
    made.rules("remove")
    left = bed.gateway.run("ss", "-Hant", "state", "time-wait").stdout
    assert not [line for line in left.splitlines() if V4.target in line or V6.target in line]
    for f in FAMILIES:
        flows.forget(bed)
        for port in ports:
            with flows.connect(bed.client, (f.target, internet.SOURCE), port=port, timeout=3) as sock:
                sock.sendall((1000).to_bytes(8, "big"))
                assert flows.recv_all(sock)[1] == "eof"
        assert flows.seen(bed, f) == {f.client}


@pytest.mark.parametrize("mode", MODES)
def test_a_clients_port_works_again_after_a_change_of_the_bypass_list(bed, gateway, mode):
    listed = bed.folder / "direct.txt"
    listed.write_text("")
    made = gateway(mode, inbound={"bypass_files": [str(listed)]})
    for f in FAMILIES:
        with flows.connect(bed.client, (f.other, internet.SOURCE), port=41000) as sock:
            sock.sendall((1000).to_bytes(8, "big"))
            assert flows.recv_all(sock)[1] == "eof"
    listed.write_text(f"{V4.other}\n{V6.other}\n")

    wait_until(lambda: flows.while_changing(flows.peers, bed, bed.client, V6, V6.other) == {V6.client}, 20,
               "the file is read")
    for f in FAMILIES:
        flows.forget(bed)
        with flows.connect(bed.client, (f.other, internet.SOURCE), port=41000, timeout=3) as sock:
            sock.sendall((1000).to_bytes(8, "big"))
            assert flows.recv_all(sock)[1] == "eof"
        assert flows.seen(bed, f) == {f.client}
    made.stop()


def test_counters_are_shown_by_name(bed, gateway):
    made = gateway(SK_LOOKUP)
    flows.tcp_echo(bed.client, V4.target)
    flows.udp_echo(bed.client, V6.target, [1])
    found = made.counters()
    assert found["captured_tcp"] >= 1 and found["captured_udp"] >= 1 and found["failed"] == 0
    try:
        pins = [path for path in bed.pins.rglob("*") if path.is_file()]
        dumps = {str(path): subprocess.run(["bpftool", "-j", "map", "dump", "pinned", path], capture_output=True,
                                           text=True) for path in pins}
    except FileNotFoundError:
        pytest.skip("no bpftool")
    shown = [json.loads(done.stdout) for done in dumps.values() if "captured_tcp" in done.stdout]
    assert shown, {path: done.stderr for path, done in dumps.items()}
    values = [cpu["value"] for entry in shown[0] for cpu in entry["formatted"]["values"]]
    assert sum(value["captured_tcp"] for value in values) >= 1
