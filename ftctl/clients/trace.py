"""What `--trace` shows: one line for every HTTP call of every client, without secrets and bodies."""

from __future__ import annotations

import re
import time
from contextvars import ContextVar
from dataclasses import dataclass
from threading import Lock
from typing import TextIO
from urllib.parse import urlsplit

from ftctl.clients.redact import scrub_url
from ftctl.core import spans

_REFUSED = 400
_ID = re.compile(r"(?i)[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[a-z]+-[0-9a-f]{16,}")
# What comes after these words in a path is a name, of that kind.
_NAMED = {
    "subscriptions": "subscription", "resourcegroups": "group", "accounts": "account", "deployments": "deployment",
    "deletedaccounts": "account", "cognitiveservices": "account",
    "locations": "location", "operationresults": "operation", "files": "file",
    "jobs": "job", "uploads": "upload", "models": "model", "roleassignments": "assignment",
    "roledefinitions": "definition", "groups": "group", "users": "user", "serviceprincipals": "principal",
}  # fmt: skip

ATTEMPT: ContextVar[int] = ContextVar("ATTEMPT", default=1)
"""Which attempt of a call is being made; `retry` sets it."""


@dataclass(frozen=True, slots=True)
class Call:
    """One HTTP call that was answered, or (`status` 0) was not, and then why."""

    method: str
    url: str
    status: int
    milliseconds: float
    request_id: str = ""
    attempt: int = 1
    failure: str = ""

    def __str__(self) -> str:
        outcome = str(self.status) if self.status else f"no answer ({self.failure})"
        again = f" attempt {self.attempt}" if self.attempt > 1 else ""
        return f"{self.method} {self.url} {outcome} {self.milliseconds:.0f} ms{again} {self.request_id}".rstrip()


class Trace:
    """Counts calls, and writes a line for each where it has an `out`. Safe to share between threads."""

    def __init__(self, out: TextIO | None = None) -> None:
        self._out = out
        self._lock = Lock()
        self._start = time.perf_counter()
        self.count = 0

    def record(
        self,
        *,
        method: str,
        url: str,
        started: float,
        status: int = 0,
        request_id: str = "",
        failure: str = "",
    ) -> None:
        """Take note of a call that began at `started` (of time.perf_counter) and is over now."""
        now = time.perf_counter()
        call = Call(method, scrub_url(url), status, (now - started) * 1000, request_id, ATTEMPT.get(), failure)
        with self._lock:
            self.count += 1
            if self._out:
                self._out.write(f"{started - self._start:8.3f} {call}\n")
                self._out.flush()
        if spans.heard():
            _span(call)


def _span(call: Call) -> None:
    """The call for those who listen to spans: where it went without names and query, and how it was answered."""
    url = urlsplit(call.url)
    path = template(url.path)
    facts = {
        "http.request.method": call.method,
        "url.template": path,
        "server.address": url.hostname,
        "server.port": url.port,
        "http.response.status_code": call.status or None,
        "http.request.resend_count": call.attempt - 1 or None,
        "azure.service.request.id": call.request_id,
    }
    failed = call.failure or (str(call.status) if call.status >= _REFUSED else "")
    spans.past(f"{call.method} {path}", facts, seconds=call.milliseconds / 1000, failed=failed)


def template(path: str) -> str:
    """A path with what is in it by kind in place of names: `/openai/v1/files/{file}`."""
    found: list[str] = []
    for segment in path.split("/"):
        kind = _NAMED.get(found[-1].lower(), "") if found else ""
        found.append(f"{{{kind}}}" if kind and segment else "{id}" if _ID.fullmatch(segment) else segment)
    return "/".join(found)
