"""A job's declared state: paused, running, cancelled or left out, against every state that the service knows."""

from __future__ import annotations

import pytest

from ftctl.core.changes import Action, Reason
from ftctl.core.errors import Exit
from ftctl.core.events import Result
from ftctl.core.model import Address, ChangeClass
from ftctl.kinds import kinds
from ftctl.local import jobstate
from ftctl.local.azure import Fault
from ftctl.render.look import Look
from ftctl.render.report import report_text
from ftctl.render.status import status_text
from ftctl.render.text import plan_text

from .conftest import actions, refused
from .ending import assert_converged, cancel_by_hand, failing, status

LOOK = Look()
STATES = ["running", "paused", "cancelled"]


def change(plan, address: str = "job/tone"):
    (found,) = [one for one in plan.changes if str(one.address) == address]
    return found


def outcome(report, address: str = "job/tone"):
    (found,) = [one for one in report.outcomes if str(one.address) == address]
    return found


def declare(lab, state: str | None) -> None:
    lab.spec["jobs"]["tone"].pop("state", None)
    lab.spec["jobs"]["tone"].update({"state": state} if state else {})


def begun(lab) -> dict:
    """Apply in short runs until a job is there; the newest."""
    for _ in range(200):
        if found := lab.stored("job"):
            return found[-1]
        lab.apply(wait=15.0)
    raise AssertionError("no job was begun")


def training(lab) -> dict:
    """A job that has made its first step, and not its last."""
    job = begun(lab)
    until(lab, lambda: jobstate.life_of(lab.azure, lab.stored("job")[-1]).steps_done)
    return job


def until(lab, there) -> None:
    """Let time pass until `there()`."""
    for _ in range(5000):
        if there():
            return
        lab.clock.advance(1)
    raise AssertionError("it never came")


def by_hand(lab, verb: str) -> None:
    """Pause or resume every job, as somebody would in the portal."""
    with lab.clients() as clients:
        (account,) = clients.arm.list_accounts(lab.stack().home.subscription)
        data = clients.data(account["properties"]["endpoint"])
        for job in lab.stored("job"):
            getattr(data, f"{verb}_job")(job["id"])


def paused(lab) -> dict:
    job = training(lab)
    by_hand(lab, "pause")
    until(lab, lambda: now(lab) == "paused")
    return job


def now(lab) -> str:
    return status(lab, lab.stored("job")[-1])


# --- left out: who pauses by hand is not overruled


@pytest.mark.parametrize("still_pausing", [True, False])
def test_a_job_paused_by_hand_is_left_alone_and_not_waited_for(lab, still_pausing):
    if still_pausing:
        training(lab)
        by_hand(lab, "pause")
    else:
        paused(lab)
    made = lab.plan()
    assert (change(made).action, change(made).reason) == (Action.WAIT, Reason.PAUSED)
    assert ("pausing" if still_pausing else "it goes on when somebody resumes it") in plan_text(made, LOOK)
    began = lab.clock.now()
    report = lab.apply()
    assert (lab.clock.now() - began).total_seconds() < 60
    assert report.exit is Exit.PENDING
    assert (outcome(report).result, outcome(report).held) == (Result.PENDING, True)
    assert outcome(report, "deployment/prod").result is Result.NOT_ATTEMPTED
    told = " ".join(report_text("tone", report, LOOK, resume="ftctl apply").split())
    assert "Stands still:" in told
    assert "`state: running`" in told
    assert "goes on with it on its own" not in told
    assert len(lab.jobs()) == 1
    until(lab, lambda: now(lab) == "paused")
    by_hand(lab, "resume")
    assert lab.apply().exit is Exit.DONE
    assert_converged(lab)


def test_a_job_that_is_paused_by_hand_while_it_is_waited_for_ends_the_apply(lab):
    training(lab)
    paused_at = []

    def interfere(event):
        if str(event.address) == "job/tone" and not paused_at:
            paused_at.append(event)
            by_hand(lab, "pause")

    report = lab.apply(emit=interfere)
    assert report.exit is Exit.PENDING
    assert outcome(report).held
    assert lab.plan().pending[0].reason is Reason.PAUSED


def test_a_paused_job_keeps_nothing_else_from_being_done(lab):
    paused(lab)
    lab.spec["deployments"]["base"] = {"model": {"name": "gpt-4.1-mini", "version": "2025-04-14"}}
    report = lab.apply()
    assert outcome(report, "deployment/base").result is Result.DONE
    assert report.exit is Exit.PENDING


# --- running


@pytest.mark.parametrize("still_pausing", [True, False])
def test_running_resumes_a_paused_job_and_waits_for_it(lab, still_pausing):
    if still_pausing:
        training(lab)
        by_hand(lab, "pause")
    else:
        paused(lab)
    declare(lab, "running")
    made = change(lab.plan())
    assert (made.action, made.reason, made.change_class) == (Action.UPDATE, Reason.RESUMED, ChangeClass.IN_PLACE)
    assert lab.apply().exit is Exit.DONE
    assert len(lab.jobs()) == 1
    assert_converged(lab)


def test_running_changes_nothing_where_nothing_is_paused(lab):
    declare(lab, "running")
    assert actions(lab.plan())["job/tone"] == "create"
    assert lab.apply().exit is Exit.DONE
    assert lab.plan().empty


# --- paused


def test_paused_begins_nothing(lab):
    declare(lab, "paused")
    assert lab.apply().exit is Exit.DONE
    made = lab.plan()
    assert made.empty
    assert (change(made).reason, change(made, "deployment/prod").reason) == (Reason.NOT_BEGUN, Reason.WITHHELD)
    told = plan_text(made, LOOK)
    assert "leave job/tone" in told
    assert "waits for job/tone, which is not begun, as declared" in " ".join(told.split())
    assert lab.jobs() == []
    assert lab.stored("deployment") == []


def test_paused_pauses_what_trains_and_ends_with_that(lab):
    training(lab)
    declare(lab, "paused")
    made = lab.plan()
    assert (change(made).action, change(made).reason) == (Action.UPDATE, Reason.HALTED)
    assert change(made, "deployment/prod").reason is Reason.WITHHELD
    report = lab.apply()
    assert report.exit is Exit.DONE
    assert outcome(report).text.startswith("paused")
    assert now(lab) == "paused"
    assert lab.plan().empty
    assert change(lab.plan()).reason is Reason.AT_REST
    assert lab.stored("deployment") == []
    declare(lab, None)
    assert change(lab.plan()).reason is Reason.PAUSED
    declare(lab, "running")
    assert lab.apply().exit is Exit.DONE
    assert_converged(lab)


def test_an_apply_that_does_not_wait_ends_while_it_is_pausing(lab):
    training(lab)
    declare(lab, "paused")
    report = lab.apply(wait=0.0)
    assert report.exit is Exit.PENDING
    assert outcome(report).text.startswith("pausing")
    assert now(lab) == "pausing"
    assert change(lab.plan()).reason is Reason.HALTING
    assert lab.apply().exit is Exit.DONE
    assert now(lab) == "paused"


def test_a_job_that_is_not_far_enough_is_paused_as_soon_as_it_can_be(lab):
    begun(lab)
    declare(lab, "paused")
    assert now(lab) == "pending"
    report = lab.apply(wait=0.0)
    assert report.exit is Exit.PENDING
    assert "it can be paused once it has trained its first step" in outcome(report).text
    assert lab.apply().exit is Exit.DONE
    assert now(lab) == "paused"


def test_a_job_that_ends_before_it_could_be_paused_is_done(lab):
    training(lab)
    declare(lab, "paused")
    lab.azure.faults.append(lambda request, route: lab.clock.advance(36_000) if route.name == "jobs.pause" else None)
    assert lab.apply().exit is Exit.DONE
    assert now(lab) == "succeeded"
    declare(lab, None)
    assert lab.apply().exit is Exit.DONE
    assert_converged(lab)


def test_a_lost_answer_to_a_pause_is_no_error(lab):
    training(lab)
    declare(lab, "paused")
    lost = [Fault("lose", after=True)]
    lab.azure.faults.append(lambda request, route: lost.pop() if lost and route.name == "jobs.pause" else None)
    assert lab.apply().exit is Exit.DONE
    assert lost == []
    assert now(lab) == "paused"


# --- cancelled


def test_cancelled_ends_what_runs_and_says_what_is_lost(lab):
    training(lab)
    declare(lab, "cancelled")
    made = lab.plan()
    assert (change(made).action, change(made).reason) == (Action.DELETE, Reason.GIVEN_UP)
    assert change(made).change_class is ChangeClass.IRREVERSIBLE
    told = " ".join(plan_text(made, LOOK).split())
    assert "cancel job/tone" in told
    assert "what it has trained so far is lost" in told
    assert change(made, "deployment/prod").reason is Reason.WITHHELD
    assert lab.apply().exit is Exit.DONE
    assert now(lab) == "cancelled"
    assert lab.plan().empty
    assert len(lab.jobs()) == 1
    declare(lab, None)
    assert refused(lab.apply) == ["FT3240"]


def test_cancelled_ends_a_paused_job_too(lab):
    paused(lab)
    declare(lab, "cancelled")
    assert lab.apply().exit is Exit.DONE
    assert now(lab) == "cancelled"


def test_cancelled_accepts_what_somebody_cancelled(lab):
    training(lab)
    cancel_by_hand(lab)
    assert refused(lab.apply) == ["FT3240"]
    declare(lab, "cancelled")
    assert lab.apply().exit is Exit.DONE
    assert lab.plan(retry=[Address("job", "tone")]).empty
    assert len(lab.jobs()) == 1


def test_what_serves_is_left_alone_while_its_successor_is_paused(lab):
    lab.apply()
    served = lab.served_model()
    lab.spec["jobs"]["tone"]["seed"] = 106
    declare(lab, "paused")
    assert lab.apply().exit is Exit.DONE
    assert lab.served_model() == served
    assert "stays as it is" in status_text(lab.plan(), LOOK)


def test_a_job_that_has_succeeded_serves_whatever_is_declared(lab):
    lab.apply()
    for state in STATES:
        declare(lab, state)
        assert lab.plan().empty
        assert change(lab.plan()).reason is Reason.AS_DECLARED


def test_a_failed_job_blocks_nothing_where_nothing_is_to_be_trained(lab):
    failing(lab)
    lab.apply()
    lab.azure.faults.clear()
    for state in ("paused", "cancelled"):
        declare(lab, state)
        made = lab.plan()
        assert made.empty
        assert "Line 3 is odd" in " ".join(plan_text(made, LOOK).split())


def test_a_job_behind_one_that_is_not_begun_is_not_begun_either(lab):
    lab.spec["jobs"]["more"] = {**lab.spec["jobs"]["tone"], "model": {"job": "tone"}}
    lab.spec["deployments"]["prod"]["model"] = {"job": "more"}
    declare(lab, "paused")
    assert lab.apply().exit is Exit.DONE
    assert lab.jobs() == []
    assert change(lab.plan(), "deployment/prod").reason is Reason.WITHHELD


def test_gates_wait_with_what_they_stand_before(lab):
    lab.spec["jobs"]["tone"]["gates"] = [{"metric": "full_valid_loss", "max": 50}]
    declare(lab, "paused")
    assert lab.apply().exit is Exit.DONE
    assert change(lab.plan(), "gate/prod").reason is Reason.WITHHELD


def test_two_jobs_of_one_recipe_have_one_state(lab):
    training(lab)
    lab.spec["jobs"]["twin"] = {**lab.spec["jobs"]["tone"], "state": "cancelled"}
    assert refused(lab.apply) == ["FT3244"]
    assert now(lab) == "running"
    declare(lab, "cancelled")
    assert lab.apply().exit is Exit.DONE
    assert now(lab) == "cancelled"
    assert lab.plan().empty


def test_a_paused_job_that_is_superseded_is_cancelled_and_said_to_be_paused(lab):
    paused(lab)
    lab.spec["jobs"]["tone"]["seed"] = 106
    (old,) = [one for one in lab.plan().changes if one.reason is Reason.SUPERSEDED]
    assert old.because == ("paused: it goes on when somebody resumes it",)


# --- told apart


def test_the_state_is_no_part_of_the_recipe(lab):
    kind, names = kinds()["job"], set()
    made = lab.plan()
    for state in (None, *STATES):
        declare(lab, state)
        (job,) = [one for one in lab.stack().resources if one.address.kind == "job"]
        names.add(kind.wanted(job, made.world).name)
    assert len(names) == 1


WORDS = {
    "created": "pending",
    "pending": "pending",
    "queued": "queued",
    "validating_files": "validating its files",
    "running": "running",
    "pausing": "pausing: it stops after a checkpoint",
    "paused": "paused: it goes on when somebody resumes it",
    "resuming": "resuming from its last checkpoint",
    "succeeded": "ready",
    "failed": "failed",
    "cancelled": "cancelled",
}


def test_every_state_of_the_service_is_told_in_status_and_plan(lab, monkeypatch):
    begun(lab)
    present = jobstate.present
    for word, told in WORDS.items():
        monkeypatch.setattr(
            "ftctl.local.jobs.present", lambda azure, job, word=word: present(azure, job) | {"status": word}
        )
        made = lab.plan()
        assert told in " ".join(status_text(made, LOOK).split())
        expected = {"succeeded": "no-op", "failed": "blocked", "cancelled": "blocked"}.get(word, "wait")
        assert change(made).action == expected
        assert (change(made).reason is Reason.PAUSED) == (word in {"pausing", "paused"})
