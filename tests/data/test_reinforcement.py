"""The rules of reinforcement data, each through a file, and of the templates of its graders."""

from __future__ import annotations

from typing import Any

import pytest

from ftctl.core.codes import CODES
from ftctl.data.reinforcement import template_faults
from tests.data.rows import TOOL, example, fill, good, image, look, said, say

HI, BYE = say("user"), say("assistant")

SOUND = {
    "a question": example(HI),
    "what graders need": example(HI, answer=7, sources=["a"], nested={"a": None}),
    "tools": example(say("developer", "A"), HI, tools=[TOOL], parallel_tool_calls=True),
    "a conversation": example(HI, BYE, HI),
    "an image": example(say("user", [image()])),
}


@pytest.mark.parametrize("row", SOUND.values(), ids=SOUND)
def test_what_azure_takes_is_taken(tmp_path, row):
    report = look(tmp_path / "r.jsonl", fill(row, format="reinforcement"), "reinforcement")
    assert said(report) == []
    assert report.item_keys == {"answer": 49} | {key: 1 for key in ("nested", "sources") if key in row} | (
        {"answer": 50} if "answer" in row else {}
    )


WRONG: list[tuple[Any, str]] = [
    ("hi", "FT1311 the example is not an object"),
    ({"question": "?"}, "FT1312 messages is missing"),
    (example(), "FT1312 messages is not a list of at least one message"),
    (example(HI, BYE), "FT1328 messages[1] is the last message and not the user's"),
    (example(say("system", "A")), "FT1328 messages[0] is the last message and not the user's"),
    (example(say("usr"), HI), "FT1313 messages[0].role is none of system, developer, user, assistant, tool"),
    (example(say("user", None)), "FT1320 messages[0].content is missing"),
    (example(HI, tools="none"), "FT1312 tools is not a list"),
    (example(HI, function_call="auto"), "FT1318 function_call is deprecated"),
]


@pytest.mark.parametrize(("row", "expected"), WRONG, ids=[text for _, text in WRONG])
def test_what_is_wrong_with_an_example(tmp_path, row, expected):
    rows = fill(good(99, "reinforcement"), row, format="reinforcement")
    assert said(look(tmp_path / "r.jsonl", rows, "reinforcement")) == [f"2 {expected}"]


@pytest.mark.parametrize(
    "template",
    [
        "",
        "{ } }} plain",
        "{{item.answer}}",
        "{{item.answer}} and {{sample.output_text}}",
        "{{item.nested.deep}}",
        "{{sample.output_json.answer}}",
    ],
)
def test_templates_that_are_right(template):
    assert list(template_faults(template, {"answer", "nested"})) == []


@pytest.mark.parametrize(
    ("template", "code", "what", "fix"),
    [
        (
            "{{ item.answer }}",
            "FT1329",
            "{{ item.answer }} is neither {{item.name}} nor {{sample.name}}",
            "Write {{item.answer}}.",
        ),
        ("{{item.answer[0]}}", "FT1329", "{{item.answer[0]}} is neither {{item.name}} nor {{sample.name}}", ""),
        ("{{answer}}", "FT1329", "{{answer}} is neither {{item.name}} nor {{sample.name}}", ""),
        ("{{}}", "FT1329", "{{}} is neither {{item.name}} nor {{sample.name}}", ""),
        ("ab {{item.answer", "FT1329", "the template's {{ at character 4 is not closed", ""),
        ("{{item.anwser}}", "FT1330", "{{item.anwser}} names what no example has", 'Did you mean "answer"?'),
        (
            "{{sample.output_txt}}",
            "FT1330",
            "{{sample.output_txt}} names what no sample has",
            'Did you mean "output_text"?',
        ),
    ],
)
def test_templates_that_are_wrong(template, code, what, fix):
    (fault,) = template_faults(template, ["answer"])
    assert (fault.code, fault.what, fault.fix) == (code, what, fix)
    assert fault.code in CODES


def test_every_reference_of_a_template_is_looked_at():
    faults = list(template_faults("{{item.a}} {{item.b}} {{ item.c }} {{item.a}}", ["a"]))
    assert [fault.code for fault in faults] == ["FT1330", "FT1329"]
