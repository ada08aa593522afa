"""Files, jobs and events as Microsoft's notebooks left them, beside those of the local Azure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from tests.local.conftest import Caller
from tests.local.plane import MODEL, chats, jsonl
from tests.local.replays import Pair, made, recording
from tests.local.shapes import shape
from tests.local.walks import Data

_RECORDED = "job_file_event_outputs"


def _printed(kind: str) -> list[dict[str, Any]]:
    """Recorded objects as the service sent them: not those that the SDK filled up with nulls, nor OpenAI's own."""
    every = [one for cell in recording(_RECORDED) for one in cell["objects"] if one["object"] == kind]
    return [one for one in every if None not in one.values() and "organization_id" not in one]


def _trained(arm: Caller) -> tuple[Data, list[dict[str, Any]], dict[str, Any]]:
    """Two new jobs, with and without a method, and the second of them once it is done."""
    account = made(arm, "rg", "acc", "swedencentral", properties={"customSubDomainName": "acc-sub"})
    data = Data(arm, account, "2025-04-01-preview")
    ids = [
        data.upload(name, jsonl(rows))["id"]
        for name, rows in (("t.jsonl", chats(12)), ("v.jsonl", chats(10, first=20)))
    ]
    arm.azure.clock.advance(60)
    order = {"model": MODEL, "training_file": ids[0], "validation_file": ids[1], "trainingType": "GlobalStandard"}
    method = {"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 2}}}
    new = [data("POST", "/fine_tuning/jobs", order | {"suffix": "x"} | more) for more in ({"method": method}, {})]
    arm.azure.clock.advance(86_400)
    return data, new, data("GET", f"/fine_tuning/jobs/{new[1]['id']}")


def file_objects(arm: Caller) -> Iterator[Pair]:
    data, _, _ = _trained(arm)
    ours = [one for one in data("GET", "/files")["data"] if one["purpose"] == "fine-tune"]
    yield Pair("file", shape(_printed("file")), shape(ours))


def job_objects(arm: Caller) -> Iterator[Pair]:
    _, new, done = _trained(arm)
    recorded = _printed("fine_tuning.job")
    for status, ours in (("pending", new), ("succeeded", [done])):
        theirs = [one for one in recorded if one["status"] == status]
        yield Pair(f"job {status}", shape(theirs), shape(ours))


def event_messages(arm: Caller) -> Iterator[Pair]:
    """Their wording and order: each kind of message once, numbers and ids apart."""
    data, _, done = _trained(arm)
    cell = next(one for one in recording(_RECORDED) if "Training tokens billed" in one["text"])
    ours = data("GET", f"/fine_tuning/jobs/{done['id']}/events")["data"]
    theirs = _kinds(reversed(cell["text"].splitlines()))  # from the steps on; what came before them was cut off
    known = [one for one in _kinds(one["message"] for one in reversed(ours)) if one in theirs]
    yield Pair("events", _places(theirs), _places(known))


def _kinds(messages: Any) -> list[str]:
    plain = (re.sub(r"file-[0-9a-f]{32}|\d[\d.E-]*", "N", one) for one in messages if one.strip())
    return list(dict.fromkeys(plain))


def _places(kinds: list[str]) -> dict[str, str]:
    """Each kind of message with the one before it."""
    return {one: f"after {before}" for before, one in zip(["nothing", *kinds], kinds, strict=False)}


ALL = (file_objects, job_objects, event_messages)
