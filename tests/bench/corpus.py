"""Chat data to measure with: several languages and lengths, code, tools and escapes, the same bytes for one seed.

English and code are the standard library's own sources and help texts, so the bytes depend on Python's version; the
other languages are stems with endings drawn at random, which gives thousands of forms of words.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from pydoc_data import topics
from typing import Any

WORDS = json.loads(Path(__file__).with_name("words.json").read_text("utf-8"))  # by language: stems and endings
EMOJI = ["🙂", "👍🏽", "🎉", "👩‍💻", "🇰🇷", "✅"]
SYSTEMS = [
    "You are a support agent of an online shop. Answer politely, in the language of the question, in three sentences.",
    "You are a careful assistant for programmers. Explain what the code does before you change it.\n" * 8,
    "당신은 친절한 상담원입니다. 짧고 정확하게 답하세요.",
    "Kamu adalah asisten yang ramah. Jawab dengan singkat dan jelas.",
]
TOOL = {
    "type": "function",
    "function": {
        "name": "find_order",
        "description": "Look up an order by its number.",
        "parameters": {"type": "object", "properties": {"number": {"type": "string"}}, "required": ["number"]},
    },
}
Speak = Callable[[int], str]


def _prose(pieces: list[str], rng: random.Random) -> Speak:
    """Take pieces of real text until there is enough of it."""

    def speak(size: int) -> str:
        text = rng.choice(pieces)
        while len(text) < size:
            text += "\n" + rng.choice(pieces)
        return text[:size].rstrip(" ,") + "."

    return speak


def _made(language: str, rng: random.Random) -> Speak:
    """Draw stems, common ones more often, with endings, numbers and now and then an emoji."""
    some, more, blank = WORDS[language].values()
    weights = [1 / (n + 1) for n in range(len(some))]

    def speak(size: int) -> str:
        words = rng.choices(some, weights, k=max(3, size // 7))
        drawn = [word + rng.choice(more) for word in words]
        for at in range(0, len(drawn), 11):
            drawn[at] += rng.choice([".", "?", "!", f" {rng.randrange(100_000)}", f" {rng.choice(EMOJI)}"])
        return blank.join(drawn) + "."

    return speak


def _library(rng: random.Random) -> tuple[Speak, Speak]:
    """English and code, from what every Python has with it."""
    prose = [
        part
        for text in topics.topics.values()
        for part in re.split(r"\n\n+", text)
        if len(part) > 40 and "@" not in part
    ]
    folder = Path(json.__file__).parents[1]
    sources = sorted(path for path in folder.glob("*.py") if path.stat().st_size > 4000)
    code = [
        part
        for path in sources
        for part in re.split(r"\n\n\n", path.read_text("utf-8"))
        if len(part) > 80 and "@" not in part
    ]
    return _prose(prose, rng), _prose(code, rng)


def _length(rng: random.Random) -> int:
    return min(12_000, max(8, int(rng.lognormvariate(4.8, 1.1))))


def _example(number: int, voices: list[Speak], weights: list[int], rng: random.Random) -> dict[str, Any]:
    (speak,) = rng.choices(voices, weights)
    messages = [{"role": "system", "content": rng.choice(SYSTEMS)}] if rng.random() < 0.7 else []
    for _ in range(rng.choice([1, 1, 1, 1, 2, 3])):
        messages += [
            {"role": "user", "content": speak(_length(rng))},
            {"role": "assistant", "content": speak(_length(rng))},
        ]
    if rng.random() < 0.06:
        return {"messages": [*messages, *_called(number, speak)], "tools": [TOOL]}
    return {"messages": messages}


def _called(number: int, speak: Speak) -> list[dict[str, Any]]:
    """A turn in which a tool is called."""
    call = {"name": "find_order", "arguments": json.dumps({"number": str(number)})}
    made = {"id": f"call_{number}", "type": "function", "function": call}
    return [
        {"role": "user", "content": speak(60)},
        {"role": "assistant", "content": None, "tool_calls": [made]},
        {"role": "tool", "tool_call_id": made["id"], "content": json.dumps({"state": "sent", "day": number % 28})},
        {"role": "assistant", "content": speak(90)},
    ]


def rows(seed: int = 1) -> Iterator[bytes]:
    """Lines without end; 30 % of them with everything beyond ASCII escaped."""
    rng = random.Random(seed)
    english, code = _library(rng)
    voices = [english, code, *(_made(language, rng) for language in WORDS)]
    weights = [30, 22, 12, 12, 5, 7, 5, 7]
    number = 0
    while number := number + 1:
        example = _example(number, voices, weights, rng)
        yield json.dumps(example, ensure_ascii=rng.random() < 0.3).encode() + b"\n"


def write(path: Path, size: int, seed: int = 1) -> None:
    """A file of about `size` bytes. Beyond 40 MB examples come again, with a mark of their own in the question."""
    made, total = [], 0
    for row in rows(seed):
        made.append(row)
        total += len(row)
        if total >= min(size, 40_000_000):
            break
    with path.open("wb") as file:
        file.writelines(made)
        for copy in range(1, 1 + size // max(total, 1)):
            mark = b'"user", "content": "%d: ' % copy
            room = size - file.tell()
            for row in islice(made, None if room > total else int(len(made) * room / total)):
                file.write(row.replace(b'"user", "content": "', mark))
