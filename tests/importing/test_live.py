"""A live account becomes a spec whose plan is empty, that says what there is, and drops nothing unsaid."""

from __future__ import annotations

import json
import re
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ftctl.clients import Clients
from ftctl.core.changes import Action, Reason
from ftctl.core.errors import FtctlError
from ftctl.core.model import ChangeClass
from ftctl.local import identity
from tests.flow.test_methods import GRADER
from tests.importing.world import ACCOUNT, DAY, GROUP, world_in

USER, CONTRIBUTOR = "Cognitive Services OpenAI User", "Cognitive Services OpenAI Contributor"

# --- any account

TEXT = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"], exclude_characters="<>%&\\?/"), max_size=12
)
TAGS = st.dictionaries(TEXT.filter(lambda one: one.strip() == one != "" and "${" not in one), TEXT, max_size=3)
HYPERPARAMETERS = {
    "supervised": {"n_epochs": st.integers(1, 3), "batch_size": st.integers(1, 4), "prompt_loss_weight": st.just(0.5)},
    "dpo": {"n_epochs": st.integers(1, 2), "beta": st.sampled_from([0.1, 1, 2.5])},
    "reinforcement": {"n_epochs": st.just(1), "eval_samples": st.just(2), "reasoning_effort": st.just("low")},
}


@st.composite
def jobs(draw):
    method = draw(st.sampled_from(["supervised", "supervised", "dpo", "reinforcement"]))
    asked = {
        "suffix": draw(st.sampled_from(["by-hand", "by_hand", "Q3", "tone-0123-0123456789ab"])),
        "trainingType": draw(st.sampled_from(["globalStandard", "GLOBALSTANDARD", "standard"])),
        "seed": draw(st.integers(0, 2**31 - 1)),
    }
    given = {key: value for key, value in asked.items() if key == "trainingType" or draw(st.booleans())}
    hyperparameters = draw(st.fixed_dictionaries({}, optional=HYPERPARAMETERS[method]))
    return {"method": method, "hyperparameters": {"n_epochs": 1, **hyperparameters}, **given}


@st.composite
def accounts(draw):
    """What somebody may have made by hand; deployments name a job by its place, and its checkpoint by its own."""
    made = draw(st.lists(jobs(), max_size=2))
    names = st.sampled_from(["prod", "gpt-4.1", "Prod_2", "a--b", "x.y-z"])
    served = st.tuples(st.integers(-1, len(made) - 1), st.integers(0, 2), st.integers(1, 9))
    return {
        "account": {
            "kind": draw(st.sampled_from(["OpenAI", "AIServices"])),
            "tags": draw(TAGS),
            "properties": {"disableLocalAuth": draw(st.booleans())},
        },
        "jobs": made,
        "deployments": draw(st.dictionaries(names, served, max_size=3)),
        "assignments": draw(st.sets(st.tuples(st.sampled_from([USER, CONTRIBUTOR]), st.integers(0, 3)), max_size=2)),
    }


def make(world, wanted) -> None:
    account = world.account(**wanted["account"])
    jobs = [world.job(account, **job) for job in wanted["jobs"]]
    data = world.data(account)
    kept = [[one["fine_tuned_model_checkpoint"] for one in data.checkpoints(job["id"])] for job in jobs]
    for name, (number, checkpoint, capacity) in wanted["deployments"].items():
        model = {"name": "gpt-4.1-mini", "version": "2025-04-14"}
        if number >= 0:
            model = {"name": kept[number][checkpoint % len(kept[number])], "version": "1"}
        world.deployment(account, name, model, sku={"name": "GlobalStandard", "capacity": capacity})
    people = [identity.ADA, identity.CI_PIPELINE, identity.ML_ENGINEERS, identity.RELEASE_MANAGERS]
    for role, number in sorted(wanted["assignments"]):
        world.assignment(account, role, people[number])


@given(accounts())
@settings(max_examples=7, suppress_health_check=list(HealthCheck))
def test_the_plan_of_any_import_is_empty_and_what_it_says_is_true(wanted):
    with tempfile.TemporaryDirectory() as folder, world_in(Path(folder)) as world:
        make(world, wanted)
        found = world.imported()
        plan = found.plan()
        assert (plan.empty, plan.problems) == (True, ())
        assert len(found.spec.get("jobs", {})) == len(wanted["jobs"])
        assert len(found.spec.get("deployments", {})) == len(wanted["deployments"])
        assert len(found.spec.get("roleAssignments", {})) == len(wanted["assignments"])
        for job, asked in zip(found.spec.get("jobs", {}).values(), wanted["jobs"], strict=True):
            assert job["hyperparameters"].items() >= asked["hyperparameters"].items()
        used = [one for one in plan.changes if one.reason is Reason.USED]
        assert [(one.fields, one.because) for one in used] == [((), ())] * len(wanted["jobs"])
        # who manages it from now on changes nothing but marks: the spec says what there is
        taken = found.taken_over()
        assert taken.problems == ()
        assert {(one.action, one.change_class, one.fields) for one in taken.pending} == {
            (Action.ADOPT, ChangeClass.METADATA, ())
        }
        assert len(taken.pending) == 1 + len(wanted["deployments"]) + len(wanted["assignments"])


# --- one account, looked at closely


def test_it_reads_as_people_would_write_it(world):
    account = world.account(tags={"team": "support"}, properties={"disableLocalAuth": True})
    job = world.job(account, hyperparameters={"n_epochs": 2}, suffix="tone", seed=105)
    (middle,) = [one for one in world.data(account).checkpoints(job["id"]) if one["step_number"] == 10]
    world.deployment(account, "prod", {"name": job["fine_tuned_model"], "version": "1"})
    world.deployment(account, "half-way", {"name": middle["fine_tuned_model_checkpoint"], "version": "1"})
    world.deployment(
        account, "gpt-4.1", {"name": "gpt-4.1", "version": "2025-04-14"}, sku={"name": "Standard", "capacity": 7}
    )
    world.assignment(account, USER, identity.CI_PIPELINE)
    found = world.imported()
    assert found.spec["resources"]["main"] == {
        "name": ACCOUNT, "location": "swedencentral", "tags": {"team": "support"}, "manage": "reference",
    }  # fmt: skip
    assert found.spec["roleAssignments"] == {
        "openai-user-00a003": {
            "role": USER,
            "principal": {"id": identity.CI_PIPELINE.id, "type": "ServicePrincipal"},
            "manage": "reference",
        }
    }
    assert found.spec["jobs"]["tone"] == {
        "adopt": job["id"],
        "model": "gpt-4.1-mini-2025-04-14",
        "training": "supervised-training_file",
        "validation": "supervised-validation_file",
        "seed": 105,
        "hyperparameters": {"n_epochs": 2, "batch_size": 1, "learning_rate_multiplier": 2.0},
    }
    assert "    # checkpoints: step 10, 20\n" in found.text
    assert found.spec["deployments"] == {
        "prod": {"model": {"job": "tone"}, "manage": "reference"},
        "half-way": {"model": {"job": "tone", "checkpoint": {"step": 10}}, "manage": "reference"},
        "gpt-4-1": {
            "name": "gpt-4.1",
            "model": {"name": "gpt-4.1", "version": "2025-04-14"},
            "sku": "Standard",
            "capacity": 7,
            "manage": "reference",
        },
    }
    assert found.notes == ()
    assert found.plan().empty


def test_a_job_that_says_no_training_type_was_trained_with_standard(world):
    account = world.account()
    world.job(account, hyperparameters={"n_epochs": 1}, trainingType=None)
    found = world.imported()
    (job,) = found.spec["jobs"].values()
    assert job["trainingType"] == "standard"
    (used,) = [one for one in found.plan().changes if one.address.kind == "job"]
    assert (used.reason, used.fields, used.because) == (Reason.USED, (), ())


def test_who_takes_it_over_changes_nothing_and_is_imported_as_its_owner(world):
    account = world.account(tags={"team": "x"}, properties={"networkAcls": {"defaultAction": "Allow", "ipRules": []}})
    job = world.job(account, hyperparameters={"n_epochs": 1}, suffix="tone")
    world.deployment(account, "prod.eu", {"name": job["fine_tuned_model"], "version": "1"}, tags={"cost": "7"})
    world.assignment(account, USER, identity.CI_PIPELINE)
    found = world.imported(stack="desk")

    def both():
        arm = world.clients.arm
        return arm.get_deployment(f"{account}/deployments/prod.eu"), arm.get_account(account)

    before = both()
    assert found.take_over().exit == 0
    for one, now in zip(before, both(), strict=True):
        said = {"disableLocalAuth": False} if "endpoint" in one["properties"] else {}  # the default, now spelled out
        assert now["properties"] == said | one["properties"]
        assert one["tags"].items() < now["tags"].items()
    again = world.imported(stack="desk")
    assert "    manage:" not in again.text
    assert again.spec["deployments"]["prod-eu"]["name"] == "prod.eu"
    assert again.plan().empty


def test_what_cannot_be_declared_is_told_in_the_file_and_beside_it(world):
    account = world.account(identity={"type": "SystemAssigned"})
    broken = world.job(account, suffix="broken", wait=False)
    failure = {"kind": "training", "code": "internalFailure", "message": "a row of data"}
    world.stored("job", lambda one: one.update(_failure=failure))
    world.clock.advance(2 * DAY)
    gone = world.job(account, suffix="gone")
    world.data(account).delete_file(gone["training_file"])
    odd = world.file(account, "notes.jsonl", [{"a": 1}], "assistants")
    world.deployment(account, "prod", {"name": gone["fine_tuned_model"], "version": "1"}, tags={"cost": "7"})
    world.assignment(account, USER, identity.ADA)
    world.stored("role_assignment", lambda one: one["properties"].update(principalType="ForeignGroup"))
    running = world.job(account, suffix="runs", wait=False)
    found = world.imported()
    said = [
        "account/main: it also has identity, which a spec does not say and an apply leaves alone",
        f"{USER} for {identity.ADA.id} is not declared: a spec has no principal of the type ForeignGroup",
        "1 file for `assistants` is not declared: a dataset is a file for `fine-tune`",
        f"job {broken['id']} (broken) is not declared: it failed",
        f"job {gone['id']} (gone) is not declared: a file that it learned from is gone, and a spec has to name it",
        f"job {running['id']} (runs) is not declared: it is still on its way",
        "deployment/prod: it has the tags cost, which a spec does not say and an apply leaves alone",
    ]
    assert list(found.notes) == said
    assert odd not in found.text
    told = re.sub(r"\n *# ", " ", found.text)
    for one in found.notes:
        assert one.removeprefix("account/main: ").removeprefix("deployment/prod: ") in told
    assert "a row of data" not in found.text
    assert found.spec["deployments"]["prod"]["model"] == {"name": gone["fine_tuned_model"], "version": "1"}
    assert found.plan().empty


def test_what_a_spec_has_no_word_for_is_only_read(world):
    account = world.account()
    world.deployment(account, "bulk", {"name": "gpt-4.1", "version": "2025-04-14"})
    world.stored("deployment", lambda one: one.update(sku={"name": "GlobalBatch", "capacity": 5}))
    world.stored("deployment", lambda one: one.update(tags={"ftctl-stack": "desk", "ftctl-name": "bulk"}))
    found = world.imported(stack="desk")
    assert found.notes == ("deployment/bulk: its sku is GlobalBatch, for which a spec has no word",)
    assert found.spec["deployments"]["bulk"] == {
        "model": {"name": "gpt-4.1", "version": "2025-04-14"},
        "capacity": 5,
        "manage": "reference",
    }
    assert found.plan().empty


def test_a_reader_can_import_and_nothing_is_written_and_no_key_is_asked_for(world):
    account = world.account(properties={"disableLocalAuth": False})
    world.job(account, hyperparameters={"n_epochs": 1})
    reader = Clients(world.signed_in(identity.FTCTL_READER), world.clock)
    before = len(world.azure.calls)
    found = world.imported(clients=reader)
    calls = [call for call in list(world.azure.calls)[before:] if call.plane != "entra"]
    assert len(calls) > 5
    assert {call.method for call in calls} == {"GET"}
    assert found.spec["resources"]["main"]["localAuth"] is True
    assert found.plan().empty
    reader.close()


def test_whoever_may_not_read_the_data_gets_no_half_of_it(world):
    account = world.account()
    blind = Clients(world.signed_in(identity.CI_PIPELINE), world.clock)
    world.assignment(account, "Reader", identity.CI_PIPELINE)
    world.clock.advance(3600)
    with pytest.raises(FtctlError) as caught:
        world.imported(clients=blind)
    assert caught.value.exit == 6
    blind.close()


def test_secrets_do_not_get_into_the_file(world):
    key = "sk" + "Ab1" * 30
    grader = {**GRADER, "reference": f"api-key={key}"}
    account = world.account(tags={"token": f"Bearer {key}", "team": "x"})
    world.job(account, "reinforcement", hyperparameters={"n_epochs": 1})
    world.stored("job", lambda one: one["_method"]["parts"].update(grader=grader))
    found = world.imported()
    assert key not in found.text + "".join(found.notes)
    assert found.spec["resources"]["main"]["tags"] == {"team": "x"}
    assert any("looks like a secret" in one for one in found.notes)
    assert found.plan().empty


def test_a_name_that_stands_in_two_groups_or_nowhere_is_asked_for(world):
    world.account()
    with pytest.raises(FtctlError) as caught:
        world.imported("aoai-thiers")
    (problem,) = caught.value.problems
    assert (problem.code, ACCOUNT in problem.fix) == ("FT6061", True)
    assert json.dumps(GROUP) not in problem.what
