# SPDX-License-Identifier: GPL-2.0-or-later
"""Guests whose clock counts instructions: booted from outside, and what a program inside asks and sets."""
import json
import os
import random
import re
import signal
import subprocess

from procs import Failure

TREE = os.path.dirname(os.path.realpath(__file__)) + "/../.."
MARK = "RESULT "
# In the second and fourth half of OPENSSL_ia32cap, as openssl info prints it: word, bit.
BITS = {"AES-NI": (0, 57), "PCLMULQDQ": (0, 33), "AVX": (0, 60), "MOVBE": (0, 54),
        "VAES": (1, 41), "AVX512F": (1, 16)}


def kernel(suite):
    """The folder of a stock kernel, fetched where it is not there yet."""
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    folder = f"{cache}/anytlsd-tests/vm-{suite}"
    done = subprocess.run([f"{TREE}/tests/vm/fetch-kernel", suite, folder],
                          stdout=subprocess.DEVNULL)
    if done.returncode:
        raise Failure("no kernel: tools/dev/install vm installs what fetch-kernel needs")
    return folder


def boot(folder, command):
    """One guest; its lines are shown as they come. Returns what report() printed in it."""
    argv = [f"{TREE}/tests/vm/run", folder, "-i", "-m", "3072", "-t", "1800", "--", *command]
    guest = subprocess.Popen(argv, cwd=TREE, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                             text=True, errors="replace", start_new_session=True)
    results = None
    try:
        for line in guest.stdout:
            if line.startswith(MARK):
                results = json.loads(line[len(MARK):])
            else:
                print(line, end="", flush=True)
        code = guest.wait()
    finally:
        if guest.poll() is None:
            os.killpg(guest.pid, signal.SIGTERM)  # the machine is the script's child
            guest.wait()
    if code or not results:
        raise Failure(f"the guest ended with {code}")
    return results


def report(results):
    print(f"{MARK}{json.dumps(results)}", flush=True)


def same_every_time():
    """Addresses and ports are numbers like others: they change how long a chain of a hash is."""
    random.seed(1)
    with open("/proc/sys/kernel/randomize_va_space", "w") as f:
        f.write("0")


def read_ahead(program):
    """Brings a program and its libraries into memory: while the guest waits for its disk, its clock jumps."""
    done = subprocess.run(["ldd", program], capture_output=True, text=True)
    for path in [program, *re.findall(r"(/\S+) \(0x", done.stdout)]:
        with open(path, "rb") as f:
            while f.read(1 << 20):
                pass


def cipher_code():
    """What libcrypto found the processor to have; all programs under test take it from there."""
    done = subprocess.run(["openssl", "info", "-cpusettings"], capture_output=True, text=True)
    words = [int(n, 16) for n in re.findall(r"0x([0-9a-f]+)", done.stdout)]
    if len(words) < 2:
        return "unknown code"
    has = [name for name, (word, bit) in BITS.items() if words[word] >> bit & 1]
    return " ".join(has) or "plain code"


def kernel_threads_ns():
    """Time of what has no command line: softirqs that no process had to run, and the like."""
    total = 0
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline") as f, open(f"/proc/{pid}/schedstat") as g:
                total += 0 if f.read(1) else int(g.read().split()[0])
        except (FileNotFoundError, ProcessLookupError):
            pass
    return total
