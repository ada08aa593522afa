"""Results as JSON, for machines: facts, measures, a thinned curve, checkpoints, verdict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from math import isfinite
from typing import Any

from ftctl.core.digest import plain
from ftctl.results.curve import thinned
from ftctl.results.run import Run, differing, measures

_POINTS = 500  # of a curve


def results_json(runs: Sequence[Run], now: float) -> dict[str, Any]:
    return {
        "runs": [_run(run, now) for run in runs],
        "differing": [{"field": name, "values": plain(values)} for name, values in differing(runs)],
    }


def _run(run: Run, now: float) -> dict[str, Any]:
    verdict = run.verdict
    return {
        "name": run.name,
        "source": run.source or None,
        "job": _job(run, now) if run.job else None,
        "partial": run.running,
        **({"picked": True} if run.picked else {}),
        "steps": run.table.steps,
        "columns": list(run.table.columns),
        "notes": list(run.table.notes),
        "measures": [asdict(one) for one in measures(run.table)],
        "curves": {
            name: {"points": [list(point) for point in thinned(series, _POINTS)], "measured": len(series)}
            for name, series in run.table.series.items()
        },
        "checkpoints": [
            {
                "step": one.step,
                "model": one.model or None,
                "id": one.id or None,
                "metrics": {name: value for name, value in one.metrics.items() if isfinite(value)},
            }
            for one in run.checkpoints
        ],
        "verdict": {
            "outcome": verdict.outcome.value,
            "title": verdict.title,
            "since_step": verdict.since,
            "seen": verdict.seen,
            "rule": verdict.rule,
            "advice": verdict.advice,
            "limits": list(verdict.limits),
            "numbers": dict(verdict.numbers),
        },
        "serve": asdict(run.choice) if run.choice else None,
    }


def _job(run: Run, now: float) -> dict[str, Any]:
    job = run.job
    assert job is not None
    return {
        "id": job.id,
        "status": job.status,
        "model": job.model,
        "method": job.method,
        "fine_tuned_model": job.fine_tuned or None,
        "trained_tokens": job.tokens,
        "trained_hours": job.hours,
        "created_at": job.created,
        "finished_at": job.finished,
        "seconds": job.seconds(now),
        "error": job.error or None,
        "recipe": plain(dict(job.recipe)),
    }
