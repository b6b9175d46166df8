# SPDX-License-Identifier: GPL-2.0-or-later
"""A scripted server that runs by itself: every stream is an echo, every session is on record."""

import threading
import time

import anytls
from anytls import FIN, HEART, HEART_REPLY, PSH, SERVER_SETTINGS, SETTINGS, SYN, SYNACK, frame, psh
from peers import Server, ServerSession
from tlsconn import TlsConn


class AutoSession:
    """One session in its own thread."""

    def __init__(self, session, server):
        self.session, self.server = session, server
        self.mute = False       # reads on but never answers again
        self.beats = 0          # heartbeats that came
        self.ended = False
        self.heads = {}         # open streams: what came of the address, None once it is whole

    def start(self):
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        try:
            while self.session.inbox or self.session.pull(time.monotonic() + 60):
                frames, self.session.inbox = self.session.inbox, []
                for one in frames:
                    self._handle(one)
        except (OSError, ValueError):           # closed by the test, or nothing for a minute
            pass
        self.ended = True

    def _answer(self, *frames):
        if not self.mute:
            self.session.send(*frames)

    def _handle(self, one):
        if one.cmd == SETTINGS and self.server.v == "2":
            self._answer(frame(SERVER_SETTINGS, 0, b"v=2"))
        elif one.cmd == SYN:
            self.heads[one.sid] = bytearray()
        elif one.cmd == FIN:
            self.heads.pop(one.sid, None)
        elif one.cmd == HEART:
            self.beats += 1
            if self.server.v == "2":
                self._answer(frame(HEART_REPLY, one.sid))
        elif one.cmd == PSH and one.sid in self.heads:
            self._data(one.sid, one.data)

    def _data(self, sid, data):
        head = self.heads[sid]
        if head is not None:
            head += data
            found = anytls.parse_addr(head)
            if found is None:
                return
            data = bytes(head[found[2]:])
            self.heads[sid] = None
            if self.server.v == "2":
                self._answer(frame(SYNACK, sid))
        if data:
            self._answer(psh(sid, data))


class AutoServer(Server):
    """Accepts sessions in a thread; v is the version that it speaks."""

    def __init__(self, context, v="2"):
        super().__init__(context)
        self.v = v
        self.sessions = []
        self.closing = False
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        while not self.closing:
            try:
                raw = self.accept_raw(0.5)
            except OSError:                     # none came
                continue
            try:
                session = ServerSession(TlsConn(raw, self.context, server_side=True))
            except (OSError, AssertionError):   # one that left early
                continue
            self.sessions.append(AutoSession(session, self))
            self.sessions[-1].start()           # on record before anybody can hear of it

    def live(self):
        return [one for one in self.sessions if not one.ended]

    def idle(self):
        return [one for one in self.live() if not one.heads]

    def close(self):
        self.closing = True
        super().close()
        for one in self.sessions:
            one.session.close()
