"""What two answers have in common and where they differ, by deepdiff: names, types and words, but not values.

A difference is one line: `<what was compared>: <change> <path>`. Those that are meant stand in
`meant_differences.yaml`, each pattern with its reason, and every pattern must still be needed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import yaml
from deepdiff import DeepDiff

REFERENCE = Path(__file__).parents[3] / "shared" / "azure"
MEANT = Path(__file__).with_name("meant_differences.yaml")

# Values under these names are words of the protocol and are compared; all other text is only text.
_WORDS = frozenset(
    {
        "type",
        "object",
        "provisioningState",
        "createdByType",
        "unit",
        "publicNetworkAccess",
        "versionUpgradeOption",
        "defaultAction",
        "skuName",
        "lifecycleStatus",
        "fine_tune",
    }
)
# Headers that say how to go on; others of ours beyond the service's do no harm.
_GUIDES = frozenset({"retry-after", "location", "azure-asyncoperation", "etag", "operation-location"})
_NOBODY = frozenset({"date", "content-length"})


def shape(value: Any, name: str = "") -> Any:
    """A JSON value by its names and types; a list is what its items have in common."""
    match value:
        case dict():
            return {key: shape(one, key) for key, one in value.items()}
        case list():
            return {"#": _merged([shape(one, name) for one in value])}
        case bool() | None:
            return "null" if value is None else "bool"
        case int() | float():
            return "number"
        case _:
            return f"'{value}'" if name in _WORDS else "str"


def _merged(shapes: list[Any]) -> Any:
    """What several values are; a name that not all of them have gets a question mark."""
    shapes = [one for one in shapes if one != "nothing"]
    if not shapes:
        return "nothing"
    if not all(isinstance(one, dict) for one in shapes):
        return "|".join(sorted({part for one in shapes for part in str(one).split("|")}))
    merged = {}
    for key in dict.fromkeys(key.removesuffix("?") for one in shapes for key in one):
        having = [one.get(key, one.get(f"{key}?")) for one in shapes if key in one or f"{key}?" in one]
        always = len(having) == len(shapes) and all(key in one for one in shapes)
        merged[key if always else f"{key}?"] = _merged(having)
    return merged


def answer(status: int, headers: Iterable[str], body: Any) -> dict[str, Any]:
    """A recorded or a local answer, ready to be compared."""
    names = {name.lower() for name in headers} - _NOBODY
    return {"status": status, "headers": dict.fromkeys(sorted(names), "there"), "body": shape(body)}


def differences(about: str, theirs: Any, ours: Any) -> Iterator[str]:
    """Lines that tell where ours is not as theirs: less, more, or something else."""
    for kind, changes in DeepDiff(*_aligned(theirs, ours), verbose_level=2, threshold_to_diff_deeper=0).items():
        for path, change in changes.items():
            words = path.removeprefix("root").strip("[']").replace("']['", ".")
            match kind:
                case "dictionary_item_removed":
                    yield f"{about}: missing {words}"
                case "dictionary_item_added":
                    if not words.startswith("headers.") or words.removeprefix("headers.") in _GUIDES:
                        yield f"{about}: more {words}"
                case _:
                    old, new = _told(change["old_value"]), _told(change["new_value"])
                    if not set(new.split("|")) <= set(old.split("|")):
                        yield f"{about}: other {words} {old} -> {new}"


def _told(value: Any) -> str:
    return "object" if isinstance(value, dict) else str(value)


def _aligned(theirs: Any, ours: Any) -> tuple[Any, Any]:
    """Both with the names of theirs: what they have sometimes we may have always; an empty list says nothing."""
    if not isinstance(theirs, dict) or not isinstance(ours, dict):
        return (ours, ours) if "nothing" in (theirs, ours) else (theirs, ours)
    left, right = {}, dict(ours)
    for key, value in theirs.items():
        name = key.removesuffix("?")
        mine = name if name in right else f"{name}?" if f"{name}?" in right else None
        if mine is None:
            left[key] = value
        elif mine.endswith("?") and not key.endswith("?"):
            left[f"{name} always"] = "there"
            right.pop(mine)
        else:
            left[name], right[name] = _aligned(value, right.pop(mine))
    return left, right


class Meant:
    """The differences that are meant, and which of them have been seen."""

    def __init__(self, entries: Iterable[Mapping[str, str]]) -> None:
        self.reasons = {entry["difference"]: entry["reason"] for entry in entries}
        self.seen: set[str] = set()

    @classmethod
    def read(cls, *, generated: bool = False) -> Meant:
        """Those about requests that are generated from a schema, or all others."""
        entries = yaml.safe_load(MEANT.read_text("utf-8"))
        return cls(one for one in entries if one["difference"].startswith("generated ") is generated)

    def unexpected(self, lines: Iterable[str]) -> list[str]:
        """The lines that nobody gave a reason for."""
        left = []
        for line in lines:
            matching = {pattern for pattern in self.reasons if fnmatchcase(line, pattern)}
            self.seen |= matching
            if not matching:
                left.append(line)
        return left

    def unused(self) -> list[str]:
        return sorted(set(self.reasons) - self.seen)
