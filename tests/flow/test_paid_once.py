"""A recipe is paid for once: whatever becomes of the request, and however many apply it at once."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from types import SimpleNamespace

import pytest

from ftctl.core.changes import Action
from ftctl.core.errors import Exit, FtctlError
from ftctl.core.events import Stage
from ftctl.core.model import Address
from ftctl.local.azure import Fault

from .conftest import Lab, actions, examples, refused
from .ending import assert_converged, cancel_by_hand, failing, patiently, recipes, status

CREATE, LIST, CANCEL = "jobs.create", "jobs.list_all", "jobs.cancel"
TRAINED_ALREADY = {
    "the reply is lost": Fault("lose", after=True),
    "the reply is cut": Fault("cut", after=True),
    "the connection is reset": Fault("reset", after=True),
    "500 comes after the work": Fault(after=True),
    "503 comes after the work": Fault(status=503, code="serviceUnavailable", after=True),
}
NEVER_ASKED = {
    "the connection closes before the work": Fault("lose"),
    "the connection is reset before the work": Fault("reset"),
    "500 comes before the work": Fault(),
    "429 comes before the work": Fault(status=429, code="tooManyRequests", headers={"Retry-After": "7"}),
    "400 comes before the work": Fault(status=400, code="invalidPayload", message="The file is not ready."),
}


def once(lab, fault: Fault, route: str = CREATE) -> list[str]:
    """Let `fault` happen to the next call of `route`, and tell when it has."""
    happened: list[str] = []

    def ask(_request, asked):
        if asked.name == route and not happened:
            happened.append(route)
            return fault
        return None

    lab.azure.faults.append(ask)
    return happened


@pytest.mark.parametrize("way", TRAINED_ALREADY)
def test_a_creation_that_worked_is_found_and_not_repeated(lab, way):
    happened = once(lab, TRAINED_ALREADY[way])
    assert lab.apply().exit is Exit.DONE
    assert happened
    assert len(lab.jobs()) == len(lab.stored("job")) == 1
    assert_converged(lab)


@pytest.mark.parametrize("way", NEVER_ASKED)
def test_a_creation_that_did_not_work_is_made_by_the_next_apply_at_the_latest(lab, way):
    happened = once(lab, NEVER_ASKED[way])
    assert patiently(lab) <= 2
    assert happened
    assert len(lab.stored("job")) == 1
    assert_converged(lab)


def test_throttling_says_that_nothing_was_begun_so_it_is_waited_out(lab):
    once(lab, NEVER_ASKED["429 comes before the work"])
    assert lab.apply().exit is Exit.DONE


def test_a_job_that_cannot_be_seen_yet_is_not_asked_for_again(lab):
    """The answer is lost, and the list is late: giving up is better than paying twice."""
    once(lab, TRAINED_ALREADY["the reply is lost"])
    lab.azure.faults.append(
        lambda request, route: Fault(status=404, code="x") if route.name == LIST and lab.stored("job") else None
    )
    report = lab.apply()
    (failed,) = [outcome.problem for outcome in report.outcomes if outcome.problem]
    assert failed.subject == "job/tone"
    assert len(lab.stored("job")) == 1
    lab.azure.faults.clear()
    assert patiently(lab) == 1
    assert len(lab.stored("job")) == 1


def test_two_jobs_of_one_recipe_in_one_stack_are_trained_once(lab):
    lab.spec["jobs"]["twin"] = dict(lab.spec["jobs"]["tone"])
    lab.spec["deployments"]["twin"] = {"model": {"job": "twin"}}
    assert lab.apply().exit is Exit.DONE
    assert len(lab.stored("job")) == 1
    assert lab.served_model("twin") == lab.served_model("prod")
    assert_converged(lab)


# --- two appliers at once


class Meeting:
    """A fault hook that holds calls of two appliers until both have come, or `seconds` have passed."""

    def __init__(self, route: str, *, seconds: float = 3.0) -> None:
        self.route = route
        self.barrier = threading.Barrier(2, timeout=seconds)

    def __call__(self, _request, route):
        if route.name == self.route and not self.barrier.broken:
            try:
                self.barrier.wait()
            except threading.BrokenBarrierError:
                return
        return


def hold(lab, route: str, until, *, seconds: float = 3.0, first: int = 1):
    """A fault hook that holds calls of `route`, from the one numbered `first`, until `until()` is true."""
    count = iter(range(1, 1000))

    def ask(_request, asked):
        if asked.name == route and next(count) >= first:
            ends = time.perf_counter() + seconds
            while not until() and time.perf_counter() < ends:
                time.sleep(0.005)

    lab.azure.faults.append(ask)


def both_ask_at_once(lab):
    lab.azure.faults.append(Meeting(CREATE))


def both_see_both(lab):
    before = len(lab.stored("job"))
    both_ask_at_once(lab)
    hold(lab, LIST, lambda: len(lab.stored("job")) != before + 1)


def both_cancel_the_younger(lab):
    both_see_both(lab)
    lab.azure.faults.append(Meeting(CANCEL))


def one_asks_when_the_other_has_finished(lab):
    def done():
        return any(status(lab, job) == "succeeded" for job in lab.stored("job"))

    hold(lab, CREATE, done, first=2)


def both_replies_are_lost(lab):
    both_ask_at_once(lab)
    lost = [Fault("lose", after=True)] * 2
    lab.azure.faults.append(lambda request, route: lost.pop() if lost and route.name == CREATE else None)


def nothing_holds_them(lab):
    pass


@pytest.fixture
def other(lab, tmp_path):
    """A second applier of the same files, in a checkout of its own."""
    folder = tmp_path / "other"
    folder.mkdir()
    return Lab(folder, lab.azure, SimpleNamespace(url=lab.cloud.arm, ca_file=lab.cloud.verify), lab.clock)


def both(*labs) -> list:
    """Apply with all of them at once: their reports, or the errors they ended with."""

    def run(one):
        try:
            return one.apply()
        except FtctlError as error:
            return error

    with ThreadPoolExecutor(len(labs)) as pool:
        return list(pool.map(run, labs))


@pytest.mark.parametrize(
    "timing",
    [
        both_ask_at_once,
        both_see_both,
        both_cancel_the_younger,
        one_asks_when_the_other_has_finished,
        both_replies_are_lost,
        nothing_holds_them,
    ],
    ids=lambda timing: timing.__name__,
)
def test_two_appliers_at_once_never_leave_two_jobs_of_one_recipe(lab, other, timing):
    lab.apply()
    lab.azure.settings = replace(lab.azure.settings, pace=10)  # one must not finish while the other makes two calls
    for name in "ab":
        for one in (lab, other):
            one.data("train", examples(11, f"scanner {name}"))
        timing(lab)
        ended = both(lab, other)
        lab.azure.faults.clear()
        assert patiently(lab) == 1
        assert max(recipes(lab, "pending", "running", "succeeded").values()) == 1
        assert [getattr(end, "exit", end) for end in ended] == [Exit.DONE, Exit.DONE]
        assert lab.plan().empty


def test_a_second_run_of_a_recipe_is_cancelled_before_the_first_is_waited_for(lab):
    """Both appliers were killed before they could see each other's job."""
    until_training(lab)
    (job,) = lab.stored("job")
    lab.clock.advance(1)
    same = ("model", "training_file", "validation_file", "suffix", "seed", "trainingType")
    with lab.clients() as clients:
        (account,) = clients.arm.list_accounts(lab.stack().home.subscription)
        twin = clients.data(account["properties"]["endpoint"]).create_job({name: job[name] for name in same})
    assert sorted(change.action for change in lab.plan().pending if change.kind == "job") == [
        Action.DELETE,
        Action.WAIT,
    ]
    assert patiently(lab) == 1
    told = {one["id"]: status(lab, one) for one in lab.stored("job")}
    assert told == {job["id"]: "succeeded", twin["id"]: "cancelled"}
    assert lab.plan().empty


# --- what is superseded, cancelled or failed


def until_training(lab) -> None:
    """Apply in short runs until a job is on its way."""
    for _ in range(200):
        if recipes(lab, "pending", "running"):
            return
        lab.apply(wait=15.0)
    raise AssertionError("no job was begun")


def test_a_superseded_job_is_cancelled_before_its_successor_is_waited_for(lab):
    until_training(lab)
    (old,) = lab.stored("job")
    lab.data("train", examples(13))
    patiently(lab)
    told = {job["id"]: status(lab, job) for job in lab.stored("job")}
    assert told.pop(old["id"]) == "cancelled"
    assert list(told.values()) == ["succeeded"]
    assert lab.plan().empty


def test_a_job_that_ends_while_it_is_being_cancelled_is_no_error(lab):
    until_training(lab)
    lab.data("train", examples(13))
    lab.azure.faults.append(
        lambda request, route: lab.clock.advance(36_000) if route.name == CANCEL else None  # it succeeds just now
    )
    assert lab.apply().exit is Exit.DONE
    assert sorted(status(lab, job) for job in lab.stored("job")) == ["succeeded", "succeeded"]
    lab.azure.faults.clear()
    assert lab.plan().empty


def test_a_lost_reply_to_a_cancellation_is_no_error(lab):
    until_training(lab)
    lab.data("train", examples(13))
    assert once(lab, Fault("lose", after=True), CANCEL) == []
    assert lab.apply().exit is Exit.DONE
    assert sorted(status(lab, job) for job in lab.stored("job")) == ["cancelled", "succeeded"]


def test_a_job_cancelled_by_hand_is_trained_again_only_where_that_is_asked_for(lab):
    cancelled = []

    def interfere(event):
        if event.address.kind == "job" and event.stage is Stage.PROGRESS and not cancelled:
            cancelled.append(event)
            cancel_by_hand(lab)

    report = lab.apply(emit=interfere)
    assert report.exit is Exit.PARTIAL
    assert [one.problem.code for one in report.outcomes if one.problem] == ["FT3241"]
    for _ in range(2):
        assert refused(lab.apply) == ["FT3240"]
    assert len(lab.jobs()) == 1
    again = {"retry": [Address("job", "tone")]}
    assert actions(lab.plan(**again)) == {"job/tone": "create", "deployment/prod": "create"}
    assert lab.plan(**again).estimate().cost.high > 0
    assert lab.apply(**again).exit is Exit.DONE
    assert sorted(status(lab, job) for job in lab.stored("job")) == ["cancelled", "succeeded"]
    assert_converged(lab)


def test_a_superseded_job_that_ftctl_cancelled_blocks_its_recipe_too_when_that_comes_back(lab):
    until_training(lab)
    lab.data("train", examples(13))
    assert lab.apply().exit is Exit.DONE
    lab.data("train", examples())
    (problem,) = lab.plan().problems
    assert problem.code == "FT3240"
    assert "Azure does not say who" in problem.why
    assert len(lab.jobs()) == 2


def test_what_was_cancelled_beside_a_live_twin_is_no_obstacle(lab):
    until_training(lab)
    (job,) = lab.stored("job")
    cancel_by_hand(lab)
    twin = {**lab.stored("job")[0], "id": "ftjob-" + "0" * 32, "created_at": job["created_at"] - 1}
    twin = {name: value for name, value in twin.items() if name not in {"_cancelled", "_placed"}}
    lab.azure.store.put("job", twin["id"], twin, parent=twin["_account"])
    assert actions(lab.plan())["job/tone"] == "wait"


def test_a_failed_job_blocks_until_it_is_retried_or_the_spec_changes(lab):
    failing(lab)
    report = lab.apply()
    assert [outcome.problem.code for outcome in report.outcomes if outcome.problem] == ["FT3201"]
    assert [status(lab, job) for job in lab.stored("job")] == ["failed"]
    lab.azure.faults.clear()
    assert [problem.code for problem in lab.plan().problems] == ["FT3004"]
    with pytest.raises(FtctlError) as blocked:
        lab.apply()
    assert blocked.value.exit is Exit.BLOCKED
    assert refused(lab.apply) == ["FT3004"]
    assert len(lab.stored("job")) == 1
    again = {"retry": [Address("job", "tone")]}
    assert actions(lab.plan(**again)) == {"job/tone": "create", "deployment/prod": "create"}
    assert lab.apply(**again).exit is Exit.DONE
    assert sorted(status(lab, job) for job in lab.stored("job")) == ["failed", "succeeded"]
    assert lab.plan().empty
    assert lab.plan(**again).empty  # what has succeeded is not retried


def test_a_failed_job_is_left_behind_by_another_recipe(lab):
    failing(lab)
    lab.apply()
    lab.azure.faults.clear()
    lab.spec["jobs"]["tone"]["seed"] = 106
    assert lab.apply().exit is Exit.DONE
    assert sorted(status(lab, job) for job in lab.stored("job")) == ["failed", "succeeded"]
