"""Follows a deployment back: to the job that made its model, that job's recipe and data, and what wrote it last."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from msgspec.structs import replace

from ftctl.core.changes import Plan
from ftctl.core.digest import digest
from ftctl.core.errors import FtctlError
from ftctl.core.model import Address, Health, Live, Resource
from ftctl.kinds import marks, recipe, served
from ftctl.kinds.contract import Kind
from ftctl.kinds.trained import Training, job_model
from ftctl.results.lineage import Condition, Data, Gate, Job, Lineage, Model, Origin, Recipe
from ftctl.results.verdict import judge

_ROLES = ("training", "validation")
_STEP = ":ckpt-step-"
_ORIGIN = {"git revision": marks.REVISION, "plan": marks.PLAN, "approver": marks.APPROVED}


@dataclass(frozen=True, slots=True)
class Trail:
    """All that is known of a stack: what is declared, planned and live. `results` reads what a training left.

    `blind` are kinds that could not be read, with the keys of the accounts.
    """

    declared: Mapping[Address, Resource]
    plan: Plan
    lives: Sequence[Live]
    kinds: Mapping[str, Kind]
    results: Callable[[Live], Training]
    blind: frozenset[tuple[str, str]] = frozenset()

    def of_kind(self, kind: str) -> Iterator[Live]:
        return (live for live in self.lives if live.kind == kind)

    def deployments(self, names: Sequence[str]) -> list[Live]:
        """Those that the stack declares; by their names also those of its accounts that it does not."""
        keys = [one.key for one in self.plan.changes if one.kind == "deployment" and one.address in self.declared]
        lives = {live.key: live for live in self.of_kind("deployment")}
        if not names:
            return [lives[key] for key in keys if key in lives]
        mine = [lives[key] for key in keys if key in lives and lives[key].name in names]
        others = [live for live in lives.values() if live.name in names and live.key not in keys]
        return mine + [live for live in others if live.name not in {one.name for one in mine}]


def lineage(trail: Trail, live: Live) -> Lineage:
    """Where a live deployment comes from. Reads the results of the job that made its model."""
    name = str(live.fields["model"] or "")
    maker = _maker(trail, name, live.within)
    body, tags = live.raw, live.raw.get("tags") or {}
    account = next((one for one in trail.of_kind("account") if one.key == live.within), None)
    job, measured, step = _measured(trail, maker, name) if maker else (None, [], None)
    gate, unjudged = _gate(trail, live, name)
    return Lineage(
        stack=trail.plan.home.stack,
        name=live.name,
        id=live.id,
        account=account.name if account else live.id.split("/")[-3],
        location=str(account.outputs.get("location") or "") if account else "",
        declared=any(one.key == live.key and one.address in trail.declared for one in trail.plan.changes),
        owner=live.owner or "",
        sku=str(live.fields["sku"] or ""),
        capacity=live.fields["capacity"],
        state=live.detail,
        checked=str(tags.get(marks.SMOKE) or "").partition(" ")[0],
        model=_model(live, name, job, step),
        previous=served.previous_name(tags),
        origin=_origin(body, tags),
        job=job,
        gate=gate,
        unknown=[*_unmarked(live, tags, trail), *_unmade(trail, live, name, job), *measured, *unjudged],
    )


def _origin(body: Mapping[str, Any], tags: Mapping[str, str]) -> Origin:
    data = body.get("systemData") or {}
    return Origin(
        revision=tags.get(marks.REVISION, ""),
        plan=tags.get(marks.PLAN, ""),
        approved=tags.get(marks.APPROVED, ""),
        by=str(data.get("lastModifiedBy") or ""),
        at=str(data.get("lastModifiedAt") or ""),
    )


def _unmarked(live: Live, tags: Mapping[str, str], trail: Trail) -> Iterator[str]:
    """What the marks do not tell, or no longer truly tell."""
    if live.owner is None:
        yield "who made the deployment, and from what: it carries no stack's mark"
        return
    missing = [name for name, mark in _ORIGIN.items() if not tags.get(mark)]
    if missing:
        yield f"{', '.join(missing)}: what wrote the deployment last did not say"
    normal = trail.kinds["deployment"].normal
    fields = {name: normal(name, value) for name, value in live.fields.items()}
    if live.applied not in {digest(live.fields)[:12], digest(fields)[:12]}:
        yield "who changed the deployment since: it is not as its marks say that it was written"


def _unmade(trail: Trail, live: Live, name: str, job: Job | None) -> Iterator[str]:
    """What is missing on the way from the model to its data."""
    if job is None and ("job", live.within) in trail.blind:
        yield f"what made {name}: the jobs of the account may not be read"
    elif job is None and _fine_tuned(name):
        yield f"what made {name}: no job of the account did, or it was deleted"
    for one in _line(job):
        for data in one.data:
            if not data.sha256:
                yield f"the content of {data.file}, {data.role} data of {one.id}: nothing tells its hash"
    last = list(_line(job))[-1:]
    if last and _fine_tuned(last[0].model):
        yield f"what made {last[0].model}, with which {last[0].id} began: no job of the account did"


def _line(job: Job | None) -> Iterator[Job]:
    """A job, the one it went on from, and so on."""
    while job:
        yield job
        job = job.went_on_from


def _fine_tuned(model: str) -> bool:
    return ".ft-" in model


def _model(live: Live, name: str, job: Job | None, step: int | None) -> Model:
    _, marked, number = name.partition(_STEP)
    first = list(_line(job))[-1:]
    begun = first[0].model if first else name
    return Model(
        name=name,
        version=str(live.fields["version"] or ""),
        base=recipe.root(begun),
        fine_tuned=bool(job) or _fine_tuned(name),
        step=int(number) if marked and number.isdecimal() else step,
        checkpoint="" if not (job or marked) else "from on the way" if marked else "the last",
    )


# --- the job


def _maker(trail: Trail, model: str, account: str) -> Live | None:
    """The job that made a model: of this account, or of another of the stack's."""
    wanted = job_model(model)
    found = [live for live in trail.of_kind("job") if live.outputs.get("model") == wanted]
    return min(found, key=lambda live: (live.within != account, live.created), default=None)


def _measured(trail: Trail, maker: Live, model: str) -> tuple[Job, list[str], int | None]:
    """The job with what was measured at one of its models, what could not be read, and the model's step."""
    job = _job(trail, maker, frozenset())
    try:
        training = trail.results(maker)
        trained, table = training.at(model), training.table
    except FtctlError as error:
        return job, [f"what {maker.id} measured: {error.problems[0].what}"], None
    if trained is None or not table.steps:
        return job, [f"what {maker.id} measured: its results are gone"], None
    found = {name: value for name in table.series if (value := trained.measure(name)) is not None}
    verdict = judge(table, running=False).title
    return replace(job, verdict=verdict, measures=found), [], trained.one.step


def _job(trail: Trail, live: Live, seen: frozenset[str]) -> Job:
    body, marked = live.raw, marks.parse_suffix(live.raw.get("suffix"))
    declared = _declared(trail, live)
    former = _maker(trail, str(body.get("model") or ""), live.within) if live.id not in seen else None
    return Job(
        id=live.id,
        status=str(body.get("status") or ""),
        declared=str(declared.address) if declared else "",
        stack=live.owner or "",
        created=_when(body.get("created_at")),
        finished=_when(body.get("finished_at")),
        model=str(body.get("model") or ""),
        trained=str(body.get("fine_tuned_model") or ""),
        tokens=body.get("trained_tokens"),
        recipe=Recipe(
            fingerprint=marked[2] if marked else "",
            fields={name: _short(value) for name, value in recipe.live_fields(body).items() if value is not None},
        ),
        data=list(_data(trail, live, declared)),
        went_on_from=_job(trail, former, seen | {live.id}) if former else None,
    )


def _short(value: Any) -> Any:
    """A grader or a form of answers as a hash: it is long, and may hold what is nobody's business."""
    return f"#{digest(value)[:12]}" if isinstance(value, Mapping | list) else value


def _declared(trail: Trail, live: Live) -> Resource | None:
    """The declaration that asks for this very training."""
    keys = {change.key: change.address for change in trail.plan.changes if change.kind == "job"}
    jobs = [one for address, one in trail.declared.items() if address.kind == "job"]
    adopted = (one for one in jobs if trail.kinds["job"].adopted(one) == live.id)
    return next(adopted, trail.declared.get(keys.get(live.key, Address("job", ""))))


def _when(seconds: Any) -> str:
    return datetime.fromtimestamp(float(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if seconds else ""


# --- data


def _data(trail: Trail, live: Live, declared: Resource | None) -> Iterator[Data]:
    wanted = trail.kinds["job"].wanted(declared, trail.plan.world).fields if declared else {}
    for role in _ROLES:
        file = str(live.raw.get(f"{role}_file") or "")
        if file:
            known = [value for value in (live.fields.get(role), wanted.get(role)) if value != file]
            sha256 = next((one for one in known if isinstance(one, str) and len(one) == len(digest(""))), "")
            yield _file(trail, role, file, sha256)


def _file(trail: Trail, role: str, file: str, sha256: str) -> Data:
    live = next((one for one in trail.of_kind("dataset") if one.id == file), None)
    data = [one for address, one in trail.declared.items() if address.kind == "dataset"]
    same = [one for one in data if sha256 and one.prepared.get("sha256") == sha256]
    named = [one for one in data if live and live.owner == trail.plan.home.stack and live.label == one.address.name]
    local = next((one for one in (*same, *named) if "shown" in one.prepared), None)
    facts = same[0].prepared if same else {}
    return Data(
        role=role,
        file=file,
        dataset=live.label if live and live.label else same[0].address.name if same else "",
        stack=(live.owner or "") if live else "",
        sha256=sha256,
        examples=facts.get("examples"),
        bytes=facts.get("bytes") or (live.fields.get("bytes") if live else None),
        path=str(local.prepared["shown"]) if local else "",
    )


# --- the gate


def _gate(trail: Trail, live: Live, model: str) -> tuple[Gate | None, list[str]]:
    """What the deployment's gate says, where it says it of the model that serves."""
    found = next((one for one in trail.plan.changes if one.address == Address("gate", live.label or live.name)), None)
    if found is None or not live.owner or not trail.declared[found.address].spec.gates:
        return None, []
    if found.live is None or found.live.outputs.get("model") != model:
        return None, ["whether it passes its gate: that judges another model than the one that serves"]
    if found.live.health is Health.PENDING:
        return None, ["whether it passes its gate: that has yet to ask the model"]
    told = [
        Condition(condition=one["condition"], passed=one["passed"], value=one["value"], told=one["told"])
        for one in found.live.outputs.get("conditions", ())
    ]
    return Gate(passed=found.live.health is Health.READY, conditions=told), []
