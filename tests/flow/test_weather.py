"""Azure on other days: slow rights, busy accounts, deployments that do not answer yet, values that do not stick."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ftctl import workflow
from ftctl.core.changes import Action, Reason
from ftctl.core.errors import Exit
from ftctl.core.events import Stage
from ftctl.engine.execute import Stop
from ftctl.local.azure import Fault

from .conftest import examples
from .ending import assert_converged, patiently

CHAT, PUT = "chat.complete_v1", "arm_deployments.put_deployment"
NOT_THERE = Fault(status=404, code="DeploymentNotFound", message="The API deployment for this resource does not exist.")
BUSY = Fault(status=409, code="RequestConflict", message="Another operation is being performed on the parent resource.")
BASE = {"prod": {"model": {"name": "gpt-4.1-mini", "version": "2025-04-14"}, "capacity": 5}}


def fails(lab, route: str, fault: Fault, *, times: int = 10**6, until: float = 0.0) -> list[str]:
    """Let `fault` happen to the next `times` calls of `route`, or for some seconds; tells which it happened to."""
    met: list[str] = []
    ends = lab.clock.now().timestamp() + (until or 10**9)

    def ask(request, asked):
        if asked.name == route and len(met) < times and lab.clock.now().timestamp() < ends:
            met.append(request.path)
            return fault
        return None

    lab.azure.faults.append(ask)
    return met


def problems(report) -> dict[str, str]:
    return {str(outcome.address): outcome.problem.code for outcome in report.outcomes if outcome.problem}


def progress(lab) -> list[str]:
    return [event.text for event in lab.events if event.stage is Stage.PROGRESS]


# --- role assignments that take their time


def slow_rights(lab, seconds: float) -> None:
    """Role assignments reach the data plane `seconds` of the clock after they were made."""
    lab.azure.settings = replace(lab.azure.settings, propagation_seconds=seconds * lab.azure.settings.pace)


def test_apply_waits_until_a_role_assignment_of_its_own_takes_effect(lab):
    slow_rights(lab, 400)
    report = lab.apply()
    assert report.exit is Exit.DONE
    assert 400 < report.seconds < 1000
    assert "waiting for the role assignment to take effect" in progress(lab)
    assert_converged(lab)


def test_a_plan_meanwhile_says_what_it_cannot_see_and_an_apply_makes_nothing_twice(lab):
    slow_rights(lab, 400)
    lab.apply(wait=100.0)
    plan = lab.plan()
    assert plan.problems == ()
    unseen = {str(change.address) for change in plan.pending if change.reason is Reason.UNSEEN}
    assert unseen == {"dataset/train", "dataset/valid", "job/tone"}
    assert lab.apply().exit is Exit.DONE
    slow_rights(lab, 10**7)  # as if all were forgotten: what is there cannot be seen, and must not be made again
    plan = lab.plan()
    assert {change.reason for change in plan.pending if change.kind in {"dataset", "job"}} == {Reason.UNSEEN}
    slow_rights(lab, 0)
    assert_converged(lab)


def test_what_could_not_be_seen_is_found_by_the_apply_and_used(lab):
    lab.apply()
    served = lab.served_model()
    writes = len(lab.writes())
    refusal = Fault(status=401, code="PermissionDenied", message="The principal lacks the required data action.")
    fails(lab, "files.list_all", refusal, until=60)
    fails(lab, "jobs.list_all", refusal, until=60)
    report = lab.apply()
    assert report.exit is Exit.DONE
    assert {str(outcome.address) for outcome in report.outcomes} >= {"dataset/train", "job/tone"}
    assert len(lab.writes()) == writes
    assert lab.served_model() == served


def test_a_right_that_never_comes_is_a_matter_of_permission(lab):
    slow_rights(lab, 10**6)
    report = lab.apply()
    assert report.exit is Exit.PERMISSION
    assert set(problems(report).values()) == {"FT3207"}
    slow_rights(lab, 0)
    assert patiently(lab) == 1


def test_a_smoke_test_waits_for_the_role_too(lab):
    """The first call to the data plane may be the smoke test's: it says nothing against the deployment."""
    slow_rights(lab, 400)
    for section in ("datasets", "jobs"):
        del lab.spec[section]
    lab.spec["deployments"] = {"prod": BASE["prod"] | {"smokeTest": {"user": "Hello?"}}}
    assert lab.apply().exit is Exit.DONE
    assert lab.plan().empty


def test_a_principal_that_is_new_to_the_directory_is_waited_for(lab):
    unknown = Fault(status=400, code="PrincipalNotFound", message="Principal x does not exist in the directory y.")
    met = fails(lab, "arm_roles.put_assignment", unknown, times=5)
    assert lab.apply().exit is Exit.DONE
    assert len(met) == 5
    lab.destroy()
    fails(lab, "arm_roles.put_assignment", unknown)
    assert "FT2110" in problems(lab.apply()).values()


# --- an account that is busy


def test_a_write_of_somebody_else_is_waited_out(lab):
    met = fails(lab, PUT, BUSY, times=4)
    report = lab.apply()
    assert (report.exit, len(met)) == (Exit.DONE, 4)
    assert lab.plan().empty


def test_an_account_that_stays_busy_is_an_error_after_ten_minutes(lab):
    lab.apply()
    lab.spec["deployments"]["prod"]["capacity"] = 60
    fails(lab, PUT, BUSY)
    report = lab.apply()
    assert problems(report) == {"deployment/prod": "FT2027"}
    assert 300 < report.seconds < 700
    lab.azure.faults.clear()
    assert patiently(lab) == 1


def test_writes_below_one_account_take_turns(lab):
    """With several deployments at once, no write begins while another one is under way."""
    lab.spec["deployments"] = {f"d{number}": {"model": {"job": "tone"}} for number in range(4)}
    under_way: list[int] = []

    def ask(_request, route):
        if route.name == PUT:
            under_way.append(sum(state(lab, one) != "Succeeded" for one in lab.stored("deployment")))

    lab.azure.faults.append(ask)
    assert lab.apply().exit is Exit.DONE
    assert under_way == [0] * 4


def state(lab, body: dict) -> str:
    from ftctl.local import arm  # noqa: PLC0415  only this test looks there

    return arm.state(lab.azure, body)


def test_an_account_that_is_not_ready_is_waited_out(lab):
    changing = Fault(status=409, code="AccountProvisioningStateInvalid", message="The account is in state Accepted.")
    met = fails(lab, PUT, changing, times=3)
    assert lab.apply().exit is Exit.DONE
    assert len(met) == 3


# --- deployments that do not answer


@pytest.fixture
def smoked(lab):
    lab.spec["deployments"]["prod"]["smokeTest"] = {"user": "My printer number 3 does not start."}
    return lab


def test_a_deployment_that_has_succeeded_is_asked_until_it_answers(smoked):
    met = fails(smoked, CHAT, NOT_THERE, times=12)
    report = smoked.apply()
    assert (report.exit, len(met)) == (Exit.DONE, 12)
    assert any(outcome.answers for outcome in report.outcomes)
    assert any(text.startswith("not answering yet") for text in progress(smoked))
    assert smoked.plan().empty


def test_a_deployment_that_does_not_answer_for_long_is_asked_again_by_the_next_apply(smoked):
    fails(smoked, CHAT, NOT_THERE)
    report = smoked.apply()
    assert problems(report) == {"deployment/prod": "FT3212"}
    assert len(smoked.stored("deployment")) == 1  # what may yet answer is not taken away
    (change,) = smoked.plan().pending
    assert (change.action, change.reason) == (Action.WAIT, Reason.UNVERIFIED)
    smoked.azure.faults.clear()
    writes = len(smoked.writes())
    assert smoked.apply().exit is Exit.DONE
    assert [call.split()[0] for call in smoked.writes()[writes:]] == ["POST", "PATCH"]  # the question, and the mark
    assert smoked.plan().empty


@pytest.mark.parametrize("kind", ["lose", "reset"])
def test_a_smoke_test_without_a_network_says_nothing_against_the_deployment(smoked, kind):
    smoked.apply()
    smoked.data("train", examples(13))
    fails(smoked, CHAT, Fault(kind))
    report = smoked.apply()
    assert set(problems(report)) == {"deployment/prod"}
    new = smoked.served_model()
    smoked.azure.faults.clear()
    assert smoked.apply().exit is Exit.DONE
    assert smoked.served_model() == new
    assert smoked.plan().empty


def test_an_apply_killed_during_the_smoke_test_rolls_back_all_the_same(smoked):
    smoked.apply()
    old = smoked.served_model()
    smoked.data("train", examples(13))
    stop = Stop()
    fails(smoked, CHAT, NOT_THERE)
    smoked.apply(stop=stop, emit=lambda event: stop.set() if event.text.startswith("not answering") else None)
    assert smoked.served_model() != old
    smoked.azure.faults.clear()
    fails(smoked, CHAT, Fault(status=400, code="content_filter", message="The answer was filtered."))
    report = smoked.apply()
    assert (report.exit, problems(report)) == (Exit.GATE, {"deployment/prod": "FT3204"})
    assert smoked.served_model() == old


def test_a_new_deployment_that_was_never_approved_is_taken_away_by_the_next_run_too(smoked):
    stop = Stop()
    fails(smoked, CHAT, NOT_THERE)
    smoked.apply(stop=stop, emit=lambda event: stop.set() if event.text.startswith("not answering") else None)
    assert len(smoked.stored("deployment")) == 1
    smoked.spec["deployments"]["prod"]["capacity"] = 60  # a further change does not make the first one approved
    smoked.apply(stop=stop)
    smoked.azure.faults.clear()
    fails(smoked, CHAT, Fault(status=400, code="content_filter", message="The answer was filtered."))
    assert smoked.apply().exit is Exit.GATE
    assert smoked.stored("deployment") == []
    smoked.azure.faults.clear()
    assert patiently(smoked) == 1


# --- between plan and apply


def carry_out(lab, plan, stack):
    """Apply a plan that was made before."""
    with lab.clients() as clients:
        return workflow.apply(plan, stack, clients, clock=lab.clock, emit=lab.events.append, stop=Stop())


def test_data_that_changed_after_the_plan_is_not_uploaded(lab):
    stack, plan = lab.stack(), lab.plan()
    lab.data("train", examples(13))
    report = carry_out(lab, plan, stack)
    assert problems(report) == {"dataset/train": "FT3206"}
    assert report.exit is Exit.STALE
    assert [one["filename"].split("--")[2] for one in lab.stored("file")] == ["valid"]
    assert lab.stored("job") == []
    assert lab.apply().exit is Exit.DONE
    assert_converged(lab)


def test_a_plan_that_somebody_else_carried_out_meanwhile_makes_nothing_twice(lab):
    stack, plan = lab.stack(), lab.plan()
    lab.apply()
    lab.data("train", examples(13))  # no longer what was planned, but that has been uploaded
    assert carry_out(lab, plan, stack).exit is Exit.DONE
    lab.data("train", examples())
    assert len(lab.stored("job")) == 1
    assert_converged(lab)


def test_what_vanished_after_the_plan_is_made(lab):
    """An update of something that somebody deleted meanwhile is a creation."""
    lab.apply()
    lab.spec["deployments"]["prod"]["capacity"] = 60
    stack, plan = lab.stack(), lab.plan()
    for body in lab.stored("deployment"):
        lab.azure.store.delete("deployment", body["id"])
    assert carry_out(lab, plan, stack).exit is Exit.DONE
    assert_converged(lab)


# --- values


def policy(lab, *, capacity: int, times: int = 10**6) -> None:
    """Somebody sets the capacity back after each of our first `times` writes."""
    left = [times]

    def ask(_request, route):
        if route.name == "arm_deployments.get_deployment" and left[0]:
            left[0] -= 1
            for body in lab.stored("deployment"):
                body["sku"]["capacity"] = capacity
                lab.azure.store.put("deployment", body["id"], body, parent=body["_account"])

    lab.azure.faults.append(ask)


def test_a_value_that_does_not_stick_is_told(lab):
    lab.apply()
    lab.spec["deployments"]["prod"]["capacity"] = 60
    policy(lab, capacity=7)
    report = lab.apply()
    assert problems(report) == {"deployment/prod": "FT3211"}
    (outcome,) = [outcome for outcome in report.outcomes if outcome.problem]
    assert "capacity is 7" in outcome.problem.what
    assert outcome.problem.where.path.endswith("stack.yaml")


def test_a_value_that_was_set_back_once_is_set_again(lab):
    lab.spec["deployments"] = {"prod": BASE["prod"]}
    policy(lab, capacity=7, times=1)
    assert lab.apply().exit is Exit.DONE
    assert lab.stored("deployment")[0]["sku"]["capacity"] == 5
    assert lab.plan().empty


def test_what_azure_adds_is_no_difference_and_stays(lab):
    """Properties that no version of ftctl knows survive its writes."""
    lab.apply()
    for kind, field in (("deployment", "properties"), ("account", "properties")):
        (body,) = lab.stored(kind)
        body[field]["somethingNew"] = {"since": 2027}
        body["tags"]["cost-centre"] = "42"
        parent = body.get("_account") or body["_group"]
        lab.azure.store.put(kind, body["id"], body, parent=parent)
    assert lab.plan().empty
    lab.spec["deployments"]["prod"]["capacity"] = 60
    lab.spec["resources"]["main"]["tags"] = {"team": "support"}
    assert lab.apply().exit is Exit.DONE
    for kind in ("deployment", "account"):
        (body,) = lab.stored(kind)
        assert body["properties"]["somethingNew"] == {"since": 2027}, kind
        assert body["tags"]["cost-centre"] == "42", kind
