"""What takes hours: how far it is declared to go, what was cancelled, adopted, or is too old to be kept. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from ftctl.core.changes import Action, Adoption, Change, Reason
from ftctl.core.errors import Problem
from ftctl.core.model import Address, ChangeClass, Course, Health, Live, Pause, Resource, Surplus

_STILL = {Reason.NOT_BEGUN, Reason.AT_REST, Reason.HALTED, Reason.HALTING, Reason.GIVEN_UP, Reason.WITHHELD}
_MOVES = {Action.CREATE, Action.UPDATE, Action.REPLACE, Action.ADOPT, Action.JUDGE}
_BEGUN = "`state: running`, or none, begins it"


def on_course(resource: Resource, course: Course, live: Live | None) -> Change | None:
    """What a declared course means for `live`; None where planning goes on as for everything else."""
    at = resource.address
    if live is None or live.health in {Health.FAILED, Health.CANCELLED}:
        return _not_begun(at, course, live) if course in {Course.PAUSED, Course.CANCELLED} else None
    if live.health is Health.READY:
        return None
    told = (live.detail,)
    match course, live.pause:
        case Course.CANCELLED, _:
            lost = "what it has trained so far is lost, and billed"
            gone = ChangeClass.IRREVERSIBLE
            return Change(
                at,
                Action.DELETE,
                Reason.GIVEN_UP,
                gone,
                within=live.within,
                before=live.fields,
                because=(*told, lost),
                live=live,
            )
        case Course.PAUSED, Pause.REACHED:
            return Change(at, Action.NOOP, Reason.AT_REST, because=("`state: running` lets it go on",), live=live)
        case Course.PAUSED, Pause.COMING:
            return Change(at, Action.WAIT, Reason.HALTING, because=told, live=live)
        case Course.PAUSED, _:
            return Change(at, Action.UPDATE, Reason.HALTED, ChangeClass.IN_PLACE, because=told, live=live)
        case Course.RUNNING, Pause.COMING | Pause.REACHED:
            return Change(at, Action.UPDATE, Reason.RESUMED, ChangeClass.IN_PLACE, because=told, live=live)
        case _, Pause.COMING | Pause.REACHED:
            return Change(at, Action.WAIT, Reason.PAUSED, because=told, live=live)
    return None


def disagreeing(resource: Resource, same: Resource) -> Change:
    """Of two declarations of one thing that do not agree how far it is to go, the second."""
    problem = Problem(
        "FT3244",
        f"{resource.address} and {same.address} have one recipe, and different `state`",
        resource.place("state") or resource.where,
        subject=str(resource.address),
    )
    return Change(resource.address, Action.BLOCKED, Reason.REFUSED, problem=problem)


def _not_begun(at: Address, course: Course, live: Live | None) -> Change:
    ended = (f"{live.id} {live.health}: {live.detail}",) if live and live.health is Health.FAILED else ()
    said = (f"it is declared `state: {course}`; {_BEGUN}", *ended)
    return Change(at, Action.NOOP, Reason.NOT_BEGUN, because=said, live=live)


def withheld(change: Change, upstream: Sequence[Change]) -> Change:
    """A change that needs what is declared not to go on: it is left out, and says so."""
    held = [one for one in upstream if one.reason in _STILL]
    if change.action not in _MOVES or not held:
        return change
    said = tuple(f"it waits for {one.address}, which {one.reason}" for one in held)
    return Change(change.address, Action.NOOP, Reason.WITHHELD, because=said, live=change.live)


# --- what failed or was cancelled


def failed_before(resource: Resource, live: Live) -> Change:
    """Blocked until somebody decides: another try would be paid for too."""
    problem = Problem(
        "FT3004",
        f"{resource.address} failed before as it is declared ({live.id}: {live.detail or 'no reason given'})",
        resource.where,
        why="Doing the same again would most likely fail again, and training costs money.",
        fix=f"Change what was wrong, or try the same again with `--retry {resource.address}`.",
    )
    return Change(resource.address, Action.BLOCKED, Reason.FAILED, problem=problem, live=live)


def last_cancelled(twins: Iterable[Live]) -> Live | None:
    """The cancelled one, where it was the last try: none lives, and none has failed since."""
    found = list(twins)
    if any(one.health in {Health.READY, Health.PENDING} for one in found):
        return None
    last = max(found, key=lambda one: (one.created, one.id), default=None)
    return last if last and last.health is Health.CANCELLED else None


def cancelled(resource: Resource, gone: Live, told: Problem) -> Change:
    """Blocked until somebody decides; `told` says why nobody else can."""
    problem = replace(
        told,
        code="FT3240",
        what=f"{resource.address} was cancelled as it is declared ({gone.id})",
        where=resource.where,
        subject=str(resource.address),
        fix=f"`--retry {resource.address}` trains it again, and the plan then shows the cost; `state: cancelled`"
        " accepts that it is not trained; another recipe is another training.",
    )
    return Change(resource.address, Action.BLOCKED, Reason.CANCELLED, problem=problem, live=gone)


# --- what is somebody else's


def adopting(resource: Resource, live: Live | None, found: Adoption) -> Change:
    """A thing that is used and never touched: `found` is what speaks against it, and where it differs."""
    if found.problem:
        return Change(resource.address, Action.BLOCKED, Reason.REFUSED, problem=found.problem, live=live)
    assert live is not None
    if live.health is not Health.PENDING:
        return Change(resource.address, Action.NOOP, Reason.USED, fields=found.fields, because=found.because, live=live)
    reason = Reason.PAUSED if live.pause else Reason.IN_PROGRESS
    said = (live.detail, *found.because)
    return Change(resource.address, Action.WAIT, reason, fields=found.fields, because=said, live=live)


# --- what is too old


def surplus(one: Surplus) -> Change:
    """A thing beyond those that are to be kept: deleted, unless something needs it."""
    live = one.live
    address = Address(live.kind, live.label or live.name)
    kept = Change(address, Action.NOOP, Reason.KEPT, name=live.name, key=live.key, within=live.within, live=live)
    if one.needed:
        return replace(kept, because=(one.needed,))
    gone = replace(kept, action=Action.DELETE, reason=Reason.EXPIRED, change_class=ChangeClass.IRREVERSIBLE)
    return replace(gone, before=live.fields, because=(one.because,))
