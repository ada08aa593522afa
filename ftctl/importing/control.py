"""What an import writes of the control plane: accounts, and who may do what on them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ftctl.catalog.roles import find_role
from ftctl.core.model import Live
from ftctl.importing.draft import Entry, Names
from ftctl.importing.emit import is_secret, safe
from ftctl.importing.found import Found, Page
from ftctl.kinds.arm import settable
from ftctl.spec.declaration import GROUP

KINDS = {"openai": "OpenAI", "aiservices": "AIServices"}
_SAID = {"customSubDomainName", "disableLocalAuth", "publicNetworkAccess", "allowProjectManagement"}
_COMPUTED = {  # what Azure alone sets (azure-rest-api-specs, Microsoft.CognitiveServices, AccountProperties)
    "provisioningState", "endpoint", "endpoints", "internalId", "capabilities", "isMigrated", "skuChangeInfo",
    "dateCreated", "callRateLimit", "quotaLimit", "deletionDate", "scheduledPurgeDate", "commitmentPlanAssociations",
    "abusePenalty",
}  # fmt: skip
_PRINCIPALS = {"User", "Group", "ServicePrincipal"}


# --- accounts


def account_names(accounts: tuple[Live, ...], stack: str) -> dict[str, str]:
    """What the spec calls the accounts, by their keys: as their stack did, `main` where there is one."""
    names = Names()
    wishes = [(one, one.label if one.owner == stack else "") for one in accounts]
    alone = "main" if len(accounts) == 1 else ""
    return {one.key: names.take(label or alone or one.name, "account") for one, label in wishes}


def accounts(found: Found, page: Page) -> None:
    for live in found.accounts:
        page.entries.append(_account(found, page, live))


def _account(found: Found, page: Page, live: Live) -> Entry:
    name, fields = found.names[live.key], live.fields
    tags, odd = _tags(fields["tags"])
    strange = [*_strange_account(live), *(f"its tag {one} cannot stand in a spec" for one in odd)]
    network = fields["publicAccess"]
    body = {
        "name": live.name,
        **({"kind": KINDS[fields["kind"].lower()]} if fields["kind"].lower() != "aiservices" else {}),
        "location": fields["location"],
        **({"localAuth": True} if fields["localAuth"] else {}),
        **({"network": {"publicAccess": network}} if network == "disabled" else {}),
        **({"tags": tags} if tags else {}),
        **({"protect": True} if fields["protect"] else {}),
        **found.hold(live, fully=not any(_compared(live))),
    }
    beside = {"manage": "another's: it is only read"} if "manage" in body and not found.owns(live) else {}
    return Entry(name, body, tuple(page.remark(name, one) for one in strange), beside)


def _compared(live: Live) -> Iterator[str]:
    """What is otherwise than any declaration of it would be: the stack could not manage it as it is."""
    fields = live.fields
    if str(fields["subdomain"] or "").lower() != live.name.lower():
        yield f"its subdomain is {fields['subdomain'] or 'none'}, where a spec has the name"
    if str(fields["sku"]).lower() != "s0":
        yield f"its sku is {fields['sku']}, where a spec has S0"
    if fields["publicAccess"] not in {"enabled", "disabled"}:
        yield f"its public access is {fields['publicAccess']}, for which a spec has no word"


def _strange_account(live: Live) -> Iterator[str]:
    yield from _compared(live)
    properties = {key: one for key, one in settable(live.raw.get("properties") or {}, _COMPUTED).items() if one}
    more = sorted(key for key, one in properties.items() if key not in _SAID and not _is_open(one))
    identity = str((live.raw.get("identity") or {}).get("type") or "None")
    more += ["identity"] if identity != "None" else []
    if more:
        yield f"it also has {', '.join(more)}, which a spec does not say and an apply leaves alone"


def _is_open(value: Any) -> bool:
    """Whether these are network rules that keep nobody out."""
    rules = dict(value) if isinstance(value, Mapping) else {"": value}
    rules.pop("bypass", None)
    shut = str(rules.pop("defaultAction", "Allow")).lower() != "allow" or rules.pop("ipRules", None)
    return isinstance(value, Mapping) and not (shut or rules.pop("virtualNetworkRules", None) or any(rules.values()))


def _tags(found: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """The tags that can be declared, and the names of those that cannot: a variable as key, or what is secret."""
    odd = [name for name, value in found.items() if not name or "${" in name or is_secret(value)]
    return {name: value for name, value in found.items() if name not in odd}, [safe(name) for name in odd]


def group(found: Found) -> str | dict[str, Any]:
    """The resource group; one that carries the stack's mark is made by it."""
    named = (one for one in found.lives if one.kind == GROUP and one.name.lower() == found.home.group.lower())
    live = next(named, None)  # who may only read the account does not see it
    if live is None or not found.owns(live):
        return live.name if live else found.home.group
    return {"name": live.name, "create": True, "location": live.fields["location"]}


# --- role assignments


def assignments(found: Found, page: Page) -> None:
    """Those on the accounts and on what is in them, and the stack's own on anything else."""
    keys = {one.key for one in found.accounts}
    for live in sorted(
        (one for one in found.lives if one.kind == "roleAssignment"),
        key=lambda one: (not found.owns(one), one.label, one.name, one.id),
    ):
        scope = live.fields["scope"].lower()
        if found.owns(live) or any(scope == key or scope.startswith(f"{key}/") for key in keys):
            _assignment(found, page, live)


def _assignment(found: Found, page: Page, live: Live) -> None:
    properties = live.raw["properties"]
    role, type_ = find_role(live.fields["role"]), properties.get("principalType")
    if type_ not in _PRINCIPALS:
        page.leave(live.name, f"a spec has no principal of the type {type_ or 'unknown'}")
        return
    short = (role.name if role else live.fields["role"][:8]).removeprefix("Cognitive Services ").lower()
    label = live.label if found.owns(live) else ""
    name = page.names.take(label or f"{short}-{live.fields['principal'][-6:]}", "assignment")
    conditional = bool(properties.get("condition"))
    body = {
        "role": role.name if role else live.fields["role"],
        **_scope(found, live),
        "principal": {"id": live.fields["principal"], "type": type_},
        **found.hold(live, fully=not conditional),
    }
    said = "it has a condition, which a spec does not say"
    page.entries.append(Entry(name, body, (page.remark(name, said),) if conditional else ()))


def _scope(found: Found, live: Live) -> dict[str, Any]:
    scope, home = live.fields["scope"].lower().rstrip("/"), found.home
    subscription = f"/subscriptions/{home.subscription}".lower()
    match scope:
        case _ if scope in found.names:
            return {"resource": found.names[scope]} if len(found.accounts) > 1 else {}
        case _ if scope == subscription:
            return {"scope": "subscription"}
        case _ if scope == f"{subscription}/resourcegroups/{home.group}".lower():
            return {"scope": "resourceGroup"}
        case _:
            return {"scope": live.fields["scope"]}
