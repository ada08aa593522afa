"""ARM: what models a region has, and how much of each quota is used."""

from __future__ import annotations

from typing import Any

from ftctl.local import arm, catalog
from ftctl.local.arm_accounts import count
from ftctl.local.arm_deployments import used
from ftctl.local.catalog import BaseModel, Sku, normal
from ftctl.local.store import Doc
from ftctl.local.wire import Plane, Refusal, Reply, Request, route


@route("GET", f"{arm.LOCATION}/models", plane=Plane.ARM, action=f"{arm.PROVIDER}/locations/models/read")
def location_models(request: Request) -> Reply:
    """Each model once for each kind of account."""
    location = _location(request)
    listed = [one for one in catalog.MODELS if one.listed_in(normal(location))]
    return arm.collection(
        [_item(location, kind, one) for kind in ("OpenAI", "AIServices", "MaaS") for one in listed if kind in one.kinds]
    )


@route("GET", f"{arm.ACCOUNT}/models", plane=Plane.ARM, action=f"{arm.PROVIDER}/accounts/models/read")
def account_models(request: Request) -> Reply:
    """The models that can be deployed on an account."""
    account = arm.existing_account(request)
    region, kind = normal(account["location"]), account["kind"]
    return arm.collection(
        [_model(one, region) for one in catalog.MODELS if one.listed_in(region) and kind in one.kinds]
    )


@route("GET", f"{arm.LOCATION}/usages", plane=Plane.ARM, action=f"{arm.PROVIDER}/locations/usages/read")
def usages(request: Request) -> Reply:
    azure, location = request.azure, normal(_location(request))
    names = dict.fromkeys(sku.usage_name for one in catalog.MODELS for sku in one.skus if location in sku.regions)
    current = {
        catalog.TUNED_DEPLOYMENTS: used(azure, catalog.TUNED_DEPLOYMENTS, location),
        "OpenAI.S0.AccountCount": count(azure, "OpenAI", location),
        "AIServices.S0.AccountCount": count(azure, "AIServices", location),
        "AccountCount": count(azure, None, location),
        **{name: used(azure, name, location) for name in names},
    }
    return arm.collection([_usage(name, value) for name, value in current.items()])


def _location(request: Request) -> str:
    location = request.names["location"]
    if normal(location) not in catalog.REGIONS:
        raise Refusal(
            400, "NoRegisteredProviderFound", f"No registered resource provider found for location '{location}'."
        )
    return location


def _usage(name: str, value: int) -> Doc:
    title = {"value": name, "localizedValue": catalog.quota_title(name)}
    return {"name": title, "currentValue": value, "limit": catalog.limit(name), "unit": "Count"}


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
    model: dict[str, Any] = {
        "format": one.format,
        "name": one.name,
        "version": one.version,
        "isDefaultVersion": one.default_version,
        "maxCapacity": 3,
        "lifecycleStatus": one.lifecycle,
        "skus": [_sku(sku) for sku in one.skus if region in sku.regions],
        "capabilities": capabilities,
        "deprecation": {"fineTune": f"{one.training_end}T00:00:00Z", "inference": f"{one.inference_end}T00:00:00Z"},
        "systemData": {"createdBy": "Microsoft", "createdByType": "Application"},
    }
    return model | ({"finetuneCapabilities": capabilities} if "fineTune" in flags else {})


def _sku(sku: Sku) -> Doc:
    sizes = {"minimum": sku.minimum, "maximum": sku.maximum, "step": sku.step, "default": sku.default}
    return {
        "name": sku.name,
        "usageName": sku.usage_name,
        "capacity": {name: value for name, value in sizes.items() if value is not None},
        "deprecationDate": f"{sku.retires}T00:00:00Z",
        "rateLimits": [
            {"key": "request", "renewalPeriod": sku.window, "count": sku.requests},
            {"key": "token", "renewalPeriod": 60, "count": 1000},
        ],
        "costs": [{"name": "Hosting", "meterId": "", "unit": "1 Hour"}]
        if sku.tuned and sku.name != "DeveloperTier"
        else [],
    }
