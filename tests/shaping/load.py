# SPDX-License-Identifier: GPL-2.0-or-later
"""Sessions by the thousand: applications and their destination in one event loop, the tap's notes behind them."""

import asyncio
import collections
import socket
import struct

from anytls import addr

TYPES = (22, 20, 23)            # ClientHello, ChangeCipherSpec, all that is encrypted
OVERHEAD = 17                   # of a TLS 1.3 record: type and tag
CLOSE_NOTIFY = 2

# What every session of a run does: writes of these sizes, each echoed before the next; then the application
# resets its connection ("reset", a FIN frame follows) or the destination closes ("close", none does).
Plan = collections.namedtuple("Plan", "payloads end")

# One line of the tap: segments with data, reads that ended inside a record, records as (type, length).
Noted = collections.namedtuple("Noted", "segments torn records")


def noted(line):
    segments, torn, *records = line.split()
    return Noted(int(segments), int(torn), [tuple(map(int, one.split(":"))) for one in records])


def plaintext(one):
    """The sizes of what a client sent after its handshake, close_notify not among them."""
    kinds = tuple(kind for kind, _ in one.records)
    sizes = [size - OVERHEAD for _, size in one.records]
    assert kinds[:3] == TYPES and set(kinds[3:]) == {23}, f"no TLS 1.3 session with resumption: {kinds}"
    assert sizes[-1] == CLOSE_NOTIFY, f"the session did not end with close_notify: {sizes}"
    return sizes[3:-1]


class Target(asyncio.Protocol):
    """Echoes; closes after so many bytes if the plan says so."""

    def __init__(self, plan):
        self.left = sum(plan.payloads) if plan.end == "close" else None

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.transport.write(data)
        if self.left is not None:
            self.left -= len(data)
            if self.left == 0:
                self.transport.close()


class App(asyncio.Protocol):
    """One application: SOCKS, then the plan, then its end; `done` gets the result."""

    def __init__(self, plan, dest):
        self.plan, self.dest = plan, dest
        self.steps = iter(plan.payloads)
        self.wanted, self.step = 2, self.request
        self.done = asyncio.get_running_loop().create_future()
        self.over = False

    def connection_made(self, transport):
        self.transport = transport
        transport.write(b"\5\1\0")

    def data_received(self, data):
        self.wanted -= len(data)
        if self.wanted < 0:
            self.finish(f"{-self.wanted} bytes too many")
        elif self.wanted == 0:
            self.step()

    def request(self):
        self.wanted, self.step = 10, self.write
        self.transport.write(b"\5\1\0" + addr(*self.dest))

    def write(self):
        size = next(self.steps, None)
        if size is not None:
            self.wanted = size
            self.transport.write(bytes(size))
            return
        self.over = True
        if self.plan.end == "reset":
            self.transport.get_extra_info("socket").setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.transport.abort()

    def connection_lost(self, error):
        self.finish(None if self.over else f"the connection ended early: {error}")

    def finish(self, wrong):
        if not self.done.done():
            self.done.set_result(wrong)
        self.transport.abort()


async def one_session(plan, socks, dest):
    loop = asyncio.get_running_loop()
    _, app = await loop.create_connection(lambda: App(plan, dest), "127.0.0.1", socks)
    return await app.done


async def worker(plan, socks, dest, left, wrong):
    while left:
        left.pop()
        found = await one_session(plan, socks, dest)
        if found:
            wrong.append(found)


async def sessions(plan, socks, count, at_once=32):
    """Runs them, the first one alone: it may bring a new scheme. What went wrong."""
    loop = asyncio.get_running_loop()
    target = await loop.create_server(lambda: Target(plan), "127.0.0.1", 0, backlog=1024)
    dest = target.sockets[0].getsockname()
    wrong = []
    async with target:
        await worker(plan, socks, dest, [0], wrong)
        left = [0] * (count - 1)
        await asyncio.gather(*(worker(plan, socks, dest, left, wrong) for _ in range(at_once)))
    return wrong


def run(plan, socks, count, timeout=120):
    """So many sessions of a plan through the SOCKS port; every one must have gone as planned."""
    wrong = asyncio.run(asyncio.wait_for(sessions(plan, socks, count), timeout))
    assert not wrong, f"{len(wrong)} of {count} sessions: {wrong[:3]}"
