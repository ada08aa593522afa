"""One pool of connections for everything but the openai SDK: traced, without retries, cookies and .netrc of its own."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

from ftctl.catalog.clouds import Cloud
from ftctl.clients.errors import AzureError, no_answer, to_error
from ftctl.clients.trace import Trace

CONNECT_SECONDS = 10.0
READ_SECONDS = 60.0
_POOL = 32
_REDIRECT = 300
_REQUEST_IDS = ("x-ms-request-id", "apim-request-id", "x-request-id", "x-ms-correlation-request-id")

# What the SDKs would write to stderr as warnings comes as our errors, in our words.
for _name in ("azure", "msal", "openai", "httpx2", "urllib3"):
    logging.getLogger(_name).addHandler(logging.NullHandler())


def request_id(headers: Mapping[str, str]) -> str:
    return next((headers[name] for name in _REQUEST_IDS if headers.get(name)), "")


class _TracedAdapter(HTTPAdapter):
    """Sees each call of the pool, whoever makes it."""

    def __init__(self, trace: Trace) -> None:
        self._trace = trace
        super().__init__(pool_connections=_POOL, pool_maxsize=_POOL, max_retries=0)

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        started = time.perf_counter()
        facts: dict[str, Any] = {"method": request.method or "", "url": request.url or "", "started": started}
        try:
            response = super().send(request, *args, **kwargs)
        except requests.RequestException as error:
            self._trace.record(**facts, failure=type(error).__name__)
            raise
        self._trace.record(**facts, status=response.status_code, request_id=request_id(response.headers))
        return response


class Http:
    """Sends requests to one cloud. Safe to share between threads."""

    def __init__(self, cloud: Cloud, trace: Trace) -> None:
        self.trace = trace
        self.verify: str | bool = cloud.verify or True
        self.session = requests.Session()
        self.session.auth = _as_it_is  # else requests puts the machine's .netrc in place of our token
        self.session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self.session.headers["User-Agent"] = "ftctl"
        for scheme in ("https://", "http://"):
            self.session.mount(scheme, _TracedAdapter(trace))

    def close(self) -> None:
        self.session.close()

    def send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        json: Any = None,
        stream: bool = False,
    ) -> requests.Response:
        """The answer, if it is a good one; raises AzureError otherwise. Never retries, never follows a redirect.

        `verify` goes along with each call: a session's own would give way to REQUESTS_CA_BUNDLE.
        """
        try:
            response = self.session.request(
                method,
                url,
                headers=dict(headers or {}),
                params=dict(params or {}),
                json=json,
                stream=stream,
                timeout=(CONNECT_SECONDS, READ_SECONDS),
                verify=self.verify,
                allow_redirects=False,
            )
            if response.status_code >= _REDIRECT:
                raise to_error(response.status_code, response.headers, response.content, method=method, url=url)
        except requests.RequestException as error:
            raise failure(error, method=method, url=url) from None
        return response


def body(response: requests.Response, *, method: str = "GET") -> dict[str, Any]:
    """The JSON object of an answer, empty for an empty one."""
    if not response.content:
        return {}
    try:
        doc = response.json()
    except ValueError:
        doc = None
    if not isinstance(doc, dict):
        raise senseless(response.url or "", method=method)
    return doc


def pieces(response: requests.Response, *, size: int = 1 << 16) -> Iterator[bytes]:
    """The body of a streamed answer, piece by piece."""
    try:
        with response:
            yield from response.iter_content(size)
    except requests.RequestException as error:
        raise failure(error, method="GET", url=response.url or "") from None


def senseless(url: str, *, method: str) -> AzureError:
    return no_answer("FT2024", f"{host(url)} sent no JSON object.", method=method, sent=True)


def host(url: str) -> str:
    return url.split("/")[2].rpartition("@")[2] if "://" in url else url


def failure(error: BaseException, *, method: str, url: str) -> AzureError:
    """The error for a call that broke before it was answered whole."""
    where = host(url)
    if isinstance(error, requests.exceptions.SSLError) and "EOF" not in str(error):  # that is a broken connection
        return no_answer("FT2021", f"The certificate of {where} is not trusted.", method=method, sent=False)
    if isinstance(error, requests.exceptions.ReadTimeout):
        return no_answer("FT2022", f"{where} did not answer in time.", method=method, sent=True)
    if isinstance(error, requests.exceptions.ConnectTimeout | requests.exceptions.ProxyError) or _unsent(error):
        return no_answer("FT2020", f"{where} cannot be reached.", method=method, sent=False)
    return no_answer("FT2023", f"The connection to {where} broke before the answer came.", method=method, sent=True)


def _unsent(error: BaseException) -> bool:
    """Whether the connection never stood (requests wraps urllib3's reason two deep)."""
    inner: Any = error.args[0] if error.args else None
    reason = getattr(inner, "reason", inner)
    invalid = isinstance(error, requests.exceptions.InvalidURL | requests.exceptions.InvalidSchema)
    return invalid or isinstance(reason, NewConnectionError | ConnectTimeoutError)


def _as_it_is(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request
