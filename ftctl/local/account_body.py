"""The body of an account: what of it can be set and to what, and how the service shows the whole."""

from __future__ import annotations

import re
from ipaddress import ip_network
from typing import Any

from ftctl.local import arm, catalog, names
from ftctl.local.store import Doc
from ftctl.local.wire import Refusal, Request

_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]{1,63}")
_SUBDOMAIN = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9-]{0,62}[a-zA-Z0-9]")
KINDS = ("OpenAI", "AIServices")
_IDENTITIES = ("None", "SystemAssigned", "UserAssigned", "SystemAssigned, UserAssigned", "SystemAssigned,UserAssigned")
_BOOLEANS = (
    "disableLocalAuth",
    "dynamicThrottlingEnabled",
    "restrictOutboundNetworkAccess",
    "storedCompletionsDisabled",
    "allowProjectManagement",
    "restore",
)
_LISTS = ("allowedFqdnList", "associatedProjects", "userOwnedStorage", "networkInjections", "costControlIds")
_OBJECTS = ("apiProperties", "encryption", "amlWorkspace", "locations", "raiMonitorConfig")
_PROJECT = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]{1,63}")
# What the service computes, and what only asks for something once.
_NOT_KEPT = frozenset(
    {
        "provisioningState",
        "endpoint",
        "endpoints",
        "internalId",
        "capabilities",
        "isMigrated",
        "skuChangeInfo",
        "dateCreated",
        "callRateLimit",
        "quotaLimit",
        "privateEndpointConnections",
        "deletionDate",
        "scheduledPurgeDate",
        "commitmentPlanAssociations",
        "abusePenalty",
        "restore",
        "migrationToken",
    }
)
_SERVICES = (
    "OpenAI Language Model Instance API",
    "OpenAI Dall-E API",
    "OpenAI Sora API",
    "OpenAI Moderations API",
    "OpenAI Whisper API",
    "OpenAI Model Scaleset API",
    "OpenAI Realtime API",
    "Token Service API",
    "Azure OpenAI Legacy API - Latest moniker",
)
_FOUNDRY_SERVICES = ("AI Foundry API", "Azure AI Model Inference API")
# As recorded; those that only have a name have no value.
_CAPABILITIES = {
    "VirtualNetworks": None,
    "CustomerManagedKey": None,
    "EnableRLSForThrottling": "false",
    "MaxFineTuneCount": "500",
    "MaxRunningFineTuneCount": "3",
    "MaxUserFileCount": "100",
    "MaxTrainingFileSize": "512000000",
    "MaxUserFileImportDurationInHours": "1",
    "MaxFineTuneJobDurationInHours": "720",
    "MaxEvaluationRunDurationInHours": "5",
    "MaxRunningEvaluationCount": "5",
    "MaxRunningGlobalStandardFineTuneCount": "3",
    "TrustedServices": "Microsoft.CognitiveServices,Microsoft.MachineLearningServices,Microsoft.Search",
    "NetworkSecurityPerimeter": None,
    "RaiMonitor": None,
    "quotaRefundsEnabled": "false",
}
_RATE_RULES = (("openai", 30, "openai/*"), ("default", 30, "*"))


def settable(doc: Doc) -> Doc:
    """What had been set of a stored account, in the shape of a request."""
    return {name: doc[name] for name in ("location", "kind", "sku", "tags", "identity", "properties") if name in doc}


def checked(name: str, sent: dict[str, Any], before: Doc | None) -> Doc:
    """What a request asks for, checked against the rules and against the account as it was."""
    if not _NAME.fullmatch(name):
        raise arm.invalid(f"The account name '{name}' is invalid.", "AccountNameInvalid")
    location, kind = arm.text(sent.get("location"), "location"), arm.text(sent.get("kind"), "kind")
    wanted: Doc = {
        "location": _location(name, location, before),
        "kind": kind or (before or {}).get("kind", ""),
        "sku": _sku(sent, before),
        "properties": _properties(arm.mapping(sent.get("properties"), "properties"), before),
    }
    if wanted["kind"] not in KINDS:
        raise arm.invalid(
            f"The account type '{wanted['kind']}' is either invalid or unavailable in given region.", "InvalidApiSetId"
        )
    tags, identity = arm.checked_tags(sent.get("tags")), _identity(sent)
    wanted |= ({"tags": tags} if tags else {}) | ({"identity": identity} if identity else {})
    _check_kind(wanted, before)
    return wanted


def shown(request: Request, doc: Doc, word: str = "") -> dict[str, Any]:
    """A stored account as a client sees it now: what was set, and what the service adds; `word` is its state."""
    word = word or arm.state(request.azure, doc)
    subdomain = doc["properties"].get("customSubDomainName")
    endpoint = f"{names.endpoint(request.base_url, subdomain, catalog.normal(doc['location']))}/"
    services = _SERVICES + (_FOUNDRY_SERVICES if doc["kind"] == "AIServices" else ())
    properties = {
        "endpoint": endpoint,
        **doc["_fixed"],
        "apiProperties": {},
        "callRateLimit": {"rules": [_rate_rule(*rule) for rule in _RATE_RULES]},
        "isMigrated": False,
        "allowProjectManagement": False,
        "privateEndpointConnections": [],
        "publicNetworkAccess": "Enabled",
        **doc["properties"],
        "capabilities": [{"name": key} | ({"value": value} if value else {}) for key, value in _CAPABILITIES.items()],
        "endpoints": dict.fromkeys(services, endpoint),
        "provisioningState": word,
    }
    return {
        **arm.public(doc),
        "type": f"{arm.PROVIDER}/accounts",
        "etag": arm.etag(doc, word),
        "properties": properties,
    }


def _rate_rule(key: str, number: int, path: str) -> dict[str, Any]:
    return {"key": key, "renewalPeriod": 1, "count": number, "matchPatterns": [{"path": path, "method": "*"}]}


def _location(name: str, location: str, before: Doc | None) -> str:
    """The location, kept as it was first written."""
    if before:
        if location and catalog.normal(location) != catalog.normal(before["location"]):
            raise Refusal(
                409,
                "InvalidResourceLocation",
                f"The resource '{name}' already exists in location '{before['location']}'. A resource with the same "
                f"name cannot be created in location '{location}'. Please select a new resource name.",
            )
        return str(before["location"])
    if not location:
        raise arm.invalid("The location property is required for this definition.", "LocationRequired")
    if catalog.normal(location) not in catalog.REGIONS:
        raise arm.invalid(
            f"The provided location '{location}' is not available for resource type '{arm.PROVIDER}/accounts'.",
            "LocationNotAvailableForResourceType",
        )
    return location


def _sku(sent: dict[str, Any], before: Doc | None) -> dict[str, Any]:
    sku = arm.mapping(sent.get("sku"), "sku") or (before or {}).get("sku", {})
    name = arm.text(sku.get("name"), "sku.name")
    if name.upper() != "S0":
        raise arm.invalid(f"The account SKU '{name}' is either invalid or unavailable in given region.", "InvalidSkuId")
    return {"name": name}


def _identity(sent: dict[str, Any]) -> dict[str, Any]:
    identity = arm.mapping(sent.get("identity"), "identity")
    kind = arm.text(identity.get("type"), "identity.type") or "None"
    if kind not in _IDENTITIES:
        raise arm.invalid(f"The identity type '{kind}' is invalid.", "InvalidIdentityType")
    return {} if kind == "None" else dict(identity)


def _properties(sent: dict[str, Any], before: Doc | None) -> dict[str, Any]:
    """Properties as they are kept: unknown ones untouched, nulls as if they had not been sent."""
    kept = {name: value for name, value in sent.items() if name not in _NOT_KEPT and value is not None}
    for name in _BOOLEANS:
        if not isinstance(sent.get(name, False), bool | None):
            raise arm.invalid(f"The property '{name}' must be true or false.")
    _check_shapes(kept)
    access = kept.get("publicNetworkAccess", "Enabled")
    if access not in ("Enabled", "Disabled"):
        raise arm.invalid("The property 'publicNetworkAccess' must be Enabled or Disabled.")
    _check_subdomain(kept, before)
    _check_network(kept)
    if before and before["properties"].get("allowProjectManagement"):
        kept["allowProjectManagement"] = True  # it stays, even when the kind goes back
    return kept


def _check_shapes(kept: dict[str, Any]) -> None:
    for name in _OBJECTS:
        arm.mapping(kept.get(name), name)
    for name in _LISTS:
        if not isinstance(kept.get(name, []), list):
            raise arm.invalid(f"The property '{name}' must be a list.")
    projects = [kept.get("defaultProject"), *kept.get("associatedProjects", [])]
    for project in (arm.text(one, "associatedProjects") for one in projects):
        if project and not _PROJECT.fullmatch(project):
            raise arm.invalid(f"The project name '{project}' is invalid.", "BadRequest")


def _check_subdomain(kept: dict[str, Any], before: Doc | None) -> None:
    """Once set it can neither change nor go."""
    known = (before or {"properties": {}})["properties"].get("customSubDomainName")
    wanted = arm.text(kept.get("customSubDomainName"), "customSubDomainName")
    if known:
        if wanted and wanted.lower() != known.lower():
            raise arm.invalid("The custom subdomain name of an account cannot be changed once it is set.", "BadRequest")
        kept["customSubDomainName"] = known
    elif wanted and not is_subdomain(wanted):
        raise arm.invalid(f"The subdomain name '{wanted}' is invalid.", "SubDomainNameInvalid")


def is_subdomain(name: str) -> bool:
    """Whether an account could be called so; one name is ours."""
    return bool(_SUBDOMAIN.fullmatch(name)) and name.lower() != "regional"


def _check_network(kept: dict[str, Any]) -> None:
    rules = arm.mapping(kept.get("networkAcls"), "networkAcls")
    if not rules:
        return
    if rules.get("defaultAction") not in ("Allow", "Deny"):
        raise arm.invalid("The property 'networkAcls.defaultAction' must be Allow or Deny.")
    if rules.get("bypass") not in (None, "None", "AzureServices"):
        raise arm.invalid("The property 'networkAcls.bypass' must be None or AzureServices.")
    for name, key in (("ipRules", "value"), ("virtualNetworkRules", "id")):
        listed = rules.get(name, [])
        if not isinstance(listed, list) or not all(isinstance(one, dict) and one.get(key) for one in listed):
            raise arm.invalid(f"The property 'networkAcls.{name}' must be a list of objects with '{key}'.")
    for rule in rules.get("ipRules", []):
        _check_range(arm.text(rule["value"], "networkAcls.ipRules.value"))
    if not kept.get("customSubDomainName"):
        raise arm.invalid("Network rules need an account with a custom subdomain name.", "BadRequest")
    kept["networkAcls"] = {"virtualNetworkRules": [], "ipRules": []} | rules


def _check_range(text: str) -> None:
    try:
        ip_network(text, strict=False)
    except ValueError:
        raise arm.invalid(f"The value '{text}' is no IP address and no range of them.", "BadRequest") from None


def _check_kind(wanted: Doc, before: Doc | None) -> None:
    """OpenAI becomes AIServices in place, given an identity and a subdomain; the way back is open too."""
    changed = before is not None and before["kind"] != wanted["kind"]
    if changed and wanted["kind"] == "AIServices":
        if "identity" not in wanted or not wanted["properties"].get("customSubDomainName"):
            raise arm.invalid("The upgrade to AIServices takes an identity and a custom subdomain name.", "BadRequest")
        wanted["properties"]["allowProjectManagement"] = True
