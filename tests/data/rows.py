"""Rows of training data for tests, and a look at them through the one door there is."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

from ftctl.data.check import check, problems
from ftctl.data.report import Format, Report

SHOWN = "data/train.jsonl"
TOOL = {"type": "function", "function": {"name": "track", "parameters": {"type": "object"}}}


def say(role: str, content: Any = "Some text.", **more: Any) -> dict[str, Any]:
    return {"role": role, "content": content, **more}


def example(*messages: Any, **more: Any) -> dict[str, Any]:
    return {"messages": [*messages], **more}


def call(name: Any = "track", id: Any = "call_1", arguments: Any = "{}") -> dict[str, Any]:  # noqa: A002  the wire's word
    function = {"name": name, "arguments": arguments}
    return say("assistant", None, tool_calls=[{"id": id, "type": "function", "function": function}])


def pair(*messages: Any, good: Any = (), bad: Any = (), **more: Any) -> dict[str, Any]:
    return {
        "input": example(*messages, **more),
        "preferred_output": [*good],
        "non_preferred_output": [*bad],
    }


def image(url: Any = "https://pictures.example/a.png", **more: Any) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": url, **more}}


def data_uri(content: bytes, media: str = "image/png") -> str:
    return f"data:{media};base64,{base64.b64encode(content).decode()}"


def png(colour: int = 2, size: int = 60) -> bytes:
    head = b"\x89PNG\r\n\x1a\n" + b"\0\0\0\rIHDR" + bytes([0, 0, 0, 9, 0, 0, 0, 9, 8, colour])
    return head.ljust(size, b"\1")


def good(number: int, format: Format) -> dict[str, Any]:  # noqa: A002  the spec's word
    """A sound example that no other number gives."""
    ask = say("user", f"What is {number} and one?")
    if format == "preference":
        return pair(ask, good=[say("assistant", f"It is {number + 1}.")], bad=[say("assistant", "Who knows?")])
    if format == "reinforcement":
        return example(ask, answer=str(number + 1))
    return example(say("system", "Be kind."), ask, say("assistant", f"It is {number + 1}."))


def fill(*rows: Any, format: Format = "chat", to: int = 50) -> bytes:  # noqa: A002  the spec's word
    """The rows as JSON Lines, followed by as many good ones as a file needs to be left in peace."""
    rows = (*rows, *(good(number, format) for number in range(to - len(rows))))
    return b"".join(json.dumps(row, ensure_ascii=False).encode() + b"\n" for row in rows)


def look(path: Path, content: bytes, format: Format = "chat", **more: Any) -> Report:  # noqa: A002  the spec's word
    path.write_bytes(content)
    return check(path, SHOWN, format=format, encoding="", cache=False, **more).report


def said(report: Report) -> list[str]:
    return [f"{finding.line} {finding.code} {finding.what}" for finding in report.findings]


def everything(report: Report) -> str:
    """All that a reader of any output could get to see of the findings."""
    return "\n".join([repr(report.findings), *map(repr, problems(report, SHOWN))])
