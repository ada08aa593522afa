"""Evaluations on held-out examples: how they are declared, what is wrong with them offline, and what they ask."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec

from ftctl.core.digest import digest
from ftctl.core.errors import Problem, Severity
from ftctl.core.model import Address, Resource
from ftctl.kinds import fit, graders
from ftctl.kinds.contract import Declaration, Flaw, described, flaw, reference
from ftctl.kinds.graders import Grader

if TYPE_CHECKING:
    from ftctl.core.model import World
    from ftctl.kinds.conditions import Gate

MOST = 200  # examples, where nobody says how many
MOST_EVALUATIONS = 6  # of a job: what they found stands in one tag
_DIGITS = 12


class Evaluate(Declaration, frozen=True):
    """An evaluation on examples that were held out: a temporary deployment of the model answers, a grader scores."""

    dataset: Annotated[str, reference("dataset", "The held-out examples; a chat or reinforcement dataset with `path`.")]
    grader: Annotated[Grader, described("What scores an answer, in the service's own words.")]
    samples: Annotated[
        Annotated[int, msgspec.Meta(ge=1, le=1000)] | None,
        described(f"How many examples at most, always the same ones; up to {MOST} if left out."),
    ] = None
    max_tokens: Annotated[int, described("The longest answer, with a reasoning model's thoughts.", ge=1)] = 2000
    capacity: Annotated[
        int, described("Of the temporary deployment: thousands of tokens, and mostly requests, a minute.", ge=1, le=250)
    ] = 10


@dataclass(frozen=True, slots=True)
class Exam:
    """What one evaluation asks of a model, whichever that is. `sha256` is its data's as the plan knows it."""

    address: Address
    path: str
    shown: str
    bom: Any
    format: str
    sha256: str
    most: int
    max_tokens: int
    capacity: int
    grader: Mapping[str, Any]
    form: Mapping[str, Any] | None = None

    def key(self, model: str) -> str:
        """What its result is remembered by: all that decides it."""
        decides = [model, self.sha256, self.format, self.most, self.max_tokens, self.grader, self.form]
        return digest(decides)[:_DIGITS]


def declared(gates: Sequence[Gate] | None) -> Iterator[tuple[str, Evaluate]]:
    """The evaluations among gates, each with its path in the job's declaration."""
    for number, gate in enumerate(gates or ()):
        if gate.evaluate is not None:
            yield f"gates.{number}.evaluate", gate.evaluate


def about(asks: Evaluate, examples: Any) -> str:
    """What is measured, for people; `examples` is how many there are, where that is known."""
    most = asks.samples or MOST
    number = f"{min(most, examples):,}" if isinstance(examples, int) else f"up to {most:,}"
    return f"mean score of {asks.grader.name or _type(asks.grader)} on {number} of dataset/{asks.dataset}"


def _type(grader: Grader) -> str:
    return str(msgspec.to_builtins(grader)["type"])


def asking(gates: Sequence[Gate], world: World) -> list[str]:
    """What the evaluations will ask, and about how much that is; nothing where there are none."""
    questions, tokens = 0, 0.0
    for _, asks in declared(gates):
        examples, whole = (world.output(Address("dataset", asks.dataset), name) for name in ("examples", "tokens"))
        if isinstance(examples, int) and examples:
            number = min(asks.samples or MOST, examples)
            questions += number
            tokens += number * whole / examples if isinstance(whole, int) else 0
    if not questions:
        return []
    noun = "question" if questions == 1 else "questions"
    size = f", about {tokens:,.0f} tokens with their answers" if tokens else ""
    return [f"asks a temporary deployment of the model {questions:,} {noun}{size}"]


def sources(gates: Sequence[Gate] | None, resource: Resource, base: Path) -> tuple[dict[str, str], list[Problem]]:
    """The programs of Python graders by their paths, and what is wrong with them."""
    programs: dict[str, str] = {}
    problems: list[Problem] = []
    for path, asks in declared(gates):
        found, wrong = graders.sources(asks.grader, resource, base, f"{path}.grader")
        programs |= found
        problems += wrong
    return programs, problems


def grader_flaws(gates: Sequence[Gate] | None) -> Iterator[Flaw]:
    """What is wrong with the graders of evaluations beyond their shape, and with how many evaluations there are."""
    found = list(declared(gates))
    for path, asks in found:
        yield from graders.flaws(asks.grader, f"{path}.grader")
    if len(found) > MOST_EVALUATIONS:
        what = f"a job has at most {MOST_EVALUATIONS} evaluations, and here are {len(found)}"
        yield flaw(found[MOST_EVALUATIONS][0], "FT1422", what)


def flaws(job: Resource, all_: Mapping[Address, Resource]) -> Iterator[Flaw]:
    """What does not fit between the evaluations of a job, their data, and what the job learns from."""
    for path, asks in declared(job.spec.gates):
        data = all_.get(Address("dataset", asks.dataset))
        if data is None:
            continue
        at = f"{path}.dataset"
        if not data.spec.path or data.spec.format == "preference":
            why = "is not in a file here" if not data.spec.path else "has pairs of answers and no questions of its own"
            yield flaw(at, "FT1421", f"{data.address} {why}")
            continue
        yield from _seen_flaws(at, data, job, all_)
        yield from fit.grader_flaws(asks.grader, [data], f"{path}.grader")


def _seen_flaws(at: str, data: Resource, job: Resource, all_: Mapping[Address, Resource]) -> Iterator[Flaw]:
    """Held-out data that the job learns from or is measured by, whatever it is called; and examples in common."""
    for field, address in fit.named(job.spec).items():
        other = all_.get(address)
        if other is None:
            continue
        if _same(data, other):
            called = "" if other is data else f", which has the same content as {data.address}"
            yield flaw(at, "FT1420", f"{data.address} is not held out: {field} is {other.address}{called}")
        elif field == "training":
            yield from _common_flaws(at, data, other)


def _same(one: Resource, other: Resource) -> bool:
    """One declaration, one file, or files of one content."""
    hashes = [found.prepared.get("sha256") or found.spec.sha256 for found in (one, other)]
    paths = [found.prepared.get("path", "") for found in (one, other)]
    same_file = paths[0] and paths[1] and Path(paths[0]).resolve() == Path(paths[1]).resolve()
    return one is other or bool(same_file) or (hashes[0] is not None and hashes[0] == hashes[1])


def _common_flaws(at: str, held_out: Resource, training: Resource) -> Iterator[Flaw]:
    if not ("checked" in held_out.prepared and "checked" in training.prepared):
        return
    from ftctl.data.repeats import common  # noqa: PLC0415  decoding is only needed where there is data

    number, first = common(held_out.prepared["checked"].index, training.prepared["checked"].index)
    if number:
        noun = "example of it stands" if number == 1 else "examples of it stand"
        what = f"{held_out.address}: {number:,} {noun} in {training.address} too, first line {first[0][0]:,}"
        yield Flaw(at, Problem("FT1423", f"{what} (there {first[0][1]:,})", severity=Severity.WARNING))


def exams(gate: Resource, base: Path, all_: Mapping[Address, Resource]) -> tuple[Exam, ...]:
    """What the evaluations of a gate ask; their data's hashes are told by the plan."""
    programs, _ = sources(gate.spec.gates, gate, base)
    found = []
    for path, asks in declared(gate.spec.gates):
        address = Address("dataset", asks.dataset)
        data, grader = all_[address].spec, graders.wire(asks.grader, programs, f"{path}.grader")
        shown = data.path or ""
        exam = Exam(
            address, str(base / shown), shown, data.bom, data.format, "", asks.samples or MOST, asks.max_tokens,
            asks.capacity, grader, gate.spec.form,
        )  # fmt: skip
        found.append(exam)
    return tuple(found)
