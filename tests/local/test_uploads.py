"""Uploads in parts on both routes, with the SDK and without."""

from __future__ import annotations

import hashlib
import os
import re
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from ftctl.local import models, uploads
from tests.local import plane
from tests.local.plane import DATED, chats, jsonl, refusal

ROWS = jsonl(chats(12))


@pytest.fixture
def client(arm, account):
    with plane.v1(arm, account) as client:
        yield client


@pytest.fixture
def older(arm, account):
    with plane.dated(arm, account) as client:
        yield client


@pytest.fixture
def post(arm, account, served):
    """Plain HTTP on the dated route."""
    headers = {"api-key": plane.key(arm, account)}

    def call(path, **options):
        url = f"{served.url}/cognitiveservices/acc-sub/openai{path}?api-version={DATED}"
        return requests.post(url, headers=headers, verify=served.ca_file, timeout=10, **options)

    return call


_SIZE = len(ROWS)


def begin(client, size=_SIZE, **options):
    given = {"bytes": size, "filename": "a.jsonl", "mime_type": "application/json", "purpose": "fine-tune"}
    return client.uploads.create(**given | options)


def add(client, upload, *pieces):
    return [client.uploads.parts.create(upload.id, data=piece).id for piece in pieces]


@pytest.mark.parametrize("route", ["client", "older"])
def test_parts_become_the_file_in_the_order_that_is_given(request, route, clock, azure):
    client = request.getfixturevalue(route)
    upload = begin(client)
    assert re.fullmatch(r"fine-tune-[0-9a-f]{32}", upload.id)
    assert (upload.status, upload.bytes, upload.object) == ("pending", len(ROWS), "upload")
    assert upload.expires_at - upload.created_at == 7200
    assert "file" not in upload.model_dump(exclude_unset=True)
    last, first = add(client, upload, ROWS[700:], ROWS[:700])
    done = client.uploads.complete(
        upload.id, part_ids=[first, last], md5=hashlib.md5(ROWS, usedforsecurity=False).hexdigest()
    )
    assert (done.status, done.file.filename, done.file.bytes) == ("completed", "a.jsonl", len(ROWS))
    clock.advance(1)
    assert client.files.retrieve(done.file.id).status == "processed"
    assert client.files.content(done.file.id).read() == ROWS
    assert not (azure.blobs / "uploads" / upload.id).exists()
    assert azure.store.count("part") == 0
    assert refusal(lambda: add(client, upload, b"x"))[:2] == (409, "unexpectedEntityState")
    assert refusal(lambda: client.uploads.cancel(upload.id))[:2] == (409, "unexpectedEntityState")


def test_dated_answers_200_with_location_and_block_ids_name_parts_too(post, served):
    made = post("/uploads", json={"bytes": 4, "filename": "b", "mime_type": "text/plain", "purpose": "evals"})
    assert made.status_code == 200
    assert made.headers["Location"] == (
        f"{served.url}/cognitiveservices/acc-sub/openai/uploads/{made.json()['id']}?api-version={DATED}"
    )
    part = post(f"/uploads/{made.json()['id']}/parts", files={"data": ("blob", b"abcd")}).json()
    assert part.keys() == {"id", "object", "created_at", "upload_id", "azure_block_id"}
    assert (part["object"], part["upload_id"]) == ("upload.part", made.json()["id"])
    done = post(f"/uploads/{made.json()['id']}/complete", json={"part_ids": [part["azure_block_id"]]})
    assert (done.status_code, done.json()["file"]["bytes"]) == (200, 4)


def test_sdk_uploads_a_large_file_in_chunks(client, tmp_path, clock):
    path = tmp_path / "large.jsonl"
    path.write_bytes(ROWS * (3_000_000 // len(ROWS)))
    done = client.uploads.upload_file_chunked(
        file=path, mime_type="application/json", purpose="fine-tune", part_size=1 << 20
    )
    clock.advance(1)
    assert client.files.content(done.file.id).read() == path.read_bytes()


def test_bad_content_shows_as_it_does_for_plain_files(client, clock):
    upload = begin(client, 5)
    done = client.uploads.complete(upload.id, part_ids=add(client, upload, b"wrong"))
    clock.advance(1)
    assert client.files.retrieve(done.file.id).status == "error"


def test_completion_is_checked_and_may_be_tried_again(client):
    upload = begin(client)
    one, two = add(client, upload, ROWS[:10], ROWS[10:])

    def complete(ids, **options):
        return refusal(lambda: client.uploads.complete(upload.id, part_ids=ids, **options))

    assert "10 bytes" in complete([one])[2]
    assert "named twice" in complete([one, two, two])[2]
    assert "no part 'uplprt-0'" in complete([one, "uplprt-0"])[2]
    assert "md5" in complete([one, two], md5="0" * 32)[2]
    assert complete([])[:2] == (400, "invalidPayload")
    assert client.files.list().data == []
    assert client.uploads.complete(upload.id, part_ids=[one, two]).status == "completed"


def test_two_completions_make_one_file(client, azure):
    upload = begin(client)
    parts = add(client, upload, ROWS)

    def complete(_):
        return client.uploads.with_raw_response.complete(upload.id, part_ids=parts).http_response.status_code

    def attempt(number):
        try:
            return complete(number)
        except Exception as error:  # noqa: BLE001  the SDK raises one class a status
            return error.status_code

    with ThreadPoolExecutor(4) as pool:
        outcomes = list(pool.map(attempt, range(4)))
    assert outcomes.count(200) == 1
    assert azure.store.count("file") == 1


def test_cancelled_and_expired_uploads_take_nothing_more(client, clock, azure):
    cancelled, expired = begin(client), begin(client)
    for upload in (cancelled, expired):
        add(client, upload, ROWS)
    assert client.uploads.cancel(cancelled.id).status == "cancelled"
    clock.advance(7201)
    for upload, word in ((cancelled, "cancelled"), (expired, "expired")):
        told = refusal(lambda: client.uploads.complete(upload.id, part_ids=["x"]))  # noqa: B023  called at once
        assert told[:2] == (409, "unexpectedEntityState")
        assert f"'{word}'" in told[2]
    begin(client)  # which sweeps
    assert azure.store.count("part") == 0
    assert list((azure.blobs / "uploads").iterdir()) == []


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"bytes": 0}, "bytes"),
        ({"bytes": True}, "bytes"),
        ({"bytes": uploads.UPLOAD_LIMIT + 1}, "bytes"),
        ({"bytes": None}, "bytes"),
        ({"filename": ""}, "filename"),
        ({"mime_type": 5}, "mime_type"),
        ({"purpose": "vision"}, "purpose"),
        ({"purpose": ["fine-tune"]}, "purpose"),
        ({"expires_after": "soon"}, "expires_after"),
        ({"expires_after": {"anchor": "created_at", "seconds": 5}}, "expires_after"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_bad_declarations_are_refused(client, changes, param):
    given = {"bytes": 5, "filename": "a", "mime_type": "text/plain", "purpose": "fine-tune"} | changes
    with pytest.raises(Exception, match="400") as caught:
        client.post("/uploads", cast_to=object, body=given)
    assert caught.value.body["param"] == param


def test_bad_parts_are_refused_and_leave_nothing(post, client, azure, monkeypatch):
    upload = begin(client)
    path = f"/uploads/{upload.id}/parts"
    assert post(path, files={"file": ("a", b"x")}).status_code == 400
    assert post(path, json={"data": "x"}).status_code == 415
    assert post(path, files={"data": ("a", b"x")}, data={"colour": "red"}).status_code == 400
    assert post("/uploads/none/parts", files={"data": ("a", b"x")}).status_code == 404
    monkeypatch.setattr(uploads, "PART_LIMIT", 5)
    assert post(path, files={"data": ("a", b"123456")}).status_code == 413
    monkeypatch.setattr(uploads, "UPLOAD_LIMIT", 7)
    assert post(path, files={"data": ("a", b"12345")}).status_code == 200
    assert post(path, files={"data": ("a", b"12345")}).status_code == 413
    assert list((azure.blobs / "files").iterdir()) == []


def test_purge_takes_uploads_along(client, azure, account):
    upload = begin(client)
    add(client, upload, b"x")
    models.forget_account(azure, account)
    assert (azure.store.count("upload"), azure.store.count("part")) == (0, 0)
    assert list((azure.blobs / "uploads").iterdir()) == []


def test_what_a_killed_process_left_behind_goes_with_the_next_upload(client, azure):
    folder = azure.blobs / "files"
    folder.mkdir(exist_ok=True)
    old, new = folder / "old.part", folder / "new.part"
    for path in (old, new):
        path.write_bytes(b"x")
    os.utime(old, (1, 1))
    add(client, begin(client), b"x")
    assert (old.exists(), new.exists()) == (False, True)
