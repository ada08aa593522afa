"""A job as Azure describes it, and as a live thing of the plan."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ftctl.core.model import Health, Home, Live, Pause
from ftctl.kinds import marks, recipe

if TYPE_CHECKING:
    from ftctl.clients.dataplane import DataPlane

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


def anybodys(data: DataPlane, account: Live) -> list[Live]:
    """All jobs of an account, whosesoever. A file's name has the hash that a recipe is made of."""
    bodies = data.list_jobs()
    files = data.list_files() if bodies else []
    hashes = {file["id"]: marks.parse_filename(file.get("filename") or "") for file in files}
    sha256s = {file: marked[2] for file, marked in hashes.items() if marked}
    return [_live(body, account.key, account.outputs["endpoint"], sha256s) for body in bodies]


def live_job(body: dict[str, Any], within: str, endpoint: str, home: Home, sha256s: Mapping[str, str]) -> Live:
    return owned(_live(body, within, endpoint, sha256s), home)


def owned(live: Live, home: Home) -> Live:
    """The same job, as a stack's own where it has its mark."""
    marked = marks.parse_suffix(live.raw.get("suffix"))
    mine = marked and marked[1] == marks.stack_mark(home.stack)
    return replace(live, owner=home.stack, label=marked[0]) if marked and mine else live


def _live(body: dict[str, Any], within: str, endpoint: str, sha256s: Mapping[str, str]) -> Live:
    marked = marks.parse_suffix(body.get("suffix"))
    _, stack, fingerprint = marked or ("", "", "")
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
        health=health_of(body),
        detail=str(error.get("message") or state(str(body.get("status") or ""))),
        within=within,
        created=float(body.get("created_at") or 0),
        pause=_PAUSES.get(str(body.get("status")), Pause.NONE),
        raw=body,
    )


def job_key(account: str, stack: str, fingerprint: str) -> str:
    return f"{account}|{stack}|{fingerprint}".lower()
