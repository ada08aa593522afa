"""ARM: deployments of base and fine-tuned models on an account, with the rules of SKUs, models and quotas."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ftctl.local import access, arm, catalog, quotas, roles
from ftctl.local.catalog import BaseModel, Sku, normal
from ftctl.local.store import Doc
from ftctl.local.wire import Plane, Refusal, Reply, Request, route

if TYPE_CHECKING:
    from ftctl.local.azure import Azure

_ACTION = f"{arm.PROVIDER}/accounts/deployments"
_DEPLOYMENTS = f"{arm.ACCOUNT}/deployments"
DEPLOYMENT = f"{_DEPLOYMENTS}/{{deployment}}"
_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")
_CREATION = 240  # of Azure's seconds for a fine-tuned model; a base model is there at once
_UPGRADES = ("OnceNewDefaultVersionAvailable", "OnceCurrentVersionExpired", "NoAutoUpgrade")
_WORDS = {
    "versionUpgradeOption": _UPGRADES,
    "deploymentState": ("Running", "Paused"),
    "serviceTier": ("Default", "Priority"),
}
_PAUSABLE = ("Standard", "GlobalStandard", "DataZoneStandard")
_POLICIES = ("Microsoft.Default", "Microsoft.DefaultV2")
_READ_ONLY = frozenset(
    {
        "provisioningState",
        "currentCapacity",
        "rateLimits",
        "capabilities",
        "callRateLimit",
        "dynamicThrottlingEnabled",
        "model",
    }
)
_IDLE = 15 * 86_400  # seconds without use, on the clock: what days bring is not paced
_DEVELOPER = 86_400
_NOTED = 3600  # seconds in which use is written down once
_TUNED = "1"  # the version of every fine-tuned model


@dataclass(frozen=True, slots=True)
class _Plan:
    """What a deployment is going to be, once every rule has agreed."""

    model: dict[str, Any]
    base: BaseModel
    sku: Sku
    capacity: int


@route("PUT", DEPLOYMENT, plane=Plane.ARM, action=f"{_ACTION}/write")
def put_deployment(request: Request) -> Reply:
    """Create (201) or replace (200); another fine-tuned model is made ready first."""
    sent, azure, name = request.json(), request.azure, request.names["deployment"]
    if not _NAME.fullmatch(name):
        raise arm.invalid(f"The deployment name '{name}' is invalid.", "InvalidDeploymentName")
    arm.look_at_parent(request)
    _settle(request, sent)
    with azure.store.transaction():
        account = arm.parent_account(request)
        id_ = f"{account['id']}/deployments/{name}"
        before = azure.store.get("deployment", id_)
        plan = _planned(request, account, id_, sent)
        doc: Doc = before or {"id": id_, "name": name, "_account": account["id"]}
        same = before and before["properties"]["model"] == plan.model
        if plan.sku.tuned and not same:
            arm.begin(azure, doc, "Creating", _CREATION)
        doc["properties"] = _properties(arm.mapping(sent.get("properties"), "properties"), plan.model)
        if doc["properties"].get("deploymentState") == "Paused" and plan.sku.name not in _PAUSABLE:
            raise _not_pausable(plan.sku.name)
        doc["_made"] = doc.get("_made", azure.moment())
        return _save(request, doc, plan, arm.checked_tags(sent.get("tags")), 200 if before else 201)


@route("PATCH", DEPLOYMENT, plane=Plane.ARM, action=f"{_ACTION}/write")
def patch_deployment(request: Request) -> Reply:
    """Tags and SKU alone; all else takes a PUT."""
    patch, azure = request.json(), request.azure
    if set(patch) - {"tags", "sku"}:
        raise arm.invalid("Only 'tags' and 'sku' of a deployment can be patched.")
    arm.look_at_parent(request)
    with azure.store.transaction():
        account = arm.parent_account(request)
        doc = existing(request)
        before = {"sku": doc["sku"], "tags": doc.get("tags"), "properties": doc["properties"]}
        sent = arm.merged(before, patch)
        plan = _planned(request, account, doc["id"], sent)
        return _save(request, doc, plan, arm.checked_tags(sent.get("tags")), 200)


@route("GET", DEPLOYMENT, plane=Plane.ARM, action=f"{_ACTION}/read")
def get_deployment(request: Request) -> Reply:
    arm.account_to_read(request)
    doc = _present(request, request.azure.store.read)
    word = arm.state(request.azure, doc)
    body = arm.body_once(request, doc, word, lambda: shown(request.azure, doc))
    return Reply(200, body, _headers(request.azure, arm.etag(doc, word), word))


@route("GET", _DEPLOYMENTS, plane=Plane.ARM, action=f"{_ACTION}/read")
def list_deployments(request: Request) -> Reply:
    account = arm.account_to_read(request)
    return arm.collection([shown(request.azure, one) for one in request.azure.store.all("deployment", account["id"])])


@route("DELETE", DEPLOYMENT, plane=Plane.ARM, action=f"{_ACTION}/delete")
def delete_deployment(request: Request) -> Reply:
    azure = request.azure
    with azure.store.transaction():
        account = azure.store.get("account", arm.account_id(request.names["group"], request.names["account"]))
        if account is None or azure.store.get("deployment", _id(request)) is None:
            return Reply(204)
        arm.refuse_while_busy(azure, account)
        azure.store.delete("deployment", _id(request))
    return Reply(200, b"")


@route("POST", f"{DEPLOYMENT}/pause", plane=Plane.ARM, action=f"{_ACTION}/pause/action")
def pause(request: Request) -> Reply:
    """It stays and answers nothing; a second time changes nothing."""
    return _turn(request, "Paused")


@route("POST", f"{DEPLOYMENT}/resume", plane=Plane.ARM, action=f"{_ACTION}/resume/action")
def resume(request: Request) -> Reply:
    return _turn(request, "Running")


def _turn(request: Request, word: str) -> Reply:
    azure = request.azure
    arm.look_at_parent(request)
    with azure.store.transaction():
        arm.parent_account(request)
        doc = existing(request)
        if doc["sku"]["name"] not in _PAUSABLE:
            raise _not_pausable(doc["sku"]["name"])
        if doc["properties"].get("deploymentState", "Running") != word:
            doc["properties"]["deploymentState"] = word
            doc["systemData"] = arm.system_data(request, doc)
            arm.new_etag(doc)
            azure.store.put("deployment", doc["id"], doc, parent=doc["_account"])
    return _reply(request, doc, 200)


def _not_pausable(sku: str) -> Refusal:
    return arm.invalid(f"A deployment with the SKU '{sku}' cannot be paused or resumed.", "OperationNotSupported")


def shown(azure: Azure, doc: Doc) -> dict[str, Any]:
    """A stored deployment as it is now."""
    word, capacity = arm.state(azure, doc), doc["sku"]["capacity"]
    base = catalog.find(doc["_base"])
    assert base is not None
    hidden = {"area", "agentsV2", "allowProvisionedManagedCommitment"}
    shown_here = {name: value for name, value in base.capabilities.items() if name not in hidden}
    properties = {
        **doc["properties"],
        "currentCapacity": capacity,
        "capabilities": shown_here | ({"completion": "true"} if base.name == "gpt-35-turbo" else {}),
        "provisioningState": word,
        "rateLimits": [
            {"key": "request", "renewalPeriod": doc["_window"], "count": doc["_requests"] * capacity},
            {"key": "token", "renewalPeriod": 60, "count": 1000 * capacity},
        ],
    }
    return {
        **arm.public(doc),
        "type": f"{arm.PROVIDER}/accounts/deployments",
        "properties": properties,
        "etag": arm.etag(doc, word),
    }


def answering(azure: Azure, account_id: str, name: str) -> dict[str, Any] | None:
    """The properties of a deployment that answers by now; to ask counts as use, which keeps it from expiring."""
    doc = azure.store.get("deployment", f"{account_id}/deployments/{name}")
    if doc is None or arm.state(azure, doc) != "Succeeded":
        return None
    ready = float(doc.get("_until") or doc["_made"]) + azure.seconds(azure.settings.answer_seconds)
    if ready > azure.moment():
        return None
    if doc["_tuned"] and azure.moment() - doc.get("_used", 0) > _NOTED:
        with azure.store.transaction():
            if now := azure.store.get("deployment", doc["id"]):
                azure.store.put("deployment", doc["id"], now | {"_used": azure.moment()}, parent=account_id)
    properties: dict[str, Any] = shown(azure, doc)["properties"]
    return properties


def expire(azure: Azure) -> None:
    """Take away what the service takes away by itself: fine-tuned deployments that idle or are for developers."""
    if azure.store.derived("expiry", lambda: _next_expiry(azure)) > azure.moment():
        return
    with azure.store.transaction():
        for one in azure.store.all("deployment"):
            if _expiry(one) <= azure.moment():
                azure.store.delete("deployment", one["id"])


def _next_expiry(azure: Azure) -> float:
    if not azure.settings.idle_removal:
        return math.inf
    return min((_expiry(one) for one in azure.store.all("deployment")), default=math.inf)


def _expiry(doc: Doc) -> float:
    if not doc["_tuned"]:
        return math.inf
    idle = max(doc["_made"], doc.get("_used", 0)) + _IDLE
    return float(min(idle, doc["_made"] + _DEVELOPER if doc["sku"]["name"] == "DeveloperTier" else math.inf))


def used(azure: Azure, usage_name: str, location: str, *, but: str = "") -> int:
    """How much of a quota the deployments of a region take; `but` names one that is not counted."""
    return sum(
        1 if usage_name == quotas.TUNED_DEPLOYMENTS else one["sku"]["capacity"]
        for one in azure.store.all("deployment")
        if one["_region"] == normal(location)
        and (one["_usage"] == usage_name or (one["_tuned"] and usage_name == quotas.TUNED_DEPLOYMENTS))
        and one["id"].lower() != but.lower()
    )


def _planned(request: Request, account: Doc, id_: str, sent: dict[str, Any]) -> _Plan:
    properties = arm.mapping(sent.get("properties"), "properties")
    model, base = _model(request, account, arm.mapping(properties.get("model"), "properties.model"))
    sku, capacity = _sku(account, base, model, arm.mapping(sent.get("sku"), "sku"))
    _check_retirement(request.azure, model, sku)
    _check_quota(request.azure, account, id_, sku, capacity)
    return _Plan(model, base, sku, capacity)


def _settle(request: Request, sent: dict[str, Any]) -> None:
    """Let a finished job bring its model before the state is locked: that may take a moment of computing."""
    model = arm.mapping(arm.mapping(sent.get("properties"), "properties").get("model"), "properties.model")
    source = arm.text(model.get("source") or model.get("sourceAccount"), "properties.model.source")
    name = arm.text(model.get("name"), "properties.model.name")
    own = arm.account_id(request.names["group"], request.names["account"])
    account = request.azure.store.get("account", source or own)
    if account and ".ft-" in name:
        _find_model(request.azure, account, name)


def _find_model(azure: Azure, account: Doc, name: str) -> Doc | None:
    from ftctl.local import models  # noqa: PLC0415  it needs this module

    return models.find_model(azure, account["id"], name)


def _model(request: Request, account: Doc, sent: dict[str, Any]) -> tuple[dict[str, Any], BaseModel]:
    """The model as it is kept, and the base model that its rules come from."""
    names = ("format", "name", "version", "source", "sourceAccount", "publisher")
    model = {name: arm.text(sent.get(name), f"properties.model.{name}") for name in names}
    known = catalog.find_base(model["format"], model["name"], model["version"])
    if known:
        return {"format": known.format, "name": known.name, "version": known.version}, known
    source = model["source"] or model["sourceAccount"]
    base = catalog.find_root(model["name"]) if model["version"] == _TUNED else None
    if base is None or model["format"] != base.format or not _is_trained(request, account, model["name"], source):
        raise arm.invalid(
            f"The model 'Format: {model['format']}, Name: {model['name']}, Version: {model['version']}, "
            f"Source: {source}' of account deployment is not supported.",
            "DeploymentModelNotSupported",
        )
    return {name: value for name, value in model.items() if value}, base


def _is_trained(request: Request, account: Doc, name: str, source: str) -> bool:
    """Whether that fine-tuned model is there: on the account itself or on the one that the deployment names."""
    azure, who = request.azure, request.principal
    if not source or source.lower() == account["id"].lower():
        return _find_model(azure, account, name) is not None
    assert who is not None
    if not roles.allowed(azure, who, f"{arm.PROVIDER}/accounts/read", source):
        raise access.forbidden(who, f"{arm.PROVIDER}/accounts/read", source)
    other = azure.store.get("account", source)
    return other is not None and _find_model(azure, other, name) is not None


def _sku(account: Doc, base: BaseModel, model: dict[str, Any], sent: dict[str, Any]) -> tuple[Sku, int]:
    name, tuned = arm.text(sent.get("name"), "sku.name"), model["version"] == _TUNED and ".ft-" in model["name"]
    region = normal(account["location"])
    sku = base.sku(name, region, tuned=tuned)
    if sku is None and any(base.offers(name, tuned=tuned)):
        raise arm.invalid(
            f"The specified SKU '{name}' for model '{model['name']} {model['version']}' is not supported in this "
            f"region '{region}'.",
            "InvalidResourceProperties",
        )
    if sku is None:
        raise arm.invalid(
            f"The specified SKU '{name}' of account deployment is not supported by the model '{model['name']}' "
            f"version: '{model['version']}'.",
            "InvalidResourceProperties",
        )
    return sku, _capacity(sku, sent.get("capacity"))


def _capacity(sku: Sku, sent: Any) -> int:
    """Whole units; the Azure CLI writes them as a string."""
    if sent is None:
        return sku.default or sku.minimum or 1
    if isinstance(sent, str) and re.fullmatch(r"\d{1,9}", sent, re.ASCII):
        sent = int(sent)
    if not isinstance(sent, int) or isinstance(sent, bool):
        raise arm.invalid("The property 'sku.capacity' must be a whole number.")
    if not max(sku.minimum or 0, 1) <= sent <= sku.maximum or (sku.step and sent % sku.step):
        raise arm.invalid(
            f"The specified capacity '{sent}' of account deployment should be at least "
            f"{max(sku.minimum or 0, 1)} and no more than {sku.maximum}.",
            "InvalidCapacity",
        )
    return sent


def _check_retirement(azure: Azure, model: dict[str, Any], sku: Sku) -> None:
    if azure.settings.retirements == "enforce" and sku.retires <= azure.clock.now().date():
        raise arm.invalid(
            f"The model '{model['name']}' version '{model['version']}' has been retired for SKU '{sku.name}' since "
            f"{sku.retires}.",
            "ServiceModelDeprecated",
        )


def _check_quota(azure: Azure, account: Doc, id_: str, sku: Sku, capacity: int) -> None:
    wanted = {sku.usage_name: capacity} | ({quotas.TUNED_DEPLOYMENTS: 1} if sku.tuned else {})
    for usage, new in wanted.items():
        current, most = used(azure, usage, account["location"], but=id_), quotas.limit(usage)
        title = quotas.title(usage)
        if current + new > most:
            raise arm.invalid(
                f"This operation require {new} new capacity in quota {title}, which is bigger than "
                f"the current available capacity {max(most - current, 0)}. The current quota usage is {current} and "
                f"the quota limit is {most} for quota {title}.",
                "InsufficientQuota",
            )


def _properties(sent: dict[str, Any], model: dict[str, Any]) -> dict[str, Any]:
    """Properties as they are kept, with the service's defaults; unknown ones stay as they are."""
    kept = {name: value for name, value in sent.items() if name not in _READ_ONLY and value is not None}
    kept.setdefault("versionUpgradeOption", _UPGRADES[0])
    for name, words in _WORDS.items():
        if name in kept and kept[name] not in words:
            raise arm.invalid(f"The {name} '{kept[name]}' is invalid.", "InvalidResourceProperties")
    policy = kept.setdefault("raiPolicyName", _POLICIES[-1])
    if policy not in _POLICIES:
        raise arm.invalid(
            f"The specified RaiPolicyName '{policy}' is not found, please update it to a valid value.",
            "InvalidResourceProperties",
        )
    return {"model": model, **kept}


def _save(request: Request, doc: Doc, plan: _Plan, tags: dict[str, str], status: int) -> Reply:
    azure, account = request.azure, doc["_account"]
    region = azure.store.get("account", account) or {"location": ""}
    doc.pop("tags", None)
    doc |= {"sku": {"name": plan.sku.name, "capacity": plan.capacity}} | ({"tags": tags} if tags else {})
    doc |= {"_base": plan.base.id, "_usage": plan.sku.usage_name, "_region": normal(region["location"])}
    doc |= {"_tuned": plan.sku.tuned, "_window": plan.sku.window, "_requests": plan.sku.requests}
    doc["systemData"] = arm.system_data(request, doc if "systemData" in doc else None)
    arm.new_etag(doc)
    azure.store.put("deployment", doc["id"], doc, parent=account)
    return _reply(request, doc, status)


def _reply(request: Request, doc: Doc, status: int) -> Reply:
    body = shown(request.azure, doc)
    return Reply(status, body, _headers(request.azure, body["etag"], body["properties"]["provisioningState"]))


def _headers(azure: Azure, etag: str, word: str) -> dict[str, str]:
    return {"etag": etag} | ({} if word == "Succeeded" else arm.retry_after(azure))


def _id(request: Request) -> str:
    names = request.names
    return f"{arm.account_id(names['group'], names['account'])}/deployments/{names['deployment']}"


def existing(request: Request) -> Doc:
    """The deployment that the path names, to be changed."""
    return _present(request, request.azure.store.get)


def _present(request: Request, find: arm.Find) -> Doc:
    doc = find("deployment", _id(request))
    if doc is None:
        raise Refusal(404, "NotFound", f"Specified resource '{_id(request)}' cannot be found.")
    return doc
