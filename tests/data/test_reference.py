"""The fast check against plain ones: the long way for every line, and figures made with `json` and dictionaries."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ftctl.data import example as chat
from ftctl.data import lines, preference, reinforcement, short
from ftctl.data.cache import Asked
from ftctl.data.check import check, examine
from ftctl.data.lines import Source
from ftctl.data.report import Checked, Format
from ftctl.data.tokens import tokenizer
from tests.data.rows import SHOWN, TOOL, call, example, good, image, pair, say

FAULTS = {"chat": chat.faults, "preference": preference.faults, "reinforcement": reinforcement.faults}
OUTPUTS = ("preferred_output", "non_preferred_output")
count = tokenizer("o200k_base")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "train.jsonl"


def examined(path: Path, format: Format = "chat", *, quick: bool) -> Checked:  # noqa: A002  the spec's word
    source = Source(path, SHOWN, bom="keep", limit=1 << 30)
    return examine(source, Asked(format, "o200k_base", "keep", ()), short=quick)


# --- figures, in the plainest way


def spoken(messages: list[dict[str, Any]]) -> tuple[int, int, int]:
    """Tokens of messages, of what the assistant says in them, and of those the ones that are estimates."""
    total = learned = estimated = 0
    for message in messages:
        total += 3
        said = []
        for key, value in message.items():
            if isinstance(value, str):
                total += count([value])[0] + (key == "name")
                said += [value] if key == "content" else []
        for part in message["content"] if isinstance(message.get("content"), list) else []:
            if part["type"] == "text":
                total += count([part["text"]])[0]
                said.append(part["text"])
            else:
                guess = 85 if part["image_url"].get("detail") == "low" else 765
                total, estimated = total + guess, estimated + guess
        calls = [call["function"][key] for call in message.get("tool_calls") or [] for key in ("name", "arguments")]
        guess = sum(count([text])[0] for text in calls)
        total, estimated = total + guess, estimated + guess
        if message["role"] == "assistant":
            learned += sum(count([text])[0] for text in said + calls)
    return total, learned, estimated


def weighed(row: dict[str, Any]) -> tuple[int, int, int, int]:
    """Total, assistant, billed and estimated tokens of one example."""
    prompt = row.get("input", row)
    total, learned, estimated = spoken(prompt["messages"])
    offered = count([json.dumps(sort(prompt["tools"]), separators=(",", ":"), ensure_ascii=False)])[0]
    offered = offered if prompt.get("tools") else 0
    total, estimated = total + offered + 3, estimated + offered
    if "input" not in row:
        return total, learned, total, estimated
    first, second = (spoken(row[key]) for key in OUTPUTS)
    billed = 2 * total + first[0] + second[0]
    return total + max(first[0], second[0]), first[1] + second[1], billed, 2 * estimated + first[2] + second[2]


def sort(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: sort(value[key]) for key in sorted(value)}
    return [sort(inner) for inner in value] if isinstance(value, list) else value


def without_nothing(messages: list[dict[str, Any]]) -> list[Any]:
    return [{key: value for key, value in message.items() if value is not None} for message in messages]


def identity(row: dict[str, Any]) -> tuple[str, str]:
    """The question, and with it what is learned."""
    prompt = row.get("input", row)
    messages = without_nothing(prompt["messages"])
    offers = {key: prompt[key] for key in ("tools", "parallel_tool_calls") if prompt.get(key) is not None}
    if "input" in row:
        asked, learned = messages, [without_nothing(row[key]) for key in OUTPUTS]
    elif messages[-1]["role"] == "assistant":
        asked, learned = messages[:-1], messages[-1:]
    else:
        asked, learned = messages, [{key: row[key] for key in row if key not in reinforcement.KEYS}]
    return json.dumps([sort(asked), sort(offers)]), json.dumps([sort(asked), sort(offers), sort(learned)])


def figures(rows: list[tuple[int, Any]], format: Format) -> dict[str, Any]:  # noqa: A002  the spec's word
    sound = [(line, row) for line, row in rows if not list(FAULTS[format](row))]
    messages = [row.get("input", row)["messages"] for _, row in sound]
    said = messages + [row[key] for _, row in sound for key in OUTPUTS if "input" in row]
    flat = [message for some in said for message in some]
    tokens = [weighed({"tools": None, **row} if "input" not in row else row_with_tools(row)) for _, row in sound]
    asked: dict[str, str] = {}
    seen: set[str] = set()
    copies = others = 0
    for question, whole in (identity(row) for _, row in sound):
        copies += whole in seen
        others += whole not in seen and asked.setdefault(question, whole) != whole
        seen.add(whole)
    by_length = sorted(((-one[0], line) for one, (line, _) in zip(tokens, sound, strict=True)))[:10]
    return {
        "sound": len(sound),
        "lines_of_sound": [line for line, _ in sound],
        "total": Counter(one[0] for one in tokens),
        "assistant": Counter(one[1] for one in tokens),
        "billed": Counter(one[2] for one in tokens),
        "estimated": sum(one[3] for one in tokens),
        "longest": [(-tokens, line) for tokens, line in by_length],
        "roles": Counter(message["role"] for message in flat),
        "weights": Counter(str(message["weight"]) for message in flat if message.get("weight") is not None),
        "turns": Counter(sum(message["role"] == "user" for message in some) for some in messages),
        "tool_calls": sum(len(message.get("tool_calls") or []) for message in flat),
        "duplicates": copies,
        "contradictions": others if format != "preference" else 0,
    }


def row_with_tools(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, "input": {"tools": None, **row["input"]}}


def figures_of(checked: Checked) -> dict[str, Any]:
    report, tokens = checked.report, checked.report.tokens
    assert tokens is not None
    return {
        "sound": report.sound,
        "lines_of_sound": list(checked.index.lines),
        "total": tokens.total,
        "assistant": tokens.assistant,
        "billed": tokens.billed,
        "estimated": tokens.estimated,
        "longest": [(long.tokens, long.line) for long in tokens.longest],
        "roles": report.roles,
        "weights": report.weights,
        "turns": report.turns,
        "tool_calls": report.tool_calls,
        "duplicates": report.duplicates,
        "contradictions": report.contradictions,
    }


# --- examples, most of them sound, some of them nearly

TEXTS = [
    "Good day!",
    "What is it?",
    "",
    "안녕하세요, 무엇을 도와드릴까요?",
    "```py\nx = 1",
    "It is, and the",
    "naïve 👩‍💻",
    "a\u0000b",
]
text = st.sampled_from(TEXTS) | st.text(max_size=20)
odd = st.sampled_from([None, 0, 1, 1.0, True, 2, "1", [], {}, [{"type": "text", "text": "Hi!"}], [image()]])
seldom = st.integers(0, 11).map(lambda number: number == 0)


@st.composite
def message(draw: st.DrawFn, role: str) -> dict[str, Any]:
    made: dict[str, Any] = {"role": role, "content": draw(text)}
    if draw(seldom):
        made["name"] = draw(st.sampled_from(["Ada", "x y", None]))
    if role == "assistant" and draw(seldom):
        made["weight"] = draw(st.sampled_from([0, 1, 1, 1, None, 1.0, True]))
    if role == "user" and draw(seldom):
        made["content"] = draw(st.sampled_from([[{"type": "text", "text": "Look!"}, image(detail="low")], [image()]]))
    if draw(seldom):
        key = draw(st.sampled_from(["content", "weight", "tool_calls", "tool_call_id", "refusal", "role", "extra"]))
        made[key] = draw(odd)
    if draw(seldom):
        made = dict(reversed(made.items()))
    return made


@st.composite
def chats(draw: st.DrawFn) -> dict[str, Any]:
    messages = [draw(message(draw(st.sampled_from(["system", "developer"]))))] if draw(st.booleans()) else []
    made: dict[str, Any] = {"messages": messages}
    for turn in range(draw(st.integers(1, 3))):
        messages.append(draw(message("user")))
        if draw(seldom) or draw(seldom):
            arguments = draw(st.sampled_from(["{}", '{"a": 1}', "nothing", "[]"]))
            named = draw(st.sampled_from(["track", "track", "refund"]))
            messages.append(call(named, f"call_{turn}", arguments))
            answered = draw(st.sampled_from([f"call_{turn}", "call_9"]))
            messages.append(say("tool", draw(text), tool_call_id=answered))
            made["tools"] = draw(st.sampled_from([[TOOL], [TOOL], [TOOL, TOOL], [], None, {}]))
        messages.append(draw(message("assistant")))
    if draw(seldom):
        messages.append(draw(message(draw(st.sampled_from(["user", "system", "tool"])))))
    if draw(seldom):
        made[draw(st.sampled_from(["parallel_tool_calls", "functions", "id", "tools"]))] = draw(odd)
    return made


@st.composite
def pairs(draw: st.DrawFn) -> dict[str, Any]:
    prompt = draw(chats())
    outputs = [[draw(message("assistant"))] for _ in OUTPUTS]
    made = pair(*prompt["messages"][:-1], good=outputs[0], bad=outputs[1])
    made["input"] |= {key: prompt[key] for key in prompt if key != "messages"}
    return made


@st.composite
def prompts(draw: st.DrawFn) -> dict[str, Any]:
    made = draw(chats())
    del made["messages"][-1:]
    return made | draw(st.dictionaries(st.sampled_from(["answer", "hint"]), st.integers(0, 3) | text, max_size=2))


ROWS = {"chat": chats(), "preference": pairs(), "reinforcement": prompts()}
plenty = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


def written(rows: list[Any], escaped: list[bool]) -> bytes:
    """Some lines escaped, some of them spaced, some blank."""
    made = b""
    for number, (row, ascii_only) in enumerate(zip(rows, escaped, strict=True)):
        row_text = json.dumps(row, ensure_ascii=ascii_only, separators=(",", ":") if number % 3 else (", ", ": "))
        made += row_text.encode("utf-8", "surrogatepass") + (b"\n", b"\r\n", b"\n\n")[number % 3]
    return made


def numbered(content: bytes) -> list[tuple[int, Any]]:
    return [(at, json.loads(line)) for at, line in enumerate(content.split(b"\n"), 1) if line.strip()]


@plenty
@given(data=st.data(), format=st.sampled_from([*["chat"] * 4, "preference", "reinforcement"]))
def test_any_file_is_counted_as_the_plain_reference_counts(file, data, format):  # noqa: A002  the spec's word
    rows = data.draw(st.lists(ROWS[format], min_size=1, max_size=12))
    rows += [rows[0], good(1, format)]
    content = written(rows, data.draw(st.lists(st.booleans(), min_size=len(rows), max_size=len(rows))))
    file.write_bytes(content)
    quick, slow = examined(file, format, quick=True), examined(file, format, quick=False)
    assert quick == slow
    assert figures_of(quick) == figures(numbered(content), format)


ASK, ANSWER = say("user"), say("assistant", "Yes.")
NEARLY = {
    "no user": example(say("system"), ANSWER),
    "no assistant": example(ASK),
    "the user last": example(ASK, ANSWER, ASK),
    "nobody": example(),
    "two system messages": example(say("system", "One."), say("system", "Two."), ASK, ANSWER),
    "the same one twice": example(say("system", "One."), say("developer", "One."), ASK, ANSWER),
    "two, with a tool": example(say("system", "One."), say("system", "Two."), ASK, call(), tools=[TOOL]),
    "an empty answer": example(ASK, say("assistant", "")),
    "an empty answer with a name": example(ASK, say("assistant", "", name="Ada")),
    "weights that are no integers": example(ASK, ANSWER | {"weight": 1.0}),
    "a weight of true": example(ASK, ANSWER | {"weight": True}),
    "a weight of 2": example(ASK, ANSWER | {"weight": 2}),
    "nothing learned": example(ASK, ANSWER | {"weight": 0}),
    "a weight of the user's": example(ASK | {"weight": 1}, ANSWER),
    "a tool that is not offered": example(ASK, call("refund"), tools=[TOOL]),
    "a call without tools": example(ASK, call()),
    "arguments that are none": example(ASK, call(arguments="[]"), tools=[TOOL]),
    "a call by the user": example(ASK | {"tool_calls": call()["tool_calls"]}, ANSWER, tools=[TOOL]),
    "no calls": example(ASK, ANSWER | {"tool_calls": []}),
    "an answer to no call": example(ASK, call(), say("tool", tool_call_id="call_2"), ANSWER, tools=[TOOL]),
    "an answer before its call": example(ASK, say("tool", tool_call_id="call_1"), call(), ANSWER, tools=[TOOL]),
    "a tool without a call's id": example(ASK, call(), say("tool"), ANSWER, tools=[TOOL]),
    "a user with a call's id": example(ASK, call(), ASK | {"tool_call_id": "call_1"}, ANSWER, tools=[TOOL]),
    "a user with another id": example(ASK, call(), ASK | {"tool_call_id": "x"}, ANSWER, tools=[TOOL]),
    "an assistant with a call's id": example(ASK, call(), ANSWER | {"tool_call_id": "call_1"}, tools=[TOOL]),
    "no tools": example(ASK, ANSWER, tools=[]),
    "tools that are null": example(ASK, ANSWER, tools=None),
    "tools without a name": example(ASK, ANSWER, tools=[{"type": "function"}]),
    "an unknown key": example(ASK, ANSWER, id=3),
    "an unknown key in a message": example(ASK | {"id": 3}, ANSWER),
    "a user without content": example({"role": "user"}, ANSWER),
    "a system message of no text": example(say("system", None), ASK, call(), tools=[TOOL]),
    "an empty name": example(ASK | {"name": ""}, ANSWER),
}


@pytest.mark.parametrize("row", NEARLY.values(), ids=NEARLY)
def test_what_is_nearly_plain_is_taken_as_the_long_way_takes_it(file, row):
    content = b"".join(json.dumps(one).encode() + b"\n" for one in (good(1, "chat"), row, good(2, "chat")))
    file.write_bytes(content)
    quick, slow = examined(file, quick=True), examined(file, quick=False)
    assert quick == slow
    assert figures_of(quick) == figures(numbered(content), "chat")


def test_a_role_that_is_said_twice_is_the_last(file):
    file.write_bytes(b'{"messages": [{"role": "user", "content": "?", "role": "assistant"}]}\n')
    assert examined(file, quick=True) == examined(file, quick=False)


def test_of_examples_as_long_as_each_other_the_first_are_named(file):
    rows = [example(ASK, ANSWER | {"weight": 1}), *[example(ASK, ANSWER)] * 12]
    content = b"".join(json.dumps(row).encode() + b"\n" for row in rows)
    file.write_bytes(content)
    assert figures_of(examined(file, quick=True)) == figures(numbered(content), "chat")


def test_the_same_pair_with_other_tools_is_another(file):
    one = pair(ASK, good=[ANSWER], bad=[say("assistant", "No.")])
    other = pair(ASK, good=[ANSWER], bad=[say("assistant", "No.")], tools=[TOOL])
    file.write_bytes(b"".join(json.dumps(row).encode() + b"\n" for row in (one, other, other)))
    assert examined(file, "preference", quick=True).report.duplicates == 1


def test_the_short_way_is_taken(file, monkeypatch):
    """What most files are made of never takes the long one."""
    tool_turns = [say("user"), call(), say("tool", tool_call_id="call_1"), say("assistant", "Sent.")]
    rows = [
        good(1, "chat"),
        example(say("user"), say("assistant", "One."), say("user"), say("assistant", "Two.")),
        example(say("user"), say("assistant", "One.", weight=0), say("user"), say("assistant", "Two.", weight=1)),
        example(say("developer"), say("user", name="Ada"), say("assistant", "One.")),
        example(*tool_turns, tools=[TOOL]),
    ]
    file.write_bytes(b"".join(json.dumps(row).encode() + b"\n" for row in rows))
    monkeypatch.setattr("ftctl.data.scan.Scan._long", lambda *_: pytest.fail("the long way was taken"))
    assert check(file, SHOWN, cache=False).report.sound == len(rows)


def test_lists_of_tools_are_forgotten_and_read_again(file, monkeypatch):
    monkeypatch.setattr(short, "_MOST_OFFERS", 2)
    tools = [[{"type": "function", "function": {"name": f"tool{n % 5}", "description": "d" * n}}] for n in range(20)]
    rows = [example(say("user"), say("assistant", "One."), tools=some) for some in tools * 2]
    file.write_bytes(b"".join(json.dumps(row).encode() + b"\n" for row in rows))
    assert examined(file, quick=True) == examined(file, quick=False)


def test_blocks_in_threads_add_up_to_the_same(file, monkeypatch):
    rows = [good(number, "chat") for number in range(300)] + [example(say("user"), call(), tools=[TOOL])] * 50
    content = b"".join(json.dumps(row).encode() + b"\n" for row in rows)
    file.write_bytes(content)
    whole = examined(file, quick=True)
    monkeypatch.setattr(lines, "BLOCK", 700)
    assert examined(file, quick=True) == whole
    assert figures_of(whole) == figures(numbered(content), "chat")
