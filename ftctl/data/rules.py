"""Warnings about one sound example: answers that teach little, and what the format has no use for."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import msgspec

from ftctl.core.suggest import did_you_mean
from ftctl.data.example import KEYS as CHAT_KEYS
from ftctl.data.fault import Fault, named
from ftctl.data.messages import text_of
from ftctl.data.preference import KEYS as PAIR_KEYS
from ftctl.data.report import Format

_CHAT_KEYS = frozenset(CHAT_KEYS)
_PAIR_KEYS = frozenset(PAIR_KEYS)
_COMMON = frozenset({"role", "content", "name"})
_KNOWN = {  # by role
    "user": _COMMON,
    "assistant": _COMMON | {"weight", "refusal", "tool_calls"},
    "tool": _COMMON | {"tool_call_id"},
}
_EMPTY = " \t\r\n.,;:!?-_*\u2026\"'\u201c\u201d\u00a0"
_ENDS = frozenset(".!?)\"'`}]>*:;|\u2026\u201d\u3002")
_FENCE = re.compile(r"^[ \t]*```", re.MULTILINE)
_SHORTEST_CUT = 80  # characters; what is shorter may be a label, a title or a name
# English words that nothing ends with. Those that may, like "to" and "on", are left out, and so is the "a" of a choice.
_OPEN = frozenset({"an", "and", "or", "the", "of", "because", "which", "whose", "than", "into", "their", "your", "my"})


def notes(example: dict[str, Any], format: Format) -> Iterator[Fault]:  # noqa: A002  the spec's word
    """Everything to be said about a sound example."""
    if format == "preference":
        yield from _unread(example, _PAIR_KEYS, "")
        yield from _unread(example["input"], _CHAT_KEYS, "input")
        yield from _conversation(example["input"]["messages"], "input.messages", learned=False)
        yield from _conversation(example["preferred_output"], "preferred_output", learned=True)
        yield from _conversation(example["non_preferred_output"], "non_preferred_output", learned=False)
        if example["preferred_output"] == example["non_preferred_output"]:
            yield Fault("FT1360", "preferred_output and non_preferred_output are the same")
        return
    if format == "chat":
        yield from _unread(example, _CHAT_KEYS, "")
    yield from _conversation(example["messages"], "messages", learned=format == "chat")


def answer_note(text: str, place: str = "the answer") -> Fault | None:
    """What is odd about the text of an answer: cheap, since almost every answer passes at once."""
    if "```" in text and text.count("```") % 2 and len(_FENCE.findall(text)) % 2:
        return Fault("FT1356", f"{place} ends inside a code block")
    if len(text) > len("Good day!") and text[-1] in _ENDS and text[0] not in "{[":
        return None
    return _odd(text.strip(), place)


def arguments_note(arguments: str, place: str = "the call's arguments") -> Fault | None:
    """What is odd about the arguments of a tool call."""
    try:
        if isinstance(msgspec.json.decode(arguments), dict):
            return None
    except (ValueError, RecursionError):
        pass
    return Fault("FT1361", f"{place} is not a JSON object")


def _odd(text: str, place: str) -> Fault | None:
    if not text.strip(_EMPTY):
        return Fault("FT1355", f"{place} says nothing")
    if text.startswith(('{"', '[{"')) and text[-1] not in "}]":
        return Fault("FT1356", f"{place} is JSON that is cut off")
    if len(text) < _SHORTEST_CUT:
        return None
    if text[-1] == "," or text[text.rfind(" ") + 1 :] in _OPEN:
        return Fault("FT1356", f"{place} ends in the middle of a sentence")
    return None


def _unread(thing: dict[str, Any], known: frozenset[str], place: str) -> Iterator[Fault]:
    """Keys that the format does not have. Those without a value mean nothing: exports of API answers carry many."""
    if thing.keys() <= known:
        return
    for key, value in thing.items():
        if key not in known and value is not None:
            yield Fault("FT1359", f"nothing reads {named(key, place)}", did_you_mean(key, sorted(known)))


def _conversation(messages: list[dict[str, Any]], place: str, *, learned: bool) -> Iterator[Fault]:
    """Warnings about messages; about what the assistant says only where the model is to learn from it."""
    system: str | None = None
    for index, message in enumerate(messages):
        where, role = f"{place}[{index}]", message["role"]
        yield from _unread(message, _KNOWN.get(role, _KNOWN["user"]), where)
        if role in ("system", "developer"):
            text = text_of(message["content"])
            if system not in (None, text):
                yield Fault("FT1354", f"{where}.content differs from the system message before it")
            system = text
        elif role == "assistant" and learned and message.get("weight") != 0:
            yield from _answer(message, where)


def _answer(message: dict[str, Any], place: str) -> Iterator[Fault]:
    for index, call in enumerate(message.get("tool_calls") or ()):
        if fault := arguments_note(call["function"]["arguments"], f"{place}.tool_calls[{index}].function.arguments"):
            yield fault
    if message.get("tool_calls") or message.get("refusal"):
        return
    if fault := answer_note(text_of(message["content"]), f"{place}.content"):
        yield fault
