"""The openai SDK, unmodified, against one account: built, traced, without its retries, and its errors made ours."""

from __future__ import annotations

import os
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx2
import openai

from ftctl.catalog.clouds import Cloud
from ftctl.clients.errors import AzureError, no_answer, to_error
from ftctl.clients.http import CONNECT_SECONDS, READ_SECONDS, request_id
from ftctl.clients.trace import Trace

UPLOAD_SECONDS = 900.0
_CA_VARIABLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")


def build(base_url: str, token: Callable[[], str], cloud: Cloud, trace: Trace) -> openai.OpenAI:
    """A client of the v1 route. Organisation and project are OpenAI's own; the environment's do not reach Azure."""
    client = openai.OpenAI(
        base_url=base_url,
        api_key=token,
        max_retries=0,
        http_client=httpx2.Client(
            verify=_trust(cloud),
            timeout=httpx2.Timeout(READ_SECONDS, connect=CONNECT_SECONDS),
            event_hooks={"request": [_begin], "response": [_end(trace)]},
        ),
    )
    client.organization = None
    client.project = None
    return client


def upload_timeout() -> httpx2.Timeout:
    return httpx2.Timeout(UPLOAD_SECONDS, connect=CONNECT_SECONDS)


@contextmanager
def as_ours(trace: Trace, *, method: str = "POST") -> Iterator[None]:
    """Turns what the SDK or its transport raises into AzureError, and traces a call that brought no answer."""
    try:
        yield
    except openai.APIStatusError as error:
        answer = error.response
        raise to_error(
            answer.status_code, answer.headers, _text(answer), method=method, url=str(answer.request.url)
        ) from None
    except openai.APIConnectionError as error:
        raise _lost(error.__cause__ or error, error.request, method, trace) from None
    except httpx2.HTTPError as error:  # while a stream is read
        raise _lost(error, getattr(error, "_request", None), method, trace) from None
    except openai.APIError as error:  # an error inside a stream
        raise to_error(400, {}, str(error.message), method=method, url=str(error.request.url)) from None


def raw(answer: Any) -> dict[str, Any]:
    """The JSON object of an SDK's raw response."""
    response = answer.http_response
    try:
        doc = response.json()
    except ValueError:
        doc = None
    if not isinstance(doc, dict):
        host = response.request.url.host
        raise no_answer("FT2024", f"{host} sent no JSON object.", method=response.request.method, sent=True)
    return doc


def _trust(cloud: Cloud) -> ssl.SSLContext:
    """The same certificates that requests trusts, so that both halves of a run meet the same proxy alike."""
    file = cloud.verify or next((os.environ[name] for name in _CA_VARIABLES if os.environ.get(name)), None)
    if file is None:
        return httpx2.create_ssl_context()
    return ssl.create_default_context(cafile=None if os.path.isdir(file) else file, capath=file)  # noqa: PTH112  no Path is at hand


def _begin(request: httpx2.Request) -> None:
    request.extensions["ftctl_started"] = time.perf_counter()


def _end(trace: Trace) -> Callable[[httpx2.Response], None]:
    def record(response: httpx2.Response) -> None:
        request = response.request
        trace.record(
            method=request.method,
            url=str(request.url),
            started=request.extensions["ftctl_started"],
            status=response.status_code,
            request_id=request_id(response.headers),
        )

    return record


def _lost(error: BaseException, request: httpx2.Request | None, method: str, trace: Trace) -> AzureError:
    host = "the service"
    if request is not None:
        host = request.url.host
        started = request.extensions.get("ftctl_started", time.perf_counter())
        trace.record(method=method, url=str(request.url), started=started, failure=type(error).__name__)
    if isinstance(error, httpx2.ConnectError) and "CERTIFICATE" in str(error).upper():
        return no_answer("FT2021", f"The certificate of {host} is not trusted.", method=method, sent=False)
    if isinstance(error, httpx2.ConnectError | httpx2.ConnectTimeout | httpx2.PoolTimeout | httpx2.ProxyError):
        return no_answer("FT2020", f"{host} cannot be reached.", method=method, sent=False)
    if isinstance(error, httpx2.TimeoutException):
        return no_answer("FT2022", f"{host} did not answer in time.", method=method, sent=True)
    return no_answer("FT2023", f"The connection to {host} broke before the answer came.", method=method, sent=True)


def _text(answer: httpx2.Response) -> bytes:
    try:
        return answer.read()
    except (httpx2.HTTPError, httpx2.StreamError):
        return b""
