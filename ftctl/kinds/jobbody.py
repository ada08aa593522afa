"""A job as Azure describes it, and as a live thing of the plan."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ftctl.core.model import Health, Home, Live, Pause
from ftctl.kinds import marks, recipe

_HEALTH = {"succeeded": Health.READY, "failed": Health.FAILED, "cancelled": Health.CANCELLED}
_PAUSES = {"pausing": Pause.COMING, "paused": Pause.REACHED}
# What a status says to people; the words of the others are the service's own.
_STATES = {
    "created": "pending",
    "validating_files": "validating its files",
    "pausing": "pausing: it stops after a checkpoint",
    "paused": "paused: it goes on when somebody resumes it",
    "resuming": "resuming from its last checkpoint",
}


def health_of(body: Mapping[str, Any]) -> Health:
    """How far a job is."""
    return _HEALTH.get(body.get("status", ""), Health.PENDING)


def state(status: str) -> str:
    """A job's status in words that tell the states apart."""
    return _STATES.get(status, status)


def live_job(body: dict[str, Any], within: str, endpoint: str, home: Home, sha256s: Mapping[str, str]) -> Live:
    marked = marks.parse_suffix(body.get("suffix"))
    text, stack, fingerprint = marked or ("", "", "")
    mine = stack == marks.stack_mark(home.stack)
    files = {"training": body.get("training_file"), "validation": body.get("validation_file")}
    error = body.get("error") or {}
    return Live(
        kind="job",
        key=job_key(within, stack, fingerprint) if marked else f"{within}|{body['id']}",
        id=body["id"],
        name=body.get("suffix") or body["id"],
        fields={
            **recipe.live_fields(body),
            **{field: sha256s.get(file, file) for field, file in files.items() if file},
        },
        outputs={
            "id": body["id"],
            "endpoint": endpoint,
            "status": body.get("status"),
            **({"model": body["fine_tuned_model"]} if body.get("fine_tuned_model") else {}),
        },
        owner=home.stack if mine else None,
        label=text if mine else "",
        health=health_of(body),
        detail=str(error.get("message") or state(str(body.get("status") or ""))),
        within=within,
        created=float(body.get("created_at") or 0),
        pause=_PAUSES.get(str(body.get("status")), Pause.NONE),
        raw=body,
    )


def job_key(account: str, stack: str, fingerprint: str) -> str:
    return f"{account}|{stack}|{fingerprint}".lower()
