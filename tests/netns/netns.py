# SPDX-License-Identifier: GPL-2.0-or-later
"""Network namespaces without names: nothing but descriptors of this process keeps them, so none can be left behind."""

import ctypes
import json
import os
import pathlib
import socket
import subprocess
import threading

CLONE_NEWNS, CLONE_NEWNET = 0x00020000, 0x40000000
MS_REC, MS_SLAVE = 1 << 14, 1 << 19
LIBC = ctypes.CDLL(None, use_errno=True)


def call(name, *args):
    """A C function that returns 0, or OSError."""
    if getattr(LIBC, name)(*args) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


def here():
    """A descriptor of the calling thread's namespace."""
    return os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)


class Namespace:
    """`with` puts the calling thread into it, and what that thread starts; sockets stay in it for ever."""

    def __init__(self, name):
        self.name, self.fd, self.failure = name, None, None
        self.before = threading.local()
        maker = threading.Thread(target=self._make)     # to unshare is for ever: by a thread that ends
        maker.start()
        maker.join()
        if self.failure:
            raise self.failure
        self.inode = os.fstat(self.fd).st_ino
        self.ip("link set lo up")

    def _make(self):
        try:
            call("unshare", CLONE_NEWNET)
            self.fd = here()
        except OSError as failure:
            self.failure = failure

    @property
    def path(self):
        return f"/proc/{os.getpid()}/fd/{self.fd}"

    def __enter__(self):
        stack = self.before.__dict__.setdefault("stack", [])
        stack.append(here())
        call("setns", self.fd, CLONE_NEWNET)
        return self

    def __exit__(self, *_):
        before = self.before.stack.pop()
        call("setns", before, CLONE_NEWNET)
        os.close(before)

    def run(self, *command, check=True, stdin=None):
        """A command's result; what it writes is text."""
        with self:
            done = subprocess.run([str(word) for word in command], input=stdin, capture_output=True, text=True,
                                  timeout=60)
        assert not check or done.returncode == 0, f"{self.name}: {command}: {done.stdout}{done.stderr}"
        return done

    def ip(self, *lines):
        """Commands of iproute2, those that begin with -6 after the others."""
        for v, some in (("-4", [one for one in lines if not one.startswith("-6 ")]),
                        ("-6", [one[3:] for one in lines if one.startswith("-6 ")])):
            if some:
                self.run("ip", v, "-batch", "-", stdin="\n".join(some) + "\n")

    def ip_json(self, *command):
        return json.loads(self.run("ip", "-j", *command).stdout or "[]")

    def nft(self, text):
        self.run("nft", "-f", "-", stdin=text)

    def sysctl(self, name, value=None):
        with self:
            path = pathlib.Path("/proc/sys", *name.split("."))
            if value is not None:
                path.write_text(str(value))
            return path.read_text().strip()

    def sysctl_of(self, device, name, value):
        """Of IPv4 at a device; a device's name may have dots."""
        with self:
            pathlib.Path("/proc/sys/net/ipv4/conf", device, name).write_text(str(value))

    def mac(self, device):
        [link] = self.ip_json("link", "show", "dev", device)
        return bytes.fromhex(link["address"].replace(":", ""))

    def socket(self, *kind):
        with self:
            return socket.socket(*kind)

    def close(self):
        if self.fd is not None:
            os.close(self.fd)
            self.fd = None


def processes_in(inode):
    """Those who are in the namespace of that number: pids."""
    found = []
    for entry in os.listdir("/proc"):
        try:
            if entry.isdigit() and os.stat(f"/proc/{entry}/ns/net").st_ino == inode:
                found.append(int(entry))
        except OSError:         # ended meanwhile
            continue
    return found


def private_bpffs(folder):
    """Mounts a BPF file system for this thread and its children; why it cannot, or None."""
    try:
        call("unshare", CLONE_NEWNS)
        call("mount", b"none", b"/", None, MS_REC | MS_SLAVE, None)    # EINVAL where / is no mount point: in a chroot
        folder.mkdir()
        call("mount", b"bpf", str(folder).encode(), b"bpf", 0, b"mode=0755")
    except OSError as failure:
        return str(failure)
    return None
