"""Plans, problems, reports and states as JSON, for machines: `format_version` says which shape this is."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from ftctl.core.changes import Action, Change, Plan
from ftctl.core.digest import plain
from ftctl.core.errors import Problem, Severity
from ftctl.core.events import Outcome, Report
from ftctl.core.model import Unreadable
from ftctl.render.estimate import estimate_json, total_json
from ftctl.render.findings import problem_json, problems_json
from ftctl.render.verbs import tally
from ftctl.render.watched import watched_json

_ACTIONS = {Action.REPLACE: ["delete", "create"]}


def plan_json(plan: Plan) -> dict[str, Any]:
    return {
        "stack": plan.home.stack,
        "subscription": plan.home.subscription,
        "resource_group": plan.home.group,
        "mode": plan.mode.value,
        "digest": plan.digest(),
        "applyable": not plan.empty and not _errors(plan.problems),
        "changes": [change_json(change) for change in plan.changes],
        "estimate": total_json(plan.estimate()),
        "summary": {key.value.replace(" ", "_").replace("-", "_"): n for key, n in tally(plan.changes).items()},
        "problems": problems_json(plan.problems),
    }


def change_json(change: Change) -> dict[str, Any]:
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
        "estimate": estimate_json(change.estimate) if change.estimate else None,
        **({"preflight": [asdict(finding) for finding in change.findings]} if change.findings else {}),
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
        **({"held": True} if outcome.held else {}),
        "problem": problem_json(outcome.problem) if outcome.problem else None,
        **({"watched": watched_json(outcome.watched)} if outcome.watched else {}),
    }


def _errors(problems: Iterable[Problem]) -> bool:
    return any(problem.severity is Severity.ERROR for problem in problems)


def _plain(value: Any) -> Any:
    return value.value if isinstance(value, Unreadable) else plain(value)


def _sorted(values: Any) -> Any:
    """A map with its keys in order, all the way down."""
    value = _plain(values)
    return json.loads(json.dumps(value, sort_keys=True, default=str))
