"""Plans, problems, reports and states as JSON, for machines: `format_version` says which shape this is."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from ftctl.core.changes import Action, Change, Plan
from ftctl.core.diff import FieldChange
from ftctl.core.digest import digest, plain
from ftctl.core.errors import Problem, Severity
from ftctl.core.events import Outcome, Report
from ftctl.core.model import ChangeClass, Unknown
from ftctl.core.preflight import rows
from ftctl.render.estimate import estimate_json, total_json
from ftctl.render.findings import problem_json, problems_json
from ftctl.render.headline import gravest, headline
from ftctl.render.review import LOOK, drifted, gates
from ftctl.render.verbs import classes, tally
from ftctl.render.watched import watched_json
from ftctl.render.why import hidden_json, why_json

ACTIONS = {  # Terraform's words: who looks for "delete" in the list finds everything that destroys
    Action.CREATE: ["create"],
    Action.UPDATE: ["update"],
    Action.ADOPT: ["update"],
    Action.REPLACE: ["delete", "create"],
    Action.DELETE: ["delete"],
    Action.FORGET: ["forget"],
    Action.JUDGE: ["read"],
}


def plan_json(plan: Plan) -> dict[str, Any]:
    """A plan whole: everything that any other format shows of it is in here, and `ftctl.render.revive` reads it."""
    blocked = any(change.action is Action.BLOCKED for change in plan.changes)
    return {
        "stack": plan.home.stack,
        "subscription": plan.home.subscription,
        "resource_group": plan.home.group,
        "mode": plan.mode.value,
        "headline": headline(plan, LOOK),
        "class": gravest(plan).value,
        "digest": plan.digest(),
        "applyable": plan.applyable,
        "complete": not (blocked or _errors(plan.problems)),
        "errored": _errors(plan.problems),
        "summary": summary_json(plan),
        "estimate": total_json(plan.estimate()),
        "changes": [change_json(change) for change in plan.changes],
        "resource_drift": [_drift(change) for change in drifted(plan)],
        "preconditions": [_precondition(change) for change in plan.changes if change.key or change.live],
        "gates": [
            {"address": address, "standing": standing, "told": list(told)} for address, standing, told in gates(plan)
        ],
        "preflight": [
            {"address": address or None, **asdict(finding), "scope": finding.scope or None}
            for address, finding in rows(plan)
        ],
        "diagnostics": problems_json(plan.problems),
    }


def summary_json(plan: Plan) -> dict[str, int]:
    """The numbers of the headline: what is done with each, and how grave that is."""
    words = {verb.value: number for verb, number in tally(plan.changes).items()}
    grave = classes(plan.changes)
    words |= {one.value: grave[one] for one in (ChangeClass.INTERRUPTS, ChangeClass.IRREVERSIBLE)}
    return {word.replace(" ", "_").replace("-", "_"): number for word, number in words.items()}


def sides(change: Change) -> tuple[dict[str, Any], dict[str, Any]]:
    """All fields of a thing before a change and after it, with those that stay; empty where there is no such thing."""
    live = change.live.fields if change.live else {}
    before = {**live, **change.before} if change.before or not change.after else {}
    after = {} if change.action is Action.DELETE else {**before, **change.after}
    return before, after


def change_json(change: Change) -> dict[str, Any]:
    before, after = sides(change)
    return {
        "address": str(change.address),
        "kind": change.kind,
        "name": change.name or (change.live.name if change.live else ""),
        "id": change.live.id if change.live else None,
        "key": change.key or None,
        "action": change.action.value,
        "actions": ACTIONS.get(change.action, ["no-op"]),
        "reason": change.reason.value,
        "class": change.change_class.value,
        "changed": sorted({*change.before, *change.after}),
        "before": _known(before) or None,
        "after": _known(after) or None,
        "after_unknown": unknowns(after) or {},
        "replace_paths": [field.path for field in change.fields if field.forces],
        "fields": [_field(field) for field in change.fields],
        "why": why_json(change.why),
        "suppressed": hidden_json(change.suppressed),
        "because": list(change.because),
        "affects": [str(address) for address in change.affects],
        "needs": [str(address) for address in change.needs],
        "estimate": estimate_json(change.estimate) if change.estimate else None,
        "problem": problem_json(change.problem) if change.problem else None,
    }


def _field(field: FieldChange) -> dict[str, Any]:
    return {
        "path": field.path,
        "before": _known(field.before),
        "after": _known(field.after),
        "after_unknown": unknowns(field.after),
        "forces_replacement": field.forces,
    }


def _drift(change: Change) -> dict[str, Any]:
    """What somebody else changed: Azure had what is declared, and has something else now."""
    fields = [{"path": one.path, "declared": _known(one.after), "live": _known(one.before)} for one in change.fields]
    return {"address": str(change.address), "id": change.live.id if change.live else None, "fields": fields}


def _precondition(change: Change) -> dict[str, Any]:
    """The live fact that a change rests on: a thing as it was, or that there is none (`id` and `fingerprint` null)."""
    live = change.live
    return {
        "address": str(change.address),
        "key": change.key or None,
        "id": live.id if live else None,
        "fingerprint": digest(live.fields) if live else None,
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


def _known(value: Any) -> Any:
    """A value with null in place of what is not known yet."""
    match value:
        case Unknown():
            return None
        case Mapping():
            return {str(key): _known(inner) for key, inner in value.items()}
        case list() | tuple():
            return [_known(inner) for inner in value]
        case _:
            return plain(value)


def unknowns(value: Any) -> Any:
    """The same shape with what is not known alone: of each its source, `job/tone.model`; None where all is known."""
    match value:
        case Unknown():
            return f"{value.source}.{value.output}"
        case Mapping():
            found = {str(key): inner for key in value if (inner := unknowns(value[key])) is not None}
            return found or None
        case list() | tuple():
            inside = [unknowns(inner) for inner in value]
            return inside if any(inner is not None for inner in inside) else None
        case _:
            return None


def _sorted(values: Any) -> Any:
    """A map with its keys in order, all the way down."""
    return json.loads(json.dumps(plain(values), sort_keys=True, default=str))
