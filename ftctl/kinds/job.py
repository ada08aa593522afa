"""Fine-tuning jobs: a job is its recipe, and a recipe is trained once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec

from ftctl.core.digest import digest
from ftctl.core.errors import FtctlError, Problem, Severity
from ftctl.core.estimate import Budget, Estimate
from ftctl.core.model import Address, ChangeClass, Health, Home, Live, Resource, Wanted, World
from ftctl.kinds import marks
from ftctl.kinds.contract import (
    Declaration,
    Flaw,
    Kind,
    Prepared,
    Progress,
    Scope,
    Seen,
    account_of,
    described,
    flaw,
    later,
    reference,
)

if TYPE_CHECKING:
    from ftctl.clients import Clients
    from ftctl.clients.dataplane import DataPlane
    from ftctl.data.report import Report

_HEALTH = {"succeeded": Health.READY, "failed": Health.FAILED, "cancelled": Health.CANCELLED}
_NAMED = 3  # lines of examples
_LOOKS = 5  # after an unanswered creation, before giving up on seeing the job


class Hyperparameters(Declaration, frozen=True, rename=None):
    """How to train. `auto` leaves the choice to the service and is never a difference."""

    n_epochs: Annotated[
        Annotated[int, msgspec.Meta(ge=1, le=50)] | Literal["auto"], described("Passes over the data.")
    ] = "auto"
    batch_size: Annotated[
        Annotated[int, msgspec.Meta(ge=1, le=256)] | Literal["auto"], described("Examples per step.")
    ] = "auto"
    learning_rate_multiplier: Annotated[
        Annotated[float, msgspec.Meta(gt=0, le=10)] | Literal["auto"],
        described("Scales the model's own learning rate."),
    ] = "auto"


class JobSpec(Declaration, frozen=True):
    """A training run, paid for once for each recipe."""

    model: Annotated[
        str, described("The base model with its date, such as gpt-4.1-mini-2025-04-14, or a fine-tuned model's id.")
    ]
    training: Annotated[str, reference("dataset", "The dataset to learn from.")]
    validation: Annotated[str | None, reference("dataset", "The dataset to measure on.")] = None
    method: Annotated[Literal["supervised", "dpo", "reinforcement"], described("How it learns.")] = "supervised"
    training_type: Annotated[
        Literal["standard", "globalStandard", "developerTier"],
        described("Where training runs and what it costs. It is always sent: Azure misreads its absence."),
    ] = "globalStandard"
    seed: Annotated[Annotated[int, msgspec.Meta(ge=0, le=2147483647)] | None, described("Makes runs comparable.")] = (
        None
    )
    suffix: Annotated[
        Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9-]{1,18}$")] | None,
        described("Begins the fine-tuned model's suffix; the job's name if left out."),
    ] = None
    hyperparameters: Annotated[Hyperparameters, described("How to train.")] = msgspec.field(
        default_factory=Hyperparameters
    )
    on_failure: Annotated[
        Literal["stop"], described("What to do when training fails; a paid job is never run again silently.")
    ] = "stop"
    max_cost: Annotated[
        Annotated[float, msgspec.Meta(ge=0)] | None,
        described("The most that it may be estimated to cost, in US dollars; a plan over it is blocked."),
    ] = None
    gates: Annotated[list[Any] | None, later("Conditions between training and serving.")] = None
    resource: Annotated[str | None, reference("account", "The account, where the stack has several.")] = None


class JobKind(Kind):
    name = "job"
    section = "jobs"
    Spec = JobSpec
    rank = 4
    in_account = True
    history = True
    trains = True
    loss = ChangeClass.IRREVERSIBLE
    after = ("roleAssignment",)

    def check(self, spec: JobSpec) -> Iterator[Flaw]:
        if spec.method != "supervised":
            yield flaw(
                "method",
                "FT1200",
                f"`method: {spec.method}` is not supported yet",
                why="This version trains supervised jobs; preference and reinforcement come in a later one.",
                fix="Use `method: supervised`, or wait for a later version.",
            )

    def relate(self, resource: Resource, declared: Mapping[Address, Resource]) -> Iterator[Flaw]:
        spec: JobSpec = resource.spec
        for field in ("training", "validation"):
            name = getattr(spec, field)
            data = declared.get(Address("dataset", name)) if name else None
            if data and account_of(data) != account_of(resource):
                yield flaw(
                    field,
                    "FT1254",
                    f"{data.address} is in {account_of(data)}, the job in {account_of(resource)}",
                    why="Azure trains only on files of the job's own account.",
                    fix="Declare the dataset once more with the job's `resource`.",
                )
        yield from _data_flaws(spec, declared)

    def wanted(self, resource: Resource, world: World) -> Wanted:
        spec: JobSpec = resource.spec
        account = account_of(resource)
        files = {"training": spec.training, **({"validation": spec.validation} if spec.validation else {})}
        data = {field: Address("dataset", name) for field, name in files.items()}
        hyperparameters = {
            name: value for name, value in msgspec.to_builtins(spec.hyperparameters).items() if value != "auto"
        }
        fields = {
            "model": spec.model,
            "method": spec.method,
            "trainingType": spec.training_type,
            **({"seed": spec.seed} if spec.seed is not None else {}),
            **hyperparameters,
            **{field: world.output(address, "sha256") for field, address in data.items()},
        }
        fingerprint = digest(fields)[:12]
        arm_id = str(world.output(account, "id"))
        return Wanted(
            key=_key(arm_id, marks.stack_mark(world.home.stack), fingerprint),
            fields=fields,
            settings={
                "account": arm_id,
                "endpoint": world.output(account, "endpoint"),
                "files": {field: world.output(address, "id") for field, address in data.items()},
                "hyperparameters": hyperparameters,
                "text": _text(resource),
            },
            name=marks.suffix(_text(resource), world.home, fingerprint),
        )

    def promised(self, resource: Resource, world: World) -> Mapping[str, Any]:
        return {"system": world.output(Address("dataset", resource.spec.training), "system")}

    def prepare(self, resource: Resource, base: Path, declared: Mapping[Address, Resource]) -> Prepared:
        from ftctl.kinds.estimate import priced  # noqa: PLC0415  the price book is only read where something trains

        return Prepared(priced(resource.spec))

    def budget(self, resource: Resource) -> Budget | None:
        amount = resource.spec.max_cost
        return None if amount is None else Budget(amount, "`maxCost`", resource.address, resource.place("maxCost"))

    def estimate(
        self, resource: Resource, wanted: Wanted, declared: Mapping[Address, Resource], lives: Iterable[Live]
    ) -> Estimate | None:
        from ftctl.kinds.estimate import estimated  # noqa: PLC0415  see above

        return estimated(resource, _account(wanted), declared, lives)

    def predecessor(self, wanted: Wanted, lives: Iterable[Live]) -> Live | None:
        """The newest job of the same suffix, to say what makes the recipe a new one."""
        former = [live for live in lives if live.label == wanted.settings["text"] and live.within == _account(wanted)]
        return max(former, key=lambda live: live.created, default=None)

    def observe(self, clients: Clients, scope: Scope) -> Seen:
        """Jobs, and the files they learned from: a file's name has the hash that a recipe is made of."""
        account = scope.account
        assert account is not None
        data = clients.data(account.outputs["endpoint"])
        bodies = data.list_jobs()
        files = data.list_files() if bodies else []
        hashes = {file["id"]: marks.parse_filename(file.get("filename") or "") for file in files}
        sha256s = {file: marked[2] for file, marked in hashes.items() if marked}
        return Seen(
            tuple(_live(body, account.key, account.outputs["endpoint"], scope.home, sha256s) for body in bodies)
        )

    def refresh(self, clients: Clients, live: Live, home: Home, progress: Progress) -> Live | None:
        data = clients.data(live.outputs["endpoint"])
        body = data.get_job(live.id)
        if body is None:
            return None
        now = _live(body, live.within, live.outputs["endpoint"], home, {})
        if now.health is Health.PENDING:
            progress(_stage(data, body))
        return now

    def create(self, clients: Clients, wanted: Wanted, home: Home, progress: Progress) -> Live:
        """Look for the recipe, then ask for it once, then look again.

        A POST whose answer is lost may have worked, so it is looked up and never repeated; of two live jobs with one
        recipe (two appliers at once) the older stays and the other is cancelled.
        """
        from ftctl.clients.errors import AzureError  # noqa: PLC0415  the clients come in only where Azure does

        data = clients.data(wanted.settings["endpoint"])
        if found := _only(data, wanted, home):
            return found
        try:
            created = data.create_job(_body(wanted))
        except AzureError as error:
            if not error.ambiguous:
                raise
            return _find_later(clients, data, wanted, home)
        made = _live(created, _account(wanted), wanted.settings["endpoint"], home, {})
        return _only(data, wanted, home) or made

    def instead(self, clients: Clients, wanted: Wanted, home: Home) -> Live | None:
        """The other job of the recipe, where one of two was cancelled."""
        return _only(clients.data(wanted.settings["endpoint"]), wanted, home)

    def failure(self, live: Live) -> Problem:
        fix = (
            f"`ftctl logs {live.label}` shows what happened. Change what was wrong, or use `--retry`, and apply again."
        )
        return Problem("FT3201", f"training ended {live.health.value}: {live.detail}", fix=fix)

    def delete(self, clients: Clients, live: Live) -> None:
        """A job under way is cancelled; a finished one goes with its results, and its model where Azure allows that."""
        data = clients.data(live.outputs["endpoint"])
        if live.health is Health.PENDING:
            _cancel(data, live.id)
            return
        for file in live.raw.get("result_files") or []:
            data.delete_file(file)
        if live.outputs.get("model"):
            data.delete_model(live.outputs["model"])
        data.delete_job(live.id)


def _data_flaws(spec: JobSpec, declared: Mapping[Address, Resource]) -> Iterator[Flaw]:
    """What is wrong with local data for this job: examples its model does not take, or that stand in both files."""
    names = {"training": spec.training, **({"validation": spec.validation} if spec.validation else {})}
    data = {field: declared[found] for field, name in names.items() if (found := Address("dataset", name)) in declared}
    read = {field: one.prepared for field, one in data.items() if "checked" in one.prepared}
    for field, facts in read.items():
        if problem := _too_long(facts["checked"].report, facts["shown"], spec.model):
            yield Flaw(field, problem)
    if {"training", "validation"} <= read.keys():
        from ftctl.data.check import leaks  # noqa: PLC0415  decoding is only needed where there is data

        if leak := leaks(read["training"]["checked"], read["validation"]["checked"]):
            what = f"{read['training']['shown']}: {leak.what}"
            yield Flaw("validation", Problem(leak.code, what, severity=Severity.WARNING))


def _too_long(report: Report, shown: str, model: str) -> Problem | None:
    """The examples that have more tokens than the model takes; a warning where the tokens are only guessed."""
    from ftctl.catalog.lengths import longest_example  # noqa: PLC0415  decoding is only needed where there is data
    from ftctl.data.tokens import ESTIMATE  # noqa: PLC0415  the same

    limit, tokens = longest_example(model), report.tokens
    if limit is None or tokens is None:
        return None
    number = sum(examples for length, examples in tokens.total.items() if length > limit)
    if not number:
        return None
    lines = sorted(long.line for long in tokens.longest if long.tokens > limit)
    named = ", ".join(map(str, lines[:_NAMED])) + (" …" if number > _NAMED else "")
    noun, verb = ("example", "has") if number == 1 else ("examples", "have")
    what = f"{number:,} {noun} of {shown} {verb} more than the {limit:,} tokens that {model} takes: "
    what += f"line {named}; the longest has {tokens.longest[0].tokens:,}"
    severity = Severity.WARNING if tokens.encoding == ESTIMATE else Severity.ERROR
    return Problem("FT1323", what, severity=severity)


def _text(resource: Resource) -> str:
    """The part of the suffix that people read."""
    return str(resource.spec.suffix or resource.address.name.replace("_", "-")[:18])


def _key(account: str, stack: str, fingerprint: str) -> str:
    return f"{account}|{stack}|{fingerprint}".lower()


def _account(wanted: Wanted) -> str:
    return str(wanted.settings["account"]).lower()


def _body(wanted: Wanted) -> dict[str, Any]:
    """The job as Azure wants it: what is `auto` is left out, the training type never is."""
    fields, files = wanted.fields, wanted.settings["files"]
    hyperparameters = wanted.settings["hyperparameters"]
    return {
        "model": fields["model"],
        "training_file": files["training"],
        **({"validation_file": files["validation"]} if "validation" in files else {}),
        "method": {"type": "supervised", "supervised": {"hyperparameters": hyperparameters}},
        "suffix": wanted.name,
        "trainingType": fields["trainingType"],
        **({"seed": fields["seed"]} if "seed" in fields else {}),
    }


def _twins(data: DataPlane, wanted: Wanted, home: Home) -> list[Live]:
    """The live jobs of the recipe, the finished before the running, the older first."""
    endpoint = wanted.settings["endpoint"]
    lives = [_live(body, _account(wanted), endpoint, home, {}) for body in data.list_jobs()]
    same = [live for live in lives if live.key == wanted.key and live.health in {Health.READY, Health.PENDING}]
    return sorted(same, key=lambda live: (live.health is not Health.READY, live.created, live.id))


def _only(data: DataPlane, wanted: Wanted, home: Home) -> Live | None:
    """The job of the recipe that stays; where there are several, the others that still run are cancelled."""
    twins = _twins(data, wanted, home)
    for twin in twins[1:]:
        if twin.health is Health.PENDING:
            _cancel(data, twin.id)
    return twins[0] if twins else None


def _cancel(data: DataPlane, job: str) -> None:
    """End a job; one that has ended meanwhile (or was cancelled by a call whose answer was lost) is as good."""
    from ftctl.clients.errors import AzureError  # noqa: PLC0415  the clients come in only where Azure does

    try:
        data.cancel_job(job)
    except AzureError:
        body = data.get_job(job)
        if body and _HEALTH.get(body.get("status", ""), Health.PENDING) is Health.PENDING:
            raise


def _find_later(clients: Clients, data: DataPlane, wanted: Wanted, home: Home) -> Live:
    """The job of a creation that was not answered."""
    for _ in range(_LOOKS):
        clients.clock.sleep(clients.cloud.poll_seconds)
        if found := _only(data, wanted, home):
            return found
    raise FtctlError(
        Problem(
            "FT3208",
            "the creation of the job was not answered, and no such job can be seen",
            why="It may still appear; creating it a second time now could be paid for twice.",
            fix="Apply again in a few minutes: ftctl looks for the job before it creates one.",
        )
    )


def _stage(data: DataPlane, body: dict[str, Any]) -> str:
    """Where a running job is: its status and its newest event."""
    newest = next(iter(data.job_events(body["id"], limit=1)), None)
    return f"{body['status']}: {newest['message']}" if newest else str(body["status"])


def _live(body: dict[str, Any], within: str, endpoint: str, home: Home, sha256s: Mapping[str, str]) -> Live:
    marked = marks.parse_suffix(body.get("suffix"))
    text, stack, fingerprint = marked or ("", "", "")
    mine = stack == marks.stack_mark(home.stack)
    files = {"training": body.get("training_file"), "validation": body.get("validation_file")}
    error = body.get("error") or {}
    return Live(
        kind="job",
        key=_key(within, stack, fingerprint) if marked else f"{within}|{body['id']}",
        id=body["id"],
        name=body.get("suffix") or body["id"],
        fields={
            "model": body.get("model"),
            "method": (body.get("method") or {}).get("type", "supervised"),
            "trainingType": body.get("trainingType"),
            "seed": body.get("seed"),
            **(body.get("hyperparameters") or {}),
            **{field: sha256s.get(file, file) for field, file in files.items() if file},
        },
        outputs={
            "id": body["id"],
            "endpoint": endpoint,
            "status": body.get("status"),
            **({"model": body["fine_tuned_model"]} if body.get("fine_tuned_model") else {}),
        },
        owner=home.stack if mine else None,
        label=text if mine else "",
        health=_HEALTH.get(body.get("status", ""), Health.PENDING),
        detail=str(error.get("message") or body.get("status") or ""),
        within=within,
        created=float(body.get("created_at") or 0),
        raw=body,
    )


KIND = JobKind()
