"""The HTTPS side: connections in, requests out, replies back; the only module that knows of sockets."""

from __future__ import annotations

import json
import re
import socket
import ssl
import struct
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import RawIOBase
from pathlib import Path
from typing import Any, BinaryIO, cast
from urllib.parse import parse_qsl, unquote

from ftctl.local import tls
from ftctl.local.azure import BANNER, Azure
from ftctl.local.faults import Hangup
from ftctl.local.wire import Refusal, Reply, Request

_HOST = re.compile(r"(\[[0-9a-fA-F:]+\]|[A-Za-z0-9.-]+)(:\d{1,5})?")
# A body left unread (an upload refused at its headers) is read up to here: clients listen only once they have sent it.
_DRAIN = 1 << 30
_VERBS = frozenset(f"do_{verb}" for verb in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))
_IDLE = 75  # seconds
_HANDSHAKE = 10  # seconds


@dataclass(frozen=True, slots=True)
class Served:
    """Where a local Azure answers, and the CA file to trust."""

    url: str
    ca_file: Path


@contextmanager
def serving(azure: Azure, *, host: str, port: int) -> Iterator[Served]:
    """Serve until the block ends; every connection still open is closed then."""
    ca_file = tls.ensure_ca(azure.folder)
    server = _Server((host, port), azure, tls.server_context(azure.folder))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield Served(server.url, ca_file)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        server.hang_up()


class _Server(ThreadingHTTPServer):
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


class Body(RawIOBase):
    """The body of one request: never reads past its end, and knows what is left."""

    def __init__(self, source: BinaryIO, length: int) -> None:
        super().__init__()
        self._source = source
        self.left = length

    def read(self, size: int | None = -1) -> bytes:
        wanted = self.left if size is None or size < 0 else min(size, self.left)
        try:
            piece = self._source.read(wanted) if wanted else b""
        except OSError:  # the caller is gone, or silent for too long
            piece = b""
        self.left -= len(piece)
        if len(piece) < wanted:
            self.left = 0
            raise Refusal(400, "BadRequest", "The request body ends early.")
        return piece

    def readable(self) -> bool:
        return True


class _BadRequest(Exception):
    """A request whose framing is wrong."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    default_request_version = "HTTP/1.1"  # the base class's 0.9 has no headers at all
    server: _Server

    def version_string(self) -> str:
        return BANNER

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the base class names it
        """Requests carry secrets; nothing is logged."""

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:  # noqa: ARG002  the base class's signature
        """What the base class refuses (lines too long, no HTTP) gets an error body like everything else."""
        self.close_connection = True
        text = message or HTTPStatus(code).phrase
        body = {"error": {"code": "BadRequest" if code < 500 else "NotImplemented", "message": text}}  # noqa: PLR2004  HTTP classes
        self._send(Reply(code if code < 500 else 405, body))  # noqa: PLR2004  an unknown method is the caller's mistake

    def _answer(self) -> None:
        with tempfile.SpooledTemporaryFile(max_size=1 << 20) as spool:
            try:
                body = self._body(cast("BinaryIO", spool))
                request = self._request(body)
            except _BadRequest as error:
                self.send_error(400, str(error))
                return
            try:
                reply = self.server.azure.handle(request)
            except Hangup as hangup:
                self._hang_up(hangup)
                return
            if body.left > _DRAIN:
                self.close_connection = True
            self._send(reply)
            with suppress(Refusal):
                while body.left and not self.close_connection:
                    body.read(1 << 20)

    def __getattr__(self, name: str) -> Any:
        """The base class looks for a method `do_<VERB>`: all verbs take the same way."""
        if name in _VERBS:
            return self._answer
        raise AttributeError(name)

    def _request(self, body: Body) -> Request:
        path, _, query = self.path.partition("?")
        if path.startswith(("http://", "https://")):
            path = "/" + path.split("/", 3)[-1]
        host = self.headers.get("Host") or self.server.url.partition("://")[2]
        if not _HOST.fullmatch(host):
            raise _BadRequest("The Host header is invalid.")
        return Request(
            azure=self.server.azure,
            method=self.command,
            path=unquote(path),
            query=dict(parse_qsl(query, keep_blank_values=True, max_num_fields=None)),
            headers={name.lower(): value for name, value in self.headers.items()},
            stream=cast("BinaryIO", body),
            length=body.left,
            base_url=f"https://{host}",
            caller=self.client_address[0].partition("%")[0],
        )

    def _body(self, spool: BinaryIO) -> Body:
        coding, lengths = self.headers.get("Transfer-Encoding"), set(self.headers.get_all("Content-Length") or ())
        if (coding and lengths) or len(lengths) > 1:
            raise _BadRequest("The length of the body is given twice.")
        if coding:
            if coding.strip().lower() != "chunked":
                raise _BadRequest("The Transfer-Encoding is not supported.")
            return self._dechunked(spool)
        text = (lengths.pop() if lengths else "0").strip()
        if not re.fullmatch(r"\d{1,15}", text, re.ASCII):
            raise _BadRequest("The Content-Length header is invalid.")
        return Body(cast("BinaryIO", self.rfile), int(text))

    def _dechunked(self, spool: BinaryIO) -> Body:
        total = 0
        while True:
            size = self.rfile.readline(80).split(b";")[0].strip()
            if not re.fullmatch(rb"[0-9a-fA-F]{1,8}", size):
                raise _BadRequest("The chunked body is malformed.")
            left = int(size, 16)
            if not left:
                break
            total += left
            while left:
                piece = self.rfile.read(min(left, 1 << 20))
                if not piece:
                    raise _BadRequest("The chunked body ends early.")
                spool.write(piece)
                left -= len(piece)
            self.rfile.readline(4)
        while self.rfile.readline(1024).strip():  # trailers
            pass
        spool.seek(0)
        return Body(spool, total)

    def _send(self, reply: Reply) -> None:
        content = _content(reply)
        if isinstance(content, bytes):
            # One write: header and body in one record.
            self.wfile.write(self._head(reply, len(content)) + (b"" if self.command == "HEAD" else content))
            return
        self.wfile.write(self._head(reply, None))
        for piece in content:
            if piece:
                self.wfile.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
        self.wfile.write(b"0\r\n\r\n")

    def _head(self, reply: Reply, length: int | None) -> bytes:
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, str(value))
        if reply.body is not None:
            self.send_header("Content-Type", _media(reply.media))
        if length is None:
            self.send_header("Transfer-Encoding", "chunked")
        elif reply.status != HTTPStatus.NO_CONTENT:
            self.send_header("Content-Length", str(length))
        if self.close_connection:
            self.send_header("Connection", "close")
        lines: list[bytes] = self.__dict__.pop("_headers_buffer")
        return b"".join([*lines, b"\r\n"])

    def _hang_up(self, hangup: Hangup) -> None:
        self.close_connection = True
        if hangup.kind == "cut" and hangup.reply is not None:
            content = _content(hangup.reply)
            whole = content if isinstance(content, bytes) else b"".join(content)
            self.wfile.write(self._head(hangup.reply, len(whole)) + whole[: len(whole) // 2])
        if hangup.kind == "reset":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            socket.close(self.connection.detach())  # an orderly shutdown would come first otherwise


def _content(reply: Reply) -> bytes | Iterator[bytes]:
    body = reply.body
    if body is None:
        return b""
    if isinstance(body, bytes):
        return body
    if isinstance(body, dict | list | str):
        return json.dumps(body).encode()
    return cast("Iterator[bytes]", iter(body))


def _media(media: str) -> str:
    return f"{media}; charset=utf-8" if media == "application/json" else media
