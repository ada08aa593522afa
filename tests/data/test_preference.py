"""The rules of preference data, each through a file."""

from __future__ import annotations

from typing import Any

import pytest

from tests.data.rows import TOOL, call, example, fill, good, image, look, pair, said, say

HI, BYE, BAD = say("user"), say("assistant"), say("assistant", "No.")
ANSWERED = say("tool", tool_call_id="call_1")

SOUND = {
    "a pair": pair(HI, good=[BYE], bad=[BAD]),
    "a conversation": pair(say("system", "A"), HI, BYE, HI, good=[BYE], bad=[BAD]),
    "tools in the outputs": pair(HI, good=[call(), ANSWERED, BYE], bad=[BAD], tools=[TOOL], parallel_tool_calls=True),
    "an output that answers the prompt's call": pair(HI, call(), good=[ANSWERED, BYE], bad=[BAD], tools=[TOOL]),
    "an image in the prompt": pair(say("user", [image()]), good=[BYE], bad=[BAD]),
    "an empty answer that is not to be given": pair(HI, good=[BYE], bad=[say("assistant", "")]),
}


@pytest.mark.parametrize("row", SOUND.values(), ids=SOUND)
def test_what_azure_takes_is_taken(tmp_path, row):
    assert said(look(tmp_path / "pairs.jsonl", fill(row, format="preference"), "preference")) == []


WRONG: list[tuple[Any, list[str]]] = [
    (7, ["FT1311 the example is not an object"]),
    (
        {},
        [
            "FT1312 input is missing",
            "FT1312 preferred_output is missing",
            "FT1312 non_preferred_output is missing",
        ],
    ),
    (example(HI, BYE), ["FT1312 input is missing; this looks like chat data"]),
    (pair(HI, good=[BYE], bad=[BAD]) | {"input": "Hello"}, ["FT1312 input is not an object with messages"]),
    (pair(HI, good=[BYE], bad=[BAD]) | {"input": {"prompt": []}}, ["FT1312 input.messages is missing"]),
    (pair(good=[BYE], bad=[BAD]), ["FT1312 input.messages is not a list of at least one message"]),
    (
        pair(say("who"), good=[BYE], bad=[BAD]),
        ["FT1313 input.messages[0].role is none of system, developer, user, assistant, tool"],
    ),
    (pair(HI, bad=[BAD]), ["FT1312 preferred_output is not a list of at least one message"]),
    (pair(HI, good=[BYE]), ["FT1312 non_preferred_output is not a list of at least one message"]),
    (
        pair(HI, good="Yes", bad=[BAD]) | {"preferred_output": "Yes"},
        ["FT1312 preferred_output is not a list of at least one message"],
    ),
    (pair(HI, good=[HI, BYE], bad=[BAD]), ["FT1313 preferred_output[0].role is none of assistant, tool"]),
    (
        pair(HI, good=[BYE], bad=[say("system"), BAD]),
        ["FT1313 non_preferred_output[0].role is none of assistant, tool"],
    ),
    (
        pair(HI, call(), good=[BYE], bad=[ANSWERED], tools=[TOOL]),
        ["FT1315 non_preferred_output has no assistant message"],
    ),
    (
        pair(HI, good=[call("refund")], bad=[BAD], tools=[TOOL]),
        ["FT1319 preferred_output[0].tool_calls[0].function.name is not among the example's tools"],
    ),
    (
        pair(HI, good=[ANSWERED, BYE], bad=[BAD]),
        ["FT1321 preferred_output[0].tool_call_id is not the id of an earlier tool call"],
    ),
    (
        pair(HI, good=[say("assistant", 1)], bad=[BAD]),
        ["FT1320 preferred_output[0].content is neither a string nor a list of at least one part"],
    ),
    (pair(HI, good=[BYE], bad=[BAD | {"weight": 3}]), ["FT1317 non_preferred_output[0].weight is neither 0 nor 1"]),
    (pair(HI, good=[BYE], bad=[BAD], functions=[]), ["FT1318 input.functions is deprecated"]),
    (pair(HI, good=[BYE], bad=[BAD], tools=3), ["FT1312 input.tools is not a list"]),
]


@pytest.mark.parametrize(("row", "expected"), WRONG, ids=[texts[0] for _, texts in WRONG])
def test_what_is_wrong_with_an_example(tmp_path, row, expected):
    report = look(tmp_path / "pairs.jsonl", fill(good(99, "preference"), row, format="preference"), "preference")
    assert said(report) == [f"2 {text}" for text in expected]
    assert report.sound == 49


def test_a_misspelt_key_is_asked_about(tmp_path):
    row = pair(HI, good=[BYE], bad=[BAD])
    row["prefered_output"] = row.pop("preferred_output")
    (finding,) = look(tmp_path / "pairs.jsonl", fill(row, format="preference"), "preference").findings
    assert finding.fix == 'Did you mean "preferred_output" by "prefered_output"?'


ODD = [
    (pair(HI, good=[BYE], bad=[BYE]), "FT1360 preferred_output and non_preferred_output are the same"),
    (pair(HI, good=[say("assistant", "")], bad=[BAD]), "FT1355 preferred_output[0].content says nothing"),
    (pair(HI, good=[BYE], bad=[BAD], model="x"), "FT1359 nothing reads input.model"),
    (pair(HI, good=[BYE], bad=[BAD]) | {"score": 1}, "FT1359 nothing reads score"),
]


@pytest.mark.parametrize(("row", "expected"), ODD, ids=[text for _, text in ODD])
def test_what_is_odd_is_a_warning(tmp_path, row, expected):
    report = look(tmp_path / "pairs.jsonl", fill(good(99, "preference"), row, format="preference"), "preference")
    assert said(report) == [f"2 {expected}"]
    assert (report.errors, report.sound) == (0, 50)
