"""Gates: between a job and a deployment of its model; they choose the checkpoint, and let it serve or refuse it.

A gate is declared in two places, as `gates` of the job and `checkpoint` of the deployment, and has no section of its
own: there is one for each deployment that asks for either. It is nothing in Azure. What it is stands in the results
of the job, so it is judged again by every plan, and a killed run has nothing to remember.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import msgspec

from ftctl.core.errors import Problem
from ftctl.core.model import Address, Health, Home, Live, Outlook, Resource, Unknown, Wanted, World
from ftctl.kinds import marks
from ftctl.kinds.conditions import Checkpoint, CheckpointStep, Gate, condition_of
from ftctl.kinds.contract import (
    Declaration,
    Kind,
    NotYetError,
    Progress,
    Scope,
    Seen,
    account_of,
    described,
    reference,
    trainer,
)
from ftctl.kinds.trained import Training, job_model
from ftctl.results.condition import Judged, Served, judge

if TYPE_CHECKING:
    from ftctl.clients import Clients

LATE = 10 * 60  # seconds after a job's end in which its results may still be on their way


class GateSpec(Declaration, frozen=True):
    """What has to be true of a trained model before a deployment serves it, put together from both declarations."""

    job: Annotated[str, reference("job", "The job that trains the model.")]
    deployment: Annotated[str, described("The deployment that is to serve it.")]
    checkpoint: Annotated[Checkpoint, described("Which of the job's checkpoints.")] = "last"
    gates: Annotated[list[Gate], described("The conditions.")] = msgspec.field(default_factory=list)
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

    def wanted(self, resource: Resource, world: World) -> Wanted:
        from ftctl.clients.ids import deployment_id  # noqa: PLC0415  the clients come in only where Azure does

        spec: GateSpec = resource.spec
        arm_id = str(world.output(account_of(resource), "id"))
        return Wanted(
            key=f"{arm_id}|gate|{spec.deployment}".lower(),
            fields={
                "checkpoint": _asked(spec.checkpoint),
                "conditions": [str(condition_of(one)) for one in spec.gates],
            },
            settings={
                "spec": spec,
                "label": resource.address.name,
                "endpoint": world.output(account_of(resource), "endpoint"),
                "job": world.output(trainer(resource, spec.job), "id"),
                "deployment": deployment_id(arm_id, spec.deployment),
            },
            name=resource.address.name,
        )

    def outlook(self, resource: Resource, world: World) -> Outlook:
        """The conditions, for a plan that cannot judge them yet."""
        spec: GateSpec = resource.spec
        chosen = [] if spec.checkpoint == "last" else [f"checkpoint: {_asked(spec.checkpoint)}{_meaning(spec)}"]
        gates = [f"gate: {condition_of(one)}" for one in spec.gates]
        return Outlook(because=(*chosen, *gates))

    def observe(self, clients: Clients, scope: Scope) -> Seen:
        """Nothing: what a gate is follows from other things, and is told by `examine`."""
        return Seen()

    def examine(self, clients: Clients, resources: Iterable[Resource], world: World) -> Seen:
        """Judge the gates of the jobs that have succeeded; each job is read once."""
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
        """Judge it now that its job has succeeded; nothing is written."""
        return _judged(clients, wanted, home, {})

    def delete(self, clients: Clients, live: Live) -> None:
        raise AssertionError("a gate is nothing in Azure")

    def failure(self, live: Live) -> Problem:
        problem: Problem | None = live.raw.get("problem")
        return problem or Problem("FT3230", live.detail, fix="Train again, or loosen the gate in a reviewed change.")


def _gate(deployment: Resource, declared: dict[Address, Resource]) -> Resource | None:
    model = deployment.spec.model
    job = declared.get(trainer(deployment, model.job or ""))
    if job is None:
        return None
    gates: list[Gate] = job.spec.gates or []
    checkpoint: Checkpoint = model.checkpoint or "last"
    if not gates and checkpoint == "last":
        return None
    name = deployment.address.name
    spec = GateSpec(job=job.address.name, deployment=name, checkpoint=checkpoint, gates=gates)
    place = job.place("gates") if gates else deployment.place("model.checkpoint")
    chosen = {"checkpoint": found} if (found := deployment.place("model.checkpoint")) else {}
    places = {"": place, **chosen} if place else {}
    references = (account_of(deployment), job.address)
    return Resource(Address("gate", name), spec, references, places)


def _asked(checkpoint: Checkpoint) -> str:
    return f"step {checkpoint.step:,}" if isinstance(checkpoint, CheckpointStep) else checkpoint


def _meaning(spec: GateSpec) -> str:
    return " (lowest full validation loss, or highest validation reward)" if spec.checkpoint == "best" else ""


def _judged(clients: Clients, wanted: Wanted, home: Home, trainings: dict[str, Training]) -> Live:
    """The gate as it is now. Raises NotYetError while what it needs may still be on its way."""
    spec: GateSpec = wanted.settings["spec"]
    training = _training(clients, wanted, trainings)
    late = clients.clock.now().timestamp() - float(training.body.get("finished_at") or 0) < LATE
    model, why = _chosen(spec, training)
    if not model:
        if late and all(one.model != training.model for one in training.kept):
            raise NotYetError("waiting for the checkpoints of the job")
        return _live(wanted, home, problem=Problem("FT3231", why, fix=_other(training)))
    trained = training.at(model)
    assert trained is not None
    found = judge([condition_of(one) for one in spec.gates], trained, lambda: _served(clients, wanted, model, training))
    if late and any(one.value is None for one in found):
        raise NotYetError("waiting for the results of the job")
    return _live(wanted, home, model=model, step=trained.one.step, why=why, judged=found)


def _training(clients: Clients, wanted: Wanted, trainings: dict[str, Training]) -> Training:
    id_ = str(wanted.settings["job"])
    if id_ not in trainings:
        data = clients.data(wanted.settings["endpoint"])
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


def _live(
    wanted: Wanted,
    home: Home,
    *,
    model: str = "",
    step: int = 0,
    why: str = "",
    judged: Sequence[Judged] = (),
    problem: Problem | None = None,
) -> Live:
    """The gate as a thing that is there: ready where it lets the model pass."""
    spec: GateSpec = wanted.settings["spec"]
    refusing = [str(one) for one in judged if not one.passed]
    chosen = f"{spec.checkpoint if spec.checkpoint in {'last', 'best'} else 'checkpoint'}: step {step:,}"
    chosen += f", {why}" if spec.checkpoint == "best" else ""
    if refusing:
        problem = Problem(
            "FT3230",
            f"step {step:,} of job/{spec.job} does not pass: {'; '.join(refusing)}",
            why=f"A gate stands between it and deployment/{spec.deployment}, which keeps what it serves.",
            fix="Train again with other data or hyperparameters, choose another `checkpoint`, or loosen the gate in a"
            " reviewed change.",
        )
    told = (chosen, *(f"gate {'passed' if one.passed else 'refuses'}: {one}" for one in judged)) if model else ()
    return Live(
        kind="gate",
        key=wanted.key,
        id=wanted.key,
        name=chosen if model else "",
        fields=wanted.fields,
        outputs={"model": model, "step": step, "told": told, "conditions": [one.facts for one in judged]}
        if model
        else {},
        owner=home.stack,
        label=wanted.settings["label"],
        health=Health.FAILED if problem else Health.READY,
        detail=problem.what if problem else "; ".join(map(str, judged)),
        raw={"problem": problem} if problem else {},
    )


KIND = GateKind()
