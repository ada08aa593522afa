"""The short way through sound chat data: decoded straight into types, with the least that is to be looked at.

It knows what is surely sound and has nothing to be remarked, and leaves everything else to the long way.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from operator import attrgetter, itemgetter
from typing import Any, Literal

import msgspec

from ftctl.data.count import Batch
from ftctl.data.example import faults
from ftctl.data.messages import called
from ftctl.data.rules import answer_note, arguments_note
from ftctl.data.tally import SYSTEMS, Tally, canonical, packed
from ftctl.data.tokens import EXAMPLE, MESSAGE, NAME, ROLE

NOT_SHORT = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_SPOKEN = MESSAGE + ROLE
_MOST_OFFERS = 256  # lists of tools that are remembered
_MOST_SHAPES = 256


class _Plain(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """A message of nothing but text."""

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
    """A message that may call tools, answer calls, or have a weight or a name, in the order of the canonical form."""

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


@dataclass(frozen=True, slots=True)
class _Shape:
    """What the roles of plain messages tell: which texts are asked and which are answers, where the system's is, the
    tokens that need not be counted, and what stands beside the question's texts in the canonical form.
    """

    asked: Callable[[list[str]], Sequence[str]]
    answers: Callable[[list[str]], Sequence[str]]
    system: int | None
    fixed: int
    rest: bytes


@dataclass(slots=True)
class _Heard:
    """The texts of richer messages: what is asked or told, what is answered, each call's name and arguments."""

    asked: list[str] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    systems: list[str] = field(default_factory=list)
    names: int = 0


_plain_example = msgspec.json.Decoder(_PlainExample).decode
_rich_example = msgspec.json.Decoder(_RichExample).decode
_ROLE, _CONTENT = attrgetter("role"), attrgetter("content")
_ANSWER = canonical([{"role": "assistant"}])
_NO_OFFER = _Offer(frozenset(), 0, b"")
_SOUND = {"messages": [{"role": "user", "content": "?"}, {"role": "assistant", "content": "!"}]}


class Short:
    """Adds lines to a tally, if they are such; `take` says whether."""

    def __init__(self, tally: Tally) -> None:
        self.tally = tally
        self._shapes: dict[tuple[str, ...], _Shape | None] = {}
        self._offers: dict[bytes, _Offer | None] = {}

    def take(self, line: bytes, number: int, batch: Batch) -> bool:
        try:
            messages = _plain_example(line).messages
        except NOT_SHORT:
            return self._take_rich(line, number, batch)
        roles = tuple(map(_ROLE, messages))
        try:
            shape = self._shapes[roles]
        except KeyError:
            shape = self._shape(roles)
        if shape is None:
            return False
        said = list(map(_CONTENT, messages))
        asked, answers = shape.asked(said), shape.answers(said)
        for answer in answers:
            if answer_note(answer):
                return False
        tally, fixed = self.tally, shape.fixed
        if shape.system is not None:
            if known := tally.system(said[shape.system], number):
                fixed += known[0]
            else:
                asked = (*asked, said[shape.system])
        tally.plain.append(roles)
        batch.add(asked, answers, fixed, number)
        learned = said[-1]
        said[-1] = shape.rest
        tally.identify(packed(said), packed((learned, _ANSWER)), number)
        return True

    def _shape(self, roles: tuple[str, ...]) -> _Shape | None:
        """What these roles come to, if messages of nothing but text may have them; the same come again and again."""
        if len(self._shapes) >= _MOST_SHAPES:
            self._shapes.clear()
        shape = self._shapes[roles] = _shape(roles)
        return shape

    def _take_rich(self, line: bytes, number: int, batch: Batch) -> bool:
        try:
            example = _rich_example(line)
        except NOT_SHORT:
            return False
        offer = self._offer(bytes(example.tools)) if example.tools else _NO_OFFER
        messages = example.messages
        heard = _heard(messages, offer.names) if offer else None
        if heard is None or offer is None:
            return False
        tally, fixed = self.tally, EXAMPLE + _SPOKEN * len(messages) + NAME * heard.names + offer.tokens
        for text in heard.systems:
            if known := tally.system(text, number):
                fixed += known[0]
            else:
                heard.asked.append(text)
        tally.plain.append(tuple([message.role for message in messages]))
        tally.offer(offer.names)
        tally.tool_calls += len(heard.calls) // 2
        tally.weights.update(str(message.weight) for message in messages if message.weight is not None)
        batch.add(heard.asked, heard.answers, fixed, number)
        batch.guess(heard.calls, offer.tokens)
        question, learned = _packed(messages[:-1]), _packed(messages[-1:])
        tally.identify(question + offer.canonical, learned, number)
        return True

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


def _shape(roles: tuple[str, ...]) -> _Shape | None:
    at = {name: [n for n, role in enumerate(roles) if role == name] for name in ("user", "assistant")}
    systems = [n for n, role in enumerate(roles) if role in SYSTEMS]
    if not at["user"] or roles[-1:] != ("assistant",) or len(systems) > 1:
        return None
    rest = canonical([{"role": role} for role in roles[:-1]])
    fixed = EXAMPLE + _SPOKEN * len(roles)
    return _Shape(_picked(at["user"]), _picked(at["assistant"]), systems[0] if systems else None, fixed, rest)


def _picked(places: list[int]) -> Callable[[list[str]], Sequence[str]]:
    """What takes these places out of a list; a slice does where people take turns."""
    evenly = range(places[0], places[-1] + 1, places[1] - places[0] if len(places) > 1 else 1)
    if list(evenly) == places:
        return itemgetter(slice(evenly.start, evenly.stop, evenly.step))
    return itemgetter(*places)


def _packed(messages: list[_Rich]) -> bytes:
    """As `tally.conversation` has them; the messages are no good for anything else afterwards."""
    said: list[str | bytes | None] = [message.content for message in messages]
    for message in messages:
        message.content = None  # which is left out as all that is None
    return packed([*said, canonical(messages)])


def _heard(messages: list[_Rich], offered: frozenset[str]) -> _Heard | None:
    """What is said in messages of the right types, if nothing is wrong or odd as far as can be told at a glance."""
    made: set[str] = set()
    heard = _Heard()
    users = learned = 0
    for message in messages:
        role, content, calls = message.role, message.content, message.tool_calls
        if role == "assistant":
            if message.tool_call_id is not None or not _answers(message, offered):
                return None
            heard.answers += () if content is None else (content,)
            for call in calls or ():
                made.add(call.id)
                heard.calls += (call.function.name, call.function.arguments)
            learned += message.weight != 0
        elif content is None or not _told(message, made):
            return None
        elif role in SYSTEMS:
            heard.systems.append(content)
        else:
            users += role == "user"
            heard.asked += (content,) if message.tool_call_id is None else (content, message.tool_call_id)
        if message.name is not None:
            heard.names += 1
            heard.asked.append(message.name)
    sound = users and learned and len(heard.systems) <= 1 and messages[-1].role == "assistant"
    return heard if sound else None


def _told(message: _Rich, made: set[str]) -> bool:
    """Whether a message of anybody but the assistant has nothing that only others have, and a tool's its call."""
    mine = message.tool_call_id in made if message.role == "tool" else message.tool_call_id is None
    return mine and message.tool_calls is None and message.weight is None


def _answers(message: _Rich, offered: frozenset[str]) -> bool:
    weight = message.weight
    if weight is not None and (type(weight) is not int or weight not in (0, 1)):
        return False
    if message.tool_calls is None:
        return message.content is not None and not answer_note(message.content)
    return bool(message.tool_calls) and all(
        call.function.name in offered and not arguments_note(call.function.arguments) for call in message.tool_calls
    )
