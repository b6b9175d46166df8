# SPDX-License-Identifier: GPL-2.0-or-later
"""The machine under the benchmark: what it is, and how much of it others took meanwhile."""
import os
import platform
import re
import resource
import time


def describe(network="loopback"):
    with open("/proc/cpuinfo") as f:
        model = re.search(r"model name\s*: (.*)", f.read())
    name = model.group(1) if model else platform.machine()
    kernel = re.match(r"[\d.]*\d", platform.release()).group()
    return f"{os.cpu_count()} CPUs ({name}), Linux {kernel}, {network}"


def busy_seconds():
    """Of all CPUs since boot: everything but idle and waiting; time stolen by a host included."""
    with open("/proc/stat") as f:
        user, nice, system, _, _, irq, softirq, steal = map(int, f.readline().split()[1:9])
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")


def own_seconds():
    """Of this process and of all children that have ended."""
    total = 0.0
    for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN):
        used = resource.getrusage(who)
        total += used.ru_utime + used.ru_stime
    return total


def raise_file_limit(needed):
    """For all children; whether the hard limit is high enough."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard == resource.RLIM_INFINITY or hard >= needed


class Others:
    """The share of the machine that was not ours until share(); children must have ended."""

    def __init__(self):
        self.at = time.monotonic(), busy_seconds(), own_seconds()

    def share(self):
        began, busy, own = self.at
        others = (busy_seconds() - busy) - (own_seconds() - own)
        return max(others, 0) / (time.monotonic() - began) / os.cpu_count()
