"""A deployment goes back to the model that it served before, and forth again; nothing else is touched or paid."""

from __future__ import annotations

from itertools import count

import pytest

from ftctl import workflow
from ftctl.core.changes import Action, Reason
from ftctl.core.errors import Exit, FtctlError
from ftctl.core.model import Address, ChangeClass
from ftctl.engine.execute import Stop
from ftctl.local.azure import Fault

from .conftest import actions, refused
from .ending import paid
from .test_killed import WAYS, Cut, fresh, killed
from .test_moved import put_back, substance, tags

__all__ = ["fresh"]
PROD = Address("deployment", "prod")
MINI = {"name": "gpt-4.1-mini", "version": "2025-04-14"}


def planned(lab, to: str = ""):
    with lab.clients() as clients:
        return workflow.rollback(lab.stack(), clients, PROD, clock=lab.clock, to=to)[0]


def rollback(lab, to: str = ""):
    with lab.clients() as clients:
        made, stack = workflow.rollback(lab.stack(), clients, PROD, clock=lab.clock, to=to)
        return workflow.apply(made, stack, clients, clock=lab.clock, emit=lab.events.append, stop=Stop())


def trained_twice(lab, **deployment) -> tuple[str, str]:
    """Two trainings, of which the second serves; the model before and this one."""
    lab.spec["deployments"]["prod"] |= deployment
    lab.apply()
    before = lab.served_model()
    lab.spec["jobs"]["tone"]["seed"] = 106
    lab.apply()
    return before, lab.served_model()


def test_back_and_forth(lab):
    before, now = trained_twice(lab)
    assert before != now
    paid_so_far, others = paid(lab), {k: v for k, v in substance(lab).items() if k != "deployment"}
    (change,) = planned(lab).changes
    assert (change.action, change.reason, change.change_class) == (Action.UPDATE, Reason.PUT_BACK, ChangeClass.REPOINT)
    assert [(one.path, one.before, one.after) for one in change.fields] == [("model", now, before)]
    assert rollback(lab).exit is Exit.DONE
    assert lab.served_model() == before
    assert actions(lab.plan()) == {"deployment/prod": "update"}  # as the spec says
    (change,) = planned(lab).changes
    assert "the spec declares this model too: the next apply leaves it" in change.because
    assert rollback(lab).exit is Exit.DONE
    assert lab.served_model() == now
    assert lab.plan().empty
    assert paid(lab) == paid_so_far
    assert {k: v for k, v in substance(lab).items() if k != "deployment"} == others


def test_it_says_what_the_spec_says_and_how_to_keep_it(lab):
    before, _ = trained_twice(lab)
    told = planned(lab).changes[0].because
    assert told == (
        "the spec still declares the model of job/tone: the next apply would re-point it again",
        f'to keep it, declare `model: {{name: "{before}", version: "1"}}`',
    )
    rollback(lab)
    lab.spec["deployments"]["prod"]["model"] = {"name": before, "version": "1"}
    assert lab.plan().empty


def test_a_model_that_another_declared_job_trained_is_named_by_it(lab):
    lab.apply()
    before = lab.served_model()
    lab.spec["jobs"]["next"] = lab.spec["jobs"]["tone"] | {"seed": 106}
    lab.spec["deployments"]["prod"]["model"] = {"job": "next"}
    lab.apply()
    assert planned(lab).changes[0].because[-1] == "to keep it, declare `model: {job: tone}`"
    rollback(lab)
    lab.spec["deployments"]["prod"]["model"] = {"job": "tone"}
    assert lab.served_model() == before
    assert lab.plan().empty


def test_a_base_model_comes_back_in_its_version(lab):
    lab.spec["deployments"]["prod"]["model"] = MINI
    lab.apply()
    lab.spec["deployments"]["prod"]["model"] = {"job": "tone"}
    lab.apply()
    assert tags(lab, "prod")["ftctl-previous"] == "gpt-4.1-mini 2025-04-14 OpenAI"
    assert 'version: "2025-04-14"' in planned(lab).changes[0].because[-1]
    assert rollback(lab).exit is Exit.DONE
    model = lab.stored("deployment")[0]["properties"]["model"]
    assert (model["name"], model["version"]) == ("gpt-4.1-mini", "2025-04-14")


def test_only_the_model_changes_whatever_else_the_spec_says(lab):
    before, _ = trained_twice(lab)
    lab.spec["deployments"]["prod"]["capacity"] = 90
    lab.spec["deployments"]["more"] = {"model": MINI}
    lab.spec["jobs"]["tone"]["seed"] = 107
    assert [str(one.address) for one in planned(lab).changes] == ["deployment/prod"]
    assert rollback(lab).exit is Exit.DONE
    (body,) = lab.stored("deployment")
    assert (body["sku"]["capacity"], body["properties"]["model"]["name"]) == (50, before)
    assert len(lab.jobs()) == 2


def test_no_gate_and_no_budget_stands_in_the_way(lab):
    before, _ = trained_twice(lab)
    lab.spec["jobs"]["tone"] |= {"gates": [{"metric": "train_loss", "max": 0}], "maxCost": 0}
    assert rollback(lab).exit is Exit.DONE
    assert lab.served_model() == before


def test_the_smoke_test_is_asked_and_a_refusal_puts_it_forth_again(lab):
    smoke = {"user": "Are you there?", "system": "from-training"}
    before, now = trained_twice(lab, smokeTest=smoke)
    filtered = Fault(status=400, code="content_filter", message="The answer was filtered.")
    lab.azure.faults.append(lambda _, route: filtered if route.name.startswith("chat.") else None)
    report = rollback(lab)
    lab.azure.faults.clear()
    assert [one.problem.code for one in report.outcomes] == ["FT3204"]
    assert lab.served_model() == now
    assert rollback(lab).exit is Exit.DONE
    assert lab.served_model() == before
    assert tags(lab, "prod")["ftctl-smoke"] == "passed"
    with lab.clients() as clients:
        _, stack = workflow.rollback(lab.stack(), clients, PROD, clock=lab.clock)
    assert stack.resource(PROD).spec.smoke_test.system == "You are a helpful desk."


def test_to_a_named_model_a_second_time_changes_nothing(lab):
    before, now = trained_twice(lab)
    assert rollback(lab, before).exit is Exit.DONE
    assert planned(lab, before).empty
    assert rollback(lab, before).outcomes == ()
    assert lab.served_model() == before
    assert rollback(lab, now).exit is Exit.DONE
    assert lab.served_model() == now


@pytest.mark.parametrize("way", WAYS)
def test_one_that_was_killed_is_finished_by_the_same_command(fresh, way):
    with fresh() as lab:
        before, _ = trained_twice(lab, smokeTest={"user": "Are you there?"})
        counting = Cut(10**9, WAYS[way])
        lab.azure.faults.append(counting)
        planned(lab)
        lab.azure.faults.clear()
        for at in count(counting.seen):
            with put_back(lab):
                ended = killed(lab, lambda: rollback(lab, before), Cut(at, WAYS[way]))
                assert rollback(lab, before).exit is Exit.DONE
                assert lab.served_model() == before, f"killed {way} the work of call {at}"
                assert tags(lab, "prod")["ftctl-smoke"] == "passed"
            if ended:
                break
        assert at > counting.seen + 3


def test_what_was_killed_before_it_passed_goes_back_to_what_passed_last(lab):
    """The new model serves and was never asked anything: what served before is the one before that."""
    lab.spec["deployments"]["prod"]["smokeTest"] = {"user": "Are you there?"}
    lab.apply()
    before = lab.served_model()
    lab.spec["jobs"]["tone"]["seed"] = 106
    lab.azure.faults.append(lambda _request, route: Fault("lose") if route.name.startswith("chat.") else None)
    lab.apply(wait=36_000)
    lab.azure.faults.clear()
    assert lab.served_model() != before
    assert rollback(lab).exit is Exit.DONE
    assert lab.served_model() == before


# --- what cannot be done


def test_one_that_never_served_another(lab):
    lab.apply()
    assert refused(lambda: planned(lab)) == ["FT3313"]


def test_one_whose_former_version_nobody_noted(lab):
    lab.apply()
    (body,) = lab.stored("deployment")
    noted = body | {"tags": body["tags"] | {"ftctl-previous": "gpt-4.1-mini"}}
    lab.azure.store.put("deployment", body["id"], noted, parent=body["_account"])
    with pytest.raises(FtctlError) as caught:
        planned(lab)
    assert "nobody noted in which version" in caught.value.problems[0].what


def test_a_model_that_was_deleted(lab):
    before, _ = trained_twice(lab)
    (stored,) = [one for one in lab.stored("model") if one["id"] == before]
    (account,) = lab.stored("account")
    lab.azure.store.delete("model", f"{account['id']}|{stored['id']}")
    assert refused(lambda: planned(lab)) == ["FT3314"]
    assert lab.served_model() != before


def test_another_model_than_the_one_before(lab):
    trained_twice(lab)
    assert refused(lambda: planned(lab, "gpt-4.1-mini")) == ["FT3315"]


def test_one_that_is_not_there(lab):
    assert refused(lambda: planned(lab)) == ["FT6005"]


@pytest.mark.parametrize("owner", ["theirs", ""])
def test_one_that_is_not_this_stacks(lab, owner):
    trained_twice(lab)
    (body,) = lab.stored("deployment")
    other = {key: value for key, value in body["tags"].items() if key != "ftctl-stack"}
    other |= {"ftctl-stack": owner} if owner else {}
    lab.azure.store.put("deployment", body["id"], body | {"tags": other}, parent=body["_account"])
    (problem,) = planned(lab).problems
    assert (problem.code, problem.subject or problem.what.split()[0]) == ("FT3001", "deployment/prod")
    assert refused(lambda: rollback(lab)) == ["FT3001"]
