"""Plans, problems, reports and states as JSON, for machines: `format_version` says which shape this is."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from ftctl import __version__
from ftctl.core.changes import Action, Change, Plan
from ftctl.core.digest import plain
from ftctl.core.errors import Problem, Severity
from ftctl.core.events import Outcome, Report
from ftctl.core.model import Unreadable
from ftctl.render.problems import reason_and_fix
from ftctl.render.verbs import tally

FORMAT_VERSION = "1.0"

_ACTIONS = {Action.REPLACE: ["delete", "create"]}


def document(**content: Any) -> str:
    """One JSON text: the version first, then `content` in its order."""
    head = {"format_version": FORMAT_VERSION, "ftctl_version": __version__}
    return json.dumps(head | content, indent=2, ensure_ascii=False)


def plan_json(plan: Plan) -> dict[str, Any]:
    return {
        "stack": plan.home.stack,
        "subscription": plan.home.subscription,
        "resource_group": plan.home.group,
        "mode": plan.mode.value,
        "digest": plan.digest(),
        "applyable": not plan.empty and not _errors(plan.problems),
        "changes": [_change(change) for change in plan.changes],
        "summary": {key.value.replace(" ", "_").replace("-", "_"): n for key, n in tally(plan.changes).items()},
        "problems": problems_json(plan.problems),
    }


def _change(change: Change) -> dict[str, Any]:
    return {
        "address": str(change.address),
        "kind": change.kind,
        "name": change.name or (change.live.name if change.live else ""),
        "id": change.live.id if change.live else None,
        "actions": _ACTIONS.get(change.action, [change.action.value]),
        "reason": change.reason.value,
        "class": change.change_class.value,
        "fields": [
            {
                "path": field.path,
                "before": _plain(field.before),
                "after": _plain(field.after),
                "forces_replacement": field.forces,
            }
            for field in change.fields
        ],
        "before": _sorted(change.before) or None,
        "after": _sorted(change.after) or None,
        "because": list(change.because),
        "affects": [str(address) for address in change.affects],
        "needs": [str(address) for address in change.needs],
    }


def problems_json(problems: Iterable[Problem]) -> list[dict[str, Any]]:
    return [_problem(problem) for problem in problems]


def _problem(problem: Problem) -> dict[str, Any]:
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


def report_json(stack: str, report: Report) -> dict[str, Any]:
    return {
        "stack": stack,
        "exit": int(report.exit),
        "interrupted": report.interrupted,
        "seconds": round(report.seconds, 3),
        "outcomes": [_outcome(outcome) for outcome in report.outcomes],
    }


def _outcome(outcome: Outcome) -> dict[str, Any]:
    return {
        "address": str(outcome.address),
        "op": outcome.op.value,
        "result": outcome.result.value,
        "text": outcome.text,
        "seconds": round(outcome.seconds, 3),
        "outputs": _sorted(outcome.outputs),
        "answer": outcome.answers or None,
        "problem": _problem(outcome.problem) if outcome.problem else None,
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


def _errors(problems: Iterable[Problem]) -> bool:
    return any(problem.severity is Severity.ERROR for problem in problems)


def _plain(value: Any) -> Any:
    return value.value if isinstance(value, Unreadable) else plain(value)


def _sorted(values: Any) -> Any:
    """A map with its keys in order, all the way down."""
    value = _plain(values)
    return json.loads(json.dumps(value, sort_keys=True, default=str))
