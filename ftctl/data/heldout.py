"""Held-out examples as questions: which of a file are asked, and what graders know of each beside the answer."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import msgspec

from ftctl.data.lines import Source
from ftctl.data.messages import text_of
from ftctl.data.reinforcement import item_keys

CHAT_KEYS = ("reference", "messages")
"""What graders know as `item.*` of a chat example."""
_SEED = 20_261_122  # the same examples every time, so that two models are asked the same


@dataclass(frozen=True, slots=True)
class Question:
    """One example: the messages to ask, the tools that it offers, and its `item`. Never shown but for its line."""

    line: int
    messages: list[dict[str, Any]]
    tools: list[dict[str, Any]]
    item: dict[str, Any]


def questions(source: Source, format_: str, most: int) -> list[Question]:
    """At most so many examples of a file, in its order. Reads all of it; `source` then knows its hash."""
    lines = [(number, text) for number, text in enumerate(_lines(source), 1) if text.strip()]
    if len(lines) > most:
        lines = sorted(random.Random(_SEED).sample(lines, most))  # noqa: S311  a choice, no secret
    make = _chat if format_ == "chat" else _task
    return [make(number, msgspec.json.decode(text)) for number, text in lines]


def _lines(source: Source) -> Iterator[bytes]:
    for block in source.lines():
        yield from block if block is not None else [b""]


def _chat(line: int, example: dict[str, Any]) -> Question:
    """All before the last answer is asked. Where that is a call of tools there is no reference."""
    *before, last = example["messages"]
    asked = [{key: value for key, value in one.items() if key != "weight"} for one in before]  # `weight` is training's
    text = text_of(last.get("content"))
    return Question(
        line, asked, example.get("tools") or [], {"messages": asked} | ({"reference": text} if text else {})
    )


def _task(line: int, example: dict[str, Any]) -> Question:
    item = {key: example[key] for key in item_keys(example)}
    return Question(line, example["messages"], example.get("tools") or [], item)
