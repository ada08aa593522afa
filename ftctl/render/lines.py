"""The lines of `--json`: one JSON object for each event, their shapes and the schema of these."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec

from ftctl.core.events import Event, Stage, Watched
from ftctl.render.watched import watched_json

NAME = "ftctl.events.v1.schema.json"
DIALECT = "https://json-schema.org/draft/2020-12/schema"
_OPS = Literal["create", "update", "delete", "wait", "judge", "mark", "forget"]


def _about(text: str) -> msgspec.Meta:
    return msgspec.Meta(description=text)


class Range(msgspec.Struct, frozen=True):
    """From `low` to `high`, both included."""

    low: float
    high: float


class Money(Range, frozen=True):
    """An estimated amount of money."""

    currency: str


class Far(msgspec.Struct, frozen=True, omit_defaults=True):
    """How far a thing is that is on its way. What is not known is left out."""

    status: Annotated[str, _about("Azure's own word.")] = ""
    stage: Annotated[str, _about("The same more closely, for people.")] = ""
    words: Annotated[str, _about("Anything else to be said, for people.")] = ""
    step: Annotated[int | None, _about("The newest step that was told of.")] = None
    steps: Annotated[int | None, _about("How many there are.")] = None
    loss: Annotated[float | None, _about("Of training, at that step.")] = None
    valid_loss: Annotated[float | None, _about("Of validation, at that step.")] = None
    reward: Annotated[float | None, _about("Of training, at that step.")] = None
    elapsed: Annotated[float | None, _about("Seconds since it was created.")] = None
    left: Annotated[Range | None, _about("Seconds that are left: by the service, and by the steps so far.")] = None
    cost: Annotated[Money | None, _about("What it cost so far, by the price book.")] = None


class Line(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What every line has."""

    format_version: str
    sequence: Annotated[int, _about("Counts the lines from 1.")]
    at: Annotated[str, _about("When, in UTC.")]


class PlanLine(Line, frozen=True, kw_only=True, tag="plan"):
    """What is going to be done with a stack."""

    stack: str
    plan: Annotated[dict[str, Any], _about("As `ftctl plan -o json` has it.")]


class StepLine(Line, frozen=True, kw_only=True):
    """Something happened to a step."""

    stack: str
    address: str
    op: _OPS
    seconds: Annotated[float, _about("Since the step began.")]
    text: str
    watched: Far | None = None


class Started(StepLine, frozen=True, kw_only=True, tag="started"):
    """A step began."""


class Progress(StepLine, frozen=True, kw_only=True, tag="progress"):
    """A step goes on."""


class Done(StepLine, frozen=True, kw_only=True, tag="done"):
    """A step succeeded."""


class Failed(StepLine, frozen=True, kw_only=True, tag="failed"):
    """A step failed; the report has its problem."""


class Skipped(StepLine, frozen=True, kw_only=True, tag="skipped"):
    """A step is not attempted, as one that it needs failed."""


class Notice(Line, frozen=True, kw_only=True, tag="notice"):
    """Something to be told beside the steps."""

    text: str


class Running(msgspec.Struct, frozen=True, omit_defaults=True):
    """A step that goes on."""

    stack: str
    address: str
    op: _OPS
    seconds: float
    watched: Far | None = None


class Heartbeat(Line, frozen=True, kw_only=True, tag="heartbeat"):
    """Nothing happened for a while, and the command is alive."""

    seconds: Annotated[float, _about("Since the command began.")]
    running: list[Running]


class LogLine(Line, frozen=True, kw_only=True, tag="event"):
    """An event of a training job, of `ftctl logs`."""

    address: str
    job: str
    event: Annotated[dict[str, Any], _about("As Azure tells it.")]


class ReportLine(Line, frozen=True, kw_only=True, tag="report"):
    """The last line: how it ended."""

    exit: Annotated[int, _about("The exit code of the command.")]
    stacks: list[dict[str, Any]]
    problems: list[dict[str, Any]]


STEPS: dict[Stage, type[StepLine]] = {
    Stage.STARTED: Started,
    Stage.PROGRESS: Progress,
    Stage.DONE: Done,
    Stage.FAILED: Failed,
    Stage.SKIPPED: Skipped,
}
_LINES = PlanLine | Started | Progress | Done | Failed | Skipped | Notice | Heartbeat | LogLine | ReportLine


def far(watched: Watched | None) -> Far | None:
    return msgspec.convert(watched_json(watched), Far) if watched else None


def step_fields(stack: str, event: Event) -> dict[str, Any]:
    """The fields of a step's line."""
    return {
        "stack": stack,
        "address": str(event.address),
        "op": event.op.value if event.op else "",
        "seconds": round(event.seconds, 3),
        "text": event.text,
        "watched": far(event.watched),
    }


def schema() -> dict[str, Any]:
    """The JSON Schema of a line."""
    made = msgspec.json.schema(_LINES, ref_template="#/$defs/{name}")
    about = {"$schema": DIALECT, "$id": f"urn:ftctl:{NAME}", "title": "A line of ftctl --json"}
    return {**about, **made}
