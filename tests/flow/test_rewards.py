"""Reinforcement through a whole job: which checkpoint has the best reward, gates on rewards, and what results say."""

from __future__ import annotations

import pytest

from ftctl.cli.results_read import by_name
from ftctl.cli.session import Session
from ftctl.core.errors import Exit
from ftctl.local.measures import COLUMNS, RewardRow
from ftctl.results.columns import KNOWN

from .conftest import actions, refused
from .ending import assert_converged
from .test_checkpoints import change, checkpoints, named, wants
from .test_gates import another_recipe, failed, gates, results
from .test_methods import rft

__all__ = ["rft"]  # a fixture

REWARD = "full_valid_mean_reward"


@pytest.fixture
def varied(rft):
    """Six passes, of which the best of the last three is the first."""
    rft.spec["jobs"]["tone"]["hyperparameters"] |= {"n_epochs": 6, "batch_size": 3}
    rft.spec["jobs"]["tone"]["seed"] = 2
    return rft


def rewards(lab) -> dict[int, float]:
    return {step: one["metrics"][REWARD] for step, one in sorted(checkpoints(lab).items())}


def test_best_serves_the_checkpoint_with_the_highest_validation_reward(varied):
    lab = varied
    wants(lab, "best")
    assert actions(lab.plan())["gate/prod"] == "judge"
    report = lab.apply()
    assert report.exit is Exit.DONE
    found = rewards(lab)
    best = max(found, key=found.__getitem__)
    assert len(found) == 3
    assert best != max(found)  # else this tests nothing
    assert lab.served_model() == named(lab, best)
    (told,) = [outcome.text for outcome in report.outcomes if outcome.address.kind == "gate"]
    assert told == f"best: step {best}, highest full validation reward, {found[best]:#.3g}"
    assert_converged(lab)


def test_of_equal_rewards_the_later_checkpoint_is_the_best(varied):
    lab = varied
    lab.spec["jobs"]["tone"]["seed"] = 105
    wants(lab, "best")
    assert lab.apply().exit is Exit.DONE
    found = rewards(lab)
    assert len(set(found.values())) == 1
    assert lab.served_model() == named(lab, max(found))


def test_a_gate_on_a_reward_passes_and_refuses_with_its_number(varied):
    lab = varied
    gates(lab, {"metric": REWARD, "min": 0.99})
    report = lab.apply()
    assert report.exit is Exit.GATE
    last = rewards(lab)[max(rewards(lab))]
    assert f"full_valid_mean_reward at least 0.99: it is {last:.6g}" in failed(report).problem.what
    assert results(report)["deployment/prod"] == "not attempted"
    assert actions(lab.plan()) == {"gate/prod": "blocked", "deployment/prod": "blocked"}
    highest = max(rewards(lab).values())
    gates(lab, {"metric": REWARD, "min": highest}, {"metric": "train_sample_parse_error_count", "max": 0})
    assert lab.apply().exit is Exit.GATE  # the last has less
    wants(lab, "best")
    assert lab.apply().exit is Exit.DONE
    assert len(lab.jobs()) == 1
    assert_converged(lab)


def test_the_documentations_spelling_of_a_reward_is_the_same(varied):
    gates(varied, {"metric": "full_validation_reward_mean", "min": 0.0})
    assert change(varied.plan(), "gate/prod").because == (f"gate: {REWARD} at least 0",)
    assert varied.apply().exit is Exit.DONE


def test_a_reward_must_not_fall_below_what_serves(varied):
    lab = varied
    wants(lab, "best")
    gates(lab, {"improvement": {"metric": REWARD}})
    assert lab.apply().exit is Exit.DONE
    serving, before = lab.served_model(), max(rewards(lab).values())
    another_recipe(lab)
    lab.spec["jobs"]["tone"]["seed"] = 5
    lab.clock.advance(3600)
    report = lab.apply()
    assert report.exit is Exit.GATE
    (told,) = failed(report).outputs["conditions"]
    assert told["value"] < before
    assert told["told"].endswith(f"that is {before:.6g}")
    assert lab.served_model() == serving


@pytest.mark.parametrize("metric", ["full_valid_loss", "overfit_ratio", "train_loss"])
def test_reinforcement_has_no_losses_to_judge_by(rft, metric):
    gates(rft, {"metric": metric, "max": 1})
    assert "FT1291" in refused(rft.stack)


def test_every_column_of_a_reinforcement_job_has_a_name_and_results_tell_how_it_went(varied):
    assert set(COLUMNS[RewardRow]) <= KNOWN
    lab = varied
    assert lab.apply().exit is Exit.DONE
    with lab.clients() as clients:
        run = by_name(Session([lab.stack()], lambda _: clients, lab.clock), "tone")
    assert set(COLUMNS[RewardRow]) == {"step", *run.table.series}
    found = rewards(lab)
    assert run.choice.step == max(found, key=found.__getitem__)
    assert run.choice.metric == REWARD
    assert "reward" in run.verdict.seen
