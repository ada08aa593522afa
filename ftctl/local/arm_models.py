"""ARM: what models a region has, and how much of each quota is used."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

from ftctl.local import arm, catalog, quotas
from ftctl.local.arm_accounts import count
from ftctl.local.arm_deployments import used
from ftctl.local.catalog import BaseModel, Sku, normal
from ftctl.local.store import Doc
from ftctl.local.wire import Plane, Refusal, Reply, Request, route

_NAME_FILTER = re.compile(r"name/?\.?value eq '((?:[^']|'')*)'", re.IGNORECASE)


@route("GET", f"{arm.LOCATION}/models", plane=Plane.ARM, action=f"{arm.PROVIDER}/locations/models/read")
def location_models(request: Request) -> Reply:
    """Each model once for each kind of account."""
    location = existing_location(request)
    listed = [one for one in catalog.MODELS if one.listed_in(normal(location))]
    return arm.collection(
        [_item(location, kind, one) for kind in ("OpenAI", "AIServices", "MaaS") for one in listed if kind in one.kinds]
    )


@route("GET", f"{arm.ACCOUNT}/models", plane=Plane.ARM, action=f"{arm.PROVIDER}/accounts/models/read")
def account_models(request: Request) -> Reply:
    """The models that can be deployed on an account."""
    account = arm.account_to_read(request)
    region, kind = normal(account["location"]), account["kind"]
    return arm.collection(
        [_model(one, region) for one in catalog.MODELS if one.listed_in(region) and kind in one.kinds]
    )


@route("GET", f"{arm.LOCATION}/usages", plane=Plane.ARM, action=f"{arm.PROVIDER}/locations/usages/read")
def usages(request: Request) -> Reply:
    """Each quota of a region and how much of it is used."""
    azure, location = request.azure, normal(existing_location(request))
    names = dict.fromkeys(sku.usage_name for one in catalog.MODELS for sku in one.skus if location in sku.regions)
    current = {
        quotas.TUNED_DEPLOYMENTS: used(azure, quotas.TUNED_DEPLOYMENTS, location),
        "OpenAI.S0.AccountCount": count(azure, "OpenAI", location),
        "AIServices.S0.AccountCount": count(azure, "AIServices", location),
        "AccountCount": count(azure, None, location),
        **{name: used(azure, name, location) for name in names},
    }
    return _usages(request, current)


@route("GET", f"{arm.ACCOUNT}/usages", plane=Plane.ARM, action=f"{arm.PROVIDER}/accounts/usages/read")
def account_usages(request: Request) -> Reply:
    """What the deployments of an account take of each quota."""
    account = arm.account_to_read(request)
    current: Counter[str] = Counter()
    for one in request.azure.store.all("deployment", account["id"]):
        current[one["_usage"]] += one["sku"]["capacity"]
        current[quotas.TUNED_DEPLOYMENTS] += one["_tuned"]
    return _usages(request, {name: number for name, number in current.items() if number})


def existing_location(request: Request) -> str:
    """The region that the path names, as it is written there."""
    location = request.names["location"]
    if normal(location) not in catalog.REGIONS:
        raise Refusal(
            400, "NoRegisteredProviderFound", f"No registered resource provider found for location '{location}'."
        )
    return location


def _usages(request: Request, current: dict[str, int]) -> Reply:
    """All of them, or with a filter the one of that name."""
    condition = request.query.get("$filter", "").strip()
    wanted = _NAME_FILTER.fullmatch(condition)
    if condition and not wanted:
        raise arm.invalid(f"The filter '{condition}' is not supported.", "UnsupportedQuery")
    name = wanted[1].replace("''", "'").lower() if wanted else None
    return arm.collection([_usage(key, number) for key, number in current.items() if name in (None, key.lower())])


def _usage(name: str, value: int) -> Doc:
    title = {"value": name, "localizedValue": quotas.title(name)}
    return {"name": title, "currentValue": value, "limit": quotas.limit(name), "unit": "Count"}


def _item(location: str, kind: str, one: BaseModel) -> Doc:
    name = f"{one.format}.{one.name}.{one.version}"
    return {
        "id": f"{arm.SUBSCRIPTION}/providers/{arm.PROVIDER}/locations/{location}/models/{name}",
        "type": f"{arm.PROVIDER}/locations/models",
        "name": name,
        "location": location,
        "kind": kind,
        "skuName": "S0",
        "model": _model(one, normal(location)),
    }


def _model(one: BaseModel, region: str) -> Doc:
    flags = dict.fromkeys(one.flags(region), "true")
    limits = {"FineTuneTokensMaxValue": str(one.max_tokens_per_job)}
    if one.max_tokens_per_example:
        limits["FineTuneTokensMaxValuePerExample"] = str(one.max_tokens_per_example)
    capabilities = {**one.capabilities, **flags, **limits}
    stamp = f"{catalog.AS_OF}T00:00:00Z"
    model: dict[str, Any] = {
        "format": one.format,
        "name": one.name,
        "version": one.version,
        **({"publisher": one.publisher} if one.publisher else {"description": ""}),
        "isDefaultVersion": one.default_version,
        "maxCapacity": one.max_capacity,
        "lifecycleStatus": one.lifecycle,
        "skus": [_sku(one, sku) for sku in one.skus if region in sku.regions],
        "capabilities": capabilities,
        "deprecation": {"fineTune": f"{one.training_end}T00:00:00Z", "inference": f"{one.inference_end}T00:00:00Z"},
        "systemData": {
            "createdBy": "Microsoft",
            "createdByType": "Application",
            "createdAt": stamp,
            "lastModifiedBy": "Microsoft",
            "lastModifiedByType": "Application",
            "lastModifiedAt": stamp,
        },
    }
    return model | ({"finetuneCapabilities": capabilities} if "fineTune" in flags else {})


def _sku(one: BaseModel, sku: Sku) -> Doc:
    return {
        "name": sku.name,
        "usageName": sku.usage_name,
        "capacity": sku.sizes,
        "deprecationDate": f"{sku.retires}T00:00:00Z",
        **({"rateLimits": sku.rate_limits(1)} if sku.requests else {}),
        "costs": [
            {"name": name, "meterId": "", "unit": "1 Unit Hour" if name == "Hosting" else "1K Tokens"}
            for name in _costs(one, sku)
        ],
    }


def _costs(one: BaseModel, sku: Sku) -> list[str]:
    """What is charged for: for training there is no meter in the list."""
    hosting = ["Hosting"] if sku.tuned and sku.name != "DeveloperTier" else []
    if one.format != "OpenAI":
        return hosting
    if one.name == "gpt-35-turbo":
        return ["ContextToken", "GeneratedToken"]
    return [*hosting, "NoCachedContextToken", "CachedContextToken", "GeneratedToken"]
