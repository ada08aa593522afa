"""A job is created once for each recipe: it is looked for, asked for, and looked for again (docs/paid-once.md)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

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


@dataclass(frozen=True, slots=True)
class Once:
    """All jobs of one recipe in one account, of which one may live."""

    data: DataPlane
    key: str
    account: str
    endpoint: str
    home: Home

    @classmethod
    def of(cls, clients: Clients, wanted: Wanted, home: Home) -> Self:
        endpoint = wanted.settings["endpoint"]
        return cls(clients.data(endpoint), wanted.key, account_key(wanted), endpoint, home)

    @classmethod
    def beside(cls, clients: Clients, live: Live, home: Home) -> Self:
        endpoint = live.outputs["endpoint"]
        return cls(clients.data(endpoint), live.key, live.within, endpoint, home)

    def live(self, body: dict[str, Any]) -> Live:
        return live_job(body, self.account, self.endpoint, self.home, {})

    def only(self, *known: Live) -> Live | None:
        """The job of the recipe that stays; where there are several, the others that still run are cancelled."""
        twins = self._twins(known)
        for twin in twins[1:]:
            if twin.health is Health.PENDING:
                cancel(self.data, twin.id)
        return twins[0] if twins else None

    def _twins(self, known: tuple[Live, ...]) -> list[Live]:
        """The live jobs of the recipe, the finished before the running, the older first.

        This order is the same for every applier, as all of it is what the service says, and no clock of ours is in it.
        `known` are jobs that the service has answered with: a list may be a moment behind.
        """
        lives = {live.id: live for live in (*known, *map(self.live, self.data.list_jobs()))}
        same = [one for one in lives.values() if one.key == self.key and one.health in {Health.READY, Health.PENDING}]
        return sorted(same, key=lambda live: (live.health is not Health.READY, live.created, live.id))

    def begin(self, clients: Clients, wanted: Wanted) -> Live:
        """Look for the recipe, then ask for it once, then look again.

        A POST whose answer is lost may have worked, so it is looked up and never repeated; of two live jobs with one
        recipe (two appliers at once) the older stays and the other is cancelled.
        """
        from ftctl.clients.errors import AzureError  # noqa: PLC0415  the clients come in only where Azure does

        if found := self.only():
            return found
        try:
            made = self.live(self.data.create_job(request(wanted)))
        except AzureError as error:
            if not error.ambiguous:
                raise
            return self._find_later(clients)
        return self.only(made) or made

    def _find_later(self, clients: Clients) -> Live:
        """The job of a creation that was not answered."""
        for _ in range(_LOOKS):
            clients.clock.sleep(clients.cloud.poll_seconds)
            if found := self.only():
                return found
        raise FtctlError(
            Problem(
                "FT3208",
                "the creation of the job was not answered, and no such job can be seen",
                why="It may still appear; creating it a second time now could be paid for twice.",
                fix="Apply again in a few minutes: ftctl looks for the job before it creates one.",
            )
        )


def cancel(data: DataPlane, job: str) -> None:
    """End a job; one that has ended meanwhile (or was cancelled by a call whose answer was lost) is as good."""
    from ftctl.clients.errors import AzureError  # noqa: PLC0415  the clients come in only where Azure does

    try:
        data.cancel_job(job)
    except AzureError:
        body = data.get_job(job)
        if body and health_of(body) is Health.PENDING:
            raise


def account_key(wanted: Wanted) -> str:
    return str(wanted.settings["account"]).lower()
