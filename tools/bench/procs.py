# SPDX-License-Identifier: GPL-2.0-or-later
"""Processes under measurement: started, watched through /proc, and ended whatever happens."""
import ctypes
import json
import os
import random
import signal
import socket
import subprocess
import time

PR_SET_PDEATHSIG = 1
CLONE_NEWNET = 0x40000000
GIVEN = set()  # ports that free_port() returned: whoever asked may not listen yet
LIBC = ctypes.CDLL(None, use_errno=True)


class Failure(Exception):
    """Something that makes the figures worthless; its text is for the person at the terminal."""


def die_with_parent():
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def enter_netns(pid):
    """The calling process goes into the network namespace of another one."""
    ns = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    if LIBC.setns(ns, CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")
    os.close(ns)


def beginning(netns=None):
    """What a child does first: to end with its parent, and to go into the network namespace of that process."""
    def begin():
        die_with_parent()
        if netns:
            enter_netns(netns)
    return begin


def free_port():
    """A port below the ephemeral range that nobody listens on."""
    for _ in range(200):
        port = random.randrange(12000, 31000)
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", port))
            except OSError:
                continue
        if port not in GIVEN:
            GIVEN.add(port)
            return port
    raise Failure("no free port")


def tcp_sockets(pid="self"):
    """State, local port and remote port of each socket in the network namespace of a process."""
    for table in (f"/proc/{pid}/net/tcp", f"/proc/{pid}/net/tcp6"):
        with open(table) as f:
            for line in f.readlines()[1:]:
                field = line.split()
                yield field[3], *(int(end.rsplit(":", 1)[1], 16) for end in field[1:3])


def listening(port, pid="self"):
    return any(state == "0A" and local == port for state, local, _ in tcp_sockets(pid))


class Process:
    """One daemon, with its output in a file."""

    def __init__(self, argv, log, port, environment=None, stdin=subprocess.DEVNULL, netns=None):
        self.name, self.log = os.path.basename(argv[0]), log
        with open(log, "wb") as out:
            self.child = subprocess.Popen(argv, stdin=stdin, stdout=out, stderr=out,
                                          preexec_fn=beginning(netns), env=environment)
        limit = time.monotonic() + 20
        while not listening(port, netns or "self"):
            if self.child.poll() is not None or time.monotonic() > limit:
                self.stop()
                raise Failure(f"{' '.join(argv)} does not listen on port {port}:\n{self.tail()}")
            time.sleep(0.02)

    def state(self):
        code = self.child.poll()
        return "runs" if code is None else f"ended with {code}"

    def tail(self):
        with open(self.log, errors="replace") as f:
            return "".join(f.readlines()[-15:])

    def cpu(self):
        """Seconds of CPU, user and system, of all threads so far; precise to the nanosecond."""
        if self.child.poll() is not None:
            raise Failure(f"{self.name} died ({self.child.returncode}):\n{self.tail()}")
        return time.clock_gettime((~self.child.pid << 3) | 2)  # CPUCLOCK_SCHED of the process

    def rss(self):
        """Resident bytes; smaps_rollup is exact where VmRSS lags by some pages for each CPU."""
        with open(f"/proc/{self.child.pid}/smaps_rollup") as f:
            for line in f:
                if line.startswith("Rss:"):
                    return int(line.split()[1]) * 1024
        raise Failure(f"no Rss for {self.name}")

    def sockets(self):
        directory, count = f"/proc/{self.child.pid}/fd", 0
        for fd in os.listdir(directory):
            try:
                count += os.readlink(f"{directory}/{fd}").startswith("socket:")
            except FileNotFoundError:
                pass
        return count

    def stop(self):
        if self.child.stdin:
            self.child.stdin.close()
        if self.child.poll() is None:
            self.child.terminate()
            try:
                self.child.wait(3)
            except subprocess.TimeoutExpired:
                self.child.kill()
                self.child.wait()


def load_argv(load, kind, contender, options, timeout):
    return [load, kind, *contender.route(), "--timeout", str(timeout), *map(str, options)]


def explain(contender, what, code, text):
    time.sleep(0.3)  # a daemon that just crashed is seen to have ended
    what += " (out of time)" if code == -signal.SIGALRM else ""
    logs = "".join(f"--- {role} {p.state()}\n{p.tail()}" for role, p in contender.processes.items())
    return Failure(f"{contender.name}: load {what} failed ({code}): {text}\n{logs}")


def run_load(load, kind, contender, *options, timeout=120):
    """Runs the load generator to its end and returns what it measured; checks are its own."""
    argv = load_argv(load, kind, contender, options, timeout)
    try:
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=timeout + 20, preexec_fn=beginning(contender.netns))
    except subprocess.TimeoutExpired:
        raise explain(contender, kind, "timeout", " ".join(argv)) from None
    if done.returncode:
        raise explain(contender, kind, done.returncode, done.stderr.strip())
    return json.loads(done.stdout)


class Held:
    """Thousands of streams that stay open until release()."""

    def __init__(self, load, contender, count, timeout=180):
        self.contender = contender
        argv = load_argv(load, "hold", contender, ["--count", count, "--streams", 128], timeout)
        self.child = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                      stderr=subprocess.PIPE, text=True,
                                      preexec_fn=beginning(contender.netns))
        try:
            self.expect("held")
        except BaseException:
            self.stop()
            raise

    def expect(self, word):
        # the load generator's own alarm bounds this
        if self.child.stdout.readline().strip() != word:
            code = self.child.wait()
            raise explain(self.contender, "hold", code, self.child.stderr.read().strip())

    def release(self):
        self.child.stdin.write("\n")
        self.child.stdin.flush()
        self.expect("closed")
        if self.child.wait(20):
            text = self.child.stderr.read().strip()
            raise explain(self.contender, "hold", self.child.returncode, text)

    def stop(self):
        if self.child.poll() is None:
            self.child.kill()
        self.child.wait()
        for pipe in (self.child.stdin, self.child.stdout, self.child.stderr):
            pipe.close()
