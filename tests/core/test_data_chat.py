"""Chat data through the one door there is: a file goes in, a report comes out."""

from __future__ import annotations

import hashlib
import json
import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ftctl.core.codes import CODES
from ftctl.core.errors import Exit, Where
from ftctl.data import chat
from ftctl.data.chat import Checked, check

SHOWN = "data/train.jsonl"
SPEC = Where("specs/stack.yaml", 30, 12)
TOOL = {"type": "function", "function": {"name": "track", "parameters": {"type": "object"}}}


def say(role: str, content: Any = "text", **more: Any) -> dict[str, Any]:
    return {"role": role, "content": content, **more}


def example(*messages: Any, **more: Any) -> dict[str, Any]:
    return {"messages": [*messages], **more}


def call(name: Any = "track", id: Any = "call_1", arguments: Any = "{}") -> dict[str, Any]:  # noqa: A002  the wire's word
    return say(
        "assistant",
        None,
        tool_calls=[{"id": id, "type": "function", "function": {"name": name, "arguments": arguments}}],
    )


GOOD = example(say("system", "Be kind."), say("user", "Hello?"), say("assistant", "Good day!"))


def examine(path: Path, content: bytes) -> Checked:
    path.write_bytes(content)
    return check(path, SHOWN, where=SPEC)


def lines(*examples: Any, fill: int = 10) -> bytes:
    """The examples as JSON Lines, followed by good ones up to `fill`."""
    rows = [*examples, *[GOOD] * (fill - len(examples))]
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


def told(checked: Checked) -> list[tuple[str, str, str]]:
    return [(p.code, str(p.where), p.what) for p in checked.problems]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "train.jsonl"


def test_a_sound_file_is_measured_as_it_stands(file):
    content = lines()
    assert examine(file, content) == Checked(
        sha256=hashlib.sha256(content).hexdigest(),
        size=len(content),
        examples=10,
        system="Be kind.",
        systems=1,
        tokens_estimate=10 * (-(-(8 + 6 + 16 + 13 + 0) // 4) + 3 * 3 + 3),
    )


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"\xef\xbb\xbf" + lines(), id="byte order mark"),
        pytest.param(lines().replace(b"\n", b"\r\n"), id="CRLF"),
        pytest.param(lines()[:-1], id="no newline at the end"),
        pytest.param(b"\n \t\r\n" + lines().replace(b"\n", b"\n\n") + b"\n\n", id="blank lines"),
        pytest.param(lines().replace(b"Hello?", "Grüße \u2028 안녕?".encode()), id="beyond ASCII"),
    ],
)
def test_the_shapes_a_text_file_comes_in(file, content):
    checked = examine(file, content)
    assert not checked.problems
    assert (checked.examples, checked.system) == (10, "Be kind.")
    assert (checked.size, checked.sha256) == (len(content), hashlib.sha256(content).hexdigest())


def test_lines_are_numbered_as_an_editor_does(file):
    (problem,) = examine(file, b"\xef\xbb\xbf\r\n\r\n[]\r\n" + lines()).problems
    assert problem.where == Where(SHOWN, 3)


def test_system_messages_are_counted_by_their_text(file):
    parts = example(
        say("developer", [{"type": "text", "text": "Be "}, {"type": "text", "text": "kind."}]), *GOOD["messages"][1:]
    )
    checked = examine(file, lines(parts))
    assert (checked.systems, checked.system) == (1, "Be kind.")
    checked = examine(file, lines(example(say("system", "Be brief."), *GOOD["messages"][1:])))
    assert (checked.systems, checked.system) == (2, None)
    checked = examine(file, lines(*[example(*GOOD["messages"][1:])] * 10))
    assert (checked.systems, checked.system) == (0, None)


def test_more_text_means_more_estimated_tokens(file):
    short = examine(file, lines()).tokens_estimate
    long = examine(file, lines(example(say("user", "x" * 4000), say("assistant")))).tokens_estimate
    tools = examine(file, lines({**GOOD, "tools": [TOOL]})).tokens_estimate
    assert 900 < long - short < 1100
    assert short < tools < long


HI, BYE = say("user"), say("assistant")
IMAGE = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}
PART = {"type": "text", "text": "!"}
SOUND = {
    "a tool call at the end": example(HI, call(), tools=[TOOL], parallel_tool_calls=False),
    "a tool call answered": example(HI, call(), say("tool", tool_call_id="call_1"), BYE, tools=[TOOL]),
    "weights": example(HI, BYE | {"weight": 0}, HI, BYE | {"weight": 1}),
    "an image": example(say("user", [IMAGE, PART]), BYE),
    "parts": example(say("user", [PART]), say("assistant", [PART])),
    "keys that are null": example(HI, BYE | {"weight": None, "tool_calls": None}, tools=None, functions=None),
    "a name": example(HI | {"name": "Ada"}, BYE),
    "a refusal": example(HI, {"role": "assistant", "refusal": "No."}),
}


@pytest.mark.parametrize("row", SOUND.values(), ids=SOUND)
def test_what_azure_takes_is_taken(file, row):
    assert told(examine(file, lines(row))) == []


WRONG: list[tuple[Any, str]] = [
    ([], "FT1311 the example is not an object"),
    (None, "FT1311 the example is not an object"),
    ({}, "FT1312 messages is missing"),
    ({"messages": {}}, "FT1312 messages is not a list of at least one message"),
    (example(), "FT1312 messages is not a list of at least one message"),
    ({"input": {}}, "FT1312 messages is missing; this looks like preference data"),
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
    (example(HI | {"name": 1}, BYE), "FT1312 messages[0].name is not a string"),
    (example(HI, BYE, functions=[]), "FT1318 functions is deprecated"),
    (
        example(HI, say("assistant", None, function_call={"name": "f"})),
        "FT1318 messages[1].function_call is deprecated",
    ),
    (example(say("user", 7), BYE), "FT1320 messages[0].content is neither a string nor a list of at least one part"),
    (example(say("user", []), BYE), "FT1320 messages[0].content is neither a string nor a list of at least one part"),
    (example(HI, {"role": "assistant"}), "FT1320 messages[1].content is missing"),
    (
        example(say("user", [IMAGE, {"type": "text"}]), BYE),
        "FT1320 messages[0].content[1] is neither a text part nor an image part",
    ),
    (example(HI, say("assistant", [IMAGE])), "FT1320 messages[1].content[0] is an image outside of a user message"),
    (example(HI, BYE, tools={}), "FT1312 tools is not a list"),
    (example(HI, BYE, tools=[TOOL, {"type": "function"}]), "FT1312 tools[1] is not a function with a name"),
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
]


@pytest.mark.parametrize(("row", "expected"), WRONG)
def test_what_is_wrong_with_an_example(file, row, expected):
    checked = examine(file, lines(GOOD, row))
    assert [f"{p.code} {p.what}" for p in checked.problems] == [expected]
    assert checked.problems[0].where == Where(SHOWN, 2)
    assert checked.examples == 10
    assert checked.systems == 1  # of the sound ones


@pytest.mark.parametrize(
    ("role", "fix"), [("Assistant ", "assistant"), ("human", "user"), ("gpt", "assistant"), ("function", "tool")]
)
def test_a_role_that_somebody_meant_otherwise(file, role, fix):
    problems = examine(file, lines(example(say("user"), say(role), say("assistant")))).problems
    assert {p.fix for p in problems if p.code == "FT1313"} == {f'Did you mean "{fix}"?'}


@pytest.mark.parametrize(
    ("line", "code", "column"),
    [
        (b"nonsense", "FT1310", 1),
        (b'{"messages": ]}', "FT1310", 14),
        ('{"안녕": ]}'.encode(), "FT1310", 8),
        (b'{"messages": [', "FT1310", 15),
        (b'{"messages": []} {}', "FT1310", 18),
        (b'{"n": 1e999}', "FT1310", 0),
        (b'{"n": NaN}', "FT1310", 0),
        (rb'{"n": "\ud800"}', "FT1310", 0),
        (b'{"n": ' + b"9" * 5000 + b"}", "FT1310", 0),
        (b'{"n": "open', "FT1310", 7),
        (b'{"a": "\xff"}', "FT1308", 8),
        (b"\xff\xfe", "FT1308", 1),
        (b"[" * 100_000, "FT1312", 0),
    ],
)
def test_lines_that_are_no_json(file, line, code, column):
    (problem,) = examine(file, lines(fill=1) + line + b"\n" + lines()).problems
    assert (problem.code, problem.where) == (code, Where(SHOWN, 2, column))


def test_every_problem_of_a_file_is_found_at_once(file):
    checked = examine(file, lines([], example(HI), example(HI, BYE, tools=1)))
    assert [p.code for p in checked.problems] == ["FT1311", "FT1315", "FT1312"]


@pytest.mark.parametrize(
    ("content", "what"),
    [(b"", "is empty"), (b"\n", "has 0 examples, fewer than 10"), (lines(fill=1), "has 1 example, fewer than 10")],
)
def test_too_few_examples(file, content, what):
    (problem,) = examine(file, content).problems
    assert (problem.what, problem.where) == (f"{SHOWN} {what}", Where(SHOWN))
    assert not examine(file, lines(fill=10)).problems
    assert examine(file, lines(fill=9)).problems


def test_the_rest_is_counted_and_the_file_as_a_whole_comes_first(file):
    assert len(examine(file, b"x\n" * 20).problems) == 20
    problems = examine(file, b"x\n" * 3021).problems
    assert (len(problems), problems[-1].what) == (21, f"3,001 more problems in {SHOWN}")
    assert examine(file, b"x\n" * 21).problems[-1].what == f"1 more problem in {SHOWN}"
    assert examine(file, lines(example(*["x"] * 30), fill=2)).problems[0].code == "FT1307"


def test_a_line_too_long_is_passed_over(file, monkeypatch):
    monkeypatch.setattr(chat, "LINE_LIMIT", 1000)
    monkeypatch.setattr(chat, "_CHUNK", 64)
    content = lines(fill=2) + b"x" * 5000 + b"\n" + lines() + b"x" * 1001
    checked = examine(file, content)
    assert told(checked) == [("FT1309", f"{SHOWN}:{n}", "the line is longer than 1,000 bytes") for n in (3, 14)]
    assert checked.examples == 14
    assert (checked.size, checked.sha256) == (len(content), hashlib.sha256(content).hexdigest())
    assert [p.code for p in examine(file, lines() + b"x" * 1000).problems] == ["FT1310"]


def test_a_file_too_large_is_not_read(file):
    with file.open("wb") as stream:
        stream.truncate(chat.FILE_LIMIT + 1)
    checked = check(file, SHOWN)
    assert told(checked) == [("FT1306", SHOWN, f"{SHOWN} has more than 512,000,000 bytes")]
    assert checked.sha256 == ""


def test_a_pointer_that_was_not_fetched(file):
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 12345\n"
    (problem,) = examine(file, pointer).problems
    assert problem.code == "FT1304"
    assert "git lfs pull" in problem.fix


def test_utf_16_is_said_once(file):
    assert [p.code for p in examine(file, lines().decode().encode("utf-16")).problems] == ["FT1308"]


def bind(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))


SPECIAL: dict[str, tuple[str, Callable[[Path], object]]] = {
    "missing": ("FT1300", lambda _: None),
    "dangling": ("FT1300", lambda path: path.symlink_to(path.parent / "nowhere")),
    "train.jsonl/below-a-file": ("FT1300", lambda path: path.parent.touch()),
    "a\0b": ("FT1300", lambda _: None),
    "directory": ("FT1301", Path.mkdir),
    "fifo": ("FT1302", os.mkfifo),
    "socket": ("FT1302", bind),
    "loop": ("FT1303", lambda path: path.symlink_to(path)),
    "x" * 5000: ("FT1303", lambda _: None),
}


@pytest.mark.skipif(sys.platform == "win32", reason="no such files there")
@pytest.mark.parametrize("name", SPECIAL, ids=ascii)
def test_what_is_no_readable_file_is_said_where_its_path_stands(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)  # a socket's path must be short
    code, make = SPECIAL[name]
    make(Path(name))
    assert [(p.code, p.where) for p in check(Path(name), SHOWN, where=SPEC).problems] == [(code, SPEC)]
    assert check(Path(name), SHOWN).problems[0].where == Where(SHOWN)


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="Linux has a file that opens and cannot be read")
def test_a_file_that_opens_and_cannot_be_read():
    (problem,) = check(Path("/proc/self/mem"), SHOWN).problems
    assert problem.code == "FT1303"


def test_a_device_is_left_alone():
    assert [p.code for p in check(Path(os.devnull), SHOWN).problems] == ["FT1302"]


ROOT = Path(__file__).parents[2]
OWN = [str(path.relative_to(ROOT)) for folder in ("specs", "examples") for path in (ROOT / folder).rglob("*.jsonl")]


@pytest.mark.parametrize("path", OWN)
def test_the_repository_s_own_data_is_sound(path):
    checked = check(ROOT / path, path)
    assert not checked.problems
    assert checked.system


def test_every_code_ends_as_bad_data():
    mine = [code for name, code in CODES.items() if name.startswith("FT13")]
    assert len(mine) >= 23
    assert {code.exit for code in mine} == {Exit.DATA}
    assert all(code.title and code.why and code.fix for code in mine)


anything = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
MARK = "zebra"  # in every text of the data, in none of ours
KEYS = ["messages", "role", "content", "tools", "tool_calls", "function", "name", "type", "weight", "id", MARK]
TEXTS = [MARK, "system", "user", "assistant", "tool", "function", "text", "image_url", f"{MARK}\u2603"]
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-2, 2)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(TEXTS)
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4),
    max_leaves=12,
)
messages = st.lists(st.fixed_dictionaries({}, optional=dict.fromkeys(KEYS, values)) | values, max_size=3)
examples = values | st.fixed_dictionaries({"messages": messages}, optional={"tools": values, "functions": values})


def sane(checked: Checked) -> None:
    assert len(checked.problems) <= 21
    for problem in checked.problems:
        assert problem.code in CODES
        assert problem.what
        assert problem.fix
        assert MARK not in f"{problem}"


@anything
@given(content=st.binary(max_size=300))
def test_any_bytes_are_reported_on(file, content):
    checked = examine(file, content)
    sane(checked)
    assert checked.problems  # ten examples do not fit into 300 bytes


@anything
@given(rows=st.lists(examples, max_size=3), junk=st.binary(max_size=20))
def test_any_json_is_reported_on_and_never_quoted(file, rows, junk):
    sane(examine(file, lines(*rows) + b'{"messages": "zebra' + junk))
