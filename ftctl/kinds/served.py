"""What a deployment served before, as its tags remember it: the last model that passed, and the one before this one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ftctl.kinds import marks

PASSED, WAITING = "passed", "waiting"
_WORDS = ("name", "version", "format")
TUNED = ".ft-"  # in the name of every fine-tuned model, whose version is 1
_USUAL = ("1", "OpenAI")
SMOKE = {marks.SMOKE, marks.SMOKE_SOURCE}
_SCOPE = "/subscriptions/"  # of an ARM id, without which even the longest is short enough for a tag


def waiting(live: Mapping[str, Any]) -> dict[str, str]:
    """The tags of a change that has not passed its check, with the model that last did: a killed run can be undone."""
    model = passed_last(live)
    words = [str(model[word]) for word in _WORDS] if model else []
    return {marks.SMOKE: " ".join([WAITING, *words]), **_source(marks.SMOKE_SOURCE, model)}


def passed_last(live: Mapping[str, Any]) -> dict[str, Any] | None:
    """The model that serves, or before a change that has not passed its check served; None where there was none."""
    tags = live.get("tags") or {}
    state, *former = tags.get(marks.SMOKE, PASSED).split(" ", 3)
    if state == WAITING:
        return dict(zip(_WORDS, former, strict=True)) | _sourced(tags, marks.SMOKE_SOURCE) if former else None
    return (live.get("properties") or {}).get("model")


def told(live: Mapping[str, Any], model: Mapping[str, Any]) -> dict[str, str]:
    """The tags that tell what served before `model` will; none where it served already."""
    now = (live.get("properties") or {}).get("model")
    former = next((one for one in (passed_last(live), now) if one and _differs(one, model)), None)
    return {marks.PREVIOUS: _text(former), **_source(marks.PREVIOUS_SOURCE, former)} if former else {}


def others(tags: Mapping[str, str], told: Mapping[str, str]) -> dict[str, str]:
    """The tags of a deployment without what they tell of a check, and of what served before where that is `told`."""
    gone = SMOKE | ({marks.PREVIOUS_SOURCE} if told else set())
    return {key: value for key, value in tags.items() if key not in gone}


def before(live: Mapping[str, Any]) -> dict[str, Any] | None:
    """The model that served before the one that does now, with what is known of it; None where none is known."""
    now = (live.get("properties") or {}).get("model") or {}
    last = passed_last(live)
    if last and _differs(last, now):
        return last
    tags = live.get("tags") or {}
    found = _read(str(tags.get(marks.PREVIOUS) or ""))
    return found | _sourced(tags, marks.PREVIOUS_SOURCE) if found and _differs(found, now) else None


def previous_name(tags: Mapping[str, Any]) -> str:
    """The name alone of what the tag tells, empty where it tells nothing."""
    return str(tags.get(marks.PREVIOUS) or "").partition(" ")[0]


def _source(tag: str, model: Mapping[str, Any] | None) -> dict[str, str]:
    """The tag that tells which other account has trained a model; none for one of the deployment's own account."""
    source = str((model or {}).get("source") or "")
    return {tag: source.removeprefix(_SCOPE)} if source else {}


def _sourced(tags: Mapping[str, str], tag: str) -> dict[str, str]:
    return {"source": _SCOPE + tags[tag]} if tag in tags else {}


def _differs(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """By name, and by version where both have one."""
    versions = {str(model["version"]) for model in (one, other) if model.get("version")}
    return str(one.get("name")).lower() != str(other.get("name")).lower() or len(versions) > 1


def _text(model: Mapping[str, Any]) -> str:
    """A fine-tuned model by its name, which says all; others with version and publisher."""
    if TUNED in model["name"] and (str(model.get("version")), model.get("format")) == _USUAL:
        return str(model["name"])
    return " ".join(str(model.get(word, "")) for word in _WORDS)


def _read(text: str) -> dict[str, Any] | None:
    name, *more = text.split(" ", 2)
    if not more and TUNED in name:
        more = [*_USUAL]
    return dict(zip(_WORDS, [name, *more], strict=False)) if name else None
