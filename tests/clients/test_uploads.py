"""Uploads, byte by byte, against a scripted server: what is sent, how often, and what is done where it goes wrong."""

from __future__ import annotations

import hashlib
import json
import os
import re
import tracemalloc
from contextlib import closing
from pathlib import Path

import pytest

from ftctl.clients import uploads
from ftctl.clients.dataplane import DataPlane
from ftctl.clients.errors import AzureError
from ftctl.clients.uploads import BOM, LONGEST, Sizes, Source, Way, certain, upload
from ftctl.core.clock import ManualClock
from ftctl.core.errors import FtctlError, Where

FILES = "POST /acc/openai/v1/files"
UPLOADS = "POST /acc/openai/v1/uploads"
PARTS = f"{UPLOADS}/up-1/parts"
COMPLETE = f"{UPLOADS}/up-1/complete"
CANCEL = f"{UPLOADS}/up-1/cancel"
ROWS = b'{"a": 1}\n' * 30
MADE = {"id": "file-1", "status": "pending"}
LOST = ["hang up", (500, None), (503, None, {"retry-after": "1"}), (408, None)]


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def data(parts, fake):
    cloud, http, credentials, retry = parts
    with closing(DataPlane(f"{fake.url}/acc", cloud, http, credentials, retry)) as data:
        yield data


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_bytes(ROWS)
    return path


@pytest.fixture
def way(data, clock):
    return Way(data, clock, 0.5, lambda: None, sizes=Sizes(whole=1000, part=100))


def in_parts(way, **more):
    return Way(way.data, way.clock, 0.5, **({"find": way.find, "sizes": Sizes(whole=100, part=100)} | more))


def source(path: Path, content: bytes | None = None, bom: str = "keep") -> Source:
    content = path.read_bytes() if content is None else content
    digest = hashlib.sha256(content).hexdigest()
    return Source(path, "rows.jsonl", digest, len(content), bom, Where("stack.yaml", 7, 3))


def calls(fake) -> list[str]:
    return [f"{seen.method} {seen.path.removeprefix('/acc/openai/v1/')}" for seen in fake.seen]


def nothing_whole(fake) -> bool:
    """Whether the service never got all of a file: no upload was completed, and every body ended early."""
    bodies = [
        (len(seen.body), int(seen.headers["content-length"])) for seen in fake.seen if seen.path.endswith("/files")
    ]
    return "POST uploads/up-1/complete" not in calls(fake) and all(got < announced for got, announced in bodies)


def content(seen) -> bytes:
    """The file in a multipart body."""
    boundary = re.search("boundary=(.+)", seen.headers["content-type"])[1].encode()
    part = next(part for part in seen.body.split(b"--" + boundary) if b"filename=" in part)
    return part.partition(b"\r\n\r\n")[2].removesuffix(b"\r\n")


# --- in one request


def test_a_file_is_sent_under_its_name(way, fake, file):
    fake.script[FILES] = [(201, MADE)]
    assert upload(source(file), "ftctl--s--train--0a.jsonl", way) == MADE
    (seen,) = fake.seen
    assert b'filename="ftctl--s--train--0a.jsonl"' in seen.body
    assert b"fine-tune" in seen.body
    assert content(seen) == ROWS
    assert int(seen.headers["content-length"]) == len(seen.body)


def test_a_throttled_upload_begins_anew(way, fake, file):
    fake.script[FILES] = [(429, None, {"retry-after": "1"}), (201, MADE)]
    upload(source(file), "x.jsonl", way)
    assert [content(seen) for seen in fake.seen] == [ROWS, ROWS]


@pytest.mark.parametrize(
    ("bom", "on_disk", "sent"),
    [
        ("keep", ROWS, ROWS),
        ("keep", BOM + ROWS, BOM + ROWS),
        ("add", ROWS, BOM + ROWS),
        ("add", BOM + ROWS, BOM + ROWS),
        ("strip", ROWS, ROWS),
        ("strip", BOM + ROWS, ROWS),
    ],
)
@pytest.mark.parametrize("whole", [1000, 100])
def test_the_byte_order_mark_is_as_declared_and_the_file_untouched(way, fake, file, bom, on_disk, sent, whole):
    file.write_bytes(on_disk)
    fake.script |= {FILES: [(201, MADE)], **parts_script(fake)}
    upload(source(file, sent, bom), "x.jsonl", in_parts(way, sizes=Sizes(whole=whole, part=100)))
    pieces = [content(seen) for seen in fake.seen if seen.path.endswith(("/files", "/parts"))]
    assert b"".join(pieces) == sent
    assert file.read_bytes() == on_disk


def test_an_upload_does_not_fill_the_memory(way, fake, tmp_path):
    path = tmp_path / "rows.jsonl"
    with path.open("wb") as target:
        target.truncate(24 << 20)
    digest = hashlib.sha256(bytes(24 << 20)).hexdigest()
    fake.script |= {FILES: [(201, MADE)], **parts_script(fake)}
    fake.keep = False
    wanted = Source(path, "rows.jsonl", digest, 24 << 20)
    for sizes in (Sizes(), Sizes(whole=1, part=9 << 20)):
        upload(wanted, "x.jsonl", in_parts(way, sizes=sizes))  # the import of openai is not what is measured
        tracemalloc.start()
        upload(wanted, "x.jsonl", in_parts(way, sizes=sizes))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 4 << 20


def test_an_upload_without_an_answer_is_looked_for_and_not_repeated(data, clock, fake, file):
    for lost in LOST:
        fake.script[FILES] = [lost]
        fake.seen.clear()
        way = Way(data, clock, 0.5, lambda: MADE)
        assert upload(source(file), "x.jsonl", way) == MADE
        assert len(fake.seen) == 1


def test_an_upload_that_cannot_be_found_is_made_again(data, clock, fake, file):
    looks = []
    way = Way(data, clock, 15.0, lambda: looks.append(clock.now()))
    fake.script[FILES] = ["hang up", (201, MADE)]
    assert upload(source(file), "x.jsonl", way) == MADE
    assert (len(fake.seen), len(looks)) == (2, 3)
    assert (looks[-1] - looks[0]).total_seconds() == 30


def test_an_upload_that_stays_lost_ends(way, fake, file):
    fake.script[FILES] = ["hang up"]
    with pytest.raises(AzureError) as caught:
        upload(source(file), "x.jsonl", way)
    assert caught.value.code == "FT2023"
    assert len(fake.seen) == 3


def test_a_refused_upload_is_not_repeated(way, fake, file):
    fake.script[FILES] = [(400, {"error": {"code": "quotaExceeded", "message": "Full."}})]
    with pytest.raises(AzureError) as caught:
        upload(source(file), "x.jsonl", way)
    assert caught.value.code == "FT2209"
    assert len(fake.seen) == 1


def test_how_far_it_is(data, clock, fake, file):
    told = []
    fake.script |= {FILES: [(201, MADE)], **parts_script(fake)}
    for sizes in (Sizes(), Sizes(whole=1, part=100)):
        told.clear()
        upload(source(file), "x.jsonl", Way(data, clock, 0.5, lambda: None, lambda *at: told.append(at), sizes))
        assert told[-1] == (len(ROWS), len(ROWS))
        assert told == sorted(told)


# --- a file that is not what was reviewed


def vanished(path):
    path.unlink()


def no_file(path):
    path.unlink()
    os.mkfifo(path)


def folder(path):
    path.unlink()
    path.mkdir()


def longer(path):
    path.write_bytes(ROWS * 2)


def other(path):
    path.write_bytes(ROWS.replace(b"1", b"2"))


@pytest.mark.parametrize("change", [vanished, no_file, folder, longer, other])
@pytest.mark.parametrize("whole", [1000, 100])
def test_a_file_that_was_changed_is_not_uploaded(way, fake, file, change, whole):
    reviewed = source(file)
    change(file)
    fake.script |= {FILES: [(201, MADE)], **parts_script(fake)}
    with pytest.raises(FtctlError) as caught:
        upload(reviewed, "x.jsonl", in_parts(way, sizes=Sizes(whole=whole, part=100)))
    (problem,) = caught.value.problems
    assert (problem.code, problem.where) == ("FT3206", reviewed.where)
    assert "rows.jsonl has changed" in problem.what
    assert str(file) not in problem.what + problem.why
    assert nothing_whole(fake)


@pytest.mark.parametrize("whole", [1 << 20, 1])
def test_a_file_that_shrinks_while_it_is_sent_is_given_up(data, clock, fake, file, whole):
    file.write_bytes(ROWS * 1000)
    fake.script |= {FILES: [(201, MADE)], **parts_script(fake)}
    way = Way(data, clock, 0.5, lambda: None, lambda *_: os.truncate(file, 100_000), Sizes(whole, part=70_000))
    with pytest.raises(FtctlError) as caught:
        upload(source(file), "x.jsonl", way)
    assert caught.value.problems[0].code == "FT3206"
    assert nothing_whole(fake)


# --- in parts


def parts_script(fake) -> dict:
    """What a sound service answers; part ids count up."""
    return {
        UPLOADS: [(200, {"id": "up-1", "object": "upload", "status": "pending"})],
        PARTS: [(200, {"id": f"part-{number}"}) for number in range(1, 40)],
        COMPLETE: [(200, {"id": "up-1", "status": "completed", "file": MADE})],
        CANCEL: [(200, {"id": "up-1", "status": "cancelled"})],
    }


def test_a_large_file_goes_up_in_parts(way, fake, file):
    fake.script |= parts_script(fake)
    assert upload(source(file), "ftctl--s--train--0a.jsonl", in_parts(way)) == MADE
    begun, *sent, done = fake.seen
    assert json.loads(begun.body) == {
        "filename": "ftctl--s--train--0a.jsonl",
        "bytes": 270,
        "mime_type": "application/jsonl",
        "purpose": "fine-tune",
    }
    assert [content(seen) for seen in sent] == [ROWS[:100], ROWS[100:200], ROWS[200:]]
    md5 = hashlib.md5(ROWS, usedforsecurity=False).hexdigest()
    assert json.loads(done.body) == {"part_ids": ["part-1", "part-2", "part-3"], "md5": md5}


@pytest.mark.parametrize("lost", LOST)
def test_a_part_that_got_lost_is_sent_again_alone(way, fake, file, lost):
    fake.script |= parts_script(fake)
    fake.script[PARTS].insert(1, lost)
    upload(source(file), "x.jsonl", in_parts(way))
    sent = [content(seen) for seen in fake.seen if seen.path.endswith("/parts")]
    assert sent == [ROWS[:100], ROWS[100:200], ROWS[100:200], ROWS[200:]]
    assert json.loads(fake.seen[-1].body)["part_ids"] == ["part-1", "part-2", "part-3"]


def test_a_part_that_stays_lost_gives_the_upload_up(way, fake, file):
    fake.script |= parts_script(fake) | {PARTS: [(200, {"id": "part-1"}), "hang up"]}
    with pytest.raises(AzureError) as caught:
        upload(source(file), "x.jsonl", in_parts(way))
    assert caught.value.code == "FT2023"
    assert calls(fake) == ["POST uploads", *["POST uploads/up-1/parts"] * 6, "POST uploads/up-1/cancel"]


def test_a_refused_part_gives_the_upload_up_at_once(way, fake, file):
    fake.script |= parts_script(fake) | {PARTS: [(413, {"error": {"code": "fileTooLarge", "message": "No."}})]}
    with pytest.raises(AzureError):
        upload(source(file), "x.jsonl", in_parts(way))
    assert calls(fake) == ["POST uploads", "POST uploads/up-1/parts", "POST uploads/up-1/cancel"]


@pytest.mark.parametrize("whole", [1 << 20, 1])
def test_an_upload_has_its_time(data, clock, fake, file, monkeypatch, whole):
    """A third of it passes with every piece: it is over before the service forgets the upload."""
    file.write_bytes(ROWS * 2000)
    fake.script |= {FILES: [(201, MADE)], **parts_script(fake)}
    passed = [0.0]
    monkeypatch.setattr(uploads.time, "perf_counter", lambda: passed[-1])
    sizes = Sizes(whole, part=70_000)
    way = Way(data, clock, 0.5, lambda: None, lambda *_: passed.append(passed[-1] + LONGEST / 3 + 1), sizes)
    with pytest.raises(FtctlError) as caught:
        upload(source(file), "x.jsonl", way)
    assert (caught.value.problems[0].code, len(passed)) == ("FT2210", 4)
    assert whole > 1 or calls(fake)[-1] == "POST uploads/up-1/cancel"
    assert nothing_whole(fake)


@pytest.mark.parametrize("lost", LOST)
def test_a_completion_without_an_answer_is_looked_for(data, clock, fake, file, lost):
    fake.script |= parts_script(fake) | {COMPLETE: [lost]}
    way = Way(data, clock, 0.5, lambda: MADE, sizes=Sizes(whole=1, part=100))
    assert upload(source(file), "x.jsonl", way) == MADE
    assert calls(fake).count("POST uploads/up-1/complete") == 1
    assert "POST uploads/up-1/cancel" not in calls(fake)


def test_a_completion_that_had_worked_is_looked_for_once_more(data, clock, fake, file):
    """Nothing is seen of it at first; asked again the service says that it is done, and then the file is there."""
    looks = iter([None, None, None, MADE])
    done = (409, {"error": {"code": "unexpectedEntityState", "message": "The upload's status is 'completed'."}})
    fake.script |= parts_script(fake) | {COMPLETE: ["hang up", done]}
    way = Way(data, clock, 0.5, lambda: next(looks), sizes=Sizes(whole=1, part=100))
    assert upload(source(file), "x.jsonl", way) == MADE


def test_where_uploads_are_not_offered_it_goes_in_one_request(way, fake, file):
    fake.script |= {UPLOADS: [(404, {"error": {"code": "404", "message": "Resource not found"}})], FILES: [(201, MADE)]}
    assert upload(source(file), "x.jsonl", in_parts(way)) == MADE
    assert content(fake.seen[-1]) == ROWS


def test_a_completion_to_no_file_is_no_success(way, fake, file):
    fake.script |= parts_script(fake) | {COMPLETE: [(200, {"id": "up-1", "status": "completed"})]}
    with pytest.raises(AzureError) as caught:
        upload(source(file), "x.jsonl", in_parts(way))
    assert caught.value.code == "FT2024"


def test_a_conflict_at_first_is_no_lost_answer(way):
    error = AzureError.__new__(AzureError)
    calls = []

    def create():
        calls.append(1)
        raise error

    error.ambiguous, error.status = False, 409
    with pytest.raises(AzureError):
        certain(create, way)
    assert calls == [1]
