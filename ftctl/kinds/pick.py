"""Picks: between the jobs of a sweep and what refers to it; they choose the job whose model that gets.

A pick is the `pick` of a job with a `matrix`, and has no section of its own. It is nothing in Azure: which job is best
stands in the results of all of them, so it is told again by every plan, and a killed run has nothing to remember.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import msgspec

from ftctl.core.errors import Problem
from ftctl.core.model import Address, Health, Home, Live, Outlook, Resource, Unknown, Wanted, World
from ftctl.core.spans import carried
from ftctl.kinds.conditions import metric_name
from ftctl.kinds.contract import Flaw, Kind, NotYetError, Progress, Scope, Seen, account_of, flaw
from ftctl.kinds.gate import LATE
from ftctl.kinds.job import JobSpec
from ftctl.kinds.sweep import Pick, combination, goal_of, members
from ftctl.kinds.trained import Training
from ftctl.results.ranking import Entrant, Ranking, ranked

if TYPE_CHECKING:
    from ftctl.clients import Clients

_AT_ONCE = 8  # jobs whose results are read side by side
_WORDS = {"min": "lowest", "max": "highest"}
_PASSED_ON = ("id", "model", "recipe", "base")  # of the picked job, for what refers to the sweep


class PickSpec(JobSpec, frozen=True, kw_only=True):
    """A sweep as it was declared."""


class PickKind(Kind):
    name = "pick"
    section = ""
    Spec = PickSpec
    rank = 5
    judges = True

    def derive(self, declared: Sequence[Resource]) -> Sequence[Resource]:
        """The jobs of each sweep in its place, and the pick among them, to which whatever names the sweep refers."""
        sweeps = {one.address for one in declared if one.address.kind == "job" and one.spec.matrix}
        named = {address for one in declared for address in one.references} & sweeps
        found: list[Resource] = []
        for plain in declared:
            known = (_pick(address) if address in sweeps else address for address in plain.references)
            one = replace(plain, references=tuple(known))
            jobs = members(one) if one.address in sweeps else [one]
            found += jobs
            if one.address in sweeps and (one.spec.pick or one.address in named):
                found.append(_among(one, jobs))
        return found

    def relate(self, resource: Resource, declared: Mapping[Address, Resource]) -> Iterator[Flaw]:
        if resource.spec.pick is None:
            named = ", ".join(str(one.address) for one in declared.values() if resource.address in one.references)
            what = f"{named} refers to job/{resource.address.name}, a sweep that does not say which of its jobs to pick"
            yield flaw("matrix", "FT1415", what)

    def wanted(self, resource: Resource, world: World) -> Wanted:
        pick, jobs = _declared(resource), _jobs(resource)
        return Wanted(
            key=f"{world.output(account_of(resource), 'id')}|pick|{resource.address.name}".lower(),
            fields={
                "metric": metric_name(pick.metric),
                "goal": goal_of(pick),
                "checkpoint": pick.checkpoint,
                "jobs": [combination(job) for job in jobs],
            },
            settings={
                "label": resource.address.name,
                "endpoint": world.output(account_of(resource), "endpoint"),
                "jobs": {job: {name: world.output(job, name) for name in _PASSED_ON} for job in jobs},
                "where": resource.place("pick.metric"),
            },
            name=resource.address.name,
        )

    def promised(self, resource: Resource, world: World) -> Mapping[str, Any]:
        """What is the same whichever job is picked."""
        bases = [world.output(job, "base") for job in _jobs(resource)]
        return {
            "account": world.output(account_of(resource), "id"),
            "system": world.output(Address("dataset", resource.spec.training), "system"),
            **({"base": bases[0]} if all(base == bases[0] for base in bases) else {}),
        }

    def outlook(self, resource: Resource, world: World) -> Outlook:
        fields = self.wanted(resource, world).fields
        jobs = f"{len(fields['jobs'])} jobs, once all have succeeded"
        return Outlook(because=(f"pick: {_rule(fields)}, of {jobs}",))

    def observe(self, clients: Clients, scope: Scope) -> Seen:
        """Nothing: what is picked follows from other things, and is told by `examine`."""
        return Seen()

    def examine(self, clients: Clients, resources: Iterable[Resource], world: World) -> Seen:
        """Pick where all jobs have succeeded."""
        lives = []
        for resource in resources:
            if not any(isinstance(world.output(job, "model"), Unknown) for job in _jobs(resource)):
                with suppress(NotYetError):  # a plan does not wait
                    lives.append(_picked(clients, self.wanted(resource, world), world.home))
        return Seen(tuple(lives))

    def refresh(self, clients: Clients, live: Live, home: Home, progress: Progress) -> Live | None:
        return live

    def create(self, clients: Clients, wanted: Wanted, home: Home, progress: Progress) -> Live:
        """Pick, now that all jobs have succeeded; nothing is written."""
        return _picked(clients, wanted, home)

    def delete(self, clients: Clients, live: Live) -> None:
        raise AssertionError("a pick is nothing in Azure")

    def failure(self, live: Live) -> Problem:
        problem: Problem | None = live.raw.get("problem")
        return problem or Problem("FT3250", live.detail, fix="Pick by another metric.")


def _pick(sweep: Address) -> Address:
    return Address("pick", sweep.name)


def _among(sweep: Resource, jobs: Sequence[Resource]) -> Resource:
    """The pick of a sweep."""
    references = (account_of(sweep), *(job.address for job in jobs))
    place = sweep.place("pick")
    return Resource(
        _pick(sweep.address),
        PickSpec(**msgspec.structs.asdict(sweep.spec)),
        references,
        {**sweep.places, "": place} if place else sweep.places,
    )


def _declared(resource: Resource) -> Pick:
    pick: Pick | None = resource.spec.pick
    assert pick is not None  # refused by `relate`
    return pick


def _jobs(resource: Resource) -> list[Address]:
    return [address for address in resource.references if address.kind == "job"]


def _rule(fields: Mapping[str, Any]) -> str:
    """`lowest full_valid_loss, at the last checkpoint of each`."""
    return f"{_WORDS[fields['goal']]} {fields['metric']}, at the {fields['checkpoint']} checkpoint of each"


# --- picking


@dataclass(frozen=True, slots=True)
class _Read:
    """What was read of one job; `ended` is when it was done."""

    entrant: Entrant
    ended: float
    settled: bool


def _picked(clients: Clients, wanted: Wanted, home: Home) -> Live:
    """The pick as it is now. Raises NotYetError while results may still be on their way."""
    jobs: Mapping[Address, Mapping[str, Any]] = wanted.settings["jobs"]
    with ThreadPoolExecutor(max_workers=_AT_ONCE) as pool:
        read = carried(lambda job: _read(clients, wanted, job, str(jobs[job]["id"])))
        found = list(pool.map(read, jobs))
    now = clients.clock.now().timestamp()
    if late := [one.entrant.name for one in found if not one.settled and now - one.ended < LATE]:
        raise NotYetError(f"waiting for the results of {late[0]}")
    ranking = ranked([one.entrant for one in found], lower=wanted.fields["goal"] == "min")
    if ranking.unmeasured:
        return _live(wanted, home, ranking, {}, _unmeasured(wanted, ranking))
    best = next(job for job in jobs if combination(job) == ranking.places[0].name)
    return _live(wanted, home, ranking, {"picked": str(best), **jobs[best]})


def _read(clients: Clients, wanted: Wanted, job: Address, id_: str) -> _Read:
    data = clients.data(wanted.settings["endpoint"])
    body = data.get_job(id_)
    if not body or not body.get("fine_tuned_model"):
        raise NotYetError(f"waiting for the model of {job}")
    training, best = Training(data, body), wanted.fields["checkpoint"] == "best"
    choice = training.best() if best else None
    model = training.model if not best else choice.model if choice else ""
    trained = training.at(model) if model else None
    value = trained.measure(wanted.fields["metric"]) if trained else None
    listed = not best or any(one.model == training.model for one in training.kept)
    entrant = Entrant(combination(job), value, body.get("trained_tokens"), trained.one.step if trained else None)
    return _Read(entrant, float(body.get("finished_at") or 0), settled=listed and value is not None)


def _unmeasured(wanted: Wanted, ranking: Ranking) -> Problem:
    label, metric, missing = wanted.settings["label"], wanted.fields["metric"], ranking.unmeasured
    named = ", ".join(one.name for one in missing)
    what = f"{metric} was not measured for {len(missing)} of {len(wanted.fields['jobs'])} jobs of job/{label}: {named}"
    return Problem("FT3250", what, wanted.settings["where"])


def _live(
    wanted: Wanted, home: Home, ranking: Ranking, chosen: Mapping[str, Any], problem: Problem | None = None
) -> Live:
    """The pick as a thing that is there: ready where there is a winner."""
    metric = wanted.fields["metric"]
    rows = ranking.facts(picked=bool(chosen))
    told = () if problem else (f"picked {ranking.winner(metric)}", *ranking.runners_up())
    return Live(
        kind="pick",
        key=wanted.key,
        id=wanted.key,
        name="" if problem else f"picked {ranking.winner(metric)}",
        fields=wanted.fields,
        outputs={
            **chosen,
            "endpoint": wanted.settings["endpoint"],
            "told": told,
            "by": _rule(wanted.fields),
            "metric": metric,
            "ranking": rows,
        },
        owner=home.stack,
        label=wanted.settings["label"],
        health=Health.FAILED if problem else Health.READY,
        detail=problem.what if problem else "; ".join(ranking.runners_up()),
        raw={"problem": problem} if problem else {},
    )


KIND = PickKind()
