"""The one flow, from files to a report.

    load → validate → resolve → observe → plan → guard → render → lower → execute → report

Every stage takes values and gives values. Azure is read in *observe* and written in *execute*; nothing between them
is remote, so a plan is pure and changes nothing. Rendering and executing are two readings of the same plan.

=========  ==========================  ==========================================================
stage      in → out                    where
=========  ==========================  ==========================================================
load       files → documents           ftctl.spec (YAML with positions, variables, environments)
validate   documents → stacks          ftctl.spec (schema, references), kinds' own checks
resolve    stacks → resources          kinds' `prepare`: local data files are read and hashed
observe    Azure → live things         ftctl.engine.observe, one listing a kind and account
plan       resources + live → changes  ftctl.core.plan
preflight  plan → findings             ftctl.engine.preflight (reads only), ftctl.core.rights, kinds' own checks
guard      plan → problems             ftctl.core.plan (ownership, earlier failures), ftctl.core.guard
                                       (protect, budgets), ftctl.core.limits (size, what serves),
                                       ftctl.policies (a team's own rules)
render     plan → text, JSON           ftctl.render
lower      plan → steps                ftctl.core.steps
execute    steps → events, report      ftctl.engine.execute
=========  ==========================  ==========================================================
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ftctl.core.digest import canonical
from ftctl.core.errors import FtctlError, Problem, Severity
from ftctl.core.model import Address, Mode, Resource
from ftctl.core.sensitive import discreet
from ftctl.core.spans import note, span
from ftctl.request import Request

if TYPE_CHECKING:
    from ftctl.catalog.clouds import Cloud
    from ftctl.clients import Clients, Trace
    from ftctl.core.bill import Bill
    from ftctl.core.changes import Observed, Plan
    from ftctl.core.clock import Clock
    from ftctl.core.estimate import Budget
    from ftctl.core.events import Emit, Report, Watched
    from ftctl.core.model import Live
    from ftctl.engine.execute import Stop
    from ftctl.results.lineage import Lineage
    from ftctl.spec.stack import Stack


@span("load")
def load(request: Request, chosen: Callable[[list[Stack]], list[Stack]] = list) -> list[Stack]:
    """Load and validate every stack, resolve the `chosen`. Raises one FtctlError with every problem of every file."""
    resolved = [resolve(stack) for stack in chosen(read(request))]
    problems = [problem for _, found in resolved for problem in found]
    if _errors(problems):
        raise FtctlError.all(problems)
    return [stack for stack, _ in resolved]


def read(request: Request) -> list[Stack]:
    """Load and validate every stack; the files that they name are not looked at yet."""
    from ftctl.spec.stack import load as load_stacks  # noqa: PLC0415  yaml and jsonschema are only needed where there is a spec

    return load_stacks(
        request.paths,
        environment=request.environment,
        variables=request.variables,
        process_environment=os.environ,
    )


def resolve(stack: Stack) -> tuple[Stack, list[Problem]]:
    """Read the local files that the declarations name, then see that the declarations fit each other.

    Warnings stay with the stack, for those who show them.
    """
    stack, problems = prepare(stack)
    if not _errors(problems):
        problems += relate(stack)
    problems = stack.secrets.told(problems)
    problems = list({(one.where, one.code, one.what): one for one in reversed(problems)}.values())[::-1]  # of a sweep
    warnings = (problem for problem in problems if problem.severity is Severity.WARNING)
    return replace(stack, warnings=tuple(warnings)), problems


def prepare(stack: Stack) -> tuple[Stack, list[Problem]]:
    """Read the local files that the declarations name. A warning says which declaration it is about."""
    from ftctl.kinds import kinds  # noqa: PLC0415  each kind's declaration costs its import

    declared = {resource.address: resource for resource in stack.resources}
    prepared: list[Resource] = []
    problems: list[Problem] = []
    for resource in stack.resources:
        found = kinds()[resource.address.kind].prepare(resource, stack.path.parent, declared)
        prepared.append(replace(resource, prepared=found.facts))
        problems += [one.about(resource.address) if not _errors([one]) else one for one in found.problems]
    return replace(stack, resources=tuple(prepared)), problems


def relate(stack: Stack) -> list[Problem]:
    """What does not fit between declarations that are prepared."""
    from ftctl.kinds import kinds  # noqa: PLC0415  each kind's declaration costs its import
    from ftctl.spec.words import completed  # noqa: PLC0415  the same

    declared = {resource.address: resource for resource in stack.resources}
    return [
        completed(replace(flaw.problem, where=resource.place(flaw.path), subject=str(resource.address)))
        for resource in stack.resources
        for flaw in kinds()[resource.address.kind].relate(resource, declared)
    ]


def _errors(problems: Iterable[Problem]) -> bool:
    return any(problem.severity is Severity.ERROR for problem in problems)


def cloud_key(stack: Stack) -> str:
    """What tells one cloud from another among several stacks."""
    return canonical(stack.cloud)


@contextmanager
def connect(
    stacks: Sequence[Stack], *, clock: Clock, trace: Trace | None = None, folder: Path | None = None
) -> Iterator[Mapping[str, Clients]]:
    """Clients for every cloud that the stacks name, by `cloud_key`. Signing in begins at once, beside other work."""
    from ftctl.clients import Clients  # noqa: PLC0415  validate needs none

    with ExitStack() as open_clouds:
        clients: dict[str, Clients] = {}
        for stack in stacks:
            if cloud_key(stack) not in clients:
                cloud = open_clouds.enter_context(_cloud(stack, folder))
                clients[cloud_key(stack)] = open_clouds.enter_context(Clients(cloud, clock, trace))
                open_clouds.callback(clients[cloud_key(stack)].warm().join)
        yield clients


@contextmanager
def _cloud(stack: Stack, folder: Path | None) -> Iterator[Cloud]:
    """The profile of a stack's cloud: a published one, its own, or one that lives as long as this command."""
    from ftctl.catalog.clouds import CLOUDS, own  # noqa: PLC0415  validate needs none

    if stack.cloud == "local":
        from ftctl.embedded import local_cloud, local_folder  # noqa: PLC0415  a server comes in only where it is asked for

        with local_cloud(folder or local_folder()) as cloud:
            yield cloud
    elif isinstance(stack.cloud, str):
        yield CLOUDS[stack.cloud]
    else:
        yield own(stack.cloud)


@span("observe")
def observe(stack: Stack, clients: Clients) -> Observed:
    """Everything live that the stack may care about."""
    from ftctl.engine.observe import observe as look  # noqa: PLC0415  validate needs none
    from ftctl.kinds import kinds  # noqa: PLC0415  the same

    note({"ftctl.stack": stack.name})
    return look(clients, stack.home, stack.resources, kinds())


@span("plan")
@discreet
def plan(
    stack: Stack,
    clients: Clients,
    *,
    clock: Clock,
    mode: Mode = Mode.NORMAL,
    adopt: Collection[Address] = (),
    retry: Collection[Address] = (),
    max_cost: float | None = None,
    others: Iterable[Plan] = (),
    guards: Request | None = None,
) -> Plan:
    """Observe and compare; reads only. `max_cost` is for this plan's trainings and those of `others` together.

    `guards` asks for a plan to carry out: what speaks against that is among its problems.
    """
    from ftctl.core.narrow import marking  # noqa: PLC0415  help needs none
    from ftctl.core.plan import plan as compare  # noqa: PLC0415  the same
    from ftctl.engine.preflight import preflight  # noqa: PLC0415  the same
    from ftctl.guarding import guarded, policies  # noqa: PLC0415  the same
    from ftctl.kinds import kinds  # noqa: PLC0415  the same

    rules = policies(stack, guards) if guards else ()
    note({"ftctl.stack": stack.name})
    budgets, now = stack.budgets, clock.now().timestamp()
    compared = partial(
        compare, stack.home, stack.resources, kinds(), mode=mode, adopt=adopt, retry=retry, budgets=budgets,
        removed=stack.removed, now=now,
    )  # fmt: skip
    with clients.reads.sharing():
        observed = observe(stack, clients)
        if mode is Mode.ADOPT:
            made = marking(compared(observed), adopt, kinds(), {one.address: one for one in stack.resources})
        else:
            made, observed = _judged(stack, clients, observed, compared)
            facts = _preview(stack, clients, made)
            made = compared(replace(observed, facts={**observed.facts, **facts})) if facts else made
        made = preflight(clients, stack.resources, kinds(), made, observed.blind)
    made = guarded(made, stack, observed, guards, rules) if guards else made
    return stack.secrets.plan(limited(made, max_cost, others))


def limited(plan: Plan, max_cost: float | None, others: Iterable[Plan]) -> Plan:
    """The same plan, held to what the command line allows its trainings and those of `others` together."""
    from ftctl.core.guard import over_budget  # noqa: PLC0415  help needs none

    found = tuple(over_budget((change for change in plan.changes if change.trains), _asked(max_cost, others)))
    return replace(plan, problems=(*plan.problems, *found)) if found else plan


@discreet
def rollback(
    stack: Stack, clients: Clients, address: Address, *, clock: Clock, guards: Request | None = None, to: str = ""
) -> tuple[Plan, Stack]:
    """The plan that puts one deployment back to the model before, and the stack that declares it so; reads only.

    `to` is the model that is meant: with it, a second time changes nothing. `guards` is what `plan` has it for.
    """
    from ftctl.core.narrow import alone  # noqa: PLC0415  help needs none
    from ftctl.core.plan import plan as compare  # noqa: PLC0415  the same
    from ftctl.engine.preflight import preflight  # noqa: PLC0415  the same
    from ftctl.guarding import guarded, policies  # noqa: PLC0415  the same
    from ftctl.kinds import kinds  # noqa: PLC0415  the same
    from ftctl.kinds.rollback import back, put_back  # noqa: PLC0415  the same

    observed = observe(stack, clients)
    compared = partial(compare, now=clock.now().timestamp())
    made = compared(stack.home, stack.resources, kinds(), observed)
    with suppress(FtctlError):  # what gates say is told, and stops nothing
        made, _ = _judged(stack, clients, observed, partial(compared, stack.home, stack.resources, kinds()))
    way = back(clients, stack.resource(address), made, observed.lives, to)
    resources = (*(one for one in stack.resources if one.address.kind == "account"), way.resource)
    narrow = alone(compared(stack.home, resources, kinds(), observed, mode=Mode.ROLLBACK), address)
    made = preflight(clients, resources, kinds(), put_back(narrow, way), observed.blind)
    made = guarded(made, stack, observed, guards, policies(stack, guards)) if guards else made
    return stack.secrets.plan(made), replace(stack, resources=resources)


def _judged(
    stack: Stack, clients: Clients, observed: Observed, compared: Callable[[Observed], Plan]
) -> tuple[Plan, Observed]:
    """The plan with all judgements that can be made now; one may be what the next rests on."""
    from ftctl.core.changes import Action  # noqa: PLC0415  help needs none
    from ftctl.engine.observe import examine  # noqa: PLC0415  the same
    from ftctl.kinds import kinds  # noqa: PLC0415  the same

    heard: set[str] = set()  # what only an evaluation can tell stays to be judged
    while True:
        made = compared(observed)
        unjudged = {one.address for one in made.changes if one.action is Action.JUDGE and one.key not in heard}
        asked = [resource for resource in stack.resources if resource.address in unjudged]
        found = examine(clients, asked, kinds(), made.world).lives if asked else ()
        if not found:
            return made, observed
        heard |= {live.key for live in found}
        observed = replace(observed, lives=(*observed.lives, *found))


def _preview(stack: Stack, clients: Clients, made: Plan) -> dict[Address, Mapping[str, Any]]:
    """What only those have to know of Azure who are about to create; most plans are not, and ask nothing."""
    from ftctl.core.changes import Action, Reason  # noqa: PLC0415  help needs none
    from ftctl.kinds import kinds  # noqa: PLC0415  the same

    new = {one.address for one in made.changes if one.action is Action.CREATE or one.reason is Reason.REFUSED}
    facts: dict[Address, Mapping[str, Any]] = {}
    for kind in kinds().values():
        if coming := [one for one in stack.resources if one.address in new and one.address.kind == kind.name]:
            facts |= kind.preview(clients, stack.home, coming, made.world)
    return facts


def _asked(max_cost: float | None, others: Iterable[Plan]) -> Iterator[Budget]:
    """The command line's budget, less what the other plans of the command may cost."""
    from ftctl.core.estimate import Budget  # noqa: PLC0415  help needs none

    if max_cost is not None:
        costs = [plan.estimate().cost for plan in others]
        yield Budget(max_cost, "`--max-cost`", spent=sum(cost.high for cost in costs if cost))


@discreet
def bill(stack: Stack, clients: Clients, *, clock: Clock) -> Bill:
    """What the stack's trainings were billed and its deployments cost; reads only."""
    from ftctl.core.plan import plan as compare  # noqa: PLC0415  help needs none
    from ftctl.kinds import kinds  # noqa: PLC0415  the same
    from ftctl.kinds.bill import by_the_hour, drawn_up, locations  # noqa: PLC0415  the same
    from ftctl.kinds.retail import prices_of  # noqa: PLC0415  the same
    from ftctl.results.job import told_bill  # noqa: PLC0415  the same

    observed = observe(stack, clients)
    compared = partial(compare, stack.home, stack.resources, kinds(), now=clock.now().timestamp())
    made, _ = _judged(stack, clients, observed, compared)
    prices = {account: prices_of(clients, at) for account, at in locations(made, observed.lives).items()}
    timed = [live for live in observed.lives if by_the_hour(live, stack.home)]
    hours = {live.id: told_bill(clients.data(live.outputs["endpoint"]).events_since(live.id))[1] for live in timed}
    return drawn_up(stack.resources, made, observed.lives, hours, prices)


@discreet
def lineage(stack: Stack, clients: Clients, names: Sequence[str], *, clock: Clock) -> list[Lineage]:
    """Where the stack's deployments come from, or those of its accounts with these names; reads only."""
    from ftctl.core.plan import plan as compare  # noqa: PLC0415  help needs none
    from ftctl.engine.lineage import Trail  # noqa: PLC0415  the same
    from ftctl.engine.lineage import lineage as follow  # noqa: PLC0415  the same
    from ftctl.kinds import kinds  # noqa: PLC0415  the same
    from ftctl.kinds.trained import Training  # noqa: PLC0415  the same

    observed = observe(stack, clients)
    compared = partial(compare, stack.home, stack.resources, kinds(), now=clock.now().timestamp())
    made, _ = _judged(stack, clients, observed, compared)
    declared = {resource.address: resource for resource in stack.resources}
    blind = frozenset((one.kind, one.within) for one in observed.blind)

    def results(job: Live) -> Training:
        return Training(clients.data(job.outputs["endpoint"]), job.raw)

    trail = Trail(declared, made, observed.lives, kinds(), results, blind)
    return [follow(trail, live) for live in trail.deployments(names)]


@span("execute")
@discreet
def apply(
    plan: Plan,
    stack: Stack,
    clients: Clients,
    *,
    clock: Clock,
    emit: Emit,
    stop: Stop,
    wait: float | None = None,
    trainings: bool = True,
    origin: Mapping[str, str] | None = None,
) -> Report:
    """Carry out a plan. Raises, before anything is done, when the plan has problems.

    `wait` bounds the seconds of waiting, `trainings` says whether those are waited for. `origin` are the marks on what
    is written that say where it comes from.
    """
    from ftctl.core.preflight import lacking  # noqa: PLC0415  plan needs none
    from ftctl.core.steps import lower  # noqa: PLC0415  the same
    from ftctl.engine.execute import Job, execute  # noqa: PLC0415  the same
    from ftctl.kinds import kinds  # noqa: PLC0415  the same

    note({"ftctl.stack": stack.name})
    if plan.fatal:
        raise FtctlError.all(plan.problems)
    assert not clients.reads.shared, "what a plan does rests on Azure as it is then"
    if missing := lacking(plan):
        raise FtctlError.all(missing)
    plan, secrets = plan.whole or plan, stack.secrets
    resources = {resource.address: resource for resource in stack.resources}
    home = replace(plan.world.home, origin=origin or {})
    job = Job(lower(plan, kinds()), resources, kinds(), replace(plan.world, home=home), plan.granting)
    tell: Emit = (lambda event: emit(secrets.told(event))) if secrets.names else emit
    report = execute(job, clients, clock=clock, emit=tell, stop=stop, wait=wait, trainings=trainings)
    return replace(report, outcomes=secrets.told(report.outcomes))


@discreet
def watch(plan: Plan, stack: Stack, clients: Clients, *, clock: Clock) -> dict[Address, Watched]:
    """How far the things of a plan are that are on their way; reads only, and does without what it cannot read."""
    from ftctl.core.model import Health  # noqa: PLC0415  plan needs none
    from ftctl.kinds import kinds  # noqa: PLC0415  the same

    declared = {resource.address: resource for resource in stack.resources}
    found: dict[Address, Watched] = {}
    for change in plan.changes:
        if change.live and change.live.health is Health.PENDING:
            resource, now = declared.get(change.address), clock.now().timestamp()
            with suppress(FtctlError):
                watched = kinds()[change.kind].watch(clients, change.live, resource, declared, now)
                found |= {change.address: watched} if watched else {}
    return found
