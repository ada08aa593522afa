"""An account's files: what each is, whose, with which content; how many there is room for, and which nobody needs."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

from ftctl.core.errors import Where
from ftctl.core.events import Watched
from ftctl.core.model import Address, Health, Live, Resource, World
from ftctl.kinds import marks
from ftctl.kinds.contract import Progress, account_of

if TYPE_CHECKING:
    from ftctl.clients.dataplane import DataPlane
    from ftctl.core.changes import Observed
    from ftctl.core.model import Home

RESULTS = "fine-tune-results"
PURPOSE = "fine-tune"
IMPORT_FAILED = "fileImportFailed"
ROOM = 100  # training files, where the account does not say (AZURE: MaxUserFileCount)
_HEALTH = {"processed": Health.READY, "error": Health.FAILED}
_GOING = {"deleting", "deleted"}
_UNREAD = {"created", "pending", "queued", "validating_files"}  # a job that has started has its own copy
_LINE = re.compile(r"\bline\s+(\d{1,9})\b", re.IGNORECASE)
_SHORTEST_SECRET = 6


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a file's content is declared: its place, what people call the local file, or the address it comes from."""

    where: Where | None
    shown: str = ""
    url: str = ""

    def hide(self, text: str) -> str:
        """A text without the address and what its query holds, which may be a signature."""
        query = urlsplit(self.url).query
        values = [value for pair in parse_qsl(query) for value in pair[1:]]
        raw = [piece.partition("=")[2] for piece in query.split("&")]
        for secret in sorted({self.url, query, *values, *raw}, key=len, reverse=True):
            text = text.replace(secret, "…") if len(secret) >= _SHORTEST_SECRET else text
        return text

    def line(self, detail: str) -> Where | None:
        """The line of the local file that the service's words name."""
        found = _LINE.search(detail)
        return Where(self.shown, int(found[1])) if found and self.shown else None


Origins = Mapping[str, Origin]


@dataclass(frozen=True, slots=True)
class Listing:
    """What looking at one account's files found: all by id; how many it takes, and how large; and what is declared."""

    lives: Mapping[str, Live]
    room: int
    largest: int
    datasets: tuple[Resource, ...]

    @property
    def count(self) -> int:
        """How many take up room; results do not."""
        return sum(live.raw.get("purpose") != RESULTS for live in self.lives.values())

    def number(self, resource: Resource) -> int:
        """Which of the account's files a new one for `resource` would be, counting from 1."""
        there = {live.outputs["sha256"] for live in self.lives.values() if live.health is not Health.FAILED}
        mine = [one for one in self.datasets if account_of(one) == account_of(resource)]
        hashes = [one.prepared["sha256"] for one in mine if one.prepared.get("sha256")]
        new = [sha256 for sha256 in dict.fromkeys(hashes) if sha256 not in there]
        sha256 = resource.prepared.get("sha256")
        return self.count + (new.index(sha256) + 1 if sha256 in new else 1)


def key(account: str, identity: str) -> str:
    """A file's identity: its account, and its content's hash, or its id where nothing says the hash."""
    return f"{account}|{identity}".lower()


def listing_of(account: str) -> Address:
    """The fact under which an account's Listing is kept."""
    return Address("files", account.lower())


def identity(name: str) -> str:
    """The hash in a file's name, empty for a foreign one."""
    marked = marks.parse_filename(name)
    return marked[2] if marked else ""


def live_of(body: Mapping[str, Any], within: str, endpoint: str, origins: Origins) -> Live:
    """A file as a live thing. An import counts as what was asked for until it has been read back."""
    from ftctl.clients.redact import scrub  # noqa: PLC0415  the clients come in only where Azure does

    name = str(body.get("filename") or "")
    stack, label, sha256 = marks.parse_filename(name) or (None, "", "")
    error = body.get("error") or body.get("status_details") or ""
    detail = scrub(str(error.get("message") or "") if isinstance(error, Mapping) else str(error))
    origin = origins.get(sha256)
    return Live(
        kind="dataset",
        key=key(within, sha256 or body["id"]),
        id=body["id"],
        name=name or body["id"],
        fields={"sha256": sha256, "bytes": body.get("bytes")},
        outputs={"id": body["id"], "sha256": sha256 or body["id"], "endpoint": endpoint},
        owner=stack,
        label=label,
        health=_HEALTH.get(body.get("status", ""), Health.PENDING),
        detail=origin.hide(detail) if origin else detail,
        within=within,
        created=float(body.get("created_at") or 0),
        raw={**body, "_origin": origin},
    )


def going(body: Mapping[str, Any]) -> bool:
    """Whether a file is being deleted."""
    return body.get("status") in _GOING


def origin_of(live: Live) -> Origin:
    return live.raw.get("_origin") or Origin(None)


def look(data: DataPlane, within: str, endpoint: str, origins: Origins, named: Collection[str] = ()) -> list[Live]:
    """All files of an account; imports of what is declared, by content or by their ids in `named`, as what they are."""
    plain = data.reads.once(
        ("dataset", within),
        lambda: [live_of(body, within, endpoint, {}) for body in data.list_files() if not going(body)],
    )
    lives = [live_of(one.raw, within, endpoint, origins) if identity(one.name) in origins else one for one in plain]
    doubtful = {one.id for one in lives if _doubtful(one) and (identity(one.name) in origins or one.id in named)}
    doubtful -= _trained_on(data) if doubtful else set()
    return [examined(data, live, _silent) if live.id in doubtful else live for live in lives]


def examined(data: DataPlane, live: Live, progress: Progress) -> Live:
    """An import as what it is: its content is read back, and its identity is the hash of that.

    Where the service does not give the content back, it is taken for what was asked for.
    """
    from ftctl.clients.errors import AzureError  # noqa: PLC0415  the clients come in only where Azure does

    if not _doubtful(live):
        return live
    if (live.raw.get("error") or {}).get("code") == IMPORT_FAILED:
        return _identified(live, live.id)
    progress("reading back what was imported")
    hasher = hashlib.sha256()
    try:
        for piece in data.file_content(live.id):
            hasher.update(piece)
    except AzureError as error:
        if error.permission or 400 <= error.status < 500:  # noqa: PLR2004  HTTP: it is not to be had, now or later
            return live
        raise
    return _identified(live, hasher.hexdigest())


def _doubtful(live: Live) -> bool:
    return marks.imported(live.name) and live.health is not Health.PENDING


def _identified(live: Live, found: str) -> Live:
    outputs = {**live.outputs, "sha256": found}
    return replace(live, key=key(live.within, found), fields={**live.fields, "sha256": found}, outputs=outputs)


def _silent(_far: str | Watched) -> None:
    pass


def _trained_on(data: DataPlane) -> set[str]:
    """The files of jobs that some stack began: those were read back before."""
    return {file for job in data.list_jobs() if marks.parse_suffix(job.get("suffix")) for file in files_of(job)}


def files_of(job: Mapping[str, Any]) -> Iterator[str]:
    """The ids of the files that a job learns from and is measured on."""
    yield from (job[name] for name in ("training_file", "validation_file") if job.get(name))


def reader_of(data: DataPlane, file: str) -> str:
    """The id of a job that has not read the file yet, empty where there is none."""
    waiting = (job for job in data.list_jobs() if job.get("status") in _UNREAD)
    return next((job["id"] for job in waiting if file in files_of(job)), "")


# --- what nobody needs


@dataclass(frozen=True, slots=True)
class Holding:
    """One stack's view: what it declares, what is live, and what stays though it is removed."""

    home: Home
    resources: tuple[Resource, ...]
    observed: Observed
    removed: tuple[Address, ...] = ()


def unneeded(holdings: Collection[Holding]) -> list[Live]:
    """Files of these stacks that none of their datasets and no unfinished job needs, the oldest first.

    Of several with one content, the best stays. What the service still checks may be part of an apply, and stays.
    """
    needed = {wanted for holding in holdings for wanted in _wanted(holding)}
    lives = {live.id: live for holding in holdings for live in holding.observed.lives}.values()
    busy = {
        file for live in lives if live.kind == "job" and live.health is Health.PENDING for file in files_of(live.raw)
    }
    stacks = {holding.home.stack for holding in holdings}
    ours = sorted((live for live in lives if live.kind == "dataset" and live.owner in stacks), key=_worth)
    best = {live.key: live.id for live in reversed(ours)}
    let = {(holding.home.stack, at.name) for holding in holdings for at in holding.removed if at.kind == "dataset"}
    busy |= {live.id for live in ours if (live.owner, live.label) in let}
    kept = busy | {best[wanted] for wanted in needed if wanted in best}
    spare = [live for live in ours if live.id not in kept and live.health is not Health.PENDING]
    return sorted(spare, key=lambda live: (live.created, live.id))


def _worth(live: Live) -> tuple[int, float, str]:
    order = [Health.READY, Health.PENDING, Health.FAILED, Health.CANCELLED]
    return order.index(live.health), live.created, live.id


def _wanted(holding: Holding) -> Iterator[str]:
    """The identities of the declared datasets."""
    from ftctl.kinds import kinds  # noqa: PLC0415  this module is one of theirs

    world = World(holding.home, facts=holding.observed.facts)
    accounts = [one for one in holding.resources if one.address.kind == "account"]
    outputs = {one.address: kinds()["account"].promised(one, world) for one in accounts}
    world = replace(world, outputs=outputs)
    datasets = (one for one in holding.resources if one.address.kind == "dataset")
    yield from (kinds()["dataset"].wanted(one, world).key for one in datasets)


def counts(lives: Iterable[Live]) -> Counter[str]:
    """How many files that take up room each account has, by its id."""
    return Counter(live.within for live in lives if live.kind == "dataset" and live.raw.get("purpose") != RESULTS)


def room_of(account: Live) -> int:
    """How many training files an account takes, by its own word where it gives one."""
    return limit_of(account, "MaxUserFileCount") or ROOM


def largest_of(account: Live) -> int:
    """How many bytes a training file may have in an account, by its own word; 0 where it gives none."""
    return limit_of(account, "MaxTrainingFileSize")


def limit_of(account: Live, name: str) -> int:
    """A number that an account gives of itself, 0 where it does not."""
    capabilities = (account.raw.get("properties") or {}).get("capabilities") or []
    said = next((str(one.get("value")) for one in capabilities if one.get("name") == name), "")
    return int(said) if said.isdecimal() else 0
