"""Serving in another account and region than the training's: the deployment says where its model is from."""

from __future__ import annotations

import pytest

from ftctl import workflow
from ftctl.core.errors import Exit
from ftctl.core.model import Address, ChangeClass
from ftctl.engine.execute import Stop
from ftctl.local.faults import Fault

from .conftest import actions, examples

EAST = {"name": "aoai-tone-east", "location": "eastus2", "onSoftDeleted": "restore"}


@pytest.fixture
def abroad(lab):
    """The job trains in Sweden, and its model serves in another region."""
    lab.spec["resources"]["east"] = EAST
    for section, name in (
        ("roleAssignments", "engineers"),
        ("datasets", "train"),
        ("datasets", "valid"),
        ("jobs", "tone"),
    ):
        lab.spec[section][name]["resource"] = "main"
    lab.spec["roleAssignments"]["engineers-east"] = {**lab.spec["roleAssignments"]["engineers"], "resource": "east"}
    lab.spec["deployments"]["prod"]["resource"] = "east"
    return lab


def model(lab, name: str = "prod") -> dict:
    (body,) = [body for body in lab.stored("deployment") if body["name"] == name]
    assert "/accounts/aoai-tone-east/" in body["id"]
    return body["properties"]["model"]


def ask(lab) -> None:
    lab.spec["deployments"]["prod"]["smokeTest"] = {"user": "My printer is silent."}


def deaf(request, route):
    return Fault(status=400, code="content_filter", message="no") if "chat" in route.name else None


def test_the_model_of_one_region_serves_in_another(abroad):
    ask(abroad)
    assert abroad.apply().exit is Exit.DONE
    assert model(abroad)["source"].endswith("/accounts/aoai-tone")
    assert abroad.plan().empty


def test_a_new_training_re_points_it_and_an_old_one_trains_nothing(abroad):
    abroad.apply()
    first = model(abroad)
    abroad.data("train", examples(13))
    plan = abroad.plan()
    (change,) = [change for change in plan.changes if str(change.address) == "deployment/prod"]
    assert (change.change_class, [one.path for one in change.fields]) == (ChangeClass.REPOINT, ["model"])
    abroad.apply()
    assert model(abroad)["name"] != first["name"]
    abroad.data("train", examples())
    assert actions(abroad.plan()) == {"deployment/prod": "update"}
    abroad.apply()
    assert model(abroad) == first


def test_serving_that_moves_home_drops_the_source(abroad):
    abroad.apply()
    abroad.spec["jobs"]["near"] = {**abroad.spec["jobs"]["tone"], "training": "near", "resource": "east"}
    del abroad.spec["jobs"]["near"]["validation"]
    abroad.spec["datasets"]["near"] = {"path": "train.jsonl", "resource": "east"}
    abroad.spec["deployments"]["prod"]["model"] = {"job": "near"}
    abroad.apply()
    assert "source" not in model(abroad)
    assert abroad.plan().empty


def test_a_smoke_test_that_fails_puts_the_model_from_abroad_back(abroad):
    abroad.apply()
    before = model(abroad)
    ask(abroad)
    abroad.data("train", examples(13))
    abroad.azure.faults.append(deaf)
    assert abroad.apply().exit is Exit.GATE
    assert model(abroad) == before


def test_a_run_that_was_killed_before_its_smoke_test_can_still_be_undone(abroad):
    """What is put back then is known from the deployment's own tags."""
    ask(abroad)
    abroad.apply()
    before = model(abroad)
    abroad.data("train", examples(13))

    abroad.azure.faults.append(deaf)
    abroad.apply(wait=0.0)
    while model(abroad) == before:  # until the change is begun and not checked
        abroad.clock.advance(600)
        abroad.apply(wait=0.0)
    assert abroad.apply().exit is Exit.GATE
    assert model(abroad) == before


def test_gates_read_the_results_where_the_job_is_and_evaluate_where_it_serves(abroad):
    abroad.data("heldout", examples(10, "phone"))
    abroad.spec["datasets"]["heldout"] = {"path": "heldout.jsonl", "resource": "main"}
    like = {"type": "string_check", "input": "{{sample.output_text}}", "operation": "like"}
    abroad.spec["jobs"]["tone"]["gates"] = [
        {"metric": "full_valid_loss", "max": 50},
        {"evaluate": {"dataset": "heldout", "grader": like | {"reference": "{{item.reference}}"}}, "min": 0.0},
    ]
    abroad.spec["deployments"]["prod"]["model"]["checkpoint"] = "best"
    assert abroad.apply().exit is Exit.DONE
    assert model(abroad)["source"].endswith("/accounts/aoai-tone")
    assert [body["name"] for body in abroad.stored("deployment")] == ["prod"]
    assert abroad.plan().empty


def test_all_of_it_is_taken_down_in_order(abroad):
    abroad.apply()
    assert abroad.destroy().exit is Exit.DONE
    assert not abroad.stored("deployment")


def test_it_is_put_back_to_the_model_from_abroad(abroad):
    """The account that trained it is remembered beside the model."""
    abroad.apply()
    first = model(abroad)
    abroad.spec["deployments"]["prod"]["model"] = {"name": "gpt-4.1-mini", "version": "2025-04-14"}
    abroad.apply()
    assert "source" not in model(abroad)
    with abroad.clients() as clients:
        back = Address("deployment", "prod")
        made, stack = workflow.rollback(abroad.stack(), clients, back, clock=abroad.clock)
        emit, stop = abroad.events.append, Stop()
        assert workflow.apply(made, stack, clients, clock=abroad.clock, emit=emit, stop=stop).exit is Exit.DONE
    assert model(abroad) == first


def test_a_model_of_another_account_can_be_named(abroad):
    abroad.apply()
    name, source = (model(abroad)[key] for key in ("name", "source"))
    abroad.spec["deployments"]["twin"] = {
        "model": {"name": name, "version": "1", "source": source},
        "capacity": 1,
        "resource": "east",
    }
    assert abroad.apply().exit is Exit.DONE
    assert model(abroad, "twin") == model(abroad)
    assert abroad.plan().empty
