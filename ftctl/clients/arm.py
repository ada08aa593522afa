"""Accounts, deployments, deleted accounts, models and usages, through azure-mgmt-cognitiveservices.

The SDK chooses the routes, signs and pages; the JSON stays Azure's own, so that properties the SDK's models do not
know survive a read and a write. Long operations are started, never polled: whoever waits observes again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from threading import Lock
from typing import Any

from azure.core.exceptions import AzureError as SdkError
from azure.core.exceptions import DeserializationError
from azure.core.pipeline import PipelineRequest, PipelineResponse
from azure.core.pipeline.policies import HeadersPolicy, RequestIdPolicy, SansIOHTTPPolicy, UserAgentPolicy
from azure.core.pipeline.transport import RequestsTransport
from azure.mgmt.cognitiveservices import CognitiveServicesManagementClient
from azure.mgmt.core.policies import ARMChallengeAuthenticationPolicy

from ftctl.catalog.clouds import Cloud
from ftctl.clients import ids
from ftctl.clients.auth import Credentials
from ftctl.clients.errors import AzureError, to_error
from ftctl.clients.http import CONNECT_SECONDS, READ_SECONDS, Http, failure, senseless
from ftctl.clients.reads import Reads
from ftctl.clients.retry import Retry

Json = dict[str, Any]
_PARSED = "deserialized_data"  # where azure-core's policies leave a body for the SDK's models
_REFUSED = 300


class _Keep(SansIOHTTPPolicy[Any, Any]):
    """Keeps each answer for us and shows the SDK's models an empty page: they would drop what they do not know."""

    def on_request(self, request: PipelineRequest[Any]) -> None:
        request.context["keep"] = request.context.options.pop("keep")

    def on_response(self, request: PipelineRequest[Any], response: PipelineResponse[Any, Any]) -> None:
        request.context["keep"].append(response.http_response)
        if response.context.options.get("stream") or response.http_response.status_code >= _REFUSED:
            return
        page = _object(response.http_response)
        response.context[_PARSED] = {"value": [], "nextLink": page.get("nextLink")}


class Arm:
    """What Azure Resource Manager knows of Cognitive Services. Ids are ARM ids; all JSON is as Azure writes it.

    Every call raises AzureError, is retried where that is safe, and may be made from several threads.
    """

    def __init__(
        self, cloud: Cloud, http: Http, credentials: Credentials, retry: Retry, reads: Reads | None = None
    ) -> None:
        self._cloud = cloud
        self._http = http
        self._credentials = credentials
        self._retry = retry
        self.reads = reads or Reads()
        self._lock = Lock()
        self._clients: dict[str, CognitiveServicesManagementClient] = {}

    def list_accounts(self, subscription: str) -> list[Json]:
        return self.reads.once(("accounts", subscription), lambda: self._list(self._client(subscription).accounts.list))

    def get_account(self, account: str) -> Json | None:
        """The account of an id, None where there is none."""
        at = ids.parse(account)
        return self._get(self._client(at.subscription).accounts.get, at.group, at.account)

    def put_account(self, account: str, body: Mapping[str, Any]) -> Json:
        """Create or replace; the answer mostly says Creating or Accepted."""
        at = ids.parse(account)
        return self._write(self._client(at.subscription).accounts.begin_create, at.group, at.account, _bytes(body))

    def delete_account(self, account: str) -> None:
        """Soft-delete; one that is not there is as good."""
        at = ids.parse(account)
        self._delete(self._client(at.subscription).accounts.begin_delete, at.group, at.account)

    def list_keys(self, account: str) -> dict[str, str]:
        """The two keys by their names, key1 and key2: secrets, for those alone who asked for them."""
        at = ids.parse(account)
        list_ = self._client(at.subscription).accounts.list_keys
        return _object(self._call("POST", lambda keep: list_(at.group, at.account, keep=keep), idempotent=True)[-1])

    def regenerate_key(self, account: str, name: str) -> None:
        """Make a key anew; who uses the former one is refused from now on. `name` is Key1 or Key2."""
        at = ids.parse(account)
        anew = self._client(at.subscription).accounts.regenerate_key
        self._call("POST", lambda keep: anew(at.group, at.account, name, keep=keep), idempotent=False)

    def list_deleted_accounts(self, subscription: str) -> list[Json]:
        deleted = self._client(subscription).deleted_accounts
        return self.reads.once(("deleted accounts", subscription), lambda: self._list(deleted.list))

    def purge_account(self, subscription: str, location: str, group: str, name: str) -> None:
        """End a soft-deleted account for good."""
        self._delete(self._client(subscription).deleted_accounts.begin_purge, location, group, name)

    def list_deployments(self, account: str) -> list[Json]:
        at = ids.parse(account)
        list_ = self._client(at.subscription).deployments.list
        return self.reads.once(("deployments", account), lambda: self._list(list_, at.group, at.account))

    def get_deployment(self, deployment: str) -> Json | None:
        """The deployment of an id, None where there is none."""
        at = ids.parse(deployment)
        return self._get(self._client(at.subscription).deployments.get, at.group, at.account, at.deployment)

    def put_deployment(self, deployment: str, body: Mapping[str, Any]) -> Json:
        """Create or replace; a fine-tuned model's takes minutes until its state is Succeeded."""
        at = ids.parse(deployment)
        begin = self._client(at.subscription).deployments.begin_create_or_update
        return self._write(begin, at.group, at.account, at.deployment, _bytes(body))

    def patch_deployment(self, deployment: str, body: Mapping[str, Any]) -> Json:
        """Change tags and SKU (its capacity), which is all that a PATCH takes; raises ValueError for anything else."""
        if other := set(body) - {"tags", "sku"}:
            raise ValueError(f"a deployment's PATCH takes tags and sku, not {', '.join(sorted(other))}")
        at = ids.parse(deployment)
        begin = self._client(at.subscription).deployments.begin_update
        return self._write(begin, at.group, at.account, at.deployment, _bytes(body))

    def delete_deployment(self, deployment: str) -> None:
        """Delete; one that is not there is as good."""
        at = ids.parse(deployment)
        self._delete(self._client(at.subscription).deployments.begin_delete, at.group, at.account, at.deployment)

    def list_models(self, subscription: str, location: str) -> list[Json]:
        list_ = self._client(subscription).models.list
        return self.reads.once(("models", subscription, location), lambda: self._list(list_, location))

    def list_usages(self, subscription: str, location: str) -> list[Json]:
        return self._list(self._client(subscription).usages.list, location)

    def _list(self, operation: Callable[..., Iterable[Any]], *at: str) -> list[Json]:
        def all_pages(keep: list[Any]) -> None:
            for _ in operation(*at, keep=keep):
                pass  # the SDK asks for the next page; the items are in what was kept

        answers = self._call("GET", all_pages, idempotent=True)
        return [item for answer in answers for item in _object(answer).get("value") or []]

    def _get(self, operation: Callable[..., Any], *at: str) -> Json | None:
        try:
            answers = self._call("GET", lambda keep: operation(*at, keep=keep), idempotent=True)
        except AzureError as error:
            if error.missing:
                return None
            raise
        return _object(answers[-1])

    def _write(self, operation: Callable[..., Any], *at: Any, method: str = "PUT") -> Json:
        """PUT and PATCH of one body are idempotent: the second finds what the first made."""
        answers = self._call(
            method,
            lambda keep: operation(*at, keep=keep, polling=False, content_type="application/json"),
            idempotent=True,
        )
        return _object(answers[-1])

    def _delete(self, operation: Callable[..., Any], *at: str) -> None:
        try:
            self._call("DELETE", lambda keep: operation(*at, keep=keep, polling=False), idempotent=True)
        except AzureError as error:
            if not error.missing:
                raise

    def _call(self, method: str, make: Callable[[list[Any]], object], *, idempotent: bool) -> list[Any]:
        """The answers of one operation, all of them good ones."""
        return self._retry(lambda: self._attempt(method, make), idempotent=idempotent)

    def _attempt(self, method: str, make: Callable[[list[Any]], object]) -> list[Any]:
        answers: list[Any] = []
        try:
            make(answers)
        except SdkError as error:
            if answers and answers[-1].status_code >= _REFUSED:
                raise _refusal(answers[-1]) from None
            cause: BaseException = getattr(error, "inner_exception", None) or error
            raise failure(cause, method=method, url=self._cloud.arm) from None
        except DeserializationError:
            if not answers:
                raise
        return answers

    def _client(self, subscription: str) -> CognitiveServicesManagementClient:
        with self._lock:
            if subscription not in self._clients:
                self._clients[subscription] = self._build(subscription)
            return self._clients[subscription]

    def _build(self, subscription: str) -> CognitiveServicesManagementClient:
        """Microsoft's client with our pipeline: no retries of its own, and no registering of providers by itself."""
        credential: Any = self._credentials  # of the protocol's shape; its types are azure-core's own
        return CognitiveServicesManagementClient(
            credential,
            subscription,
            base_url=self._cloud.arm,
            credential_scopes=[self._cloud.arm_scope],
            policies=[
                _Keep(),
                RequestIdPolicy(),
                HeadersPolicy(),
                UserAgentPolicy(base_user_agent="ftctl"),
                ARMChallengeAuthenticationPolicy(credential, self._cloud.arm_scope),
            ],
            transport=RequestsTransport(
                session=self._http.session,
                session_owner=False,
                connection_verify=self._http.verify,
                connection_timeout=CONNECT_SECONDS,
                read_timeout=READ_SECONDS,
            ),
        )


def _bytes(body: Mapping[str, Any]) -> bytes:
    """A body as bytes passes the SDK untouched."""
    return json.dumps(body, ensure_ascii=False).encode()


def _object(answer: Any) -> Json:
    """The JSON object of an answer, empty for an empty one."""
    text = answer.content
    if not text:
        return {}
    try:
        doc = json.loads(text)
    except ValueError:
        doc = None
    if not isinstance(doc, dict):
        raise senseless(answer.request.url, method=answer.request.method)
    return doc


def _refusal(answer: Any) -> AzureError:
    request = answer.request
    return to_error(answer.status_code, answer.headers, answer.content, method=request.method, url=request.url)
