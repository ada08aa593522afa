"""HTTP/1.1 as bytes: the head and body of a request in, the head and body of a reply out.

The standard library's own reads a request's head as an e-mail, which takes longer than most answers do.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus
from io import RawIOBase
from typing import Any, BinaryIO, cast
from urllib.parse import parse_qsl

from ftctl.core.clock import SystemClock
from ftctl.local.wire import Refusal, Reply

VERBS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))
_LINE, _HEADERS = 1 << 16, 100  # bytes of a line, and how many headers
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


@dataclass(frozen=True, slots=True)
class Head:
    """What stands before a request's body. Names of headers are in lower case; `length` is -1 for a body in chunks."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    length: int
    close: bool


def read_head(source: BinaryIO) -> Head | None:
    """The head of the next request; None where the caller has gone."""
    line = source.readline(_LINE + 1)
    if line in {b"\r\n", b"\n"}:  # some clients end a body with an empty line that is not counted
        line = source.readline(_LINE + 1)
    if not line:
        return None
    if len(line) > _LINE:
        raise BadRequest(414, "The request line is too long.")
    parts = line.split()
    if len(parts) != 3 or not parts[2].startswith(b"HTTP/1."):  # noqa: PLR2004  method, target, version
        raise BadRequest(400, "The request line is malformed.")
    method, target = parts[0].decode("latin-1"), parts[1].decode("latin-1")
    headers = _read_headers(source)
    if method not in VERBS:
        raise BadRequest(405, f"The HTTP method is not one of {', '.join(sorted(VERBS))}.")
    if target.startswith(("http://", "https://")):
        target = "/" + target.split("/", 3)[-1]
    path, _, query = target.partition("?")
    close = parts[2] == b"HTTP/1.0" or headers.get("connection", "").lower() == "close"
    return Head(method, path, query, headers, _length(headers), close)


def _read_headers(source: BinaryIO) -> dict[str, str]:
    headers: dict[str, str] = {}
    for _ in range(_HEADERS + 1):
        line = source.readline(_LINE + 1)
        if line in {b"\r\n", b"\n"}:
            return headers
        if not line.endswith(b"\n"):
            raise BadRequest(431 if len(line) > _LINE else 400, "The headers are too long or end early.")
        name, colon, value = line.partition(b":")
        key, text = _key(name), value.strip().decode("latin-1")
        if not colon or not key:
            raise BadRequest(400, "A header is malformed.")
        if key in headers:
            text = _joined(key, headers[key], text)
        headers[key] = text
    raise BadRequest(431, "The request has too many headers.")


@lru_cache(maxsize=512)
def _key(name: bytes) -> str:
    """A header's name in lower case; nothing for what is none."""
    return name.decode("ascii").lower() if _TOKEN.fullmatch(name) else ""


def _joined(name: str, first: str, second: str) -> str:
    if name in {"content-length", "host"} and first != second:
        raise BadRequest(400, f"The header {name} is given twice.")
    return first if first == second else f"{first}, {second}"


def _length(headers: dict[str, str]) -> int:
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


def host(headers: dict[str, str], own: str) -> str:
    """The address that the caller used, and so the one that addresses in answers begin with."""
    named = headers.get("host") or own
    if not _HOST.fullmatch(named):
        raise BadRequest(400, "The Host header is invalid.")
    return named


@lru_cache(maxsize=256)
def query_of(text: str) -> tuple[tuple[str, str], ...]:
    return tuple(parse_qsl(text, keep_blank_values=True))


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


def dechunked(source: BinaryIO, spool: BinaryIO) -> Body:
    """A body in chunks, put together in `spool`."""
    total = 0
    while True:
        size = source.readline(80).split(b";")[0].strip()
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
        source.readline(4)
    while source.readline(1024).strip():  # trailers
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
