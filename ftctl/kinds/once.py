"""A job is created once for each recipe: it is looked for, asked for, and looked for again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ftctl.core.errors import FtctlError, Problem
from ftctl.core.model import Health, Home, Live, Wanted
from ftctl.kinds import recipe
from ftctl.kinds.jobbody import health_of, live_job

if TYPE_CHECKING:
    from ftctl.clients import Clients
    from ftctl.clients.dataplane import DataPlane

_LOOKS = 5  # after an unanswered creation, before giving up on seeing the job


def request(wanted: Wanted) -> dict[str, Any]:
    """The job as Azure wants it: what is `auto` is left out, the training type never is."""
    fields, settings, files = wanted.fields, wanted.settings, wanted.settings["files"]
    return {
        "model": settings["model"],
        "training_file": files["training"],
        **({"validation_file": files["validation"]} if "validation" in files else {}),
        "method": recipe.body(fields["method"], settings["hyperparameters"], settings["parts"]),
        "suffix": wanted.name,
        "trainingType": fields["trainingType"],
        **({"seed": fields["seed"]} if "seed" in fields else {}),
        **({"integrations": settings["integrations"]} if settings["integrations"] else {}),
    }


def _twins(data: DataPlane, wanted: Wanted, home: Home) -> list[Live]:
    """The live jobs of the recipe, the finished before the running, the older first."""
    endpoint = wanted.settings["endpoint"]
    lives = [live_job(body, account_key(wanted), endpoint, home, {}) for body in data.list_jobs()]
    same = [live for live in lives if live.key == wanted.key and live.health in {Health.READY, Health.PENDING}]
    return sorted(same, key=lambda live: (live.health is not Health.READY, live.created, live.id))


def only(data: DataPlane, wanted: Wanted, home: Home) -> Live | None:
    """The job of the recipe that stays; where there are several, the others that still run are cancelled."""
    twins = _twins(data, wanted, home)
    for twin in twins[1:]:
        if twin.health is Health.PENDING:
            cancel(data, twin.id)
    return twins[0] if twins else None


def cancel(data: DataPlane, job: str) -> None:
    """End a job; one that has ended meanwhile (or was cancelled by a call whose answer was lost) is as good."""
    from ftctl.clients.errors import AzureError  # noqa: PLC0415  the clients come in only where Azure does

    try:
        data.cancel_job(job)
    except AzureError:
        body = data.get_job(job)
        if body and health_of(body) is Health.PENDING:
            raise


def find_later(clients: Clients, data: DataPlane, wanted: Wanted, home: Home) -> Live:
    """The job of a creation that was not answered."""
    for _ in range(_LOOKS):
        clients.clock.sleep(clients.cloud.poll_seconds)
        if found := only(data, wanted, home):
            return found
    raise FtctlError(
        Problem(
            "FT3208",
            "the creation of the job was not answered, and no such job can be seen",
            why="It may still appear; creating it a second time now could be paid for twice.",
            fix="Apply again in a few minutes: ftctl looks for the job before it creates one.",
        )
    )


def account_key(wanted: Wanted) -> str:
    return str(wanted.settings["account"]).lower()
