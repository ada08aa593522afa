"""The verdict on trainings that really happened: those of the local Azure, and a recorded one of the real service."""

from __future__ import annotations

import json
import random
import re
from pathlib import Path

import pytest

from ftctl.local.measures import as_csv
from ftctl.local.training import Recipe, fitted
from ftctl.results.run import run_of
from ftctl.results.table import of_events, read

RECORDED = Path(__file__).parents[3] / "shared" / "azure" / "recordings" / "job_file_event_outputs.json"
GRADER = {"type": "string_check", "name": "right", "operation": "eq"}
GRADER |= {"input": "{{sample.output_text}}", "reference": "{{item.answer}}"}
THINGS = ["printer", "screen", "cable", "mouse", "router", "phone", "tablet", "charger"]
CURES = ["restart", "unplug", "replace", "clean", "check", "update", "reconnect", "dust"]


def chats(number, seed):
    chance = random.Random(seed)

    def one():
        thing, cure = chance.choice(THINGS), chance.choice(CURES)
        answer = f"Please {cure} the {thing}, then {chance.choice(CURES)} it and tell me what you see."
        asked = f"My {thing} does not {chance.choice(['start', 'work', 'answer'])}. What now?"
        return {"messages": [{"role": "user", "content": asked}, {"role": "assistant", "content": answer}]}

    return [one() for _ in range(number)]


def gibberish(number, seed):
    """Answers that can be learned by heart and in no other way."""
    chance = random.Random(seed)
    words = (" ".join("".join(chance.choices("abcdefghijkl", k=4)) for _ in range(8)) for _ in range(number))
    return [{"messages": [{"role": "user", "content": "Say it."}, {"role": "assistant", "content": w}]} for w in words]


def pairs(number):
    def one(n):
        return {
            "input": {"messages": [{"role": "user", "content": f"When does ferry {n} leave?"}]},
            "preferred_output": [{"role": "assistant", "content": f"Ferry {n} leaves at {n % 24}:15."}],
            "non_preferred_output": [{"role": "assistant", "content": "No idea. Ask somebody else."}],
        }

    return [one(n) for n in range(number)]


def tasks(number):
    asked = "Is {} an even number? Answer with the word yes or the word no."
    return [
        {"messages": [{"role": "user", "content": asked.format(n)}], "answer": ("yes", "no")[n % 2]}
        for n in range(number)
    ]


@pytest.fixture
def trained(tmp_path):
    def train(rows, valid=(), *, epochs=3, batch=1, rate=1.0, method="supervised", **options):
        for name, lines in (("training", rows), ("validation", valid)):
            if lines:
                (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
        fit = fitted(Recipe(tmp_path, epochs, batch, rate, 7, method, options))
        return run_of("job", read(as_csv(fit.rows.kind, fit.rows)))

    return train


def test_one_that_was_stopped_early(trained):
    assert trained(chats(80, 1), chats(20, 2), epochs=2, rate=0.05).verdict.outcome == "still falling"


def test_one_that_was_long_enough(trained):
    run = trained(chats(80, 1), chats(20, 2), epochs=3)
    assert run.verdict.outcome == "converged"
    assert run.verdict.limits == ()


def test_one_that_learned_by_heart(trained):
    run = trained(gibberish(30, 1), gibberish(20, 2), epochs=12, rate=2.0)
    assert run.verdict.title == "overfitting since step 30"
    assert run.choice.step == 30


def test_one_that_went_on_for_too_long(trained):
    run = trained(chats(60, 1), chats(20, 2), epochs=16)
    assert run.verdict.outcome == "overfitting"
    assert 60 <= run.verdict.since <= 400
    assert run.choice.step == run.verdict.since


def test_one_without_validation_data(trained):
    run = trained(chats(80, 1), epochs=3)
    assert run.verdict.limits[0].startswith("No validation data")
    assert run.choice.why.startswith("the last one, since")


def test_a_preference(trained):
    run = trained(pairs(40), pairs(10), epochs=6, method="dpo")
    assert run.verdict.outcome == "converged"
    assert run.table.get("train_loss").values[0] == pytest.approx(0.693, abs=0.001)


def test_a_reinforcement_that_learns(trained):
    options = {"grader": GRADER, "eval_interval": 5, "eval_samples": 4, "compute_multiplier": 1.0}
    run = trained(tasks(40), tasks(10), epochs=16, batch=4, method="reinforcement", **options)
    assert run.verdict.outcome == "converged"  # by its evaluations; the training reward alone is too noisy to tell
    assert run.choice.metric == "full_valid_mean_reward"


def test_a_reinforcement_whose_grader_never_pays(trained):
    options = {"grader": GRADER | {"reference": "never"}, "eval_interval": 5, "eval_samples": 2}
    run = trained(tasks(24), tasks(6), epochs=4, batch=4, method="reinforcement", compute_multiplier=1.0, **options)
    assert run.verdict.outcome == "reward stuck"


@pytest.mark.reference
@pytest.mark.skipif(not RECORDED.is_file(), reason="the recordings are not beside the project")
def test_a_recorded_preference_of_8250_steps():
    """What its notebook shows of it: the end, every tenth step, near nothing with spikes a thousand times as high."""
    texts = [cell["text"] for cell in json.loads(RECORDED.read_text("utf-8"))]
    (text,) = (text for text in texts if "Step 8250: training loss" in text)
    found = [(int(step), float(loss)) for step, loss in re.findall(r"Step (\d+): training loss=(\S+)", text)]
    events = [{"type": "metrics", "data": {"step": step, "train_loss": loss}} for step, loss in reversed(found)]
    run = run_of("orca", of_events(events))
    assert run.table.steps == 8250
    assert run.verdict.outcome == "converged"
    assert any(limit.startswith("What was before step") for limit in run.verdict.limits)
    assert run.choice.step == 8250
