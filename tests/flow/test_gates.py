"""Gates between a job and what serves its model: judged once the job is done, in this run or in one before."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest

from ftctl.catalog.clouds import Identity
from ftctl.core.errors import Exit, FtctlError
from ftctl.core.events import Stage
from ftctl.engine.execute import Stop
from ftctl.local import identity, jobs, jobstate
from ftctl.render.look import Look
from ftctl.render.report import report_text
from ftctl.render.status import status_json, status_text

from .conftest import actions, examples
from .ending import assert_converged, patiently
from .test_checkpoints import change, checkpoints, named, overfitting, routes, wants

__all__ = ["overfitting"]  # a fixture

LOSS = "full_valid_loss"


def gates(lab, *declared: dict) -> None:
    lab.spec["jobs"]["tone"]["gates"] = list(declared)


def another_recipe(lab) -> None:
    lab.spec["jobs"]["tone"]["seed"] = lab.spec["jobs"]["tone"]["seed"] + 1


def with_a_branch(lab) -> None:
    """Something that has nothing to do with the job."""
    lab.spec["deployments"]["base"] = {"model": {"name": "gpt-4.1-mini", "version": "2025-04-14"}}


def results(report) -> dict[str, str]:
    return {str(outcome.address): str(outcome.result) for outcome in report.outcomes}


def failed(report):
    (outcome,) = [outcome for outcome in report.outcomes if outcome.problem]
    return outcome


def loss(lab, step: int = 0) -> float:
    found = checkpoints(lab)
    return found[step or max(found)]["metrics"][LOSS]


# --- passing


def test_a_gate_is_a_condition_of_the_plan_and_a_number_of_the_result(lab):
    gates(lab, {"metric": LOSS, "max": 50}, {"metric": "full_valid_mean_token_accuracy", "min": 0.01})
    plan = lab.plan()
    gate = change(plan, "gate/prod")
    assert gate.action == "judge"
    assert gate.because == ("gate: full_valid_loss at most 50", "gate: full_valid_mean_token_accuracy at least 0.01")
    assert [str(address) for address in gate.affects] == ["deployment/prod"]
    assert str(change(plan, "deployment/prod").after["model"]) == "(known after job/tone)"
    report = lab.apply()
    assert report.exit is Exit.DONE
    (judged,) = [outcome for outcome in report.outcomes if outcome.address.kind == "gate"]
    first, second = judged.outputs["conditions"]
    told = f"full_valid_loss at most 50: it is {loss(lab):.6g}"
    assert first == {"condition": "full_valid_loss at most 50", "value": loss(lab), "passed": True, "told": told}
    assert second["passed"]
    assert judged.text.startswith("last: step ")
    assert told in report_text("tone", report, Look(width=200), resume="")
    assert ":ckpt" not in lab.served_model()
    assert lab.plan().empty


def test_a_gate_judges_a_job_of_an_earlier_run_when_it_is_planned(lab):
    lab.apply(wait=3600.0 * 24)
    lab.spec["deployments"]["second"] = {"model": {"job": "tone"}}
    gates(lab, {"metric": LOSS, "max": 50})
    plan = lab.plan()
    assert actions(plan) == {"deployment/second": "create"}
    told = change(plan, "deployment/second").because
    assert told[1] == f"gate passed: full_valid_loss at most 50: it is {loss(lab):.6g}"
    assert lab.apply().exit is Exit.DONE
    assert len(lab.jobs()) == 1
    assert lab.plan().empty


def test_a_plan_binds_the_thresholds_that_were_reviewed(lab):
    gates(lab, {"metric": LOSS, "max": 50})
    one = lab.plan().digest()
    gates(lab, {"metric": LOSS, "max": 60})
    assert lab.plan().digest() != one


# --- refusing


def test_a_refused_first_model_is_not_deployed_and_other_branches_finish(lab):
    with_a_branch(lab)
    gates(lab, {"metric": LOSS, "max": 0.001})
    report = lab.apply()
    assert report.exit is Exit.GATE
    outcome = failed(report)
    assert (str(outcome.address), outcome.problem.code) == ("gate/prod", "FT3230")
    assert f"full_valid_loss at most 0.001: it is {loss(lab):.6g}" in outcome.problem.what
    assert outcome.problem.where.line
    assert outcome.outputs["conditions"][0]["passed"] is False
    assert results(report)["deployment/prod"] == "not attempted"
    assert results(report)["deployment/base"] == "done"
    assert [body["name"] for body in lab.stored("deployment")] == ["base"]


def test_the_next_plan_is_blocked_by_the_gate_with_its_numbers(lab):
    gates(lab, {"metric": LOSS, "max": 0.001})
    lab.apply()
    with_a_branch(lab)
    plan = lab.plan()
    assert actions(plan) == {"gate/prod": "blocked", "deployment/prod": "blocked", "deployment/base": "create"}
    (problem,) = plan.problems
    assert (problem.code, FtctlError(problem).exit) == ("FT3230", Exit.GATE)
    assert f"it is {loss(lab):.6g}" in problem.what
    assert "loosen the gate" in problem.fix
    assert f"gate refuses: full_valid_loss at most 0.001: it is {loss(lab):.6g}" in change(plan, "gate/prod").because
    report = lab.apply()
    assert report.exit is Exit.GATE
    assert results(report) == {
        "gate/prod": "failed", "deployment/prod": "not attempted", "deployment/base": "done",
    }  # fmt: skip
    assert [body["name"] for body in lab.stored("deployment")] == ["base"]
    gates(lab, {"metric": LOSS, "max": 50})
    assert lab.apply().exit is Exit.DONE
    assert len(lab.jobs()) == 1
    assert_converged(lab)


def test_a_refused_model_leaves_the_old_one_serving(lab):
    lab.apply()
    serving = lab.served_model()
    lab.spec["deployments"]["prod"]["capacity"] = 70
    another_recipe(lab)
    gates(lab, {"metric": LOSS, "max": 0.001})
    before = [body for body in lab.stored("deployment") if body["name"] == "prod"]
    report = lab.apply()
    assert report.exit is Exit.GATE
    assert lab.served_model() == serving
    assert lab.apply().exit is Exit.GATE
    assert [body for body in lab.stored("deployment") if body["name"] == "prod"] == before
    assert len(lab.jobs()) == 2
    held = change(lab.plan(), "deployment/prod")
    assert (held.action, held.reason.value) == ("blocked", "is held back by its gate")
    assert {field.path for field in held.fields} == {"model", "capacity"}


def test_a_gate_that_is_tightened_refuses_what_serves_and_leaves_it(lab):
    gates(lab, {"metric": LOSS, "max": 50})
    lab.apply()
    serving = lab.served_model()
    gates(lab, {"metric": LOSS, "max": 0.001})
    plan = lab.plan()
    assert actions(plan) == {"gate/prod": "blocked"}
    assert lab.apply().exit is Exit.GATE
    assert lab.served_model() == serving


def test_a_refused_stack_can_be_destroyed(lab):
    gates(lab, {"metric": LOSS, "max": 0.001})
    lab.apply()
    assert lab.destroy().exit is Exit.DONE
    assert lab.stored("account") == []


def test_a_metric_that_was_not_measured_refuses_after_a_while(lab):
    """For ten minutes it may still be on its way."""
    gates(lab, {"metric": "reasoning_tokens_mean", "max": 50})
    report = lab.apply()
    assert report.exit is Exit.GATE
    assert "reasoning_tokens_mean at most 50: not measured at step" in failed(report).problem.what
    assert failed(report).seconds >= 10 * 60


def test_results_that_come_late_are_waited_for(lab, monkeypatch):
    """The service lists checkpoints some minutes after it calls a job succeeded."""
    gates(lab, {"metric": LOSS, "max": 50})
    wants(lab, "best")

    def later(job, done):
        late = lab.clock.now().timestamp() < job.get("finished_at", 0) + 180
        return [] if late else jobstate.checkpoints(job, done)

    monkeypatch.setattr(jobs, "jobstate", SimpleNamespace(**vars(jobstate) | {"checkpoints": later}))
    report = lab.apply()
    monkeypatch.undo()
    assert report.exit is Exit.DONE
    assert [one.seconds >= 120 for one in report.outcomes if one.address.kind == "gate"] == [True]
    assert lab.plan().empty


# --- overfitting, and the checkpoint that is judged


def test_the_overfit_ratio_is_that_of_the_checkpoint_that_would_serve(overfitting):
    lab = overfitting
    gates(lab, {"metric": "overfit_ratio", "max": 1.0001})
    report = lab.apply()
    assert report.exit is Exit.GATE
    value = failed(report).outputs["conditions"][0]["value"]
    lowest = loss(lab) / value
    assert value > 1.01
    assert lowest < min(one["metrics"][LOSS] for one in checkpoints(lab).values())  # a step that is no longer kept
    wants(lab, "best")
    plan = lab.plan()
    best = min(checkpoints(lab).values(), key=lambda one: one["metrics"][LOSS])
    (problem,) = plan.problems
    assert f"it is {best['metrics'][LOSS] / lowest:.6g}" in problem.what
    gates(lab, {"metric": "overfit_ratio", "max": value - 0.00001})
    assert lab.apply().exit is Exit.DONE
    assert lab.served_model() == named(lab, best["step_number"])
    assert lab.plan().empty


def test_two_deployments_of_one_job_are_judged_by_their_own_checkpoints(overfitting):
    lab = overfitting
    wants(lab, "best")
    lab.apply()
    losses = sorted(one["metrics"][LOSS] for one in checkpoints(lab).values())
    gates(lab, {"metric": LOSS, "max": (losses[0] + losses[1]) / 2})
    lab.spec["deployments"]["last"] = {"model": {"job": "tone"}}
    assert actions(lab.plan()) == {"gate/last": "blocked", "deployment/last": "blocked"}


# --- improvement over what serves


def improved(**more) -> dict:
    return {"improvement": {"metric": LOSS, "over": "serving", **more}}


def test_an_improvement_is_measured_against_the_model_that_serves(lab):
    gates(lab, improved())
    assert lab.apply().exit is Exit.DONE  # nothing served
    before, serving = loss(lab), lab.served_model()
    assert lab.plan().empty
    another_recipe(lab)
    lab.spec["jobs"]["tone"]["hyperparameters"] = {"n_epochs": 1, "learning_rate_multiplier": 0.1}
    lab.clock.advance(3600)
    report = lab.apply()
    assert report.exit is Exit.GATE
    (told,) = failed(report).outputs["conditions"]
    assert told["value"] > before
    assert told["told"].endswith(f", that is {before:.6g}")
    assert lab.served_model() == serving
    lab.spec["jobs"]["tone"]["hyperparameters"] = {"n_epochs": 4}
    lab.clock.advance(3600)
    assert lab.apply().exit is Exit.DONE
    assert lab.served_model() != serving
    assert_converged(lab)


def test_an_improvement_is_at_least_as_large_as_was_asked(lab):
    lab.apply()
    before = loss(lab)
    another_recipe(lab)
    lab.spec["jobs"]["tone"]["hyperparameters"] = {"n_epochs": 4}
    gates(lab, improved(by=before))  # as good as no loss at all
    lab.clock.advance(3600)
    assert lab.apply().exit is Exit.GATE
    value = failed(lab.apply()).outputs["conditions"][0]["value"]
    gates(lab, improved(by=before - value + 1e-6))
    assert lab.apply().exit is Exit.GATE
    gates(lab, improved(by=before - value - 1e-6))
    assert lab.apply().exit is Exit.DONE
    assert_converged(lab)  # what serves need not be better than itself


@pytest.mark.parametrize(("unknown", "exit_"), [("fail", Exit.GATE), ("pass", Exit.DONE)])
def test_what_cannot_be_compared_refuses_unless_it_may_pass(lab, unknown, exit_):
    lab.apply()
    lab.data("valid", examples(10, "scanner"))
    gates(lab, improved(unknown=unknown))
    lab.clock.advance(3600)
    report = lab.apply()
    assert report.exit is exit_
    (told,) = [one.outputs["conditions"][0] for one in report.outcomes if one.address.kind == "gate"]
    assert told["told"].endswith("was measured on other validation data")


def test_a_base_model_has_no_results_to_compare_with(lab):
    lab.spec["deployments"]["prod"]["model"] = {"name": "gpt-4.1-mini", "version": "2025-04-14"}
    lab.apply()
    lab.spec["deployments"]["prod"]["model"] = {"job": "tone"}
    gates(lab, improved())
    plan = lab.plan()
    (problem,) = plan.problems
    assert "gpt-4.1-mini, which serves now, was trained by no job of this account" in problem.what
    assert lab.apply().exit is Exit.GATE
    assert lab.served_model() == "gpt-4.1-mini"


def test_the_same_validation_data_under_another_file_can_be_compared(lab):
    lab.apply()
    (job,) = lab.stored("job")
    file = next(one for one in lab.stored("file") if one["id"] == job["validation_file"])
    copy = file | {"id": "file-" + "7" * 32, "created_at": file["created_at"] + 1}
    lab.azure.store.put("file", copy["id"], copy, parent=job["_account"])
    lab.azure.store.put("job", job["id"], job | {"validation_file": copy["id"]}, parent=job["_account"])
    another_recipe(lab)
    lab.spec["jobs"]["tone"]["hyperparameters"] = {"n_epochs": 4}
    gates(lab, improved())
    lab.clock.advance(3600)
    assert lab.apply().exit is Exit.DONE


# --- interruptions


def test_killed_between_gate_and_deployment_the_next_run_goes_on(lab):
    lab.apply()
    serving = lab.served_model()
    another_recipe(lab)
    gates(lab, {"metric": LOSS, "max": 50})
    lab.clock.advance(3600)
    stop = Stop()

    def until_judged(event):
        if event.address and event.address.kind == "gate" and event.stage is Stage.DONE:
            stop.set()

    report = lab.apply(stop=stop, emit=until_judged)
    assert report.interrupted
    assert results(report)["gate/prod"] == "done"
    assert results(report)["deployment/prod"] == "not attempted"
    assert lab.served_model() == serving
    assert actions(lab.plan()) == {"deployment/prod": "update"}
    patiently(lab)
    assert lab.served_model() != serving
    assert len(lab.jobs()) == 2
    assert_converged(lab)


def test_a_job_that_still_runs_leaves_its_gate_unjudged(lab):
    gates(lab, {"metric": LOSS, "max": 0.001})
    report = lab.apply(wait=30.0)
    assert report.exit is Exit.PENDING
    assert len(lab.jobs()) == 1
    assert results(report)["gate/prod"] == "not attempted"
    assert actions(lab.plan())["gate/prod"] == "judge"
    assert lab.plan().problems == ()


# --- reads, status


def test_a_reader_sees_the_judgement_and_it_only_reads(lab):
    gates(lab, {"metric": LOSS, "max": 0.001}, improved())
    lab.apply()
    lab.clock.advance(3600)
    writers = lab.plan()
    who = identity.FTCTL_READER
    lab.cloud = replace(
        lab.cloud, identity=Identity(identity.TENANT_ID, who.client_id, lab.azure.secrets.client_secrets[who.client_id])
    )
    before = len(lab.azure.calls)
    readers = lab.plan()
    calls = [call for call in list(lab.azure.calls)[before:] if call.plane != "entra"]
    assert readers.digest() == writers.digest()
    assert readers.problems == writers.problems
    assert {call.method for call in calls} == {"GET"}


def test_without_gates_a_plan_reads_no_results(lab):
    lab.apply()
    plain = routes(lab, lab.plan)
    gates(lab, {"metric": LOSS, "max": 50})
    assert len(routes(lab, lab.plan)) > len(plain)
    gates(lab)
    assert sorted(routes(lab, lab.plan)) == sorted(plain)


def test_status_shows_gates(lab):
    gates(lab, {"metric": LOSS, "max": 50})
    assert "gate: full_valid_loss at most 50" in status_text(lab.plan(), Look(width=200))
    lab.apply()
    told = f"full_valid_loss at most 50: it is {loss(lab):.6g}"
    assert told in status_text(lab.plan(), Look(width=200))
    (row,) = [one for one in status_json(lab.plan())["resources"] if one["kind"] == "gate"]
    assert row["health"] == "ready"
    assert row["outputs"]["conditions"][0]["value"] == loss(lab)
    gates(lab, {"metric": LOSS, "max": 0.001})
    (row,) = [one for one in status_json(lab.plan())["resources"] if one["kind"] == "gate"]
    assert (row["health"], row["as_declared"]) == ("failed", False)
