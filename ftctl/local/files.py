"""Files of an account: upload, list, get, content, delete. A file is usable once the service has processed it."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from ftctl.local import formdata, jobstate
from ftctl.local.dataplane import (
    Doc,
    account_of,
    after_in,
    both,
    created,
    invalid,
    is_v1,
    not_found,
    number_in,
    public,
)
from ftctl.local.wire import Refusal, Reply, Request

if TYPE_CHECKING:
    from ftctl.local.azure import Azure

FILE_LIMIT = 512_000_000  # bytes, as the account's capability MaxTrainingFileSize says
FILES_LIMIT = 100  # uploaded files of one account, MaxUserFileCount
PROCESSING_SECONDS = 30.0  # of Azure's time
RESULTS = "fine-tune-results"
_PURPOSES = ("fine-tune", "assistants", "batch", "evals")
_EXPIRY = range(1_209_600, 2_592_001)
_PAGE = 10_000
_FIELDS = {"purpose", "expires_after[anchor]", "expires_after[seconds]"}
_FIRST_2025 = "2025"


@both("POST", "/files", "files/write")
def upload(request: Request) -> Reply:
    """Take a file. Whether it is sound is found out at once and told when its processing time is over.

    Rests on recordings (body, states) and on both schemas (status codes, purposes, expiry); the time is assumed.
    """
    azure, account = request.azure, account_of(request)
    form = formdata.receive(request, azure.blobs / "files", FILE_LIMIT)
    try:
        unknown(form.fields, _FIELDS)
        purpose = checked_purpose(form.fields.get("purpose"))
        expires_at = checked_expiry(
            form.fields.get("expires_after[anchor]"), form.fields.get("expires_after[seconds]"), azure.timestamp()
        )
        check_room(azure, account)
        doc = adopt(azure, account, form.path, form.filename or "", purpose, expires_at)
    finally:
        form.path.unlink(missing_ok=True)
    return created(request, present(azure, doc))


def adopt(azure: Azure, account: str, path: Path, filename: str, purpose: str, expires_at: int | None = None) -> Doc:
    """Make a file of the account of the bytes at `path`, which are moved away."""
    doc = prepared(azure, account, path, filename, purpose, expires_at)
    keep(azure, account, path, doc)
    return doc


def prepared(azure: Azure, account: str, path: Path, filename: str, purpose: str, expires_at: int | None) -> Doc:
    """The document of a file whose bytes are at `path`; they are read for it."""
    doc = fresh(azure, account, filename, purpose, expires_at) | {"bytes": path.stat().st_size}
    return doc | (examined(path) if purpose == "fine-tune" else {})


def keep(azure: Azure, account: str, path: Path, doc: Doc) -> None:
    """Move the bytes to their place, then make the file known: whoever sees it finds them."""
    path.replace(blob(azure, doc))
    azure.store.put("file", doc["id"], doc, parent=account)


def fresh(azure: Azure, account: str, filename: str, purpose: str, expires_at: int | None) -> Doc:
    """A file that is being processed, of whose bytes nothing is known yet."""
    doc: Doc = {
        "id": f"file-{uuid.uuid4().hex}",
        "created_at": azure.timestamp(),
        "filename": filename,
        "object": "file",
        "purpose": purpose,
        "_account": account.lower(),
        "_ready_at": azure.moment() + azure.seconds(PROCESSING_SECONDS),
    }
    return doc | ({"expires_at": expires_at} if expires_at else {})


def examined(path: Path) -> Doc:
    """What validation of a training file finds, as its document keeps it."""
    from ftctl.local.datafile import validate  # noqa: PLC0415  only uploads need it

    outcome = validate(path)
    return {
        "_format": outcome.format,
        "_examples": outcome.examples,
        "_problem": outcome.problem,
        "_unfit": outcome.unfit,
    }


def check_room(azure: Azure, account: str) -> None:
    """Refuse one more file where the account has as many as it may."""
    if sum(doc["purpose"] != RESULTS for doc in stored(azure, account)) >= FILES_LIMIT:
        raise Refusal(400, "quotaExceeded", f"The resource has the maximum of {FILES_LIMIT} files already.")


@both("GET", "/files", "files/read")
def list_all(request: Request) -> Reply:
    """Pages on both routes, as clients ask for more until none comes; v1 begins with the newest and tells the ends.

    Rests on both schemas; that the dated route takes `after` and `limit` too is assumed.
    """
    azure, v1 = request.azure, is_v1(request)
    jobstate.settle(azure, account_of(request))
    purpose = request.query.get("purpose")
    docs = [doc for doc in stored(azure, account_of(request)) if purpose in (None, doc["purpose"])]
    order = request.query.get("order", "desc" if v1 else "asc")
    if order not in ("asc", "desc"):
        raise invalid("The query parameter 'order' must be 'asc' or 'desc'.", "order")
    if order == "desc":
        docs.reverse()
    docs = after_in(request, docs)
    limit = number_in(request, "limit", _PAGE, _PAGE)
    page = [present(azure, doc) for doc in docs[:limit]]
    body: Doc = {"object": "list", "data": page}
    if v1:
        ends = {"first_id": page[0]["id"], "last_id": page[-1]["id"]} if page else {}
        body |= {**ends, "has_more": len(docs) > limit}
    return Reply(200, body)


@both("GET", "/files/{file}", "files/read")
def get(request: Request) -> Reply:
    """One file as it stands. Rests on recordings (bodies) and both schemas."""
    return Reply(200, present(request.azure, _find(request)))


@both("GET", "/files/{file}/content", "files/read")
def content(request: Request) -> Reply:
    """The bytes, of a running job's results those that are there. Rests on recordings: plain bytes, plain CSV."""
    doc = _find(request)
    if "_job" in doc:
        return Reply(200, jobstate.results(request.azure, doc["_job"]), media="application/octet-stream")
    try:
        file = blob(request.azure, doc).open("rb")
    except FileNotFoundError:  # deleted meanwhile
        raise not_found("file") from None
    return Reply(200, _read(file), media="application/octet-stream")


@both("DELETE", "/files/{file}", "files/delete")
def delete(request: Request) -> Reply:
    """Allowed even while a job uses the file: that has its own copy. Older dated versions answer without a body.

    Rests on the schemas of both versions and on documentation.
    """
    doc = _find(request)
    _remove(request.azure, doc)
    if not is_v1(request) and request.query["api-version"] < _FIRST_2025:
        return Reply(204)
    return Reply(200, {"id": doc["id"], "deleted": True, "object": "file"})


def stored(azure: Azure, account: str) -> list[Doc]:
    """The files of an account in order of creation, to be read; those past their day are removed on the way."""
    now = azure.timestamp()
    docs = azure.store.derived(("files", account), lambda: azure.store.all("file", account))
    for doc in docs:
        if doc.get("expires_at", _NEVER) <= now:
            _remove(azure, doc)
    return [doc for doc in docs if doc.get("expires_at", _NEVER) > now]


def find(azure: Azure, account: str, file_id: str) -> Doc | None:
    """A file, for those who only look."""
    doc = azure.store.read("file", file_id)
    if doc is None or doc.get("_account") != account.lower():
        return None
    if doc.get("expires_at", _NEVER) <= azure.timestamp():
        _remove(azure, doc)
        return None
    return doc


def blob(azure: Azure, doc: Doc) -> Path:
    return azure.blobs / "files" / str(doc["id"])


def status(azure: Azure, doc: Doc) -> str:
    if azure.moment() < doc.get("_ready_at", 0.0):
        return "pending"
    return "error" if doc.get("_problem") else "processed"


def present(azure: Azure, doc: Doc) -> Doc:
    """A file as it stands now."""
    body = public(doc) | {"status": status(azure, doc)}
    if "_job" in doc:
        body["bytes"] = len(jobstate.results(azure, doc["_job"]))
    if body["status"] == "pending" and "_imported" in doc:
        body.pop("bytes", None)  # which the service does not know before it has fetched them
    if body["status"] == "error":
        code = doc.get("_code", "jsonlValidationFailed")
        failed = "Validation of jsonl file failed" if code == "jsonlValidationFailed" else "Import of the file failed"
        message = f"{failed}: {doc['_problem']}"
        body |= {"status_details": message, "error": {"code": code, "message": message}}
    return body


_NEVER = 1 << 62


def _find(request: Request) -> Doc:
    jobstate.settle(request.azure, account_of(request))
    doc = find(request.azure, account_of(request), request.names["file"])
    if doc is None:
        raise not_found("file")
    return doc


def _remove(azure: Azure, doc: Doc) -> None:
    azure.store.delete("file", doc["id"])
    blob(azure, doc).unlink(missing_ok=True)


def _read(file: BinaryIO) -> Iterator[bytes]:
    with file:
        while piece := file.read(1 << 20):
            yield piece


def unknown(given: Mapping[str, object], known: AbstractSet[str]) -> None:
    """Refuse what is not known."""
    if strange := sorted(given.keys() - known):
        raise invalid(f"The field '{strange[0][:40]}' is not known.", strange[0][:40])


def checked_purpose(purpose: object) -> str:
    if not isinstance(purpose, str) or purpose not in _PURPOSES:
        raise invalid(f"The purpose must be one of: {', '.join(_PURPOSES)}.", "purpose")
    return purpose


def checked_expiry(anchor: object, seconds: object, now: int) -> int | None:
    """When the file is to expire; None where nothing is said of it."""
    if anchor is None and seconds is None:
        return None
    text = str(seconds)
    # No number of ten digits is in the range, and int() takes long ones badly.
    if anchor != "created_at" or not (text.isascii() and text.isdigit() and len(text) < 10 and int(text) in _EXPIRY):  # noqa: PLR2004  see above
        raise invalid(
            f"expires_after takes the anchor 'created_at' and {_EXPIRY[0]} to {_EXPIRY[-1]} seconds.", "expires_after"
        )
    return now + int(text)


def checked_expiry_object(given: object, now: int) -> int | None:
    """The same of a JSON body's `expires_after`."""
    if given is None:
        return None
    if not isinstance(given, dict):
        raise invalid("'expires_after' must be an object.", "expires_after")
    return checked_expiry(given.get("anchor", ""), given.get("seconds", ""), now)
