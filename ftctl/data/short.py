"""The short way through sound chat data: decoded straight into types, with the least that is to be looked at.

It knows what is surely sound and has nothing to be remarked, and leaves everything else to the long way.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from ftctl.data.count import Batch, Weighed
from ftctl.data.example import faults
from ftctl.data.messages import called
from ftctl.data.rules import answer_note, arguments_note
from ftctl.data.tally import Tally, canonical
from ftctl.data.tokens import EXAMPLE, MESSAGE, NAME, ROLE

NOT_SHORT = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_SPOKEN = MESSAGE + ROLE
_MOST_OFFERS = 256  # lists of tools that are remembered


class _Plain(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """A message of nothing but text. As in all of these, the fields stand in the order of the canonical form."""

    content: str
    role: Literal["system", "developer", "user", "assistant"]


class _PlainExample(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    messages: list[_Plain]


class _Function(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    arguments: str
    name: str


class _Call(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    function: _Function
    id: str
    type: Literal["function"]


class _Rich(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True, kw_only=True, gc=False):
    """A message that may call tools, answer calls, or have a weight or a name."""

    content: str | None = None
    name: str | None = None
    role: Literal["system", "developer", "user", "assistant", "tool"]
    tool_call_id: str | None = None
    tool_calls: list[_Call] | None = None
    weight: Any = None  # msgspec would take 1.0 for 1


class _RichExample(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    messages: list[_Rich]
    tools: msgspec.Raw = msgspec.Raw()


@dataclass(frozen=True, slots=True)
class _Offer:
    """A sound list of tools: what they are called, their tokens, and what they add to the canonical form."""

    names: frozenset[str]
    tokens: int
    canonical: bytes


_plain_example = msgspec.json.Decoder(_PlainExample).decode
_rich_example = msgspec.json.Decoder(_RichExample).decode
_encode = msgspec.json.Encoder().encode
_NO_OFFER = _Offer(frozenset(), 0, b"")
_SOUND = {"messages": [{"role": "user", "content": "?"}, {"role": "assistant", "content": "!"}]}


class Short:
    """Adds lines to a tally, if they are such; `take` says whether."""

    def __init__(self, tally: Tally) -> None:
        self.tally = tally
        self._offers: dict[bytes, _Offer | None] = {}

    def take(self, line: bytes, number: int, batch: Batch) -> bool:
        try:
            messages = _plain_example(line).messages
        except NOT_SHORT:
            return self._take_rich(line, number, batch)
        asked: list[str] = []
        answers: list[str] = []
        system = role = None
        for message in messages:
            role = message.role
            if role == "user":
                asked.append(message.content)
            elif role == "assistant":
                answers.append(message.content)
                if answer_note(message.content):
                    return False
            elif system is None:
                system = message
            else:
                return False
        if role != "assistant" or not asked:
            return False
        tally, fixed = self.tally, EXAMPLE + _SPOKEN * len(messages)
        tally.users += len(asked)
        tally.assistants += len(answers)
        tally.turns[len(asked)] += 1
        if system is not None:
            tally.roles[system.role] += 1
            if known := tally.system(system.content, number):
                fixed += known[0]
            else:
                asked.append(system.content)
        batch.add(asked, answers, fixed, number)
        learned = _encode(messages.pop())
        tally.identify(_encode(messages), learned, number)
        return True

    def _take_rich(self, line: bytes, number: int, batch: Batch) -> bool:
        try:
            example = _rich_example(line)
        except NOT_SHORT:
            return False
        offer = self._offer(bytes(example.tools)) if example.tools else _NO_OFFER
        messages = example.messages
        if offer is None or not _sound(messages, offer.names):
            return False
        found = Weighed(number)
        found.guess(0, offer.tokens)
        self.tally.offer(offer.names)
        self.tally.turns[sum(message.role == "user" for message in messages)] += 1
        for message in messages:
            self._say(message, found)
        for text in {m.content: None for m in messages if m.role in ("system", "developer") and m.content is not None}:
            self.tally.system(text, number)
        batch.weighed.append(found)
        learned = canonical(messages.pop())
        self.tally.identify(canonical(messages) + offer.canonical, learned, number)
        return True

    def _say(self, message: _Rich, found: Weighed) -> None:
        self.tally.roles[message.role] += 1
        found.fixed[0] += _SPOKEN
        learned = message.role == "assistant"
        if message.content is not None:
            found.texts.append((message.content, 0, learned, False))
        if message.name is not None:
            found.fixed[0] += NAME
            found.texts.append((message.name, 0, False, False))
        if message.tool_call_id is not None:
            found.texts.append((message.tool_call_id, 0, False, False))
        for call in message.tool_calls or ():
            self.tally.tool_calls += 1
            found.texts.append((call.function.name, 0, learned, True))
            found.texts.append((call.function.arguments, 0, learned, True))
        if message.weight is not None:
            self.tally.weights[str(message.weight)] += 1

    def _offer(self, text: bytes) -> _Offer | None:
        """What a list of tools comes to, if it is sound; the same list comes again and again."""
        if text not in self._offers:
            if len(self._offers) == _MOST_OFFERS:
                self._offers.clear()
            self._offers[text] = self._read_offer(text)
        return self._offers[text]

    def _read_offer(self, text: bytes) -> _Offer | None:
        try:
            tools = msgspec.json.decode(text)
        except NOT_SHORT:
            return None
        if not tools or any(faults({**_SOUND, "tools": tools})):
            return None
        names = frozenset(called(tool) or "" for tool in tools)
        return _Offer(names, self.tally.tool_tokens(tools), canonical({"tools": tools}))


def _sound(messages: list[_Rich], offered: frozenset[str]) -> bool:
    """Whether nothing is wrong or odd about messages of the right types, as far as this can be told at a glance."""
    made: set[str] = set()
    users = learned = systems = 0
    for message in messages:
        role, calls = message.role, message.tool_calls
        if role == "assistant":
            if message.tool_call_id is not None or not _answers(message, offered):
                return False
            made.update(call.id for call in calls or ())
            learned += message.weight != 0
            continue
        if message.content is None or calls is not None or message.weight is not None:
            return False
        if (message.tool_call_id in made) != (role == "tool"):
            return False
        if role != "tool" and message.tool_call_id is not None:
            return False
        users += role == "user"
        systems += role in ("system", "developer")
    return bool(users and learned) and systems <= 1 and messages[-1].role == "assistant"


def _answers(message: _Rich, offered: frozenset[str]) -> bool:
    weight = message.weight
    if weight is not None and (type(weight) is not int or weight not in (0, 1)):
        return False
    if message.tool_calls is None:
        return message.content is not None and not answer_note(message.content)
    return bool(message.tool_calls) and all(
        call.function.name in offered and not arguments_note(call.function.arguments) for call in message.tool_calls
    )
