"""Fine-tuning jobs: a job is its recipe, and a recipe is trained once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec

from ftctl.core.digest import digest
from ftctl.core.errors import FtctlError, Problem
from ftctl.core.estimate import Budget, Estimate
from ftctl.core.model import Address, ChangeClass, Health, Home, Live, Outlook, Resource, Unknown, Wanted, World
from ftctl.kinds import fit, graders, marks, preflight, recipe
from ftctl.kinds.conditions import Gate, gate_flaws
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
    reference,
)
from ftctl.kinds.recipe import ByReinforcement, Continued, Hyperparameters, Integrations

if TYPE_CHECKING:
    from ftctl.clients import Clients
    from ftctl.clients.dataplane import DataPlane

_HEALTH = {"succeeded": Health.READY, "failed": Health.FAILED, "cancelled": Health.CANCELLED}
# What a status says to people; the words of the others are the service's own.
_STATES = {
    "created": "pending",
    "validating_files": "validating its files",
    "pausing": "pausing: it stops after a checkpoint",
    "paused": "paused: it goes on when somebody resumes it",
    "resuming": "resuming from its last checkpoint",
}
_DIGITS = 12  # of a recipe's digest, in its name
_LOOKS = 5  # after an unanswered creation, before giving up on seeing the job


class Retry(Declaration, frozen=True):
    """Run a failed training again with the same recipe."""

    retry: Annotated[int, described("How often at most; each run may cost money.", ge=1, le=5)]


class JobSpec(Declaration, frozen=True):
    """A training run, paid for once for each recipe."""

    model: Annotated[
        str | Continued,
        described(
            "The base model with its date, such as gpt-4.1-mini-2025-04-14, a fine-tuned model's id,"
            " or `{job: NAME}` to go on from what another job trains."
        ),
    ]
    training: Annotated[str, reference("dataset", "The dataset to learn from.")]
    validation: Annotated[str | None, reference("dataset", "The dataset to measure on.")] = None
    method: Annotated[
        Literal["supervised", "dpo"] | ByReinforcement,
        described("How it learns: from answers, from preferences, or `{reinforcement: …}` from rewards."),
    ] = "supervised"
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
        Literal["stop"] | Retry,
        described("What to do when training fails: stop, or `{retry: N}`. It is never run again silently."),
    ] = "stop"
    max_cost: Annotated[
        Annotated[float, msgspec.Meta(ge=0)] | None,
        described("The most that it may be estimated to cost, in US dollars; a plan over it is blocked."),
    ] = None
    integrations: Annotated[Integrations | None, described("Services that the training reports to.")] = None
    gates: Annotated[list[Gate] | None, described("What has to be true of the model before it serves.")] = None
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
        rewarded = recipe.name_of(spec.method) == "reinforcement"
        yield from gate_flaws(spec.gates, validated=bool(spec.validation), rewarded=rewarded)
        yield from recipe.flaws(spec)
        if not isinstance(spec.method, str):
            yield from graders.flaws(spec.method.reinforcement.grader)

    def prepare(self, resource: Resource, base: Path, declared: Mapping[Address, Resource]) -> Prepared:
        """The price, and the programs of Python graders: what is in them is part of the recipe."""
        from ftctl.kinds.estimate import priced  # noqa: PLC0415  the price book is only read where something trains

        method, price = resource.spec.method, priced(resource.spec, declared)
        if isinstance(method, str):
            return Prepared(price)
        found, problems = graders.sources(method.reinforcement.grader, resource, base)
        return Prepared(price | {"graders": found}, tuple(problems))

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
        yield from fit.flaws(resource, declared)

    def wanted(self, resource: Resource, world: World) -> Wanted:
        spec: JobSpec = resource.spec
        account = account_of(resource)
        data = fit.named(spec)
        fields = {
            **recipe.fields(resource, world),
            **{field: world.output(address, "sha256") for field, address in data.items()},
        }
        fingerprint = digest(fields)[:_DIGITS]
        arm_id = str(world.output(account, "id"))
        return Wanted(
            key=_key(arm_id, marks.stack_mark(world.home.stack), fingerprint),
            fields=fields,
            settings={
                "account": arm_id,
                "endpoint": world.output(account, "endpoint"),
                "files": {field: world.output(address, "id") for field, address in data.items()},
                "model": recipe.model_id(spec, world),
                "hyperparameters": recipe.hyperparameters(spec.hyperparameters),
                "parts": recipe.method_parts(resource),
                "integrations": recipe.integrations(spec),
                "text": _text(resource),
            },
            name=marks.suffix(_text(resource), world.home, fingerprint),
        )

    def promised(self, resource: Resource, world: World) -> Mapping[str, Any]:
        """`recipe` stands for the model until that is trained: plans that build on it stay sharp."""
        spec: JobSpec = resource.spec
        fields = self.wanted(resource, world).fields
        former = None if isinstance(spec.model, str) else Address("job", spec.model.job)
        return {
            "system": world.output(Address("dataset", spec.training), "system"),
            "recipe": digest(fields)[:_DIGITS],
            "base": world.output(former, "base") if former else recipe.root(str(spec.model)),
        }

    def normal(self, path: str, value: Any) -> Any:
        """A model that a stack trained is the recipe in its name: `{job: …}` is known by that before it is trained."""
        if path != "model" or not isinstance(value, str) or ".ft-" not in value:
            return value
        marked = marks.parse_suffix(value)
        return f"recipe/{marked[2]}" if marked else value

    def outlook(self, resource: Resource, world: World) -> Outlook:
        """Whether this can be trained there: by the region's own list of models, or the dated catalogue."""
        base = self.promised(resource, world)["base"]
        location = world.output(account_of(resource), "location")
        if isinstance(base, Unknown) or isinstance(location, Unknown):
            return Outlook()
        return preflight.outlook(resource, str(base), str(location), world.fact(resource.address, "listed"))

    def preview(
        self, clients: Clients, home: Home, resources: Sequence[Resource], world: World
    ) -> Mapping[Address, Mapping[str, Any]]:
        """What the regions' lists of models say: one call a region, and only when a training is planned."""
        where = {one.address: str(world.output(account_of(one), "location")) for one in resources}
        listed = {region: preflight.listed(clients, home, region) for region in sorted(set(where.values()))}
        return {address: {"listed": listed[region]} for address, region in where.items()}

    def retries(self, resource: Resource) -> int:
        again = resource.spec.on_failure
        return again.retry if isinstance(again, Retry) else 0

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


def _text(resource: Resource) -> str:
    """The part of the suffix that people read."""
    return str(resource.spec.suffix or resource.address.name.replace("_", "-")[:18])


def _key(account: str, stack: str, fingerprint: str) -> str:
    return f"{account}|{stack}|{fingerprint}".lower()


def _account(wanted: Wanted) -> str:
    return str(wanted.settings["account"]).lower()


def _body(wanted: Wanted) -> dict[str, Any]:
    """The job as Azure wants it: what is `auto` is left out, the training type never is."""
    fields, settings, files = wanted.fields, wanted.settings, wanted.settings["files"]
    return {
        "model": settings["model"],
        "training_file": files["training"],
        **({"validation_file": files["validation"]} if "validation" in files else {}),
        "method": recipe.body(fields["method"], settings["hyperparameters"], settings["parts"]),
        "suffix": wanted.name,
        "trainingType": fields["trainingType"],
        **({"seed": fields["seed"]} if "seed" in fields else {}),
        **({"integrations": settings["integrations"]} if settings["integrations"] else {}),
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
    status = state(str(body["status"]))
    return f"{status}: {newest['message']}" if newest else status


def state(status: str) -> str:
    """A job's status in words that tell the states apart."""
    return _STATES.get(status, status)


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
            **recipe.live_fields(body),
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
        detail=str(error.get("message") or state(str(body.get("status") or ""))),
        within=within,
        created=float(body.get("created_at") or 0),
        raw=body,
    )


KIND = JobKind()
