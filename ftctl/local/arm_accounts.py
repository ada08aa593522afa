"""ARM: Cognitive Services accounts, from creation to soft deletion and purge, with their keys."""

from __future__ import annotations

import secrets
import uuid
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from ftctl.local import account_body, arm, identity, quotas
from ftctl.local.arm_groups import drop_assignments
from ftctl.local.catalog import normal
from ftctl.local.identity import Principal
from ftctl.local.store import Doc
from ftctl.local.wire import Plane, Refusal, Reply, Request, route

if TYPE_CHECKING:
    from ftctl.local.azure import Azure

_ACTION = f"{arm.PROVIDER}/accounts"
_RETENTION = timedelta(hours=48)
_CREATION, _CREATION_WITH_SUBDOMAIN = 1, 32  # of Azure's seconds, as recorded
_KEYS = {"key1": "key1", "key2": "key2"}
_DELETED = f"{arm.LOCATION}/resourceGroups/{{group}}/deletedAccounts/{{account}}"
_DELETED_ACTION = f"{arm.PROVIDER}/locations/resourceGroups/deletedAccounts"


@route("PUT", arm.ACCOUNT, plane=Plane.ARM, action=f"{_ACTION}/write")
def put_account(request: Request) -> Reply:
    """Create (201 and a long-running operation), restore, or replace what can be set (200)."""
    sent, azure, names = request.json(), request.azure, request.names
    with azure.store.transaction():
        group = arm.group_to_read(azure, names["group"])
        if arm.state(azure, group) == "Deleting":
            raise Refusal(
                409, "ResourceGroupBeingDeleted", f"The resource group '{names['group']}' is in deprovisioning state."
            )
        id_ = arm.account_id(names["group"], names["account"])
        before, deleted = azure.store.get("account", id_), soft_deleted(azure, id_)
        if before:
            arm.refuse_while_busy(azure, before)
            return _save(request, before, account_body.checked(names["account"], sent, before))
        _check_restore(id_, deleted, sent)
        if deleted:
            azure.store.delete("deleted_account", id_)
            sent = arm.merged(account_body.settable(deleted), sent)
            return _create(request, deleted, account_body.checked(names["account"], sent, deleted))
        wanted = account_body.checked(names["account"], sent, None)
        _check_count(azure, wanted)
        return _create(request, _blank(azure, id_, names["account"]), wanted)


@route("PATCH", arm.ACCOUNT, plane=Plane.ARM, action=f"{_ACTION}/write")
def patch_account(request: Request) -> Reply:
    """A merge patch over what had been set."""
    patch = request.json()
    with request.azure.store.transaction():
        before = arm.existing_account(request)
        arm.refuse_while_busy(request.azure, before)
        sent = arm.merged(account_body.settable(before), patch)
        return _save(request, before, account_body.checked(before["name"], sent, before))


@route("GET", arm.ACCOUNT, plane=Plane.ARM, action=f"{_ACTION}/read")
def get_account(request: Request) -> Reply:
    account = arm.account_to_read(request)
    word = arm.look(request.azure, account)
    body = arm.body_once(request, account, word, lambda: account_body.shown(request, account, word))
    return Reply(200, body, {"etag": arm.etag(account, word)})


@route("GET", arm.ACCOUNTS, plane=Plane.ARM, action=f"{_ACTION}/read")
def list_in_group(request: Request) -> Reply:
    group = arm.group_to_read(request.azure, request.names["group"])
    return _list(request, request.azure.store.all("account", group["id"]))


@route("GET", f"{arm.SUBSCRIPTION_PROVIDER}/accounts", plane=Plane.ARM, action=f"{_ACTION}/read")
def list_in_subscription(request: Request) -> Reply:
    return _list(request, request.azure.store.all("account"))


@route("DELETE", arm.ACCOUNT, plane=Plane.ARM, action=f"{_ACTION}/delete")
def delete_account(request: Request) -> Reply:
    """Into soft deletion, once nothing is deployed on it."""
    azure = request.azure
    with azure.store.transaction():
        account = azure.store.get("account", arm.account_id(request.names["group"], request.names["account"]))
        if account is None:
            return Reply(204)
        arm.refuse_while_busy(azure, account)
        nested = azure.store.all("deployment", account["id"])
        if nested:
            raise Refusal(
                409,
                "CannotDeleteResource",
                "Cannot delete resource while nested resources exist. Some existing nested resource IDs include: "
                f"'{nested[0]['id']}'. Please delete all nested resources before deleting this resource.",
            )
        drop_assignments(request, account["id"])
        soft_delete(azure, account)
    return Reply(200, b"")


@route("POST", f"{arm.ACCOUNT}/listKeys", plane=Plane.ARM, action=f"{_ACTION}/listKeys/action")
def list_keys(request: Request) -> Reply:
    account = arm.account_to_read(request)
    _check_keys(account, "list")
    return Reply(200, account["_keys"])


@route("POST", f"{arm.ACCOUNT}/regenerateKey", plane=Plane.ARM, action=f"{_ACTION}/regenerateKey/action")
def regenerate_key(request: Request) -> Reply:
    name = _KEYS.get(arm.text(request.json().get("keyName"), "keyName").lower())
    if name is None:
        raise arm.invalid("The keyName must be Key1 or Key2.", "BadRequest")
    with request.azure.store.transaction():
        account = arm.existing_account(request)
        _check_keys(account, "regenerate")
        account["_keys"][name] = _new_key()
        request.azure.store.put("account", account["id"], account, parent=account["_group"])
    return Reply(200, account["_keys"])


@route(
    "GET",
    f"{arm.LOCATION}/operationResults/{{name}}",
    plane=Plane.ARM,
    action=f"{arm.PROVIDER}/locations/operationResults/read",
)
def operation_result(request: Request) -> Reply:
    """The state of a creation, in its own word rather than `InProgress`."""
    azure = request.azure
    operation = azure.store.get("operation", request.names["name"])
    if operation is None:
        raise Refusal(404, "NotFound", f"The operation '{request.names['name']}' was not found.")
    running = operation["until"] > azure.moment()
    body = {
        "id": operation["id"],
        "name": request.names["name"],
        "status": operation["word"] if running else "Succeeded",
        "startTime": azure.stamp(operation["start"]),
    }
    if running:
        return Reply(200, body, arm.retry_after(azure))
    return Reply(200, body | {"endTime": azure.stamp(operation["until"])})


@route(
    "GET",
    f"{arm.SUBSCRIPTION_PROVIDER}/deletedAccounts",
    plane=Plane.ARM,
    action=f"{arm.PROVIDER}/deletedAccounts/read",
)
def list_deleted(request: Request) -> Reply:
    azure = request.azure
    kept = (soft_deleted(azure, one["id"]) for one in azure.store.all("deleted_account"))
    return arm.collection([_shown_deleted(request, one) for one in kept if one])


@route("GET", _DELETED, plane=Plane.ARM, action=f"{_DELETED_ACTION}/read")
def get_deleted(request: Request) -> Reply:
    doc = _named_deleted(request)
    if doc is None:
        raise Refusal(404, "ResourceNotFound", f"The deleted account '{request.names['account']}' was not found.")
    return Reply(200, _shown_deleted(request, doc))


@route("DELETE", _DELETED, plane=Plane.ARM, action=f"{_DELETED_ACTION}/delete")
def purge(request: Request) -> Reply:
    with request.azure.store.transaction():
        doc = _named_deleted(request)
        if doc is None:
            return Reply(204)
        _forget(request.azure, doc)
    return Reply(200, b"")


def by_subdomain(azure: Azure, subdomain: str) -> Doc | None:
    """The account that answers at an endpoint: it exists and is past its creation."""
    held = azure.store.read("subdomain", subdomain)
    account = azure.store.read("account", held["account"]) if held else None
    return account if account and arm.state(azure, account) != "Creating" else None


def soft_delete(azure: Azure, account: Doc) -> None:
    """Its deployments go; its name, subdomain and data are held until it is purged."""
    azure.store.delete_children("deployment", account["id"])
    azure.store.delete("account", account["id"])
    account["_deleted"] = azure.moment()
    azure.store.put("deleted_account", account["id"], account)


def soft_deleted(azure: Azure, id_: str) -> Doc | None:
    """The soft-deleted account of that ARM id, if its time to be purged has not come."""
    doc = azure.store.get("deleted_account", id_)
    if doc is None:
        return None
    if doc["_deleted"] + _RETENTION.total_seconds() > azure.moment():
        return doc
    with azure.store.transaction():
        _forget(azure, doc)
    return None


def _forget(azure: Azure, doc: Doc) -> None:
    """The end of an account: what it held is free again and its data are gone."""
    from ftctl.local import models  # noqa: PLC0415  the data plane needs this module's side in turn

    store = azure.store
    models.forget_account(azure, doc["id"])
    subdomain = doc["properties"].get("customSubDomainName")
    if subdomain:
        store.delete("subdomain", subdomain)
    if "_principal" in doc:
        store.delete("principal", doc["_principal"])
    store.delete("deleted_account", doc["id"])


def _blank(azure: Azure, id_: str, name: str) -> Doc:
    """An account before its first write."""
    return {
        "id": id_,
        "name": name,
        "_group": id_.partition("/providers/")[0],
        "_keys": {key: _new_key() for key in _KEYS},
        "_fixed": {"internalId": uuid.uuid4().hex, "dateCreated": azure.stamp()},
    }


def _create(request: Request, doc: Doc, wanted: Doc) -> Reply:
    """The first write, or the one that restores: it takes Azure a while."""
    azure = request.azure
    for name in ("_deleted", "_looks"):
        doc.pop(name, None)
    seconds = _CREATION_WITH_SUBDOMAIN if wanted["properties"].get("customSubDomainName") else _CREATION
    arm.begin(azure, doc, "Creating", seconds)
    path = f"{arm.SUBSCRIPTION}/providers/{arm.PROVIDER}/locations/{wanted['location']}/operationResults"
    name = arm.start_operation(azure, path, "Creating", doc["_until"])
    poll = {"azure-asyncoperation": f"{request.base_url}{path}/{name}?api-version=2017-04-18"}
    reply = _save(request, doc, wanted)
    return replace(reply, status=201, headers={**reply.headers, **poll, **arm.retry_after(azure)})


def _save(request: Request, doc: Doc, wanted: Doc) -> Reply:
    azure = request.azure
    _hold_subdomain(azure, doc, wanted["properties"].get("customSubDomainName"))
    doc["systemData"] = arm.system_data(request, doc if "systemData" in doc else None)
    for name in ("tags", "identity"):
        doc.pop(name, None)
    doc |= wanted
    _give_identity(azure, doc)
    arm.new_etag(doc)
    azure.store.put("account", doc["id"], doc, parent=doc["_group"])
    return _reply(request, doc, 200)


def subdomain_holder(azure: Azure, name: str) -> str | None:
    """The id of the account that has a subdomain, soft-deleted ones too until their time has run out."""
    held = azure.store.get("subdomain", name)
    if held is None:
        return None
    holder = str(held["account"])
    return holder if azure.store.get("account", holder) or soft_deleted(azure, holder) else None


def _hold_subdomain(azure: Azure, doc: Doc, wanted: str | None) -> None:
    if not wanted:
        return
    if subdomain_holder(azure, wanted) not in (None, doc["id"]):
        raise Refusal(
            409,
            "CustomDomainInUse",
            f"Please pick a different name. The subdomain name '{wanted}' is not available as it's already used by a "
            "resource.",
        )
    azure.store.put("subdomain", wanted, {"account": doc["id"]})


def _give_identity(azure: Azure, doc: Doc) -> None:
    """A system-assigned identity is a principal of its own, the same for as long as the account lives."""
    if "SystemAssigned" not in str(doc.get("identity", {}).get("type", "")):
        return
    doc.setdefault("_principal", str(uuid.uuid4()))
    one = Principal(doc["_principal"], "ServicePrincipal", doc["name"], str(uuid.uuid4()))
    if azure.store.get("principal", one.id) is None:
        azure.store.put("principal", one.id, one.as_doc())
    doc["identity"] |= {"principalId": one.id, "tenantId": identity.TENANT_ID}


def _check_restore(id_: str, deleted: Doc | None, sent: dict[str, Any]) -> None:
    restore = arm.mapping(sent.get("properties"), "properties").get("restore") is True
    if deleted and not restore:
        raise Refusal(
            409,
            "FlagMustBeSetForRestore",
            f"An existing resource with ID '{id_}' has been soft-deleted. To restore the resource, you must specify "
            "'restore' to be 'true' in the property. If you don't want to restore existing resource, please purge it "
            "first.",
        )
    if restore and not deleted:
        raise Refusal(
            400,
            "CanNotRestoreANonExistingResource",
            f"There is no soft-deleted resource with ID '{id_}' to restore.",
        )


def _check_count(azure: Azure, wanted: Doc) -> None:
    """The quota of accounts of a kind in a region, where soft-deleted ones count."""
    usage = f"{wanted['kind']}.S0.AccountCount"
    used = count(azure, wanted["kind"], wanted["location"])
    if used >= quotas.limit(usage):
        raise Refusal(
            400,
            "InsufficientQuota",
            f"This operation require 1 new capacity in quota {usage}, which is bigger than the current available "
            f"capacity 0. The current quota usage is {used} and the quota limit is {quotas.limit(usage)}.",
        )


def count(azure: Azure, kind: str | None, location: str) -> int:
    """Accounts of a kind (or all) in a region, soft-deleted ones too."""
    everything = [*azure.store.all("account"), *azure.store.all("deleted_account")]
    return sum(kind in (None, one["kind"]) and normal(one["location"]) == normal(location) for one in everything)


def _check_keys(account: Doc, verb: str) -> None:
    if account["properties"].get("disableLocalAuth"):
        raise Refusal(400, "BadRequest", f"Failed to {verb} key. disableLocalAuth is set to be true")


def _new_key() -> str:
    return secrets.token_hex(16)


def _named_deleted(request: Request) -> Doc | None:
    doc = soft_deleted(request.azure, arm.account_id(request.names["group"], request.names["account"]))
    return doc if doc and normal(doc["location"]) == normal(request.names["location"]) else None


def _list(request: Request, docs: list[Doc]) -> Reply:
    return arm.collection([account_body.shown(request, one) for one in docs])


def _reply(request: Request, doc: Doc, status: int) -> Reply:
    body = account_body.shown(request, doc)
    return Reply(status, body, {"etag": body["etag"]})


def _shown_deleted(request: Request, doc: Doc) -> dict[str, Any]:
    group, location = doc["_group"].rpartition("/")[2], doc["location"]
    until = doc["_deleted"] + _RETENTION.total_seconds()
    stamps = {
        "deletionDate": request.azure.stamp(doc["_deleted"]),
        "scheduledPurgeDate": request.azure.stamp(until),
    }
    body = account_body.shown(request, doc)
    place = f"{arm.SUBSCRIPTION}/providers/{arm.PROVIDER}/locations/{location}/resourceGroups/{group}"
    return body | {
        "id": f"{place}/deletedAccounts/{doc['name']}",
        "type": f"{arm.PROVIDER}/deletedAccounts",
        "properties": body["properties"] | stamps,
    }
