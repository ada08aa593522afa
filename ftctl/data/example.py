"""One supervised chat example: what is wrong with it, its system messages, and a guess at its tokens."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from ftctl.data.fault import Fault, meant
from ftctl.data.messages import ROLES, roles_of, shared_faults, text_of

__all__ = ["KEYS", "ROLES", "Fault", "faults", "system_messages", "tokens_estimate"]

KEYS = ("messages", "tools", "parallel_tool_calls")

_OTHER_FORMATS = {
    "input": ("preference data", "Set `format: preference`, or convert the file to chat examples."),
    "conversations": ("ShareGPT data", "Convert the file to chat examples."),
}


def faults(example: Any) -> Iterator[Fault]:
    """Everything wrong with one example."""
    if not isinstance(example, dict):
        yield Fault("FT1311", "the example is not an object")
        return
    yield from shared_faults(example)
    messages = example.get("messages")
    if "messages" not in example:
        yield _no_messages(example)
    elif isinstance(messages, list) and messages:
        yield from _turns(messages)


def _no_messages(example: dict[str, Any]) -> Fault:
    if "prompt" in example or "completion" in example:
        return Fault("FT1325", "the example is a prompt with its completion")
    for key, (other, fix) in _OTHER_FORMATS.items():
        if key in example:
            return Fault("FT1312", f"messages is missing; this looks like {other}", fix)
    return Fault("FT1312", "messages is missing", meant("messages", example))


def _turns(messages: list[Any]) -> Iterator[Fault]:
    roles = roles_of(messages)
    if "user" not in roles:
        yield Fault("FT1314", "the example has no user message")
    if "assistant" not in roles:
        yield Fault("FT1315", "the example has no assistant message")
        return
    if roles[-1] != "assistant":
        yield Fault("FT1316", f"messages[{len(roles) - 1}] is the last message and not the assistant's")
    if all(_unlearned(message) for message, role in zip(messages, roles, strict=True) if role == "assistant"):
        yield Fault("FT1326", "every assistant message has the weight 0")


def _unlearned(message: dict[str, Any]) -> bool:
    weight = message.get("weight")
    return type(weight) is int and weight == 0


def system_messages(example: dict[str, Any]) -> Iterator[str]:
    """The texts of a sound example's system and developer messages."""
    for message in example["messages"]:
        if message["role"] in ("system", "developer"):
            yield text_of(message["content"])


def tokens_estimate(example: dict[str, Any]) -> int:
    """A guess for a sound example: a token for four bytes of text, and what the chat format adds to each message."""
    messages = example["messages"]
    tools = example.get("tools")
    size = len(msgspec.json.encode(tools)) if tools else 0
    size += sum(len(text.encode()) for message in messages for text in _spoken(message))
    return -(-size // 4) + 3 * len(messages) + 3


def _spoken(message: dict[str, Any]) -> Iterator[str]:
    yield message["role"]
    yield message.get("name") or ""
    yield text_of(message.get("content"))
    for call in message.get("tool_calls") or []:
        yield call["function"]["name"]
        yield call["function"]["arguments"]
