"""The HTTPS side: connections in, requests out, replies back; the only module that knows of sockets."""

from __future__ import annotations

import socket
import ssl
import struct
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from socketserver import StreamRequestHandler, ThreadingTCPServer
from typing import Any, BinaryIO, cast
from urllib.parse import unquote

from ftctl.local import http1, names, tls
from ftctl.local.azure import BANNER, Azure
from ftctl.local.faults import Hangup
from ftctl.local.http1 import Body, Head
from ftctl.local.wire import Refusal, Reply, Request

# A body left unread (an upload refused at its headers) is read up to here: clients listen only once they have sent it.
_DRAIN = 1 << 30
_IDLE = 75  # seconds
_HANDSHAKE = 10  # seconds


@dataclass(frozen=True, slots=True)
class Served:
    """Where a local Azure answers, and the CA file to trust."""

    url: str
    ca_file: Path


@contextmanager
def serving(azure: Azure, *, host: str, port: int, by_name: bool = False) -> Iterator[Served]:
    """Serve until the block ends; every connection still open is closed then.

    `by_name` is with a certificate for Azure's own host names too.
    """
    ca_file = tls.ensure_ca(azure.folder)
    server = _Server((host, port), azure, tls.server_context(azure.folder, by_name=by_name))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield Served(server.url, ca_file)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        server.hang_up()


class _Server(ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], azure: Azure, context: ssl.SSLContext) -> None:
        if ":" in address[0]:
            self.address_family = socket.AF_INET6
        self.azure = azure
        self._context = context
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        super().__init__(address, _Handler)
        # From here every address is this machine's own.
        host = {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "::1"}.get(address[0], address[0])  # noqa: S104  asked for by name
        name = f"[{host}]" if ":" in host else host
        self.url = f"https://{name}:{self.server_address[1]}"

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """The handshake is here, in the connection's own thread, so a slow client keeps nobody else waiting."""
        request.settimeout(_HANDSHAKE)
        try:
            secure = self._context.wrap_socket(request, server_side=True)
        except (OSError, ValueError):
            self.shutdown_request(request)
            return
        secure.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        secure.settimeout(_IDLE)
        with self._lock:
            self._open.add(secure)
        try:
            super().process_request_thread(secure, client_address)
        finally:
            with self._lock:
                self._open.discard(secure)
            secure.close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A connection that breaks is the client's matter; bugs of handlers never come as far as this."""

    def hang_up(self) -> None:
        with self._lock:
            left = list(self._open)
        for connection in left:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()


class _Handler(StreamRequestHandler):
    """One connection: requests one after the other, until either side has had enough."""

    server: _Server

    def handle(self) -> None:
        source, url = cast("BinaryIO", self.rfile), self.server.url.partition("://")[2]
        while True:
            try:
                head = http1.read_head(source)
                if head is None:
                    return
                with _body(source, cast("BinaryIO", self.wfile), head) as body:
                    if not self._answer(head, body, http1.host(head.headers, url)):
                        return
            except http1.BadRequest as refused:
                self._send(http1.error(refused.status, str(refused)), head_only=False, close=True)
                return

    def _answer(self, head: Head, body: Body, host: str) -> bool:
        """Whether the connection stays open."""
        request = Request(
            azure=self.server.azure,
            method=head.method,
            path=names.prefix(host) + (unquote(head.path) if "%" in head.path else head.path),
            query=dict(http1.query_of(head.query)) if head.query else {},
            headers=head.headers,
            stream=cast("BinaryIO", body),
            length=body.left,
            base_url=f"https://{host}",
            caller=self.client_address[0].partition("%")[0],
        )
        try:
            reply = self.server.azure.handle(request)
        except Hangup as hangup:
            self._hang_up(hangup)
            return False
        close = head.close or body.left > _DRAIN
        self._send(reply, head_only=head.method == "HEAD", close=close)
        with suppress(Refusal):
            while body.left and not close:
                body.read(1 << 20)
        return not close

    def _send(self, reply: Reply, *, head_only: bool, close: bool) -> None:
        content = http1.content_of(reply)
        if isinstance(content, bytes):
            # One write: header and body in one record.
            head = http1.head_of(reply, BANNER, len(content), close=close)
            self.wfile.write(head if head_only else head + content)
            return
        self.wfile.write(http1.head_of(reply, BANNER, None, close=close))
        for piece in () if head_only else content:
            if piece:
                self.wfile.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
        if not head_only:
            self.wfile.write(b"0\r\n\r\n")

    def _hang_up(self, hangup: Hangup) -> None:
        content = http1.content_of(hangup.reply) if hangup.reply is not None else b""
        whole = content if isinstance(content, bytes) else b"".join(content)  # a file that is not read stays open
        if hangup.kind == "cut" and hangup.reply is not None:
            head = http1.head_of(hangup.reply, BANNER, len(whole), close=True)
            self.wfile.write(head + whole[: len(whole) // 2])
        if hangup.kind == "reset":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            socket.close(self.connection.detach())  # an orderly shutdown would come first otherwise


@contextmanager
def _body(source: BinaryIO, back: BinaryIO, head: Head) -> Iterator[Body]:
    """The body that follows a head, for as long as it is looked at."""
    if "100-continue" in head.headers.get("expect", "").lower():
        back.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    if head.length >= 0:
        yield Body(source, head.length)
        return
    with tempfile.SpooledTemporaryFile(max_size=1 << 20) as spool:
        yield http1.dechunked(source, cast("BinaryIO", spool))
