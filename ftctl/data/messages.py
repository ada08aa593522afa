"""The messages and tools that every format is made of, and what is wrong with them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from ftctl.data.fault import Fault
from ftctl.data.images import MOST_IMAGES, image_faults

ROLES = ("system", "developer", "user", "assistant", "tool")

_MEANT = {"human": "user", "ai": "assistant", "bot": "assistant", "gpt": "assistant", "model": "assistant"}
_MEANT |= {"function": "tool"}
_FUNCTION_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_OTHER_PARTS = {
    "image": "image_url",
    "input_image": "image_url",
    "input_text": "text",
    "output_text": "text",
}
_UNTAUGHT = {"input_audio": "audio", "audio": "audio", "file": "a file", "input_file": "a file", "video_url": "video"}


def shared_faults(example: dict[str, Any], place: str = "") -> Iterator[Fault]:
    """What is wrong with the tools and messages of a conversation; with "messages" missing, its owner says so."""
    yield from _deprecated(example, place)
    yield from _tools(example.get("tools"), f"{place}tools")
    if not isinstance(example.get("parallel_tool_calls"), bool | None):
        yield Fault("FT1312", f"{place}parallel_tool_calls is not true or false")
    messages = example.get("messages")
    if isinstance(messages, list) and messages:
        yield from turn_faults(messages, f"{place}messages", example.get("tools"))
    elif "messages" in example:
        yield Fault("FT1312", f"{place}messages is not a list of at least one message")


def turn_faults(
    messages: list[Any], place: str, tools: Any, before: Any = (), roles: tuple[str, ...] = ROLES
) -> Iterator[Fault]:
    """What is wrong with each of the messages; `before` are those of the same conversation that came earlier."""
    offered = {called(tool) for tool in tools} if isinstance(tools, list) else set()
    asked = {id_ for message in (before if isinstance(before, list) else ()) for id_ in _ids(message)}
    for index, message in enumerate(messages):
        where = f"{place}[{index}]"
        if not isinstance(message, dict):
            yield Fault("FT1312", f"{where} is not an object")
            continue
        yield from _message(message, where, roles)
        yield from _calls(message, where, offered, asked)
        asked.update(_ids(message))
    images = sum(_images(message) for message in messages)
    if images > MOST_IMAGES:
        yield Fault("FT1324", f"{place} holds {images:,} images, more than {MOST_IMAGES}")


def roles_of(messages: Iterable[Any]) -> list[Any]:
    return [message.get("role") if isinstance(message, dict) else None for message in messages]


def called(thing: Any) -> str | None:
    """The name in `{"type": "function", "function": {"name": ...}}`, None where it is anything else."""
    match thing:
        case {"type": "function", "function": {"name": str(name)}} if name:
            return name
    return None


def text_of(content: Any) -> str:
    """All that is said in a message's content; images say nothing."""
    if isinstance(content, list):
        return "".join(part.get("text") or "" for part in content)
    return content or ""


def _deprecated(thing: dict[str, Any], place: str) -> Iterator[Fault]:
    for key in ("functions", "function_call"):
        if thing.get(key) is not None:
            yield Fault("FT1318", f"{place}{key} is deprecated")


def _tools(tools: Any, place: str) -> Iterator[Fault]:
    if not isinstance(tools, list | None):
        yield Fault("FT1312", f"{place} is not a list")
        return
    for index, tool in enumerate(tools or []):
        name = called(tool)
        if name is None:
            yield Fault("FT1312", f"{place}[{index}] is not a function with a name")
        else:
            yield from _function(tool["function"], name, f"{place}[{index}].function")


def _function(function: dict[str, Any], name: str, place: str) -> Iterator[Fault]:
    if not _FUNCTION_NAME.fullmatch(name):
        yield Fault("FT1327", f"{place}.name is not 1 to 64 letters, digits, underscores and dashes")
    for key, kind, said in (("parameters", dict, "an object"), ("description", str, "a string"), ("strict", bool, "")):
        if not isinstance(function.get(key), kind | None):
            yield Fault("FT1312", f"{place}.{key} is not {said or 'true or false'}")


def _ids(message: Any) -> Iterator[str]:
    made = message.get("tool_calls") if isinstance(message, dict) else None
    for call in made if isinstance(made, list) else ():
        if isinstance(call, dict) and isinstance(call.get("id"), str):
            yield call["id"]


def _images(message: Any) -> int:
    content = message.get("content") if isinstance(message, dict) else None
    if not isinstance(content, list):
        return 0
    return sum(isinstance(part, dict) and part.get("type") == "image_url" for part in content)


def _message(message: dict[str, Any], place: str, roles: tuple[str, ...]) -> Iterator[Fault]:
    role = message.get("role")
    if role not in roles:
        yield _unknown_role(role, place, roles)
    weight = message.get("weight")
    if weight is not None and (type(weight) is not int or weight not in (0, 1)):
        yield Fault("FT1317", f"{place}.weight is neither 0 nor 1")
    for key in ("name", "refusal"):
        if not isinstance(message.get(key), str | None):
            yield Fault("FT1312", f"{place}.{key} is not a string")
    if message.get("audio") is not None:
        yield Fault("FT1320", f"{place}.audio is spoken; only text and images are trained on")
    yield from _deprecated(message, f"{place}.")
    yield from _content(message, role, f"{place}.content")


def _unknown_role(role: Any, place: str, roles: tuple[str, ...]) -> Fault:
    if role is None:
        return Fault("FT1313", f"{place}.role is missing")
    hint = _nearest_role(role.strip().lower(), roles) if isinstance(role, str) else None
    said = f'Did you mean "{hint}"?' if hint else ""
    return Fault("FT1313", f"{place}.role is none of {', '.join(roles)}", said)


def _nearest_role(role: str, roles: tuple[str, ...]) -> str | None:
    from ftctl.core.suggest import closest  # noqa: PLC0415  only needed when something is wrong

    if (alias := _MEANT.get(role)) in roles:
        return alias
    return closest(role, roles)


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
        case {"type": "image_url"} if role != "user":
            yield Fault("FT1320", f"{place} is an image outside of a user message")
        case {"type": "image_url"}:
            yield from image_faults(part.get("image_url"), f"{place}.image_url")
        case {"type": str(kind)} if kind in _UNTAUGHT:
            yield Fault("FT1320", f"{place} is {_UNTAUGHT[kind]}; only text and images are trained on")
        case {"type": str(kind)} if kind in _OTHER_PARTS:
            yield Fault("FT1320", f"{place} is a part of another API", f'Did you mean the type "{_OTHER_PARTS[kind]}"?')
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
    name = called(call)
    if name is None:
        yield Fault("FT1312", f"{place} is not a call of a function by its name")
        return
    if name not in offered:
        yield Fault("FT1319", f"{place}.function.name is not among the example's tools")
    if not isinstance(call["function"].get("arguments"), str):
        yield Fault("FT1312", f"{place}.function.arguments is not a string of JSON")
    if not isinstance(call.get("id"), str):
        yield Fault("FT1312", f"{place}.id is not a string")
