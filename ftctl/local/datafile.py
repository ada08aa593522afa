"""Training files on disk: what a line may hold, whether a file is sound, and what a model is to learn from a line."""

from __future__ import annotations

import json
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, BinaryIO, Literal, NamedTuple

import msgspec

CALL_MARK = "\ue000"  # stands before a tool call where an assistant turn is written as text
LINE_LIMIT = 64 * 1024 * 1024
_BOM = b"\xef\xbb\xbf"
_WEIGHTS = (None, 0, 1)
_NEAREST_MESSAGES = 3  # of a conversation, those a turn is taken to answer, beside the system message


class Format(StrEnum):
    """What kind of training the lines of a file are for."""

    CHAT = "chat"
    PREFERENCE = "preference"
    REINFORCEMENT = "reinforcement"


class _Part(msgspec.Struct):
    type: str
    text: str = ""


class _Function(msgspec.Struct):
    name: str
    arguments: str


class _Call(msgspec.Struct):
    function: _Function


class Message(msgspec.Struct):
    """One message of an example or of a chat request; pictures and the like are taken and not read."""

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | list[_Part] | None = None
    tool_calls: list[_Call] | None = None
    function_call: _Function | None = None
    weight: float | None = None

    def text(self) -> str:
        """What it says; tool calls are written as a mark, the function's name and its arguments."""
        content = self.content or ""
        said = content if isinstance(content, str) else "\n".join(part.text for part in content if part.text)
        calls = [call.function for call in self.tool_calls or ()] + ([self.function_call] if self.function_call else [])
        return said + "".join(f"{CALL_MARK}{call.name} {call.arguments}" for call in calls)


class _Example(msgspec.Struct):
    messages: list[Message]


class _Preference(msgspec.Struct):
    input: _Example
    preferred_output: list[Message]
    non_preferred_output: list[Message]


class Turn(NamedTuple):
    """An assistant turn to learn: what was asked, and what is to be said."""

    prompt: str
    answer: str


class Pair(NamedTuple):
    """Two answers to one prompt, of which the first is preferred."""

    prompt: str
    chosen: str
    rejected: str


class Task(NamedTuple):
    """A prompt to be answered, and what a grader may read of its example: all but the messages."""

    prompt: str
    item: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What validation found: `problem` is why the file holds no examples at all, `unfit` why none for a method."""

    format: Format | None = None
    examples: int = 0
    problem: str = ""
    unfit: dict[str, str] = field(default_factory=dict)


METHODS = ("supervised", "dpo", "reinforcement")
_EXAMPLE = msgspec.json.Decoder(_Example)
_PREFERENCE = msgspec.json.Decoder(_Preference)


def validate(path: Path) -> Outcome:
    """Read a whole file line by line."""
    form: Format | None = None
    examples, unfit, learnable = 0, dict[str, str](), False
    with path.open("rb") as file:
        for number, line in _lines(file):
            if line is None:
                return Outcome(problem=f"Line {number} is longer than {LINE_LIMIT} bytes.")
            found, problems, teaches = _examine(line, sought=not learnable)
            if found is None:
                return Outcome(problem=f"Line {number}: {problems['']}.")
            form = form or found
            learnable = learnable or teaches
            for method, problem in problems.items():
                unfit.setdefault(method, f"Line {number}: {problem}.")
            examples += 1
    if not examples:
        return Outcome(problem="No valid json line found in file.")
    if not learnable:
        unfit.setdefault("supervised", "Every assistant message has the weight 0: there is nothing to learn.")
    return Outcome(form, examples, unfit=unfit)


def _examine(line: bytes, *, sought: bool) -> tuple[Format | None, dict[str, str], bool]:
    """What a line is, why it is no example of which methods, and whether it teaches, if sought."""
    try:
        example = _EXAMPLE.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return *_classify(line, str(error)), False
    problem = _unfit(example)
    asks = problem == _ENDS_WITH_USER
    problems = {"dpo": "the keys 'input', 'preferred_output' and 'non_preferred_output' are missing"}
    problems |= {"supervised": problem} if problem else {}
    problems |= {} if asks else {"reinforcement": problem or "the last message must be from the user"}
    return Format.REINFORCEMENT if asks else Format.CHAT, problems, sought and any(map(_taught, example.messages))


def _lines(file: BinaryIO) -> Iterator[tuple[int, bytes | None]]:
    """The lines that are not blank, with their numbers; None for one that is too long, which is the last then."""
    number = 0
    while raw := file.readline(LINE_LIMIT + 1):
        number += 1
        if len(raw) > LINE_LIMIT:
            yield number, None
            return
        if number == 1:
            raw = raw.removeprefix(_BOM)
        if not raw.isspace() and raw:
            yield number, raw


_ENDS_WITH_USER = "the last message is from the user, where the assistant should answer"


def _unfit(example: _Example) -> str:
    """Why an example cannot be learned from, empty when it can."""
    asked = False
    for message in example.messages:
        asked = asked or message.role == "user"
        if message.weight not in _WEIGHTS:
            return "a weight must be 0 or 1"
    if not asked:
        return "there is no message from the user"
    last = example.messages[-1]
    if last.role == "user":
        return _ENDS_WITH_USER
    return "" if _speaks(last) else "the last message must be from the assistant, with something in it"


def _speaks(message: Message) -> bool:
    return message.role == "assistant" and bool(message.text())


def _taught(message: Message) -> bool:
    return _speaks(message) and message.weight != 0


def _classify(line: bytes, why: str) -> tuple[Format | None, dict[str, str]]:
    """What a line is that is no chat example, and why it is none; under no method's name where it is nothing."""
    try:
        body: Any = json.loads(line)
    except (ValueError, RecursionError):
        return None, {"": "it is no valid JSON in UTF-8"}
    if not isinstance(body, dict):
        return None, {"": "a JSON object is expected"}
    if "preferred_output" in body or "non_preferred_output" in body:
        other = dict.fromkeys(("supervised", "reinforcement"), "this is a preference example, not a chat")
        problem = _unpreferable(line)
        return Format.PREFERENCE, other | ({"dpo": problem} if problem else {})
    if "messages" not in body:
        return None, {"": "the key 'messages' is missing"}
    return Format.CHAT, dict.fromkeys(METHODS, why.partition(" - at ")[0])


def _unpreferable(line: bytes) -> str:
    """Why a preference example cannot be learned from, empty when it can."""
    try:
        example = _PREFERENCE.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return str(error).partition(" - at ")[0]
    if not any(message.role == "user" for message in example.input.messages):
        return "there is no message from the user in 'input'"
    for name, output in (
        ("preferred_output", example.preferred_output),
        ("non_preferred_output", example.non_preferred_output),
    ):
        if any(message.role not in ("assistant", "tool") for message in output):
            return f"'{name}' may hold messages from the assistant and from tools alone"
        if not any(map(_speaks, output)):
            return f"'{name}' needs a message from the assistant, with something in it"
    return ""


# -- reading a sound file for training ---------------------------------------------------------------------------------


class Examples:
    """A sound file with its examples at hand by number, none of them kept in memory."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb")
        self._starts = array("Q")
        self.bytes = path.stat().st_size
        place = 0
        for raw in self._file:
            if raw.removeprefix(_BOM).strip():
                self._starts.append(place)
            place += len(raw)

    def close(self) -> None:
        self._file.close()

    def __len__(self) -> int:
        return len(self._starts)

    def line(self, number: int) -> bytes:
        self._file.seek(self._starts[number])
        return self._file.readline().removeprefix(_BOM)

    def turns(self, number: int) -> list[Turn]:
        """The assistant turns of one example that are to be learned."""
        messages = _EXAMPLE.decode(self.line(number)).messages
        return [
            Turn(prompt_of(messages[:place]), message.text())
            for place, message in enumerate(messages)
            if _taught(message)
        ]

    def texts(self, number: int) -> list[str]:
        """What all messages of one example say."""
        return [message.text() for message in _EXAMPLE.decode(self.line(number)).messages]

    def pair(self, number: int) -> Pair:
        """One preference example."""
        example = _PREFERENCE.decode(self.line(number))
        outputs = (example.preferred_output, example.non_preferred_output)
        chosen, rejected = ("\n".join(one.text() for one in output if _speaks(one)) for output in outputs)
        return Pair(prompt_of(example.input.messages), chosen, rejected)

    def pair_texts(self, number: int) -> tuple[list[str], list[str]]:
        """What all messages of one preference example say: those of its prompt, and those of both outputs."""
        example = _PREFERENCE.decode(self.line(number))
        outputs = example.preferred_output + example.non_preferred_output
        return [one.text() for one in example.input.messages], [one.text() for one in outputs]

    def task(self, number: int) -> Task:
        """One reinforcement example."""
        line = self.line(number)
        item = {name: value for name, value in json.loads(line).items() if name != "messages"}
        return Task(prompt_of(_EXAMPLE.decode(line).messages), item)


def prompt_of(messages: list[Message]) -> str:
    """What a turn is asked: the standing instructions and the messages nearest before it."""
    standing = [message for message in messages if message.role in ("system", "developer")]
    spoken = [message for message in messages if message.role not in ("system", "developer")]
    return "\n".join(message.text() for message in standing + spoken[-_NEAREST_MESSAGES:])
