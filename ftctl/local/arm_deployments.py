"""ARM: deployments of base and fine-tuned models on an account, with the rules of SKUs, models and quotas."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ftctl.local import access, arm, catalog, roles
from ftctl.local.catalog import BaseModel, Sku, normal
from ftctl.local.store import Doc
from ftctl.local.wire import Plane, Refusal, Reply, Request, route

if TYPE_CHECKING:
    from ftctl.local.azure import Azure

_ACTION = f"{arm.PROVIDER}/accounts/deployments"
_DEPLOYMENTS = f"{arm.ACCOUNT}/deployments"
_DEPLOYMENT = f"{_DEPLOYMENTS}/{{deployment}}"
_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")
_CREATION = 240  # of Azure's seconds for a fine-tuned model; a base model is there at once
_UPGRADES = ("OnceNewDefaultVersionAvailable", "OnceCurrentVersionExpired", "NoAutoUpgrade")
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
_TUNED = "1"  # the version of every fine-tuned model


@dataclass(frozen=True, slots=True)
class _Plan:
    """What a deployment is going to be, once every rule has agreed."""

    model: dict[str, Any]
    base: BaseModel
    sku: Sku
    capacity: int


@route("PUT", _DEPLOYMENT, plane=Plane.ARM, action=f"{_ACTION}/write")
def put_deployment(request: Request) -> Reply:
    """Create (201) or replace (200); another fine-tuned model is made ready first."""
    sent, azure, name = request.json(), request.azure, request.names["deployment"]
    if not _NAME.fullmatch(name):
        raise arm.invalid(f"The deployment name '{name}' is invalid.", "InvalidDeploymentName")
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
        doc["_made"] = doc.get("_made", azure.moment())
        return _save(request, doc, plan, arm.checked_tags(sent.get("tags")), 200 if before else 201)


@route("PATCH", _DEPLOYMENT, plane=Plane.ARM, action=f"{_ACTION}/write")
def patch_deployment(request: Request) -> Reply:
    """Tags and SKU alone; all else takes a PUT."""
    patch, azure = request.json(), request.azure
    if set(patch) - {"tags", "sku"}:
        raise arm.invalid("Only 'tags' and 'sku' of a deployment can be patched.")
    with azure.store.transaction():
        account = arm.parent_account(request)
        doc = _existing(request)
        before = {"sku": doc["sku"], "tags": doc.get("tags"), "properties": doc["properties"]}
        sent = arm.merged(before, patch)
        plan = _planned(request, account, doc["id"], sent)
        return _save(request, doc, plan, arm.checked_tags(sent.get("tags")), 200)


@route("GET", _DEPLOYMENT, plane=Plane.ARM, action=f"{_ACTION}/read")
def get_deployment(request: Request) -> Reply:
    arm.existing_account(request)
    return _reply(request, _existing(request), 200)


@route("GET", _DEPLOYMENTS, plane=Plane.ARM, action=f"{_ACTION}/read")
def list_deployments(request: Request) -> Reply:
    account = arm.existing_account(request)
    return arm.collection([shown(request.azure, one) for one in request.azure.store.all("deployment", account["id"])])


@route("DELETE", _DEPLOYMENT, plane=Plane.ARM, action=f"{_ACTION}/delete")
def delete_deployment(request: Request) -> Reply:
    azure = request.azure
    with azure.store.transaction():
        account = azure.store.get("account", arm.account_id(request.names["group"], request.names["account"]))
        if account is None or azure.store.get("deployment", _id(request)) is None:
            return Reply(204)
        arm.refuse_while_busy(azure, account)
        azure.store.delete("deployment", _id(request))
    return Reply(200)


def shown(azure: Azure, doc: Doc) -> dict[str, Any]:
    """A stored deployment as it is now."""
    word, capacity = arm.state(azure, doc), doc["sku"]["capacity"]
    base = catalog.find(doc["_base"])
    assert base is not None
    hidden = {"area", "agentsV2"}
    properties = {
        **doc["properties"],
        "currentCapacity": capacity,
        "capabilities": {name: value for name, value in base.capabilities.items() if name not in hidden},
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


def used(azure: Azure, usage_name: str, location: str, *, but: str = "") -> int:
    """How much of a quota the deployments of a region take; `but` names one that is not counted."""
    return sum(
        1 if usage_name == catalog.TUNED_DEPLOYMENTS else one["sku"]["capacity"]
        for one in azure.store.all("deployment")
        if one["_region"] == normal(location)
        and (one["_usage"] == usage_name or (one["_tuned"] and usage_name == catalog.TUNED_DEPLOYMENTS))
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
    wanted = {sku.usage_name: capacity} | ({catalog.TUNED_DEPLOYMENTS: 1} if sku.tuned else {})
    for usage, new in wanted.items():
        current, most = used(azure, usage, account["location"], but=id_), catalog.limit(usage)
        title = catalog.quota_title(usage)
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
    upgrade = kept.setdefault("versionUpgradeOption", _UPGRADES[0])
    if upgrade not in _UPGRADES:
        raise arm.invalid(f"The versionUpgradeOption '{upgrade}' is invalid.", "InvalidResourceProperties")
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
    headers = {"etag": body["etag"]}
    if body["properties"]["provisioningState"] != "Succeeded":
        headers["Retry-After"] = "1"  # the service has none, and its SDKs then wait for half a minute
    return Reply(status, body, headers)


def _id(request: Request) -> str:
    names = request.names
    return f"{arm.account_id(names['group'], names['account'])}/deployments/{names['deployment']}"


def _existing(request: Request) -> Doc:
    doc = request.azure.store.get("deployment", _id(request))
    if doc is None:
        raise Refusal(404, "NotFound", f"Specified resource '{_id(request)}' cannot be found.")
    return doc
