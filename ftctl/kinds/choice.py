"""What a deployment is declared to serve, and the question that is asked after every change of it."""

from __future__ import annotations

from typing import Annotated

from ftctl.kinds.conditions import Checkpoint
from ftctl.kinds.contract import Declaration, described, reference


class ModelChoice(Declaration, frozen=True):
    """Which model serves: what a job of this stack trained, or a base model by name and version."""

    job: Annotated[str | None, reference("job", "The job whose model is served.")] = None
    checkpoint: Annotated[
        Checkpoint | None,
        described("Which of the job's checkpoints: last, best by its validation data, or {step: N}; last if left out."),
    ] = None
    name: Annotated[str | None, described("A base model's name, or a fine-tuned model's id.")] = None
    version: Annotated[str | None, described("Its version; 1 for a fine-tuned model.")] = None
    format: Annotated[str, described("The model's publisher as Azure spells it.")] = "OpenAI"
    source: Annotated[
        str | None, described("The ARM id of the account that trained it, where `name` is a model of another account.")
    ] = None


class SmokeTest(Declaration, frozen=True):
    """A question asked after every change; if no answer comes, the change is rolled back."""

    user: Annotated[str, described("What the user says.", min_length=1)]
    system: Annotated[
        str | None, described("The system message; from-training takes the one that the training data has.")
    ] = None
