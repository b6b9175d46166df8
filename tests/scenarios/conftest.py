# SPDX-License-Identifier: GPL-2.0-or-later
"""Fixtures of all scenarios: the certificate, the time limit, the world of one test."""

import os
import pathlib
import signal

import pytest

from world import World, make_cert

TEST_SECONDS = 120


@pytest.fixture(scope="session")
def cert(tmp_path_factory):
    return make_cert(tmp_path_factory.mktemp("cert"), "server.test")


@pytest.fixture(autouse=True)
def time_limit():
    """No test hangs: an alarm ends it with a traceback of where it was."""
    def ring(*_):
        raise TimeoutError(f"the test took more than {TEST_SECONDS} s")
    signal.signal(signal.SIGALRM, ring)
    signal.alarm(TEST_SECONDS)
    yield
    signal.alarm(0)


@pytest.fixture
def world(tmp_path, cert):
    made = World(tmp_path, cert)
    yield made
    for thing in reversed(made.things):
        thing.close()
    wrong = [found for found in (daemon.finish() for daemon in made.daemons) if found]
    assert not wrong, "\n".join(wrong)


def pytest_terminal_summary(terminalreporter):
    """The counts for the script that runs the suite."""
    path = os.environ.get("SCENARIOS_SUMMARY")
    if path:
        tests = {kind: {report.nodeid for report in terminalreporter.stats.get(kind, [])}
                 for kind in ("passed", "failed", "error", "skipped")}
        failed = tests["failed"] | tests["error"]       # a test whose teardown failed has failed
        pathlib.Path(path).write_text(f"{len(tests['passed'] - failed)} passed, {len(failed)} failed, "
                                      f"{len(tests['skipped'])} skipped\n")
