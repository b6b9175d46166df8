# SPDX-License-Identifier: GPL-2.0-or-later
"""A gateway's whole life in one test: what the kernels in virtual machines are asked, where each bed takes its time."""

import pytest

import flows
import internet
from bed import FAMILIES
from gateway import DATAGRAMS


@pytest.mark.smoke
@pytest.mark.parametrize("mode", DATAGRAMS)
def test_life_of_a_gateway(bed, gateway, mode):
    made = gateway(mode)
    for f in FAMILIES:
        flows.forget(bed)
        flows.all_tcp(bed, f, flows.MIB, count=5)
        flows.all_udp(bed, f)
        flows.udp_cone(bed.client, f.target)
        assert flows.seen(bed, f) == {f.server}
    made.kill()
    for f in FAMILIES:
        assert flows.fails(bed.client, (f.target, internet.ECHO))
    made.start()
    for f in FAMILIES:
        flows.forget(bed)
        flows.tcp_echo(bed.client, f.target)
        flows.udp_echo(bed.client, f.target, [3000])
        assert flows.seen(bed, f) == {f.server}
        assert bed.leaks() == []
    made.stop()
    made.rules("remove")
    assert bed.snapshot() == bed.before
    for f in FAMILIES:
        flows.forget(bed)
        flows.tcp_echo(bed.client, f.target)
        assert flows.seen(bed, f) == {f.client}
