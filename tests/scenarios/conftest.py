# SPDX-License-Identifier: GPL-2.0-or-later
"""Fixtures of all scenarios: the certificate, the time limit, the world of one test."""

import pytest

import suite
from daemon import sanitized
from world import World, make_cert

TEST_SECONDS = 120


@pytest.fixture(scope="session")
def cert(tmp_path_factory):
    return make_cert(tmp_path_factory.mktemp("cert"), "server.test")


@pytest.fixture(autouse=True)
def limited():
    with suite.time_limit(TEST_SECONDS * (2 if sanitized() else 1)):
        yield


@pytest.fixture
def world(tmp_path, cert):
    made = World(tmp_path, cert)
    yield made
    for thing in reversed(made.things):
        thing.close()
    wrong = [found for found in (daemon.finish() for daemon in made.daemons) if found]
    assert not wrong, "\n".join(wrong)


def pytest_terminal_summary(terminalreporter):
    suite.write_counts(terminalreporter, "SCENARIOS_SUMMARY")
