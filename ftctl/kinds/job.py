"""Fine-tuning jobs: a job is its recipe, and a recipe is trained once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec

from ftctl.core.changes import Adoption, Change, Sight
from ftctl.core.diff import has_unknown
from ftctl.core.digest import digest
from ftctl.core.errors import Problem
from ftctl.core.estimate import Budget, Estimate
from ftctl.core.events import Watched
from ftctl.core.model import (
    Address,
    ChangeClass,
    Course,
    Health,
    Home,
    Live,
    Outlook,
    Resource,
    Surplus,
    Unknown,
    Wanted,
    World,
)
from ftctl.core.rights import Right
from ftctl.kinds import fit, graders, heldout, joblimits, jobstate, marks, once, preflight, recipe, retention
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
    trainer,
)
from ftctl.kinds.jobbody import anybodys, job_key, live_job, owned
from ftctl.kinds.recipe import ByReinforcement, Continued, Hyperparameters, Integrations
from ftctl.kinds.sweep import Matrix, Pick, axes_of, sweep_flaws

if TYPE_CHECKING:
    from ftctl.clients import Clients
_DIGITS = 12  # of a recipe's digest, in its name


class Retry(Declaration, frozen=True):
    """Run a failed training again with the same recipe."""

    retry: Annotated[int, described("How often at most; each run may cost money.", ge=1, le=5)]


class JobSpec(Declaration, frozen=True, kw_only=True):
    """A training run, paid for once for each recipe."""

    model: Annotated[
        str | Continued,
        described(
            "The base model with its date, such as gpt-4.1-mini-2025-04-14, a fine-tuned model's id,"
            " or `{job: NAME}` to go on from what another job trains. Required where the matrix has none."
        ),
    ] = ""
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
    state: Annotated[
        Literal["running", "paused", "cancelled"] | None,
        described(
            "How far it is to go. Left out, it is trained, and left alone where somebody pauses it; running resumes"
            " it, paused pauses it or does not begin it, cancelled ends it. No part of the recipe."
        ),
    ] = None
    adopt: Annotated[
        Annotated[str, msgspec.Meta(pattern=r"^ftjob-[A-Za-z0-9-]{1,64}$")] | None,
        described("The id of a job that is there already: it is used and nothing is trained, changed or deleted."),
    ] = None
    keep: Annotated[
        Annotated[int, msgspec.Meta(ge=0, le=100)] | None,
        described(
            "How many of its superseded trainings stay, with results and models, beside the current one; all if left"
            " out. What is served or was served before stays."
        ),
    ] = None
    max_cost: Annotated[
        Annotated[float, msgspec.Meta(ge=0)] | None,
        described("The most that it, or all of its sweep, may be estimated to cost, in US dollars; more is blocked."),
    ] = None
    matrix: Annotated[Matrix | None, described("Makes a sweep: one job for each combination of these values.")] = None
    max_parallel: Annotated[
        Annotated[int, msgspec.Meta(ge=1)] | None, described("How many jobs of the sweep train at once.")
    ] = None
    pick: Annotated[Pick | None, described("Which of the sweep's jobs is the one that others refer to.")] = None
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
    noise = {"model": recipe.MODEL}  # noqa: RUF012  a constant
    spelled = recipe.SPELLED

    def check(self, spec: JobSpec) -> Iterator[Flaw]:
        rewarded = recipe.name_of(spec.method) == "reinforcement"
        yield from gate_flaws(spec.gates, validated=bool(spec.validation), rewarded=rewarded)
        yield from recipe.flaws(spec)
        yield from jobstate.flaws(spec)
        yield from sweep_flaws(spec)
        if not isinstance(spec.method, str):
            yield from graders.flaws(spec.method.reinforcement.grader)

    def prepare(self, resource: Resource, base: Path, declared: Mapping[Address, Resource]) -> Prepared:
        """The price, and the programs of Python graders: what is in them is part of the recipe."""
        from ftctl.kinds.estimate import priced  # noqa: PLC0415  the price book is only read where something trains

        method, price = resource.spec.method, priced(resource.spec, declared)
        _, wrong = heldout.sources(resource.spec.gates, resource, base)
        if isinstance(method, str):
            return Prepared(price, tuple(wrong))
        found, problems = graders.sources(method.reinforcement.grader, resource, base)
        return Prepared(price | {"graders": found}, (*problems, *wrong))

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
        yield from heldout.flaws(resource, declared)

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
        own = job_key(arm_id, marks.stack_mark(world.home.stack), fingerprint)
        suffix = marks.suffix(jobstate.text_of(resource), world.home, fingerprint)
        return Wanted(
            key=f"{arm_id}|{spec.adopt}".lower() if spec.adopt else own,
            fields=fields,
            settings={
                "account": arm_id,
                "endpoint": world.output(account, "endpoint"),
                "files": {field: world.output(address, "id") for field, address in data.items()},
                "model": recipe.model_id(resource, world),
                "hyperparameters": recipe.hyperparameters(spec.hyperparameters),
                "parts": recipe.method_parts(resource),
                "integrations": recipe.integrations(spec),
                "texts": jobstate.texts_of(resource),
                "state": spec.state,
                "axes": axes_of(resource.address),
                "prices": world.fact(resource.address, "prices"),
            },
            name=spec.adopt or ("" if has_unknown(fields) else suffix),
            left=recipe.left(spec),
        )

    def promised(self, resource: Resource, world: World) -> Mapping[str, Any]:
        """`recipe` stands for the model until that is trained: plans that build on it stay sharp."""
        spec: JobSpec = resource.spec
        fields = self.wanted(resource, world).fields
        former = None if isinstance(spec.model, str) else trainer(resource, spec.model.job)
        return {
            "account": world.output(account_of(resource), "id"),
            "system": world.output(Address("dataset", spec.training), "system"),
            **({} if has_unknown(fields) else {"recipe": spec.adopt or digest(fields)[:_DIGITS]}),
            "base": world.output(former, "base") if former else recipe.root(str(spec.model)),
        }

    def outlook(self, resource: Resource, world: World) -> Outlook:
        """Whether this can be trained there: by the region's own list of models, or the dated catalogue."""
        base = self.promised(resource, world)["base"]
        location = world.output(account_of(resource), "location")
        if isinstance(base, Unknown) or isinstance(location, Unknown):
            return Outlook()
        found = preflight.outlook(resource, str(base), str(location), world.fact(resource.address, "listed"))
        return joblimits.added(found, resource, world.fact(resource.address, "place"))

    def preview(
        self, clients: Clients, home: Home, resources: Sequence[Resource], world: World
    ) -> Mapping[Address, Mapping[str, Any]]:
        """What the regions' lists of models and prices say: asked of each once, and only when a training is planned."""
        from ftctl.kinds.retail import prices_of  # noqa: PLC0415  see above

        where = {one.address: str(world.output(account_of(one), "location")) for one in resources}
        listed = {region: preflight.listed(clients, home, region) for region in sorted(set(where.values()))}
        prices = {region: prices_of(clients, region) for region in listed}
        once_each = {self.wanted(one, world).key: one for one in reversed(resources)}
        places = joblimits.places([one for one in resources if one in once_each.values()], world)
        return {
            address: {"listed": listed[at], "prices": prices[at], "place": places.get(address)}
            for address, at in where.items()
        }

    def label(self, name: str) -> str:
        return jobstate.label(name)

    def rights(self, change: Change, resource: Resource | None) -> Iterator[Right]:
        return jobstate.rights_of(change)

    def retries(self, resource: Resource) -> int:
        again = resource.spec.on_failure
        return again.retry if isinstance(again, Retry) else 0

    def course(self, resource: Resource) -> Course:
        return Course(resource.spec.state or "")

    def adopted(self, resource: Resource) -> str:
        return resource.spec.adopt or ""

    def adoption(self, resource: Resource, wanted: Wanted, live: Live | None) -> Adoption:
        return jobstate.adoption(resource, wanted, live)

    def surplus(self, declared: Mapping[Address, Resource], seen: Sight) -> Iterator[Surplus]:
        jobs = {at: self.wanted(one, seen.world) for at, one in declared.items() if at.kind == self.name}
        return retention.surplus(declared, jobs, seen)

    def budget(self, resource: Resource) -> Budget | None:
        amount = resource.spec.max_cost
        of, place = resource.address.declared, resource.place("maxCost")
        return None if amount is None else Budget(amount, "`maxCost`", of, place)

    def estimate(
        self, resource: Resource, wanted: Wanted, declared: Mapping[Address, Resource], lives: Iterable[Live]
    ) -> Estimate | None:
        from ftctl.kinds.estimate import estimated  # noqa: PLC0415  see above

        return estimated(resource, once.account_key(wanted), declared, lives, wanted.settings["prices"])

    def predecessor(self, wanted: Wanted, lives: Iterable[Live]) -> Live | None:
        """The newest job of the same suffix and place in a sweep, to say what makes the recipe a new one."""
        settings, account = wanted.settings, once.account_key(wanted)
        same = [live for live in lives if live.label in settings["texts"] and live.within == account]
        former = [
            live for live in same if all(live.fields.get(name) == wanted.fields.get(name) for name in settings["axes"])
        ]
        return max(former, key=lambda live: live.created, default=None)

    def observe(self, clients: Clients, scope: Scope) -> Seen:
        """Jobs, and the files they learned from: a file's name has the hash that a recipe is made of."""
        account = scope.account
        assert account is not None
        data = clients.data(account.outputs["endpoint"])
        found = clients.reads.once(("job", account.key), lambda: anybodys(data, account))
        lives = tuple(owned(live, scope.home) for live in found)
        return Seen(lives, joblimits.facts(account, lives))

    def refresh(self, clients: Clients, live: Live, home: Home, progress: Progress) -> Live | None:
        data = clients.data(live.outputs["endpoint"])
        body = data.get_job(live.id)
        if body is None:
            return None
        return live_job(body, live.within, live.outputs["endpoint"], home, {})

    def watch(
        self, clients: Clients, live: Live, resource: Resource | None, declared: Mapping[Address, Resource], now: float
    ) -> Watched:
        from ftctl.kinds.watching import watched  # noqa: PLC0415  only where somebody waits

        return watched(clients.data(live.outputs["endpoint"]), live, resource, declared, now)

    def create(self, clients: Clients, wanted: Wanted, home: Home, progress: Progress) -> Live:
        return once.Once.of(clients, wanted, home).begin(clients, wanted)

    def tend(self, clients: Clients, live: Live, home: Home) -> None:
        """See that no second job of its recipe has come up beside it."""
        if live.owner == home.stack:
            once.Once.beside(clients, live, home).only(live)

    def update(self, clients: Clients, live: Live, wanted: Wanted, home: Home) -> Live:
        """Pause it or let it go on, as is declared; nothing else of a job ever changes."""
        if wanted.settings["state"] not in {Course.PAUSED, Course.RUNNING}:
            return super().update(clients, live, wanted, home)
        body = jobstate.steered(clients.data(live.outputs["endpoint"]), live, Course(wanted.settings["state"]))
        return live_job(dict(body), live.within, live.outputs["endpoint"], home, {})

    def together(self, resource: Resource) -> tuple[str, int]:
        return str(resource.address.declared), resource.spec.max_parallel or 0

    def instead(self, clients: Clients, wanted: Wanted, home: Home) -> Live | None:
        """The other job of the recipe, where one of two was cancelled."""
        return once.Once.of(clients, wanted, home).only()

    def gone(self, resource: Resource) -> str:
        return "Somebody deleted the job; to have it again is to pay for it again."

    def failure(self, live: Live) -> Problem:
        return jobstate.failure(live)

    def delete(self, clients: Clients, live: Live) -> None:
        """A job under way is cancelled; a finished one goes with its results, and its model where Azure allows that."""
        data = clients.data(live.outputs["endpoint"])
        if live.health is Health.PENDING:
            once.cancel(data, live.id)
            return
        if live.outputs.get("model"):  # first: one that serves is refused, and then nothing is lost
            data.delete_model(live.outputs["model"])
        for file in live.raw.get("result_files") or []:
            data.delete_file(file)
        data.delete_job(live.id)


KIND = JobKind()
