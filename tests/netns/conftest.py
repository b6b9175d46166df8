# SPDX-License-Identifier: GPL-2.0-or-later
"""Fixtures: the certificate, the time limit, a place for pins, the bed of one test; and a look at what is left."""

import os
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "tests" / "scenarios"))

import netns                                    # noqa: E402
import suite                                    # noqa: E402
from bed import Bed                             # noqa: E402
from daemon import sanitized                    # noqa: E402
from gateway import Gateway, unpin              # noqa: E402
from world import make_cert                     # noqa: E402

TEST_SECONDS = 120
TRACES = {"rules": ["ip", "rule"], "rules6": ["ip", "-6", "rule"], "nft": ["nft", "list", "tables"]}


@pytest.fixture(scope="session", autouse=True)
def namespaces():
    """Skips everything where none can be made; the machine's own one is as it was before."""
    try:
        netns.Namespace("probe").close()
    except OSError as failure:
        pytest.skip(f"no network namespaces here: {failure}")
    before = machine()
    yield
    assert machine() == before, "rules or tables are left in the machine's own namespace"


def machine():
    """What of ours is in the machine's own namespace, where no test has any business."""
    def lines(command):
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        return [line for line in done.stdout.splitlines() if "proto 231" in line or "anytlsd" in line]
    return {name: lines(command) for name, command in TRACES.items()}


@pytest.fixture(scope="session")
def bpffs(tmp_path_factory):
    """A folder in a BPF file system: in one of our own, else in the machine's; or why there is none."""
    folder = tmp_path_factory.mktemp("pins") / "bpf"
    why = netns.private_bpffs(folder)
    if not why:
        yield folder
        return
    folder = pathlib.Path("/sys/fs/bpf", f"anytlsd-test-{os.getpid()}")
    kind = subprocess.run(["stat", "-f", "-c", "%T", folder.parent], capture_output=True, text=True).stdout.strip()
    if kind != "bpf_fs":
        yield f"no BPF file system: {why}, and none at {folder.parent}"
        return
    folder.mkdir()
    yield folder
    folder.rmdir()              # fails if something is left in it


@pytest.fixture(scope="session")
def cert(tmp_path_factory):
    return make_cert(tmp_path_factory.mktemp("cert"), "server.test")


@pytest.fixture(autouse=True)
def limited():
    with suite.time_limit(TEST_SECONDS * (2 if sanitized() else 1)):
        yield


@pytest.fixture
def bed(tmp_path, cert, bpffs):
    pins = bpffs / "pins" if isinstance(bpffs, pathlib.Path) else None
    made = Bed(tmp_path, cert, pins)
    made.no_pins = None if pins else bpffs
    try:
        yield made
    finally:
        wrong = made.close()
        if pins:
            unpin(pins)
    assert not wrong, "\n".join(wrong)


@pytest.fixture
def gateway(bed):
    """Makes a gateway in a mode, with the tunnel's server and the daemon running."""
    def make(mode, **options):
        if not bed.daemons:
            bed.tunnel_server()
        return Gateway(bed, mode, **options)

    def start(mode, **options):
        return make(mode, **options).start()
    start.make = make
    return start


def pytest_configure(config):
    config.addinivalue_line("markers", "smoke: of the set for slow machines")


def pytest_terminal_summary(terminalreporter):
    suite.write_counts(terminalreporter, "NETNS_SUMMARY")
