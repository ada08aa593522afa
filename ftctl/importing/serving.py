"""What an import writes of deployments: which model answers under which name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, get_args, get_type_hints

from ftctl.core.model import Live
from ftctl.importing.content import Content
from ftctl.importing.draft import Entry
from ftctl.importing.emit import safe
from ftctl.importing.found import Found, Page
from ftctl.kinds import marks
from ftctl.kinds.arm import settable
from ftctl.kinds.deployment import DeploymentSpec

_SKUS = get_args(get_type_hints(DeploymentSpec)["sku"])
_COMPUTED = {"provisioningState", "currentCapacity", "rateLimits", "capabilities", "callRateLimit"}
_COMPUTED |= {"dynamicThrottlingEnabled"}
# What the service fills in where nothing is sent (AZURE: deployments).
_USUAL = {
    "versionUpgradeOption": {"OnceNewDefaultVersionAvailable"},
    "raiPolicyName": {"Microsoft.Default", "Microsoft.DefaultV2"},
    "deploymentState": {"Running"},
    "serviceTier": {"Default"},
}


def deployments(found: Found, page: Page, content: Content) -> None:
    for live in found.inside("deployment"):
        if live.made_for:
            page.leave(f"deployment {live.name}", "an evaluation made it, and takes it away again")
        elif not live.fields["model"] or not live.fields["version"]:
            page.leave(f"deployment {live.name}", "Azure does not say which version of which model it serves")
        else:
            page.entries.append(_deployment(found, page, live, content))


def _deployment(found: Found, page: Page, live: Live, content: Content) -> Entry:
    fields, name = live.fields, page.names.take(live.label if found.owns(live) else live.name, "deployment")
    sku = next((one for one in _SKUS if one.lower() == str(fields["sku"]).lower()), None)
    capacity = fields["capacity"]
    model = _model(live, content)
    odd = [*_unsaid(live, sku)]
    body = {
        **({"name": live.name} if name != live.name else {}),
        "model": model,
        **({"sku": sku} if sku and sku != "GlobalStandard" else {}),
        **({"capacity": capacity} if capacity and capacity > 1 else {}),
        **found.hold(live, fully=not odd),
        **found.place(live),
    }
    strange = [*odd, *_beyond(live)]
    if marks.SMOKE in (live.raw.get("tags") or {}) and found.owns(live):
        strange.append("it had a smoke test, whose question is not kept in Azure")
    return Entry(name, body, tuple(page.remark(name, one) for one in strange))


def _model(live: Live, content: Content) -> dict[str, Any]:
    """What it serves: a job's model or checkpoint where the spec has the job, or a model by its name."""
    fields = live.fields
    job, step = content.models.get((live.within, fields["model"]), ("", 0))
    if job and fields["version"] == "1" and not _source(live):
        format_ = _format(fields)
        return {"job": job, **({"checkpoint": {"step": step}} if step else {}), **format_}
    return {"name": fields["model"], "version": fields["version"], **_format(fields)}


def _format(fields: Any) -> dict[str, Any]:
    return {"format": fields["format"]} if fields["format"] not in {None, "OpenAI"} else {}


def _source(live: Live) -> str:
    """The account that trained the model, where that is another one."""
    model = (live.raw.get("properties") or {}).get("model") or {}
    return str(model.get("source") or model.get("sourceAccount") or "")


def _unsaid(live: Live, sku: str | None) -> Iterator[str]:
    """What the stack could not declare as it is, so that it would change it."""
    if sku is None:
        yield f"its sku is {live.fields['sku'] or 'not told'}, for which a spec has no word"
    if not live.fields["capacity"]:
        yield "Azure tells no capacity of it"
    if _source(live):
        yield "its model was trained in another account"


def _beyond(live: Live) -> Iterator[str]:
    """What a spec does not say and an apply leaves as it is."""
    properties = settable(live.raw.get("properties") or {}, _COMPUTED | {"model"})
    more = [key for key, value in properties.items() if value and str(value) not in _USUAL.get(key, ())]
    tags = marks.users(live.raw.get("tags"))
    if more:
        yield f"it also has {', '.join(sorted(more))}, which a spec does not say and an apply leaves alone"
    if tags:
        names = ", ".join(sorted(map(safe, tags)))
        yield f"it has the tags {names}, which a spec does not say and an apply leaves alone"
