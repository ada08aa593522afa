"""What a training is made of: its method with all its fields, as declared, as a fingerprint and as Azure takes it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec

from ftctl.core.model import Address, Unknown
from ftctl.core.noise import Noise, Rule
from ftctl.kinds import marks
from ftctl.kinds.contract import Declaration, Flaw, described, flaw, reference, trainer
from ftctl.kinds.graders import Grader, wire

if TYPE_CHECKING:
    from ftctl.core.model import Resource, World
    from ftctl.kinds.job import JobSpec

FORMATS = {"supervised": "chat", "dpo": "preference", "reinforcement": "reinforcement"}
_EVERY = ("n_epochs", "batch_size", "learning_rate_multiplier")
HYPERPARAMETERS = {
    "supervised": (*_EVERY, "prompt_loss_weight"),
    "dpo": (*_EVERY, "beta", "l2_multiplier"),
    "reinforcement": (*_EVERY, "eval_interval", "eval_samples", "compute_multiplier", "reasoning_effort"),
}
_CHOSEN = -1  # how jobs show a value that the service is yet to choose

SPELLED = {
    "grader": ("method.reinforcement.grader",),
    "responseFormat": ("method.reinforcement.responseFormat",),
    **{name: (f"hyperparameters.{name}",) for names in HYPERPARAMETERS.values() for name in names},
}

Auto = Literal["auto"]
Positive = Annotated[float, msgspec.Meta(gt=0, le=10)]


class Hyperparameters(Declaration, frozen=True, rename=None):
    """How to train. `auto` leaves the choice to the service and is never a difference."""

    n_epochs: Annotated[Annotated[int, msgspec.Meta(ge=1, le=50)] | Auto, described("Passes over the data.")] = "auto"
    batch_size: Annotated[Annotated[int, msgspec.Meta(ge=1, le=256)] | Auto, described("Examples per step.")] = "auto"
    learning_rate_multiplier: Annotated[Positive | Auto, described("Scales the model's own learning rate.")] = "auto"
    prompt_loss_weight: Annotated[
        Annotated[float, msgspec.Meta(ge=0, le=1)] | Auto,
        described("Supervised: how much is learned from the prompt, beside the answer."),
    ] = "auto"
    beta: Annotated[Positive | Auto, described("dpo: how strongly it is held to the model that it began with.")] = (
        "auto"
    )
    l2_multiplier: Annotated[
        Annotated[float, msgspec.Meta(ge=0, le=10)] | Auto, described("dpo: how much large weights are held down.")
    ] = "auto"
    eval_interval: Annotated[
        Annotated[int, msgspec.Meta(ge=1)] | Auto, described("reinforcement: steps between two evaluations.")
    ] = "auto"
    eval_samples: Annotated[
        Annotated[int, msgspec.Meta(ge=1, le=10)] | Auto,
        described("reinforcement: answers to each validation example in an evaluation."),
    ] = "auto"
    compute_multiplier: Annotated[
        Annotated[float, msgspec.Meta(ge=0.00001, le=10)] | Auto,
        described("reinforcement: how much is spent on trying answers."),
    ] = "auto"
    reasoning_effort: Annotated[
        Literal["default", "low", "medium", "high"] | Auto, described("reinforcement: how long the model thinks.")
    ] = "auto"


class Reinforcement(Declaration, frozen=True):
    """Learning from a grader's rewards."""

    grader: Annotated[Grader, described("What rewards an answer, in the service's own words.")]
    response_format: Annotated[
        dict[str, Any] | None, described("The form of an answer: `type: json_schema` with a schema.")
    ] = None


class ByReinforcement(Declaration, frozen=True):
    """The method that learns from rewards."""

    reinforcement: Annotated[Reinforcement, described("What it learns from.")]


class Continued(Declaration, frozen=True):
    """A model that another job of the stack trains: learning goes on from there."""

    job: Annotated[str, reference("job", "The job whose model is trained further.")]


class WandB(Declaration, frozen=True):
    """Where Weights & Biases shows the training. Its key is kept in Azure, and never stands in a spec."""

    project: Annotated[str, described("The project.", min_length=1)]
    name: Annotated[str | None, described("What the run is called; the job's id if left out.")] = None
    entity: Annotated[str | None, described("The team or user.")] = None
    tags: Annotated[list[str], described("Tags of the run.")] = msgspec.field(default_factory=list)


class Integrations(Declaration, frozen=True):
    """Services that the training reports to. They change nothing of the model, so they are no part of the recipe."""

    wandb: Annotated[WandB | None, described("Weights & Biases.")] = None


def name_of(method: str | ByReinforcement) -> str:
    return method if isinstance(method, str) else "reinforcement"


def hyperparameters(given: Hyperparameters) -> dict[str, Any]:
    """Those that are not left to the service."""
    return {name: value for name, value in msgspec.to_builtins(given).items() if value != "auto"}


def flaws(spec: JobSpec) -> Iterator[Flaw]:
    """Hyperparameters of other methods, a form of answers that is none, and reinforcement without validation."""
    method = name_of(spec.method)
    for name in hyperparameters(spec.hyperparameters):
        if name not in HYPERPARAMETERS[method]:
            owners = " and ".join(one for one, names in HYPERPARAMETERS.items() if name in names)
            what = f"{method} training has no `{name}`: it belongs to {owners}"
            yield flaw(f"hyperparameters.{name}", "FT1270", what)
    if isinstance(spec.method, str):
        return
    form = spec.method.reinforcement.response_format
    if form is not None and not (form.get("type") == "json_schema" and isinstance(form.get("json_schema"), dict)):
        at = "method.reinforcement.responseFormat"
        yield flaw(at, "FT1283", "`responseFormat` has no `type: json_schema` with a `json_schema` beside it")
    if spec.validation is None:
        yield flaw("", "FT1272", "reinforcement training needs `validation` beside `training`")


def declared_jobs(declared: Mapping[Address, Resource]) -> dict[str, JobSpec]:
    """All jobs by the names that others use; a sweep is the one that was declared."""
    return {address.name: one.spec for address, one in declared.items() if address.kind in {"job", "pick"}}


def beginning(spec: JobSpec, declared: Mapping[Address, Resource]) -> str:
    """The same as `base_of`, of all that is declared; most jobs say it themselves."""
    return spec.model if isinstance(spec.model, str) else base_of(spec, declared_jobs(declared))


def base_of(spec: JobSpec, jobs: Mapping[str, JobSpec]) -> str:
    """The base model or fine-tuned id that a line of jobs begins with; empty where one of them is not declared."""
    seen: set[str] = set()
    while isinstance(spec.model, Continued):
        if spec.model.job in seen or spec.model.job not in jobs:
            return ""
        seen.add(spec.model.job)
        spec = jobs[spec.model.job]
    return spec.model


def root(model: str) -> str:
    """The base model that a fine-tuned one goes back to."""
    return model.partition(".ft-")[0]


# --- the fingerprint's fields, and Azure's body


def model_field(resource: Resource, world: World) -> Any:
    """What stands for the model: its id, or of one that is yet to be trained the recipe that gives it."""
    model = resource.spec.model
    if isinstance(model, str):
        return model
    made = world.output(trainer(resource, model.job), "recipe")
    return made if isinstance(made, Unknown) else f"recipe/{made}"


def model_id(resource: Resource, world: World) -> Any:
    model = resource.spec.model
    return model if isinstance(model, str) else world.output(trainer(resource, model.job), "model")


def fields(resource: Resource, world: World) -> dict[str, Any]:
    """Everything of a job but its data that decides what is learned. What is left out is left out here too."""
    spec: JobSpec = resource.spec
    return {
        "model": model_field(resource, world),
        "method": name_of(spec.method),
        "trainingType": spec.training_type,
        **({"seed": spec.seed} if spec.seed is not None else {}),
        **hyperparameters(spec.hyperparameters),
        **method_parts(resource),
    }


def left(spec: JobSpec) -> dict[str, str]:
    """What is left to the service."""
    given = hyperparameters(spec.hyperparameters)
    seed = {"seed": Noise.SERVICE} if spec.seed is None else {}
    return {**{name: Noise.AUTO for name in HYPERPARAMETERS[name_of(spec.method)] if name not in given}, **seed}


def _recipe_of(value: Any) -> Any:
    """A model that a stack trained is the recipe in its name: `{job: …}` is known by that before it is trained."""
    if not isinstance(value, str) or ".ft-" not in value:
        return value
    marked = marks.parse_suffix(value)
    return f"recipe/{marked[2]}" if marked else value


MODEL = Rule(Noise.RECIPE, _recipe_of)


def method_parts(resource: Resource) -> dict[str, Any]:
    """What the method has beside hyperparameters, programs in full."""
    method = resource.spec.method
    if isinstance(method, str):
        return {}
    whole = method.reinforcement
    form = {"responseFormat": whole.response_format} if whole.response_format is not None else {}
    return {"grader": wire(whole.grader, resource.prepared.get("graders", {})), **form}


def body(method: str, given: Mapping[str, Any], parts: Mapping[str, Any]) -> dict[str, Any]:
    """The method as a job's creation takes it."""
    names = {"grader": "grader", "responseFormat": "response_format"}
    inside = {names[name]: value for name, value in parts.items()}
    return {"type": method, method: {**inside, "hyperparameters": dict(given)}}


def integrations(spec: JobSpec) -> list[dict[str, Any]]:
    """Where the training reports to, as a job's creation takes it."""
    if spec.integrations is None or spec.integrations.wandb is None:
        return []
    given = {name: value for name, value in msgspec.to_builtins(spec.integrations.wandb).items() if value}
    return [{"type": "wandb", "wandb": given}]


def live_fields(job: Mapping[str, Any]) -> dict[str, Any]:
    """The recipe of a live job without its data; what the service is yet to choose is left out."""
    method = job.get("method") or {}
    kind = method.get("type", "supervised")
    inside = method.get(kind) or {}
    given = {**(job.get("hyperparameters") or {}), **(inside.get("hyperparameters") or {})}
    found = {
        "grader": inside.get("grader"),
        "responseFormat": inside.get("response_format"),
        **{name: value for name, value in given.items() if value != _CHOSEN},
    }
    return {
        "model": job.get("model"),
        "method": kind,
        "trainingType": job.get("trainingType"),
        "seed": job.get("seed"),
        **{name: value for name, value in found.items() if value is not None},
    }
