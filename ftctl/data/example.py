"""One supervised chat example: what is wrong with it, its system messages, and a guess at its tokens."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import msgspec

ROLES = ("system", "developer", "user", "assistant", "tool")

_MEANT = {"human": "user", "ai": "assistant", "bot": "assistant", "gpt": "assistant", "model": "assistant"}
_MEANT |= {"function": "tool"} | {role: role for role in ROLES}
_OTHER_FORMATS = {"input": "preference data", "prompt": "prompt and completion pairs", "conversations": "ShareGPT data"}


@dataclass(frozen=True, slots=True)
class Fault:
    """A problem before it has a place in a file. `what` never quotes the data; `fix` replaces the code's own."""

    code: str
    what: str
    fix: str = ""


def faults(example: Any) -> Iterator[Fault]:
    """Everything wrong with one example."""
    if not isinstance(example, dict):
        yield Fault("FT1311", "the example is not an object")
        return
    yield from _deprecated(example, "")
    yield from _tools(example.get("tools"))
    if not isinstance(example.get("parallel_tool_calls"), bool | None):
        yield Fault("FT1312", "parallel_tool_calls is not true or false")
    messages = example.get("messages")
    if not isinstance(messages, list) or not messages:
        yield _no_messages(example)
        return
    offered = {_called(tool) for tool in _listed(example, "tools")}
    asked: set[str] = set()
    for index, message in enumerate(messages):
        if not isinstance(message, dict):
            yield Fault("FT1312", f"messages[{index}] is not an object")
            continue
        yield from _message(message, f"messages[{index}]")
        yield from _calls(message, f"messages[{index}]", offered, asked)
        asked |= {call["id"] for call in _listed(message, "tool_calls") if _identified(call)}
    yield from _turns([message.get("role") if isinstance(message, dict) else None for message in messages])


def _no_messages(example: dict[str, Any]) -> Fault:
    if "messages" in example:
        return Fault("FT1312", "messages is not a list of at least one message")
    for key, other in _OTHER_FORMATS.items():
        if key in example:
            return Fault(
                "FT1312", f"messages is missing; this looks like {other}", "Convert the file to chat examples."
            )
    return Fault("FT1312", "messages is missing")


def _deprecated(thing: dict[str, Any], place: str) -> Iterator[Fault]:
    for key in ("functions", "function_call"):
        if thing.get(key) is not None:
            yield Fault("FT1318", f"{place}{key} is deprecated")


def _listed(thing: dict[str, Any], key: str) -> list[Any]:
    value = thing.get(key)
    return value if isinstance(value, list) else []


def _tools(tools: Any) -> Iterator[Fault]:
    if not isinstance(tools, list | None):
        yield Fault("FT1312", "tools is not a list")
        return
    for index, tool in enumerate(tools or []):
        if _called(tool) is None:
            yield Fault("FT1312", f"tools[{index}] is not a function with a name")


def _called(thing: Any) -> str | None:
    """The name in `{"type": "function", "function": {"name": ...}}`, None where it is anything else."""
    match thing:
        case {"type": "function", "function": {"name": str(name)}} if name:
            return name
    return None


def _identified(call: Any) -> bool:
    return isinstance(call, dict) and isinstance(call.get("id"), str)


def _message(message: dict[str, Any], place: str) -> Iterator[Fault]:
    role = message.get("role")
    if role not in ROLES:
        yield _unknown_role(role, place)
    weight = message.get("weight")
    if weight is not None and (type(weight) is not int or weight not in (0, 1)):
        yield Fault("FT1317", f"{place}.weight is neither 0 nor 1")
    if not isinstance(message.get("name"), str | None):
        yield Fault("FT1312", f"{place}.name is not a string")
    yield from _deprecated(message, f"{place}.")
    yield from _content(message, role, f"{place}.content")


def _unknown_role(role: Any, place: str) -> Fault:
    if role is None:
        return Fault("FT1313", f"{place}.role is missing")
    meant = _MEANT.get(role.strip().lower()) if isinstance(role, str) else None
    hint = f'Did you mean "{meant}"?' if meant else ""
    return Fault("FT1313", f"{place}.role is none of {', '.join(ROLES)}", hint)


def _content(message: dict[str, Any], role: Any, place: str) -> Iterator[Fault]:
    content = message.get("content")
    if content is None:
        if role != "assistant" or not any(message.get(key) for key in ("tool_calls", "function_call", "refusal")):
            yield Fault("FT1320", f"{place} is missing")
    elif isinstance(content, list) and content:
        for index, part in enumerate(content):
            yield from _part(part, role, f"{place}[{index}]")
    elif not isinstance(content, str):
        yield Fault("FT1320", f"{place} is neither a string nor a list of at least one part")


def _part(part: Any, role: Any, place: str) -> Iterator[Fault]:
    match part:
        case {"type": "text", "text": str()}:
            return
        case {"type": "image_url", "image_url": {"url": str()}}:
            if role != "user":
                yield Fault("FT1320", f"{place} is an image outside of a user message")
        case _:
            yield Fault("FT1320", f"{place} is neither a text part nor an image part")


def _calls(message: dict[str, Any], place: str, offered: set[str | None], asked: set[str]) -> Iterator[Fault]:
    """What is wrong with a message's part in calling tools: the calls it makes, or the earlier one it answers."""
    role, made = message.get("role"), message.get("tool_calls")
    if role == "tool" and not (isinstance(answered := message.get("tool_call_id"), str) and answered in asked):
        yield Fault("FT1321", f"{place}.tool_call_id is not the id of an earlier tool call")
    if made is None:
        return
    if role != "assistant":
        yield Fault("FT1312", f"{place}.tool_calls stands in a message that is not the assistant's")
    if not isinstance(made, list) or not made:
        yield Fault("FT1312", f"{place}.tool_calls is not a list of at least one call")
        return
    for index, call in enumerate(made):
        yield from _call(call, f"{place}.tool_calls[{index}]", offered)


def _call(call: Any, place: str, offered: set[str | None]) -> Iterator[Fault]:
    name = _called(call)
    if name is None:
        yield Fault("FT1312", f"{place} is not a call of a function by its name")
        return
    if name not in offered:
        yield Fault("FT1319", f"{place}.function.name is not among the example's tools")
    if not isinstance(call["function"].get("arguments"), str):
        yield Fault("FT1312", f"{place}.function.arguments is not a string of JSON")
    if not _identified(call):
        yield Fault("FT1312", f"{place}.id is not a string")


def _turns(roles: list[Any]) -> Iterator[Fault]:
    if "user" not in roles:
        yield Fault("FT1314", "the example has no user message")
    if "assistant" not in roles:
        yield Fault("FT1315", "the example has no assistant message")
    elif roles[-1] != "assistant":
        yield Fault("FT1316", f"messages[{len(roles) - 1}] is the last message and not the assistant's")


def system_messages(example: dict[str, Any]) -> Iterator[str]:
    """The texts of a sound example's system and developer messages."""
    for message in example["messages"]:
        if message["role"] in ("system", "developer"):
            yield _text(message["content"])


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
    yield _text(message.get("content"))
    for call in message.get("tool_calls") or []:
        yield call["function"]["name"]
        yield call["function"]["arguments"]


def _text(content: str | list[dict[str, Any]] | None) -> str:
    if isinstance(content, list):
        return "".join(part["text"] for part in content if part["type"] == "text")
    return content or ""
