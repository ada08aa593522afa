"""Uploads in parts: begun with a size, filled piece by piece, then put together to a file or given up."""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ftctl.local import files, formdata
from ftctl.local.dataplane import Doc, account_of, both, created, invalid, not_found, public
from ftctl.local.wire import Refusal, Reply, Request

if TYPE_CHECKING:
    from ftctl.local.azure import Azure

UPLOAD_LIMIT = 9 << 30  # bytes of one upload
PART_LIMIT = files.FILE_LIMIT
LIFETIME = 2 * 3600  # seconds of the clock, not of Azure's work
PARTS_LIMIT = 10_000
_UPLOAD = "/uploads/{upload}"
_FIELDS = {"filename", "purpose", "bytes", "mime_type", "expires_after"}


@both("POST", "/uploads", "files/write")
def begin(request: Request) -> Reply:
    """Declare a file's name, size and purpose.

    Rests on the dated schema (9 GB, two hours, 200 with a Location, ids that begin with the purpose); v1 is taken to
    answer alike, without the Location. The schema's example has a file in the answer already; here it comes last.
    """
    azure, account, body = request.azure, account_of(request), request.json()
    files.unknown(body, _FIELDS)
    for name in ("filename", "mime_type"):
        if not isinstance(body.get(name), str) or not body[name]:
            raise invalid(f"The property '{name}' is required and must be a string.", name)
    purpose = files.checked_purpose(body.get("purpose"))
    size = body.get("bytes")
    if isinstance(size, bool) or not isinstance(size, int) or not 0 < size <= UPLOAD_LIMIT:
        raise invalid(f"The property 'bytes' must be a whole number from 1 to {UPLOAD_LIMIT}.", "bytes")
    files.checked_expiry_object(body.get("expires_after"), azure.timestamp())
    sweep(azure, account)
    doc: Doc = {
        "id": f"{purpose}-{uuid.uuid4().hex}",
        "object": "upload",
        "created_at": azure.timestamp(),
        "bytes": size,
        "filename": body["filename"],
        "purpose": purpose,
        "status": "pending",
        "expires_at": azure.timestamp() + LIFETIME,
        "_account": account.lower(),
        "_expires_after": body.get("expires_after"),
    }
    azure.store.put("upload", doc["id"], doc, parent=account)
    reply = created(request, public(doc))
    return Reply(200, reply.body, reply.headers)


@both("POST", f"{_UPLOAD}/parts", "files/write")
def add_part(request: Request) -> Reply:
    """Take a piece of the file, in whatever order; it goes straight to disk.

    Rests on both schemas; the size of a part is limited as the dated one says, like a whole file.
    """
    azure, doc = request.azure, _pending(request)
    form = formdata.receive(request, azure.blobs / "files", PART_LIMIT, "data")
    try:
        files.unknown(form.fields, frozenset())
        number = uuid.uuid4().hex
        part: Doc = {
            "id": f"uplprt-{number}",
            "object": "upload.part",
            "created_at": azure.timestamp(),
            "upload_id": doc["id"],
            "azure_block_id": base64.b64encode(bytes.fromhex(number)).decode(),
            "_bytes": form.size,
        }
        target = _folder(azure, doc) / part["id"]
        target.parent.mkdir(parents=True, exist_ok=True)
        with azure.store.transaction():
            _pending(request)  # it may have ended while the part came in
            before = azure.store.all("part", doc["id"])
            if len(before) >= PARTS_LIMIT or sum(one["_bytes"] for one in before) + form.size > UPLOAD_LIMIT:
                raise Refusal(413, "fileTooLarge", f"An upload takes {UPLOAD_LIMIT} bytes in {PARTS_LIMIT} parts.")
            form.path.replace(target)
            azure.store.put("part", part["id"], part, parent=doc["id"])
    finally:
        form.path.unlink(missing_ok=True)
    return Reply(200, public(part))


@both("POST", f"{_UPLOAD}/complete", "files/write")
def complete(request: Request) -> Reply:
    """Put the parts together in the order that is given; their bytes must be as many as were declared.

    Rests on both schemas. Parts are named by their id, or by their block id as the dated schema's example does.
    """
    azure, account, doc, body = request.azure, account_of(request), _pending(request), request.json()
    files.unknown(body, {"part_ids", "md5"})
    parts = _named_parts(azure, doc, body.get("part_ids"))
    size = sum(part["_bytes"] for part in parts)
    if size != doc["bytes"]:
        raise invalid(f"The parts have {size} bytes; {doc['bytes']} were declared.", "part_ids")
    files.check_room(azure, account)
    expires_at = files.checked_expiry_object(doc["_expires_after"], azure.timestamp())
    whole = azure.blobs / "files" / f"{uuid.uuid4().hex}.part"
    try:
        _join(azure, doc, parts, whole, body.get("md5"))
        file = files.prepared(azure, account, whole, doc["filename"], doc["purpose"], expires_at)
        with azure.store.transaction():
            _pending(request)  # two completions of one upload make one file
            doc |= {"status": "completed", "_file": file["id"]}
            azure.store.put("upload", doc["id"], doc, parent=account)
            files.keep(azure, account, whole, file)
    finally:
        whole.unlink(missing_ok=True)
    _drop_parts(azure, doc)
    return Reply(200, public(doc) | {"file": files.present(azure, file)})


@both("POST", f"{_UPLOAD}/cancel", "files/write")
def cancel(request: Request) -> Reply:
    """Give the upload up. Rests on both schemas."""
    azure = request.azure
    with azure.store.transaction():
        doc = _pending(request)
        doc["status"] = "cancelled"
        azure.store.put("upload", doc["id"], doc, parent=account_of(request))
    _drop_parts(azure, doc)
    return Reply(200, public(doc))


def sweep(azure: Azure, account: str) -> None:
    """Drop the parts of uploads whose time is over, and forget ended uploads after a day."""
    for doc in azure.store.all("upload", account):
        age = azure.timestamp() - doc["created_at"]
        if age >= LIFETIME:
            _drop_parts(azure, doc)
        if age >= LIFETIME + 86_400:
            azure.store.delete("upload", doc["id"])


def forget_uploads(azure: Azure, account: str) -> None:
    """All of a purged account's."""
    for doc in azure.store.all("upload", account):
        _drop_parts(azure, doc)
    azure.store.delete_children("upload", account)


def _pending(request: Request) -> Doc:
    """The upload that was named, which still takes parts."""
    azure = request.azure
    doc = azure.store.get("upload", request.names["upload"])
    if doc is None or doc["_account"] != account_of(request).lower():
        raise not_found("upload")
    status = "expired" if doc["status"] == "pending" and azure.timestamp() >= doc["expires_at"] else doc["status"]
    if status != "pending":
        raise Refusal(409, "unexpectedEntityState", f"The upload's status is '{status}', where 'pending' is needed.")
    return doc


def _named_parts(azure: Azure, doc: Doc, names: Any) -> list[Doc]:
    known = {}
    for part in azure.store.all("part", doc["id"]):
        known[part["id"]] = known[part["azure_block_id"]] = part
    if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
        raise invalid("The property 'part_ids' must be a list of the ids of parts.", "part_ids")
    strange = next((name for name in names if name not in known), None)
    if strange is not None:
        raise invalid(f"The upload has no part '{strange[:60]}'.", "part_ids")
    parts = [known[name] for name in names]
    if len({part["id"] for part in parts}) < len(parts):
        raise invalid("A part is named twice.", "part_ids")
    return parts


def _join(azure: Azure, doc: Doc, parts: list[Doc], whole: Path, md5: Any) -> None:
    with whole.open("wb") as target:
        for part in parts:
            with (_folder(azure, doc) / part["id"]).open("rb") as source:
                shutil.copyfileobj(source, target, 1 << 20)
        target.flush()
        os.fsync(target.fileno())
    if md5 is not None:
        with whole.open("rb") as file:
            found = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
        if not isinstance(md5, str) or found != md5.lower():
            raise invalid("The md5 of the parts is not the one that was given.", "md5")


def _folder(azure: Azure, doc: Doc) -> Path:
    return azure.blobs / "uploads" / str(doc["id"])


def _drop_parts(azure: Azure, doc: Doc) -> None:
    azure.store.delete_children("part", doc["id"])
    shutil.rmtree(_folder(azure, doc), ignore_errors=True)
