# SPDX-License-Identifier: GPL-2.0-or-later
"""A TLS connection that shows every record it receives and sends each write as one record."""

import select
import socket
import ssl
import struct
import time


class PlainConn:
    """The same interface over bare TCP; what arrives together counts as one record."""

    def __init__(self, sock):
        self.sock = sock
        self.sock.setblocking(False)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.raw = bytearray()
        self.end = None         # None, "notify" (close_notify), "alert", "eof" or "reset"

    def _fill(self, timeout):
        """Reads what there is; False when the connection is at its end."""
        if not select.select([self.sock], [], [], max(0, timeout))[0]:
            raise TimeoutError("nothing came from the peer")
        try:
            data = self.sock.recv(1 << 18)
        except BlockingIOError:
            return True
        except OSError:
            self.end = "reset"
            return False
        if not data:
            self.end = "eof"
            return False
        self.raw += data
        return True

    def recv(self, timeout=10):
        """The plaintext of the next record, b"" at the end (see `end`); TimeoutError."""
        while not self.raw:
            if self.end or not self._fill(timeout):
                return b""
        data = bytes(self.raw)
        self.raw.clear()
        return data

    def send(self, data, timeout=20):
        self.send_raw(data, timeout)

    def send_raw(self, data, timeout=20, read_too=True):
        """Writes all; unless told otherwise goes on reading meanwhile, so that no echo can block it."""
        view, deadline = memoryview(data), time.monotonic() + timeout
        while view:
            watch = [self.sock] if read_too and not self.end else []
            readable, writable, _ = select.select(watch, [self.sock], [], max(0, deadline - time.monotonic()))
            if not readable and not writable:
                raise TimeoutError(f"{len(view)} bytes could not be sent")
            if readable:
                self._fill(0)
            if writable:
                try:
                    view = view[self.sock.send(view):]
                except BlockingIOError:
                    continue

    def close(self):
        self.sock.close()

    def reset(self):
        """Ends the connection with RST."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()


class TlsConn(PlainConn):
    """TLS with both halves in memory; the handshake is made by the constructor."""

    def __init__(self, sock, context, server_side=False, name=None, timeout=10):
        super().__init__(sock)
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.obj = context.wrap_bio(self.incoming, self.outgoing, server_side=server_side,
                                    server_hostname=name)
        deadline = time.monotonic() + timeout
        while True:
            try:
                self.obj.do_handshake()
                self._flush()
                return
            except ssl.SSLWantReadError:
                self._flush()
                record = self._next_record(deadline)
                if record is None:
                    raise ConnectionResetError("connection ended during the handshake") from None
                self.incoming.write(record)
            except ssl.SSLError:
                self._flush()
                raise

    def _flush(self):
        data = self.outgoing.read()
        if data:
            self.send_raw(data)

    def _next_record(self, deadline):
        """One whole record, or None at the end of the connection."""
        while True:
            if len(self.raw) >= 5:
                size = 5 + struct.unpack_from(">H", self.raw, 3)[0]
                if len(self.raw) >= size:
                    record = bytes(self.raw[:size])
                    del self.raw[:size]
                    return record
            if self.end in ("eof", "reset") or not self._fill(deadline - time.monotonic()):
                return None

    def recv(self, timeout=10):
        deadline = time.monotonic() + timeout
        while self.end not in ("notify", "alert"):
            record = self._next_record(deadline)
            if record is None:
                return b""
            self.incoming.write(record)
            try:
                data = self.obj.read(1 << 15)
            except ssl.SSLWantReadError:        # a ticket, a key update, an empty record
                self._flush()
                continue
            except ssl.SSLZeroReturnError:
                self.end = "notify"
                return b""
            except ssl.SSLError:
                self.end = "alert"
                return b""
            if data:
                return data
            self.end = "notify"                 # the module's other way to say so
        return b""

    def send(self, data, timeout=20):
        assert len(data) <= 16384, "does not fit into one record"
        self.obj.write(data)
        self.send_raw(self.outgoing.read(), timeout)

    def close_notify(self):
        try:
            self.obj.unwrap()
        except ssl.SSLError:
            pass
        self._flush()


def client_context(alpn=None, version=None, verify=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if verify:
        context.load_verify_locations(verify)
        context.verify_mode = ssl.CERT_REQUIRED
    if alpn:
        context.set_alpn_protocols(alpn)
    if version:
        context.minimum_version = context.maximum_version = version
    return context


def server_context(cert, version=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert.cert, cert.key)
    if version:
        context.minimum_version = context.maximum_version = version
    return context
