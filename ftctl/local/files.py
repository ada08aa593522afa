"""Files of an account: upload, list, get, content, delete. A file is usable once the service has processed it."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from ftctl.local import formdata, jobstate
from ftctl.local.dataplane import (
    Doc,
    account_of,
    after_in,
    both,
    created,
    dated,
    invalid,
    is_v1,
    not_found,
    number_in,
    public,
    refuse_all,
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
    """Take a file. Whether it is sound is found out at once and told when its processing time is over."""
    azure, account = request.azure, account_of(request)
    form = formdata.receive(request, azure.blobs / "files", FILE_LIMIT)
    try:
        purpose, expires_at = _checked_fields(form.fields, azure.timestamp())
        if sum(doc["purpose"] != RESULTS for doc in stored(azure, account)) >= FILES_LIMIT:
            raise Refusal(400, "quotaExceeded", f"The resource has the maximum of {FILES_LIMIT} files already.")
        doc: Doc = {
            "id": f"file-{uuid.uuid4().hex}",
            "bytes": form.size,
            "created_at": azure.timestamp(),
            "filename": form.filename,
            "object": "file",
            "purpose": purpose,
            "_ready_at": azure.moment() + azure.seconds(PROCESSING_SECONDS),
        }
        if expires_at:
            doc["expires_at"] = expires_at
        if purpose == "fine-tune":
            from ftctl.local.datafile import validate  # noqa: PLC0415  only uploads need it

            outcome = validate(form.path)
            doc |= {"_format": outcome.format, "_examples": outcome.examples}
            doc |= {"_problem": outcome.problem, "_unfit": outcome.unfit}
        form.path.replace(blob(azure, doc))
        azure.store.put("file", doc["id"], doc, parent=account)
    finally:
        form.path.unlink(missing_ok=True)
    return created(request, present(azure, doc))


@both("GET", "/files", "files/read")
def list_all(request: Request) -> Reply:
    """Pages on both routes, as clients ask for more until none comes; v1 begins with the newest and tells the ends."""
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
    return Reply(200, present(request.azure, _find(request)))


@both("GET", "/files/{file}/content", "files/read")
def content(request: Request) -> Reply:
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
    """Allowed even while a job uses the file: that has its own copy. Older dated versions answer without a body."""
    doc = _find(request)
    _remove(request.azure, doc)
    if not is_v1(request) and request.query["api-version"] < _FIRST_2025:
        return Reply(204)
    return Reply(200, {"id": doc["id"], "deleted": True, "object": "file"})


refuse_all(dated("POST", "/files/import", "files/import/action"), "the import of files from a URL")
refuse_all(both("POST", "/uploads", "files/write"), "uploads in parts")
refuse_all(both("POST", "/uploads/{upload}/{verb}", "files/write"), "uploads in parts")


def stored(azure: Azure, account: str) -> list[Doc]:
    """The files of an account in order of creation; those past their day are removed on the way."""
    docs = azure.store.all("file", account)
    for doc in docs:
        if doc.get("expires_at", _NEVER) <= azure.timestamp():
            _remove(azure, doc)
    return [doc for doc in docs if doc.get("expires_at", _NEVER) > azure.timestamp()]


def find(azure: Azure, account: str, file_id: str) -> Doc | None:
    return next((doc for doc in stored(azure, account) if doc["id"] == file_id.lower()), None)


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
    if body["status"] == "error":
        message = f"Validation of jsonl file failed: {doc['_problem']}"
        body |= {"status_details": message, "error": {"code": "jsonlValidationFailed", "message": message}}
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


def _checked_fields(fields: dict[str, str], now: int) -> tuple[str, int | None]:
    """The purpose, and when the file is to expire."""
    if strange := sorted(fields.keys() - _FIELDS):
        raise invalid(f"The field '{strange[0][:40]}' is not known.", strange[0][:40])
    purpose = fields.get("purpose", "")
    if purpose not in _PURPOSES:
        raise invalid(f"The purpose must be one of: {', '.join(_PURPOSES)}.", "purpose")
    if len(fields) == 1:
        return purpose, None
    seconds = fields.get("expires_after[seconds]", "")
    if fields.get("expires_after[anchor]") != "created_at" or not _reasonable(seconds):
        raise invalid(
            f"expires_after takes the anchor 'created_at' and {_EXPIRY[0]} to {_EXPIRY[-1]} seconds.", "expires_after"
        )
    return purpose, now + int(seconds)


def _reasonable(seconds: str) -> bool:
    return seconds.isascii() and seconds.isdigit() and len(seconds) < 10 and int(seconds) in _EXPIRY  # noqa: PLR2004  int is unbounded
