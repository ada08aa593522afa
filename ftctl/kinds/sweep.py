"""Sweeps: a job's `matrix` declares one job for each combination of its values, and `pick` chooses among them.

A member has the recipe that the same job written out by hand would have. So a value that is added trains only what is
new, and a sweep that is taken back to one job trains nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import product
from math import prod
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias, get_args, get_type_hints
from urllib.parse import quote

import msgspec

from ftctl.core.model import Address, Resource
from ftctl.kinds.conditions import metric_name, untellable
from ftctl.kinds.contract import Declaration, Flaw, described, flaw
from ftctl.kinds.recipe import HYPERPARAMETERS, Hyperparameters, hyperparameters, name_of
from ftctl.results.columns import FULL_VALID_LOSS, Better, better

if TYPE_CHECKING:
    from ftctl.kinds.job import JobSpec

MOST = 50  # jobs of one sweep: each is paid for
_SEED = Annotated[int, msgspec.Meta(ge=0, le=2147483647)]
_GOALS = {Better.LOWER: "min", Better.HIGHER: "max"}


def _axes() -> Iterator[tuple[str, Any, None]]:
    """A list for each field that may vary, of values as the field itself takes them."""
    yield "model", _values(str, "Base models, or fine-tuned models' ids."), None
    yield "seed", _values(_SEED, "Seeds, which tell how much is chance."), None
    for name, hint in get_type_hints(Hyperparameters, include_extras=True).items():
        value, about = get_args(hint)
        yield name, _values(value, about.description), None


def _values(value: Any, description: str) -> Any:
    made_of: Any = list  # mypy takes no type that is a variable
    some: Any = Annotated[made_of[value], msgspec.Meta(min_length=1)]
    optional: Any = some | None
    return Annotated[optional, described(description)]


if TYPE_CHECKING:
    Matrix: TypeAlias = Declaration
else:
    Matrix = msgspec.defstruct(
        "Matrix", list(_axes()), bases=(Declaration,), frozen=True, kw_only=True, rename=None, module=__name__
    )
    Matrix.__doc__ = "What varies: every combination of the values is one job, and everything else is as declared."


class Pick(Declaration, frozen=True):
    """How the best of a sweep is chosen, once all of its jobs have succeeded."""

    metric: Annotated[str, described(f"A column of results.csv, such as {FULL_VALID_LOSS}, or overfit_ratio.")]
    goal: Annotated[
        Literal["min", "max"] | None,
        described("Whether the lowest or the highest value is best; by the metric if left out."),
    ] = None
    checkpoint: Annotated[
        Literal["last", "best"], described("At which checkpoint of each job: its last, or its best by validation data.")
    ] = "last"


def goal_of(pick: Pick) -> str:
    """`min` or `max`; empty where the metric does not say, and the declaration neither."""
    return pick.goal or _GOALS.get(better(metric_name(pick.metric)), "")


def axes(matrix: Matrix) -> dict[str, list[Any]]:
    """The values of each field that varies, in the order of the fields."""
    return {name: values for name, values in msgspec.to_builtins(matrix).items() if values is not None}


def axes_of(member: Address) -> tuple[str, ...]:
    """The fields that tell a member from the others of its sweep; none for a job that is no member."""
    return tuple(part.partition("=")[0] for part in member.name.split(":")[1:])


def combination(member: Address) -> str:
    """What a member is called within its sweep: `n_epochs=2:seed=7`."""
    return member.name.partition(":")[2]


# --- what is wrong with one, offline


def sweep_flaws(spec: JobSpec) -> Iterator[Flaw]:
    """What makes no sweep, or one whose best could not be told."""
    if spec.matrix is None:
        for name, value in (("pick", spec.pick), ("maxParallel", spec.max_parallel)):
            if value is not None:
                yield flaw(name, "FT1414", f"`{name}` is for a sweep, and the job has no `matrix`")
        if not spec.model:
            what, about = "the key `model` is missing", "Add it: the base model with its date, say."
            yield flaw("", "FT1101", what, fix=about)
        return
    found = axes(spec.matrix)
    if not found:
        fix = "Write `matrix: {n_epochs: [2, 3]}`, say, or take it out."
        yield flaw("matrix", "FT1410", "the matrix has no values", fix=fix)
    yield from _axis_flaws(spec, found)
    if (number := prod(map(len, found.values()))) > MOST:
        what = f"the matrix makes {number:,} jobs, and a sweep has at most {MOST}"
        yield flaw("matrix", "FT1413", what)
    if not spec.model and "model" not in found:
        yield flaw("", "FT1101", "the key `model` is missing", fix="Add it, or `matrix: {model: [A, B]}`.")
    if spec.pick:
        yield from _pick_flaws(spec, spec.pick)


def _axis_flaws(spec: JobSpec, found: Mapping[str, list[Any]]) -> Iterator[Flaw]:
    method = name_of(spec.method)
    given = {"model": spec.model, "seed": spec.seed, **hyperparameters(spec.hyperparameters)}
    known = ("model", "seed", *HYPERPARAMETERS[method])
    for name, values in found.items():
        path = f"matrix.{name}"
        if name not in known:
            owners = " and ".join(one for one, names in HYPERPARAMETERS.items() if name in names)
            yield flaw(path, "FT1270", f"{method} training has no `{name}`: it belongs to {owners}")
        if given.get(name) not in (None, ""):
            beside = name if name in {"model", "seed"} else f"hyperparameters.{name}"
            what = f"`{name}` stands in the matrix and in `{beside}`"
            yield flaw(path, "FT1411", what, fix=f"Take `{beside}` out, or the key of the matrix.")
        for index, value in enumerate(values):
            if value in values[:index]:
                what = f"`{name}` has {_written(value)} twice: both combinations would be one job"
                yield flaw(f"{path}.{index}", "FT1412", what)


def _pick_flaws(spec: JobSpec, pick: Pick) -> Iterator[Flaw]:
    rewarded, validated = name_of(spec.method) == "reinforcement", bool(spec.validation)
    if why := untellable(pick.metric, validated=validated, rewarded=rewarded):
        yield flaw("pick.metric", "FT1417", *why[:1], why=why[1], fix=why[2])
    elif not goal_of(pick):
        what = f"of {pick.metric} it is not known which way is better"
        yield flaw("pick.metric", "FT1416", what, fix="Add `goal: min` or `goal: max`.")
    elif pick.goal and pick.goal != goal_of(Pick(metric=pick.metric)) != "":
        what = f"`goal: {pick.goal}` would choose the worst {pick.metric}"
        yield flaw("pick.goal", "FT1416", what, fix=f"Write `goal: {goal_of(Pick(metric=pick.metric))}`.")
    if pick.checkpoint == "best" and not validated:
        yield flaw("pick.checkpoint", "FT1293", "the jobs have no validation data to find their best models by")


# --- its members


def members(sweep: Resource) -> list[Resource]:
    """A job for each combination, the last field varying fastest."""
    found = axes(sweep.spec.matrix)
    return [_member(sweep, dict(zip(found, one, strict=True))) for one in product(*map(enumerate, found.values()))]


def _member(sweep: Resource, chosen: Mapping[str, tuple[int, Any]]) -> Resource:
    """The job that would stand there without the matrix; its places are those of its values in it."""
    spec: JobSpec = sweep.spec
    values = {name: value for name, (_, value) in chosen.items()}
    own = {name: values.pop(name) for name in ("model", "seed") if name in values}
    paths = {name: name if name in own else f"hyperparameters.{name}" for name in chosen}
    places = {paths[name]: sweep.place(f"matrix.{name}.{index}") for name, (index, _) in chosen.items()}
    known = {path: place for path, place in places.items() if place}
    told = ":".join(f"{name}={_written(value)}" for name, (_, value) in chosen.items())
    given = msgspec.structs.replace(spec.hyperparameters, **values)
    return Resource(
        Address("job", f"{sweep.address.name}:{told}"),
        msgspec.structs.replace(spec, matrix=None, pick=None, hyperparameters=given, **own),
        sweep.references,
        {**sweep.places, **known, "": known[paths[list(chosen)[-1]]]} if known else sweep.places,
        named=sweep.named,
    )


def _written(value: Any) -> str:
    """A value in an address: 1 and 1.0 alike, and nothing in it that a shell would read."""
    text = str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
    return quote(text, safe="")
