"""Good files, each broken in one place in each way there is: the break is found, on its line, by its code."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ftctl.core.codes import CODES
from ftctl.data.report import Format
from tests.data.rows import TOOL, call, data_uri, everything, example, good, image, look, png, say

DATASETS = Path(__file__).parents[3] / "shared" / "azure" / "datasets"
Row = dict[str, Any]
Break = Callable[[Row], Any]


def varied(number: int) -> Row:
    """Chat of every sort, and no two alike."""
    ask, answer = say("user", f"What is {number} and one?"), say("assistant", f"It is {number + 1}.")
    called = call(arguments=json.dumps({"number": number}))
    return [
        example(say("system", "Be kind."), ask, answer),
        example(ask, answer | {"weight": 0}, say("user", "Sure?"), say("assistant", "Yes.", weight=1)),
        example(ask, called, say("tool", str(number + 1), tool_call_id="call_1"), answer, tools=[TOOL]),
        example(say("user", [{"type": "text", "text": f"Picture {number}?"}, image(), image(data_uri(png()))]), answer),
        example(ask, called, tools=[TOOL], parallel_tool_calls=False),
    ][number % 5]


def preferred(number: int) -> Row:
    row = good(number, "preference")
    return row if number % 2 else {**row, "input": {**row["input"], "tools": [TOOL]}, "preferred_output": [call()]}


def graded(number: int) -> Row:
    return good(number, "reinforcement") | ({"tools": [TOOL]} if number % 2 else {})


def at(*path: Any, value: Any) -> Break:
    """Set what stands at a path."""

    def change(row: Row) -> Row:
        *way, last = path
        inner: Any = row
        for step in way:
            inner = inner[step]
        inner[last] = value
        return row

    return change


def without(*path: Any) -> Break:
    def change(row: Row) -> Row:
        *way, last = path
        inner: Any = row
        for step in way:
            inner = inner[step]
        del inner[last]
        return row

    return change


def more(role: str, **keys: Any) -> Break:
    """Add a message at the end."""
    return lambda row: row["messages"].append(say(role, **keys)) or row


def unlearned(row: Row) -> Row:
    for message in row["messages"]:
        if message["role"] == "assistant":
            message["weight"] = 0
    return row


MESSAGES: dict[str, tuple[str, Break]] = {  # that break chat and reinforcement data alike
    "not an object": ("FT1311", lambda row: [row]),
    "no messages": ("FT1312", without("messages")),
    "messages of another type": ("FT1312", at("messages", value="Hello")),
    "no message": ("FT1312", at("messages", value=[])),
    "a message of another type": ("FT1312", at("messages", 0, value="Hello")),
    "no role": ("FT1313", without("messages", 0, "role")),
    "an unknown role": ("FT1313", at("messages", 0, "role", value="human")),
    "no content": ("FT1320", without("messages", 0, "content")),
    "content that is a number": ("FT1320", at("messages", 0, "content", value=3)),
    "an unknown part": ("FT1320", at("messages", 0, "content", value=[{"type": "video"}])),
    "too many images": ("FT1324", at("messages", -1, value=say("user", [image()] * 65))),
    "functions": ("FT1318", at("functions", value=[])),
    "a function call": ("FT1318", at("messages", 0, "function_call", value={"name": "f"})),
    "a wrong weight": ("FT1317", at("messages", 0, "weight", value=2)),
    "a wrong name": ("FT1312", at("messages", 0, "name", value=["Ada"])),
    "wrong tools": ("FT1312", at("tools", value={"name": "track"})),
    "a tool that may not be called so": (
        "FT1327",
        at("tools", value=[{"type": "function", "function": {"name": "track it"}}]),
    ),
    "a wrong parallel_tool_calls": ("FT1312", at("parallel_tool_calls", value="false")),
    "an answer to no call": ("FT1321", lambda row: row["messages"].insert(0, say("tool", tool_call_id="none")) or row),
    "a call without its tool": ("FT1319", lambda row: row["messages"].insert(0, call("steer")) or row),
    "a call of another shape": ("FT1312", lambda row: row["messages"].insert(0, call(arguments={})) or row),
}
BREAKS: dict[Format, dict[str, tuple[str, Break]]] = {
    "chat": MESSAGES
    | {
        "a completion": ("FT1325", lambda _: {"prompt": "Once", "completion": "upon"}),
        "no user": ("FT1314", lambda row: example(*(m for m in row["messages"] if m["role"] != "user"), tools=[TOOL])),
        "no assistant": ("FT1315", lambda row: example(row["messages"][0], say("user"))),
        "the user at the end": ("FT1316", more("user")),
        "all weights 0": ("FT1326", unlearned),
        "an image from the assistant": ("FT1320", at("messages", -1, "content", value=[image()])),
        "an image of the wrong kind": ("FT1324", at("messages", 0, value=say("user", [image("file:///a.png")]))),
    },
    "reinforcement": MESSAGES | {"the assistant at the end": ("FT1328", more("assistant"))},
    "preference": {
        f"{name}, in the prompt": (code, lambda row, change=change: row | {"input": change(row["input"])})
        for name, (code, change) in MESSAGES.items()
        if name != "not an object"
    }
    | {
        "not an object": ("FT1311", json.dumps),
        "no prompt": ("FT1312", without("input")),
        "no preferred output": ("FT1312", without("preferred_output")),
        "no other output": ("FT1312", without("non_preferred_output")),
        "an output that is a string": ("FT1312", at("preferred_output", value="Yes.")),
        "an output from the user": ("FT1313", at("preferred_output", 0, "role", value="user")),
        "an output without the assistant": ("FT1315", at("non_preferred_output", 0, "role", value="tool")),
    },
}
GENERATED: dict[Format, Callable[[int], Row]] = {"chat": varied, "preference": preferred, "reinforcement": graded}
ALL = [(kind, name) for kind, breaks in BREAKS.items() for name in breaks]
REAL_BREAKS = [one for one in ALL if one[0] != "preference"]


def written(rows: list[Any]) -> bytes:
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


def broken(rows: list[Row], number: int, change: Break) -> bytes:
    return written([*rows[:number], change(copy.deepcopy(rows[number])), *rows[number + 1 :]])


@pytest.mark.parametrize("kind", GENERATED)
def test_the_good_files_are_good(tmp_path, kind):
    report = look(tmp_path / "good.jsonl", written([GENERATED[kind](number) for number in range(60)]), kind)
    assert report.counts == {}
    assert (report.examples, report.sound) == (60, 60)


@pytest.mark.parametrize(("kind", "name"), ALL, ids=map(" - ".join, ALL))
def test_every_break_is_found_on_its_line(tmp_path, kind, name):
    code, change = BREAKS[kind][name]
    rows = [GENERATED[kind](number) for number in range(60)]
    for number in (0, 31, 57, 58, 59):
        report = look(tmp_path / "broken.jsonl", broken(rows, number, change), kind)
        errors = [finding for finding in report.findings if not finding.warning]
        assert code in {finding.code for finding in errors}
        assert {finding.line for finding in errors} == {number + 1}
        assert (report.examples, report.sound) == (60, 59)


def test_every_error_of_an_example_is_among_the_breaks():
    """Codes of single examples, but for FT1310, which is no JSON, and those of files and graders."""
    covered = {code for breaks in BREAKS.values() for code, _ in breaks.values()}
    assert {code for code in CODES if "FT1311" <= code <= "FT1328"} - covered == {"FT1322", "FT1323"}


REAL = sorted(DATASETS.glob("*.jsonl"))


@pytest.mark.reference
@pytest.mark.skipif(not REAL, reason="the reference data is not here")
@pytest.mark.parametrize("path", REAL, ids=lambda path: path.name)
def test_what_azure_accepted_has_no_error(tmp_path, path):
    kind: Format = "reinforcement" if path.name.startswith("rft") else "chat"
    content = path.read_bytes()
    report = look(tmp_path / path.name, content, kind)
    assert report.errors == (path.name == "sft_toolcall_validation.jsonl" and report.examples < 10)
    assert not {"FT1355", "FT1356", "FT1357", "FT1358", "FT1359", "FT1361"} & set(report.counts)


@pytest.mark.reference
@pytest.mark.skipif(not REAL, reason="the reference data is not here")
@pytest.mark.parametrize(("kind", "name"), REAL_BREAKS, ids=map(" - ".join, REAL_BREAKS))
def test_every_break_of_real_data_is_found(tmp_path, kind, name):
    code, change = BREAKS[kind][name]
    path = DATASETS / ("rft_countdown_train_100.jsonl" if kind == "reinforcement" else "sft_toolcall_train.jsonl")
    rows = [json.loads(line) for line in path.read_bytes().splitlines()]
    errors = [f for f in look(tmp_path / path.name, broken(rows, 44, change), kind).findings if not f.warning]
    assert code in {finding.code for finding in errors}
    assert {finding.line for finding in errors} == {45}


MARK = "zebra 7"  # in every text of the data, in none of ours; a key that is a mere word may be named
KEYS = ["messages", "role", "content", "tools", "tool_calls", "function", "name", "type", "weight", "id", "input", MARK]
KEYS += ["preferred_output", "non_preferred_output", "image_url", "url", "detail", "arguments", "tool_call_id"]
TEXTS = [
    MARK,
    "system",
    "user",
    "assistant",
    "tool",
    "function",
    "text",
    "image_url",
    f"{MARK}☃",
    f"data:{MARK};base64,",
]
scalars = st.none() | st.booleans() | st.integers(-2, 2) | st.floats(allow_nan=False) | st.sampled_from(TEXTS)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4),
    max_leaves=12,
)
messages = st.lists(st.fixed_dictionaries({}, optional=dict.fromkeys(KEYS, values)) | values, max_size=3)
conversations = st.fixed_dictionaries(
    {"messages": messages}, optional={"tools": values, "functions": values, MARK: values}
)
pairs = st.fixed_dictionaries(
    {"input": conversations | values, "preferred_output": messages, "non_preferred_output": messages}
)


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(rows=st.lists(values | conversations | pairs, max_size=4), kind=st.sampled_from(list(GENERATED)))
def test_any_json_is_reported_on_and_never_quoted(tmp_path, rows, kind):
    report = look(tmp_path / "any.jsonl", b"".join(json.dumps(row).encode() + b"\n" for row in rows), kind)
    assert report.examples == len(rows)
    assert all(finding.code in CODES and finding.what for finding in report.findings)
    assert MARK not in everything(report)
