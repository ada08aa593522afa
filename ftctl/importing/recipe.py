"""A live job's recipe as a spec declares it: what can be said of it, and what of it was declared and what chosen."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations, product
from typing import Any

import msgspec

from ftctl.catalog.training import TYPES
from ftctl.core.digest import digest
from ftctl.core.model import Live
from ftctl.kinds import graders, marks, recipe
from ftctl.kinds.graders import Grader
from ftctl.kinds.recipe import Hyperparameters

_SEEDS = 2**31


@dataclass(frozen=True, slots=True)
class Told:
    """What a spec can say of a job, under its own keys, and remarks on what it cannot.

    `refused` says why nothing can be declared at all. `resolved` are all hyperparameters that the job ran with.
    """

    body: Mapping[str, Any]
    resolved: Mapping[str, Any]
    remarks: tuple[str, ...] = ()
    refused: str = ""


def told(live: Live) -> Told:
    """The recipe of a job but for its data."""
    fields = live.fields
    method = str(fields.get("method"))
    if method not in recipe.HYPERPARAMETERS:
        return Told({}, {}, refused=f"a spec has no method {method}")
    given, strange = _hyperparameters(fields, method)
    remarks = [f"{name} is {value}, which a spec does not take" for name, value in strange.items()]
    body: dict[str, Any] = {"model": fields.get("model")}
    if method == "reinforcement":
        grader = _grader(fields.get("grader"))
        if grader is None:
            return Told({}, given, refused="a spec cannot say what its grader is")
        form = {"responseFormat": fields["responseFormat"]} if fields.get("responseFormat") else {}
        body["method"] = {"reinforcement": {"grader": grader, **form}}
    elif method != "supervised":
        body["method"] = method
    type_ = _training_type(fields.get("trainingType"))
    if type_ is None:
        remarks.append(f"its training type is {fields['trainingType']}, for which a spec has no word")
    elif type_ != "globalStandard":
        body["trainingType"] = type_
    seed = fields.get("seed")
    if isinstance(seed, int) and 0 <= seed < _SEEDS:
        body["seed"] = seed
    return Told({name: value for name, value in body.items() if value is not None}, given, tuple(remarks))


def _training_type(found: Any) -> str | None:
    """The spec's word. A job that says none was trained with `standard` (AZURE: what an omission means)."""
    if found is None:
        return "standard"
    return next((one for one in TYPES if one.lower() == str(found).lower()), None)


def _hyperparameters(fields: Mapping[str, Any], method: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Those that a spec can say, in its own types, and those that it cannot."""
    found = {name: fields[name] for name in Hyperparameters.__struct_fields__ if fields.get(name) not in (None, "auto")}
    said: dict[str, Any] = {}
    for name, value in found.items():
        try:
            one = msgspec.convert({name: value}, Hyperparameters)
        except msgspec.ValidationError:
            continue
        if name in recipe.HYPERPARAMETERS[method]:
            said[name] = getattr(one, name)
    return said, {name: value for name, value in found.items() if name not in said}


def _grader(found: Any) -> dict[str, Any] | None:
    """A grader in the words of a spec, None where it has none for it."""
    try:
        grader: Grader = msgspec.convert(found, Grader)
    except msgspec.ValidationError:
        return None
    if list(graders.flaws(grader)):
        return None
    lean: dict[str, Any] = _lean(msgspec.to_builtins(grader))
    return lean


def _lean(value: Any) -> Any:
    """Without what was left out, and without the name that a grader has anyway."""
    if isinstance(value, list):
        return [_lean(one) for one in value]
    if not isinstance(value, dict):
        return value
    lean = {name: _lean(one) for name, one in value.items() if one is not None}
    if lean.get("name") == lean.get("type"):
        lean.pop("name", None)
    return lean


# --- what was declared


def declared(live: Live, said: Told, models: Mapping[str, str]) -> dict[str, Any] | None:
    """The body that gives the fingerprint in a job's suffix: nobody else knows what was `auto` and what was declared.

    `models` has a recipe for each fine-tuned model that a job of this spec trains, as `recipe/…`.
    """
    marked = marks.parse_suffix(live.raw.get("suffix"))
    if marked is None or said.refused:
        return None
    for body, fields in _candidates(live, said, models):
        if digest(fields).startswith(marked[2]):
            return body
    return None


def _candidates(live: Live, said: Told, models: Mapping[str, str]) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    names = list(said.resolved)
    chosen = [some for number in range(len(names) + 1) for some in combinations(names, number)]
    seeds = [True, False] if "seed" in said.body else [False]
    for model, seeded, some in product(_models(live, models), seeds, chosen):
        body = {**said.body} if seeded else {key: value for key, value in said.body.items() if key != "seed"}
        given = {name: said.resolved[name] for name in some}
        if given:
            body["hyperparameters"] = given
        yield {**body, "model": model}, _fields(live, body, model, given)


def _models(live: Live, models: Mapping[str, str]) -> list[str]:
    name = str(live.fields.get("model"))
    return [name, *([models[name]] if name in models else [])]


def _fields(live: Live, body: Mapping[str, Any], model: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """What the job's kind makes a fingerprint of."""
    method = body.get("method", "supervised")
    inside = method["reinforcement"] if isinstance(method, dict) else {}
    parts = {"grader": _wired(inside["grader"])} if inside else {}
    if "responseFormat" in inside:
        parts["responseFormat"] = inside["responseFormat"]
    return {
        "model": model,
        "method": method if isinstance(method, str) else "reinforcement",
        "trainingType": body.get("trainingType", "globalStandard"),
        **({"seed": body["seed"]} if "seed" in body else {}),
        **given,
        **parts,
        **{name: live.fields[name] for name in ("training", "validation") if name in live.fields},
    }


def _wired(body: Mapping[str, Any]) -> dict[str, Any]:
    grader: Grader = msgspec.convert(body, Grader)
    programs = {at: str(part.source) for at, part in graders.parts(grader) if isinstance(part, graders.PythonGrader)}
    return graders.wire(grader, programs)
