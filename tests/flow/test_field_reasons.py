"""Where values come from, in plans of whole stacks: sweeps, base models, environments and what cannot change."""

from __future__ import annotations

import pytest

from ftctl.core.changes import Action
from ftctl.core.why import Source


def reasons(plan, address):
    (change,) = [one for one in plan.changes if str(one.address) == address]
    return {path: (why.source, why.where and why.where.line, why.upstream) for path, why in change.why.items()}


def line(lab, text: str) -> int:
    lines = (lab.folder / "stack.yaml").read_text("utf-8").splitlines()
    return next(number for number, one in enumerate(lines, 1) if one.strip() == text)


def test_a_job_of_a_sweep_names_the_value_in_the_matrix(lab):
    lab.spec["jobs"]["tone"] |= {
        "hyperparameters": {"batch_size": 4}, "matrix": {"n_epochs": [2, 3]}, "pick": {"metric": "full_valid_loss"}
    }  # fmt: skip
    plan = lab.plan()
    found = reasons(plan, "job/tone:n_epochs=3")
    assert found["n_epochs"] == (Source.DECLARED, line(lab, "- 3"), "")
    assert found["batch_size"] == (Source.DECLARED, line(lab, "batch_size: 4"), "")
    assert found["training"] == (Source.FOLLOWS, line(lab, "training: train"), "dataset/train")
    assert found["learning_rate_multiplier"] == (Source.AUTO, None, "")
    assert reasons(plan, "deployment/prod")["model"][0] is Source.UNKNOWN


def test_a_job_that_goes_on_from_another_and_has_no_seed(lab):
    lab.spec["jobs"]["more"] = {"model": {"job": "tone"}, "training": "train"}
    found = reasons(lab.plan(), "job/more")
    assert found["model"] == (Source.FOLLOWS, line(lab, "job: tone"), "job/tone")
    assert found["seed"] == (Source.SERVICE, None, "")
    assert found["method"] == (Source.DEFAULT, None, "")


def test_a_base_model_is_declared_where_it_stands(lab):
    lab.spec["deployments"]["prod"]["model"] = {"name": "gpt-4.1-mini", "version": "2025-04-14"}
    found = reasons(lab.plan(), "deployment/prod")
    assert found["model"] == (Source.DECLARED, line(lab, "name: gpt-4.1-mini"), "")
    assert found["version"] == (Source.DECLARED, line(lab, "version: '2025-04-14'"), "")
    assert found["format"] == (Source.DEFAULT, None, "")


@pytest.mark.parametrize(("where", "value"), [("location", "westus3"), ("kind", "OpenAI")])
def test_what_cannot_change_in_place_is_told_where_it_is_declared(lab, where, value):
    for section in ("datasets", "jobs", "deployments"):
        del lab.spec[section]
    lab.apply()
    lab.spec["resources"]["main"][where] = value
    (change,) = [one for one in lab.plan().pending if one.kind == "account"]
    assert (change.action, change.problem.code) == (Action.BLOCKED, "FT3005")
    assert change.problem.where.line == line(lab, f"{where}: {value}")
    assert change.why[where].where == change.problem.where
