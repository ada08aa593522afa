"""HTTP/1.1 as bytes: the head and body of a request in, the head and body of a reply out.

The standard library's own reads a request's head as an e-mail, which takes longer than most answers do.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus
from socket import socket
from typing import Any, BinaryIO, cast
from urllib.parse import parse_qsl, unquote

from ftctl.core.clock import SystemClock
from ftctl.local.wire import Refusal, Reply, Stream

VERBS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))
_LONGEST, _HEADERS = 1 << 16, 100  # bytes of a head, and how many headers
_RECORD = 1 << 14  # bytes, the most that a record of TLS holds
_END = re.compile(rb"\n\r?\n")
_TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HOST = re.compile(r"(\[[0-9a-fA-F:]+\]|[A-Za-z0-9.-]+)(:\d{1,5})?")
_LENGTH = re.compile(r"\d{1,15}", re.ASCII)
_CHUNK = re.compile(rb"[0-9a-fA-F]{1,8}")
_REASONS = {status.value: status.phrase for status in HTTPStatus}


class BadRequest(Exception):
    """A request that cannot be understood, with the status and text to say so."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Source:
    """What comes in over a connection: heads of requests as soon as they are there whole, and bytes of bodies."""

    def __init__(self, connection: socket) -> None:
        self._connection = connection
        self._rest = b""
        self.ended = False

    def fill(self) -> None:
        """Take what has arrived, or wait for it; all of a record of TLS, as nobody is told of what is left of one."""
        self.ended = True  # also where this fails
        piece = self._connection.recv(_RECORD)
        self.ended = not piece
        self._rest += piece

    def head(self) -> bytes:
        """The next request's head with its empty line; nothing as long as it is not there whole."""
        rest = self._rest.lstrip(b"\r\n")  # some clients end a body with an empty line that is not counted
        end = _END.search(rest)
        size = end.end() if end else len(rest)
        if size > _LONGEST:
            raise BadRequest(431 if b"\n" in rest[:_LONGEST] else 414, "The head of the request is too long.")
        if not end and rest and self.ended:
            raise BadRequest(400, "The head of the request ends early.")
        self._rest = rest[size:] if end else rest
        return rest[:size] if end else b""

    def read(self, size: int) -> bytes:
        """So many bytes, or fewer where the caller is gone."""
        pieces, rest = [self._rest], size - len(self._rest)
        while rest > 0 and not self.ended:
            self._rest = b""
            self.fill()
            pieces.append(self._rest)
            rest -= len(self._rest)
        whole = b"".join(pieces)
        self._rest = whole[size:]
        return whole[:size]

    def line(self, limit: int) -> bytes:
        """Up to the end of a line, or `limit` bytes."""
        while b"\n" not in self._rest[:limit] and len(self._rest) < limit and not self.ended:
            self.fill()
        return self.read(min(self._rest.find(b"\n") + 1 or limit, limit, len(self._rest)))


@dataclass(frozen=True, slots=True)
class Head:
    """What stands before a request's body. Names of headers are in lower case; `length` is -1 for a body in chunks."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    host: str  # the address that the caller used, and so the one that addresses in answers begin with
    length: int
    close: bool


@lru_cache(maxsize=128)
def read_head(raw: bytes) -> Head:
    """The head of a request, read once for all that are the same: clients ask again and again."""
    first, *lines = raw.split(b"\n")[:-2]
    parts = first.split()
    if len(parts) != 3 or not parts[2].startswith(b"HTTP/1."):  # noqa: PLR2004  method, target, version
        raise BadRequest(400, "The request line is malformed.")
    method, target = parts[0].decode("latin-1"), parts[1].decode("latin-1")
    headers = _read_headers(lines)
    if method not in VERBS:
        raise BadRequest(405, f"The HTTP method is not one of {', '.join(sorted(VERBS))}.")
    if target.startswith(("http://", "https://")):
        target = "/" + target.split("/", 3)[-1]
    path, _, query = target.partition("?")
    return Head(
        method,
        unquote(path),
        dict(parse_qsl(query, keep_blank_values=True)),
        headers,
        _host(headers),
        _length(headers),
        close=parts[2] == b"HTTP/1.0" or headers.get("connection", "").lower() == "close",
    )


def _read_headers(lines: list[bytes]) -> dict[str, str]:
    if len(lines) > _HEADERS:
        raise BadRequest(431, "The request has too many headers.")
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(b":")
        key, text = _key(name), value.strip().decode("latin-1")
        if not colon or not key:
            raise BadRequest(400, "A header is malformed.")
        headers[key] = _joined(key, headers[key], text) if key in headers else text
    return headers


@lru_cache(maxsize=512)
def _key(name: bytes) -> str:
    """A header's name in lower case; nothing for what is none."""
    return name.decode("ascii").lower() if _TOKEN.fullmatch(name) else ""


def _joined(name: str, first: str, second: str) -> str:
    if name in {"content-length", "host"} and first != second:
        raise BadRequest(400, f"The header {name} is given twice.")
    return first if first == second else f"{first}, {second}"


def _length(headers: Mapping[str, str]) -> int:
    coding, text = headers.get("transfer-encoding"), headers.get("content-length")
    if coding is not None:
        if text is not None or coding.lower() != "chunked":
            raise BadRequest(400, "The length of the body is given twice, or in a coding that is not supported.")
        return -1
    if text is None:
        return 0
    if not _LENGTH.fullmatch(text):
        raise BadRequest(400, "The Content-Length header is invalid.")
    return int(text)


def _host(headers: Mapping[str, str]) -> str:
    named = headers.get("host", "")
    if named and not _HOST.fullmatch(named):
        raise BadRequest(400, "The Host header is invalid.")
    return named


class Body:
    """The body of one request: never reads past its end, and knows what is left."""

    __slots__ = ("_source", "left")

    def __init__(self, source: Stream, length: int) -> None:
        self._source = source
        self.left = length

    def read(self, size: int) -> bytes:
        wanted = min(size, self.left)
        try:
            piece = self._source.read(wanted) if wanted else b""
        except OSError:  # the caller is gone, or silent for too long
            piece = b""
        self.left -= len(piece)
        if len(piece) < wanted:
            self.left = 0
            raise Refusal(400, "BadRequest", "The request body ends early.")
        return piece


def dechunked(source: Source, spool: BinaryIO) -> Body:
    """A body in chunks, put together in `spool`."""
    total = 0
    while True:
        size = source.line(80).split(b";")[0].strip()
        if not _CHUNK.fullmatch(size):
            raise BadRequest(400, "The chunked body is malformed.")
        left = int(size, 16)
        if not left:
            break
        total += left
        while left:
            piece = source.read(min(left, 1 << 20))
            if not piece:
                raise BadRequest(400, "The chunked body ends early.")
            spool.write(piece)
            left -= len(piece)
        source.line(4)
    while source.line(1024).strip():  # trailers
        pass
    spool.seek(0)
    return Body(spool, total)


def head_of(reply: Reply, banner: str, length: int | None, *, close: bool) -> bytes:
    """The head of a reply; without `length` its body comes in chunks."""
    lines = [f"HTTP/1.1 {reply.status} {_REASONS.get(reply.status, 'Unknown')}", f"Server: {banner}", _date()]
    lines += [f"{name}: {value}" for name, value in reply.headers.items()]
    if reply.body is not None:
        lines.append(f"Content-Type: {_media(reply.media)}")
    if length is None:
        lines.append("Transfer-Encoding: chunked")
    elif reply.status != HTTPStatus.NO_CONTENT:
        lines.append(f"Content-Length: {length}")
    if close:
        lines.append("Connection: close")
    text = "\n".join(lines)
    if "\r" in text or text.count("\n") != len(lines) - 1:  # a value may come from the caller
        text = "\n".join(re.sub(r"[\r\n]", " ", line) for line in lines)
    return text.replace("\n", "\r\n").encode("latin-1", "replace") + b"\r\n\r\n"


def content_of(reply: Reply) -> bytes | Iterator[bytes]:
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


def _date() -> str:
    return _date_of(int(SystemClock().now().timestamp()))


@lru_cache(maxsize=2)
def _date_of(second: int) -> str:
    return f"Date: {formatdate(second, usegmt=True)}"


def error(status: int, message: str) -> Reply:
    """What is said of a request that could not be understood."""
    code = "MethodNotAllowed" if status == HTTPStatus.METHOD_NOT_ALLOWED else "BadRequest"
    body: dict[str, Any] = {"error": {"code": code, "message": message}}
    return Reply(status, body)
