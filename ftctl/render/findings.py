"""Problems as JSON, SARIF and annotations, and the frame of every JSON document: `format_version` says its shape."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from ftctl import __version__
from ftctl.core.errors import Problem
from ftctl.render.problems import reason_and_fix

FORMAT_VERSION = "1.0"


def document(**content: Any) -> str:
    """One JSON text: the version first, then `content` in its order."""
    head = {"format_version": FORMAT_VERSION, "ftctl_version": __version__}
    return json.dumps(head | content, indent=2, ensure_ascii=False)


def problems_json(problems: Iterable[Problem]) -> list[dict[str, Any]]:
    return [problem_json(problem) for problem in problems]


def problem_json(problem: Problem) -> dict[str, Any]:
    why, fix = reason_and_fix(problem)
    where = problem.where
    return {
        "code": problem.code,
        "severity": problem.severity.value,
        "subject": problem.subject or None,
        "what": problem.what,
        "where": {"path": where.path, "line": where.line or None, "column": where.column or None} if where else None,
        "why": why,
        "fix": fix,
        "correlation": problem.correlation or None,
    }


def sarif(problems: Sequence[Problem]) -> str:
    """Problems as SARIF 2.1.0, which code scanning shows beside the lines."""
    rules = sorted({problem.code for problem in problems})
    driver = {"name": "ftctl", "version": __version__, "rules": [{"id": code} for code in rules]}
    run = {"tool": {"driver": driver}, "results": [_result(problem) for problem in problems]}
    schema = "https://json.schemastore.org/sarif-2.1.0.json"
    return json.dumps({"version": "2.1.0", "$schema": schema, "runs": [run]}, indent=2, ensure_ascii=False)


def _result(problem: Problem) -> dict[str, Any]:
    why, fix = reason_and_fix(problem)
    text = " ".join(part for part in (f"{problem.what.rstrip('.')}.", why, fix) if part)
    result: dict[str, Any] = {"ruleId": problem.code, "level": problem.severity.value, "message": {"text": text}}
    if problem.where:
        place: dict[str, Any] = {"artifactLocation": {"uri": problem.where.path.replace("\\", "/")}}
        if problem.where.line:
            place["region"] = {"startLine": problem.where.line, "startColumn": problem.where.column or 1}
        result["locations"] = [{"physicalLocation": place}]
    return result


def github(problems: Iterable[Problem]) -> str:
    """Problems as workflow commands, which GitHub Actions shows beside the lines of a pull request."""
    return "\n".join(_annotation(problem) for problem in problems)


def _annotation(problem: Problem) -> str:
    where, (_, fix) = problem.where, reason_and_fix(problem)
    values = {"title": problem.code}
    if where:
        values = {"file": where.path, "line": str(where.line or 1), "col": str(where.column or 1)} | values
    properties = ",".join(f"{key}={_property(value)}" for key, value in values.items())
    text = f"{problem.what.rstrip('.')}. {fix}".strip()
    return f"::{problem.severity} {properties}::{_message(text)}"


def _message(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _message(text).replace(":", "%3A").replace(",", "%2C")
