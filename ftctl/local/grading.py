"""Grades of samples: the graders that jobs and the graders API take, checked and then put to work."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from threading import BoundedSemaphore
from types import TracebackType
from typing import Any, Self

from ftctl.local import formula, similarity
from ftctl.local.sandbox import SOURCE_LIMIT, Sandbox

OPERATIONS = ("eq", "ne", "like", "ilike")
JUDGES = ("gpt-4o-2024-08-06", "o3-mini-2025-01-31")
TYPES = ("string_check", "text_similarity", "score_model", "python", "multi")
_GRADERS_LIMIT = 20  # within a multi grader
_AT_ONCE = BoundedSemaphore(8)  # graders with processes; each may have several
_LONGEST = 20_000  # characters of a text that are compared
_TEMPLATE = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)
_PATH = re.compile(r"(item|sample)((?:\.[A-Za-z_][A-Za-z0-9_-]*)+)")
_SAMPLE = ("output_text", "output_json", "output_tools", "choices")
_FIELDS: dict[str, set[str]] = {
    "string_check": {"input", "reference", "operation"},
    "text_similarity": {"input", "reference", "evaluation_metric", "pass_threshold"},
    "score_model": {"input", "model", "range", "sampling_params", "pass_threshold"},
    "python": {"source", "image_tag", "pass_threshold"},
    "multi": {"graders", "calculate_output", "invalid_grade"},
}
Spec = dict[str, Any]


class GraderError(Exception):
    """Why a grader cannot be used; `name` is the property it is about."""

    def __init__(self, message: str, name: str = "") -> None:
        super().__init__(message)
        self.name = name


@dataclass(frozen=True, slots=True)
class Grade:
    """What a grader says of one sample: a reward, or none and the errors by the service's names."""

    reward: float
    errors: frozenset[str] = frozenset()
    details: str = ""
    subs: Mapping[str, float] = field(default_factory=dict)
    tokens: Mapping[str, int] = field(default_factory=dict)  # by the model that graded


# -- checking ----------------------------------------------------------------------------------------------------------


def check(spec: Any, *, nested: bool = False) -> None:
    """Refuse what is no grader, by the published schema. Python is looked at where it runs (`Grader.problem`)."""
    if not isinstance(spec, dict):
        raise GraderError("A grader must be an object.")
    kind = spec.get("type")
    if kind in ("label_model", "endpoint"):
        raise GraderError(f"The local Azure does not emulate graders of the type '{kind}'.", "type")
    if kind not in TYPES or (nested and kind == "multi"):
        raise GraderError(f"The type of a grader must be one of: {', '.join(TYPES[: -1 if nested else None])}.", "type")
    for name, value in spec.items():
        if value is not None and name not in _FIELDS[kind] | {"type", "name"}:
            raise GraderError(f"A grader of the type '{kind}' has no property '{name[:40]}'.", name[:40])
    if not isinstance(spec.get("name", ""), str):
        raise GraderError("The name of a grader must be a string.", "name")
    {
        "string_check": _check_strings,
        "text_similarity": _check_similarity,
        "score_model": _check_judge,
        "python": _check_python,
        "multi": _check_multi,
    }[kind](spec)


def _text(spec: Spec, name: str) -> str:
    value = spec.get(name)
    if not isinstance(value, str):
        raise GraderError(f"The property '{name}' is required and must be a string.", name)
    _check_template(value, name)
    return value


def _check_template(text: str, name: str) -> None:
    for found in _TEMPLATE.findall(text):
        path = _PATH.fullmatch(found)
        if path is None:
            raise GraderError(
                f"The template '{{{{{found[:60]}}}}}' is invalid: it takes item.name or sample.name, without blanks or "
                "indexing.",
                name,
            )
        if path[1] == "sample" and path[2].split(".")[1] not in _SAMPLE:
            raise GraderError(f"A sample has no '{path[2][1:60]}'.", name)


def _check_strings(spec: Spec) -> None:
    for name in ("input", "reference"):
        _text(spec, name)
    if spec.get("operation") not in OPERATIONS:
        raise GraderError(f"The operation must be one of: {', '.join(OPERATIONS)}.", "operation")


def _check_similarity(spec: Spec) -> None:
    for name in ("input", "reference"):
        _text(spec, name)
    if spec.get("evaluation_metric") not in tuple(similarity.MEASURES):
        raise GraderError(
            f"The evaluation_metric must be one of: {', '.join(similarity.MEASURES)}.", "evaluation_metric"
        )


def _check_judge(spec: Spec) -> None:
    if spec.get("model") not in JUDGES:
        raise GraderError(f"The model of a grader must be one of: {', '.join(JUDGES)}.", "model")
    messages = spec.get("input")
    if not isinstance(messages, list) or not messages:
        raise GraderError("The property 'input' must be a list of messages.", "input")
    for message in messages:
        if not isinstance(message, dict) or not isinstance(message.get("role"), str):
            raise GraderError("A message of 'input' has a role and content.", "input")
        for part in _parts(message.get("content")):
            _check_template(part, "input")
    _range(spec)


def _parts(content: Any) -> list[str]:
    """The texts of a message; pictures and sound are not read."""
    if isinstance(content, str):
        return [content]
    parts = content if isinstance(content, list) else [content]
    if not all(isinstance(part, dict) for part in parts):
        raise GraderError("The content of a message must be text, or parts of it.", "input")
    return [part["text"] for part in parts if isinstance(part.get("text"), str)]


def _range(spec: Spec) -> tuple[float, float]:
    found = spec.get("range") or [0.0, 1.0]
    numbers = isinstance(found, list) and all(type(one) in (int, float) for one in found)
    if not numbers or len(found) != 2 or not -1e9 < found[0] < found[1] < 1e9:  # noqa: PLR2004  from, to
        raise GraderError("The range must be two numbers, the lesser first.", "range")
    return float(found[0]), float(found[1])


def _check_python(spec: Spec) -> None:
    source = spec.get("source")
    if not isinstance(source, str) or not source.strip():
        raise GraderError("The property 'source' is required and must be a string.", "source")
    if len(source.encode(errors="replace")) > SOURCE_LIMIT:
        raise GraderError(f"The source has more than {SOURCE_LIMIT} bytes.", "source")


def _check_multi(spec: Spec) -> None:
    graders, output = spec.get("graders"), spec.get("calculate_output")
    if not isinstance(graders, dict) or not 0 < len(graders) <= _GRADERS_LIMIT:
        raise GraderError(f"The property 'graders' must be an object of up to {_GRADERS_LIMIT} graders.", "graders")
    for name, one in graders.items():
        try:
            check(one, nested=True)
        except GraderError as error:
            raise GraderError(
                f"graders.{name[:40]}: {error}", f"graders.{name[:40]}.{error.name}".rstrip(".")
            ) from None
    if not isinstance(output, str):
        raise GraderError("The property 'calculate_output' is required and must be a string.", "calculate_output")
    try:
        formula.check(output, set(graders))
    except formula.FormulaError as error:
        raise GraderError(f"The formula of 'calculate_output' is invalid: {error}.", "calculate_output") from None


# -- grading -----------------------------------------------------------------------------------------------------------


class Grader:
    """A checked grader at work. It is a context: Python graders run in processes that end with it."""

    def __init__(self, spec: Spec, *, seconds: float | None = None, patience: int = 1) -> None:
        self._spec = spec
        self._stack = ExitStack()
        sources = {"": spec} if spec["type"] == "python" else spec.get("graders") or {}
        self._sandboxes = {
            name: Sandbox(one["source"], seconds=seconds, patience=patience)
            for name, one in sources.items()
            if one["type"] == "python"
        }

    def __enter__(self) -> Self:
        if self._sandboxes:
            self._stack.enter_context(_AT_ONCE)
        for one in self._sandboxes.values():
            self._stack.enter_context(one)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def problem(self) -> str:
        """Why a Python grader in it cannot be used."""
        return next((trouble for one in self._sandboxes.values() if (trouble := one.load())), "")

    def grade(self, text: str, item: dict[str, Any]) -> Grade:
        """The grade of a model's answer to an example."""
        sample = sampled(text)
        if self._spec["type"] != "multi":
            return self._one("", self._spec, sample, item)
        grades = {name: self._one(name, one, sample, item) for name, one in self._spec["graders"].items()}
        subs = {name: one.reward for name, one in grades.items()}
        errors = frozenset[str]().union(*(one.errors for one in grades.values()))
        details = next((one.details for one in grades.values() if one.details), "")
        tokens: dict[str, int] = {}
        for one in grades.values():
            for model, count in one.tokens.items():
                tokens[model] = tokens.get(model, 0) + count
        try:
            reward = formula.evaluate(self._spec["calculate_output"], subs)
        except formula.FormulaError as error:
            return Grade(0.0, errors | {"formula_parse_error"}, details or str(error), subs, tokens)
        return Grade(reward, errors, details, subs, tokens)

    def _one(self, name: str, spec: Spec, sample: dict[str, Any], item: dict[str, Any]) -> Grade:
        if spec["type"] == "python":
            return _python(self._sandboxes[name], sample, item)
        try:
            if spec["type"] == "score_model":
                return _judged(spec, sample, item)
            texts = (_filled(spec["input"], sample, item), _filled(spec["reference"], sample, item))
        except _Missing as missing:
            wrong = "sample_parse_error" if str(missing).startswith("sample.output_json") else "invalid_variable_error"
            return Grade(0.0, frozenset({wrong}), f"there is no '{missing}'")
        said, reference = texts[0][:_LONGEST], texts[1][:_LONGEST]
        if spec["type"] == "string_check":
            return Grade(_compared(spec["operation"], *texts))
        return Grade(similarity.MEASURES[spec["evaluation_metric"]](said, reference))


def sampled(text: str) -> dict[str, Any]:
    """An answer as graders see it; `output_json` is there where it is JSON."""
    sample: dict[str, Any] = {"output_text": text, "output_tools": [], "choices": []}
    with suppress(ValueError, RecursionError):
        sample["output_json"] = json.loads(text)
    return sample


class _Missing(Exception):
    """A template names what is not there."""


def _filled(text: str, sample: dict[str, Any], item: dict[str, Any]) -> str:
    return _TEMPLATE.sub(lambda found: _value(found[1], {"sample": sample, "item": item}), text)


def _value(path: str, spaces: dict[str, Any]) -> str:
    found: Any = spaces
    for name in path.split("."):
        if not isinstance(found, dict) or name not in found:
            raise _Missing(path)
        found = found[name]
    return found if isinstance(found, str) else json.dumps(found)


def _compared(operation: str, said: str, reference: str) -> float:
    match operation:
        case "eq":
            return float(said == reference)
        case "ne":
            return float(said != reference)
        case "like":
            return float(reference in said)
        case _:
            return float(reference.casefold() in said.casefold())


def _judged(spec: Spec, sample: dict[str, Any], item: dict[str, Any]) -> Grade:
    """The stand-in for a model that scores: the share of the answer's words that the rest of the prompt has too.

    The prompt is `input` with its templates filled; the rest of it is what is left without the answer's own text. An
    answer that repeats the reference in the prompt scores high, one of other words low; the share is laid on `range`.
    """
    texts = [_filled(part, sample, item) for message in spec["input"] for part in _parts(message.get("content"))]
    prompt, answer = "\n".join(texts), sample["output_text"]
    said = set(similarity.words(answer)[:_LONGEST])
    rest = set(similarity.words(prompt.replace(answer, " ", 1) if answer else prompt))
    share = len(said & rest) / len(said) if said else 0.0
    low, high = _range(spec)
    return Grade(low + share * (high - low), tokens={spec["model"]: len(similarity.words(prompt)) + 1})


def _python(sandbox: Sandbox, sample: dict[str, Any], item: dict[str, Any]) -> Grade:
    answer = sandbox.grade(sample, item)
    if answer.reward is not None:
        return Grade(answer.reward)
    name = "python_grader_runtime_error" if answer.served else "python_grader_server_error"
    return Grade(0.0, frozenset({name}), answer.trouble)
