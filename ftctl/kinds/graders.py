"""Graders of reinforcement jobs: how they are declared, what is wrong with them offline, and how Azure takes them.

A grader is written in the service's own words, so that one from its documentation can be pasted. Only `file` is ours.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from ftctl.core.errors import Problem, Where
from ftctl.core.model import Resource
from ftctl.kinds import formula
from ftctl.kinds.contract import Declaration, Flaw, beside, described, flaw

JUDGES = ("gpt-4o-2024-08-06", "o3-mini-2025-01-31")
SOURCE_BYTES = 256 * 1024
AT = "method.reinforcement.grader"

Name = Annotated[str | None, described("What results call it; its type if left out.")]
Template = Annotated[str, described("Text with {{item.key}} of the example and {{sample.output_text}} of the answer.")]
Threshold = Annotated[float | None, described("The reward from which an answer counts as passed.")]


class StringCheck(Declaration, frozen=True, rename=None, tag_field="type", tag="string_check"):
    """1 where the answer compares as asked with the reference, else 0."""

    input: Template
    reference: Template
    operation: Annotated[Literal["eq", "ne", "like", "ilike"], described("How the two are compared.")]
    name: Name = None


class TextSimilarity(Declaration, frozen=True, rename=None, tag_field="type", tag="text_similarity"):
    """How alike the answer and the reference are, from 0 to 1."""

    input: Template
    reference: Template
    evaluation_metric: Annotated[
        Literal[
            "fuzzy_match", "bleu", "gleu", "meteor", "rouge_1", "rouge_2", "rouge_3", "rouge_4", "rouge_5", "rouge_l"
        ],
        described("The measure of likeness."),
    ]
    name: Name = None
    pass_threshold: Threshold = None


class GraderMessage(Declaration, frozen=True, rename=None):
    """A message to the model that scores."""

    role: Annotated[Literal["system", "developer", "user", "assistant"], described("Who says it.")]
    content: Template


class ScoreModel(Declaration, frozen=True, rename=None, tag_field="type", tag="score_model"):
    """A model reads the answer and gives a number."""

    model: Annotated[str, described("The model that scores, such as gpt-4o-2024-08-06.")]
    input: Annotated[list[GraderMessage], described("What it is asked.", min_length=1)]
    name: Name = None
    range: Annotated[
        Annotated[list[float], msgspec.Meta(min_length=2, max_length=2)] | None,
        described("The least and the greatest number that it gives."),
    ] = None
    sampling_params: Annotated[dict[str, Any] | None, described("How it samples: seed, temperature, top_p …")] = None
    pass_threshold: Threshold = None


class PythonGrader(Declaration, frozen=True, rename=None, tag_field="type", tag="python"):
    """Python that defines `grade(sample, item)` and returns a number; it has no network and two minutes."""

    source: Annotated[str | None, described("The program.")] = None
    file: Annotated[str | None, beside("The program's file, beside the spec.")] = None
    name: Name = None
    image_tag: Annotated[str | None, described("The image that it runs in.")] = None
    pass_threshold: Threshold = None


class Endpoint(Declaration, frozen=True, rename=None, tag_field="type", tag="endpoint"):
    """An endpoint of one's own that grades. Azure has it in private preview only, and ftctl refuses it."""

    url: Annotated[str, described("Where it answers.")]
    name: Name = None


class Multi(Declaration, frozen=True, rename=None, tag_field="type", tag="multi"):
    """Several graders, and a formula that makes one number of theirs."""

    graders: Annotated[
        dict[str, StringCheck | TextSimilarity | ScoreModel | PythonGrader],
        described("The graders by the names that the formula uses.", min_length=1, max_length=20),
    ]
    calculate_output: Annotated[str, described("The formula, such as 0.7 * correct + 0.3 * short.")]
    name: Name = None
    invalid_grade: Annotated[float | None, described("The reward where a grader fails.")] = None


Part = StringCheck | TextSimilarity | ScoreModel | PythonGrader | Endpoint
Grader = Part | Multi


def parts(grader: Grader, at: str = AT) -> Iterator[tuple[str, Part]]:
    """The graders that score, each with its path in the declaration; `at` is that of the grader."""
    if isinstance(grader, Multi):
        yield from ((f"{at}.graders.{name}", part) for name, part in grader.graders.items())
    else:
        yield at, grader


def templates(grader: Grader, at: str = AT) -> Iterator[tuple[str, str]]:
    """Every template with its path."""
    for path, part in parts(grader, at):
        match part:
            case StringCheck() | TextSimilarity():
                yield f"{path}.input", part.input
                yield f"{path}.reference", part.reference
            case ScoreModel():
                yield from ((f"{path}.input.{number}.content", one.content) for number, one in enumerate(part.input))


def flaws(grader: Grader, at: str = AT) -> Iterator[Flaw]:
    """What is wrong with a grader beyond its shape, without its files."""
    if isinstance(grader, Multi) and (wrong := formula.problem(grader.calculate_output, grader.graders)):
        yield flaw(f"{at}.calculate_output", "FT1277", f"`calculate_output` is no formula of these graders: {wrong}")
    for path, part in parts(grader, at):
        match part:
            case PythonGrader() if bool(part.source) == bool(part.file):
                said = "both" if part.source else "neither"
                yield flaw(path, "FT1273", f"a python grader has `source` or `file`, and here is {said}")
            case ScoreModel() if part.range and part.range[0] >= part.range[1]:
                yield flaw(f"{path}.range", "FT1273", "`range` is two numbers, the lesser first")
            case Endpoint():
                yield flaw(
                    path, "FT1281", "graders of the type endpoint are in private preview, and their form is unpublished"
                )


def sources(grader: Grader, resource: Resource, base: Path, at: str = AT) -> tuple[dict[str, str], list[Problem]]:
    """The programs of Python graders by their paths, and what is wrong with each at its own line."""
    found: dict[str, str] = {}
    problems: list[Problem] = []
    for path, part in parts(grader, at):
        if not isinstance(part, PythonGrader):
            continue
        source, shown, where = part.source or "", "the source", resource.place(f"{path}.source")
        if part.file:
            shown, where = _shown(base / part.file), resource.place(f"{path}.file")
            try:
                source = _read(base / part.file)
            except (OSError, UnicodeError) as error:
                reason = (getattr(error, "strerror", None) or "it is not UTF-8").lower()
                problems.append(Problem("FT1274", f"{shown} cannot be read: {reason}", where))
                continue
        found[path] = source
        problems += _program_flaws(source, shown, where, inside=bool(part.file))
    return found, problems


def wire(grader: Grader, found: Mapping[str, str], at: str = AT) -> dict[str, Any]:
    """The grader as Azure takes it: programs in full, a name for each, nothing that was left out."""
    if isinstance(grader, Multi):
        named = zip(parts(grader, at), grader.graders, strict=True)
        graders = {name: _part(part, name, found.get(path, "")) for (path, part), name in named}
        return {**_plain(grader, "multi"), "graders": graders}
    return _part(grader, "", found.get(at, ""))


def _part(part: Part, name: str, source: str) -> dict[str, Any]:
    plain = _plain(part, name)
    plain.pop("file", None)
    return {**plain, "source": source} if isinstance(part, PythonGrader) else plain


def _plain(grader: Grader, name: str) -> dict[str, Any]:
    given = {key: value for key, value in msgspec.to_builtins(grader).items() if value is not None}
    return {"type": given["type"], "name": name or given["type"], **given}


def _read(path: Path) -> str:
    """A program, at most one byte more than is allowed."""
    if path.exists() and not path.is_file():
        raise OSError(0, "it is no regular file")
    with path.open("rb") as file:
        return file.read(SOURCE_BYTES + 1).decode("utf-8-sig")


def _shown(path: Path) -> str:
    """A path as people wrote it: relative to where they stand, if it is below."""
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def _program_flaws(source: str, shown: str, where: Where | None, *, inside: bool) -> Iterator[Problem]:
    """`inside` says that `shown` is a file, whose line is a better place than the spec's."""
    if len(source.encode(errors="replace")) > SOURCE_BYTES:
        yield Problem("FT1276", f"{shown} has more than {SOURCE_BYTES:,} bytes", where)
        return
    try:
        with warnings.catch_warnings(action="ignore"):
            tree = ast.parse(source)
            compile(tree, shown, "exec", dont_inherit=True)
    except SyntaxError as error:
        line = error.lineno or 0
        place = Where(shown, line, error.offset or 0) if inside else where
        yield Problem("FT1275", f"line {line} of {shown} is no Python: {error.msg}", place)
    except (ValueError, RecursionError, MemoryError):
        yield Problem("FT1275", f"{shown} cannot be compiled", where)
    else:
        if not any(_defines_grade(node) for node in tree.body):
            yield Problem("FT1275", f"{shown} defines no function grade(sample, item)", where)


def _defines_grade(node: ast.stmt) -> bool:
    match node:
        case ast.FunctionDef(name=name):
            return name == "grade"
        case ast.Assign(targets=targets):
            return any(isinstance(one, ast.Name) and one.id == "grade" for one in targets)
        case ast.Import(names=names) | ast.ImportFrom(names=names):
            return any((one.asname or one.name) in {"grade", "*"} for one in names)
        case ast.If() | ast.Try() | ast.With():
            return True  # whether it does is only known when it runs
    return False
