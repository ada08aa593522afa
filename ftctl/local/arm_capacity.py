"""ARM: what could be had: SKUs of accounts and deployments, names, free capacity, and the tier of the quotas."""

from __future__ import annotations

import math
from typing import Any

from ftctl.local import account_body, arm, arm_accounts, arm_deployments, catalog, quotas
from ftctl.local.arm_models import existing_location
from ftctl.local.catalog import BaseModel, Sku, normal
from ftctl.local.store import Doc
from ftctl.local.wire import Plane, Refusal, Reply, Request, route

_ACCOUNTS = f"{arm.PROVIDER}/accounts"
_S0 = {"name": "S0", "tier": "Standard"}
_TIERS = f"{arm.SUBSCRIPTION_PROVIDER}/quotaTiers"
_POLICIES = ("OnceUpgradeIsAvailable", "NoAutoUpgrade")


@route("GET", f"{arm.ACCOUNT}/skus", plane=Plane.ARM, action=f"{_ACCOUNTS}/skus/read")
def account_skus(request: Request) -> Reply:
    """What an account could become."""
    arm.account_to_read(request)
    return arm.collection([{"resourceType": _ACCOUNTS, "sku": _S0}])


@route("GET", f"{arm.SUBSCRIPTION_PROVIDER}/skus", plane=Plane.ARM, action=f"{arm.PROVIDER}/skus/read")
def provider_skus(request: Request) -> Reply:  # noqa: ARG001  every handler takes one
    """Each kind of account in each region."""
    places = [(kind, region) for kind in account_body.KINDS for region in sorted(catalog.REGIONS)]
    return arm.collection(
        [
            {"resourceType": "accounts", **_S0, "kind": kind, "locations": [region.upper()], "restrictions": []}
            for kind, region in places
        ]
    )


@route(
    "GET",
    f"{arm_deployments.DEPLOYMENT}/skus",
    plane=Plane.ARM,
    action=f"{_ACCOUNTS}/deployments/skus/read",
)
def deployment_skus(request: Request) -> Reply:
    """What a deployment could be moved to in its region."""
    account, doc = arm.account_to_read(request), arm_deployments.existing(request)
    base = catalog.find(doc["_base"])
    assert base is not None
    region = normal(account["location"])
    offered = [sku for sku in base.skus if sku.tuned == doc["_tuned"] and region in sku.regions]
    kind = f"{_ACCOUNTS}/deployments"
    return arm.collection([{"resourceType": kind, "sku": {"name": sku.name}, "capacity": sku.sizes} for sku in offered])


@route(
    "POST",
    f"{arm.SUBSCRIPTION_PROVIDER}/checkDomainAvailability",
    plane=Plane.ARM,
    action=f"{arm.PROVIDER}/checkDomainAvailability/action",
)
def check_domain(request: Request) -> Reply:
    """Whether a subdomain is free; that of a soft-deleted account is not."""
    sent = request.json()
    name, type_ = _required(sent, "subdomainName"), _required(sent, "type")
    if type_.lower() != _ACCOUNTS.lower():
        raise arm.invalid(f"The type '{type_}' is not supported.", "InvalidResourceType")
    reason = None
    if not account_body.is_subdomain(name):
        reason = f"Sub domain name '{name}' is not valid."
    elif arm_accounts.subdomain_holder(request.azure, name):
        reason = f"Sub domain name '{name}' is already used. Please pick a different name."
    body = {"isSubdomainAvailable": reason is None, "reason": reason, "subdomainName": name, "type": type_}
    kind = arm.text(sent.get("kind"), "kind")
    return Reply(200, body | ({"kind": kind} if kind else {}))


@route(
    "POST",
    f"{arm.LOCATION}/checkSkuAvailability",
    plane=Plane.ARM,
    action=f"{arm.PROVIDER}/locations/checkSkuAvailability/action",
)
def check_skus(request: Request) -> Reply:
    """Whether an account of a kind and SKU can be made in a region."""
    sent, location = request.json(), existing_location(request)
    kind, type_, skus = _required(sent, "kind"), _required(sent, "type"), sent.get("skus")
    if not isinstance(skus, list) or not skus:
        raise arm.invalid("The property 'skus' must be a list of names.")
    found = []
    for name in (arm.text(one, "skus") for one in skus):
        reason = _why_not(kind, name, location)
        one = {"kind": kind, "type": type_, "skuName": name, "skuAvailable": reason is None}
        found.append(one | ({"reason": reason[0], "message": reason[1]} if reason else {}))
    return arm.collection(found)


def _why_not(kind: str, sku: str, location: str) -> tuple[str, str] | None:
    if kind not in account_body.KINDS:
        return "InvalidApiSetId", f"The account type '{kind}' is either invalid or unavailable in given region."
    if sku.upper() != _S0["name"]:
        return "InvalidSkuId", f"The account SKU '{sku}' is either invalid or unavailable in region '{location}'."
    return None


@route(
    "POST",
    f"{arm.SUBSCRIPTION_PROVIDER}/calculateModelCapacity",
    plane=Plane.ARM,
    action=f"{arm.PROVIDER}/calculateModelCapacity/action",
)
def calculate_capacity(request: Request) -> Reply:
    """How many units workloads take: a unit is a thousand tokens a minute and what the SKU allows of requests."""
    sent = request.json()
    model = arm.mapping(sent.get("model"), "model")
    base = _named_model(*(arm.text(model.get(name), f"model.{name}") for name in ("format", "name", "version")))
    sku = next(base.offers(_required(sent, "skuName"), tuned=False), None)
    if sku is None:
        raise arm.invalid(f"The SKU '{sent['skuName']}' is not supported by the model.", "InvalidResourceProperties")
    workloads = sent.get("workloads") or []
    if not isinstance(workloads, list):
        raise arm.invalid("The property 'workloads' must be a list.")
    units = math.ceil(sum(_units(arm.mapping(one, "workloads"), sku) for one in workloads))
    capacity = {"value": units, "deployableValue": max(units, sku.minimum or 1)}
    shown = {"format": base.format, "name": base.name, "version": base.version}
    return Reply(200, {"model": shown, "skuName": sku.name, "estimatedCapacity": capacity})


def _units(workload: dict[str, Any], sku: Sku) -> float:
    parameters = arm.mapping(workload.get("requestParameters"), "requestParameters")
    requests = _number(workload.get("requestPerMinute"), "requestPerMinute")
    tokens = sum(_number(parameters.get(name), name) for name in ("avgPromptTokens", "avgGeneratedTokens"))
    return max(requests * tokens / 1000, requests * sku.window / 60 / sku.requests)


_CAPACITIES = "modelCapacities"


@route(
    "GET",
    f"{arm.SUBSCRIPTION_PROVIDER}/{_CAPACITIES}",
    plane=Plane.ARM,
    action=f"{arm.PROVIDER}/{_CAPACITIES}/read",
)
def model_capacities(request: Request) -> Reply:
    """What is left of a model's quotas in every region."""
    base = _asked_model(request)
    return arm.collection([one for region in sorted(catalog.REGIONS) for one in _capacities(request, base, region)])


@route(
    "GET",
    f"{arm.LOCATION}/{_CAPACITIES}",
    plane=Plane.ARM,
    action=f"{arm.PROVIDER}/locations/{_CAPACITIES}/read",
)
def location_capacities(request: Request) -> Reply:
    """The same of one region."""
    return arm.collection(_capacities(request, _asked_model(request), existing_location(request)))


def _asked_model(request: Request) -> BaseModel:
    names = ("modelFormat", "modelName", "modelVersion")
    missing = next((name for name in names if not request.query.get(name)), None)
    if missing:
        raise arm.invalid(f"The query parameter '{missing}' is required.", "BadRequest")
    return _named_model(*(request.query[name] for name in names))


def _named_model(format_: str, name: str, version: str) -> BaseModel:
    base = catalog.find_base(format_, name, version)
    if base is None:
        raise arm.invalid(
            f"The model 'Format: {format_}, Name: {name}, Version: {version}' is not supported.", "ModelNotSupported"
        )
    return base


def _capacities(request: Request, base: BaseModel, location: str) -> list[Doc]:
    region = normal(location)
    left: dict[str, dict[bool, int]] = {}
    for sku in base.skus:
        if region in sku.regions:
            free = quotas.limit(sku.usage_name) - arm_deployments.used(request.azure, sku.usage_name, region)
            left.setdefault(sku.name, {})[sku.tuned] = max(free, 0)
    path = f"{arm.SUBSCRIPTION}/providers/{arm.PROVIDER}/locations/{location}/models"
    model = {"format": base.format, "name": base.name, "version": base.version}
    return [
        {
            "id": f"{path}/{base.format}.{base.name}.{base.version}/skuCapacities/{name}",
            "type": f"{arm.PROVIDER}/locations/models/skuCapacities",
            "name": name,
            "location": location,
            "properties": {
                "model": model,
                "skuName": name,
                "availableCapacity": free.get(False, 0),
                "availableFinetuneCapacity": free.get(True, 0),
            },
        }
        for name, free in left.items()
    ]


@route("GET", _TIERS, plane=Plane.ARM, action=f"{arm.PROVIDER}/quotaTiers/read")
def list_tiers(request: Request) -> Reply:
    return arm.collection([_tier(request)])


@route("GET", f"{_TIERS}/{{tier}}", plane=Plane.ARM, action=f"{arm.PROVIDER}/quotaTiers/read")
def get_tier(request: Request) -> Reply:
    _check_tier(request)
    return Reply(200, _tier(request))


@route("PUT", f"{_TIERS}/{{tier}}", plane=Plane.ARM, action=f"{arm.PROVIDER}/quotaTiers/write")
@route("PATCH", f"{_TIERS}/{{tier}}", plane=Plane.ARM, action=f"{arm.PROVIDER}/quotaTiers/write")
def put_tier(request: Request) -> Reply:
    """Whether it rises by itself is all that can be set."""
    _check_tier(request)
    properties = arm.mapping(request.json().get("properties"), "properties")
    policy = arm.text(properties.get("tierUpgradePolicy"), "tierUpgradePolicy") or _POLICIES[0]
    if policy not in _POLICIES:
        raise arm.invalid(f"The tierUpgradePolicy '{policy}' is not one of {', '.join(_POLICIES)}.")
    request.azure.store.put("quota_tier", "default", {"policy": policy})
    return Reply(200, _tier(request))


def _check_tier(request: Request) -> None:
    if request.names["tier"].lower() != "default":
        raise Refusal(404, "NotFound", f"The quota tier '{request.names['tier']}' was not found.")


def _tier(request: Request) -> Doc:
    kept = request.azure.store.get("quota_tier", "default") or {"policy": _POLICIES[0]}
    return {
        "id": f"{arm.SUBSCRIPTION}/providers/{arm.PROVIDER}/quotaTiers/default",
        "name": "default",
        "type": f"{arm.PROVIDER}/quotaTiers",
        "properties": {
            "currentTierName": "Tier 1",
            "assignmentDate": "2026-04-23T00:00:00.0000000Z",
            "tierUpgradePolicy": kept["policy"],
            "tierUpgradeEligibilityInfo": {
                "nextTierName": "Tier 2",
                "upgradeAvailabilityStatus": "NotAvailable",
                "upgradeUnavailabilityReason": "The local Azure has one tier.",
            },
        },
    }


def _required(sent: dict[str, Any], name: str) -> str:
    value = arm.text(sent.get(name), name)
    if not value:
        raise arm.invalid(f"The property '{name}' is required.", "BadRequest")
    return value


def _number(value: Any, name: str) -> float:
    if value is None:
        return 0
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= 1e12:  # noqa: PLR2004  beyond any workload
        raise arm.invalid(f"The property '{name}' must be a number.")
    return value
