"""The rules of chat data, each through a file: what is taken, what is wrong, and what is only odd."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest

from ftctl.core.codes import CODES
from ftctl.core.errors import Exit
from ftctl.data.images import LARGEST, MOST_IMAGES
from tests.data.rows import SHOWN, TOOL, call, data_uri, example, fill, good, image, look, png, said, say

HI, BYE = say("user"), say("assistant")
PART = {"type": "text", "text": "Look!"}
WEBP = b"RIFF\0\0\0\0WEBPVP8 " + bytes(40)
JPEG = b"\xff\xd8\xff\xe0" + bytes(60)


def shown(*parts: Any) -> dict[str, Any]:
    return example(say("user", [*parts]), BYE)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "train.jsonl"


SOUND = {
    "a tool call at the end": example(HI, call(), tools=[TOOL], parallel_tool_calls=False),
    "a tool call answered": example(HI, call(), say("tool", tool_call_id="call_1"), BYE, tools=[TOOL]),
    "a tool call with text": example(HI, call() | {"content": "I look."}, tools=[TOOL]),
    "weights": example(HI, BYE | {"weight": 0}, HI, BYE | {"weight": 1}),
    "an image": shown(image(), PART),
    "as many images as there may be": shown(*[image()] * MOST_IMAGES),
    "details of images": shown(*(image(detail=detail) for detail in ("low", "high", "auto", None))),
    "embedded images": shown(
        image(data_uri(png())), image(data_uri(png(6))), image(data_uri(WEBP, "image/webp")), image(data_uri(JPEG))
    ),
    "a data URI with parameters, in capitals": shown(image(data_uri(JPEG).replace("image/png", "IMAGE/JPEG;a=b"))),
    "the largest image": shown(image(data_uri(png(size=LARGEST)))),
    "parts": example(say("user", [PART]), say("assistant", [PART])),
    "keys that are null": example(
        HI, BYE | {"weight": None, "tool_calls": None, "audio": None}, tools=None, functions=None
    ),
    "a name": example(HI | {"name": "Ada"}, BYE),
    "a refusal": example(HI, {"role": "assistant", "refusal": "No."}),
    "a developer": example(say("developer", "Be kind."), HI, BYE),
    "a tool with everything": example(
        HI, BYE, tools=[{"type": "function", "function": {"name": "a-B_9", "description": "", "strict": None}}]
    ),
}


@pytest.mark.parametrize("row", SOUND.values(), ids=SOUND)
def test_what_azure_takes_is_taken(file, row):
    assert said(look(file, fill(row))) == []


NO_PART = "FT1320 messages[0].content[0] is neither a text part nor an image part"
URL = "messages[0].content[0].image_url.url"
WRONG: list[tuple[Any, str]] = [
    ([], "FT1311 the example is not an object"),
    (None, "FT1311 the example is not an object"),
    ({}, "FT1312 messages is missing"),
    ({"messages": {}}, "FT1312 messages is not a list of at least one message"),
    ({"messages": None}, "FT1312 messages is not a list of at least one message"),
    (example(), "FT1312 messages is not a list of at least one message"),
    ({"input": {}}, "FT1312 messages is missing; this looks like preference data"),
    ({"conversations": []}, "FT1312 messages is missing; this looks like ShareGPT data"),
    ({"prompt": "Once", "completion": " upon"}, "FT1325 the example is a prompt with its completion"),
    (example("hi", HI, BYE), "FT1312 messages[0] is not an object"),
    (example(HI, {"content": "x"}, BYE), "FT1313 messages[1].role is missing"),
    (example(HI, say(["user"]), BYE), "FT1313 messages[1].role is none of system, developer, user, assistant, tool"),
    (example(say("system"), BYE), "FT1314 the example has no user message"),
    (example(HI), "FT1315 the example has no assistant message"),
    (example(HI, BYE, HI), "FT1316 messages[2] is the last message and not the assistant's"),
    (example(HI, BYE | {"weight": 2}), "FT1317 messages[1].weight is neither 0 nor 1"),
    (example(HI, BYE | {"weight": "1"}), "FT1317 messages[1].weight is neither 0 nor 1"),
    (example(HI, BYE | {"weight": True}), "FT1317 messages[1].weight is neither 0 nor 1"),
    (example(HI, BYE | {"weight": 0.5}), "FT1317 messages[1].weight is neither 0 nor 1"),
    (example(HI, BYE | {"weight": 0}, HI, BYE | {"weight": 0}), "FT1326 every assistant message has the weight 0"),
    (example(HI | {"name": 1}, BYE), "FT1312 messages[0].name is not a string"),
    (example(HI, BYE | {"refusal": 1}), "FT1312 messages[1].refusal is not a string"),
    (example(HI, BYE, functions=[]), "FT1318 functions is deprecated"),
    (
        example(HI, say("assistant", None, function_call={"name": "f"})),
        "FT1318 messages[1].function_call is deprecated",
    ),
    (
        example(HI, BYE | {"audio": {"id": "a"}}),
        "FT1320 messages[1].audio is spoken; only text and images are trained on",
    ),
    (example(say("user", 7), BYE), "FT1320 messages[0].content is neither a string nor a list of at least one part"),
    (example(say("user", []), BYE), "FT1320 messages[0].content is neither a string nor a list of at least one part"),
    (example(say("user", None), BYE), "FT1320 messages[0].content is missing"),
    (example(say("system", None), HI, BYE), "FT1320 messages[0].content is missing"),
    (example(HI, {"role": "assistant"}), "FT1320 messages[1].content is missing"),
    (shown({"type": "text"}), NO_PART),
    (shown("text"), NO_PART),
    (shown({"type": "input_audio"}), "FT1320 messages[0].content[0] is audio; only text and images are trained on"),
    (shown({"type": "file"}), "FT1320 messages[0].content[0] is a file; only text and images are trained on"),
    (shown({"type": "input_text", "text": "a"}), "FT1320 messages[0].content[0] is a part of another API"),
    (example(HI, say("assistant", [image()])), "FT1320 messages[1].content[0] is an image outside of a user message"),
    (shown(*[image()] * (MOST_IMAGES + 1)), "FT1324 messages holds 65 images, more than 64"),
    (shown(image("a.png")), f"FT1324 {URL} is neither a web address nor a data URI"),
    (shown(image("")), f"FT1324 {URL} is neither a web address nor a data URI"),
    (shown(image(detail="medium")), "FT1324 messages[0].content[0].image_url.detail is none of auto, low, high"),
    (
        shown({"type": "image_url", "image_url": "https://a.example"}),
        "FT1324 messages[0].content[0].image_url is a string",
    ),
    (shown({"type": "image_url"}), "FT1324 messages[0].content[0].image_url is not an object with a url"),
    (
        shown(image(data_uri(png(), "image/gif"))),
        f"FT1324 {URL} is a data URI of another type than image/jpeg, image/png and image/webp",
    ),
    (shown(image("data:image/png,abc")), f"FT1324 {URL} is a data URI that is not base64"),
    (shown(image(data_uri(png())[:-1])), f"FT1324 {URL} holds base64 that was cut off"),
    (shown(image(data_uri(b""))), f"FT1324 {URL} holds base64 that was cut off"),
    (shown(image("data:image/png;base64,iVBORw0KGg()")), f"FT1324 {URL} holds no base64"),
    (shown(image(data_uri(png(size=LARGEST + 1)))), f"FT1324 {URL} holds an image of more than 10 MB"),
    (shown(image(data_uri(b"GIF89a" + bytes(30)))), f"FT1324 {URL} holds no JPEG, PNG or WEBP image"),
    (shown(image(data_uri(png(3)))), f"FT1324 {URL} holds a PNG in grey or with a palette, not in RGB or RGBA"),
    (example(HI, BYE, tools={}), "FT1312 tools is not a list"),
    (example(HI, BYE, tools=[TOOL, {"type": "function"}]), "FT1312 tools[1] is not a function with a name"),
    (
        example(HI, BYE, tools=[{"type": "function", "function": {"name": "a b"}}]),
        "FT1327 tools[0].function.name is not 1 to 64 letters, digits, underscores and dashes",
    ),
    (
        example(HI, BYE, tools=[{"type": "function", "function": {"name": "a", "parameters": "{}"}}]),
        "FT1312 tools[0].function.parameters is not an object",
    ),
    (
        example(HI, BYE, tools=[{"type": "function", "function": {"name": "a", "strict": 1}}]),
        "FT1312 tools[0].function.strict is not true or false",
    ),
    (example(HI, BYE, parallel_tool_calls="no"), "FT1312 parallel_tool_calls is not true or false"),
    (example(HI, call()), "FT1319 messages[1].tool_calls[0].function.name is not among the example's tools"),
    (
        example(HI, call("refund"), tools=[TOOL]),
        "FT1319 messages[1].tool_calls[0].function.name is not among the example's tools",
    ),
    (example(HI, BYE | {"tool_calls": {}}), "FT1312 messages[1].tool_calls is not a list of at least one call"),
    (
        example(HI, BYE | {"tool_calls": [{"id": "a"}]}),
        "FT1312 messages[1].tool_calls[0] is not a call of a function by its name",
    ),
    (
        example(HI, call(arguments={}), tools=[TOOL]),
        "FT1312 messages[1].tool_calls[0].function.arguments is not a string of JSON",
    ),
    (example(HI, call(id=1), tools=[TOOL]), "FT1312 messages[1].tool_calls[0].id is not a string"),
    (
        example(call() | say("user"), BYE, tools=[TOOL]),
        "FT1312 messages[0].tool_calls stands in a message that is not the assistant's",
    ),
    (
        example(HI, say("tool", tool_call_id="call_1"), call(), tools=[TOOL]),
        "FT1321 messages[1].tool_call_id is not the id of an earlier tool call",
    ),
    (example(HI, say("tool"), BYE), "FT1321 messages[1].tool_call_id is not the id of an earlier tool call"),
]


@pytest.mark.parametrize(("row", "expected"), WRONG, ids=[f"{n} {text[:60]}" for n, (_, text) in enumerate(WRONG)])
def test_what_is_wrong_with_an_example(file, row, expected):
    report = look(file, fill(example(HI, BYE), row))
    assert said(report) == [f"2 {expected}"]
    assert (report.examples, report.sound, report.errors) == (50, 49, 1)


@pytest.mark.parametrize(
    ("role", "meant"),
    [
        ("Assistant ", "assistant"),
        ("human", "user"),
        ("gpt", "assistant"),
        ("function", "tool"),
        ("asistant", "assistant"),
    ],
)
def test_a_role_that_was_nearly_right(file, role, meant):
    (finding,) = look(file, fill(example(HI, BYE, say(role), BYE))).findings
    assert (finding.code, finding.fix) == ("FT1313", f'Did you mean "{meant}"?')


def test_a_role_that_is_nothing_like_one(file):
    (finding,) = look(file, fill(example(HI, BYE, say("zq"), BYE))).findings
    assert (finding.code, finding.fix) == ("FT1313", "")


@pytest.mark.parametrize(
    ("row", "fix"),
    [
        ({"mesages": [HI, BYE]}, 'Did you mean "messages" by "mesages"?'),
        ({"4111-message": [HI, BYE]}, ""),
        ({"input": {}}, "Set `format: preference`, or convert the file to chat examples."),
        (shown({"type": "image_url", "image_url": "x"}), 'Write the address as {"url": "..."}.'),
        (shown({"type": "input_text", "text": "a"}), 'Did you mean the type "text"?'),
    ],
)
def test_fixes_that_know_what_was_meant(file, row, fix):
    (finding,) = look(file, fill(row)).findings
    assert finding.fix == fix


LONG = "This sentence goes on for long enough that nobody would take it for a label, a title "
ODD: list[tuple[Any, str]] = [
    (example(HI, BYE, id="x"), "FT1359 nothing reads id"),
    (example(HI, BYE | {"wieght": 0}), "FT1359 nothing reads messages[1].wieght"),
    (example(HI | {"weight": 1}, BYE), "FT1359 nothing reads messages[0].weight"),
    (example(HI, BYE | {"user 7": 0}), "FT1359 nothing reads messages[1].*"),
    (
        example(say("system", "A"), HI, say("system", "B"), BYE),
        "FT1354 messages[2].content differs from the system message before it",
    ),
    (example(HI, say("assistant", "")), "FT1355 messages[1].content says nothing"),
    (example(HI, say("assistant", " \n...")), "FT1355 messages[1].content says nothing"),
    (example(HI, say("assistant", [{"type": "text", "text": "-"}])), "FT1355 messages[1].content says nothing"),
    (example(HI, say("assistant", "Run:\n```sh\nls")), "FT1356 messages[1].content ends inside a code block"),
    (example(HI, say("assistant", LONG + "or the")), "FT1356 messages[1].content ends in the middle of a sentence"),
    (example(HI, say("assistant", LONG + "or a name,")), "FT1356 messages[1].content ends in the middle of a sentence"),
    (example(HI, say("assistant", '{"name": "Ada", "born')), "FT1356 messages[1].content is JSON that is cut off"),
    (
        example(HI, call(arguments='{"id": '), tools=[TOOL]),
        "FT1361 messages[1].tool_calls[0].function.arguments is not a JSON object",
    ),
]


@pytest.mark.parametrize(("row", "expected"), ODD, ids=[text for _, text in ODD])
def test_what_is_odd_is_a_warning(file, row, expected):
    report = look(file, fill(good(99, "chat"), row))
    mine = [finding for finding in report.findings if finding.line == 2 and not finding.what.startswith("there are")]
    assert [f"{finding.code} {finding.what}" for finding in mine] == [expected]
    assert all(finding.warning for finding in mine)
    assert (report.errors, report.sound) == (0, 50)


ANSWERS = [
    *(
        "6",
        "Yes",
        "+",
        ">",
        "N/A",
        "안녕하세요",
        "👍",
        "1, 2, 3",
        "Option A",
        "Live and",
        "one, two,",
        "https://a.example/b",
    ),
    *("```\ncode\n```", "~~~\ncode\n~~~", "Use ``` to begin a block of code.", "- one\n- two"),
    *('{"a": 1}', '[{"a": 1}]\n', "{name} is filled in", "def f():\n    return {\n        'a': 1,\n    }"),
    *(LONG + end for end in ("or a name", "it wants to", "and so on …", "and the answer is a", "\n\nYours\nAda")),
    "Der Satz geht lange genug weiter, dass niemand ihn für eine Überschrift hält, und hat keinen Punkt",
]


@pytest.mark.parametrize("answer", ANSWERS)
def test_answers_that_are_just_right(file, answer):
    assert said(look(file, fill(example(HI, say("assistant", answer))))) == []


def test_nothing_is_said_of_answers_that_are_not_learned(file):
    silent = example(HI, say("assistant", "", weight=0), HI, BYE, tools=[TOOL])
    called = example(HI, call() | {"content": ""}, tools=[TOOL])
    refused = example(HI, say("assistant", "", refusal="No."))
    assert said(look(file, fill(silent, called, refused))) == []


def test_what_cuts_a_data_uri_off_after_its_head_is_not_decoded(file):
    """A megabyte of base64 is not gone through for what only its end could tell."""
    long = base64.b64encode(png(size=3_000_000)).decode()
    assert said(look(file, fill(shown(image("data:image/png;base64," + long[:-4] + "****"))))) == []


def test_the_codes_of_data_are_errors_and_warnings():
    mine = {name: code for name, code in CODES.items() if name.startswith("FT13")}
    assert {name for name, code in mine.items() if code.exit is Exit.DONE} == {
        n for n in mine if "FT1350" <= n < "FT1399"
    }
    assert {code.exit for code in mine.values()} == {Exit.DATA, Exit.DONE}
    assert SHOWN not in "".join(code.why + code.fix for code in mine.values())
