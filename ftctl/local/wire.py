"""What a handler sees and gives: a request, a reply or a refusal; and the table of routes."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from ftctl.local.azure import Azure
    from ftctl.local.identity import Principal

JSON_LIMIT = 16 * 1024 * 1024


class Plane(StrEnum):
    """Which of Azure's services a route belongs to: how its callers sign in, and the shape of its errors."""

    ARM = "arm"
    DATA = "data"
    ENTRA = "entra"
    GRAPH = "graph"
    OPEN = "open"


class Stream(Protocol):
    """Where bytes come from."""

    def read(self, size: int, /) -> bytes: ...


class Refusal(Exception):
    """The one error a handler raises. The adapter writes it in the shape of the route's plane."""

    def __init__(self, status: int, code: str, message: str, **extra: Any) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers: dict[str, str] = extra.pop("headers", {})
        self.extra = extra


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: `body` is JSON, bytes, an iterator of bytes (streamed), or None for an empty one."""

    status: int = 200
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    media: str = "application/json"


@dataclass(slots=True)
class Request:
    """One call. `path` is without query, `names` holds what the route's pattern matched."""

    azure: Azure
    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]  # names in lower case
    stream: Stream
    length: int
    base_url: str  # scheme://host:port the caller used
    names: dict[str, str] = field(default_factory=dict)
    principal: Principal | None = None
    account: dict[str, Any] | None = None  # the account's stored body, on the data plane
    caller: str = "127.0.0.1"  # where the call comes from
    whole_path: str = ""  # with what names the account before it, on the data plane

    def json(self) -> dict[str, Any]:
        """The body as a JSON object; a refusal when it is none."""
        if self.length > JSON_LIMIT:
            raise Refusal(413, "RequestEntityTooLarge", "The request body is too large.")
        raw = self.stream.read(self.length) if self.length else b""
        try:
            body = json.loads(raw or b"null", parse_constant=_refuse_constant)
            if self.account is not None and b"\\u" in raw:  # the data plane takes text alone, no halves of a character
                json.dumps(body, ensure_ascii=False).encode()
        except (ValueError, RecursionError):
            raise Refusal(
                400, "InvalidRequestContent", "The request content was invalid and could not be deserialized."
            ) from None
        if not isinstance(body, dict):
            raise Refusal(400, "InvalidRequestContent", "The request content was invalid: an object is expected.")
        return body

    def optional_json(self) -> dict[str, Any]:
        """The body as a JSON object, empty where there is none."""
        return self.json() if self.length else {}


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


Handler = Callable[[Request], Reply]


@dataclass(frozen=True, slots=True)
class Route:
    """A method and path that somebody answers, and the right that it takes.

    `action` is an ARM action, or on the data plane a data action, as role definitions list them; empty for none.
    """

    method: str
    pattern: str
    plane: Plane
    action: str
    handler: Handler
    name: str

    def compiled(self) -> re.Pattern[str]:
        """Placeholders `{name}` match one segment, `{name:path}` the rest; ARM and data paths are case-insensitive."""
        expression = re.sub(r"\{(\w+):path\}", r"(?P<\1>.+)", self.pattern)
        expression = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", expression)
        return re.compile(expression, re.IGNORECASE)


ROUTES: list[Route] = []


def route(method: str, pattern: str, *, plane: Plane, action: str = "") -> Callable[[Handler], Handler]:
    """Register a handler. A pattern may be given for several routes by stacking the decorator."""

    def register(handler: Handler) -> Handler:
        ROUTES.append(
            Route(
                method, pattern, plane, action, handler, f"{handler.__module__.rpartition('.')[2]}.{handler.__name__}"
            )
        )
        return handler

    return register


def refused(plane: Plane, refusal: Refusal, *, v1: bool, when: str, trace: str) -> Reply:
    """The reply that says no, in the shape of its plane; `v1` is the data plane's undated route."""
    error: dict[str, Any] = {"code": refusal.code, "message": refusal.message}
    body: dict[str, Any] = {"error": error}
    if plane is Plane.ENTRA:
        body = {"error": refusal.code, "error_description": f"{refusal.message} Trace ID: {trace} Timestamp: {when}"}
        body |= {"error_codes": [], "timestamp": when, "trace_id": trace, "correlation_id": trace} | refusal.extra
    elif plane is Plane.GRAPH:
        error["innerError"] = {"date": when, "request-id": trace, "client-request-id": trace}
    elif v1:
        error |= {"param": None, "type": None} | refusal.extra
    else:
        error |= refusal.extra
    return Reply(refusal.status, body, refusal.headers)


def chunks(stream: Stream, length: int, size: int = 1 << 20) -> Iterator[bytes]:
    """`length` bytes of `stream`, piece by piece; stops early when the caller hangs up."""
    left = length
    while left > 0:
        piece = stream.read(min(size, left))
        if not piece:
            return
        left -= len(piece)
        yield piece
