"""How many jobs an account takes, and runs at once: by its own word where it can be read, else as documented."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ftctl.core.errors import Problem
from ftctl.core.model import Address, Finding, Health, Live, Outlook, Resource, Standing, World
from ftctl.kinds.contract import account_of
from ftctl.kinds.files import limit_of

# The documentation of quotas and limits of Azure OpenAI, February 2026. Accounts were seen to say 500 jobs.
_DOCUMENTED = "the documentation of February 2026"
_JOBS, _QUEUED = 100, 20
_RUNNING = {"standard": 3, "globalStandard": 3, "developerTier": 5}
_SAID = {"standard": "MaxRunningFineTuneCount", "globalStandard": "MaxRunningGlobalStandardFineTuneCount"}
_OWN = "the account's own word"
_NEARLY = 90  # per cent of the jobs that an account takes, from which on a plan says so


@dataclass(frozen=True, slots=True)
class Limit:
    """A number and what it rests on."""

    most: int
    basis: str


@dataclass(frozen=True, slots=True)
class Room:
    """What one account takes, how many jobs it has, and how many of each training type are under way."""

    jobs: Limit
    running: Mapping[str, Limit]
    count: int = 0
    under_way: Mapping[str, int] | None = None

    def busy(self, kind: str) -> int:
        return (self.under_way or {}).get(kind.lower(), 0)


@dataclass(frozen=True, slots=True)
class Place:
    """A planned job among the others of its plan and account: `number` of all, `turn` of those that could run at once.

    `turns` is how many these are. `room` is None where nobody could look.
    """

    room: Room | None
    number: int
    turn: int
    turns: int


def room_of(account: str) -> Address:
    """The fact under which an account's Room is kept."""
    return Address("jobs", account.lower())


def facts(account: Live, lives: Iterable[Live]) -> dict[Address, dict[str, Any]]:
    """What an account says and has."""
    jobs = list(lives)
    open_ = [str(one.fields.get("trainingType") or "standard").lower() for one in jobs if one.health is Health.PENDING]
    room = Room(
        _limit(account, "MaxFineTuneCount", _JOBS),
        {kind: _limit(account, _SAID.get(kind, ""), most) for kind, most in _RUNNING.items()},
        len(jobs),
        {kind: open_.count(kind) for kind in open_},
    )
    return {room_of(account.key): {"room": room}}


def _limit(account: Live, name: str, documented: int) -> Limit:
    said = limit_of(account, name)
    return Limit(said, _OWN) if said else Limit(documented, _DOCUMENTED)


def places(resources: Sequence[Resource], world: World) -> dict[Address, Place]:
    """Where each of the jobs to be created stands; one that goes on from another of them does not run beside it."""
    coming = {one.address for one in resources}
    found: dict[Address, Place] = {}
    numbers: dict[str, int] = {}
    turns: dict[tuple[str, str], list[Address]] = {}
    for one in resources:
        account = str(world.output(account_of(one), "id")).lower()
        numbers[account] = number = numbers.get(account, 0) + 1
        beside = sum(other.declared == one.address.declared for side in turns.values() for other in side)
        later = not isinstance(one.spec.model, str) and Address("job", one.spec.model.job) in coming
        later |= beside >= (one.spec.max_parallel or len(resources))  # a sweep's own order keeps it out of the queue
        side = turns.setdefault((account, one.spec.training_type), [])
        side += [] if later else [one.address]
        found[one.address] = Place(_room(account, one, world), number, 0 if later else len(side), 0)
    ends = {address: len(side) for side in turns.values() for address in side}
    return {address: replace(place, turns=ends.get(address, 0)) for address, place in found.items()}


def _room(account: str, resource: Resource, world: World) -> Room | None:
    room: Room | None = world.fact(room_of(account), "room")
    new = "endpoint" not in world.outputs.get(account_of(resource), {})
    nothing = Room(Limit(_JOBS, _DOCUMENTED), {kind: Limit(most, _DOCUMENTED) for kind, most in _RUNNING.items()})
    return nothing if room is None and new else room


def added(found: Outlook, resource: Resource, place: Place | None) -> Outlook:
    """The outlook with what the account's limits say; `place` is None until a creation is planned."""
    if place is None or found.problem:
        return found
    if place.room is None:
        unknown = Finding(
            "jobs", Standing.UNVERIFIED, "how many jobs the account has is not known", "it was not readable"
        )
        return replace(found, findings=(*found.findings, unknown))
    checks = (_kept(place.room, place), _at_once(place.room, place, resource.spec.training_type))
    full = next((one for one in checks if one.standing is Standing.FAIL), None)
    problem = Problem("FT3242", f"{full.what} ({full.basis})", resource.where) if full else None
    return replace(found, problem=problem, findings=(*found.findings, *checks))


def _kept(room: Room, place: Place) -> Finding:
    """How many jobs there are, ended ones too. The documented number is contested: over it nothing is blocked."""
    number, most = room.count + place.number, room.jobs.most
    what = f"it is job {number} of {most} that the account takes"
    if number <= most:
        near = number * 100 >= _NEARLY * most
        return Finding("jobs", Standing.WARN if near else Standing.PASS, what, room.jobs.basis)
    over = f"it would be job {number} of an account that takes {most}"
    return Finding("jobs", Standing.FAIL if room.jobs.basis == _OWN else Standing.WARN, over, room.jobs.basis)


def _at_once(room: Room, place: Place, kind: str) -> Finding:
    """Whether it runs at once, waits, or finds no place to wait."""
    limit, busy = room.running[kind], room.busy(kind)
    queue = max(0, busy + place.turns - limit.most)
    if busy + place.turn <= limit.most:
        what = f"{limit.most} jobs with {kind} run at once, and {busy} are under way"
        return Finding("queue", Standing.PASS, what, limit.basis)
    waiting = busy + place.turn - limit.most
    if waiting > _QUEUED:
        what = f"it would be number {waiting} in a queue of {_QUEUED} jobs with {kind}"
        return Finding("queue", Standing.FAIL, what, _DOCUMENTED)
    beside = f" beside the {busy} under way" if busy else ""
    what = f"{queue} will queue: {limit.most} jobs with {kind} run at once, and {place.turns} are planned{beside}"
    return Finding("queue", Standing.WARN, what, limit.basis)
