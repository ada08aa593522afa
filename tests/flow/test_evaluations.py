"""Gates that ask the model: held-out examples, a temporary deployment that never stays, and a mean that decides."""

from __future__ import annotations

import pytest

from ftctl.core.errors import Exit, FtctlError, Severity
from ftctl.core.events import Stage
from ftctl.engine.execute import Stop
from ftctl.local.azure import Fault
from ftctl.render.look import Look
from ftctl.render.report import report_text
from ftctl.render.text import plan_text

from .conftest import actions, example, examples, refused
from .ending import assert_converged, patiently
from .test_checkpoints import change, overfitting, wants
from .test_gates import another_recipe, failed, gates, results
from .test_methods import rft, tasks

__all__ = ["overfitting", "rft"]  # fixtures

ANSWER = "Certainly. Please restart it, then tell me what you see."
LIKE = {"type": "string_check", "input": "{{sample.output_text}}", "reference": "{{item.reference}}"}
SECRET = "Velociraptor"


def asks(least: float | None = 0.5, *, most: float | None = None, **more) -> dict:
    bounds = {name: value for name, value in (("min", least), ("max", most)) if value is not None}
    return {"evaluate": {"dataset": "heldout", "grader": LIKE | {"operation": "like"}} | more, **bounds}


@pytest.fixture
def asking(lab):
    """A stack whose model is asked ten questions that it was not trained on; it answers as it was taught."""
    lab.data("heldout", examples(10, "toaster"))
    lab.spec["datasets"]["heldout"] = {"path": "heldout.jsonl"}
    gates(lab, asks())
    return lab


def routes(lab, name: str) -> list:
    return [call for call in lab.azure.calls if call.route == name]


def chats(lab) -> int:
    return len(routes(lab, "chat.complete_v1"))


def temporary(lab) -> list[str]:
    return [one["name"] for one in lab.stored("deployment") if "--eval-" in one["name"]]


def conditions(report) -> list[dict]:
    (outcome,) = [one for one in report.outcomes if one.address.kind == "gate"]
    return outcome.outputs["conditions"]


def test_the_model_is_asked_and_its_mean_decides(asking):
    lab = asking
    gate = change(lab.plan(), "gate/prod")
    told = "mean score of string_check on 10 of dataset/heldout at least 0.5"
    assert gate.action == "judge"
    assert gate.because == (f"gate: {told}", "asks a temporary deployment of the model")
    report = lab.apply()
    assert report.exit is Exit.DONE, report
    assert conditions(report) == [{"condition": told, "value": 1.0, "passed": True, "told": f"{told}: it is 1"}]
    assert chats(lab) == 10
    assert temporary(lab) == []
    assert_converged(lab)
    assert lab.apply().exit is Exit.DONE
    assert chats(lab) == 10
