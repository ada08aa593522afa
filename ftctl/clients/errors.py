"""The one error of the clients: what Azure answered, turned into what happened, why, and what to do."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ftctl.clients.explain import explain, plain
from ftctl.clients.redact import scrub
from ftctl.clients.retry_after import seconds_to_wait
from ftctl.core.codes import CODES
from ftctl.core.errors import Exit, FtctlError, Problem

_IDS = ("x-ms-correlation-request-id", "x-ms-request-id", "apim-request-id", "x-request-id")
_READS = frozenset({"GET", "HEAD", "OPTIONS"})
SERVER_FAULT = 500
REQUEST_TIMEOUT = 408


class AzureError(FtctlError):
    """A call to Azure that did not give what was asked.

    `status` is 0 where no answer came. `service_code` is Azure's own word. `ambiguous` says that a write may or may
    not have happened. `retry_after` is how many seconds the service asks to wait, None where it does not say.
    """

    def __init__(
        self,
        problem: Problem,
        *,
        status: int = 0,
        service_code: str = "",
        ambiguous: bool = False,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(problem)
        self.status = status
        self.service_code = service_code
        self.ambiguous = ambiguous
        self.retry_after = retry_after

    @property
    def problem(self) -> Problem:
        return self.problems[0]

    @property
    def code(self) -> str:
        return self.problem.code

    @property
    def missing(self) -> bool:
        """What was asked for does not exist."""
        return self.status == 404 and self.code in {"FT2101", "FT2200"}  # noqa: PLR2004  HTTP's own number

    @property
    def permission(self) -> bool:
        """A matter of sign-in or rights: after a fresh role assignment it may pass by itself."""
        return CODES[self.code].exit is Exit.PERMISSION


@dataclass(frozen=True, slots=True)
class Fault:
    """An error body, whichever service wrote it."""

    code: str = ""
    message: str = ""
    inner: str = ""


def to_error(status: int, headers: Mapping[str, str], body: bytes | str, *, method: str, url: str) -> AzureError:
    """The error for an answer of status 400 and above (or a redirect that nobody should follow)."""
    fault = parse(body)
    lowered = {name.lower(): value for name, value in headers.items()}
    problem = explain(status, fault.code, fault.inner, fault.message, method=method, url=url)
    correlation = next((lowered[name] for name in _IDS if lowered.get(name)), "")
    return AzureError(
        replace(problem, correlation=correlation),
        status=status,
        service_code=fault.code or fault.inner,
        ambiguous=method not in _READS and (status >= SERVER_FAULT or status == REQUEST_TIMEOUT),
        retry_after=seconds_to_wait(lowered, fault.message),
    )


def no_answer(code: str, what: str, *, method: str, sent: bool) -> AzureError:
    """The error for a call that brought no answer; `sent` where the service may have got the request."""
    return AzureError(plain(code, scrub(what)), ambiguous=sent and method not in _READS)


def parse(body: bytes | str) -> Fault:
    """What an error body says, in any of the shapes of ARM, data plane, gateway, Entra and Graph."""
    text = body.decode("utf-8", "replace") if isinstance(body, bytes) else body
    try:
        doc = json.loads(text or "null")
    except (ValueError, RecursionError):
        return Fault(message="" if "<" in text[:200] else text)
    return _fault(doc) if isinstance(doc, dict) else Fault(message=str(doc or ""))


def _fault(doc: Mapping[str, Any]) -> Fault:
    error = doc.get("error", doc)
    if isinstance(error, str):  # Entra: the error is the code, its description stands beside it
        return Fault(error, str(doc.get("error_description") or ""))
    if not isinstance(error, dict):
        return Fault(message=str(doc.get("message") or ""))
    inner = error.get("innererror") or error.get("inner_error") or error.get("innerError")
    code = error.get("code") or doc.get("code") or error.get("statusCode") or ""
    return Fault(
        str(code),
        _message(error),
        str(inner.get("code") or "") if isinstance(inner, dict) else "",
    )


def _message(error: Mapping[str, Any]) -> str:
    """The message, with that of a single detail where it alone says what is wrong."""
    message = str(error.get("message") or error.get("Message") or "")
    details = error.get("details")
    if isinstance(details, list):
        more = [str(d["message"]) for d in details if isinstance(d, dict) and d.get("message")]
        message = " ".join([message, *(text for text in more if text not in message)])
    return message.strip()
