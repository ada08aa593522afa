"""Token counts: the reference tokenizer's ids, the cookbook's rule, which model counts how, and guesses."""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

import pytest
import toktok

from ftctl.data.check import check, problems
from ftctl.data.report import Long, Tokens
from ftctl.data.tokens import encoding_of, exact, tokenizer
from tests.data.rows import SHOWN, TOOL, call, example, fill, good, image, pair, say

STORED = json.loads((Path(__file__).parent / "multilingual.json").read_text())  # ids by tiktoken 0.14.0
LABS = Path(__file__).parents[3] / "shared" / "azure" / "datasets"
ENCODINGS = ("o200k_base", "cl100k_base")
count = tokenizer("o200k_base")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "train.jsonl"


def tokens(path: Path, *rows: Any, encoding: str = "o200k_base", **more: Any) -> Tokens:
    path.write_bytes(b"".join(json.dumps(row).encode() + b"\n" for row in rows))
    counted = check(path, SHOWN, encoding=encoding, cache=False, **more).report.tokens
    assert counted is not None
    return counted


def notebook(messages: list[dict[str, Any]]) -> tuple[int, int]:
    """The published functions, on texts: all tokens of an example, and those of the assistant's messages."""
    total = 3
    for message in messages:
        total += 3
        for key, value in message.items():
            total += count([value])[0]
            total += key == "name"
    return total, sum(count([m["content"]])[0] for m in messages if m["role"] == "assistant")


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_texts_of_many_languages_count_as_the_reference_tokenizer_counts_them(encoding):
    texts = [row["text"] for row in STORED]
    assert len(texts) >= 50
    assert tokenizer(encoding)(texts) == [row[encoding]["count"] for row in STORED]


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_the_ids_themselves_are_the_reference_tokenizer_s(encoding):
    encode = toktok._encoding(encoding).encode_ordinary
    for row in STORED:
        ids = ",".join(map(str, encode(row["text"]))).encode()
        assert hashlib.sha256(ids).hexdigest()[:16] == row[encoding]["ids"], row["name"]


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_role_is_one_token(encoding):
    assert set(tokenizer(encoding)(["system", "developer", "user", "assistant", "tool"])) == {1}


@pytest.mark.parametrize("row", STORED, ids=[row["name"] for row in STORED])
def test_an_example_counts_by_the_cookbook_s_rule(file, row):
    text = row["text"] or "-"
    messages = [say("system", text), say("user", f"{text}?", name="Ada Lovelace"), say("assistant", f"{text}!")]
    total, learned = notebook(messages)
    counted = tokens(file, example(*messages))
    assert (counted.total, counted.assistant, counted.billed) == ({total: 1}, {learned: 1}, {total: 1})
    assert (counted.estimated, counted.longest) == (0, (Long(total, 1),))


def test_the_short_example_by_hand(file):
    """Three for the example, three for each message and one for its role, and Hi!, Hello and the full stop."""
    assert tokens(file, example(say("user", "Hi!"), say("assistant", "Hello."))).total == {3 + 4 + 2 + 4 + 2: 1}


def test_tools_calls_and_images_are_marked_as_estimates(file):
    plain = [say("user"), say("assistant")]
    (bare,) = tokens(file, example(*plain)).total
    offered = tokens(file, example(*plain, tools=[TOOL]))
    guess = count([json.dumps(TOOL | {"function": dict(sorted(TOOL["function"].items()))}, separators=(",", ":"))])[0]
    assert offered.total == {bare + offered.estimated: 1}
    assert guess <= offered.estimated <= guess + 4  # in brackets, and in the order of its keys
    called = tokens(file, example(say("user"), call(), tools=[TOOL]))
    assert called.estimated == offered.estimated + sum(count(["track", "{}"]))
    assert called.assistant == {sum(count(["track", "{}"])): 1}
    seen = tokens(file, example(say("user", [image(), image(detail="low")]), say("assistant")))
    assert seen.estimated == 765 + 85


def test_a_pair_is_billed_for_its_prompt_twice(file):
    ask, yes, no = say("user", "Which one?"), say("assistant", "This one, I think."), say("assistant", "No.")
    made = tokens(file, pair(ask, good=[yes], bad=[no]), format="preference")
    prompt, first, second = 3 + 4 + count(["Which one?"])[0], 4 + count([yes["content"]])[0], 4 + count(["No."])[0]
    assert made.billed == {2 * prompt + first + second: 1}
    assert made.total == {prompt + first: 1}
    assert made.assistant == {first + second - 8: 1}
    offered = tokens(file, pair(ask, good=[yes], bad=[no], tools=[TOOL]), format="preference")
    (billed,) = offered.billed
    assert billed == 2 * prompt + first + second + offered.estimated


def test_only_sound_examples_are_counted_and_the_longest_are_named(file):
    rows = [example(say("user", "word " * n), say("assistant")) for n in (1, 500, 3, 700, 500)]
    counted = tokens(file, *rows, [], *[good(n, "chat") for n in range(20)])
    assert [long.line for long in counted.longest[:3]] == [4, 2, 5]
    assert len(counted.longest) == 10
    assert sum(counted.total.values()) == 25
    assert list(counted.total) == sorted(counted.total)


def test_a_system_message_counts_the_same_each_time(file):
    rows = [example(say("system", "Be kind and brief."), say("user"), say("assistant")) for _ in range(30)]
    (one,) = tokens(file, rows[0]).total
    assert tokens(file, *rows).total == {one: 30}


@pytest.mark.parametrize(
    ("model", "encoding", "is_exact"),
    [
        ("gpt-4o-2024-08-06", "o200k_base", True),
        ("gpt-4o-mini-2024-07-18", "o200k_base", True),
        ("gpt-4.1-nano-2025-04-14", "o200k_base", True),
        ("gpt-4.1-mini-2025-04-14.ft-0123-tone", "o200k_base", True),
        ("o4-mini-2025-04-16", "o200k_base", True),
        ("gpt-5", "o200k_base", True),
        ("gpt-35-turbo-0125", "cl100k_base", True),
        ("gpt-35-turbo-0125.ft-0123", "cl100k_base", True),
        ("gpt-3.5-turbo", "cl100k_base", True),
        ("gpt-4-0613", "cl100k_base", True),
        ("gpt-4", "cl100k_base", True),
        ("gpt-4-turbo", "cl100k_base", True),
        ("gpt-4.ft-0123", "cl100k_base", True),
        ("Ministral-3B", "o200k_base", False),
        ("gpt-oss-20b", "o200k_base", False),
        ("Qwen-32B", "o200k_base", False),
    ],
)
def test_the_encoding_follows_from_the_model(model, encoding, is_exact):
    assert (encoding_of(model), exact(model)) == (encoding, is_exact)


def test_encodings_differ_and_none_means_no_counts(file):
    rows = [example(say("user", "안녕하세요"), say("assistant", "안녕!"))]
    assert tokens(file, *rows).total != tokens(file, *rows, encoding="cl100k_base").total
    assert check(file, SHOWN, encoding="", cache=False).report.tokens is None


def test_without_a_tokenizer_tokens_are_guessed_and_that_is_said(file, monkeypatch):
    monkeypatch.setitem(sys.modules, "toktok", None)
    file.write_bytes(fill())
    for _ in range(2):  # the guess is not kept
        report = check(file, SHOWN).report
        assert [(p.code, p.severity.value) for p in problems(report, SHOWN)] == [("FT1362", "warning")]
    guessed = report.tokens
    assert guessed is not None
    assert (guessed.encoding, guessed.estimated) == ("estimate", sum(n * times for n, times in guessed.billed.items()))
    monkeypatch.undo()
    again = check(file, SHOWN).report
    assert (again.findings, again.tokens and again.tokens.encoding) == ((), "o200k_base")


@pytest.mark.reference
@pytest.mark.skipif(not LABS.is_dir(), reason="the labs' data files are not beside the project")
@pytest.mark.parametrize("name", ["sft_gsm8k_train", "sft_gsm8k_validation", "rft_countdown_train_100"])
def test_the_labs_files_count_as_their_notebook_counts(name):
    path = LABS / f"{name}.jsonl"
    rows = [json.loads(line)["messages"] for line in path.read_text().splitlines()]
    counted = check(
        path, SHOWN, format="reinforcement" if name.startswith("rft") else "chat", cache=False
    ).report.tokens
    expected = [notebook(messages) for messages in rows]
    assert counted is not None
    assert sorted(total for total, _ in expected) == [n for n, times in counted.total.items() for _ in range(times)]
    assert sum(learned for _, learned in expected) == sum(n * times for n, times in counted.assistant.items())
