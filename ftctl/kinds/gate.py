"""Gates: between a job and a deployment of its model; they choose the checkpoint, and let it serve or refuse it.

A gate is declared in two places, as `gates` of the job and `checkpoint` of the deployment, and has no section of its
own: there is one for each deployment that asks for either. It is nothing in Azure. What it is stands in the results
of the job, so it is judged again by every plan, and a killed run has nothing to remember. Only an evaluation has to be
made, which an apply does; a tag of what serves remembers what it found.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec

from ftctl.core.changes import Action, Change
from ftctl.core.errors import Problem
from ftctl.core.model import Address, Health, Home, Live, Outlook, Resource, Unknown, Wanted, World
from ftctl.core.rights import Right
from ftctl.kinds import heldout, marks, named, rights
from ftctl.kinds.conditions import Checkpoint, CheckpointStep, Gate, condition_of
from ftctl.kinds.contract import (
    Declaration,
    Kind,
    NotYetError,
    Prepared,
    Progress,
    Scope,
    Seen,
    account_of,
    described,
    reference,
    source,
    trainer,
)
from ftctl.kinds.evaluation import Evaluating, Place, remembered, remove, told
from ftctl.kinds.judged import Choice, judged, pending, ready, refusing
from ftctl.kinds.trained import Training, job_model
from ftctl.results.condition import Judged, Score, Served, judge

if TYPE_CHECKING:
    from ftctl.clients import Clients

_EVALUATION = "evaluation"  # in the key of a gate that makes one
LATE = 10 * 60  # seconds after a job's end in which its results may still be on their way


class GateSpec(Declaration, frozen=True):
    """What has to be true of a trained model before a deployment serves it, put together from both declarations."""

    job: Annotated[str, reference("job", "The job that trains the model.")]
    deployment: Annotated[str, described("The deployment that is to serve it.")]
    checkpoint: Annotated[Checkpoint, described("Which of the job's checkpoints.")] = "last"
    gates: Annotated[list[Gate], described("The conditions.")] = msgspec.field(default_factory=list)
    sku: Annotated[str, described("The type of the deployment.")] = ""
    format: Annotated[str, described("The model's publisher.")] = "OpenAI"
    form: Annotated[dict[str, Any] | None, described("The form of answers that the model was trained to give.")] = None
    resource: Annotated[str | None, reference("account", "The account that both live in.")] = None


class GateKind(Kind):
    name = "gate"
    section = ""
    Spec = GateSpec
    rank = 6
    judges = True

    def derive(self, declared: Sequence[Resource]) -> Sequence[Resource]:
        """A gate before each deployment whose job has conditions, or that asks for another checkpoint than the last."""
        by_address = {resource.address: resource for resource in declared}
        found: list[Resource] = []
        for resource in declared:
            gate = _gate(resource, by_address) if resource.address.kind == "deployment" else None
            found += [gate] if gate else []
            found += [replace(resource, references=(*resource.references, gate.address)) if gate else resource]
        return found

    def prepare(self, resource: Resource, base: Path, declared: Mapping[Address, Resource]) -> Prepared:
        """What its evaluations ask; what is wrong with them is told of the job."""
        return Prepared({"exams": heldout.exams(resource, base, declared)})

    def wanted(self, resource: Resource, world: World) -> Wanted:
        from ftctl.clients.ids import deployment_id  # noqa: PLC0415  the clients come in only where Azure does

        spec: GateSpec = resource.spec
        arm_id = str(world.output(account_of(resource), "id"))
        conditions = [condition_of(one, _examples(one, world)) for one in spec.gates]
        exams = resource.prepared.get("exams", ())
        return Wanted(
            key=f"{arm_id}|{_EVALUATION if exams else 'gate'}|{spec.deployment}".lower(),
            fields={"checkpoint": _asked(spec.checkpoint), "conditions": [str(one) for one in conditions]},
            settings={
                "spec": spec,
                "conditions": conditions,
                "exams": [replace(one, sha256=str(world.output(one.address, "sha256"))) for one in exams],
                "asks": heldout.asking(spec.gates, world),
                "evaluating": Evaluating(),
                "where": resource.where,
                "account": arm_id,
                "label": resource.address.name,
                "endpoint": world.output(account_of(resource), "endpoint"),
                "job": world.output(trainer(resource, spec.job), "id"),
                "results": world.output(trainer(resource, spec.job), "endpoint"),
                "source": source(trainer(resource, spec.job), arm_id, world),
                "deployment": deployment_id(arm_id, _in_azure(resource, world, arm_id)),
            },
            name=resource.address.name,
        )

    def outlook(self, resource: Resource, world: World) -> Outlook:
        """The conditions, for a plan that cannot judge them yet."""
        spec: GateSpec = resource.spec
        chosen = [] if spec.checkpoint == "last" else [f"checkpoint: {_asked(spec.checkpoint)}{_meaning(spec)}"]
        conditions = [condition_of(one, _examples(one, world)) for one in spec.gates]
        asks = heldout.asking(spec.gates, world)
        return Outlook(because=(*chosen, *(f"gate: {one}" for one in conditions), *asks))

    def rights(self, change: Change, resource: Resource | None) -> Iterator[Right]:
        """Those of an evaluation, with its temporary deployment; judging by results only reads."""
        account, evaluates, _ = change.key.partition(f"|{_EVALUATION}|")
        if evaluates and change.action is Action.JUDGE:
            yield from (Right(f"{rights.DEPLOYMENTS}/{verb}", account) for verb in ("write", "delete"))
            yield from (rights.data(action, account) for action in (rights.ASK, f"{rights.JOBS}/write"))

    def observe(self, clients: Clients, scope: Scope) -> Seen:
        """Nothing: what a gate is follows from other things, and is told by `examine`."""
        return Seen()

    def examine(self, clients: Clients, resources: Iterable[Resource], world: World) -> Seen:
        """Judge the gates of the jobs that have succeeded; each job is read once, and no model is asked anything."""
        trainings: dict[str, Training] = {}
        lives = []
        for resource in resources:
            wanted = self.wanted(resource, world)
            if isinstance(world.output(trainer(resource, resource.spec.job), "model"), Unknown):
                continue
            try:
                lives.append(_judged(clients, wanted, world.home, trainings))
            except NotYetError:
                continue  # a plan does not wait
        return Seen(tuple(lives))

    def refresh(self, clients: Clients, live: Live, home: Home, progress: Progress) -> Live | None:
        return live

    def create(self, clients: Clients, wanted: Wanted, home: Home, progress: Progress) -> Live:
        """Judge it now that its job has succeeded. Nothing is written but for an evaluation, and what that found."""
        evaluating: Evaluating = wanted.settings["evaluating"]
        if not evaluating.begun:
            evaluating.trainings.clear()  # what was not there yet is looked for again
        return _judged(clients, wanted, home, evaluating.trainings, evaluating)

    def delete(self, clients: Clients, live: Live) -> None:
        raise AssertionError("a gate is nothing in Azure")

    def lane(self, key: str, within: str) -> str:
        """An evaluation makes and deletes a deployment: the account's turns are its turns."""
        account, evaluates, _ = key.partition(f"|{_EVALUATION}|")
        return account if evaluates else ""

    def failure(self, live: Live) -> Problem:
        problem: Problem | None = live.raw.get("problem")
        return problem or Problem("FT3230", live.detail, fix="Train again, or loosen the gate in a reviewed change.")


def _gate(deployment: Resource, declared: dict[Address, Resource]) -> Resource | None:
    """None too where a deployment is only read: nothing is decided about what somebody else serves."""
    model = deployment.spec.model
    if deployment.spec.manage == "reference":
        return None
    job = declared.get(trainer(deployment, model.job or ""))
    if job is None:
        return None
    gates: list[Gate] = job.spec.gates or []
    checkpoint: Checkpoint = model.checkpoint or "last"
    if not gates and checkpoint == "last":
        return None
    name, method = deployment.address.name, job.spec.method
    spec = GateSpec(
        job=job.address.name, deployment=deployment.spec.name or name, checkpoint=checkpoint, gates=gates,
        sku=deployment.spec.sku, format=model.format,
        form=None if isinstance(method, str) else method.reinforcement.response_format,
    )  # fmt: skip
    place = job.place("gates") if gates else deployment.place("model.checkpoint")
    chosen = {"checkpoint": found} if (found := deployment.place("model.checkpoint")) else {}
    places = {"": place, **chosen} if place else {}
    asked = dict.fromkeys(Address("dataset", one.dataset) for _, one in heldout.declared(gates))
    references = (account_of(deployment), job.address, *asked)
    return Resource(Address("gate", name), spec, references, places)


def _in_azure(gate: Resource, world: World, account: str) -> str:
    """The name of its deployment there: the one that is declared for Azure, or by which the deployment is found."""
    name = str(gate.spec.deployment)
    return name if name != gate.address.name else named.in_azure(gate, world, account)


def _asked(checkpoint: Checkpoint) -> str:
    return f"step {checkpoint.step:,}" if isinstance(checkpoint, CheckpointStep) else checkpoint


def _meaning(spec: GateSpec) -> str:
    return " (lowest full validation loss, or highest validation reward)" if spec.checkpoint == "best" else ""


def _examples(gate: Gate, world: World) -> Any:
    return world.output(Address("dataset", gate.evaluate.dataset), "examples") if gate.evaluate else None


def _judged(
    clients: Clients,
    wanted: Wanted,
    home: Home,
    trainings: dict[str, Training],
    evaluating: Evaluating | None = None,
) -> Live:
    """The gate as it is now. Raises NotYetError while what it needs may still be on its way.

    What only an evaluation can tell is pending where there is none to make it (`evaluating`), which is so in a plan.
    """
    spec: GateSpec = wanted.settings["spec"]
    training = _training(clients, wanted, trainings)
    late = clients.clock.now().timestamp() - float(training.body.get("finished_at") or 0) < LATE
    model, why = _chosen(spec, training)
    if not model:
        if late and all(one.model != training.model for one in training.kept):
            raise NotYetError("waiting for the checkpoints of the job")
        return refusing(ready(wanted, home, "", {}), Problem("FT3231", why, fix=_other(training)))
    trained = training.at(model)
    assert trained is not None
    conditions = wanted.settings["conditions"]
    read = [one for one in conditions if not isinstance(one, Score)]
    found = judge(read, trained, lambda: _served(clients, wanted, model, training))
    if late and any(one.value is None for one in found):
        raise NotYetError("waiting for the results of the job")
    choice = Choice(model, trained.one.step, why)
    if not wanted.settings["exams"] or not all(one.passed for one in found):
        return judged(wanted, home, choice, found)
    return _evaluated(clients, wanted, home, choice, found, evaluating)


def _evaluated(
    clients: Clients,
    wanted: Wanted,
    home: Home,
    choice: Choice,
    found: Sequence[Judged],
    evaluating: Evaluating | None,
) -> Live:
    """The gate with its evaluations: as what serves remembers them, or made now."""
    spec: GateSpec = wanted.settings["spec"]
    body = clients.arm.get_deployment(wanted.settings["deployment"])
    known, exams = remembered(body), [(one.key(choice.model), one) for one in wanted.settings["exams"]]
    missing = {key: exam for key, exam in exams if key not in known}
    scores = [one for one in wanted.settings["conditions"] if isinstance(one, Score)]
    place = Place(
        wanted.settings["account"], wanted.settings["endpoint"], spec.deployment, wanted.settings["label"],
        choice.model, spec.format, spec.sku, wanted.settings["source"], wanted.settings["where"],
    )  # fmt: skip
    if missing and evaluating is None:
        going_on = clients.arm.get_deployment(place.id) is not None
        return pending(wanted, home, choice, found, scores, place, going_on=going_on)
    if missing and evaluating:
        evaluating.go_on(clients, home, place, missing)
        known |= evaluating.means
    elif evaluating and evaluating.begun:
        remove(clients, place, home)  # another run has found it out meanwhile
    verdicts = [*found, *(one.judge(known[key]) for one, (key, _) in zip(scores, exams, strict=True))]
    text = told({key: known[key] for key, _ in exams})
    live = judged(wanted, home, choice, verdicts, evaluated=text)
    if missing and live.health is Health.READY:
        _remember(clients, body, choice.model, home, text)
    return live


def _remember(clients: Clients, body: Mapping[str, Any] | None, model: str, home: Home, text: str) -> None:
    """Tell what serves this very model already; one that is to serve it is told when it does."""
    tags = (body or {}).get("tags") or {}
    serves = (((body or {}).get("properties") or {}).get("model") or {}).get("name")
    if body and serves == model and tags.get(marks.STACK) == home.stack:
        clients.arm.patch_deployment(body["id"], {"tags": {**tags, marks.EVALUATED: text}})


def _training(clients: Clients, wanted: Wanted, trainings: dict[str, Training]) -> Training:
    id_ = str(wanted.settings["job"])
    if id_ not in trainings:
        data = clients.data(wanted.settings["results"])
        body = data.get_job(id_)
        if not body or not body.get("fine_tuned_model"):
            raise NotYetError("waiting for the job's model")
        trainings[id_] = Training(data, body)
    return trainings[id_]


def _chosen(spec: GateSpec, training: Training) -> tuple[str, str]:
    """The model of the declared checkpoint and why it is that one; no model where there is none, and why."""
    if spec.checkpoint == "last":
        return training.model, "the last"
    if isinstance(spec.checkpoint, CheckpointStep):
        step = spec.checkpoint.step
        one = next((one for one in training.kept if one.step == step), None)
        return (one.model, "as declared") if one else ("", f"job/{spec.job} keeps no checkpoint of step {step:,}")
    choice = training.best()
    if choice is None:
        return "", f"of no checkpoint of job/{spec.job} it is known how it does on the validation data"
    return choice.model, choice.why


def _other(training: Training) -> str:
    steps = ", ".join(f"{one.step:,}" for one in training.kept)
    return f"There are checkpoints of step {steps}." if steps else "Use `checkpoint: last`: there are no others."


def _served(clients: Clients, wanted: Wanted, model: str, training: Training) -> Served:
    """What the deployment serves now, with the results of its job where they say something about this comparison."""
    body = clients.arm.get_deployment(wanted.settings["deployment"])
    name = str((((body or {}).get("properties") or {}).get("model") or {}).get("name") or "")
    if not name:
        return Served(needless="nothing serves yet")
    if name == model:
        return Served(needless="it serves already")
    if job_model(name) == training.model:
        other = training
    else:
        job = next((one for one in training.data.list_jobs() if one.get("fine_tuned_model") == job_model(name)), None)
        if job is None:
            return Served(cannot=f"{name}, which serves now, was trained by no job of this account")
        other = Training(training.data, job)
    if not _same_validation(training, other):
        return Served(cannot=f"{name}, which serves now, was measured on other validation data")
    return Served(trained=other.at(name), cannot=f"the checkpoint of {name}, which serves now, is gone")


def _same_validation(one: Training, other: Training) -> bool:
    """Whether both were measured on the same examples: one file, or files of one content."""
    if one.validation == other.validation:
        return True
    found = [_hash(one.data.get_file, file) for file in (one.validation, other.validation)]
    return found[0] == found[1] is not None


def _hash(get_file: Callable[[str], dict[str, Any] | None], file: str) -> str | None:
    marked = marks.parse_filename((get_file(file) or {}).get("filename") or "") if file else None
    return marked[2] if marked else None


KIND = GateKind()
