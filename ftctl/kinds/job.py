"""Fine-tuning jobs: a job is its recipe, and a recipe is trained once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec

from ftctl.core.digest import digest
from ftctl.core.errors import Problem
from ftctl.core.estimate import Budget, Estimate
from ftctl.core.model import Address, ChangeClass, Health, Home, Live, Outlook, Resource, Unknown, Wanted, World
from ftctl.kinds import fit, graders, marks, once, preflight, recipe
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
from ftctl.kinds.jobbody import job_key, live_job, stage
from ftctl.kinds.recipe import ByReinforcement, Continued, Hyperparameters, Integrations

if TYPE_CHECKING:
    from ftctl.clients import Clients
_DIGITS = 12  # of a recipe's digest, in its name


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
            key=job_key(arm_id, marks.stack_mark(world.home.stack), fingerprint),
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

        return estimated(resource, once.account_key(wanted), declared, lives)

    def predecessor(self, wanted: Wanted, lives: Iterable[Live]) -> Live | None:
        """The newest job of the same suffix, to say what makes the recipe a new one."""
        former = [
            live for live in lives if live.label == wanted.settings["text"] and live.within == once.account_key(wanted)
        ]
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
            tuple(live_job(body, account.key, account.outputs["endpoint"], scope.home, sha256s) for body in bodies)
        )

    def refresh(self, clients: Clients, live: Live, home: Home, progress: Progress) -> Live | None:
        data = clients.data(live.outputs["endpoint"])
        body = data.get_job(live.id)
        if body is None:
            return None
        now = live_job(body, live.within, live.outputs["endpoint"], home, {})
        if now.health is Health.PENDING:
            progress(stage(data, body))
        return now

    def create(self, clients: Clients, wanted: Wanted, home: Home, progress: Progress) -> Live:
        """Look for the recipe, then ask for it once, then look again.

        A POST whose answer is lost may have worked, so it is looked up and never repeated; of two live jobs with one
        recipe (two appliers at once) the older stays and the other is cancelled.
        """
        from ftctl.clients.errors import AzureError  # noqa: PLC0415  the clients come in only where Azure does

        data = clients.data(wanted.settings["endpoint"])
        if found := once.only(data, wanted, home):
            return found
        try:
            created = data.create_job(once.request(wanted))
        except AzureError as error:
            if not error.ambiguous:
                raise
            return once.find_later(clients, data, wanted, home)
        made = live_job(created, once.account_key(wanted), wanted.settings["endpoint"], home, {})
        return once.only(data, wanted, home) or made

    def instead(self, clients: Clients, wanted: Wanted, home: Home) -> Live | None:
        """The other job of the recipe, where one of two was cancelled."""
        return once.only(clients.data(wanted.settings["endpoint"]), wanted, home)

    def gone(self, resource: Resource) -> str:
        return "Somebody deleted the job; to have it again is to pay for it again."

    def failure(self, live: Live) -> Problem:
        fix = (
            f"`ftctl logs {live.label}` shows what happened. Change what was wrong, or use `--retry`, and apply again."
        )
        return Problem("FT3201", f"training ended {live.health.value}: {live.detail}", fix=fix)

    def delete(self, clients: Clients, live: Live) -> None:
        """A job under way is cancelled; a finished one goes with its results, and its model where Azure allows that."""
        data = clients.data(live.outputs["endpoint"])
        if live.health is Health.PENDING:
            once.cancel(data, live.id)
            return
        for file in live.raw.get("result_files") or []:
            data.delete_file(file)
        if live.outputs.get("model"):
            data.delete_model(live.outputs["model"])
        data.delete_job(live.id)


def _text(resource: Resource) -> str:
    """The part of the suffix that people read."""
    return str(resource.spec.suffix or resource.address.name.replace("_", "-")[:18])


KIND = JobKind()
