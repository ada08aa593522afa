"""Signing in: tokens for all clients from one cache, by azure-identity."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple

from ftctl.catalog.clouds import Cloud, Identity
from ftctl.clients.errors import AzureError
from ftctl.clients.explain import explain, plain
from ftctl.clients.redact import scrub
from ftctl.clients.whoami import SignedIn, signed_in
from ftctl.clients.workflow_identity import workflow_of
from ftctl.core.clock import Clock, SystemClock

if TYPE_CHECKING:
    from ftctl.clients.http import Http
    from ftctl.clients.retry import Retry

EARLY = timedelta(minutes=5)


class Token(NamedTuple):
    """A bearer token and when it ends, in the shape azure-core wants. Its repr shows no token."""

    token: str
    expires_on: int
    token_type: str = "Bearer"  # noqa: S105  the type's name, not a secret
    refresh_on: int | None = None

    def __repr__(self) -> str:
        return f"Token(expires_on={self.expires_on})"


@dataclass(slots=True)
class _Seat:
    """One scope's token; whoever holds the lock fetches it, the others wait for it."""

    lock: Lock
    token: Token | None = None


class Credentials:
    """Tokens of one cloud, and the credential object that Azure's own SDKs take. Safe to share between threads.

    A token is used until five minutes before its end. That is measured on the system's clock, like the token itself.
    """

    def __init__(self, cloud: Cloud, http: Http, retry: Retry, *, clock: Clock | None = None) -> None:
        self._cloud = cloud
        self._http = http
        self._retry = retry
        self._clock = clock or SystemClock()
        self._lock = Lock()
        self._seats: dict[str, _Seat] = {}
        self._source: Any = None

    def __repr__(self) -> str:
        return f"Credentials({self._cloud.name})"

    def token(self, scope: str) -> str:
        """A bearer token; raises AzureError FT2001 when not signed in, FT2002 when sign-in is refused."""
        return self._token(scope).token

    def who(self, scope: str) -> SignedIn:
        """Who is signed in, as the token for a scope says it."""
        token = self._token(scope)
        return signed_in(token.token, token.expires_on - self._clock.now().timestamp())

    def get_token(self, *scopes: str, claims: str | None = None, **_: Any) -> Token:
        """azure-core's older protocol."""
        return self._token(scopes[0], claims=claims)

    def get_token_info(self, *scopes: str, options: Any = None) -> Token:
        """azure-core's newer protocol."""
        return self._token(scopes[0], claims=(options or {}).get("claims"))

    def _token(self, scope: str, *, claims: str | None = None) -> Token:
        with self._lock:
            seat = self._seats.setdefault(scope, _Seat(Lock()))
        with seat.lock:
            if seat.token is None or claims or self._is_old(seat.token):
                seat.token = self._retry(lambda: self._fetch(scope, claims), idempotent=True)
            return seat.token

    def _is_old(self, token: Token) -> bool:
        return (self._clock.now() + EARLY).timestamp() >= token.expires_on

    def _fetch(self, scope: str, claims: str | None) -> Token:
        from azure.core.exceptions import AzureError as SdkError  # noqa: PLC0415  costs 200 ms

        try:
            found = self._signed_in().get_token(scope, **({"claims": claims} if claims else {}))
        except SdkError as error:
            raise _refused(error, self._cloud) from None
        except ValueError as error:  # a tenant or authority that is none
            raise _not_signed_in(str(error)) from None
        return Token(found.token, found.expires_on)

    def _signed_in(self) -> Any:
        with self._lock:
            if self._source is None:
                self._source = _source(self._cloud, self._http)
            return self._source


def _source(cloud: Cloud, http: Http) -> Any:
    """azure-identity's credential, on our pool of connections."""
    from azure.core.pipeline.transport import RequestsTransport  # noqa: PLC0415  costs 90 ms
    from azure.identity import (  # noqa: PLC0415  costs 200 ms
        ClientAssertionCredential,
        ClientSecretCredential,
        DefaultAzureCredential,
    )

    transport = RequestsTransport(session=http.session, session_owner=False, connection_verify=http.verify)
    common: dict[str, Any] = {
        "authority": cloud.authority,
        "disable_instance_discovery": not cloud.known_authority,
        "transport": transport,
    }
    match cloud.identity:
        case Identity(tenant, client, secret):
            return ClientSecretCredential(tenant, client, secret, retry_total=0, **common)
        case None if workflow := workflow_of(os.environ):
            told = workflow.assertion(http, cloud.name)
            return ClientAssertionCredential(workflow.tenant, workflow.client, told, retry_total=0, **common)
        case None:
            if cloud.name != "public":  # workload identity reads the authority from here alone
                os.environ.setdefault("AZURE_AUTHORITY_HOST", cloud.authority)
            return DefaultAzureCredential(exclude_interactive_browser_credential=True, **common)


def _refused(error: Any, cloud: Cloud) -> AzureError:
    """What azure-identity's exception means."""
    from azure.core.exceptions import ServiceRequestError, ServiceResponseError  # noqa: PLC0415  already imported
    from azure.identity import CredentialUnavailableError  # noqa: PLC0415  already imported

    from ftctl.clients.http import failure  # noqa: PLC0415  already imported

    for cause in _causes(error):
        if isinstance(cause, ServiceRequestError | ServiceResponseError):
            # A token request is a POST, but asking twice does no harm: it counts as a read.
            return failure(cause.inner_exception or cause, method="GET", url=cloud.authority)
    if isinstance(error, CredentialUnavailableError) or "DefaultAzureCredential failed" in str(error):
        return _not_signed_in(_tried(str(error)))
    status = getattr(getattr(error, "response", None), "status_code", 0) or 0
    if status >= 500 or status == 429:  # noqa: PLR2004  HTTP's own numbers
        return AzureError(explain(status, "", message=str(error), method="GET", url=cloud.authority), status=status)
    return AzureError(plain("FT2002", scrub(_first_sentence(str(error)))), status=status or 401)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """An exception and those it was raised in answer to: azure-identity hides a broken connection two deep."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _not_signed_in(reason: str) -> AzureError:
    return AzureError(plain("FT2001", scrub(f"Not signed in to Azure: {reason}")), status=401)


def _tried(message: str) -> str:
    """Which of the ways of DefaultAzureCredential were tried, out of its long message."""
    ways = [line.strip().partition(":")[0] for line in message.splitlines() if "Credential:" in line]
    return f"tried {', '.join(ways)}." if ways else _first_sentence(message)


def _first_sentence(message: str) -> str:
    """Entra's own sentence, without the trace ids that follow it."""
    lines = message.strip().splitlines() or ["no reason given"]
    return lines[0].partition(" Trace ID:")[0]
