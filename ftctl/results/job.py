"""A job's facts and its checkpoints, as its JSON tells them: odd and missing values included."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ftctl.core.digest import digest
from ftctl.results.columns import normal

_ENDED = frozenset({"succeeded", "failed", "cancelled"})
_CREATED_FILE = ("Created results file: ", "Completed results file: ")
_BILLED_HOURS, _BILLED_TOKENS = "Training hours billed: ", "Training tokens billed: "


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A model that was kept on the way, and what was measured there, by normal names."""

    step: int
    model: str
    id: str = ""
    created: float = 0.0
    metrics: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Job:
    """One training. `recipe` is what may differ between two: flat, in the order that people ask for it."""

    id: str
    status: str
    recipe: Mapping[str, Any]
    model: str = ""
    method: str = "supervised"
    fine_tuned: str = ""
    tokens: int | None = None
    hours: float | None = None
    created: float = 0.0
    finished: float | None = None
    error: str = ""
    result_files: tuple[str, ...] = ()

    @property
    def ended(self) -> bool:
        return self.status in _ENDED

    def seconds(self, now: float) -> float:
        """From its creation to its end, or to now."""
        return max((self.finished or now) - self.created, 0.0)

    @property
    def epochs(self) -> int | None:
        """How often it passes over the data; None where the service has not chosen yet."""
        epochs = self.recipe.get("n_epochs")
        return epochs if isinstance(epochs, int) and epochs > 0 else None


def job_of(body: Mapping[str, Any]) -> Job:
    """The facts of a job's JSON."""
    method = body.get("method") or {}
    kind = str(method.get("type") or "supervised")
    parts = method.get(kind) or {}
    chosen = {**(parts.get("hyperparameters") or {}), **(body.get("hyperparameters") or {})}
    recipe = {
        "model": body.get("model"),
        "method": kind,
        "training type": body.get("trainingType"),
        "training": body.get("training_file"),
        "validation": body.get("validation_file"),
        "seed": body.get("seed"),
        **{name: "auto" if value == -1 else value for name, value in chosen.items()},
        **{name: _alike(value) for name, value in parts.items() if name != "hyperparameters"},
    }
    error = body.get("error") or {}
    return Job(
        id=str(body["id"]),
        status=str(body.get("status") or ""),
        recipe={name: value for name, value in recipe.items() if value is not None},
        model=str(body.get("model") or ""),
        method=kind,
        fine_tuned=str(body.get("fine_tuned_model") or ""),
        tokens=body.get("trained_tokens"),
        created=float(body.get("created_at") or 0),
        finished=body.get("finished_at"),
        error=str(error.get("message") or "") if isinstance(error, Mapping) else str(error),
        result_files=tuple(body.get("result_files") or ()),
    )


def _alike(value: Any) -> Any:
    """What is nested (graders, tools, forms of answers) as a hash: to be compared, and it may hold a header's key."""
    return f"#{digest(value)[:12]}" if isinstance(value, Mapping | list) else value


def checkpoints_of(bodies: Iterable[Mapping[str, Any]]) -> tuple[Checkpoint, ...]:
    """Checkpoints by step. A measure that is no number is as if it were absent."""
    found = [
        Checkpoint(
            step=int(body.get("step_number") or 0),
            model=str(body.get("fine_tuned_model_checkpoint") or ""),
            id=str(body.get("id") or ""),
            created=float(body.get("created_at") or 0),
            metrics={
                normal(name): float(value)
                for name, value in (body.get("metrics") or {}).items()
                if name != "step" and isinstance(value, int | float)
            },
        )
        for body in bodies
    ]
    return tuple(sorted(found, key=lambda one: one.step))


def told_file(events: Iterable[Mapping[str, Any]]) -> str:
    """The results file that the events name: a job's body has it only later."""
    for event in events:
        message = str(event.get("message") or "")
        for words in _CREATED_FILE:
            if message.startswith(words):
                return message.removeprefix(words).strip()
    return ""


def told_bill(events: Iterable[Mapping[str, Any]]) -> tuple[int | None, float | None]:
    """The tokens and the hours that the events say were billed."""
    tokens, hours = None, None
    for event in events:
        message = str(event.get("message") or "")
        try:
            if message.startswith(_BILLED_TOKENS):
                tokens = int(message.removeprefix(_BILLED_TOKENS).replace(",", ""))
            elif message.startswith(_BILLED_HOURS):
                hours = float(message.removeprefix(_BILLED_HOURS))
        except ValueError:
            continue  # other words than those known: what was billed stays unknown
    return tokens, hours
