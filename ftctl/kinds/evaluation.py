"""An evaluation while it is made: a temporary deployment of the model, its answers, and their scores.

Nothing here waits: each look does what can be done now and raises NotYetError for the rest. What was answered so far
is known to this run alone. A killed run leaves the deployment behind, with a mark by which the next one finds it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from ftctl.core.digest import digest
from ftctl.core.errors import FtctlError, Problem, Where
from ftctl.core.model import Health, Home
from ftctl.kinds import marks
from ftctl.kinds.arm import health
from ftctl.kinds.asking import DIGITS, Asking, problem
from ftctl.kinds.contract import NotYetError
from ftctl.kinds.heldout import Exam
from ftctl.results.condition import Mean

if TYPE_CHECKING:
    from ftctl.clients import Clients

_ELSEWHERE = {"FT2104", "FT2106"}  # no quota, or not in this region: another type of deployment may do
_DEVELOPER = "DeveloperTier"
# Never one that keeps the questions less near than the type that is to serve, and none that is paid by units.
_TYPES = {
    "DeveloperTier": (_DEVELOPER,),
    "GlobalStandard": (_DEVELOPER, "GlobalStandard"),
    "GlobalProvisionedManaged": (_DEVELOPER, "GlobalStandard"),
    "DataZoneProvisionedManaged": ("DataZoneStandard",),
    "ProvisionedManaged": ("Standard",),
}
_SIGNS = 50  # of the deployment's name in that of the temporary one, which has 64 at most


@dataclass(frozen=True, slots=True)
class Place:
    """The temporary deployment: where it is, what it is for, and what it serves."""

    account: str
    endpoint: str
    deployment: str
    gate: str
    model: str
    format: str
    sku: str
    source: dict[str, str]
    where: Where | None = None

    @property
    def name(self) -> str:
        """No declared name has two hyphens in a row, and each model has its own: what answers is never another one."""
        return f"{self.deployment[:_SIGNS]}--eval-{digest([self.deployment, self.model])[:6]}"

    @property
    def id(self) -> str:
        from ftctl.clients.ids import deployment_id  # noqa: PLC0415  the clients come in only where Azure does

        return deployment_id(self.account, self.name)


@dataclass(slots=True)
class Evaluating:
    """The evaluations of one gate in one run."""

    means: dict[str, Mean] = field(default_factory=dict)
    trainings: dict[str, Any] = field(default_factory=dict)
    _asking: dict[str, Asking] = field(default_factory=dict)
    _error: FtctlError | None = None
    _since: float = 0.0

    @property
    def begun(self) -> bool:
        return bool(self._since)

    def go_on(self, clients: Clients, home: Home, place: Place, exams: Mapping[str, Exam]) -> None:
        """Have a mean for each of `exams`. Raises NotYetError until then; at the end nothing temporary is left."""
        if self._error is None:
            try:
                self._ask(clients, home, place, exams)
            except FtctlError as error:
                self._error = FtctlError(*(replace(one, where=one.where or place.where) for one in error.problems))
        remove(clients, place, home)
        if self._error:
            raise self._error

    def _ask(self, clients: Clients, home: Home, place: Place, exams: Mapping[str, Exam]) -> None:
        data = clients.data(place.endpoint)
        if not self.begun:
            self._asking = {key: Asking.begin(exam) for key, exam in exams.items()}
            for exam in exams.values():
                data.validate_grader(dict(exam.grader))
            self._since = clients.clock.now().timestamp()
        if self._asking.keys() - self.means.keys():
            _deployed(clients, place, home, max(exam.capacity for exam in exams.values()))
        for key, asking in self._asking.items():
            if key not in self.means:
                self.means[key] = asking.go_on(data, place.name, clients.clock)


def _deployed(clients: Clients, place: Place, home: Home, capacity: int) -> None:
    """See that the temporary deployment is there and ready; raises NotYetError while it is on its way."""
    body = clients.arm.get_deployment(place.id)
    if body is None:
        _deploy(clients, place, home, capacity)
        raise NotYetError(f"deploying {place.name} for an evaluation")
    if not _ours(body, home):
        what = f"{place.name} exists already, and is no temporary deployment of this stack"
        raise FtctlError(Problem("FT3001", what, fix="Delete it, and apply again."))
    state = str((body.get("properties") or {}).get("provisioningState") or "")
    match health(state):
        case Health.PENDING:
            raise NotYetError(f"deploying {place.name} for an evaluation: {state}")
        case Health.FAILED:
            raise problem("FT3261", f"{place.name} could not be deployed: {state}")


def _deploy(clients: Clients, place: Place, home: Home, capacity: int) -> None:
    """Begin it as the first type that the region has and the quota allows; what is refused has made nothing."""
    from ftctl.clients.errors import AzureError  # noqa: PLC0415  the clients come in only where Azure does

    tags = {marks.STACK: home.stack, marks.NAME: place.name, marks.EVALUATES: place.gate}
    model = {"format": place.format, "name": place.model, "version": "1", **place.source}
    *first, last = _TYPES.get(place.sku, (place.sku,))
    for sku in (*first, last):
        body = {"sku": {"name": sku, "capacity": capacity}, "tags": tags, "properties": {"model": model}}
        try:
            clients.arm.put_deployment(place.id, body)
        except AzureError as error:
            if sku == last or error.code not in _ELSEWHERE:
                raise
        else:
            return


def remove(clients: Clients, place: Place, home: Home) -> None:
    """Take the temporary deployment away; raises NotYetError until it is gone."""
    body = clients.arm.get_deployment(place.id)
    if body is None or not _ours(body, home):
        return
    clients.arm.delete_deployment(place.id)
    if clients.arm.get_deployment(place.id) is not None:
        raise NotYetError(f"waiting until {place.name} is gone")


def _ours(body: Mapping[str, Any], home: Home) -> bool:
    tags = body.get("tags") or {}
    return tags.get(marks.STACK) == home.stack and marks.EVALUATES in tags


# --- what was found out, in a tag of what serves


def told(means: Mapping[str, Mean]) -> str:
    """What was found, as a tag has it: of each evaluation its key, the mean, and how many answers that is of."""
    return " ".join(f"{key}:{one.value:{DIGITS}}:{one.answers}:{one.unanswered}" for key, one in means.items())


def remembered(body: Mapping[str, Any] | None) -> dict[str, Mean]:
    """What a deployment's tag tells; whatever is no such entry is passed over."""
    text = str(((body or {}).get("tags") or {}).get(marks.EVALUATED) or "")
    return dict(_entries(text.split()))


def _entries(words: Sequence[str]) -> Iterator[tuple[str, Mean]]:
    for word in words:
        key, *numbers = word.split(":")
        try:
            value, answers, unanswered = numbers
            yield key, Mean(float(value), int(answers), int(unanswered))
        except ValueError:
            continue
