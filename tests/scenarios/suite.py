# SPDX-License-Identifier: GPL-2.0-or-later
"""What the conftest of every pytest suite does: a time limit for a test, the counts for its runner."""
import contextlib
import os
import pathlib
import signal


@contextlib.contextmanager
def time_limit(seconds):
    """No test hangs: an alarm ends it with a traceback of where it was."""
    def ring(*_):
        raise TimeoutError(f"the test took more than {seconds} s")
    signal.signal(signal.SIGALRM, ring)
    signal.alarm(seconds)
    yield
    signal.alarm(0)


def write_counts(terminalreporter, variable):
    """To the file that an environment variable names, for the script that runs the suite."""
    path = os.environ.get(variable)
    if path:
        tests = {kind: {report.nodeid for report in terminalreporter.stats.get(kind, [])}
                 for kind in ("passed", "failed", "error", "skipped")}
        failed = tests["failed"] | tests["error"]       # a test whose teardown failed has failed
        pathlib.Path(path).write_text(f"{len(tests['passed'] - failed)} passed, {len(failed)} failed, "
                                      f"{len(tests['skipped'])} skipped\n")
