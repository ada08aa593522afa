"""Which checkpoint serves: the last, the best by the validation data, or that of a step."""

from __future__ import annotations

import pytest

from ftctl.core.errors import Exit, FtctlError, Severity
from ftctl.core.model import Mode
from ftctl.local import identity, jobstate

from .conftest import actions, example, refused

ANSWERS = ["Certainly, {} it is.", "We sail to {} at dawn.", "Sorry, {} is full.", "{}? Platform two."]


def rows(first: int, count: int) -> list[dict]:
    """Answers that follow no rule: what is learned of them is of no use for others."""
    return [
        example(f"Is there a place to number {n} left?", ANSWERS[n % 4].format(n)) for n in range(first, first + count)
    ]


@pytest.fixture
def overfitting(lab):
    """Little data, many epochs: the last checkpoint is worse than the ones before it."""
    lab.data("train", rows(0, 16))
    lab.data("valid", rows(16, 10))
    lab.spec["jobs"]["tone"]["hyperparameters"] = {"n_epochs": 20, "batch_size": 1}
    return lab


def checkpoints(lab) -> dict[int, dict]:
    """The checkpoints that the service lists, by step."""
    with lab.clients() as clients:
        (job,) = lab.stored("job")
        (account,) = clients.arm.list_accounts(identity.SUBSCRIPTION_ID)
        listed = clients.data(account["properties"]["endpoint"]).checkpoints(job["id"])
    return {one["step_number"]: one for one in listed}


def named(lab, step: int) -> str:
    return str(checkpoints(lab)[step]["fine_tuned_model_checkpoint"])


def wants(lab, checkpoint) -> None:
    lab.spec["deployments"]["prod"]["model"]["checkpoint"] = checkpoint


def change(plan, address: str):
    return next(one for one in plan.changes if str(one.address) == address)


def routes(lab, run) -> list[str]:
    before = len(lab.azure.calls)
    run()
    return [call.route for call in list(lab.azure.calls)[before:] if call.plane != "entra"]


def test_best_serves_the_checkpoint_with_the_lowest_validation_loss(overfitting):
    lab = overfitting
    wants(lab, "best")
    before = lab.plan()
    assert str(change(before, "deployment/prod").after["model"]) == "(known after job/tone)"
    assert actions(before)["gate/prod"] == "judge"
    report = lab.apply()
    assert report.exit is Exit.DONE
    losses = {step: one["metrics"]["full_valid_loss"] for step, one in checkpoints(lab).items()}
    best = min(losses, key=losses.__getitem__)
    assert best < max(losses)  # it overfits, or this tests nothing
    assert lab.served_model() == named(lab, best)
    assert lab.served_model().endswith(f":ckpt-step-{best}")
    (told,) = [outcome.text for outcome in report.outcomes if outcome.address.kind == "gate"]
    assert told.startswith(f"best: step {best}, lowest full validation loss, {losses[best]:#.3g}")
    assert lab.plan().empty
    assert lab.plan().empty  # and stays so


def test_best_is_known_and_explained_once_the_job_is_done(overfitting):
    lab = overfitting
    lab.apply()
    last = lab.served_model()
    wants(lab, "best")
    plan = lab.plan()
    assert actions(plan) == {"deployment/prod": "update"}
    changed = change(plan, "deployment/prod")
    best = min(checkpoints(lab).values(), key=lambda one: one["metrics"]["full_valid_loss"])
    assert changed.before["model"] == last
    assert changed.after["model"] == best["fine_tuned_model_checkpoint"]
    assert any(line.startswith(f"best: step {best['step_number']}, lowest full") for line in changed.because)
    assert lab.apply().exit is Exit.DONE
    assert lab.served_model() == changed.after["model"]
    assert len(lab.jobs()) == 1
    assert lab.plan().empty


def test_best_is_the_last_where_the_loss_still_falls(lab):
    wants(lab, "best")
    assert lab.apply().exit is Exit.DONE
    losses = {step: one["metrics"]["full_valid_loss"] for step, one in checkpoints(lab).items()}
    assert losses[max(losses)] == min(losses.values())
    assert lab.served_model() == named(lab, max(losses))
    assert ":ckpt" not in lab.served_model()
    assert lab.plan().empty


def test_best_without_validation_data_is_refused_before_anything_is_trained(lab):
    del lab.spec["jobs"]["tone"]["validation"]
    wants(lab, "best")
    with pytest.raises(FtctlError) as caught:
        lab.stack()
    (problem,) = [one for one in caught.value.problems if one.severity is Severity.ERROR]
    assert (problem.code, problem.subject) == ("FT1293", "deployment/prod")
    text = (lab.folder / "stack.yaml").read_text().splitlines()
    assert text[problem.where.line - 1].strip() == "checkpoint: best"


def test_a_step_serves_its_checkpoint(overfitting):
    lab = overfitting
    wants(lab, {"step": 304})
    assert lab.apply().exit is Exit.DONE
    assert sorted(checkpoints(lab)) == [288, 304, 320]
    assert lab.served_model() == named(lab, 304)
    assert lab.plan().empty
    wants(lab, {"step": 320})
    assert actions(lab.plan()) == {"deployment/prod": "update"}
    lab.apply()
    assert lab.served_model() == named(lab, 320)
    wants(lab, "last")
    assert lab.plan().empty


def test_a_step_that_is_not_kept_fails_before_what_serves_is_touched(overfitting):
    lab = overfitting
    lab.apply()
    serving = lab.served_model()
    lab.spec["jobs"]["tone"]["seed"] = 106
    wants(lab, {"step": 16})
    lab.clock.advance(3600)
    report = lab.apply()
    (failed,) = [outcome for outcome in report.outcomes if outcome.problem]
    assert (str(failed.address), failed.problem.code) == ("gate/prod", "FT3231")
    assert "288, 304, 320" in failed.problem.fix
    assert failed.problem.where.line
    assert {str(one.address): str(one.result) for one in report.outcomes}["deployment/prod"] == "not attempted"
    assert lab.served_model() == serving
    plan = lab.plan()
    assert [problem.code for problem in plan.problems] == ["FT3231"]
    assert refused(lab.apply) == ["FT3231"]
    assert lab.served_model() == serving


def test_a_checkpoint_that_was_deleted_is_no_longer_the_best(overfitting, monkeypatch):
    lab = overfitting
    wants(lab, "best")
    lab.apply()
    kept = checkpoints(lab)
    assert lab.served_model() == named(lab, min(kept))
    without(monkeypatch, min(kept))
    plan = lab.plan()
    changed = change(plan, "deployment/prod")
    assert changed.after["model"] == kept[sorted(kept)[1]]["fine_tuned_model_checkpoint"]
    assert any("of those that are kept" in line for line in changed.because)
    assert lab.apply().exit is Exit.DONE
    assert lab.plan().empty


def test_a_step_that_was_deleted_is_told_by_the_plan(overfitting, monkeypatch):
    lab = overfitting
    wants(lab, {"step": 304})
    lab.apply()
    serving = lab.served_model()
    without(monkeypatch, 304)
    (problem,) = lab.plan().problems
    assert problem.code == "FT3231"
    assert "288, 320" in problem.fix
    assert lab.served_model() == serving


def without(monkeypatch, step: int) -> None:
    """Somebody deletes a checkpoint: the service lists it no more."""
    kept = jobstate.checkpoints
    monkeypatch.setattr(jobstate, "checkpoints", lambda job, done: [one for one in kept(job, done) if one[0] != step])


def test_only_those_who_choose_pay_for_the_reading(overfitting):
    lab = overfitting
    lab.apply()
    plain = routes(lab, lab.plan)
    assert not [route for route in plain if "checkpoints" in route]
    wants(lab, "last")
    assert sorted(routes(lab, lab.plan)) == sorted(plain)
    wants(lab, "best")
    more = routes(lab, lab.plan)
    assert len([route for route in more if "checkpoints" in route]) == 1
    lab.spec["deployments"]["other"] = {"model": {"job": "tone", "checkpoint": {"step": 304}}}
    assert sorted(routes(lab, lab.plan)) == sorted(more)  # a job is read once for all that serve it


def test_what_is_destroyed_needs_no_checkpoint(overfitting):
    lab = overfitting
    wants(lab, "best")
    lab.apply()
    assert not [route for route in routes(lab, lambda: lab.plan(Mode.DESTROY)) if "checkpoints" in route]
    assert lab.destroy().exit is Exit.DONE
    assert lab.stored("deployment") == []


def test_a_checkpoint_of_a_model_that_is_named_is_refused(lab):
    lab.spec["deployments"]["prod"]["model"] = {
        "name": "gpt-4.1-mini",
        "version": "2025-04-14",
        "checkpoint": "best",
    }
    assert refused(lab.stack) == ["FT1292"]


@pytest.mark.parametrize("checkpoint", ["first", {"step": 0}, {"steps": 3}, 3])
def test_a_checkpoint_of_another_shape_is_refused(lab, checkpoint):
    wants(lab, checkpoint)
    assert all(code.startswith("FT11") for code in refused(lab.stack))
