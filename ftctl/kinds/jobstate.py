"""A job's course: pausing and resuming it, how it can end badly, and one that is adopted instead of trained."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ftctl.core.changes import Action, Adoption, Change
from ftctl.core.diff import FieldChange, differences, has_unknown
from ftctl.core.errors import Problem
from ftctl.core.model import Course, Health, Live, Pause, Resource, Wanted
from ftctl.core.rights import Right
from ftctl.kinds import rights
from ftctl.kinds.contract import Flaw, NotYetError, account_of, flaw
from ftctl.kinds.jobbody import health_of
from ftctl.kinds.recipe import Hyperparameters

if TYPE_CHECKING:
    from ftctl.clients.dataplane import DataPlane
    from ftctl.kinds.job import JobSpec

_REFUSED = {400, 409}  # what the service says to a job that cannot be paused or resumed now
_TRAINS = {"running", "resuming"}
_DATA = ("training", "validation")
_ANY_CASE = {"model", "trainingType"}
_HASH = re.compile("[0-9a-f]{64}")


def text_of(resource: Resource) -> str:
    """The part of the suffix that people read."""
    return str(resource.spec.suffix or label(resource.address.name))


def label(name: str) -> str:
    """A job's name as its suffix has it."""
    return name.partition(":")[0].replace("_", "-")[:18]


def texts_of(resource: Resource) -> frozenset[str]:
    """The suffixes' texts of all its trainings, of those too that had another name in the spec."""
    return frozenset({text_of(resource), *map(label, resource.formerly)})


def flaws(spec: JobSpec) -> Iterator[Flaw]:
    """What says how to treat a job does not go with one that is somebody else's."""
    for name in ("state", "keep"):
        if spec.adopt and getattr(spec, name) is not None:
            yield flaw(name, "FT1400", f"`{name}` stands beside `adopt`")


# --- pausing and resuming


def steered(data: DataPlane, live: Live, course: Course) -> Mapping[str, Any]:
    """The job's body after what was possible now was done. Raises NotYetError where it is too early."""
    if live.health is not Health.PENDING:
        return live.raw
    if course is Course.PAUSED:
        return live.raw if live.pause else _paused(data, live)
    if live.pause is Pause.COMING:
        raise NotYetError(f"{live.detail}; it is resumed then")
    return _asked(data, live, data.resume_job, "it cannot be resumed now") if live.pause else live.raw


def _paused(data: DataPlane, live: Live) -> Mapping[str, Any]:
    if live.outputs["status"] not in _TRAINS:
        raise NotYetError(f"{live.detail}: it can be paused once it has trained its first step")
    return _asked(data, live, data.pause_job, f"{live.detail}: it can be paused after its first step, before its last")


def _asked(data: DataPlane, live: Live, verb: Any, not_yet: str) -> Mapping[str, Any]:
    from ftctl.clients.errors import AzureError  # noqa: PLC0415  the clients come in only where Azure does

    try:
        body: Mapping[str, Any] = verb(live.id)
    except AzureError as error:
        if error.status not in _REFUSED:
            raise
        now = data.get_job(live.id)
        if now is None or (health_of(now) is Health.PENDING and now.get("status") == live.outputs["status"]):
            raise NotYetError(not_yet) from None
        return now  # it ended meanwhile, or an answer was lost
    return body


# --- how it can end


def failure(live: Live) -> Problem:
    """What to say of one that failed or was cancelled."""
    if live.health is Health.CANCELLED:
        return Problem(
            "FT3241",
            f"it was cancelled ({live.id})",
            why="Somebody cancelled it, or ftctl did when another recipe took its place: Azure does not say who."
            " Training it again is paid for again, so nobody but you begins that.",
            fix="`--retry` trains it again, and the plan then shows the cost; `state: cancelled` accepts that it is not"
            " trained; another recipe is another training.",
        )
    what = f"training ended {live.health.value}: {live.detail}"
    if not live.label:
        return Problem("FT3201", what, fix="Adopt another job, or take `adopt` out: then it is trained.")
    fix = f"`ftctl logs {live.label}` shows what happened. Change what was wrong, or use `--retry`, and apply again."
    return Problem("FT3201", what, fix=fix)


# --- adopting


def adoption(resource: Resource, wanted: Wanted, live: Live | None) -> Adoption:
    """Whether the named job can be used, and how its recipe differs from the declared one."""
    name = resource.spec.adopt
    if live is None:
        return _unusable(resource, f"there is no job {name} in {account_of(resource)}")
    if live.within != str(wanted.settings["account"]).lower():
        account = live.within.rpartition("/")[2]
        return _unusable(resource, f"{name} is a job of {account}, not of {account_of(resource)}")
    if live.health in {Health.FAILED, Health.CANCELLED}:
        end = "was cancelled" if live.health is Health.CANCELLED else f"failed: {live.detail}"
        return _unusable(resource, f"{name} {end}")
    found = differences(live.fields, wanted.fields, normal=_normal)
    unknown = [one for one in found if one.path in _DATA and _hidden(one)]
    return Adoption(
        fields=tuple(FieldChange(_path(one.path), one.before, one.after) for one in found if one not in unknown),
        because=(*(_unknown(one) for one in unknown), *(_differs(one) for one in found if one not in unknown)),
    )


def _unusable(resource: Resource, what: str) -> Adoption:
    return Adoption(Problem("FT3243", what, resource.place("adopt"), subject=str(resource.address)))


def _normal(path: str, value: Any) -> Any:
    """Letters' case is no difference; a job that says no training type was trained with `standard`."""
    if path == "trainingType" and value is None:
        return "standard"
    return value.lower() if path in _ANY_CASE and isinstance(value, str) else value


def _hidden(one: FieldChange) -> bool:
    """Whether nobody can say if the data is the same: the file's name has no hash, or what is declared has none."""
    hashes = [isinstance(value, str) and _HASH.fullmatch(value) for value in (one.before, one.after)]
    return one.before is not None and not all(hashes)


def _unknown(one: FieldChange) -> str:
    return f"unknown: whether {one.path} has the declared content; it learned from {one.before}, whose hash nobody told"


def _differs(one: FieldChange) -> str:
    before = "without" if one.before is None else f"with {_short(one.before)}"
    after = "only known later" if has_unknown(one.after) else f"declared {_short(one.after)}"
    return f"differs: {_path(one.path)} {after}, it ran {before}"


def _short(value: Any) -> str:
    text = str(value)
    return f"{text[:12]}…" if _HASH.fullmatch(text) else text


def _path(name: str) -> str:
    return f"hyperparameters.{name}" if name in Hyperparameters.__struct_fields__ else name


def rights_of(change: Change) -> Iterator[Right]:
    """What making, steering, cancelling or deleting a job takes; a deleted one goes with its model and its results."""
    account, live = change.key.partition("|")[0], change.live
    words = [f"{rights.JOBS}/{verb}" for verb in rights.verbs(change)]
    if live and change.action is Action.DELETE:
        gone = [f"{rights.MODELS}/delete"] if live.outputs.get("model") else []
        gone += [f"{rights.FILES}/delete"] if live.raw.get("result_files") else []
        words = [f"{rights.JOBS}/cancel/action"] if live.health is Health.PENDING else [*words, *gone]
    yield from (rights.data(word, account) for word in words)
