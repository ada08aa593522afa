"""Signing in from GitHub Actions: Entra takes the workflow's own token, and a new one each time, for hours."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from ftctl.clients.http import Http

_AUDIENCES = {"usgov": "api://AzureADTokenExchangeUSGov", "china": "api://AzureADTokenExchangeChina"}
_AUDIENCE = "api://AzureADTokenExchange"
_OTHERS = ("AZURE_CLIENT_SECRET", "AZURE_CLIENT_CERTIFICATE_PATH", "AZURE_FEDERATED_TOKEN_FILE")
_SECONDS = 30


class Workflow(NamedTuple):
    """An identity of Entra's that trusts a workflow, and where that gets a token of its own."""

    tenant: str
    client: str
    url: str
    key: str

    def __repr__(self) -> str:
        return f"Workflow({self.tenant}, {self.client})"

    def assertion(self, http: Http, cloud: str) -> Callable[[], str]:
        """What gets the workflow's token, which lasts some minutes: so it is asked for whenever one is needed."""
        return lambda: self._token(http, _AUDIENCES.get(cloud, _AUDIENCE))

    def _token(self, http: Http, audience: str) -> str:
        from azure.identity import CredentialUnavailableError  # noqa: PLC0415  already imported

        reply = http.session.get(
            self.url,
            params={"audience": audience},
            headers={"Authorization": f"Bearer {self.key}"},
            timeout=_SECONDS,
            verify=True,  # GitHub's certificate, whatever the cloud's is
            allow_redirects=False,
        )
        token = _value(reply.json()) if reply.ok else ""
        if not token:
            raise CredentialUnavailableError(f"GitHub gave this workflow no token (HTTP {reply.status_code}).")
        return token


def workflow_of(environ: Mapping[str, str]) -> Workflow | None:
    """The identity of the workflow in which this runs, if it has one and no other way to sign in was set up."""
    names = ("AZURE_TENANT_ID", "AZURE_CLIENT_ID", "ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN")
    found = [environ.get(name, "") for name in names]
    return Workflow(*found) if all(found) and not any(environ.get(name) for name in _OTHERS) else None


def _value(answer: object) -> str:
    return str(answer.get("value") or "") if isinstance(answer, dict) else ""
