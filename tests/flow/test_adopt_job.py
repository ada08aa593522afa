"""A job that exists is used instead of trained: it is never touched, and what differs is told."""

from __future__ import annotations

import io

import pytest

from ftctl.core.changes import Action, Reason
from ftctl.core.errors import Exit
from ftctl.core.model import Address, Mode
from ftctl.kinds import kinds
from ftctl.local import jobstate
from ftctl.render.look import Look
from ftctl.render.text import plan_text

from .conftest import examples, refused
from .ending import cancel_by_hand, status

LOOK = Look()


def change(plan, address: str = "job/tone"):
    (found,) = [one for one in plan.changes if str(one.address) == address]
    return found


def told(lab) -> str:
    return " ".join(plan_text(lab.plan(), LOOK).split())


def somebodys(lab, *, wait: bool = True, **recipe) -> dict:
    """A job that somebody began on a file of theirs in the stack's account, as it is stored."""
    jobs = lab.spec.pop("jobs"), lab.spec.pop("deployments")
    lab.apply()
    lab.spec["jobs"], lab.spec["deployments"] = jobs
    with lab.clients() as clients:
        (account,) = clients.arm.list_accounts(lab.stack().home.subscription)
        data = clients.data(account["properties"]["endpoint"])
        text = (lab.folder / "train.jsonl").read_bytes()
        file = recipe.pop("training_file", None) or data.upload_file(io.BytesIO(text), "mine.jsonl")["id"]
        lab.clock.advance(60)
        asked = {
            "model": "gpt-4.1-mini-2025-04-14",
            "training_file": file,
            "suffix": "by-hand",
            "trainingType": "globalStandard",
            "method": {"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 2}}},
            "seed": 105,
        }
        job = data.create_job(asked | recipe)
    if wait:
        lab.clock.advance(36_000)
    lab.spec["jobs"]["tone"]["adopt"] = job["id"]
    return job


def files(lab) -> dict[str, str]:
    return {one["filename"].split("--")[2]: one["id"] for one in lab.stored("file") if "--" in one["filename"]}


def test_the_adopted_job_serves_and_nothing_is_trained(lab):
    job = somebodys(lab)
    asked = len(lab.jobs())
    assert change(lab.plan()).action is Action.NOOP
    assert lab.apply().exit is Exit.DONE
    assert lab.served_model() == lab.stored("job")[0]["fine_tuned_model"]
    assert len(lab.jobs()) == asked
    assert lab.plan().empty
    assert job["suffix"] == "by-hand"


def test_what_differs_and_what_nobody_can_know_is_told(lab):
    job = somebodys(lab)
    lab.spec["jobs"]["tone"]["hyperparameters"] = {"n_epochs": 3}
    made = change(lab.plan())
    assert (made.action, made.reason) == (Action.NOOP, Reason.USED)
    assert [(one.path, one.before, one.after) for one in made.fields] == [
        ("hyperparameters.n_epochs", 2, 3),
        ("validation", None, lab.stack().resources and made.fields[1].after),
    ]
    said = told(lab)
    assert "use job/tone" in said
    assert "differs: hyperparameters.n_epochs declared 3, it ran with 2" in said
    assert "differs: validation declared" in said
    assert f"unknown: whether training has the declared content; it learned from {job['training_file'][:12]}" in said


def test_data_that_ftctl_uploaded_is_compared_by_its_content(lab):
    somebodys(lab)
    job = somebodys(lab, training_file=files(lab)["train"], validation_file=files(lab)["valid"])
    assert change(lab.plan()).because == ()
    lab.data("train", examples(14))
    (line,) = change(lab.plan()).because
    assert line.startswith("differs: training declared ")
    assert job["id"] == change(lab.plan()).live.id


def test_a_running_one_is_waited_for(lab):
    job = somebodys(lab, wait=False)
    assert (change(lab.plan()).action, change(lab.plan()).reason) == (Action.WAIT, Reason.IN_PROGRESS)
    assert lab.apply().exit is Exit.DONE
    assert lab.served_model().partition(".ft-")[2].startswith(job["id"].removeprefix("ftjob-"))


def test_one_that_is_paused_is_not_waited_for_nor_resumed(lab):
    job = somebodys(lab, wait=False)
    while not jobstate.life_of(lab.azure, lab.azure.store.get("job", job["id"])).steps_done:
        lab.clock.advance(1)
    with lab.clients() as clients:
        (account,) = clients.arm.list_accounts(lab.stack().home.subscription)
        clients.data(account["properties"]["endpoint"]).pause_job(job["id"])
    report = lab.apply()
    assert report.exit is Exit.PENDING
    assert [one.held for one in report.outcomes if one.address.kind == "job"] == [True]
    assert status(lab, lab.azure.store.get("job", job["id"])) in {"pausing", "paused"}


def test_one_that_cannot_be_used_is_refused(lab):
    job = somebodys(lab, wait=False)
    cancel_by_hand(lab)
    assert refused(lab.apply) == ["FT3243"]
    assert f"{job['id']} was cancelled" in lab.plan().problems[0].what
    failure = {"_failure": {"kind": "format", "code": "x", "message": "Line 3 is odd.", "param": "training_file"}}
    stored = {name: value for name, value in lab.stored("job")[0].items() if name != "_cancelled"}
    lab.azure.store.put("job", job["id"], stored | failure, parent=stored["_account"])
    lab.clock.advance(36_000)
    assert "failed: Line 3 is odd." in lab.plan().problems[0].what
    lab.spec["jobs"]["tone"]["adopt"] = "ftjob-0123"
    assert "there is no job ftjob-0123 in account/main" in lab.plan().problems[0].what
    assert lab.plan().problems[0].where.line


def test_one_of_another_account_is_refused(lab):
    job = somebodys(lab)
    lab.spec["resources"]["other"] = {"name": "aoai-other", "location": "swedencentral"}
    for section in ("datasets", "jobs", "deployments"):
        for one in lab.spec[section].values():
            one["resource"] = "other"
    lab.spec["roleAssignments"]["engineers"]["scope"] = "resourceGroup"
    assert refused(lab.apply) == ["FT3243"]
    assert f"{job['id']} is a job of aoai-tone, not of account/other" in lab.plan().problems[0].what


@pytest.mark.parametrize("key", [{"state": "paused"}, {"keep": 2}])
def test_it_cannot_be_told_what_to_do(lab, key):
    lab.spec["jobs"]["tone"] |= {"adopt": "ftjob-0123", **key}
    assert refused(lab.stack) == ["FT1400"]


def test_the_stacks_own_job_is_not_touched_either_once_it_is_adopted(lab):
    """It carries this stack's mark, but another recipe is declared beside its id."""
    lab.apply()
    (job,) = lab.stored("job")
    lab.spec["jobs"]["tone"] |= {"adopt": job["id"], "hyperparameters": {"n_epochs": 1}}
    lab.spec["jobs"]["new"] = {**lab.spec["jobs"]["tone"], "suffix": "tone", "keep": 0, "seed": 1}
    del lab.spec["jobs"]["new"]["adopt"]
    assert lab.apply().exit is Exit.DONE
    assert len(lab.jobs()) == 2
    assert lab.plan().empty
    del lab.spec["deployments"]["prod"]
    assert lab.apply().exit is Exit.DONE
    assert job["id"] in {one["id"] for one in lab.stored("job")}
    doomed = {change.live.id for change in lab.plan(Mode.DESTROY).changes if change.kind == "job"}
    assert job["id"] not in doomed
    assert len(doomed) == 1


def test_training_goes_on_from_its_model_and_gates_judge_it(lab):
    somebodys(lab)
    lab.spec["jobs"]["tone"]["gates"] = [{"metric": "train_loss", "max": 50}]
    lab.spec["jobs"]["more"] = {
        "model": {"job": "tone"},
        "training": "train",
        "hyperparameters": {"n_epochs": 1},
    }
    lab.spec["deployments"]["more"] = {"model": {"job": "more"}, "capacity": 5}
    assert lab.apply().exit is Exit.DONE
    adopted, more = sorted(lab.stored("job"), key=lambda one: one["created_at"])
    assert more["model"] == adopted["fine_tuned_model"]
    assert lab.served_model("more") == more["fine_tuned_model"]
    assert lab.plan().empty


def test_the_recipe_of_what_goes_on_from_it_names_the_adopted_job(lab):
    lab.spec["jobs"]["tone"]["adopt"] = "ftjob-0123"
    made = lab.plan()
    (job,) = [one for one in lab.stack().resources if one.address == Address("job", "tone")]
    assert kinds()["job"].promised(job, made.world)["recipe"] == "ftjob-0123"
