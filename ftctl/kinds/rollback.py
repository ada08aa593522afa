"""Putting a deployment back: which model it served before, whether that can be served, and how a spec would say it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import msgspec

from ftctl.core.changes import Action, Change, Plan, Reason
from ftctl.core.errors import FtctlError, Problem
from ftctl.core.model import Live, Resource, Unknown
from ftctl.kinds import served
from ftctl.kinds.choice import ModelChoice
from ftctl.kinds.contract import account_of, trainer
from ftctl.kinds.trained import STEP_MARK

if TYPE_CHECKING:
    from ftctl.clients import Clients

Model = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Back:
    """The declaration that a deployment would have had, with what else there is to say to people."""

    resource: Resource
    told: tuple[str, ...]


def back(clients: Clients, resource: Resource, made: Plan, lives: Sequence[Live], asked: str) -> Back:
    """The way back of a deployment that is live; `made` is the plan of its stack, `asked` a model that is meant.

    Raises FT3313 where nothing is known, FT3314 where it is gone, FT3315 where it is not the one that is meant.
    """
    change = next(one for one in made.changes if one.address == resource.address)
    live = change.live
    if live is None:
        raise _error("FT6005", resource, f"{resource.address} is declared, but not in Azure")
    model = _meant(resource, live, asked)
    doubts = _looked_for(clients, resource, live, model, lives)
    return Back(_declared(resource, live, model, made), (*_contrary(change, resource, model, made, lives), *doubts))


def _meant(resource: Resource, live: Live, asked: str) -> Model:
    """The model before this one; or this one, where it is asked for and was put back already."""
    now = (live.raw.get("properties") or {}).get("model") or {}
    if asked and asked.lower() == str(now.get("name")).lower():
        return dict(now)
    former = served.before(live.raw)
    if former is None:
        raise _error("FT3313", resource, f"it is not known what {live.name} served before {now.get('name')}")
    if asked and asked.lower() != former["name"].lower():
        what = f"{live.name} served {former['name']} before, not {asked}"
        raise _error("FT3315", resource, what)
    if not former.get("version"):
        raise _error("FT3313", resource, f"{live.name} served {former['name']} before, nobody noted in which version")
    return {"format": "OpenAI", **former}


def _looked_for(
    clients: Clients, resource: Resource, live: Live, model: Model, lives: Sequence[Live]
) -> tuple[str, ...]:
    """See that it is still there; a doubt where nobody may look."""
    from ftctl.clients.errors import AzureError  # noqa: PLC0415  the clients come in only where Azure does

    tuned = served.TUNED in model["name"]
    name = model["name"] if tuned else f"{model['name']}-{model['version']}"
    endpoint = _endpoint(live, model, lives)
    if not endpoint:
        return (f"nobody looked whether {name} is still in {model['source']}",)
    try:
        body = clients.data(endpoint).get_model(name)
    except AzureError as error:
        if not error.permission:
            raise
        return (f"nobody could look whether {name} is still there: {error.problems[0].what}",)
    if body is None and (tuned or model["format"] == "OpenAI"):
        raise _error("FT3314", resource, f"{live.name} served {name} before, and that is not there any more")
    return ()


def _endpoint(live: Live, model: Model, lives: Sequence[Live]) -> str:
    """Where the model is to be found; empty for an account that the stack does not know."""
    source = str(model.get("source") or "").lower()
    found = (one.outputs.get("endpoint") for one in lives if (one.kind, one.key) == ("account", source))
    return str(next(found, "") or "") if source else str(live.outputs["endpoint"])


def put_back(plan: Plan, way: Back) -> Plan:
    """The plan of that declaration alone, with its reason and all that there is to say."""
    changes = [replace(one, because=(*one.because, *way.told)) for one in plan.changes]
    moved = [replace(one, reason=Reason.PUT_BACK) if _repoints(one) else one for one in changes]
    return replace(plan, changes=tuple(moved))


def _repoints(change: Change) -> bool:
    return change.action is Action.UPDATE and bool(change.fields)


def _declared(resource: Resource, live: Live, model: Model, made: Plan) -> Resource:
    """The deployment as it is, but for its model: nothing else of it changes, and no gate is asked."""
    spec, fields = resource.spec, live.fields
    if spec.smoke_test and spec.smoke_test.system == "from-training":
        found = made.world.output(trainer(resource, spec.model.job or ""), "system")
        asks = msgspec.structs.replace(spec.smoke_test, system=found if isinstance(found, str) else None)
        spec = msgspec.structs.replace(spec, smoke_test=asks)
    words = {"name": model["name"], "version": str(model["version"]), "format": model["format"]}
    choice = ModelChoice(**words, source=model.get("source"))
    kept = {name: fields[name] for name in ("sku", "capacity") if fields.get(name) is not None}
    return replace(
        resource, spec=msgspec.structs.replace(spec, model=choice, **kept), references=(account_of(resource),)
    )


# --- what the spec says to it


def _contrary(change: Change, resource: Resource, model: Model, made: Plan, lives: Sequence[Live]) -> tuple[str, ...]:
    """That the next apply undoes it, and how to declare what serves then."""
    assert change.live is not None
    wanted = {**change.live.fields, **change.after}
    if (wanted.get("model"), str(wanted.get("version"))) == (model["name"], str(model["version"])):
        return ("the spec declares this model too: the next apply leaves it",)
    job = resource.spec.model.job
    unknown = isinstance(wanted.get("model"), Unknown)
    other = f"the model of job/{job}" if job else str(wanted.get("model"))
    return (
        f"the spec still declares {other}: the next apply {'may' if unknown else 'would'} re-point it again",
        f"to keep it, declare {_written(model, made, lives)}",
    )


def _written(model: Model, made: Plan, lives: Sequence[Live]) -> str:
    """How a spec says it: by the job that is declared and trained it, or by name."""
    own, _, step = model["name"].partition(STEP_MARK)
    trained = next((one for one in lives if one.kind == "job" and one.outputs.get("model") == own), None)
    by = next((one for one in made.changes if trained and one.live and one.live.id == trained.id), None)
    if by and ":" not in by.address.name:
        checkpoint = f", checkpoint: {{step: {step}}}" if step else ""
        return f"`model: {{job: {by.address.name}{checkpoint}}}`"
    publisher = "" if model["format"] == "OpenAI" else f", format: {model['format']}"
    source = f", source: {model['source']}" if model.get("source") else ""
    return f'`model: {{name: "{model["name"]}", version: "{model["version"]}"{publisher}{source}}}`'


def _error(code: str, resource: Resource, what: str) -> FtctlError:
    return FtctlError(Problem(code, what, resource.where, subject=str(resource.address)))
