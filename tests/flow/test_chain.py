"""The main story: apply, change, revert, drift, take out, destroy."""

from __future__ import annotations

import pytest

from ftctl.core.changes import Action, Reason
from ftctl.core.errors import Exit
from ftctl.core.events import Result, Stage
from ftctl.core.model import Address, ChangeClass, Mode
from ftctl.engine.execute import Stop
from ftctl.local.azure import Fault

from .conftest import actions, example, examples, refused

EVERYTHING = {
    "resourceGroup/rg-tone",
    "account/main",
    "roleAssignment/engineers",
    "roleAssignment/quota",
    "dataset/train",
    "dataset/valid",
    "job/tone",
    "deployment/prod",
}


def ended(report) -> dict[str, str]:
    return {str(outcome.address): str(outcome.result) for outcome in report.outcomes}


def change_of(plan, address):
    return next(change for change in plan.changes if str(change.address) == address)


def test_apply_makes_everything_and_then_there_is_nothing_to_do(lab):
    assert set(actions(lab.plan())) == EVERYTHING
    report = lab.apply()
    assert report.exit is Exit.DONE
    assert ended(report) == dict.fromkeys(EVERYTHING, "done")
    assert lab.plan().empty
    assert len(lab.jobs()) == 1


def test_applying_twice_writes_nothing_the_second_time(lab):
    lab.apply()
    before = lab.writes()
    assert lab.apply().outcomes == ()
    assert lab.writes() == before


def test_plan_writes_nothing_and_reads_no_key(lab):
    lab.plan()
    assert lab.writes() == []
    lab.apply()
    before = len(lab.writes())
    lab.data("train", examples(13))
    lab.plan()
    assert len(lab.writes()) == before
    assert not [call for call in lab.azure.calls if "listkeys" in call.path.lower()]


def test_one_line_of_data_trains_re_points_and_keeps_the_old_model(lab):
    lab.apply()
    old = lab.served_model()
    lab.data("train", [*examples(11), example("And the fax?")])
    plan = lab.plan()
    job, deployment = change_of(plan, "job/tone"), change_of(plan, "deployment/prod")
    assert (job.action, job.change_class, job.reason) == (Action.CREATE, ChangeClass.TRAIN, Reason.NEW_RECIPE)
    assert [field.path for field in job.fields] == ["training"]
    assert job.affects == (Address("deployment", "prod"),)
    assert (deployment.action, deployment.change_class) == (Action.UPDATE, ChangeClass.REPOINT)
    assert actions(plan) == {"dataset/train": "create", "job/tone": "create", "deployment/prod": "update"}
    lab.apply()
    assert lab.served_model() != old
    assert len({job["fine_tuned_model"] for job in lab.stored("job") if job.get("fine_tuned_model")}) == 2
    assert lab.plan().empty


def test_reverting_re_points_to_what_was_trained_and_trains_nothing(lab):
    lab.apply()
    first = lab.served_model()
    lab.data("train", examples(13))
    lab.apply()
    lab.data("train", examples())
    plan = lab.plan()
    assert actions(plan) == {"deployment/prod": "update"}
    change = change_of(plan, "deployment/prod")
    assert (change.change_class, change.reason) == (ChangeClass.REPOINT, Reason.FOLLOWS)
    assert "nothing is trained" in change.because[0]
    lab.apply()
    assert lab.served_model() == first
    assert len(lab.jobs()) == 2


def test_a_capacity_changed_behind_our_back_is_drift_and_is_mended(lab):
    lab.apply()
    (body,) = lab.stored("deployment")
    body["sku"]["capacity"] = 10
    lab.azure.store.put("deployment", body["id"], body, parent=body["id"].rpartition("/deployments/")[0])
    (change,) = lab.plan().pending
    assert (change.action, change.reason) == (Action.UPDATE, Reason.DRIFTED)
    assert [(field.path, field.before, field.after) for field in change.fields] == [("capacity", 10, 50)]
    lab.apply()
    assert lab.stored("deployment")[0]["sku"]["capacity"] == 50
    assert lab.plan().empty


def test_a_change_of_the_spec_is_not_called_drift(lab):
    lab.apply()
    lab.spec["deployments"]["prod"]["capacity"] = 60
    (change,) = lab.plan().pending
    assert (change.reason, change.change_class) == (Reason.DIFFERS, ChangeClass.IN_PLACE)


def test_a_role_assignment_taken_out_is_removed(lab):
    lab.apply()
    assignments = len(lab.stored("role_assignment"))
    del lab.spec["roleAssignments"]["quota"]
    assert actions(lab.plan()) == {"roleAssignment/quota": "delete"}
    lab.apply()
    assert len(lab.stored("role_assignment")) == assignments - 1
    assert lab.plan().empty


def test_destroy_takes_all_down_in_order_and_a_second_one_has_nothing_to_do(lab):
    seeded = len(lab.stored("role_assignment"))
    lab.apply()
    lab.data("train", examples(13))
    lab.apply()
    report = lab.destroy()
    assert report.exit is Exit.DONE
    kinds = [event.address.kind for event in lab.events if event.stage is Stage.DONE][-len(report.outcomes) :]
    order = ["deployment", "job", "dataset", "roleAssignment", "account", "resourceGroup"]
    assert [kind for kind in order for _ in range(kinds.count(kind))] == kinds
    for kind in ("deployment", "job", "file", "account"):
        assert lab.stored(kind) == [], kind
    assert len(lab.stored("role_assignment")) == seeded
    assert lab.destroy().outcomes == ()


def test_what_was_destroyed_is_restored_from_its_soft_deletion(lab):
    lab.apply()
    lab.destroy()
    plan = lab.plan()
    assert "a deleted account holds the name and is restored" in change_of(plan, "account/main").because
    assert lab.apply().exit is Exit.DONE
    assert lab.plan().empty


def test_a_soft_deleted_name_blocks_unless_the_spec_decides(lab):
    lab.apply()
    lab.destroy()
    lab.spec["resources"]["main"]["onSoftDeleted"] = "fail"
    assert [problem.code for problem in lab.plan().problems] == ["FT3007"]
    assert refused(lab.apply) == ["FT3007"]
    lab.spec["resources"]["main"]["onSoftDeleted"] = "purge"
    assert change_of(lab.plan(), "account/main").change_class is ChangeClass.IRREVERSIBLE
    assert lab.apply().exit is Exit.DONE
    assert lab.plan().empty


def test_a_foreign_account_is_refused_until_it_is_adopted(lab):
    lab.apply()
    (body,) = lab.stored("account")
    del body["tags"]["ftctl-stack"]
    lab.azure.store.put("account", body["id"], body, parent=body["id"].partition("/providers/")[0])
    assert refused(lab.apply) == ["FT3001"]
    adopt = {"adopt": [Address("account", "main")]}
    assert actions(lab.plan(**adopt)) == {"account/main": "adopt"}
    lab.apply(**adopt)
    assert lab.plan().empty


def test_another_stacks_deployment_is_refused_and_survives_our_destroy(lab):
    lab.apply()
    (body,) = lab.stored("deployment")
    body["tags"]["ftctl-stack"] = "theirs"
    lab.azure.store.put("deployment", body["id"], body, parent=body["id"].rpartition("/deployments/")[0])
    assert refused(lab.apply) == ["FT3001"]
    assert "deployment/prod" not in actions(lab.plan(Mode.DESTROY))


def test_protect_guards_against_destroy_and_against_being_taken_out(lab):
    lab.spec["resources"]["main"]["protect"] = True
    lab.apply()
    assert refused(lab.destroy) == ["FT3006"]
    lab.spec["resources"]["main"]["protect"] = False
    assert refused(lab.destroy) == ["FT3006"]  # what was applied still says protect
    lab.apply()
    assert lab.destroy().exit is Exit.DONE


def test_interrupting_stops_what_is_new_and_the_next_run_goes_on(lab):
    stop = Stop()

    def interrupt(event):
        if event.address.kind == "job" and event.stage is Stage.PROGRESS:
            stop.set()

    report = lab.apply(stop=stop, emit=interrupt)
    assert report.exit is Exit.INTERRUPTED
    assert ended(report)["job/tone"] == "pending"
    assert ended(report)["deployment/prod"] == "not attempted"
    assert actions(lab.plan()) == {"job/tone": "wait", "deployment/prod": "create"}
    assert lab.apply().exit is Exit.DONE
    assert len(lab.jobs()) == 1


def test_waiting_no_longer_than_asked_is_pending(lab):
    report = lab.apply(wait=40.0)
    assert report.exit is Exit.PENDING
    assert report.having(Result.PENDING)
    assert lab.apply().exit is Exit.DONE
    assert len(lab.jobs()) == 1


def test_the_smoke_test_is_asked_after_every_change_and_its_answer_reported(lab):
    lab.spec["deployments"]["prod"]["smokeTest"] = {
        "user": "My printer number 3 does not start.",
        "system": "from-training",
    }
    report = lab.apply()
    (answer,) = [outcome.answers for outcome in report.outcomes if outcome.answers]
    assert "restart" in answer
    assert lab.plan().empty


def test_a_failed_smoke_test_rolls_back_to_what_served_before(lab):
    lab.apply()
    old = lab.served_model()
    lab.spec["deployments"]["prod"]["smokeTest"] = {"user": "Hello?"}
    lab.data("train", examples(13))
    lab.azure.faults.append(
        lambda request, route: Fault(status=400, code="content_filter", message="no") if "chat" in route.name else None
    )
    report = lab.apply()
    assert report.exit is Exit.GATE
    lab.azure.faults.clear()
    lab.clock.advance(600)
    assert lab.served_model() == old


DELETED = {
    "roleAssignment/quota": ("role_assignment", lambda body: "/quota" in str(body)),
    "roleAssignment/engineers": ("role_assignment", lambda body: "/engineers" in str(body)),
    "dataset/train": ("file", lambda body: "--train--" in body["filename"]),
    "job/tone": ("job", lambda body: True),
    "deployment/prod": ("deployment", lambda body: True),
}


@pytest.mark.parametrize("address", DELETED)
def test_what_somebody_deleted_is_made_again(lab, address):
    """A deletion behind our back shows in the plan, and apply mends it and trains nothing that is still there."""
    lab.apply()
    kind, chosen = DELETED[address]
    for body in filter(chosen, lab.stored(kind)):
        lab.azure.store.delete(kind, body["id"])
    assert actions(lab.plan())[address] == "create"
    assert lab.apply().exit is Exit.DONE
    assert lab.plan().empty
    assert len(lab.jobs()) == (2 if address == "job/tone" else 1)
