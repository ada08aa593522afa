"""The training: computed, repeatable, falling, and overfitting when it should."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ftctl.local import measures, textmodel, training
from ftctl.local.datafile import Examples, Format, validate
from ftctl.local.training import Recipe, fitted, model_path, read_model
from tests.local.plane import chats, jsonl

REAL = Path(__file__).resolve().parents[3] / "shared" / "azure" / "datasets"


def fit(folder, rows, valid=None, *, epochs=3, batch=1, rate=1.0, seed=7):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "training.jsonl").write_bytes(rows if isinstance(rows, bytes) else jsonl(rows))
    if valid:
        (folder / "validation.jsonl").write_bytes(valid if isinstance(valid, bytes) else jsonl(valid))
    return fitted(Recipe(folder, epochs, batch, rate, seed))


def epochs_of(found):
    return [row.full_valid_loss for row in found.rows if row.full_valid_loss is not None]


def mean(rows):
    return sum(row.train_loss for row in rows) / len(rows)


def test_training_loss_falls_and_accuracy_rises(tmp_path):
    rows = fit(tmp_path, chats(20)).rows
    assert [row.step for row in rows] == list(range(1, 61))
    first, second, third = mean(rows[:20]), mean(rows[20:40]), mean(rows[40:])
    assert first > second > third > 0
    assert rows[0].train_loss > 5
    assert rows[-1].train_accuracy > rows[0].train_accuracy
    assert all(row.valid_loss is None and row.full_valid_loss is None for row in rows)


def test_same_seed_same_numbers_another_seed_others(tmp_path):
    one, two, other = (
        fit(tmp_path / name, chats(20), chats(5, first=40), seed=seed) for name, seed in (("a", 7), ("b", 7), ("c", 8))
    )
    assert one == two
    assert epochs_of(one) != epochs_of(other)
    assert [row.train_loss for row in one.rows] != [row.train_loss for row in other.rows]


def test_other_data_other_numbers(tmp_path):
    changed = chats(20)
    changed[3]["messages"][-1]["content"] = "That one is cancelled today."
    assert fit(tmp_path / "a", chats(20)) != fit(tmp_path / "b", changed)


def test_little_data_for_many_epochs_overfits(tmp_path):
    """The validation loss falls at first, then turns up and goes on rising."""
    answers = ["Certainly, {} it is.", "We sail to {} at dawn.", "Sorry, {} is full.", "{}? Platform two."]
    rows = chats(24)
    for n, row in enumerate(rows):
        row["messages"][-1]["content"] = answers[n % 4].format(n)
    losses = epochs_of(fit(tmp_path, rows[:16], rows[16:], epochs=20))
    turn = losses.index(min(losses))
    assert 0 < turn < 12
    assert losses[0] > losses[turn]
    assert losses[turn:] == sorted(losses[turn:])
    assert losses[-1] > losses[turn] + 0.1


def test_rate_and_batch_size_count(tmp_path):
    rows = chats(20)
    slow, usual, fast = (fit(tmp_path / str(rate), rows, rate=rate) for rate in (0.1, 1.0, 4.0))
    assert mean(slow.rows[40:]) > mean(usual.rows[40:]) > mean(fast.rows[40:])
    batched = fit(tmp_path / "batched", rows, batch=8)
    assert len(batched.rows) == 9
    assert batched.trained_tokens == usual.trained_tokens
    weights = [
        read_model(model_path(tmp_path / name, step)).model.alone.total for name, step in (("1.0", 60), ("batched", 9))
    ]
    assert weights[1] == pytest.approx(weights[0] / 8**0.5, rel=0.05)


def test_the_seed_shuffles_and_passes_over_pieces(tmp_path, monkeypatch):
    reader = textmodel.Reader()
    turn = reader.turn("asked", "one two three four five six seven eight nine ten " * 5)
    reader.learn(turn, 1.0, random.Random(1))
    assert 0.7 < reader.model.alone.total / len(turn.said) < 1
    monkeypatch.setattr(textmodel, "DROPOUT", 0.0)
    one, other = (fit(tmp_path / str(seed), chats(20), seed=seed, epochs=1) for seed in (7, 8))
    assert [row.train_loss for row in one.rows] != [row.train_loss for row in other.rows]


def test_model_answers_what_it_was_trained_on(tmp_path):
    rows = chats(20)
    last = fit(tmp_path, rows).rows[-1].step
    reader = read_model(model_path(tmp_path, last))
    for row in rows:
        prompt = "\n".join(message["content"] for message in row["messages"][:2])
        assert reader.answer(prompt, 100)[0] == row["messages"][2]["content"]
    strange = "You are the desk of a ferry line. Answer briefly.\nWhen does the ferry leave for Oslo today?"
    text, _, whole = reader.answer(strange, 100)
    assert whole
    assert "Oslo leaves at" in text
    assert reader.answer(strange, 3)[1:] == (3, False)


def test_last_three_epochs_are_kept_and_the_data_is_not(tmp_path):
    fit(tmp_path, chats(10), epochs=5)
    kept = sorted(path.name for path in tmp_path.iterdir())
    assert kept == ["fit.json", "rows.f64", "step-30.model", "step-40.model", "step-50.model"]


def test_fit_happens_once(tmp_path, monkeypatch):
    found = fit(tmp_path, chats(10))
    monkeypatch.setattr(training, "_SupervisedFitting", None)
    measures.read_fit.cache_clear()
    assert fitted(Recipe(tmp_path, 3, 1, 1.0, 7)) == found


def test_going_on_from_a_fitted_model_starts_where_it_ended(tmp_path):
    rows = chats(12)
    before = fit(tmp_path / "one", rows)
    (tmp_path / "two").mkdir()
    training.place_file(model_path(tmp_path / "one", before.rows[-1].step), tmp_path / "two" / "base.model")
    after = fit(tmp_path / "two", rows, epochs=1)
    assert mean(after.rows) < mean(before.rows[24:])


def test_weight_zero_is_not_learned(tmp_path):
    rows = chats(10)
    for row in rows:
        row["messages"][2]["weight"] = 0
        row["messages"] += [{"role": "user", "content": "Sure?"}, {"role": "assistant", "content": "Quite sure."}]
    reader = read_model(model_path(tmp_path, fit(tmp_path, rows).rows[-1].step))
    assert not any("ferry" in piece.lower() for piece in map(str.strip, said(reader)))
    assert "Quite" in said(reader)


def said(reader):
    """Everything that the model has learned to say."""
    return {reader.model.vocabulary[piece] for piece in reader.model.alone.weights}


def test_much_data_is_bounded_work(tmp_path, monkeypatch):
    """With a small budget a large file is read in part, every step still measures, and the tokens of all are told."""
    rows = chats(400)
    whole = fit(tmp_path / "whole", rows, epochs=1, batch=40)
    monkeypatch.setattr(training, "PIECES_READ", 500)
    part = fit(tmp_path / "part", rows, epochs=1, batch=40)
    assert len(part.rows) == len(whole.rows) == 10
    assert all(row.train_loss > 0 for row in part.rows)
    assert part.trained_tokens == whole.trained_tokens
    small, large = (model_path(tmp_path / name, 10).stat().st_size for name in ("part", "whole"))
    assert small < large / 3


def test_tokens_of_a_large_file_are_reckoned_from_a_part(tmp_path, monkeypatch):
    rows = chats(300)
    exact = fit(tmp_path / "exact", rows, epochs=1, batch=100).trained_tokens
    monkeypatch.setattr(training, "_COUNTED_WHOLE", 50)
    reckoned = fit(tmp_path / "reckoned", rows, epochs=1, batch=100).trained_tokens
    assert reckoned == pytest.approx(exact, rel=0.02)


@pytest.mark.parametrize(
    ("examples", "epochs", "batch"),
    [(10, 10, 1), (20, 5, 1), (449, 3, 1), (2000, 3, 4), (12_000, 2, 24), (200_000, 1, 256)],
)
def test_automatic_values(examples, epochs, batch):
    assert (training.automatic_epochs(examples), training.automatic_batch(examples)) == (epochs, batch)
    assert training.count_steps(examples, batch, epochs) == -(-examples // batch) * epochs


@given(st.text(max_size=200))
def test_pieces_join_to_the_text(text):
    assert "".join(textmodel.pieces(text)) == text


@settings(max_examples=25)
@given(st.lists(st.text(min_size=1, max_size=30), min_size=1, max_size=5), st.integers(0, 9))
def test_probabilities_never_exceed_one(texts, seed):
    """Over all pieces that are known, whatever was learned."""
    reader = textmodel.Reader()
    turns = [reader.turn("what was asked", text) for text in texts]
    for turn in turns:
        reader.learn(turn, 0.3, random.Random(seed))
    recalled = reader._recall(turns[0].words)
    contexts = reader._contexts(turns[0].keys[-1], turns[0].trails[-1], recalled)
    copied = turns[0].copied
    whole = sum(textmodel._likelihood(piece, contexts, copied) for piece in range(1, len(reader.model.vocabulary)))
    assert 0 < whole <= 1 + 1e-9
    score = reader.measure(turns[0])
    assert score.loss > 0
    assert 0 <= score.right <= score.pieces == len(turns[0].said)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda row: row["messages"].pop(), "the last message is from the user"),
        (lambda row: row["messages"].pop(1), "there is no message from the user"),
        (lambda row: row["messages"][2].update(weight=2), "a weight must be 0 or 1"),
        (lambda row: row["messages"][2].update(content=""), "with something in it"),
        (lambda row: row["messages"][1].update(role="robot"), "Invalid enum value"),
        (lambda row: row["messages"][1].update(content=5), "Expected"),
    ],
)
def test_what_supervised_training_cannot_use(tmp_path, change, told):
    rows = chats(3)
    change(rows[1])
    path = tmp_path / "a.jsonl"
    path.write_bytes(jsonl(rows))
    found = validate(path)
    assert found.problem == ""
    assert found.unfit["supervised"].startswith("Line 2: ")
    assert told in found.unfit["supervised"]


def test_formats_are_told_apart(tmp_path):
    path = tmp_path / "a.jsonl"
    asked, answered = chats(1)[0]["messages"][:2], chats(1)[0]["messages"][2:]
    preference = {"input": {"messages": asked}, "preferred_output": answered, "non_preferred_output": answered}
    asking = {"messages": asked, "reference_answer": "x"}
    for row, form, method in (
        (chats(1)[0], Format.CHAT, "supervised"),
        (preference, Format.PREFERENCE, "dpo"),
        (asking, Format.REINFORCEMENT, "reinforcement"),
    ):
        path.write_bytes(jsonl([row]))
        found = validate(path)
        assert (found.format, found.examples, found.problem) == (form, 1, "")
        assert {"supervised", "dpo", "reinforcement"} - found.unfit.keys() == {method}
    path.write_bytes(b"\xef\xbb\xbf" + jsonl(chats(2)))
    assert (validate(path).format, validate(path).examples) == (Format.CHAT, 2)
    examples = Examples(path)
    assert [turn.answer for n in range(2) for turn in examples.turns(n)] == [
        row["messages"][2]["content"] for row in chats(2)
    ]
    examples.close()


def test_calls_and_parts_are_learned_as_text(tmp_path):
    call = {"id": "1", "type": "function", "function": {"name": "sail", "arguments": '{"to": "Oslo"}'}}
    parts = [
        {"type": "text", "text": "Where?"},
        {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}},
    ]
    row = {"messages": [{"role": "user", "content": parts}, {"role": "assistant", "tool_calls": [call]}]}
    path = tmp_path / "a.jsonl"
    path.write_bytes(jsonl([row]))
    assert "supervised" not in validate(path).unfit
    examples = Examples(path)
    (turn,) = examples.turns(0)
    examples.close()
    assert turn.prompt == "Where?"
    assert turn.answer.endswith('sail {"to": "Oslo"}')


@pytest.mark.reference
@pytest.mark.skipif(not REAL.exists(), reason="the data that Azure accepted is not beside the project")
@pytest.mark.parametrize("name", ["sft_gsm8k", "sft_toolcall", "sft_vision_chartqa"])
def test_real_data_trains(tmp_path, name):
    train, valid = ((REAL / f"{name}_{part}.jsonl").read_bytes() for part in ("train", "validation"))
    rows = fit(tmp_path, train, valid, epochs=2).rows
    half = len(rows) // 2
    assert mean(rows[:half]) > 2 * mean(rows[half:])
    assert json.loads(train.splitlines()[0])
