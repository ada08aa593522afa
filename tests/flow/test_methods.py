"""Preference and reinforcement training as desired state: planned, trained once, and never twice for one recipe."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace

import pytest

from ftctl.core.errors import Exit
from ftctl.core.model import Standing
from ftctl.local.azure import Fault

from .conftest import actions, refused
from .ending import failing, status

GRADER = {
    "type": "string_check",
    "name": "same",
    "input": "{{sample.output_text}}",
    "reference": "{{item.answer}}",
    "operation": "like",
}
PROGRAM = """\
def grade(sample, item):
    return 1.0 if item["answer"] in sample["output_text"] else 0.0
"""


def pairs(count: int = 12, word: str = "printer") -> list[dict]:
    def said(text: str) -> list[dict]:
        return [{"role": "assistant", "content": text}]

    return [
        {
            "input": {"messages": [{"role": "user", "content": f"My {word} number {n} does not start. What now?"}]},
            "preferred_output": said(f"I am sorry. Please restart the {word}, then tell me what you see."),
            "non_preferred_output": said("Buy a new one."),
        }
        for n in range(count)
    ]


def tasks(count: int = 12, first: int = 0) -> list[dict]:
    return [
        {"messages": [{"role": "user", "content": f"Say the number {n} and nothing else."}], "answer": str(n)}
        for n in range(first, first + count)
    ]


@pytest.fixture
def dpo(lab):
    """A stack that learns from preferences."""
    lab.data("train", pairs())
    lab.data("valid", pairs(10, "screen"))
    for data in lab.spec["datasets"].values():
        data["format"] = "preference"
    lab.spec["jobs"]["tone"] |= {"method": "dpo", "hyperparameters": {"n_epochs": 2, "beta": 0.2}}
    return lab


@pytest.fixture
def rft(lab):
    """A stack that learns from rewards."""
    lab.data("train", tasks())
    lab.data("valid", tasks(10, 50))
    for data in lab.spec["datasets"].values():
        data["format"] = "reinforcement"
    lab.spec["jobs"]["tone"] |= {
        "model": "o4-mini-2025-04-16",
        "method": {"reinforcement": {"grader": deepcopy(GRADER)}},
        "hyperparameters": {"n_epochs": 1, "reasoning_effort": "low", "eval_samples": 2},
    }
    return lab


def read_back(lab) -> dict:
    """The only job as the service shows it."""
    with lab.clients() as clients:
        (account,) = clients.arm.list_accounts(lab.stack().home.subscription)
        (job,) = clients.data(account["properties"]["endpoint"]).list_jobs()
    return job


@pytest.mark.parametrize("method", ["dpo", "rft"])
def test_a_method_is_trained_once_and_then_there_is_nothing_to_do(request, method):
    lab = request.getfixturevalue(method)
    assert actions(lab.plan())["job/tone"] == "create"
    assert lab.apply().exit is Exit.DONE
    assert lab.plan().empty
    assert lab.apply().exit is Exit.DONE
    assert len(lab.jobs()) == 1


def test_a_preference_job_is_sent_as_azure_takes_it(dpo):
    dpo.apply()
    job = read_back(dpo)
    assert job["method"]["type"] == "dpo"
    asked = job["method"]["dpo"]["hyperparameters"]
    assert (asked["beta"], asked["n_epochs"]) == (0.2, 2)
    assert job["trainingType"] == "globalStandard"


def test_a_reinforcement_job_is_sent_with_its_grader_in_full(rft, tmp_path):
    (tmp_path / "grade.py").write_text(PROGRAM)
    rft.spec["jobs"]["tone"]["method"]["reinforcement"]["grader"] = {
        "type": "multi",
        "graders": {"same": GRADER, "mine": {"type": "python", "file": "grade.py"}},
        "calculate_output": "0.5 * same + 0.5 * mine",
    }
    assert rft.apply().exit is Exit.DONE
    job = read_back(rft)
    sent = job["method"]["reinforcement"]["grader"]
    assert sent["graders"]["mine"] == {"type": "python", "name": "mine", "source": PROGRAM}
    assert sent["graders"]["same"] == GRADER
    assert rft.plan().empty
    (tmp_path / "grade.py").write_text(PROGRAM + "# the same, but for a remark\n")
    assert actions(rft.plan())["job/tone"] == "create"


CHANGES = {
    "dpo": {"beta": 0.4, "l2_multiplier": 0.2},
    "rft": {"eval_interval": 3, "compute_multiplier": 0.5, "reasoning_effort": "high"},
}


@pytest.mark.parametrize(("method", "name"), [(method, name) for method, names in CHANGES.items() for name in names])
def test_another_recipe_is_one_new_job_and_going_back_trains_nothing(request, method, name):
    lab = request.getfixturevalue(method)
    lab.apply()
    before = deepcopy(lab.spec)
    lab.spec["jobs"]["tone"]["hyperparameters"][name] = CHANGES[method][name]
    (change,) = [one for one in lab.plan().pending if one.address.kind == "job"]
    assert [field.path for field in change.fields] == [name]
    assert lab.apply().exit is Exit.DONE
    assert len(lab.jobs()) == 2
    served = lab.served_model()
    lab.spec = before
    assert actions(lab.plan()) == {"deployment/prod": "update"}
    assert lab.apply().exit is Exit.DONE
    assert len(lab.jobs()) == 2
    assert lab.served_model() != served
    assert lab.plan().empty


def test_what_the_service_chose_is_no_difference(rft):
    """Jobs show -1 until they choose, and their choice after it."""
    rft.apply()
    rft.spec["jobs"]["tone"]["hyperparameters"] |= {"batch_size": "auto", "eval_interval": "auto"}
    assert rft.plan().empty


def test_wandb_is_told_to_the_service_and_no_part_of_the_recipe(lab):
    lab.spec["jobs"]["tone"]["integrations"] = {"wandb": {"project": "tone", "tags": ["nightly"]}}
    lab.apply()
    (job,) = lab.stored("job")
    assert job["integrations"] == [{"type": "wandb", "wandb": {"project": "tone", "tags": ["nightly"]}}]
    del lab.spec["jobs"]["tone"]["integrations"]
    assert lab.plan().empty


# --- going on from another job


def further(lab) -> None:
    lab.spec["jobs"]["more"] = dict(lab.spec["jobs"]["tone"], model={"job": "tone"}, seed=7)
    lab.spec["deployments"]["prod"]["model"] = {"job": "more"}


def test_a_job_goes_on_from_another_and_its_plan_is_sharp_before_that_is_trained(lab):
    further(lab)
    planned = {str(one.address): one for one in lab.plan().pending}
    name = planned["job/more"].name
    assert planned["job/more"].after["model"] == f"recipe/{planned['job/tone'].name[-12:]}"
    assert lab.apply().exit is Exit.DONE
    models = {job["suffix"]: job["model"] for job in lab.stored("job")}
    assert models[planned["job/tone"].name] == "gpt-4.1-mini-2025-04-14"
    assert models[name].startswith("gpt-4.1-mini-2025-04-14.ft-")
    assert lab.plan().empty


def test_another_recipe_of_the_first_trains_both_and_another_name_neither(lab):
    further(lab)
    lab.apply()
    before = deepcopy(lab.spec)
    lab.spec["jobs"]["first"] = lab.spec["jobs"].pop("tone")
    lab.spec["jobs"]["more"]["model"] = {"job": "first"}
    assert "create" not in actions(lab.plan()).values()
    lab.spec = before
    lab.spec["jobs"]["tone"]["seed"] = 106
    (more,) = [one for one in lab.plan().pending if str(one.address) == "job/more"]
    assert [field.path for field in more.fields] == ["model"]
    assert lab.apply().exit is Exit.DONE
    assert len(lab.jobs()) == 4
    assert lab.plan().empty


def test_the_model_of_before_is_no_difference_where_something_else_is(lab):
    further(lab)
    lab.apply()
    lab.spec["jobs"]["more"]["seed"] = 8
    (more,) = [one for one in lab.plan().pending if str(one.address) == "job/more"]
    assert [field.path for field in more.fields] == ["seed"]


def test_jobs_that_go_on_from_each_other_are_a_circle(lab):
    further(lab)
    lab.spec["jobs"]["tone"]["model"] = {"job": "more"}
    assert refused(lab.stack) == ["FT1202"]


# --- failures


def test_a_failed_job_is_tried_again_as_often_as_is_declared(lab):
    lab.spec["jobs"]["tone"]["onFailure"] = {"retry": 1}
    failing(lab)
    lab.apply()
    (change,) = [one for one in lab.plan().pending if one.address.kind == "job"]
    assert (change.action, change.reason.value) == ("create", "failed before and is tried again as declared")
    lab.apply()
    assert [status(lab, job) for job in lab.stored("job")] == ["failed", "failed"]
    assert [problem.code for problem in lab.plan().problems] == ["FT3004"]
    assert refused(lab.apply) == ["FT3004"]
    assert len(lab.jobs()) == 2


# --- where it can be trained


def planned(lab):
    """The job's change, and how each of its checks came out."""
    (change,) = [one for one in lab.plan().changes if one.address.kind == "job"]
    return change, {finding.check: finding for finding in change.findings}


def unreadable(lab) -> None:
    fault = Fault(status=403, code="AuthorizationFailed", message="The client does not have authorization.")
    lab.azure.faults.append(lambda request, route: fault if route.name == "arm_models.location_models" else None)


def test_what_the_region_lists_passes_and_says_so(lab):
    change, found = planned(lab)
    assert change.action == "create"
    assert {one.standing for one in found.values()} == {Standing.PASS}
    assert "region's list" in found["availability"].basis


def test_what_the_region_does_not_train_blocks_with_what_would_do(lab):
    lab.spec["jobs"]["tone"] |= {"model": "o4-mini-2025-04-16", "trainingType": "developerTier"}
    change, found = planned(lab)
    assert change.action == "blocked"
    assert found["availability"].standing == Standing.FAIL
    (problem,) = lab.plan().problems
    assert problem.code == "FT3030"
    assert problem.where.line
    assert "`trainingType: standard` or `globalStandard`" in problem.fix
    assert refused(lab.apply) == ["FT3030"]
    assert lab.writes() == []


def test_without_the_right_to_the_list_the_catalogue_decides(lab):
    unreadable(lab)
    change, found = planned(lab)
    assert change.action == "create"
    assert found["availability"].basis == "catalogue of 2026-04-23"
    lab.spec["jobs"]["tone"] |= {"model": "gpt-4o-2024-08-06", "trainingType": "standard"}
    lab.spec["azure"]["resourceGroup"]["location"] = lab.spec["resources"]["main"]["location"] = "uksouth"
    (problem,) = lab.plan().problems
    assert problem.code == "FT3030"
    assert "`trainingType: globalStandard` or `developerTier`" in problem.fix
    assert "australiaeast" in problem.fix


def test_of_what_nobody_looked_at_nothing_is_said(lab):
    unreadable(lab)
    lab.spec["jobs"]["tone"]["model"] = "gpt-9-2030-01-01"
    change, found = planned(lab)
    assert change.action == "create"
    told = {one.standing for name, one in found.items() if name not in {"jobs", "queue"}}  # the account says those
    assert told == {Standing.UNVERIFIED}


def test_a_method_that_a_model_is_not_known_for_warns_and_never_blocks(dpo):
    dpo.spec["jobs"]["tone"]["model"] = "gpt-4.1-nano-2025-04-14"
    change, found = planned(dpo)
    assert change.action == "create"
    assert found["method"].standing == Standing.WARN


def test_a_past_end_of_training_warns_where_the_list_cannot_be_read(lab):
    lab.clock.advance(200 * 86_400)
    unreadable(lab)
    _, found = planned(lab)
    assert found["retirement"].standing == Standing.WARN


def test_the_list_is_only_read_where_something_is_to_be_trained(lab):
    lab.apply()
    before = len(lab.azure.calls)
    lab.plan()
    assert not [call for call in list(lab.azure.calls)[before:] if call.path.endswith("/models")]


# --- where a job is


def data_plane(lab, clients):
    (account,) = clients.arm.list_accounts(lab.stack().home.subscription)
    return clients.data(account["properties"]["endpoint"])


def steer(lab, verb: str) -> str:
    """Pause or resume the only job, as somebody would in the portal; its status afterwards."""
    with lab.clients() as clients:
        data = data_plane(lab, clients)
        (job,) = data.list_jobs()
        return data._call("POST", f"fine_tuning/jobs/{job['id']}/{verb}")["status"]


def told(lab) -> str:
    (change,) = [one for one in lab.plan().changes if one.address.kind == "job"]
    assert change.action == "wait"
    return change.live.detail


def test_the_states_of_a_job_on_its_way_are_told_apart(lab):
    lab.azure.settings = replace(lab.azure.settings, pace=1)
    while not lab.stored("job"):
        lab.apply(wait=15.0)
    said = [told(lab)]
    lab.clock.advance(3600 * 0.5)
    said.append(told(lab))
    assert steer(lab, "pause") == "pausing"
    said.append(told(lab))
    lab.clock.advance(600)
    said.append(told(lab))
    report = lab.apply(wait=120.0)
    assert report.exit is Exit.PENDING
    steer(lab, "resume")
    said.append(told(lab))
    lab.clock.advance(600)
    said.append(told(lab))
    assert said == [
        "pending",
        "running",
        "pausing: it stops after a checkpoint",
        "paused: it goes on when somebody resumes it",
        "resuming from its last checkpoint",
        "running",
    ]
    texts = [event.text for event in lab.events if event.address.kind == "job" and event.text]
    assert any(text.startswith("paused: it goes on when somebody resumes it") for text in texts)
    assert lab.apply().exit is Exit.DONE
    assert len(lab.jobs()) == 1
