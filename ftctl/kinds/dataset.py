"""Datasets: training and validation files, known by the hash of their content."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal
from urllib.parse import urlsplit

import msgspec

from ftctl.core.changes import Change
from ftctl.core.errors import FtctlError, Problem, Where
from ftctl.core.model import Address, ChangeClass, Health, Home, Live, Outlook, Resource, Unknown, Wanted, World
from ftctl.core.rights import Right
from ftctl.kinds import files, former, marks, rights
from ftctl.kinds.contract import (
    Declaration,
    Flaw,
    Kind,
    NotYetError,
    Prepared,
    Progress,
    Scope,
    Seen,
    account_of,
    beside,
    described,
    flaw,
    reference,
)
from ftctl.kinds.fitness import lint, slot

if TYPE_CHECKING:
    from ftctl.clients import Clients
    from ftctl.data.report import Report

_FEW = "FT1350"
_PROMISED = ("sha256", "examples", "tokens", "system")


class DatasetSpec(Declaration, frozen=True):
    """A JSON Lines file of examples: a local one, one to import, or one that is in the account already."""

    path: Annotated[str | None, beside("The file, beside the spec.")] = None
    bom: Annotated[
        Literal["keep", "add", "strip"],
        described("Whether a local file is uploaded with a byte order mark. The file itself is never changed."),
    ] = "keep"
    allow: Annotated[
        tuple[str, ...],
        described("Hashes of secrets and personal data that may stay in a local file, as lint shows them."),
    ] = ()
    url: Annotated[
        str | None, described("A blob or web address that the service imports from; needs `sha256`. Never shown.")
    ] = None
    sha256: Annotated[
        Annotated[str, msgspec.Meta(pattern="^[0-9A-Fa-f]{64}$")] | None,
        described("The hash that the imported file must have. It is the file's identity."),
    ] = None
    file_id: Annotated[
        Annotated[str, msgspec.Meta(pattern="^[A-Za-z0-9_-]{1,100}$")] | None,
        described("A file that is in the account already. It is used, and never deleted."),
    ] = None
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
    shared = True
    loss = ChangeClass.IN_PLACE
    after = ("roleAssignment",)
    spelled = {  # noqa: RUF012  a constant
        "sha256": ("sha256", "path"),
        "bytes": ("bytes", "path"),
        "examples": ("examples", "path"),
        "file": ("fileId",),
    }

    def check(self, spec: DatasetSpec) -> Iterator[Flaw]:
        given = [name for name in ("path", "url", "fileId") if getattr(spec, name.replace("fileId", "file_id"))]
        if len(given) != 1:
            said = f"`{'` and `'.join(given)}`" if given else "none of `path`, `url` and `fileId`"
            yield flaw(given[1] if given else "", "FT1253", f"a dataset is named in one way, and here is {said}")
        if bool(spec.url) != bool(spec.sha256):
            there, missing = ("url", "sha256") if spec.url else ("sha256", "url")
            yield flaw(there, "FT1259", f"`{there}` stands without `{missing}`")
        if spec.url and not _importable(spec.url):
            yield flaw("url", "FT1260", "`url` is no http or https address")
        for name in ("bom", "allow"):
            if not spec.path and getattr(spec, name) not in ("keep", ()):
                yield flaw(name, "FT1261", f"`{name}` is for local files, and this dataset has no `path`")

    def prepare(self, resource: Resource, base: Path, declared: Mapping[Address, Resource]) -> Prepared:
        spec: DatasetSpec = resource.spec
        if spec.url and spec.sha256:
            return Prepared({"sha256": spec.sha256.lower()})
        if not spec.path:
            return Prepared()
        from ftctl.data.check import check, problems  # noqa: PLC0415  decoding is only needed where there is data

        path, where = base / spec.path, resource.place("path")
        shown, encoding = _shown(path), _encoding(resource.address, declared)
        checked = check(path, shown, format=spec.format, encoding=encoding, bom=spec.bom, allow=spec.allow, where=where)
        if _only_measures(resource.address, declared):
            checked = replace(checked, report=_without_few(checked.report))
        facts = {"path": str(path), "shown": shown, "checked": checked, **_facts(checked.report)}
        return Prepared(facts, problems(checked.report, shown, where))

    def wanted(self, resource: Resource, world: World) -> Wanted:
        spec: DatasetSpec = resource.spec
        account, facts = str(world.output(account_of(resource), "id")).lower(), resource.prepared
        named = _named(spec, world, account)
        sha256 = facts.get("sha256", "")
        where = resource.place("path" if spec.path else "url" if spec.url else "fileId")
        fields = {name: facts[name] for name in ("sha256", "bytes", "examples") if name in facts}
        return Wanted(
            key=named.key if named else files.key(account, sha256 or f"named:{spec.file_id}"),
            fields=fields or {"file": spec.file_id},
            settings={
                "endpoint": world.output(account_of(resource), "endpoint"),
                "account": account,
                "sha256": sha256,
                "origin": files.Origin(where, facts.get("shown", ""), spec.url or ""),
                "path": facts.get("path"),
                "bytes": facts.get("bytes"),
                "bom": spec.bom,
                "file": spec.file_id,
            },
            name=spec.file_id or marks.filename(world.home, resource.address.name, sha256, imported=bool(spec.url)),
        )

    def promised(self, resource: Resource, world: World) -> Mapping[str, Any]:
        """The content's identity: its hash; for a named file the one that its name carries, or else its id."""
        if resource.spec.file_id:
            named = _named(resource.spec, world, str(world.output(account_of(resource), "id")).lower())
            return {"sha256": named.outputs["sha256"] if named else resource.spec.file_id}
        return {key: resource.prepared[key] for key in _PROMISED if key in resource.prepared}

    def outlook(self, resource: Resource, world: World) -> Outlook:
        """A named file must be there; for a new one there must be room."""
        account, file = account_of(resource), resource.spec.file_id
        listing = _listing(world, str(world.output(account, "id")))
        if file and (listing or isinstance(world.output(account, "endpoint"), Unknown)):
            found = listing.lives.get(file) if listing else None
            return Outlook(problem=_unusable(file, resource.place("fileId"), found))
        told = (*lint(resource), slot(listing, resource)) if listing else tuple(lint(resource))
        if listing is None:
            return Outlook(findings=told)
        size = resource.prepared.get("bytes") or 0
        if listing.largest and size > listing.largest:
            what = f"{resource.address} has {size:,} bytes, and its account takes {listing.largest:,}"
            return Outlook(problem=Problem("FT2215", what, resource.place("path")), findings=told)
        if listing.number(resource) > listing.room:
            what = (
                f"{resource.address} would be file {listing.number(resource)} of an account that takes {listing.room}"
            )
            return Outlook(problem=Problem("FT2212", what, resource.where), findings=told)
        return Outlook(because=world.fact(resource.address, "change") or (), findings=told)

    def rights(self, change: Change, resource: Resource | None) -> Iterator[Right]:
        word = "import/action" if resource and resource.spec.url else "write"
        for verb in rights.verbs(change):
            said = verb if verb == "delete" else word
            yield rights.data(f"{rights.FILES}/{said}", change.key.partition("|")[0])

    def observe(self, clients: Clients, scope: Scope) -> Seen:
        account = scope.account
        assert account is not None
        endpoint = account.outputs["endpoint"]
        origins = {one.prepared["sha256"]: _origin(one) for one in scope.resources if "sha256" in one.prepared}
        named = {one.spec.file_id for one in scope.resources if one.spec.file_id}
        lives = files.look(clients.data(endpoint), account.key, endpoint, origins, named)
        listing = files.Listing(
            {live.id: live for live in lives}, files.room_of(account), files.largest_of(account), scope.resources
        )
        facts: dict[Address, dict[str, Any]] = {files.listing_of(account.key): {"listing": listing}}
        for one in scope.resources:
            if told := former.told(one, scope.home.stack, lives):
                facts[one.address] = {"change": told}
        return Seen(tuple(lives), facts)

    def refresh(self, clients: Clients, live: Live, home: Home, progress: Progress) -> Live | None:
        from ftctl.kinds.sending import accepted  # noqa: PLC0415  the clients come in only where Azure does

        data, endpoint = clients.data(live.outputs["endpoint"]), live.outputs["endpoint"]
        body = data.get_file(live.id)
        if body is None or files.going(body):
            return None
        origins = {files.identity(live.name): files.origin_of(live)}
        now = files.live_of(body, live.within, endpoint, origins)
        if now.health is Health.PENDING:
            progress(f"the service is checking it: {body.get('status')}")
            return now
        return accepted(data, now, home, progress) if live.health is Health.PENDING else now

    def create(self, clients: Clients, wanted: Wanted, home: Home, progress: Progress) -> Live:
        """Look for the content first, then upload or import it once, if it still is what was planned."""
        from ftctl.kinds.sending import accepted, send  # noqa: PLC0415  the clients come in only where Azure does

        settings = wanted.settings
        data, origins = clients.data(settings["endpoint"]), {settings["sha256"]: settings["origin"]}

        def find() -> Live | None:
            lives = files.look(data, settings["account"], settings["endpoint"], origins)
            return next((one for one in lives if _is(one, wanted) and one.health is not Health.FAILED), None)

        if found := find():
            return found
        if settings["file"]:
            raise FtctlError(_unusable(settings["file"], settings["origin"].where, None))
        body = send(clients, wanted, find, progress)
        made = files.live_of(body, settings["account"], settings["endpoint"], origins)
        return made if made.health is Health.PENDING else accepted(data, made, home, progress)

    def failure(self, live: Live) -> Problem:
        where = files.origin_of(live).line(live.detail)
        fix = "Correct the data and apply again: new content is a new file."
        return Problem("FT3202", f"the service refused the file: {live.detail}", where, fix=fix)

    def gone(self, resource: Resource) -> str:
        return "Somebody deleted the file. A job that has begun does not need it."

    def delete(self, clients: Clients, live: Live) -> None:
        """Delete it, once every job that is to read it has."""
        data = clients.data(live.outputs["endpoint"])
        if reader := files.reader_of(data, live.id):
            raise NotYetError(f"waiting until {reader} has read it")
        data.delete_file(live.id)

    def lane(self, key: str, within: str) -> str:
        return key


def _shown(path: Path) -> str:
    """A path as people wrote it: relative to where they stand, if it is below."""
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def _only_measures(address: Address, declared: Mapping[Address, Resource]) -> bool:
    """Whether jobs name it for validation or evaluations and none learns from it."""
    jobs = [resource.spec for resource in declared.values() if resource.address.kind == "job"]
    asked = {gate.evaluate.dataset for job in jobs for gate in job.gates or () if gate.evaluate}
    measures = address.name in asked.union(job.validation for job in jobs)
    return measures and all(job.training != address.name for job in jobs)


def _without_few(report: Report) -> Report:
    """A report without the note on few examples, which is about what is learned."""
    findings = tuple(finding for finding in report.findings if finding.code != _FEW)
    counts = {code: number for code, number in report.counts.items() if code != _FEW}
    return msgspec.structs.replace(report, findings=findings, counts=counts)


def _importable(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme.lower() in {"http", "https"} and bool(parts.hostname)


def _encoding(address: Address, declared: Mapping[Address, Resource]) -> str:
    """The tokenizer of the model of the first job that names the dataset."""
    from ftctl.data.tokens import O200K, encoding_of  # noqa: PLC0415  only where there is data

    jobs = [one.spec for one in declared.values() if one.address.kind == "job"]
    models = [job.model for job in jobs if address.name in (job.training, job.validation)]
    return encoding_of(models[0]) if models and isinstance(models[0], str) else O200K


def _facts(report: Report) -> dict[str, Any]:
    """What others read of a local file."""
    billed = report.tokens.billed if report.tokens else {}
    return {
        "report": report,
        "sha256": report.sha256,
        "bytes": report.size,
        "examples": report.examples,
        "tokens": sum(tokens * number for tokens, number in billed.items()),
        "system": report.system,
        "systems": len(report.systems),
    }


def _origin(resource: Resource) -> files.Origin:
    field = "path" if resource.spec.path else "url"
    return files.Origin(resource.place(field), resource.prepared.get("shown", ""), resource.spec.url or "")


def _listing(world: World, account: str) -> files.Listing | None:
    """What there is in the account, None where nobody could look."""
    found: files.Listing | None = world.fact(files.listing_of(account), "listing")
    return found


def _named(spec: DatasetSpec, world: World, account: str) -> Live | None:
    """The file that `fileId` names, if it can be trained on."""
    listing = _listing(world, account)
    live = listing.lives.get(spec.file_id) if listing and spec.file_id else None
    return live if live and live.health is not Health.FAILED and live.raw.get("purpose") == files.PURPOSE else None


def _unusable(name: str, where: Where | None, live: Live | None) -> Problem:
    """Why a named file cannot be used."""
    if live is None:
        return Problem("FT2213", f"there is no file {name} in the account", where)
    if live.health is Health.FAILED:
        return Problem("FT2213", f"the service refused the file {name}: {live.detail}", where)
    return Problem("FT2213", f"the file {name} is for `{live.raw.get('purpose')}`, not for `{files.PURPOSE}`", where)


def _is(live: Live, wanted: Wanted) -> bool:
    return live.id == wanted.settings["file"] if wanted.settings["file"] else live.key == wanted.key


KIND = DatasetKind()
