"""Datasets: training and validation files, known by the hash of their content."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from ftctl.core.errors import FtctlError, Problem
from ftctl.core.model import ChangeClass, Health, Home, Live, Resource, Wanted, World
from ftctl.kinds import marks
from ftctl.kinds.contract import (
    Declaration,
    Flaw,
    Kind,
    Prepared,
    Progress,
    Scope,
    Seen,
    account_of,
    described,
    flaw,
    later,
    reference,
)

if TYPE_CHECKING:
    from ftctl.clients import Clients

_HEALTH = {"processed": Health.READY, "error": Health.FAILED}
_GOING = {"deleting", "deleted"}


class DatasetSpec(Declaration, frozen=True):
    """A JSON Lines file of examples."""

    path: Annotated[str | None, described("The file, beside the spec.")] = None
    url: Annotated[str | None, later("A blob or web address to import from, with its `sha256`.")] = None
    sha256: Annotated[str | None, later("The hash that an imported file must have.")] = None
    file_id: Annotated[str | None, later("A file that was uploaded before, to adopt.")] = None
    format: Annotated[
        Literal["chat", "preference", "reinforcement"],
        described("What an example looks like: chat for supervised tuning."),
    ] = "chat"
    resource: Annotated[str | None, reference("account", "The account, where the stack has several.")] = None


class DatasetKind(Kind):
    name = "dataset"
    section = "datasets"
    Spec = DatasetSpec
    rank = 3
    in_account = True
    history = True
    loss = ChangeClass.IN_PLACE
    after = ("roleAssignment",)

    def check(self, spec: DatasetSpec) -> Iterator[Flaw]:
        if not (spec.path or spec.url or spec.file_id):
            yield flaw("", "FT1253", "a dataset needs a `path`", fix="Name the JSON Lines file, relative to the spec.")
        if spec.format != "chat":
            yield flaw(
                "format",
                "FT1200",
                f"`format: {spec.format}` is not supported yet",
                why="This version checks and trains chat data; the other formats come with their training methods.",
                fix="Use `format: chat`, or wait for a later version.",
            )

    def prepare(self, resource: Resource, base: Path) -> Prepared:
        from ftctl.data.chat import check  # noqa: PLC0415  decoding is only needed where there is data

        spec: DatasetSpec = resource.spec
        if spec.path is None:
            return Prepared()
        path = base / spec.path
        checked = check(path, _shown(path), where=resource.place("path"))
        facts = {
            "path": str(path),
            "sha256": checked.sha256,
            "bytes": checked.size,
            "examples": checked.examples,
            "tokens": checked.tokens_estimate,
            "system": checked.system,
            "systems": checked.systems,
        }
        return Prepared(facts, checked.problems)

    def wanted(self, resource: Resource, world: World) -> Wanted:
        account, facts = account_of(resource), resource.prepared
        return Wanted(
            key=_key(str(world.output(account, "id")), world.home.stack, facts["sha256"]),
            fields={"sha256": facts["sha256"], "bytes": facts["bytes"], "examples": facts["examples"]},
            settings={
                "path": facts["path"],
                "endpoint": world.output(account, "endpoint"),
                "account": world.output(account, "id"),
                "where": resource.place("path"),
            },
            name=marks.filename(world.home, resource.address.name, facts["sha256"]),
        )

    def promised(self, resource: Resource, world: World) -> Mapping[str, Any]:
        return {key: resource.prepared[key] for key in ("sha256", "examples", "system")}

    def observe(self, clients: Clients, scope: Scope) -> Seen:
        account = scope.account
        assert account is not None
        endpoint = account.outputs["endpoint"]
        bodies = clients.data(endpoint).list_files()
        return Seen(tuple(_live(body, account.key, endpoint) for body in bodies if body.get("status") not in _GOING))

    def refresh(self, clients: Clients, live: Live, home: Home, progress: Progress) -> Live | None:
        body = clients.data(live.outputs["endpoint"]).get_file(live.id)
        if body is None or body.get("status") in _GOING:
            return None
        progress(f"the service is checking it: {body.get('status')}")
        return _live(body, live.within, live.outputs["endpoint"])

    def create(self, clients: Clients, wanted: Wanted, home: Home, progress: Progress) -> Live:
        """Look for the content first, then upload it once, if it still is what was planned."""
        endpoint, within = wanted.settings["endpoint"], wanted.settings["account"].lower()
        data = clients.data(endpoint)
        present = (_live(body, within, endpoint) for body in data.list_files() if body.get("status") not in _GOING)
        found = next((live for live in present if live.key == wanted.key and live.health is not Health.FAILED), None)
        if found:
            return found
        _unchanged(wanted)
        progress("uploading")
        return _live(data.upload_file(Path(wanted.settings["path"]), wanted.name), within, endpoint)

    def failure(self, live: Live) -> Problem:
        fix = "Correct the data and apply again: new content is a new file."
        return Problem("FT3202", f"the service refused the file: {live.detail}", fix=fix)

    def delete(self, clients: Clients, live: Live) -> None:
        clients.data(live.outputs["endpoint"]).delete_file(live.id)

    def lane(self, key: str, within: str) -> str:
        return key


def _shown(path: Path) -> str:
    """A path as people wrote it: relative to where they stand, if it is below."""
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def _key(account: str, stack: str, sha256: str) -> str:
    return f"{account}|{stack}|{sha256}".lower()


def _unchanged(wanted: Wanted) -> None:
    """Refuse a file that is no longer the one that was reviewed."""
    from hashlib import file_digest  # noqa: PLC0415  only before an upload

    with Path(wanted.settings["path"]).open("rb") as file:
        found = file_digest(file, "sha256").hexdigest()
    if found != wanted.fields["sha256"]:
        raise FtctlError(
            Problem(
                "FT3206",
                f"{wanted.settings['path']} has changed since the plan was made",
                wanted.settings["where"],
                why=f"It was {wanted.fields['sha256'][:12]} when it was checked and is {found[:12]} now.",
                fix="Plan again and review.",
            )
        )


def _live(body: dict[str, Any], within: str, endpoint: str) -> Live:
    marked = marks.parse_filename(body.get("filename") or "")
    stack, label, sha256 = marked or (None, "", "")
    error = body.get("error") or body.get("status_details") or ""
    return Live(
        kind="dataset",
        key=_key(within, stack, sha256) if stack else f"{within}|{body['id']}",
        id=body["id"],
        name=body.get("filename") or body["id"],
        fields={"sha256": sha256, "bytes": body.get("bytes")},
        outputs={"id": body["id"], "sha256": sha256, "endpoint": endpoint},
        owner=stack,
        label=label,
        health=_HEALTH.get(body.get("status", ""), Health.PENDING),
        detail=error.get("message", "") if isinstance(error, dict) else str(error),
        within=within,
        created=float(body.get("created_at") or 0),
        raw=body,
    )


KIND = DatasetKind()
