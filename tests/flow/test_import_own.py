"""A stack whose spec was lost: what carries its marks is imported so that the stack manages it as before."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from ftctl import workflow
from ftctl.core.changes import Action, Reason
from ftctl.importing.emit import text_of
from ftctl.importing.survey import Asked, survey
from ftctl.local import identity
from ftctl.request import Request

from .test_methods import GRADER, PROGRAM, pairs, tasks


def imported(lab, stack: str = "tone", account: str = "aoai-tone"):
    """The spec as it is written, and its plan."""
    path = Path(lab.folder) / "imported.yaml"
    with lab.clients() as clients:
        draft = survey(clients, Asked(identity.SUBSCRIPTION_ID, account, stack=stack, cloud="local"))
        path.write_text(text_of(draft), encoding="utf-8")
        (found,) = workflow.load(Request((path,)))
        return draft, workflow.plan(found, clients, clock=lab.clock)


def written(draft) -> dict:
    return yaml.safe_load(text_of(draft))


@pytest.fixture
def rich(lab):
    """Every way to declare a job: with and without a seed, `auto`, a suffix, another's model, a program."""
    lab.data("pairs", pairs())
    lab.data("tasks", tasks())
    lab.data("more", tasks(10, 50))
    (lab.folder / "grade.py").write_text(PROGRAM, encoding="utf-8")
    both = {"same": GRADER, "own": {"type": "python", "file": "grade.py"}}
    lab.spec["datasets"] |= {
        "pairs": {"path": "pairs.jsonl", "format": "preference"},
        "tasks": {"path": "tasks.jsonl", "format": "reinforcement"},
        "more": {"path": "more.jsonl", "format": "reinforcement"},
    }
    base = {"model": "gpt-4.1-mini-2025-04-14", "training": "train"}
    lab.spec["jobs"] |= {
        "plain": {**base, "hyperparameters": {"n_epochs": 1}},
        "exact": {
            **base,
            "seed": 1,
            "suffix": "other",
            "hyperparameters": {"n_epochs": 1, "learning_rate_multiplier": 2},
        },
        "further": {
            **base,
            "model": {"job": "tone"},
            "validation": "valid",
            "hyperparameters": {"n_epochs": 1, "batch_size": 2},
        },
        "preferred": {**base, "training": "pairs", "method": "dpo", "hyperparameters": {"beta": 0.3, "n_epochs": 1}},
        "rewarded": {
            "model": "o4-mini-2025-04-16",
            "training": "tasks",
            "validation": "more",
            "method": {
                "reinforcement": {
                    "grader": {"type": "multi", "graders": both, "calculate_output": "0.5 * same + 0.5 * own"},
                }
            },
            "hyperparameters": {"n_epochs": 1},
        },
    }
    lab.spec["deployments"] |= {
        "early": {"model": {"job": "tone", "checkpoint": {"step": 12}}, "sku": "Standard"},
        "dotted": {"name": "gpt-4.1", "model": {"name": "gpt-4.1", "version": "2025-04-14"}, "capacity": 3},
    }
    lab.cloud = replace(lab.cloud, poll_seconds=600.0)
    assert lab.apply().exit == 0
    return lab


def test_every_recipe_is_found_again_and_everything_is_managed(rich):
    asked, writes = len(rich.jobs()), rich.writes()
    draft, plan = imported(rich)
    assert (plan.empty, plan.problems) == (True, ())
    spec = written(draft)
    assert "adopt:" not in text_of(draft)
    assert "manage:" not in text_of(draft)
    assert spec["azure"]["resourceGroup"] == rich.spec["azure"]["resourceGroup"]
    given = {name: one.get("hyperparameters", {}) for name, one in rich.spec["jobs"].items()}
    named = {"other": "exact"}  # a job is called by its suffix: no more is kept in Azure
    assert {named.get(name, name): one.get("hyperparameters", {}) for name, one in spec["jobs"].items()} == given
    assert ("seed" in spec["jobs"]["plain"], spec["jobs"]["other"]["seed"]) == (False, 1)
    assert spec["jobs"]["further"]["model"] == {"job": "tone"}
    assert spec["deployments"]["early"]["model"] == {"job": "tone", "checkpoint": {"step": 12}}
    assert spec["deployments"]["dotted"]["name"] == "gpt-4.1"
    assert "source: |" in text_of(draft)
    everything = {one.reason for one in plan.changes if one.address.kind != "gate"}
    assert everything == {Reason.AS_DECLARED}
    assert (len(rich.jobs()), rich.writes()) == (asked, writes)


def test_a_job_under_way_is_declared_or_the_plan_would_cancel_it(lab):
    lab.apply(trainings=False)
    draft, plan = imported(lab)
    assert {str(one.address): one.action for one in plan.pending} == {"job/tone": Action.WAIT}
    assert written(draft)["jobs"]["tone"]["hyperparameters"] == {"n_epochs": 2}


def test_what_another_stack_owns_is_only_read(lab):
    lab.apply()
    draft, plan = imported(lab, stack="newcomer")
    assert plan.empty
    spec = written(draft)
    assert spec["resources"]["main"]["manage"] == "reference"
    assert set(spec["jobs"]["tone"]) >= {"adopt"}
    assert any("belongs to the stack tone" in one for one in draft.notes)


def test_every_account_of_the_stack_comes_along(lab):
    lab.spec["resources"]["second"] = {"name": "aoai-second", "location": "swedencentral", "localAuth": True}
    for section in ("roleAssignments", "datasets", "jobs", "deployments"):
        for one in lab.spec[section].values():
            one["resource"] = "main"
    lab.spec["roleAssignments"]["quota"].pop("resource")
    lab.spec["roleAssignments"]["others"] = {**lab.spec["roleAssignments"]["engineers"], "resource": "second"}
    lab.spec["datasets"]["there"] = {"path": "valid.jsonl", "resource": "second"}
    lab.apply()
    draft, plan = imported(lab)
    assert (plan.empty, plan.problems) == (True, ())
    spec = written(draft)
    assert spec["resources"].keys() == {"main", "second"}
    assert spec["datasets"]["there"]["resource"] == "second"
    assert spec["roleAssignments"]["quota"]["scope"] == "subscription"


def test_a_deployment_that_is_only_read_has_no_gate(lab):
    lab.apply()
    lab.spec["jobs"]["tone"]["gates"] = [{"metric": "full_valid_loss", "max": 0.0001}]
    assert [str(one.address) for one in lab.plan().changes if one.address.kind == "gate"] == ["gate/prod"]
    lab.spec["deployments"]["prod"]["manage"] = "reference"
    plan = lab.plan()
    assert [str(one.address) for one in plan.changes if one.address.kind == "gate"] == []
    assert plan.empty
    lab.spec["deployments"]["prod"]["capacity"] = 7
    assert lab.plan().empty


def test_what_is_only_read_has_to_be_there(lab):
    lab.apply()
    lab.spec["deployments"]["other"] = {"model": {"job": "tone"}, "manage": "reference"}
    lab.spec["roleAssignments"]["engineers"] |= {"role": "Cognitive Services OpenAI User", "manage": "reference"}
    assert sorted(one.code for one in lab.plan().problems) == ["FT3003", "FT3003"]
