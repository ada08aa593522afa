"""Sweeps: each combination is trained once, so many at once, and what refers to the sweep gets the best of them."""

from __future__ import annotations

from copy import deepcopy
from itertools import count, cycle
from types import SimpleNamespace

import pytest

from ftctl.core.clock import ManualClock
from ftctl.core.errors import Exit, FtctlError, Severity
from ftctl.core.events import Stage
from ftctl.core.model import Address, Health
from ftctl.engine.execute import Stop
from ftctl.local import identity, jobs, jobstate
from ftctl.local.azure import Azure, Settings
from ftctl.render.look import Look
from ftctl.render.report import report_text
from ftctl.render.status import status_json, status_text

from .conftest import Lab, actions, examples, refused
from .ending import assert_converged, failing, patiently, recipes
from .test_checkpoints import change
from .test_killed import PACE, WAYS, Cut, killed

LOSS = "full_valid_loss"
ONE, TWO, FOUR = (f"job/tone:n_epochs={n}" for n in (1, 2, 4))


def sweep(lab, *, pick: dict | None = None, **more) -> None:
    """Make the lab's job a sweep over its epochs; `more` are the job's keys."""
    job = lab.spec["jobs"]["tone"]
    job.pop("hyperparameters", None)
    job |= {"matrix": {"n_epochs": [1, 2, 4]}, "pick": pick or {"metric": LOSS}, **more}


@pytest.fixture
def swept(lab):
    sweep(lab)
    return lab


def results(report) -> dict[str, str]:
    return {str(outcome.address): str(outcome.result) for outcome in report.outcomes}


def ranking(lab) -> list[dict]:
    return change(lab.plan(), "pick/tone").live.outputs["ranking"]


def epochs(lab) -> dict[int, dict]:
    """The live jobs by their epochs."""
    found = [jobstate.present(lab.azure, job) for job in lab.stored("job")]
    return {job["method"]["supervised"]["hyperparameters"]["n_epochs"]: job for job in found}


def most_at_once(lab) -> int:
    """How many jobs were under way at one time; an end and a beginning in the same second do not overlap."""
    found = [jobstate.present(lab.azure, job) for job in lab.stored("job")]
    return max(sum(one["created_at"] <= job["created_at"] < one["finished_at"] for one in found) for job in found)


def unmeasured(lab, job: dict, monkeypatch) -> None:
    """Let the results of a job be gone, and its checkpoints not be listed."""

    def blank(body, done):
        return [] if body["id"] == job["id"] else jobstate.checkpoints(body, done)

    monkeypatch.setattr(jobs, "jobstate", but(checkpoints=blank))
    with lab.clients() as clients:
        (account,) = clients.arm.list_accounts(identity.SUBSCRIPTION_ID)
        for file in job["result_files"]:
            clients.data(account["properties"]["endpoint"]).delete_file(file)


def but(**more) -> SimpleNamespace:
    """What the local Azure knows of jobs, but for some of it."""
    return SimpleNamespace(**vars(jobstate) | more)


# --- what it is


def test_each_combination_is_a_job_and_the_best_serves(swept):
    plan = swept.plan()
    trained = [str(one.address) for one in plan.trainings]
    assert trained == [ONE, TWO, FOUR]
    assert change(plan, "pick/tone").action == "judge"
    assert [str(a) for a in change(plan, ONE).affects] == ["pick/tone", "deployment/prod"]
    assert str(change(plan, "deployment/prod").after["model"]) == "(known after pick/tone)"
    report = swept.apply()
    assert report.exit is Exit.DONE
    assert len(swept.jobs()) == 3
    best = min(ranking(swept), key=lambda one: one["value"])
    assert (best["name"], best["picked"]) == ("n_epochs=4", True)
    assert swept.served_model() == epochs(swept)[4]["fine_tuned_model"]
    (picked,) = [one for one in report.outcomes if one.address.kind == "pick"]
    assert picked.text == f"picked n_epochs=4, {LOSS} {best['value']:.6g}"
    assert "system" not in picked.outputs  # it is training data
    assert_converged(swept)
    swept.apply()
    assert len(swept.jobs()) == 3


def test_the_plan_that_would_serve_the_winner_names_it_and_the_next(swept):
    swept.spec["deployments"] = {}
    swept.apply()
    swept.spec["deployments"] = {"prod": {"model": {"job": "tone"}}}
    plan = swept.plan()
    assert actions(plan) == {"deployment/prod": "create"}
    first, second, third = ranking(swept)
    assert change(plan, "deployment/prod").because == (
        f"picked n_epochs=4, {LOSS} {first['value']:.6g}",
        f"next best {second['name']} with {second['value']:.6g}, {third['name']} with {third['value']:.6g}",
    )


def test_a_single_job_becomes_a_sweep_and_a_job_again_and_pays_for_what_is_new(lab):
    lab.apply()  # two epochs
    single = deepcopy(lab.spec["jobs"]["tone"])
    sweep(lab)
    assert [str(one.address) for one in lab.plan().trainings] == [ONE, FOUR]
    assert lab.apply().exit is Exit.DONE
    assert len(lab.jobs()) == 3
    lab.spec["jobs"]["tone"] = single
    plan = lab.plan()
    assert actions(plan) == {"deployment/prod": "update"}
    assert lab.apply().exit is Exit.DONE
    assert lab.served_model() == epochs(lab)[2]["fine_tuned_model"]
    sweep(lab)
    assert lab.apply().exit is Exit.DONE
    assert len(lab.jobs()) == 3
    assert_converged(lab)


def test_every_member_has_the_recipe_of_the_job_written_by_hand(lab):
    hand = []
    job = lab.spec["jobs"]["tone"]
    for seed in (1, 2):
        for rate in (0.5, 1.0):
            job |= {"seed": seed, "hyperparameters": {"batch_size": 4, "learning_rate_multiplier": rate}}
            hand.append(change(lab.plan(), "job/tone").key)
    job.pop("seed")
    job |= {
        "hyperparameters": {"batch_size": 4},
        "matrix": {"learning_rate_multiplier": [0.5, 1], "seed": [1, 2]},
        "pick": {"metric": LOSS},
    }
    found = [one for one in lab.plan().changes if one.kind == "job"]
    assert [str(one.address) for one in found] == [
        "job/tone:seed=1:learning_rate_multiplier=0.5",
        "job/tone:seed=1:learning_rate_multiplier=1",
        "job/tone:seed=2:learning_rate_multiplier=0.5",
        "job/tone:seed=2:learning_rate_multiplier=1",
    ]
    assert [one.key for one in found] == hand


def test_a_sweep_over_models_needs_no_other(lab):
    job = lab.spec["jobs"]["tone"]
    del job["model"]
    job |= {"matrix": {"model": ["gpt-4.1-mini-2025-04-14", "gpt-4.1-nano-2025-04-14"]}, "pick": {"metric": LOSS}}
    assert lab.apply().exit is Exit.DONE
    assert len({one["model"] for one in lab.stored("job")}) == 2
    assert_converged(lab)


def test_a_new_recipe_is_told_against_the_job_of_the_same_place(swept):
    swept.apply()
    swept.data("train", examples(12, "plotter"))
    plan = swept.plan()
    for address in (ONE, TWO, FOUR):
        assert [field.path for field in change(plan, address).fields] == ["training"]
    swept.spec["jobs"]["tone"]["matrix"]["n_epochs"] = [1, 3]
    assert change(swept.plan(), "job/tone:n_epochs=3").fields == ()  # its siblings are no predecessors


def test_a_value_taken_out_is_superseded_only_while_it_runs(swept):
    swept.apply(wait=0.0)
    patiently_files(swept)
    running = [job for job in epochs(swept).values() if job["status"] != "succeeded"]
    assert running
    swept.spec["jobs"]["tone"]["matrix"]["n_epochs"] = [1, 2]
    plan = swept.plan()
    gone = [one for one in plan.changes if one.action == "delete"]
    assert [one.live.id for one in gone] == [epochs(swept)[4]["id"]]
    swept.apply()
    swept.spec["jobs"]["tone"]["matrix"]["n_epochs"] = [1]
    assert [one for one in swept.plan().changes if one.action == "delete"] == []


def patiently_files(lab) -> None:
    """Apply without waiting until the jobs are there."""
    for _ in range(6):
        lab.clock.advance(30)
        lab.apply(wait=20.0)
        if lab.stored("job"):
            return
    raise AssertionError("no job was begun")


# --- which is picked


@pytest.mark.parametrize(
    ("pick", "best"),
    [
        ({"metric": "train_loss", "goal": "min"}, min),
        ({"metric": "full_valid_mean_token_accuracy"}, max),
        ({"metric": "reasoning_tokens_mean", "goal": "max"}, None),
    ],
)
def test_other_metrics_and_goals(lab, pick, best):
    sweep(lab, pick=pick)
    report = lab.apply()
    assert report.exit is (Exit.DONE if best else Exit.GATE)
    if best:
        found = ranking(lab)
        assert found[0]["value"] == best(one["value"] for one in found)
        assert [one["picked"] for one in found] == [True, False, False]


def test_of_equals_the_cheapest_and_then_the_first(lab):
    job = lab.spec["jobs"]["tone"]
    job.pop("seed")
    sweep(lab, pick={"metric": "overfit_ratio", "goal": "min", "checkpoint": "best"})
    job["matrix"] = {"seed": [3, 1, 2], "n_epochs": [2, 1]}
    assert lab.apply().exit is Exit.DONE
    found = ranking(lab)
    assert {one["value"] for one in found} == {1.0}
    assert found[0]["name"] == "seed=3:n_epochs=1"
    assert [one["tokens"] for one in found] == sorted(one["tokens"] for one in found)


def test_a_metric_that_one_of_them_lacks_leaves_what_serves(lab, monkeypatch):
    lab.apply()
    serving = lab.served_model()
    deployments = lab.spec["deployments"]
    lab.spec["deployments"] = {"prod": {"model": {"name": serving, "version": "1"}, "capacity": 50}}
    sweep(lab)
    lab.apply()
    lab.spec["deployments"] = deployments | {"base": {"model": {"name": "gpt-4.1-mini", "version": "2025-04-14"}}}
    lab.clock.advance(3600)
    unmeasured(lab, epochs(lab)[1], monkeypatch)
    plan = lab.plan()
    (problem,) = plan.problems
    assert problem.code == "FT3250"
    assert problem.what == f"{LOSS} was not measured for 1 of 3 jobs of job/tone: n_epochs=1"
    assert problem.where.line
    assert actions(plan) == {"pick/tone": "blocked", "deployment/prod": "blocked", "deployment/base": "create"}
    report = lab.apply()
    assert report.exit is Exit.GATE
    assert results(report) == {
        "pick/tone": "failed", "deployment/prod": "not attempted", "deployment/base": "done",
    }  # fmt: skip
    shown = report_text("tone", report, Look(width=100), resume="").splitlines()
    assert [line.split()[:2] for line in shown if line.startswith("      n_epochs=")][-1] == ["n_epochs=1", "–"]
    assert lab.served_model() == serving
    lab.spec["jobs"]["tone"]["matrix"]["n_epochs"] = [2, 4]
    assert lab.apply().exit is Exit.DONE
    assert lab.served_model() == epochs(lab)[4]["fine_tuned_model"]


def test_results_that_come_late_are_waited_for(swept, monkeypatch):
    def later(job, done):
        late = swept.clock.now().timestamp() < job.get("finished_at", 0) + 180
        return [] if late else jobstate.checkpoints(job, done)

    swept.spec["jobs"]["tone"]["pick"]["checkpoint"] = "best"
    monkeypatch.setattr(jobs, "jobstate", but(checkpoints=later))
    report = swept.apply()
    monkeypatch.undo()
    assert report.exit is Exit.DONE
    assert [one.seconds >= 120 for one in report.outcomes if one.address.kind == "pick"] == [True]
    assert swept.plan().empty


def test_gates_and_the_checkpoint_are_those_of_the_winner(swept):
    swept.spec["jobs"]["tone"]["gates"] = [{"metric": LOSS, "max": 0.001}]
    swept.spec["deployments"]["prod"]["model"]["checkpoint"] = "best"
    report = swept.apply()
    assert report.exit is Exit.GATE
    (judged,) = [one for one in report.outcomes if one.address.kind == "gate"]
    (condition,) = judged.outputs["conditions"]
    assert condition["value"] == pytest.approx(min(one["value"] for one in ranking(swept)))
    assert results(report)["pick/tone"] == "done"
    swept.spec["jobs"]["tone"]["gates"] = [{"metric": LOSS, "max": 50}]
    assert swept.apply().exit is Exit.DONE
    assert swept.served_model().startswith(epochs(swept)[4]["fine_tuned_model"])
    assert_converged(swept)


def test_a_smoke_test_asks_with_the_system_message_of_the_training(swept):
    swept.spec["deployments"]["prod"]["smokeTest"] = {"user": "Hello?", "system": "from-training"}
    assert swept.apply().exit is Exit.DONE
    assert_converged(swept)


# --- failures


def fail(lab, n: int) -> None:
    """Let the job of so many epochs fail of its data."""

    def spoil(_request, _route):
        for job in lab.stored("job"):
            shown = jobstate.present(lab.azure, job)
            mine = shown["method"]["supervised"]["hyperparameters"]["n_epochs"] == n
            if mine and shown["status"] == "pending" and "_failure" not in job:
                why = {"kind": "format", "code": "jsonlValidationFailed", "message": "Line 3 is odd.", "param": "x"}
                lab.azure.store.put("job", job["id"], job | {"_failure": why}, parent=job["_account"])

    lab.azure.faults.append(spoil)


def test_one_that_fails_keeps_the_pick_from_being_made_and_the_others_train_on(swept):
    swept.spec["jobs"]["tone"]["maxParallel"] = 1
    fail(swept, 2)
    report = swept.apply()
    assert results(report) == results(report) | {
        ONE: "done", TWO: "failed", FOUR: "done", "pick/tone": "not attempted", "deployment/prod": "not attempted",
    }  # fmt: skip
    swept.azure.faults.clear()
    plan = swept.plan()
    (problem,) = plan.problems
    assert (problem.code, problem.subject or TWO) == ("FT3004", TWO)
    assert f"--retry {TWO}" in problem.fix
    assert refused(swept.apply) == ["FT3004"]
    for asked in (Address.parse(TWO), Address("job", "tone")):
        assert [str(one.address) for one in swept.plan(retry=[asked]).trainings] == [TWO]
    swept.spec["jobs"]["tone"]["matrix"]["n_epochs"] = [1, 4]  # or without it
    assert swept.apply().exit is Exit.DONE
    assert len(swept.jobs()) == 3
    swept.spec["jobs"]["tone"]["matrix"]["n_epochs"] = [1, 2, 4]
    assert swept.apply(retry=[Address.parse(TWO)]).exit is Exit.DONE
    assert len(swept.jobs()) == 4
    assert_converged(swept)


def test_declared_retries_are_for_each_of_them(swept):
    swept.spec["jobs"]["tone"]["onFailure"] = {"retry": 1}
    fail(swept, 4)
    swept.apply()
    swept.azure.faults.clear()
    assert [str(one.address) for one in swept.plan().trainings] == [FOUR]
    assert swept.apply().exit is Exit.DONE
    assert len(swept.jobs()) == 4


def test_what_serves_stays_while_a_larger_sweep_is_half_done(swept):
    swept.apply()
    serving = swept.served_model()
    swept.spec["jobs"]["tone"]["matrix"]["n_epochs"] = [1, 2, 4, 5]
    report = swept.apply(wait=30.0)
    assert report.exit is Exit.PENDING
    assert swept.served_model() == serving
    assert actions(swept.plan())["pick/tone"] == "judge"
    patiently(swept)
    assert len(swept.jobs()) == 4
    assert_converged(swept)


# --- so many at once


def test_no_more_train_at_once_than_may(lab):
    sweep(lab, matrix={"n_epochs": [1, 2, 3, 4, 5]}, maxParallel=2)
    assert lab.apply().exit is Exit.DONE
    assert most_at_once(lab) == 2
    assert len(lab.jobs()) == 5


def test_without_a_bound_all_train_at_once(lab):
    sweep(lab, matrix={"n_epochs": [1, 2, 3]})
    lab.apply()
    assert most_at_once(lab) == 3


def test_the_rest_waits_for_a_place_in_a_later_run_that_counts_what_runs(lab):
    sweep(lab, matrix={"n_epochs": [1, 2, 3, 4]}, maxParallel=2)
    lab.spec["jobs"]["tone"]["matrix"]["n_epochs"] = [4]
    lab.apply(wait=0.0)
    patiently_files(lab)
    lab.spec["jobs"]["tone"]["matrix"]["n_epochs"] = [1, 2, 3, 4]
    report = lab.apply(wait=0.0)
    assert report.exit is Exit.PENDING
    assert len(lab.jobs()) == 2  # the last of them ran already
    told = {str(one.address): one.text for one in report.outcomes}
    assert told[TWO] == told["job/tone:n_epochs=3"] == "waits for a place: 2 of job/tone train at once"
    assert "2 of job/tone train at once" in report_text("tone", report, Look(width=100), resume="x")
    patiently(lab)
    assert most_at_once(lab) == 2
    assert len(lab.jobs()) == 4
    assert_converged(lab)


def test_one_at_a_time(lab):
    sweep(lab, maxParallel=1)
    assert lab.apply().exit is Exit.DONE
    assert most_at_once(lab) == 1


# --- money


def test_a_budget_is_for_all_that_is_still_to_be_paid(swept):
    costs = {str(one.address): one.estimate.cost.high for one in swept.plan().trainings}
    swept.spec["jobs"]["tone"]["maxCost"] = sum(costs.values()) - 1e-9
    (problem,) = swept.plan().problems
    assert problem.code == "FT3020"
    assert "training job/tone:n_epochs=1, job/tone:n_epochs=2, job/tone:n_epochs=4 could cost" in problem.what
    assert "`maxCost` allows" in problem.what
    assert "maxCost" in (swept.folder / "stack.yaml").read_text().splitlines()[problem.where.line - 1]
    assert refused(swept.apply) == ["FT3020"]
    assert swept.jobs() == []
    swept.spec["jobs"]["tone"]["maxCost"] = sum(costs.values())
    assert swept.apply().exit is Exit.DONE
    swept.spec["jobs"]["tone"]["matrix"]["n_epochs"].append(3)
    swept.spec["jobs"]["tone"]["maxCost"] = costs[FOUR]  # what is paid for already does not count
    assert swept.plan().problems == ()


# --- going on from a sweep


def continued(lab) -> None:
    lab.spec["jobs"]["next"] = {"model": {"job": "tone"}, "training": "valid", "hyperparameters": {"n_epochs": 1}}
    lab.spec["deployments"]["prod"]["model"]["job"] = "next"


def test_training_goes_on_from_the_winner(swept):
    continued(swept)
    plan = swept.plan()
    further = change(plan, "job/next")
    assert further.action == "create"
    assert further.reason.value.startswith("cannot be looked for yet")
    assert further.estimate.cost
    assert swept.apply().exit is Exit.DONE
    assert len(swept.jobs()) == 4
    (job,) = [one for one in swept.stored("job") if one["suffix"].startswith("next-")]
    assert job["model"] == epochs(swept)[4]["fine_tuned_model"]
    assert_converged(swept)
    job = swept.spec["jobs"]["tone"]
    job["hyperparameters"] = {"n_epochs": 4}
    del job["matrix"], job["pick"]
    assert swept.plan().empty  # the winner by hand


def test_a_job_that_goes_on_from_the_winner_is_not_cancelled_while_it_is_not_known_who_wins(swept):
    swept.apply()
    continued(swept)
    swept.apply(wait=20.0)
    assert len(swept.jobs()) == 4
    swept.spec["jobs"]["tone"]["matrix"]["n_epochs"] = [1, 2, 3, 4]
    plan = swept.plan()
    assert [one for one in plan.changes if one.action == "delete"] == []
    assert change(plan, "job/next").reason.value.startswith("cannot be looked for yet")
    patiently(swept)
    assert len(swept.jobs()) == 5  # four epochs still win, and what goes on from them is used
    assert_converged(swept)


def test_a_sweep_of_jobs_that_go_on_from_a_sweep(swept):
    swept.spec["jobs"]["tone"]["matrix"]["n_epochs"] = [1, 2]
    continued(swept)
    job = swept.spec["jobs"]["next"]
    del job["hyperparameters"]
    job |= {"validation": "train", "matrix": {"n_epochs": [1, 2]}, "pick": {"metric": LOSS}}
    assert swept.apply().exit is Exit.DONE
    assert len(swept.jobs()) == 4
    assert_converged(swept)


# --- interruptions


@pytest.fixture
def fresh(tmp_path):
    def make():
        clock = ManualClock()
        azure = Azure(None, clock=clock, settings=Settings(pace=PACE))
        return azure, azure.serve(), clock

    def lab():
        azure, serving, clock = make()
        with serving as served:
            made = Lab(tmp_path, azure, served, clock)
            sweep(made, matrix={"n_epochs": [1, 2]}, maxParallel=1)
            yield made
        azure.close()

    return lab


def test_killed_at_any_call_nothing_is_paid_for_twice(fresh):
    """From the first job on, as what comes before is as in any stack; cut off before and after the work in turn."""
    for at, way in zip(count(26, 3), cycle(WAYS), strict=False):
        for lab in fresh():
            ended = killed(lab, lab.apply, Cut(at, WAYS[way]))
            patiently(lab)
            assert len(lab.stored("job")) == 2, f"killed {way} the work of call {at}"
            assert_converged(lab)
        if ended:
            break
    assert at > 30


def test_stopped_in_the_middle_the_next_run_goes_on(lab):
    sweep(lab, maxParallel=1)
    stop = Stop()

    def until_one_is_done(event):
        if event.address == Address.parse(ONE) and event.stage is Stage.DONE:
            stop.set()

    assert lab.apply(stop=stop, emit=until_one_is_done).interrupted
    assert len(lab.jobs()) <= 2
    patiently(lab)
    assert len(lab.jobs()) == 3
    assert max(recipes(lab, "succeeded").values()) == 1


def test_a_sweep_that_failed_altogether_and_is_destroyed(swept):
    failing(swept)
    swept.apply()
    swept.azure.faults.clear()
    assert swept.destroy().exit is Exit.DONE
    assert swept.stored("account") == []


# --- reads


def test_a_plan_of_a_judged_sweep_only_reads(swept):
    swept.apply()
    before = len(swept.azure.calls)
    assert swept.plan().empty
    assert {call.method for call in list(swept.azure.calls)[before:] if call.plane != "entra"} == {"GET"}


def test_status_shows_the_pick(swept):
    assert "pick: lowest full_valid_loss" in status_text(swept.plan(), Look(width=200))
    swept.apply()
    assert "picked n_epochs=4, full_valid_loss" in status_text(swept.plan(), Look(width=200))
    (row,) = [one for one in status_json(swept.plan())["resources"] if one["kind"] == "pick"]
    assert (row["health"], row["outputs"]["picked"]) == (Health.READY.value, FOUR)
    assert len(row["outputs"]["ranking"]) == 3


def test_a_sweep_that_is_referred_to_says_which_is_meant(swept):
    del swept.spec["jobs"]["tone"]["pick"]
    with pytest.raises(FtctlError) as caught:
        swept.plan()
    (problem,) = [one for one in caught.value.problems if one.severity is Severity.ERROR]
    assert (problem.code, problem.what.partition(",")[0]) == ("FT1415", "deployment/prod refers to job/tone")
    swept.spec["deployments"] = {}
    assert [str(one.address) for one in swept.plan().trainings] == [ONE, TWO, FOUR]


def test_a_problem_of_a_member_is_told_at_its_value_and_once(lab):
    sweep(lab, matrix={"n_epochs": [1, 2], "model": ["gpt-4.1-mini-2025-04-14"]})
    del lab.spec["jobs"]["tone"]["model"]
    stack = lab.stack()
    lines = (lab.folder / "stack.yaml").read_text().splitlines()
    for value in ("1", "2"):
        member = stack.resource(Address("job", f"tone:model=gpt-4.1-mini-2025-04-14:n_epochs={value}"))
        for place in (member.where, member.place("hyperparameters.n_epochs")):
            assert lines[place.line - 1][place.column - 1 :] == value
        model = member.place("model")
        assert "gpt-4.1-mini" in lines[model.line - 1]
    told = [(one.where, one.code, one.what) for one in stack.warnings]
    assert len(told) == len(set(told)) > 0


def test_a_member_taken_out_is_cancelled_though_another_job_goes_on_from_the_winner(swept):
    continued(swept)
    swept.apply(wait=0.0)
    patiently_files(swept)
    swept.spec["jobs"]["tone"]["matrix"]["n_epochs"] = [1, 2]
    assert [one.live.id for one in swept.plan().changes if one.action == "delete"] == [epochs(swept)[4]["id"]]
