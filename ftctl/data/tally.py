"""What is added up over a file's sound examples: who speaks, tools, images, system texts, and the hashes of each."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable
from hashlib import sha256
from typing import Any

import msgspec

from ftctl.data import preference
from ftctl.data.count import Weighed
from ftctl.data.messages import called, text_of
from ftctl.data.reinforcement import item_keys
from ftctl.data.report import Format, Index
from ftctl.data.tokens import MESSAGE, NAME, ROLE, Count, image_tokens

MOST_NAMES = 1000
"""Names of tools and items, and system texts, that are told apart; a file with more is none that anybody reads."""
_MOST_SYSTEM_TEXT = 8 << 20
_DIGEST_WORDS = sha256().digest_size // 8

SYSTEMS = ("system", "developer")

canonical = msgspec.json.Encoder(order="deterministic").encode
packed = msgspec.msgpack.Encoder().encode  # of texts and bytes: twice as fast as JSON, and as clear where each ends


def digest(content: bytes) -> bytes:
    return sha256(content).digest()


class Tally:
    """`systems` maps a text to its tokens, its first line and in how many examples it stands."""

    def __init__(self, format: Format, count: Count) -> None:  # noqa: A002  the spec's word
        self.format = format
        self.index = Index()
        self.roles: Counter[str] = Counter()
        self.turns: Counter[int] = Counter()
        self.weights: Counter[str] = Counter()
        self.tools: Counter[str] = Counter()
        self.items: Counter[str] = Counter()
        self.plain: list[tuple[str, ...]] = []  # the roles of examples of the short way, which `flush` adds
        self.tool_calls = self.images = self.pictured = 0
        self.systems: dict[str, list[int]] = {}
        self.further: array[int] = array("Q")  # hashes of system texts beyond those, each time one stands somewhere
        self.keys: list[bytes] = []
        self.questions: list[bytes] = []
        self._count = count
        self._system_text = 0
        self._weights: dict[bytes, int] = {}

    def identify(self, question: bytes, learned: bytes, line: int) -> None:
        """Keep the hashes of one example; `flush` puts them into the index."""
        asked = sha256(question)
        self.questions.append(asked.digest())
        asked.update(learned)
        self.keys.append(asked.digest())
        self.index.lines.append(line)

    def flush(self) -> None:
        """Add up what was gathered from a block of lines."""
        for hashes, gathered in ((self.index.keys, self.keys), (self.index.questions, self.questions)):
            hashes.extend(array("Q", b"".join(gathered))[::_DIGEST_WORDS])
            gathered.clear()
        for roles, times in Counter(self.plain).items():
            self.turns[roles.count("user")] += times
            for role in roles:
                self.roles[role] += times
        self.plain.clear()

    def system(self, text: str, line: int) -> list[int] | None:
        """The figures of a system text: its tokens, its first line, and in how many examples it stands, which is for
        the caller to raise. None where there are too many to tell apart.
        """
        known = self.systems.get(text)
        if known is None:
            self._system_text += len(text)
            if len(self.systems) == MOST_NAMES or self._system_text > _MOST_SYSTEM_TEXT:
                self.further.frombytes(digest(text.encode())[:8])
                return None
            known = self.systems[text] = [self._count([text])[0], line, 0]
        known[2] += 1
        return known

    def offer(self, names: Iterable[str]) -> None:
        """Add one example's tools by their names."""
        _names(self.tools, names)

    def tool_tokens(self, tools: list[Any]) -> int:
        """A guess at what a list of tools costs: the tokens of its JSON. Lists come again and again."""
        text = canonical(tools)
        mark = digest(text)
        if mark not in self._weights:
            if len(self._weights) == MOST_NAMES:
                self._weights.clear()
            self._weights[mark] = self._count([text.decode()])[0]
        return self._weights[mark]

    def example(self, example: dict[str, Any], line: int) -> Weighed:
        """Add a sound example of any shape, and say what there is to count in it."""
        found = Weighed(line)
        prompt = example["input"] if self.format == "preference" else example
        messages = prompt["messages"]
        images = self.images
        self._said(messages, found, slot=0, learned=self.format != "preference")
        if self.format == "preference":
            for slot, key in enumerate(preference.OUTPUTS, 1):
                self._said(example[key], found, slot=slot, learned=True)
        self.pictured += self.images > images
        if tools := prompt.get("tools"):
            found.guess(0, self.tool_tokens(tools))
            self.offer({called(tool) or "" for tool in tools})
        if self.format == "reinforcement":
            _names(self.items, item_keys(example))
        self.turns[sum(message["role"] == "user" for message in messages)] += 1
        for text in {text_of(m["content"]): None for m in messages if m["role"] in ("system", "developer")}:
            self.system(text, line)
        self.identify(*self._parts(example, prompt), line)
        return found

    def _parts(self, example: dict[str, Any], prompt: dict[str, Any]) -> tuple[bytes, bytes]:
        """An example in canonical form: the question, and what is learned from it or judged by. Keys that the format
        does not have are no part of it, and a key without a value is as good as none.
        """
        messages = prompt["messages"]
        offers = {key: prompt[key] for key in ("parallel_tool_calls", "tools") if prompt.get(key) is not None}
        rest = canonical(offers) if offers else b""
        if self.format == "chat":
            return _conversation(messages[:-1]) + rest, _conversation(messages[-1:])
        if self.format == "preference":
            outputs = [[_filled(message) for message in example[key]] for key in preference.OUTPUTS]
            return _conversation(messages) + rest, canonical(outputs)
        return _conversation(messages) + rest, canonical({key: example[key] for key in item_keys(example)})

    def _said(self, messages: list[dict[str, Any]], found: Weighed, *, slot: int, learned: bool) -> None:
        for message in messages:
            role = message["role"]
            self.roles[role] += 1
            found.fixed[slot] += MESSAGE + ROLE
            answer = learned and role == "assistant"
            for key, value in message.items():
                if isinstance(value, str) and key != "role":
                    found.texts.append((value, slot, answer and key == "content", False))
                    found.fixed[slot] += NAME if key == "name" else 0
            if isinstance(content := message.get("content"), list):
                self._listed(content, found, slot=slot, learned=answer)
            for call in message.get("tool_calls") or ():
                self.tool_calls += 1
                found.texts += [(call["function"][key], slot, answer, True) for key in ("name", "arguments")]
            if message.get("weight") is not None:
                self.weights[str(message["weight"])] += 1

    def _listed(self, parts: list[dict[str, Any]], found: Weighed, *, slot: int, learned: bool) -> None:
        for part in parts:
            if part["type"] == "text":
                found.texts.append((part["text"], slot, learned, False))
            else:
                self.images += 1
                found.guess(slot, image_tokens(part))


def _conversation(messages: list[dict[str, Any]]) -> bytes:
    """The canonical form of messages: the contents that are text, then JSON of everything else."""
    said = [content if isinstance(content := message.get("content"), str) else None for message in messages]
    others = [
        {key: value for key, value in _filled(message).items() if key != "content" or text is None}
        for message, text in zip(messages, said, strict=True)
    ]
    return packed([*said, canonical(others)])


def _filled(message: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in message.items() if value is not None}


def _names(counter: Counter[str], names: Iterable[str]) -> None:
    """Count names, new ones only as long as there are not too many."""
    for name in names:
        if name in counter or len(counter) < MOST_NAMES:
            counter[name] += 1
