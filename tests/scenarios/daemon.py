# SPDX-License-Identifier: GPL-2.0-or-later
"""The daemon under test as a process: its start, its log, its figures, its end."""

import os
import pathlib
import re
import signal
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("ANYTLSD", str(ROOT / "build" / "anytlsd"))
BAD_SIGNS = re.compile(r"AddressSanitizer|LeakSanitizer|ThreadSanitizer|runtime error:|double free|corrupted")


def wait_until(condition, timeout=10, what="condition"):
    """Polls until the condition is true; returns its value."""
    deadline = time.monotonic() + timeout
    while not (value := condition()):
        assert time.monotonic() < deadline, f"not within {timeout} s: {what}"
        time.sleep(0.02)
    return value


def listening(port):
    """Whether some socket of this network namespace listens on the TCP port."""
    for path in ("/proc/net/tcp", "/proc/net/tcp6"):
        if not os.path.exists(path):
            continue
        with open(path, encoding="ascii") as table:
            for line in table:
                fields = line.split()
                if fields[3] == "0A" and int(fields[1].rsplit(":", 1)[1], 16) == port:
                    return True
    return False


def sanitized():
    program = pathlib.Path(PROGRAM).read_bytes()
    return b"__asan_init" in program or b"__tsan_init" in program


class Daemon:
    """A running daemon: its process, its log, its figures."""

    def __init__(self, text, folder, ports, env=None, wrapper=()):
        self.ports = ports
        self.log_path = folder / f"daemon-{ports[0] if ports else 0}-{time.monotonic_ns()}.log"
        self.config_path = self.log_path.with_suffix(".json")
        self.config_path.write_text(text)
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen([*wrapper, PROGRAM, "run", "-c", str(self.config_path)], stdout=log,
                                            stderr=log, env={**os.environ, **(env or {})})
        self.pid = self.process.pid
        self.expected_exit = 0

    def wait_ready(self):
        """Until it listens, and has made all that it makes after that, as the log says where that is told."""
        silent = re.search(r'"level": "(warn|error)', self.config_path.read_text())

        def ready():
            assert self.process.poll() is None, f"exited with {self.process.returncode}:\n{self.log()}"
            return all(listening(port) for port in self.ports) and (silent or " is ready: " in self.log())
        # long: a guest without hardware help takes its time over a program's verification
        wait_until(ready, 60, "the daemon is ready")
        return self

    def log(self):
        return self.log_path.read_text(errors="replace")

    def wait_log(self, pattern, timeout=10):
        """The first match of the pattern in the log."""
        return wait_until(lambda: re.search(pattern, self.log(), re.I), timeout, f"/{pattern}/ in the log")

    def fds(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def rss_kib(self):
        """Resident memory; 0 for a build whose sanitizer needs many times as much."""
        if sanitized():
            return 0
        status = pathlib.Path(f"/proc/{self.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status)[1])

    def cpu_seconds(self):
        fields = pathlib.Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def terminate(self, timeout=20):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout)

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.expected_exit = None

    def finish(self):
        """Ends it; returns what was wrong with how it lived and died, or None."""
        if self.process.poll() is None:
            try:
                self.terminate()
            except subprocess.TimeoutExpired:
                self.kill()
                return f"did not exit after SIGTERM:\n{self.log()[-3000:]}"
        code = self.process.returncode
        if self.expected_exit is not None and code != self.expected_exit:
            return f"exit status {code} in place of {self.expected_exit}:\n{self.log()[-3000:]}"
        if BAD_SIGNS.search(self.log()):
            return f"a sanitizer has reported:\n{self.log()[-6000:]}"
        return None
