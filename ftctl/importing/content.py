"""What an import writes of an account's data plane: files as datasets, finished jobs, and their checkpoints."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import msgspec

from ftctl.core.errors import Severity
from ftctl.core.model import Health, Live
from ftctl.importing import recipe
from ftctl.importing.draft import Entry
from ftctl.importing.emit import is_secret, safe
from ftctl.importing.found import Found, Page, state
from ftctl.kinds import files, fit, kinds, marks
from ftctl.kinds.recipe import FORMATS

_ROOM = 40  # characters of a file's name beside its id


@dataclass(frozen=True, slots=True)
class Content:
    """What others can refer to: the job of each model, with the step of a checkpoint (0 for the last), by account.

    `recipes` are those of the models that jobs of this spec train, as fingerprints have them; `trained` names the jobs.
    """

    models: dict[tuple[str, str], tuple[str, int]] = field(default_factory=dict)
    recipes: dict[str, str] = field(default_factory=dict)
    trained: dict[str, str] = field(default_factory=dict)


# --- files


def datasets(found: Found, page: Page) -> dict[tuple[str, str, str], str]:
    """The files that jobs can learn from, and what the spec calls each, by account, file and format."""
    formats = _formats(found)
    names: dict[tuple[str, str, str], str] = {}
    others: Counter[str] = Counter()
    for live in sorted(found.inside("dataset"), key=lambda one: (not found.owns(one), one.label or one.name)):
        purpose = str(live.raw.get("purpose") or "unknown")
        if purpose != files.PURPOSE:
            others[purpose] += purpose != files.RESULTS
            continue
        if live.health is not Health.READY and not (found.owns(live) and live.health is Health.PENDING):
            page.leave(f"file {live.id} ({live.name})", state(live))
            continue
        for format_ in formats.get((live.within, live.id), ["chat"]):
            name = page.names.take(live.label or live.name.rpartition(".")[0] or live.name, f"file-{live.id[-8:]}")
            names[live.within, live.id, format_] = name
            page.entries.append(_dataset(found, live, name, format_, used=(live.within, live.id) in formats))
    for purpose, number in sorted(others.items()):
        if number:
            noun = "file" if number == 1 else "files"
            page.leave(f"{number} {noun} for `{safe(purpose)}`", f"a dataset is a file for `{files.PURPOSE}`")
    return names


def _dataset(found: Found, live: Live, name: str, format_: str, *, used: bool) -> Entry:
    size = f"{live.fields['bytes'] or 0:,} bytes"
    shown = live.name if len(live.name) <= _ROOM else f"{live.name[:_ROOM]}…"
    told = size if live.label else f"{shown}, {size}"
    body = {
        "fileId": live.id,
        **({"format": format_} if format_ != "chat" else {}),
        **found.place(live),
    }
    return Entry(name, body, beside={"": told if used else f"{told}; no job used it: chat is assumed"})


def _formats(found: Found) -> dict[tuple[str, str], list[str]]:
    """What the files hold, by account and id: what the jobs that used them learn from."""
    seen: dict[tuple[str, str], list[str]] = {}
    for live in found.inside("job"):
        format_ = FORMATS.get(str(live.fields.get("method")))
        for file in files.files_of(live.raw) if format_ and _is_declared(found, live) else ():
            known = seen.setdefault((live.within, file), [])
            known += [str(format_)] if format_ not in known else []
    return seen


# --- jobs


def jobs(found: Found, page: Page, data: Mapping[tuple[str, str, str], str]) -> Content:
    """Jobs that have succeeded, as adopted ones; the stack's own as they were declared, those under way too."""
    content, own = Content(), set[str]()
    for live in found.inside("job"):
        if not _is_declared(found, live):
            page.leave(f"job {live.id} ({safe(live.name)})", state(live))
            continue
        if found.owns(live) and live.key in own:
            page.leave(f"job {live.id}", "another one of the same recipe is declared")
            continue
        if entry := _job(found, page, live, data, content):
            own |= {live.key}
            page.entries.append(entry)
            _remember(found, content, live, entry)
    return content


def _is_declared(found: Found, live: Live) -> bool:
    return live.health is Health.READY or (live.health is Health.PENDING and found.owns(live))


def _job(
    found: Found, page: Page, live: Live, data: Mapping[tuple[str, str, str], str], content: Content
) -> Entry | None:
    said, title = recipe.told(live), f"job {live.id} ({safe(live.name)})"
    named = {} if said.refused else _data(live, data)
    if said.refused or named is None:
        page.leave(title, said.refused or "a file that it learned from is gone, and a spec has to name it")
        return None
    solved = recipe.declared(live, said, content.recipes) if found.owns(live) else None
    body = solved or ({**said.body, "hyperparameters": said.resolved} if said.resolved else dict(said.body))
    body = _ordered(_linked(body, content), named, live, adopted=solved is None)
    body |= _integrations(live) | found.place(live)
    if why := _refusal(body):
        page.leave(title, why)
        return None
    label = (marks.parse_suffix(live.raw.get("suffix")) or (live.raw.get("suffix") or "",))[0]
    name = page.names.take(label, f"job-{live.id[-8:]}")
    if solved and label and name.replace("_", "-")[:18] != label:
        body["suffix"] = label
    above = tuple(page.remark(name, one) for one in said.remarks)
    return Entry(name, body, above, _beside(live), _below(found, live, said, body))


def _data(live: Live, data: Mapping[tuple[str, str, str], str]) -> dict[str, str] | None:
    """The names of the datasets that it was trained and measured on; None where one is gone."""
    format_ = FORMATS[str(live.fields["method"])]
    named = {"training": "training_file", "validation": "validation_file"}
    given = {field: live.raw[key] for field, key in named.items() if live.raw.get(key)}
    known = {field: data.get((live.within, file, format_)) for field, file in given.items()}
    return None if None in known.values() or "training" not in known else {k: str(v) for k, v in known.items()}


def _linked(body: Mapping[str, Any], content: Content) -> dict[str, Any]:
    """The body with the name of the job that it goes on from in place of that one's recipe."""
    former = content.trained.get(str(body.get("model")))
    return {**body, "model": {"job": former}} if former else dict(body)


def _ordered(body: Mapping[str, Any], named: Mapping[str, str], live: Live, *, adopted: bool) -> dict[str, Any]:
    adopt = {"adopt": live.id} if adopted else {}
    last = ("seed", "hyperparameters")
    first = {key: one for key, one in body.items() if key not in last}
    return {**adopt, **first, **named, **{key: body[key] for key in last if key in body}}


def _integrations(live: Live) -> dict[str, Any]:
    """Where its training reported to."""
    given = [one.get("wandb") or {} for one in live.raw.get("integrations") or () if one.get("type") == "wandb"]
    known = ("project", "name", "entity", "tags")
    kept = {key: given[0][key] for key in known if given[0].get(key)} if given else {}
    return {"integrations": {"wandb": kept}} if kept.get("project") else {}


def _refusal(body: Mapping[str, Any]) -> str:
    """Why a job cannot be declared so, empty where it can: what the kind itself says, and what looks secret."""
    kind = kinds()["job"]
    try:
        spec = msgspec.convert(body, kind.Spec)
    except msgspec.ValidationError as error:
        return f"a spec cannot say it: {error}"
    flaws = [*kind.check(spec)]
    flaws += [] if isinstance(spec.method, str) else fit.grader_flaws(spec.method.reinforcement.grader, ())  # type: ignore[attr-defined]
    wrong = [one.problem.what for one in flaws if one.problem.severity is Severity.ERROR]
    if wrong:
        return f"a spec cannot say it: {wrong[0]}"
    return "its grader holds what looks like a secret" if is_secret(body.get("method")) else ""


def _beside(live: Live) -> dict[str, str]:
    at = datetime.fromtimestamp(live.created, UTC).date().isoformat() if live.created else ""
    told = [one for one in (live.raw.get("suffix"), at) if one]
    return {"adopt": ", ".join(told)} if told else {}


def _below(found: Found, live: Live, said: recipe.Told, body: Mapping[str, Any]) -> tuple[str, ...]:
    """What people want to know of a training and the declaration does not say."""
    declared = body.get("hyperparameters") or {}
    auto = {name: value for name, value in said.resolved.items() if name not in declared}
    chosen = ", ".join(f"{name} {value}" for name, value in auto.items())
    steps = ", ".join(f"{one.step:,}" for one in found.kept.get(live.id, ()))
    return (
        *([f"the service chose: {chosen}"] if chosen else []),
        *([f"checkpoints: step {steps}"] if steps else []),
        *([f"model: {live.outputs['model']}"] if live.outputs.get("model") else []),
    )


def _remember(found: Found, content: Content, live: Live, entry: Entry) -> None:
    """The models that others can name by the job."""
    model = live.outputs.get("model")
    content.models.update({(live.within, one.model): (entry.name, one.step) for one in found.kept.get(live.id, ())})
    if not model:
        return
    content.models[live.within, model] = (entry.name, 0)
    if "adopt" not in entry.body and (marked := marks.parse_suffix(live.raw.get("suffix"))):
        content.recipes[model] = f"recipe/{marked[2]}"
        content.trained[f"recipe/{marked[2]}"] = entry.name
