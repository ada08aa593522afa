"""How many superseded trainings of a job stay; what serves, or may serve again, is never among those that go."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from ftctl.core.changes import Action, Change, Sight
from ftctl.core.model import Address, Health, Live, Resource, Surplus, Unknown, Wanted
from ftctl.kinds import marks
from ftctl.kinds.contract import account_of
from ftctl.kinds.served import previous_name
from ftctl.kinds.trained import job_model


def surplus(
    declared: Mapping[Address, Resource],
    jobs: Mapping[Address, Wanted],
    seen: Sight,
) -> Iterator[Surplus]:
    """Of each job with `keep`, the trainings beyond those: what has succeeded and no declaration wants any more.

    One that failed or was cancelled stays: it is what keeps its recipe from being paid for again unasked.
    """
    lives = seen.lives
    current = {wanted.key for wanted in jobs.values()}
    needed = {_of(model): why for model, why in (*_continued(lives), *_declared(declared), *_served(seen))}
    told: set[str] = set()
    for address, wanted in jobs.items():
        keep = declared[address].spec.keep
        if keep is None:
            continue
        account = str(wanted.settings["account"]).lower()
        old = [one for one in lives if _superseded(one, wanted, account) and one.key not in current]
        old.sort(key=lambda one: (one.created, one.id), reverse=True)
        for live in old[keep:]:
            if live.id not in told:
                told.add(live.id)
                unseen = f"not all of {account_of(declared[address])} can be seen" if account in seen.blind else ""
                why = unseen or needed.get(_of(live.outputs.get("model")), "")
                yield Surplus(live, _gone(live, address, keep), f"{live.id} stays: {why}" if why else "")


def _superseded(live: Live, wanted: Wanted, account: str) -> bool:
    own = live.kind == "job" and live.within == account and live.label in wanted.settings["texts"]
    return own and bool(live.owner) and live.health is Health.READY


def _gone(live: Live, address: Address, keep: int) -> str:
    return f"{address} keeps {keep}; {live.id} goes with its results and its model, for good"


# --- what is needed, by model: why


def _of(model: Any) -> str:
    """The job's own model, of a checkpoint too, in the one spelling that comparison uses."""
    return job_model(str(model or "")).lower()


def _served(seen: Sight) -> Iterator[tuple[Any, str]]:
    """What deployments serve, and what each served before: a roll-back would go there.

    Once this plan has re-pointed one, what it serves now is what it served before; of one that it deletes nothing is.
    """
    doomed = {one.live.id for one in seen.changes if one.action is Action.DELETE and one.live}
    coming = {one.address for one in seen.changes if one.action in {Action.CREATE, Action.WAIT}}
    moved = {one.live.id for one in seen.changes if one.live and one.action is Action.UPDATE and _repoints(one, coming)}
    deployments = [one for one in seen.lives if one.kind == "deployment" and one.id not in doomed]
    for live in deployments:
        if live.id in moved:
            continue
        tags: Mapping[str, Any] = live.raw.get("tags") or {}
        waiting = str(tags.get(marks.SMOKE) or "").split(" ")  # the model of the last passed check is the second word
        former = [*waiting[1:2], *filter(None, [previous_name(tags)])]
        yield from (
            (model, f"deployment/{live.name} served its model before, and may be put back to it") for model in former
        )
    yield from ((one.fields.get("model"), f"deployment/{one.name} serves its model") for one in deployments)


def _repoints(change: Change, coming: Collection[Address]) -> bool:
    """Whether it will serve another model for certain: a gate may still choose the one that it serves."""
    after = [field.after for field in change.fields if field.path == "model"]
    return any(not isinstance(value, Unknown) or value.source in coming for value in after)


def _declared(declared: Mapping[Address, Resource]) -> Iterator[tuple[Any, str]]:
    """What declarations name by its id."""
    names = {at: one.spec.model for at, one in declared.items() if at.kind == "job"}
    names |= {at: one.spec.model.name for at, one in declared.items() if at.kind == "deployment"}
    said = {"job": "goes on from its model", "deployment": "is to serve its model"}
    return ((name, f"{at} {said[at.kind]}") for at, name in names.items() if isinstance(name, str))


def _continued(lives: Sequence[Live]) -> Iterator[tuple[Any, str]]:
    """What trainings under way began with."""
    running = [one for one in lives if one.kind == "job" and one.health is Health.PENDING]
    return ((one.fields.get("model"), f"{one.id} learns from its model") for one in running)
