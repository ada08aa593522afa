"""Ownership marks: how a thing in Azure says which stack it belongs to."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any

from ftctl.core.ignored import applied
from ftctl.core.model import Address, Home, Wanted

STACK = "ftctl-stack"
NAME = "ftctl-name"
APPLIED = "ftctl-applied"
PROTECT = "ftctl-protect"
SMOKE = "ftctl-smoke"
SMOKE_SOURCE = "ftctl-smoke-source"
PREVIOUS = "ftctl-previous"
PREVIOUS_SOURCE = "ftctl-previous-source"
EVALUATED = "ftctl-evaluated"
EVALUATES = "ftctl-evaluates"
REVISION = "ftctl-revision"
PLAN = "ftctl-plan"
APPROVED = "ftctl-approved"
ORIGIN = frozenset({REVISION, PLAN, APPROVED})
_PREFIX = "ftctl-"
_MOST = 50  # tags of a resource (Azure Resource Manager's limits)
_LONGEST = 256  # characters of a tag's value

_DESCRIPTION = re.compile(r"^ftctl: (?P<stack>[^/]+)/(?P<name>.+)$")
_FILENAME = re.compile(
    r"^ftctl--(?P<stack>.+?)--(?P<name>.+?)--(?P<sha256>[0-9a-f]{64})(?P<imported>\.import)?\.jsonl$"
)
_SUFFIX = re.compile(r"^(?P<text>.*)-(?P<stack>[0-9a-f]{4})-(?P<fingerprint>[0-9a-f]{12})$")


def tags(home: Home, name: str, wanted: Wanted, **more: str) -> dict[str, str]:
    """The tags that ftctl adds to an ARM resource. `ftctl-applied` tells drift from a change of the spec."""
    origin = {key: value[:_LONGEST] for key, value in home.origin.items() if value}
    return {STACK: home.stack, NAME: name, APPLIED: applied(wanted)[:12], **origin, **more}


def written(live: Mapping[str, str] | None, new: Mapping[str, str]) -> dict[str, str]:
    """All tags for a write: `new` over those that are there, without what told of an earlier write.

    Where that would be more than Azure takes, what tells of this write is left out.
    """
    found = {**_others(live or {}), **new}
    return found if len(found) <= _MOST else _others(found)


def _others(found: Mapping[str, str]) -> dict[str, str]:
    return {key: value for key, value in found.items() if key not in ORIGIN}


def owned(found: Mapping[str, str] | None, home: Home, name: str) -> dict[str, str]:
    """Tags that there are, with the owner's mark; nothing was applied yet."""
    return {**(found or {}), STACK: home.stack, NAME: name}


def users(found: Mapping[str, str] | None) -> dict[str, str]:
    """The tags that are not ftctl's own."""
    return {key: value for key, value in (found or {}).items() if not key.startswith(_PREFIX)}


def owner(found: Mapping[str, str] | None) -> dict[str, Any]:
    """What tags say about ownership, as the arguments of a Live."""
    found = found or {}
    return {
        "owner": found.get(STACK),
        "label": found.get(NAME, ""),
        "applied": found.get(APPLIED, ""),
        "protected": found.get(PROTECT) == "true",
    }


def description(home: Home, address: Address) -> str:
    return f"ftctl: {home.stack}/{address.name}"


def described(text: str | None) -> dict[str, Any]:
    """What a role assignment's description says about ownership, as the arguments of a Live."""
    found = _DESCRIPTION.match(text or "")
    return {"owner": found["stack"], "label": found["name"]} if found else {}


def filename(home: Home, name: str, sha256: str, *, imported: bool = False) -> str:
    """A file's name. That of an import says so: its hash is what was asked for, and only reading it back proves it."""
    return f"ftctl--{home.stack}--{name}--{sha256}{'.import' if imported else ''}.jsonl"


def imported(filename: str) -> bool:
    return bool((found := _FILENAME.match(filename)) and found["imported"])


def parse_filename(text: str) -> tuple[str, str, str] | None:
    """Stack, name and sha256 of an uploaded or imported file; None for a foreign one."""
    found = _FILENAME.match(text)
    return (found["stack"], found["name"], found["sha256"]) if found else None


def stack_mark(stack: str) -> str:
    """The four hex digits that stand for a stack where there is room for no more."""
    return hashlib.sha256(stack.encode()).hexdigest()[:4]


def suffix(text: str, home: Home, fingerprint: str) -> str:
    """A job's suffix, at most 36 of the 40 characters that Azure takes."""
    return f"{text[:18]}-{stack_mark(home.stack)}-{fingerprint}"


def parse_suffix(text: str | None) -> tuple[str, str, str] | None:
    """The user's text, the stack's mark and the recipe's fingerprint; None for a foreign job."""
    found = _SUFFIX.match(text or "")
    return (found["text"], found["stack"], found["fingerprint"]) if found else None
