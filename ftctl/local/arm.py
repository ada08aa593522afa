"""What ARM's handlers share: ids, stamps, states that depend on age, and finding what a path names."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from ftctl.local import identity
from ftctl.local.wire import Refusal, Reply, Request

if TYPE_CHECKING:
    from ftctl.local.azure import Azure
    from ftctl.local.store import Doc

Find = Callable[[str, str], "Doc | None"]

SUBSCRIPTION = f"/subscriptions/{identity.SUBSCRIPTION_ID}"
GROUPS = "/subscriptions/{subscription}/resourceGroups"
GROUP = f"{GROUPS}/{{group}}"
PROVIDER = "Microsoft.CognitiveServices"
ACCOUNTS = f"{GROUP}/providers/{PROVIDER}/accounts"
ACCOUNT = f"{ACCOUNTS}/{{account}}"
SUBSCRIPTION_PROVIDER = f"/subscriptions/{{subscription}}/providers/{PROVIDER}"
LOCATION = f"/subscriptions/{{subscription}}/providers/{PROVIDER}/locations/{{location}}"
_TAGS = 50
_TAG_NAME, _TAG_VALUE = 512, 256


def group_id(name: str) -> str:
    return f"{SUBSCRIPTION}/resourceGroups/{name}"


def account_id(group: str, name: str) -> str:
    return f"{group_id(group)}/providers/{PROVIDER}/accounts/{name}"


def public(doc: Doc) -> Doc:
    """A stored document without what is ours alone."""
    return {name: value for name, value in doc.items() if not name.startswith("_")}


def begin(azure: Azure, doc: Doc, word: str, azure_seconds: float) -> None:
    """Put `doc` into the state `word` for as long as Azure takes; it is ready once the clock says so."""
    doc |= {"_during": word, "_until": azure.moment() + azure.seconds(azure_seconds)}


def state(azure: Azure, doc: Doc) -> str:
    """A resource's provisioningState now."""
    return str(doc["_during"]) if doc.get("_until", 0) > azure.moment() else "Succeeded"


def look(azure: Azure, doc: Doc) -> str:
    """The state as one more look at an account says it: with `flap` set, the first ones do not agree."""
    word, flap = state(azure, doc), azure.settings.flap
    if word != "Succeeded" or doc.get("_looks", 0) >= flap:
        return word
    with azure.store.transaction():
        now = azure.store.get("account", doc["id"]) or doc
        looks = now.get("_looks", 0)
        azure.store.put("account", doc["id"], now | {"_looks": looks + 1}, parent=doc["_group"])
    return "Accepted" if looks % 2 else word


def retry_after(azure: Azure) -> dict[str, str]:
    """When to ask again: the service does not say it, and its SDKs then wait for half a minute."""
    return {} if azure.settings.faithful else {"Retry-After": "1"}


def new_etag(doc: Doc) -> None:
    doc["_etag"] = str(uuid.uuid4())


def etag(doc: Doc, word: str) -> str:
    """It changes with every write and every change of state, and its quotes are part of it."""
    return _etag(doc["_etag"], word)


@lru_cache(maxsize=1024)
def _etag(seed: str, word: str) -> str:
    return f'"{uuid.uuid5(uuid.UUID(seed), word)}"'


def system_data(request: Request, before: Doc | None) -> Doc:
    """Who made a resource and who changed it last."""
    who, now = request.principal, request.azure.stamp()
    name = (who.upn or who.client_id) if who else ""
    kind = "User" if who and who.kind == "User" else "Application"
    made = {"createdBy": name, "createdByType": kind, "createdAt": now}
    if before:
        made = {key: before["systemData"][key] for key in made}
    return made | {"lastModifiedBy": name, "lastModifiedByType": kind, "lastModifiedAt": now}


def existing_group(azure: Azure, name: str) -> Doc:
    """A resource group, to be changed."""
    return _present_group(azure, name, azure.store.get)


def group_to_read(azure: Azure, name: str) -> Doc:
    """A resource group, for those who only look."""
    return _present_group(azure, name, azure.store.read)


def _present_group(azure: Azure, name: str, find: Find) -> Doc:
    group = find("group", group_id(name))
    if group is None or gone(azure, group):
        raise Refusal(404, "ResourceGroupNotFound", f"Resource group '{name}' could not be found.")
    return group


def gone(azure: Azure, group: Doc) -> bool:
    """Whether a resource group's deletion has come to its end."""
    return group.get("_during") == "Deleting" and group["_until"] <= azure.moment()


def existing_account(request: Request) -> Doc:
    """The account that the path names, to be changed."""
    return _present_account(request, request.azure.store.get)


def account_to_read(request: Request) -> Doc:
    """The account that the path names, for those who only look."""
    return _present_account(request, request.azure.store.read)


def _present_account(request: Request, find: Find) -> Doc:
    group, name = request.names["group"], request.names["account"]
    group_to_read(request.azure, group)
    account = find("account", account_id(group, name))
    if account is None:
        raise Refusal(
            404,
            "ResourceNotFound",
            f"The Resource '{PROVIDER}/accounts/{name}' under resource group '{group}' was not found. For more details "
            "please go to https://aka.ms/ARMResourceNotFoundFix",
        )
    return account


def parent_account(request: Request) -> Doc:
    """The account below which something is to be written: it must be there, ready, and not at another write."""
    group, name = request.names["group"], request.names["account"]
    account = request.azure.store.get("account", account_id(group, name))
    if account is None:
        existing_group(request.azure, group)
        raise Refusal(
            404,
            "ParentResourceNotFound",
            f"Failed to perform 'write' on resource(s) of type 'accounts/deployments', because the parent resource "
            f"'{account_id(group, name)}' could not be found.",
        )
    _refuse_unready(account, state(request.azure, account))
    refuse_while_busy(request.azure, account)
    return account


def look_at_parent(request: Request) -> None:
    """Before a write below an account, and outside of its transaction: the look counts even where it ends the write."""
    names = request.names
    account = request.azure.store.get("account", account_id(names["group"], names["account"]))
    if account:
        _refuse_unready(account, look(request.azure, account))


def _refuse_unready(account: Doc, word: str) -> None:
    if word != "Succeeded":
        raise Refusal(
            400,
            "AccountProvisioningStateInvalid",
            f"Call to {PROVIDER}/accounts failed. Error message: Account {account['id']} in state {word}",
        )


def refuse_while_busy(azure: Azure, account: Doc) -> None:
    """One write an account at a time: a deployment that is still being made holds all others off."""
    if any(state(azure, one) != "Succeeded" for one in azure.store.all("deployment", account["id"])):
        raise Refusal(
            409,
            "RequestConflict",
            f"Another operation is being performed on the parent resource '{account['id']}'. Please try again later.",
        )


def invalid(message: str, code: str = "InvalidRequestContent") -> Refusal:
    return Refusal(400, code, message)


def checked_tags(value: Any) -> dict[str, str]:
    """Tags as ARM takes them: names and values are strings, and neither too many nor too long."""
    if value is None:
        return {}
    if not isinstance(value, dict) or not all(isinstance(one, str) for one in value.values()):
        raise invalid("The tags must be an object of strings.")
    if len(value) > _TAGS:
        raise invalid(f"The resource has more than the maximum of {_TAGS} tags.", "InvalidTags")
    if any(len(name) > _TAG_NAME or len(text) > _TAG_VALUE for name, text in value.items()):
        raise invalid("A tag's name or value is too long.", "InvalidTags")
    return dict(value)


def mapping(value: Any, what: str) -> dict[str, Any]:
    """A JSON object, which null and nothing count as."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise invalid(f"The property '{what}' must be an object.")
    return value


def text(value: Any, what: str) -> str:
    """A JSON string, which null and nothing count as."""
    if value is None:
        return ""
    if not isinstance(value, str):
        raise invalid(f"The property '{what}' must be a string.")
    return value


def merged(before: Any, patch: Any) -> Any:
    """JSON merge patch: objects merge, null removes, anything else replaces."""
    if not isinstance(patch, dict):
        return patch
    result = dict(before) if isinstance(before, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merged(result.get(name), value)
    return result


def body_once(request: Request, doc: Doc, word: str, make: Callable[[], Doc]) -> bytes:
    """How a resource is shown in a state, made and encoded once for all who read it at the same address."""
    key = ("body", doc["id"], word, request.base_url)
    return request.azure.store.derived(key, lambda: json.dumps(make()).encode())


def collection(bodies: list[Doc]) -> Reply:
    return Reply(200, {"value": bodies})


def start_operation(azure: Azure, path: str, word: str, until: float) -> str:
    """Remember a long-running operation; what to poll is `{path}/{its name}`."""
    name = str(uuid.uuid4())
    azure.store.put("operation", name, {"word": word, "start": azure.moment(), "until": until, "id": f"{path}/{name}"})
    return name
