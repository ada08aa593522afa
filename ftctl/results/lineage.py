"""Where a served model comes from: its job, recipe and data, and what put it where it serves. Unknown is left out."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

NAME = "ftctl.lineage.v1.schema.json"
DIALECT = "https://json-schema.org/draft/2020-12/schema"


def _about(text: str) -> msgspec.Meta:
    return msgspec.Meta(description=text)


class Origin(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What wrote the deployment last, by its marks; each is left out where that is not known."""

    revision: Annotated[str, _about("The spec's commit in git; `-dirty` where more than that was there.")] = ""
    plan: Annotated[str, _about("The digest of the plan that was carried out.")] = ""
    approved: Annotated[str, _about("Who approved it.")] = ""
    by: Annotated[str, _about("Who wrote it, as Azure says.")] = ""
    at: Annotated[str, _about("When, as Azure says.")] = ""


class Data(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A file that was learned from, or measured on."""

    role: Annotated[str, _about("training or validation.")]
    file: Annotated[str, _about("Its id in Azure.")]
    dataset: Annotated[str, _about("What the stack that uploaded it calls it.")] = ""
    stack: Annotated[str, _about("The stack that uploaded it.")] = ""
    sha256: Annotated[str, _about("The hash of its content.")] = ""
    examples: int | None = None
    bytes: int | None = None
    path: Annotated[str, _about("Where the spec has that content now, or had it at `revision`.")] = ""
    revision: Annotated[str, _about("The newest commit in git that has this content at `path`.")] = ""


class Recipe(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the job was made of beside its data. What was left to Azure is as Azure chose it."""

    fingerprint: Annotated[str, _about("The digest of recipe and data that the job's suffix carries.")] = ""
    fields: dict[str, Any] = msgspec.field(default_factory=dict)

    @property
    def hyperparameters(self) -> list[tuple[str, Any]]:
        """All fields but the model and the method."""
        return [(name, value) for name, value in self.fields.items() if name not in {"model", "method"}]


class Job(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The training that made the model."""

    id: str
    status: str
    declared: Annotated[str, _about("The declaration in the spec that asks for this very training.")] = ""
    stack: Annotated[str, _about("The stack whose mark it carries.")] = ""
    created: Annotated[str, _about("When, in UTC.")] = ""
    finished: Annotated[str, _about("When, in UTC.")] = ""
    model: Annotated[str, _about("What it began with.")] = ""
    trained: Annotated[str, _about("What it made.")] = ""
    tokens: Annotated[int | None, _about("Trained tokens that were billed.")] = None
    recipe: Recipe
    data: list[Data] = msgspec.field(default_factory=list)
    verdict: Annotated[str, _about("How the training went, as `ftctl results` says.")] = ""
    measures: Annotated[dict[str, float], _about("What was measured at the checkpoint that serves.")] = msgspec.field(
        default_factory=dict
    )
    went_on_from: Annotated[Job | None, _about("The training whose model this one began with.")] = None


class Condition(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A condition of a gate, and how the model met it."""

    condition: str
    passed: bool
    value: float | None = None
    told: str = ""


class Gate(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the spec's gate says of the model that serves."""

    passed: bool
    conditions: list[Condition] = msgspec.field(default_factory=list)


class Model(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What serves."""

    name: str
    version: str = ""
    base: Annotated[str, _about("The base model that it goes back to.")] = ""
    fine_tuned: bool
    step: Annotated[int | None, _about("The step of the checkpoint that serves.")] = None
    checkpoint: Annotated[str, _about("Which one that is: the last, or one from on the way.")] = ""


class Lineage(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A deployment with all that it comes from."""

    stack: Annotated[str, _about("The stack that was asked.")]
    name: str
    id: str
    account: str
    declared: Annotated[bool, _about("Whether the spec declares it.")]
    owner: Annotated[str, _about("The stack whose mark it carries.")] = ""
    location: str = ""
    sku: str = ""
    capacity: int | None = None
    state: Annotated[str, _about("Azure's own word.")] = ""
    checked: Annotated[str, _about("passed, or waiting: how its smoke test came out.")] = ""
    model: Model
    previous: Annotated[str, _about("The model that served before.")] = ""
    origin: Origin = Origin()
    job: Job | None = None
    gate: Gate | None = None
    unknown: Annotated[list[str], _about("What could not be found out, and why.")] = msgspec.field(default_factory=list)

    @property
    def line(self) -> list[Job]:
        """The job, the one whose model it began with, and so on back."""
        found, job = [], self.job
        while job:
            found.append(job)
            job = job.went_on_from
        return found


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """What `ftctl lineage -o json` writes."""

    format_version: str
    ftctl_version: str
    deployments: list[Lineage] = msgspec.field(default_factory=list)
    problems: list[dict[str, Any]]


def schema() -> dict[str, Any]:
    """The JSON Schema of the document."""
    (top,), parts = msgspec.json.schema_components([Document], ref_template="#/$defs/{name}")
    whole = parts.pop(top["$ref"].rpartition("/")[2])
    about = {"$schema": DIALECT, "$id": f"urn:ftctl:{NAME}", "title": "Where deployments come from"}
    return {**about, **{key: value for key, value in whole.items() if key != "title"}, "$defs": parts}
